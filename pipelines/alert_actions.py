"""What people do to alerts: noted in ops.alert_actions at once; the next night's alerts follow from it."""

from collections.abc import Mapping
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


def active_alerts(settings: Settings) -> list[Mapping[Any, Any]]:
    """The alerts that are not over, the oldest first."""
    active = sa.select(alerts).where(alerts.c.state.not_in(OVER)).order_by(alerts.c.opened_date, alerts.c.alert_id)
    warehouse = Warehouse(settings.warehouse)
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        return list(connection.execute(active).mappings())


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
    known = [str(row["alert_id"]) for row in active_alerts(settings)]
    if alert_id not in known:
        raise UnknownAlertError(f"no open alert is called {alert_id!r}; open are: {', '.join(known) or 'none'}")
    row = {"alert_id": alert_id, "acted_at": now, "action": action, "by": by, "why": why, "until_date": until}
    with Warehouse(settings.warehouse).transaction() as connection:
        insert_rows(connection, alert_actions, [row])
