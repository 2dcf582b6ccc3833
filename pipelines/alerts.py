"""Sending what is due: one message per alert and event to every channel, once, remembered in ops.notifications.

The job's last step calls `deliver`; a sensor calls it again while a channel is down. What was noted as sent is never sent again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from definitions_contract.schema import Agreement, Kpi
from models.tables import alerts, causes, divergence, notifications
from pipelines.warehouse import Warehouse

STATES = {
    "ahead": ("目標を上回る見込み", "ahead of target"),
    "on_track": ("順調", "on track"),
    "at_risk": ("未達の恐れ", "at risk"),
    "off": ("未達の見込み", "off target"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one event of one alert, ready for any channel; plain text, no names of leads."""

    alert_id: str
    event: str
    event_date: date
    title: str
    body: str


def deliver(
    warehouse: Warehouse, agreement: Agreement, *, channels: Sequence[SecretStr], as_of: date, now: datetime
) -> int:
    """Send every message of the night `as_of` that a channel has not had yet; return how many went out.

    A channel that is down is noted as failed and tried again by the next call; it never raises.
    """
    with warehouse.transaction() as connection:
        messages = due_messages(connection, agreement, as_of)
        done = _already_sent(connection, as_of)
    sent = 0
    for message in messages:
        for channel in channels:
            address = _digest(channel)
            if (message.alert_id, message.event, address) in done:
                continue
            is_sent = _send(channel, message)
            sent += is_sent
            with warehouse.transaction() as connection:
                _note(connection, message, address, is_sent=is_sent, now=now)
    return sent


def send_failure(channels: Sequence[SecretStr], *, run_id: str, reason: str) -> None:
    """Tell every channel that a night failed; the board keeps the last good one."""
    what = (
        "夜間処理が失敗しました。ボードは前回の内容のままです。 / The night failed; the board keeps the last good one."
    )
    body = f"{what}\n{reason}\n{run_id}"
    message = Message(
        alert_id=run_id, event="failed", event_date=date.min, title="KPI: 夜間処理の失敗 / night failed", body=body
    )
    for channel in channels:
        _send(channel, message)


def due_messages(connection: sa.Connection, agreement: Agreement, as_of: date) -> list[Message]:
    """Build the messages of alerts that opened, worsened or resolved on the night `as_of` and are not silenced."""
    due = sa.select(alerts).where(alerts.c.notified_date == as_of).order_by(alerts.c.alert_id)
    rows = connection.execute(due).mappings().all()
    return [_message(connection, agreement, row, as_of) for row in rows]


def _message(connection: sa.Connection, agreement: Agreement, alert: Mapping[Any, Any], as_of: date) -> Message:
    kpi = next(kpi for kpi in agreement.kpis.kpis if kpi.id == alert["kpi_id"])
    state: Mapping[Any, Any] = connection.execute(_same_evaluation(divergence, alert, as_of)).mappings().first() or {}
    cause = connection.execute(_first_cause(alert, as_of)).mappings().first()
    event = _event(alert, as_of)
    ja, en = STATES.get(str(alert["divergence_state"]), ("", str(alert["divergence_state"])))
    scope = _scope_label(agreement, str(alert["scope_kind"]), str(alert["scope_id"]))
    title = f"{kpi.label.ja}: {ja} ({scope[0]}) / {kpi.label.en}: {en} ({scope[1]})"
    lines = [
        _figures(kpi, state),
        f"原因 / Cause: {cause['part']} ({cause['split']}, {cause['effect']}). {cause['evidence']}"
        if cause
        else "有意な原因なし / No significant cause",
        f"{event} {as_of.isoformat()} · {alert['alert_id']}",
    ]
    return Message(
        alert_id=str(alert["alert_id"]),
        event=event,
        event_date=as_of,
        title=title,
        body="\n".join(lines),
    )


def _event(alert: Mapping[Any, Any], as_of: date) -> str:
    if alert["resolved_date"] == as_of:
        return "resolved"
    return "opened" if alert["opened_date"] == as_of else "worsened"


def _figures(kpi: Kpi, state: Mapping[Any, Any]) -> str:
    if not state:
        return ""
    values = [_number(kpi, state[key]) for key in ("actual", "expected_to_date", "target")]
    forecast = f"{_number(kpi, state['forecast_lower'])}-{_number(kpi, state['forecast_upper'])}"
    reach = "-" if state["p_reach"] is None else f"{state['p_reach']:.0%}"
    return (
        f"実績 {values[0]} / 期待 {values[1]} / 目標 {values[2]}、着地 {forecast}、達成確率 {reach}\n"
        f"actual {values[0]} / expected {values[1]} / target {values[2]}, forecast {forecast}, chance to reach {reach}"
    )


def _number(kpi: Kpi, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if kpi.unit == "fraction" else f"{value:,.0f}"


def _scope_label(agreement: Agreement, kind: str, scope_id: str) -> tuple[str, str]:
    known = {d.id: d.label for d in agreement.team.departments} | {t.id: t.label for t in agreement.team.teams}
    label = known.get(scope_id) if kind != "rep" else None
    return (label.ja, label.en) if label else (scope_id, scope_id)


def _same_evaluation(table: sa.Table, alert: Mapping[Any, Any], as_of: date) -> sa.Select[Any]:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    return sa.select(table).where(table.c.evaluated_date == as_of, *(table.c[key] == alert[key] for key in keys))


def _first_cause(alert: Mapping[Any, Any], as_of: date) -> sa.Select[Any]:
    return _same_evaluation(causes, alert, as_of).where(causes.c["rank"] == 1, causes.c.is_significant)


def _already_sent(connection: sa.Connection, as_of: date) -> set[tuple[str, str, str]]:
    keys = (notifications.c.alert_id, notifications.c.event, notifications.c.channel)
    sent = sa.select(*keys).where(notifications.c.event_date == as_of, notifications.c.status == "sent")
    return {(row[0], row[1], row[2]) for row in connection.execute(sent)}


def _note(connection: sa.Connection, message: Message, address: str, *, is_sent: bool, now: datetime) -> None:
    key = sa.and_(
        notifications.c.alert_id == message.alert_id,
        notifications.c.event == message.event,
        notifications.c.event_date == message.event_date,
        notifications.c.channel == address,
    )
    tries = connection.execute(sa.select(notifications.c.attempt_count).where(key)).scalar_one_or_none() or 0
    connection.execute(sa.delete(notifications).where(key))
    row = {
        "alert_id": message.alert_id,
        "event": message.event,
        "event_date": message.event_date,
        "channel": address,
        "status": "sent" if is_sent else "failed",
        "attempt_count": tries + 1,
        "sent_at": now if is_sent else None,
    }
    connection.execute(sa.insert(notifications), [row])


def _send(channel: SecretStr, message: Message) -> bool:
    import apprise

    sender = apprise.Apprise()
    return sender.add(channel.get_secret_value()) and bool(sender.notify(title=message.title, body=message.body))


def _digest(channel: SecretStr) -> str:
    """Name a channel without telling its address, which may hold a token."""
    return hashlib.sha256(channel.get_secret_value().encode()).hexdigest()[:12]
