"""`kpi nightly` and `kpi demo`: the whole way, once."""

import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from definitions_contract.words import Lang
from pipelines.cli.options import locale_language
from pipelines.errors import SettingsError
from pipelines.settings import Settings
from pipelines.terminal import to_run, write_json

if TYPE_CHECKING:
    from pipelines.night_run import NightResult

WORDS: dict[str, dict[Lang, str]] = {
    "missing": {"ja": "不足", "en": "missing"},
    "error": {"ja": "エラー", "en": "error"},
    "unpublished": {
        "ja": "公開していません。前回の正常な公開データがそのまま残っています。詳細は Dagster の画面の実行 {run} にあります。",
        "en": "Nothing was published; the last good copy stands. Run {run} in the Dagster UI has the details.",
    },
    "published": {
        "ja": "数字は公開しましたが、そのあとの処理が失敗しました。詳細は Dagster の画面の実行 {run} にあります。",
        "en": "The numbers are published; what comes after them failed. Run {run} in the Dagster UI has the details.",
    },
}
SHORTFALL = 3  # exit code: done, but with records in quarantine or a source missing

AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last whole day that counts. Default: yesterday in the team's zone."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress: only what is missing or failed, and the result.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which night: `as_of` and `only` empty for yesterday and every connection."""

    as_of: str = ""
    full_refresh: bool = False
    only: str = ""


def nightly(
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option(help="Ask the CRMs for everything again, not only what changed.")
    ] = False,
    only: Annotated[str, typer.Option(metavar="CONNECTION", help="Ask this one connection only.")] = "",
    quiet: Quiet = False,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="Progress to read, or the result alone for programs.")
    ] = "text",
) -> None:
    """Run the nightly job: sync, agreement, KPIs, alerts, published copy. Running it twice changes nothing.

    Exit code 0: done. 1: failed; the last line says whether it was published. 3: done, with records in quarantine or a source missing.
    """
    settings = Settings.from_env(os.environ)
    _check_connection(settings, only)
    asked = Asked(as_of.date().isoformat() if as_of else "", full_refresh, only)
    if form == "json":
        result = run(Console(quiet=True), settings, asked)
        write_json(asdict(result) | {"exit_code": exit_code(result)})
        raise typer.Exit(exit_code(result))
    raise typer.Exit(run_and_report(Console(), settings, asked, is_quiet=quiet))


def demo(quiet: Quiet = False) -> None:
    """Run the nightly job on the built-in CRM sandbox and show the numbers."""
    from pipelines.sources import configured_connections
    from pipelines.summary import print_summary

    settings = Settings.from_env(os.environ)
    foreign = [connection.name for connection in configured_connections(settings) if not connection.is_sandbox]
    if foreign:
        raise SettingsError(
            f"the demo would mix demo data with that of {', '.join(foreign)}; run it with the CRM secrets unset and KPI_HOME elsewhere"
        )
    console = Console()
    code = run_and_report(console, settings, Asked(), is_quiet=quiet)
    if code != 1:
        print_summary(console, settings, locale_language(), is_quiet=quiet)
    # the demo company has bad records on purpose: they are reported above, and no fault of the demo
    raise typer.Exit(0 if code == SHORTFALL else code)


def run_and_report(console: Console, settings: Settings, asked: Asked, *, is_quiet: bool = False) -> int:
    """Run a night, with its progress on the console unless quiet, say what is missing or failed; give the exit code."""
    if is_quiet:  # a request that is sent again is progress, too
        logging.getLogger("connectors").setLevel(logging.ERROR)
    lang = locale_language()
    result = run(Console(quiet=True) if is_quiet else console, settings, asked)
    for colour, kind, lines in (("yellow", "missing", result.shortfalls), ("red", "error", result.failures)):
        for line in lines:
            word = f"[{colour}]{WORDS[kind][lang]}[/{colour}]"
            console.print(f"{word} {escape(to_run(line))}", highlight=False, soft_wrap=True)
    if not result.is_done:
        told = WORDS["published" if result.is_published else "unpublished"][lang]
        console.print(told.format(run=result.run_id), highlight=False, soft_wrap=True)
    return exit_code(result)


def run(console: Console, settings: Settings, asked: Asked) -> "NightResult":
    """Run a night with its progress on the console."""
    from pipelines.cli.progress import NightProgress
    from pipelines.night_run import run_night

    with NightProgress(console, locale_language()) as progress:
        loggers = {"console": progress.logger_definition()}
        return run_night(settings, **asdict(asked), loggers=loggers)


def exit_code(result: "NightResult") -> int:
    """0: done. 1: failed. 3: done, with something missing."""
    if not result.is_done:
        return 1
    return SHORTFALL if result.shortfalls else 0


def _check_connection(settings: Settings, only: str) -> None:
    from pipelines.sources import configured_connections

    names = [connection.name for connection in configured_connections(settings)]
    if only and only not in names:
        raise typer.BadParameter(
            f"no connection is called {only!r}; there are: {', '.join(names)}", param_hint="--only"
        )
