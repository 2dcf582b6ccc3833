"""Sending what is due: an outbox in ops.notifications, one row per message and channel.

A message is written as `due` before anything is sent, as `sending` right before its channel is called, as `sent` or `failed` after. A
crash before `sending` loses and repeats nothing. One between `sending` and `sent` cannot know whether the channel took the message: it
is sent once more, marked as perhaps repeated. A channel that is down is tried again by the next call and never fails the run.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from pydantic import SecretStr

from definitions_contract.periods import calendar_of
from definitions_contract.schema import Agreement
from models.tables import alert_actions, alerts, notifications
from pipelines.alert_chart import write_chart
from pipelines.messages import Message, alert_message, due_messages
from pipelines.recipients import URGENT, Recipient, as_recipients
from pipelines.warehouse import Warehouse

KEPT_DAYS = 3  # older messages are no news: the board says how it stands
REPEATED = "（再送の可能性あり / perhaps repeated）"
DONE = ("sent", "withheld")
Key = tuple[str, str, date, str]  # alert, event, its day, digest of the channel


def deliver(
    warehouse: Warehouse,
    agreement: Agreement,
    *,
    channels: Sequence[SecretStr | Recipient],
    as_of: date,
    now: datetime,
    link: str | None = None,
) -> int:
    """Send every message up to the night `as_of` that a recipient is due and may hear now; return how many went out.

    A channel that is down is noted as failed and tried again by the next call; it never raises.
    """
    recipients = as_recipients(channels)
    with warehouse.transaction() as connection:
        for message in due_messages(connection, agreement, as_of, link=link):
            for recipient in recipients:
                if recipient.hears(*message.scope):
                    _put(connection, _key(message, recipient))
        _withhold(connection, agreement, now)
        waiting = _waiting(connection, agreement, as_of, link)
    sent = 0
    for recipient in recipients:
        mine = [(message, state) for message, digest, state in waiting if digest == _digest(recipient)]
        sent += _send_to(warehouse, agreement, recipient, mine, now)
    return sent


def send_failure(channels: Sequence[SecretStr | Recipient], *, run_id: str, reason: str) -> None:
    """Tell those who look after the data that a night failed; the board keeps the last good one."""
    what = (
        "夜間処理が失敗しました。ボードは前回の内容のままです。 / The night failed; the board keeps the last good one."
    )
    body = f"{what}\n{reason}\n{run_id}"
    title = "KPI: 夜間処理の失敗 / night failed"
    message = Message(alert_id=run_id, event="failed", event_date=date.min, title=title, body=body)
    for recipient in as_recipients(channels):
        if recipient.hears("data", "data"):
            _send(recipient, message)


def _send_to(
    warehouse: Warehouse,
    agreement: Agreement,
    recipient: Recipient,
    waiting: Sequence[tuple[Message, str]],
    now: datetime,
) -> int:
    """Send one recipient what may be sent now: urgent messages one by one, the rest of a digest as one."""
    local = now.astimezone(agreement.team.tz)
    is_business_day = calendar_of(agreement.team).is_business_day(local.date())
    ready = [
        (message, state)
        for message, state in waiting
        if recipient.is_reachable(local, is_business_day=is_business_day, is_urgent=message.severity in URGENT)
    ]
    is_digest = recipient.digest_at is not None
    alone = [row for row in ready if not is_digest or row[0].severity in URGENT]
    together = [row for row in ready if row not in alone]
    batches = [[row] for row in alone] + ([together] if together else [])
    sent = 0
    for batch in batches:
        message = _one([row[0] for row in batch], is_repeated=any(state == "sending" for _, state in batch))
        keys = [_key(row[0], recipient) for row in batch]
        _note(warehouse, keys, "sending", now)
        is_sent = _send(recipient, message)
        _note(warehouse, keys, "sent" if is_sent else "failed", now)
        sent += is_sent
    return sent


def _one(messages: Sequence[Message], *, is_repeated: bool) -> Message:
    """Make one message of a digest; of a single message itself."""
    first = messages[0]
    if len(messages) > 1:
        count = len(messages)
        titles = {"ja": f"KPI: {count}件のお知らせ", "en": f"KPI: {count} alerts"}
        texts = {
            language: (title, "\n\n".join("\n".join(row.in_language(language)) for row in messages))
            for language, title in titles.items()
        }
        body = "\n\n".join(f"{row.title}\n{row.body}" for row in messages)
        first = replace(first, title=" / ".join(titles.values()), body=body, texts=texts, figures={})
    if not is_repeated:
        return first
    marked = {language: (title + REPEATED, body) for language, (title, body) in first.texts.items()}
    return replace(first, title=first.title + REPEATED, texts=marked)


def _waiting(
    connection: sa.Connection, agreement: Agreement, as_of: date, link: str | None
) -> list[tuple[Message, str, str]]:
    """Give what is not sent yet: message, channel and state; those of earlier nights are written anew."""
    table = notifications.c
    rows = connection.execute(
        sa.select(notifications)
        .where(table.status.not_in(DONE), table.event_date.between(as_of - timedelta(days=KEPT_DAYS), as_of))
        .order_by(*notifications.primary_key.columns)
    ).all()
    messages: dict[tuple[str, str, date], Message] = {}
    for day in sorted({row.event_date for row in rows}):
        for message in due_messages(connection, agreement, day, link=link):
            messages[message.alert_id, message.event, message.event_date] = message
    known = {row["alert_id"]: row for row in connection.execute(sa.select(alerts)).mappings()}
    found = []
    for row in rows:
        key = (row.alert_id, row.event, row.event_date)
        if key not in messages and row.alert_id in known:  # the alert has moved on since
            alert = known[row.alert_id]
            messages[key] = alert_message(connection, agreement, alert, row.event_date, event=row.event, link=link)
        if key in messages:
            found.append((messages[key], row.channel, row.status))
    return found


def _withhold(connection: sa.Connection, agreement: Agreement, now: datetime) -> None:
    """Take back what waits for its hour of alerts that somebody snoozed, or took on since: they are in hands.

    The end of a snooze sends a reminder of its own.
    """
    tz = agreement.team.tz
    today = now.astimezone(tz).date()
    for action in connection.execute(sa.select(alert_actions).order_by(alert_actions.c.acted_at)).mappings():
        acted = action["acted_at"].astimezone(tz).date()
        if action["action"] == "snooze" and not (action["until_date"] and today < action["until_date"]):
            continue
        is_waiting = notifications.c.alert_id == action["alert_id"], notifications.c.status.in_(("due", "failed"))
        told_before = notifications.c.event_date < acted
        connection.execute(sa.update(notifications).where(*is_waiting, told_before).values(status="withheld"))


def _put(connection: sa.Connection, key: Key) -> None:
    """Write a message as due, unless it is known."""
    if connection.execute(sa.select(notifications.c.status).where(_is(key))).first() is None:
        connection.execute(sa.insert(notifications), [_row(key, "due", 0, None)])


def _note(warehouse: Warehouse, keys: Sequence[Key], status: str, now: datetime) -> None:
    with warehouse.transaction() as connection:
        for key in keys:
            tries = connection.execute(sa.select(notifications.c.attempt_count).where(_is(key))).scalar_one_or_none()
            connection.execute(sa.delete(notifications).where(_is(key)))
            count = (tries or 0) + (status == "sending")
            connection.execute(sa.insert(notifications), [_row(key, status, count, now if status == "sent" else None)])


def _row(key: Key, status: str, tries: int, sent_at: datetime | None) -> Mapping[str, object]:
    names = ("alert_id", "event", "event_date", "channel")
    at = None if sent_at is None else sent_at.astimezone(UTC)
    return {**dict(zip(names, key, strict=True)), "status": status, "attempt_count": tries, "sent_at": at}


def _is(key: Key) -> sa.ColumnElement[bool]:
    columns = (notifications.c.alert_id, notifications.c.event, notifications.c.event_date, notifications.c.channel)
    return sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))


def _key(message: Message, recipient: Recipient) -> Key:
    return message.alert_id, message.event, message.event_date, _digest(recipient)


def _send(recipient: Recipient, message: Message) -> bool:
    import apprise

    if recipient.address is None:
        return False
    title, body = message.in_language(recipient.language)
    sender = apprise.Apprise()
    if not sender.add(recipient.address.get_secret_value()):
        return False
    chart = write_chart(message.figures, title, is_rate=message.is_rate)
    try:
        attached = None if chart is None else str(chart)
        # said to be plain text: as HTML, which a mail is otherwise, the lines would run together and a CRM's text be markup
        return bool(sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT, attach=attached))
    finally:
        if chart is not None:
            shutil.rmtree(chart.parent, ignore_errors=True)


def _digest(recipient: Recipient) -> str:
    """Name a channel without telling its address, which may hold a token."""
    address = "" if recipient.address is None else recipient.address.get_secret_value()
    name = "" if recipient.name == "everything" else recipient.name
    return hashlib.sha256(f"{name}{address}".encode()).hexdigest()[:12]
