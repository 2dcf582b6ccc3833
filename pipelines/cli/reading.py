"""What people ask on a terminal: how it stands, why a meeting counted or not, which alerts are open, is all in order."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.console import Console

from pipelines.cli.options import FormatOption, LangOption
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat, write_json, write_rows

PageOption = Annotated[Literal["text", "md", "html", "json"], typer.Option("--format", help="How it is written.")]
explain_app = typer.Typer(no_args_is_help=True, help="Why a number or a verdict is what it is.")


def doctor(lang: LangOption, form: FormatOption = OutputFormat.TABLE) -> None:
    """Check logins, mapped fields, the agreement and the last sync; each finding says what to do. Exit code 1 when one fails."""
    from pipelines.doctor import examine
    from pipelines.doctor_page import as_rows, print_findings

    findings = examine(Settings.from_env(os.environ), now=datetime.now(UTC))
    if form is OutputFormat.TABLE:
        print_findings(Console(), findings, lang)
    else:
        write_rows(as_rows(findings), form)
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)


@explain_app.command("meeting")
def explain_meeting(
    meeting: Annotated[str, typer.Argument(metavar="ID", help="Meeting id, CRM id of any copy, or CRM link.")],
    lang: LangOption,
    form: PageOption = "text",
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
        typer.echo(write_page(explanation_page(found, agreement, lang), form, lang), nl=False)


@explain_app.command("alert")
def explain_alert(
    alert: Annotated[str, typer.Argument(metavar="ID", help="Alert id, as `kpi alerts` shows it.")],
    lang: LangOption,
    form: PageOption = "text",
) -> None:
    """Show why an alert was raised: its nights, evidence and threshold, causes, proposal and history."""
    from definitions_contract.loader import load_agreement
    from pipelines.alert_actions import today
    from pipelines.alert_page import alert_page
    from pipelines.explain_alert import as_plain, read_alert
    from pipelines.pages import write_page

    settings = Settings.from_env(os.environ)
    agreement = load_agreement(settings.agreement_folder)
    found = read_alert(settings, agreement, alert, today(settings, datetime.now(UTC)))
    if form == "json":
        write_json(as_plain(found))
    else:
        typer.echo(write_page(alert_page(found, agreement, lang), form, lang), nl=False)
