"""`kpi nightly` and `kpi demo`: the whole way, once."""

import os
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from pipelines.errors import SettingsError
from pipelines.settings import Settings

SHORTFALL = 3  # exit code: done, but with records in quarantine or a source missing

AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Last whole day that counts. Default: yesterday in the team's zone."),
]


def nightly(
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option(help="Ask the CRMs for everything again, not only what changed.")
    ] = False,
    only: Annotated[str, typer.Option(metavar="CONNECTION", help="Ask this one connection only.")] = "",
) -> None:
    """Run the nightly job: sync, agreement, KPIs, alerts, published copy. Running it twice changes nothing.

    Exit code 0: done. 1: failed, nothing was published. 3: done, with records in quarantine or a source missing.
    """
    settings = Settings.from_env(os.environ)
    _check_connection(settings, only)
    code = run_and_report(
        Console(), settings, as_of.date().isoformat() if as_of else "", full_refresh=full_refresh, only=only
    )
    raise typer.Exit(code)


def demo() -> None:
    """Run the nightly job on the built-in CRM sandbox and show the numbers."""
    from pipelines.sources import configured_connections
    from pipelines.summary import print_summary
    from pipelines.terminal import language_of

    settings = Settings.from_env(os.environ)
    foreign = [connection.name for connection in configured_connections(settings) if not connection.is_sandbox]
    if foreign:
        raise SettingsError(
            f"the demo would mix demo data with that of {', '.join(foreign)}; run it with the CRM secrets unset and KPI_HOME elsewhere"
        )
    console = Console()
    code = run_and_report(console, settings, "", full_refresh=False, only="")
    if code != 1:
        print_summary(console, settings, language_of(os.environ))
    # the demo company has bad records on purpose: they are reported above, and no fault of the demo
    raise typer.Exit(0 if code == SHORTFALL else code)


def run_and_report(console: Console, settings: Settings, as_of: str, *, full_refresh: bool, only: str) -> int:
    """Run a night with its progress on the console; give the exit code."""
    from pipelines.cli.progress import NightProgress
    from pipelines.night_run import run_night

    with NightProgress(console) as progress:
        loggers = {"console": progress.logger_definition()}
        result = run_night(settings, as_of=as_of, full_refresh=full_refresh, only=only, loggers=loggers)
    for shortfall in result.shortfalls:
        console.print(f"[yellow]missing[/yellow] {shortfall}", highlight=False)
    for failure in result.failures:
        console.print(f"[red]error[/red] {failure}", highlight=False, soft_wrap=True)
    if not result.is_done:
        console.print(
            f"Nothing was published; the last good copy stands. Run {result.run_id} in the Dagster UI has the details."
        )
        return 1
    return SHORTFALL if result.shortfalls else 0


def _check_connection(settings: Settings, only: str) -> None:
    from pipelines.sources import configured_connections

    names = [connection.name for connection in configured_connections(settings)]
    if only and only not in names:
        raise typer.BadParameter(
            f"no connection is called {only!r}; there are: {', '.join(names)}", param_hint="--only"
        )
