"""The `kpi` command. Exit codes: 0 done, 1 our own error in one line, 2 wrong usage, 3 done with records or a source missing."""

import os
import sys

import typer
from rich.console import Console

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

app = typer.Typer(
    name="kpi",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="KPIs of inside sales and field sales, from the CRM records to the board that both believe.",
)
app.add_typer(contract_app, name="contract")
explain_app.command("kpi")(explain_kpi_command)
app.add_typer(explain_app, name="explain")
app.add_typer(alerts_app, name="alerts")
for command in (init, demo, nightly, up, sandbox, status, plan, review, doctor):
    app.command()(command)

OUR_ERRORS = (PipelineError, ConnectorError, ContractError, ModelError)


def main() -> None:
    """Run the command line; an error of ours is one line, a traceback is a bug."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    try:
        app()
    except OUR_ERRORS as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {error}", markup=True, highlight=False)
        sys.exit(1)
