"""Why was an alert raised, and what became of it? Its nights with figures and thresholds, causes, proposal and history."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from models.kpi.lever_words import lever_words
from models.statistics.change_life import CALM, THRESHOLDS
from models.tables import alert_events, alerts, causes, changes, divergence, period_changes, reps
from pipelines.alert_kinds import FIRST_STEPS, guide_to, kind_of
from pipelines.errors import UnknownAlertError
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

NIGHTS_SHOWN = 10
CAUSES_SHOWN = 5
Row = Mapping[Any, Any]


def print_alert(console: Console, settings: Settings, alert_id: str) -> None:
    """Print everything that made the alert. Raises UnknownAlertError when there is none of that id."""
    warehouse = Warehouse(settings.warehouse)
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        alert = connection.execute(sa.select(alerts).where(alerts.c.alert_id == alert_id)).mappings().first()
        if alert is None:
            raise UnknownAlertError(f"no alert is called {alert_id!r}; `kpi alerts` lists those that are open")
        _print_head(console, alert, _cause_words(connection, alert))
        if alert["kind"] == "change":
            _print_change(console, connection, alert)
        else:
            _print_nights(console, connection, alert)
            _print_causes(console, connection, alert)
        _print_period_change(console, connection, alert)
        _print_history(console, connection, alert_id)


def _cause_words(connection: sa.Connection, alert: Row) -> tuple[str, str]:
    if not alert["cause"]:
        return "", ""
    names = {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))}
    return lever_words(alert["cause"], {}, names)


def _print_head(console: Console, alert: Row, words: tuple[str, str]) -> None:
    console.print(f"[bold]{alert['alert_id']}[/bold]", highlight=False)
    console.print(
        f"  {alert['kpi_id']} · {alert['scope_kind']} {alert['scope_id']} · {alert['state']}, {alert['divergence_state']}"
    )
    if alert["silenced_by"]:
        console.print(f"  told by {alert['silenced_by']}", highlight=False)
    cause = (
        f"{' / '.join(reversed(words))} [{alert['cause']}]"
        if alert["cause"]
        else "no significant cause / 有意な原因なし"
    )
    console.print(f"  cause: {cause}. {alert['evidence'] or ''}", highlight=False, markup=False)
    if alert["proposal"]:
        console.print(f"  proposal: {alert['proposal_en']} / {alert['proposal_ja']}", highlight=False)
    kind = kind_of(alert)
    console.print(f"  what to do: {FIRST_STEPS[kind].en} / {FIRST_STEPS[kind].ja}", highlight=False)
    console.print(f"  guide: {guide_to(kind)}", highlight=False, soft_wrap=True)


def _print_nights(console: Console, connection: sa.Connection, alert: Row) -> None:
    table = Table("night", "actual", "due", "forecast", "chance", "raw", "state", "evidence", "version")
    rows = connection.execute(
        _evaluations(divergence, alert).order_by(divergence.c.evaluated_date.desc()).limit(NIGHTS_SHOWN)
    )
    for row in reversed(rows.mappings().all()):
        numbers = [_number(row[name]) for name in ("actual", "expected_to_date", "forecast")]
        chance = "-" if row["p_reach"] is None else f"{row['p_reach']:.1%}"
        states = (row["raw_state"], row["state"], _number(row["evidence_score"], signed=True))
        table.add_row(str(row["evaluated_date"]), *numbers, chance, *states, row["definition_version"] or "-")
    console.print(table)
    bar = THRESHOLDS["target", "team"]
    console.print(
        f"  opens at {bar:.1f} standard errors, or when an open change explains it; states change after two nights"
    )


def _print_causes(console: Console, connection: sa.Connection, alert: Row) -> None:
    newest = causes.c.evaluated_date == alert["evaluated_date"]
    rows = connection.execute(
        _evaluations(causes, alert).where(newest, causes.c["rank"] <= CAUSES_SHOWN).order_by(causes.c["rank"])
    )
    for row in rows.mappings():
        _print_part(console, row)


def _print_period_change(console: Console, connection: sa.Connection, alert: Row) -> None:
    """Print how the month stands beside the same share of the last one, and the parts of that which are more than noise."""
    newest = period_changes.c.evaluated_date == alert["evaluated_date"]
    rows = connection.execute(_evaluations(period_changes, alert).where(newest)).mappings().all()
    if not rows:
        return
    previous, gap = rows[0]["previous"], rows[0]["gap"]
    console.print(
        f"  against the same share of the last month: {_number(previous)} then, {_number(previous + gap)} now,"
        f" {_number(gap, signed=True)}",
        highlight=False,
    )
    ranked = sorted((row for row in rows if row["rank"] is not None), key=lambda row: row["rank"])
    for row in ranked[:CAUSES_SHOWN]:
        _print_part(console, row)
    if not ranked:
        console.print("  no part of it is more than noise", highlight=False)


def _print_part(console: Console, row: Row) -> None:
    figures = f"{_number(row['contribution'], signed=True)} of {_number(row['gap'], signed=True)}"
    between = f"{_number(row['lower'])} to {_number(row['upper'])}"
    share = f"{row['split']} {row['part']} ({row['effect']}) {figures}"
    console.print(f"  {row['rank']}. {share}, {between}. {row['evidence'] or ''}", highlight=False)


def _print_change(console: Console, connection: sa.Connection, alert: Row) -> None:
    table = Table("night", "series", "score", "threshold", "window", "observed", "by the own past")
    loud = sa.func.abs(changes.c.score) >= CALM
    rows = connection.execute(
        sa.select(changes)
        .where(changes.c.scope_kind == alert["scope_kind"], changes.c.scope_id == alert["scope_id"], loud)
        .where(changes.c.evaluated_date == alert["evaluated_date"])
        .order_by(changes.c.score)
    )
    for row in rows.mappings():
        bar = THRESHOLDS.get((row["kind"], row["split"]))
        series = f"{row['kpi_id']} {row['split']} {row['part']}"
        numbers = (_number(row["observed"]), _number(row["expected"]))
        window = f"{row['window_business_days']} days"
        table.add_row(str(row["evaluated_date"]), series, f"{row['score']:+.1f}", _number(bar), window, *numbers)
    console.print(table)


def _print_history(console: Console, connection: sa.Connection, alert_id: str) -> None:
    rows = connection.execute(
        sa.select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.event_date)
    )
    for row in rows.mappings():
        who = f" by {row['by']}" if row["by"] else ""
        console.print(f"  {row['event_date']} {row['event']}{who} {row['detail'] or ''}", highlight=False)


def _evaluations(table: sa.Table, alert: Row) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    return sa.select(table).where(*(table.c[key] == alert[key] for key in keys))


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    text = f"{value:,.3g}" if abs(value) < 10 else f"{value:,.0f}"
    return f"+{text}" if signed and value > 0 else text
