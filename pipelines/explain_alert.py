"""Why was an alert raised, and what became of it? Its nights, thresholds, causes, the last month beside it, its history."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import Agreement
from models.statistics.change_life import CALM
from models.tables import alert_actions, alert_events, alerts, causes, changes, divergence, period_changes, reps
from pipelines.alert_actions import as_handled
from pipelines.errors import UnknownAlertError
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

NIGHTS_SHOWN = 10
CAUSES_SHOWN = 5
Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class AlertExplanation:
    """Rows of the tables that made the alert, oldest or first ranked first; `reps` are people's names by id."""

    alert: Row
    nights: Sequence[Row]
    causes: Sequence[Row]
    series: Sequence[Row]
    period_change: Sequence[Row]
    history: Sequence[Row]
    reps: Mapping[str, str]


def read_alert(settings: Settings, agreement: Agreement, alert_id: str, day: date) -> AlertExplanation:
    """Read what made an alert, as it is handled on `day`. Raises UnknownAlertError when there is none of that id."""
    warehouse = Warehouse(settings.warehouse)
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        found = connection.execute(sa.select(alerts).where(alerts.c.alert_id == alert_id)).mappings().all()
        if not found:
            raise UnknownAlertError(f"no alert is called {alert_id!r}; `kpi alerts` lists those that are open")
        (alert,) = as_handled(connection, found, day)
        is_change = alert["kind"] == "change"
        return AlertExplanation(
            alert=alert,
            nights=() if is_change else _nights(connection, alert),
            causes=() if is_change else _ranked(connection, causes, alert),
            series=_series(connection, alert) if is_change else (),
            period_change=_ranked(connection, period_changes, alert, least=1),
            history=_history(connection, agreement, alert_id),
            reps={row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))},
        )


def as_plain(found: AlertExplanation) -> dict[str, Any]:
    """Give the rows for another program."""
    rows = asdict(found)
    del rows["reps"]
    return {name: dict(part) if name == "alert" else [dict(row) for row in part] for name, part in rows.items()}


def _nights(connection: sa.Connection, alert: Row) -> Sequence[Row]:
    newest = _evaluations(divergence, alert).order_by(divergence.c.evaluated_date.desc()).limit(NIGHTS_SHOWN)
    return connection.execute(newest).mappings().all()[::-1]


def _ranked(connection: sa.Connection, table: sa.Table, alert: Row, *, least: int = 0) -> Sequence[Row]:
    """Give the parts of a gap that are more than noise; with `least` so many in any case, for the figures of the whole."""
    rank, newest = table.c["rank"], table.c.evaluated_date == alert["evaluated_date"]
    rows = connection.execute(_evaluations(table, alert).where(newest).order_by(rank.nulls_last())).mappings().all()
    told = [row for row in rows if row["rank"] is not None][:CAUSES_SHOWN]
    return told or rows[:least]


def _series(connection: sa.Connection, alert: Row) -> Sequence[Row]:
    """Give every series of the scope that was loud on the alert's newest night."""
    same_scope = (changes.c.scope_kind == alert["scope_kind"]) & (changes.c.scope_id == alert["scope_id"])
    is_loud = (sa.func.abs(changes.c.score) >= CALM) & (changes.c.evaluated_date == alert["evaluated_date"])
    rows = sa.select(changes).where(same_scope, is_loud).order_by(changes.c.score, *changes.primary_key.columns)
    return connection.execute(rows).mappings().all()


def _history(connection: sa.Connection, agreement: Agreement, alert_id: str) -> Sequence[Row]:
    """Give what the nights did and what people did, the latter at once."""
    events = sa.select(alert_events).where(alert_events.c.alert_id == alert_id, alert_events.c.by.is_(None))
    actions = sa.select(alert_actions).where(alert_actions.c.alert_id == alert_id).order_by(alert_actions.c.acted_at)
    done = (_action_event(row, agreement) for row in connection.execute(actions).mappings())
    rows = [*connection.execute(events).mappings(), *done]
    return sorted(rows, key=lambda row: (row["event_date"], row["by"] is not None))


def _action_event(action: Row, agreement: Agreement) -> Row:
    return {
        "alert_id": action["alert_id"],
        "event_date": action["acted_at"].astimezone(agreement.team.tz).date(),
        "event": "snoozed" if action["action"] == "snooze" else "acknowledged",
        "by": action["by"],
        "detail": action["why"],
    }


def _evaluations(table: sa.Table, alert: Row) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    return sa.select(table).where(*(table.c[key] == alert[key] for key in keys))
