"""The `kpi` command. docs/errors.md has its exit codes and every error that a user can meet."""

import logging
import os
import sys

import typer
from rich.console import Console
from rich.markup import escape

from connectors.errors import ConnectorError
from definitions_contract.errors import ContractError
from models.errors import ModelError
from pipelines.cli.alerts import alerts_app
from pipelines.cli.answers import explain_kpi_command, status
from pipelines.cli.contract import app as contract_app
from pipelines.cli.init import init
from pipelines.cli.night import demo, nightly
from pipelines.cli.plan import plan
from pipelines.cli.reading import doctor, explain_app
from pipelines.cli.review import review
from pipelines.cli.services import sandbox, up
from pipelines.errors import PipelineError
from pipelines.terminal import to_run

app = typer.Typer(
    name="kpi",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="KPIs of inside sales and field sales, from the CRM records to the board that both believe.",
    epilog="Exit codes: 0 done · 1 error · 2 wrong usage · 3 done, something missing · 130 interrupted. "
    "What each error means and what to do: docs/errors.md",
)
app.add_typer(contract_app, name="contract")
explain_app.command("kpi")(explain_kpi_command)
app.add_typer(explain_app, name="explain")
app.add_typer(alerts_app, name="alerts")
for command in (init, demo, nightly, up, sandbox, status, plan, review, doctor):
    app.command()(command)

OUR_ERRORS = (PipelineError, ConnectorError, ContractError, ModelError)


FAILED, INTERRUPTED = 1, 130  # 128 + SIGINT, as shells have it


def main() -> None:
    """Run the command line; an error of ours is one line with its name in docs/errors.md, a traceback is a bug."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_is_no_interrupt)
    try:
        app()
    except OUR_ERRORS as error:
        _console().print(f"[red]error[/red] {escape(to_run(str(error)))} ({type(error).__name__})", highlight=False)
        sys.exit(FAILED)
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            _console().print("interrupted: what was finished stands, nothing is half-written; run it again to go on")
        raise


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Leave out that Ctrl-C came while a library was closing something: it is raised again, and told once at the end."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or issubclass(kind, Exception)


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True)
