"""What people do to alerts: noted in ops.alert_actions, and seen wherever alerts are read from the warehouse at once.

The published copy and the board are made by the night; the next one has what was done.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from definitions_contract.errors import ContractError
from definitions_contract.loader import load_agreement
from models.tables import alert_actions, alerts
from pipelines.errors import UnknownAlertError
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse, insert_rows

OVER = ("resolved", "closed")
Row = Mapping[Any, Any]


def active_alerts(settings: Settings, day: date) -> list[Row]:
    """The alerts that are not over, the oldest first, as they are handled on `day`."""
    active = sa.select(alerts).where(alerts.c.state.not_in(OVER)).order_by(alerts.c.opened_date, alerts.c.alert_id)
    warehouse = Warehouse(settings.warehouse)
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        rows = connection.execute(active).mappings().all()
        return as_handled(connection, rows, day)


def as_handled(connection: sa.Connection, rows: Sequence[Row], day: date) -> list[Row]:
    """Give rows of kpi.alerts with what people did since the night, and without a snooze that is over on `day`."""
    done: dict[str, dict[str, Row]] = {}
    for action in connection.execute(sa.select(alert_actions).order_by(alert_actions.c.acted_at)).mappings():
        done.setdefault(str(action["alert_id"]), {})[str(action["action"])] = action
    return [row if row["state"] in OVER else _handled(row, done.get(str(row["alert_id"]), {}), day) for row in rows]


def is_snoozed(row: Row, day: date) -> bool:
    """Tell whether an alert is not to be sent on `day`."""
    return row["snoozed_until_date"] is not None and day < row["snoozed_until_date"]


def _handled(row: Row, done: Mapping[str, Row], day: date) -> Row:
    found = dict(row)
    if (taken := done.get("acknowledge")) is not None:
        found |= {"acknowledged_by": taken["by"], "acknowledged_why": taken["why"]}
    if (snoozed := done.get("snooze")) is not None:
        found["snoozed_until_date"] = snoozed["until_date"]
    handled = "acknowledged" if found["acknowledged_by"] is not None else "open"
    return found | {"state": "snoozed" if is_snoozed(found, day) else handled}


def today(settings: Settings, now: datetime) -> date:
    """Give the day in the team's zone; without a readable agreement in UTC."""
    try:
        return now.astimezone(load_agreement(settings.agreement_folder).team.tz).date()
    except ContractError:
        return now.date()


def act(
    settings: Settings,
    alert_id: str,
    *,
    action: Literal["acknowledge", "snooze"],
    by: str,
    why: str,
    now: datetime,
    until: date | None = None,
) -> None:
    """Note an action on an alert. Raises UnknownAlertError when there is no such alert that is not over."""
    known = [str(row["alert_id"]) for row in active_alerts(settings, today(settings, now))]
    if alert_id not in known:
        raise UnknownAlertError(f"no open alert is called {alert_id!r}; open are: {', '.join(known) or 'none'}")
    row = {"alert_id": alert_id, "acted_at": now, "action": action, "by": by, "why": why, "until_date": until}
    with Warehouse(settings.warehouse).transaction() as connection:
        insert_rows(connection, alert_actions, [row])
