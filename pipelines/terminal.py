"""How do answers reach a terminal? Tables of at most its width, JSON or CSV, in one language."""

import csv
import io
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from shutil import which
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from definitions_contract.words import Lang


class OutputFormat(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def language_of(environ: Mapping[str, str]) -> Lang:
    """Give the language that the locale asks for: Japanese, or English for any other.

    >>> language_of({"LC_ALL": "", "LANG": "ja_JP.UTF-8"})
    'ja'
    """
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ja" if locale.lower().startswith("ja") else "en"


def a_table(*headings: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Make a table that wraps words rather than run over the edge; figures stand at the right and are never cut."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        is_figure = heading in right
        table.add_column(heading, justify="right" if is_figure else "left", no_wrap=is_figure, overflow="fold")
    return table


def write_rows(rows: Iterable[Mapping[str, Any]], form: OutputFormat) -> None:
    """Write rows for another program: one JSON array, or CSV with a heading."""
    if form is OutputFormat.JSON:
        write_json([dict(row) for row in rows])
    else:
        sys.stdout.write(csv_text(rows))


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Give rows as CSV with a heading; without rows there is no heading either."""
    listed, text = [dict(row) for row in rows], io.StringIO()
    if listed:
        writer = csv.DictWriter(text, fieldnames=list(listed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    return text.getvalue()


def write_json(answer: Any) -> None:
    """Write one JSON document; days are ISO 8601, decimals exact."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def say(console: Console, text: str) -> None:
    """Print a line as it is: no colouring of figures, no cutting of links."""
    console.print(to_run(text), highlight=False, soft_wrap=True)


def to_run(text: str) -> str:
    """Write the commands that a message names (`kpi nightly`) as this shell finds them."""
    return text.replace("`kpi ", f"`{as_called()} ")


def to_copy() -> str:
    """The command for who reads a page or a message elsewhere: `kpi` where a shell finds it, else from the project's folder."""
    return "kpi" if which("kpi") else ".venv/bin/kpi"


def as_called() -> str:
    """The command as this shell finds it: `kpi` on the path, else the way it was called, such as .venv/bin/kpi."""
    called = sys.argv[0]
    return "kpi" if which("kpi") or Path(called).name != "kpi" else shlex.quote(called)
