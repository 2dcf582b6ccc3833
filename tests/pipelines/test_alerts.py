"""Messages go out once to each channel, through real channels on loopback; a channel that is down loses nothing."""

import email
import socket
from datetime import UTC, date, datetime
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from definitions_contract.loader import load_agreement
from models.tables import alerts, causes, divergence, notifications
from pipelines.alerts import deliver, send_failure
from pipelines.messages import due_messages
from pipelines.recipients import Recipient
from pipelines.settings import PROJECT
from pipelines.warehouse import Warehouse, insert_rows
from tests.pipelines.receivers import webhook

AS_OF = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
AGREEMENT = load_agreement(PROJECT / "definitions_contract" / "agreement")
KEYS = {
    "kpi_id": "valid_meetings",
    "period_kind": "month",
    "period_start": date(2026, 11, 1),
    "scope_kind": "department",
    "scope_id": "inside_sales",
}


def _row(table: sa.Table, **values: Any) -> dict[str, Any]:
    known = {name: value for name, value in KEYS.items() if name in table.c}
    return {column.name: None for column in table.columns} | known | values


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """One alert that opened tonight, with its evaluation and cause; and one that is silenced."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.create_tables()
    loud = _row(alerts, alert_id="a1", state="open", divergence_state="off", opened_date=AS_OF, notified_date=AS_OF)
    silent = loud | {
        "alert_id": "a2",
        "scope_kind": "team",
        "scope_id": "is_east",
        "silenced_by": "a1",
        "notified_date": None,
    }
    state = _row(
        divergence, evaluated_date=AS_OF, actual=62.0, expected_to_date=90.0, target=125.0, forecast_lower=75.0
    )
    state |= {"forecast": 84.0, "forecast_upper": 95.0, "p_reach": 0.01, "state": "off"}
    cause = _row(
        causes, evaluated_date=AS_OF, split="lead_source", part="purchased_list", effect="rate", is_significant=True
    )
    cause |= {"rank": 1, "evidence": "purchased_list: 5 of 80 valid, 40 of 78 before"}
    with warehouse.transaction() as connection:
        for table, rows in ((alerts, [loud, silent]), (divergence, [state]), (causes, [cause])):
            insert_rows(connection, table, rows)
    return warehouse


class _Mailbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"


def _deliver(warehouse: Warehouse, *channels: SecretStr) -> int:
    return deliver(warehouse, AGREEMENT, channels=channels, as_of=AS_OF, now=NOW)


def test_a_message_says_what_how_far_how_sure_and_why_in_both_languages(warehouse: Warehouse) -> None:
    with webhook() as (channel, received):
        _deliver(warehouse, channel)

    [message] = received
    assert "有効商談" in message["title"]
    assert "Valid meetings" in message["title"]
    for part in ("62", "90", "125", "75-95", "1%", "purchased_list: 5 of 80 valid"):
        assert part in message["message"]


@pytest.mark.parametrize(
    ("language", "words", "others"),
    [
        (
            "ja",
            ("新規", "原因: 流入経路「購入リスト」の率", "手順: docs/guides/"),
            ("Cause", "What to do", "new 2026"),
        ),
        ("en", ("new 2026", "Cause: lead source “Purchased list”, rate", "What to do: docs/guides/"), ("原因", "手順")),
    ],
)
def test_a_message_in_one_language_names_the_cause_and_the_guide_in_it(
    warehouse: Warehouse, language: Any, words: tuple[str, ...], others: tuple[str, ...]
) -> None:
    with webhook() as (channel, received):
        recipient = Recipient(address=channel, language=language)
        deliver(warehouse, AGREEMENT, channels=[recipient], as_of=AS_OF, now=NOW)

    text = f"{received[0]['title']}\n{received[0]['message']}"
    assert [word for word in words if word not in text] == []
    assert [word for word in others if word in text] == []
    assert "when-an-alert-comes.md#target-off" in text
    assert len(text.splitlines()) <= 7  # a phone's screen


def test_the_picture_shows_nothing_done_as_nothing_and_a_rate_as_one(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute(sa.update(alerts).values(kpi_id="valid_rate"))
        connection.execute(sa.update(divergence).values(kpi_id="valid_rate", actual=0.0))
        [message] = due_messages(connection, AGREEMENT, AS_OF)

    assert message.is_rate
    assert message.figures["actual"] == 0


def test_a_story_that_was_told_before_got_worse_and_is_no_new_one(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        told = {"alert_id": "c1", "kind": "change", "kpi_id": "valid_rate", "silenced_by": "a1", "state": "open"}
        days = {"opened_date": date(2026, 11, 12), "notified_date": date(2026, 11, 12)}
        insert_rows(connection, alerts, [_row(alerts, **told, **days)])

    with webhook() as (channel, received):
        _deliver(warehouse, channel)

    [message] = received
    assert "worse 2026-11-20" in message["message"]
    assert "悪化 2026-11-20" in message["message"]


def test_a_silenced_alert_is_not_sent(warehouse: Warehouse) -> None:
    with webhook() as (channel, received):
        sent = _deliver(warehouse, channel)

    assert sent == len(received) == 1


def test_what_was_sent_is_not_sent_again(warehouse: Warehouse) -> None:
    with webhook() as (channel, received):
        counts = [_deliver(warehouse, channel) for _ in range(3)]

    assert counts == [1, 0, 0]
    assert len(received) == 1


def test_a_channel_that_is_down_is_tried_again_and_the_others_are_not_repeated(warehouse: Warehouse) -> None:
    with webhook() as (up, received), webhook(status=503) as (down, refused):
        first = _deliver(warehouse, up, down)
        second = _deliver(warehouse, up, down)

    assert (first, second) == (1, 0)
    assert len(received) == 1
    assert len(refused) == 2
    with warehouse.transaction() as connection:
        rows = connection.execute(sa.select(notifications.c.status, notifications.c.attempt_count)).all()
    assert sorted(rows) == [("failed", 2), ("sent", 1)]


def test_addresses_are_never_kept(warehouse: Warehouse) -> None:
    with webhook() as (channel, _):
        _deliver(warehouse, channel)

    with warehouse.transaction() as connection:
        kept = connection.execute(sa.select(notifications)).mappings().one()
    assert not any("127.0.0.1" in str(value) for value in kept.values())


def test_an_e_mail_arrives_with_its_japanese_whole(warehouse: Warehouse) -> None:
    mailbox = _Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # the controller cannot choose a port by itself
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        address = (
            f"mailto://127.0.0.1:{port}?from=kpi@demo-company.example&to=manager@demo-company.example&mode=insecure"
        )
        _deliver(warehouse, SecretStr(address))
    finally:
        server.stop()

    [mail] = mailbox.mails
    texts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    body = "".join(part.get_payload(decode=True).decode() for part in texts)
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_payload(decode=True).startswith(b"\x89PNG")
    assert "有効商談" in str(make_header(decode_header(mail["Subject"])))
    assert "達成確率" in body
    assert [part.get_content_type() for part in texts] == ["text/plain"]  # as HTML its lines would run together
    assert len(body.splitlines()) >= 8


def test_a_failed_night_is_told_without_waiting_for_an_alert() -> None:
    with webhook() as (channel, received):
        send_failure([channel], run_id="run-1", reason="landing: HubSpot refused the token")

    assert "HubSpot refused the token" in received[0]["message"]
