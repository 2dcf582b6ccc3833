"""The state of things on a terminal: phase, KPI against target, alerts with causes, tables, where to look."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from models.tables import alerts, causes, divergence, kpi_periods, sync_runs
from pipelines.errors import NothingPublishedError
from pipelines.publish import DATABASE_NAME, published_tables
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

STATE_STYLE = {"ahead": "green", "on_track": "green", "at_risk": "yellow", "off": "red", "untrusted": "magenta"}


def print_summary(console: Console, settings: Settings) -> None:
    """Print what the published copy says, and where it is. Raises NothingPublishedError before the first night."""
    database = settings.published / DATABASE_NAME
    if not database.exists():
        raise NothingPublishedError(f"there is no {database} yet; run `kpi nightly` (or `kpi demo`) first")
    agreement = load_agreement(settings.agreement_folder)
    with Warehouse(database, read_only=True).transaction() as connection:
        _print_phase(console, connection, agreement)
        _print_alerts(console, connection, agreement)
        _print_counts(console, connection)
    console.print(f"\nBoard:    {settings.published / 'board.html'}", highlight=False, soft_wrap=True)
    console.print(f"Database: {database}", highlight=False, soft_wrap=True)
    console.print("Dagster:  run `kpi up`, then open http://127.0.0.1:3000", highlight=False)


def _print_phase(console: Console, connection: sa.Connection, agreement: Agreement) -> None:
    phases = agreement.phases
    phase = next(phase for phase in phases.phases if phase.id == phases.current_phase)
    kpis = {kpi.id: kpi for kpi in agreement.kpis.kpis}
    current = kpis[phases.current_kpi]
    console.print(
        f"\n[bold]{phase.label.ja} / {phase.label.en}[/bold] since {phases.since}: {current.label.ja} / {current.label.en}"
    )
    table = Table(title=f"{phases.department}, this month", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("KPI", "actual", "expected", "target", "forecast 90 %", "chance", "state"):
        table.add_column(heading, justify="left" if heading in {"KPI", "state"} else "right", no_wrap=heading != "KPI")
    for row in _evaluations(connection, phases.department):
        kpi = kpis[row["kpi_id"]]
        is_share = kpi.unit == "fraction"
        style = STATE_STYLE.get(row["state"], "")
        table.add_row(
            f"{kpi.label.ja} {kpi.label.en}",
            *(_figure(row[key], is_share=is_share) for key in ("actual", "expected_to_date", "target")),
            f"{_figure(row['forecast_lower'], is_share=is_share)}–{_figure(row['forecast_upper'], is_share=is_share)}",
            "-" if row["p_reach"] is None else f"{row['p_reach']:.0%}",
            f"[{style}]{row['state']}[/{style}]" if style else row["state"],
        )
    console.print(table)


def _evaluations(connection: sa.Connection, department: str) -> list[Mapping[Any, Any]]:
    newest = sa.select(sa.func.max(divergence.c.evaluated_date)).scalar_subquery()
    rows = (
        sa.select(divergence)
        .where(
            divergence.c.evaluated_date == newest,
            divergence.c.scope_kind == "department",
            divergence.c.scope_id == department,
            divergence.c.period_kind == "month",
        )
        .order_by(divergence.c.kpi_id)
    )
    return list(connection.execute(rows).mappings())


def _print_alerts(console: Console, connection: sa.Connection, agreement: Agreement) -> None:
    labels = {kpi.id: kpi.label for kpi in agreement.kpis.kpis}
    open_alerts = (
        sa.select(alerts)
        .where(alerts.c.state.in_(["open", "acknowledged", "snoozed"]), alerts.c.silenced_by.is_(None))
        .order_by(alerts.c.opened_date, alerts.c.alert_id)
    )
    rows = connection.execute(open_alerts).mappings().all()
    console.print(f"\n[bold]Alerts: {len(rows)}[/bold]")
    for row in rows:
        label = labels[row["kpi_id"]]
        console.print(
            f"  {label.ja} / {label.en} · {row['scope_id']} · [bold]{row['divergence_state']}[/bold] · gap {row['gap']:+,.1f}"
            f" · since {row['opened_date']}",
            highlight=False,
        )
        for cause in connection.execute(_significant_causes(row)):
            share = f"{cause.split} {cause.part} ({cause.effect}) {cause.contribution:+,.1f} of {cause.gap:+,.1f}"
            console.print(f"    cause: {share}. {cause.evidence}", highlight=False)


def _significant_causes(alert: Mapping[Any, Any]) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id", "evaluated_date")
    return (
        sa.select(causes)
        .where(causes.c.is_significant, *(causes.c[key] == alert[key] for key in keys))
        .order_by(causes.c["rank"])
        .limit(2)
    )


def _print_counts(console: Console, connection: sa.Connection) -> None:
    tables = [
        (table.fullname, connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
        for table in published_tables()
    ]
    filled = [f"{name} {count:,}" for name, count in tables if count]
    day = connection.execute(sa.select(sa.func.max(kpi_periods.c.as_of))).scalar_one_or_none()
    synced = connection.execute(sa.select(sa.func.max(sync_runs.c.extracted_at))).scalar_one_or_none()
    console.print(
        f"\n[bold]Tables written: {len(filled)}[/bold], numbers up to {day}, sources read {synced:%Y-%m-%d %H:%M} UTC"
    )
    console.print("  " + " · ".join(filled), highlight=False, style="dim")


def _figure(value: float | None, *, is_share: bool) -> str:
    if value is None:
        return "-"
    if is_share:
        return f"{value:.1%}"
    return f"{value / 1e6:,.2f}M" if abs(value) >= 1e6 else f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"
