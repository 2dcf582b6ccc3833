"""What people ask on a terminal: how it stands, why a meeting counted or not, which alerts are open, is all in order."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from definitions_contract.words import Lang
from pipelines.settings import Settings

explain_app = typer.Typer(no_args_is_help=True, help="Why a number or a verdict is what it is.")
alerts_app = typer.Typer(help="Alerts: list, acknowledge, snooze.", invoke_without_command=True)

AlertId = Annotated[str, typer.Argument(help="Id of the alert, as `kpi alerts` shows it.")]
By = Annotated[str, typer.Option(help="Who you are.")]


def doctor() -> None:
    """Check logins, mapped fields, the agreement and the last sync; each finding says what to do. Exit code 1 when one fails."""
    from pipelines.doctor import examine

    console = Console()
    findings = examine(Settings.from_env(os.environ), now=datetime.now(UTC))
    for finding in findings:
        mark = "[green]ok[/green]  " if finding.is_ok else "[red]bad[/red] "
        console.print(
            f"{mark} {finding.connection} · {finding.subject}: {finding.detail}", highlight=False, soft_wrap=True
        )
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)


@explain_app.command("meeting")
def explain_meeting(
    meeting: Annotated[str, typer.Argument(metavar="ID", help="Meeting id, CRM id of any copy, or CRM link.")],
    lang: Annotated[Lang, typer.Option("--lang", help="Language of what is shown.")] = "en",
    form: Annotated[
        Literal["text", "md", "html", "json"], typer.Option("--format", help="How it is written.")
    ] = "text",
) -> None:
    """Show what each rule saw, by which signed version, what happened when, and what would make it valid by when."""
    from definitions_contract.loader import load_agreement
    from pipelines.cli.contract_change import reading
    from pipelines.explain import as_plain, read_meeting
    from pipelines.explain_page import explanation_page
    from pipelines.pages import write_page

    agreement = load_agreement(Settings.from_env(os.environ).agreement_folder)
    with reading() as connection:
        found = read_meeting(connection, agreement, meeting, lang)
    if form == "json":
        typer.echo(json.dumps(as_plain(found), ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(write_page(explanation_page(found, lang), form, lang), nl=False)


@alerts_app.callback()
def list_alerts(context: typer.Context) -> None:
    """List the alerts that are not over."""
    from pipelines.alert_actions import active_alerts

    if context.invoked_subcommand is not None:
        return
    table = Table("id", "state", "KPI", "whose", "gap", "chance", "since", "cause")
    for row in active_alerts(Settings.from_env(os.environ)):
        chance = "-" if row["p_reach"] is None else f"{row['p_reach']:.0%}"
        gap = "-" if row["gap"] is None else f"{row['gap']:+,.1f}"
        cells = (row["state"], row["kpi_id"], row["scope_id"], gap, chance, row["opened_date"], row["cause"] or "-")
        table.add_row(row["alert_id"], *(str(cell) for cell in cells))
    Console().print(table)


@alerts_app.command("ack")
def acknowledge(
    alert: AlertId, by: By, why: Annotated[str, typer.Option(help="What you know or do about it.")]
) -> None:
    """Take an alert on: it stays open, and is not sent again unless it worsens."""
    from pipelines.alert_actions import act

    act(Settings.from_env(os.environ), alert, action="acknowledge", by=by, why=why, now=datetime.now(UTC))


@alerts_app.command("snooze")
def snooze(
    alert: AlertId,
    by: By,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it may be sent again.")],
    why: Annotated[str, typer.Option(help="Why it can wait.")] = "",
) -> None:
    """Silence an alert until a day."""
    from pipelines.alert_actions import act

    act(
        Settings.from_env(os.environ),
        alert,
        action="snooze",
        by=by,
        why=why,
        until=until.date(),
        now=datetime.now(UTC),
    )
