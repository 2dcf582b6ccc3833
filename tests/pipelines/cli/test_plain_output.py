"""What other programs read: no colour in a pipe, one line an error, words that a shell completes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app, main
from pipelines.settings import PROJECT
from tests.night.homes import FOREIGN, KPI

COMMANDS = [
    pytest.param(("contract", "check"), 0, id="a table"),
    pytest.param(("explain", "kpi", "calls_made", "2026-11"), 1, id="an error"),
    pytest.param(("nope",), 2, id="wrong usage"),
]


def run(*arguments: str, more: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return subprocess.run(
        [*KPI, *arguments], env=kept | dict(more), cwd=PROJECT, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize(("arguments", "code"), COMMANDS)
def test_nothing_is_coloured_in_a_pipe(arguments: tuple[str, ...], code: int, tmp_path: object) -> None:
    done = run(*arguments, more={"KPI_HOME": str(tmp_path)})

    assert done.returncode == code, done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_shell_completes_the_commands() -> None:
    words = {"_KPI_COMPLETE": "complete_bash", "COMP_WORDS": "kpi contract s", "COMP_CWORD": "2"}

    done = CliRunner().invoke(app, [], prog_name="kpi", env=words)

    assert done.output.split() == ["show", "sign"]


def test_a_message_names_a_command_as_this_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/kpi", "status"])
    monkeypatch.setenv("KPI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))

    told = []
    for _ in range(2):
        with pytest.raises(SystemExit):
            main()
        told.append(capsys.readouterr().err)
        (tmp_path / "kpi").touch(mode=0o755)

    assert [one.count("`.venv/bin/kpi nightly`") for one in told] == [1, 0]
    assert [one.count("`kpi nightly`") for one in told] == [0, 1]
