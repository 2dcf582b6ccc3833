"""`kpi` in a process of its own, forked off one that has done the imports: a second of work less for each command."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pipelines.settings import PROJECT

# what the commands import, late ones too
PRELOADED = (
    *("pipelines.cli", "pipelines.night_run", "pipelines.summary", "pipelines.doctor", "pipelines.planning"),
    *("pipelines.review", "pipelines.explain", "pipelines.explain_kpi", "pipelines.explain_alert", "pipelines.impact"),
    *("great_expectations", "pandas", "altair", "vl_convert", "apprise", "scipy.stats", "duckdb_sqlalchemy", "hubspot"),
    *("holidays", "pyarrow.parquet", "rich.table", "rich.progress", "ruamel.yaml"),
)
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(list(PRELOADED))


def run_kpi(
    *arguments: str, environ: Mapping[str, str], cwd: Path = PROJECT, seconds: float = 280
) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a user does, without standard input."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = FORKS.Process(target=_be_kpi, args=(arguments, dict(environ), cwd, out, err))
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(arguments, seconds, out.read_text("utf-8"), err.read_text("utf-8"))
        assert process.exitcode is not None
        told = (file.read_text(encoding="utf-8") for file in (out, err))
        return subprocess.CompletedProcess(arguments, process.exitcode, *told)


def _be_kpi(arguments: tuple[str, ...], environ: dict[str, str], cwd: Path, out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.argv = ["kpi", *arguments]
    from pipelines.cli import main

    main()
