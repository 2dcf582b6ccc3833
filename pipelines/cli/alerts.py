"""Alerts on a terminal: list, acknowledge, snooze."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.options import FormatOption, LangOption, locale_language
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat, to_run, write_rows

alerts_app = typer.Typer(help="Alerts: list, acknowledge, snooze.", invoke_without_command=True)

AlertId = Annotated[str, typer.Argument(help="Id of the alert, as `kpi alerts` shows it.")]
By = Annotated[str, typer.Option(help="Who you are.")]


NOTED = {
    "ja": "記録しました。`kpi alerts` にはすぐに、ボードには次の夜間処理のあとに表れます。",
    "en": "Noted. `kpi alerts` shows it at once, the board after the next night.",
}


@alerts_app.callback()
def list_alerts(
    context: typer.Context,
    lang: LangOption,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """List the alerts that are not over."""
    from pipelines.alert_actions import active_alerts, today
    from pipelines.alert_list import print_alerts

    if context.invoked_subcommand is not None:
        return
    settings = Settings.from_env(os.environ)
    rows = active_alerts(settings, today(settings, datetime.now(UTC)))
    if form is not OutputFormat.TABLE:
        write_rows(rows, form)
        return
    print_alerts(Console(), settings, rows, lang)


@alerts_app.command("ack")
def acknowledge(
    alert: AlertId, by: By, why: Annotated[str, typer.Option(help="What you know or do about it.")]
) -> None:
    """Take an alert on: it stays open, and is not sent again unless it worsens."""
    from pipelines.alert_actions import act

    act(Settings.from_env(os.environ), alert, action="acknowledge", by=by, why=why, now=datetime.now(UTC))
    typer.echo(to_run(NOTED[locale_language()]))


@alerts_app.command("snooze")
def snooze(
    alert: AlertId,
    by: By,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it may be sent again.")],
    why: Annotated[str, typer.Option(help="Why it can wait.")] = "",
) -> None:
    """Silence an alert until a day."""
    from pipelines.alert_actions import act, today

    settings, now = Settings.from_env(os.environ), datetime.now(UTC)
    if until.date() <= today(settings, now):
        over = f"{until:%Y-%m-%d} is not after today, {today(settings, now)}; give the first day on which it may be sent again"
        raise typer.BadParameter(over, param_hint="--until")
    act(
        settings,
        alert,
        action="snooze",
        by=by,
        why=why,
        until=until.date(),
        now=now,
    )
    typer.echo(to_run(NOTED[locale_language()]))
