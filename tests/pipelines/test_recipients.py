"""Who hears what, when and in which language; and what a crash may do to a message."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from definitions_contract.loader import load_agreement
from models.tables import alert_actions, alerts, divergence
from pipelines.alerts import REPEATED, deliver
from pipelines.doctor import recipients_findings
from pipelines.errors import SettingsError
from pipelines.recipients import Recipient, load_recipients
from pipelines.settings import PROJECT, Settings
from pipelines.terminal import to_copy
from pipelines.warehouse import Warehouse, insert_rows
from tests.pipelines.receivers import webhook

AS_OF = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)  # 02:00 on the next day in Tokyo
AGREEMENT = load_agreement(PROJECT / "definitions_contract" / "agreement")
KEYS = {
    "kpi_id": "valid_meetings",
    "period_kind": "month",
    "period_start": date(2026, 11, 1),
    "scope_kind": "department",
    "scope_id": "inside_sales",
}


def _row(table: Any, **values: Any) -> dict[str, Any]:
    known = {name: value for name, value in KEYS.items() if name in table.c}
    return {column.name: None for column in table.columns} | known | values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A warehouse with one alert that opened tonight."""
    path = tmp_path / "warehouse.duckdb"
    warehouse = Warehouse(path)
    warehouse.create_tables()
    alert = _row(
        alerts, alert_id="a1", state="open", divergence_state="at_risk", opened_date=AS_OF, notified_date=AS_OF
    )
    with warehouse.transaction() as connection:
        insert_rows(connection, alerts, [alert | {"proposal_ja": "対処", "proposal_en": "Act on the list."}])
    return path


def _deliver(path: Path, *recipients: Recipient, as_of: date = AS_OF, now: datetime = NOW) -> int:
    return deliver(Warehouse(path), AGREEMENT, channels=recipients, as_of=as_of, now=now)


CRASHING = """
import sys
from datetime import date, datetime, UTC
from pathlib import Path
from pydantic import SecretStr
from definitions_contract.loader import load_agreement
from pipelines import alerts
from pipelines.settings import PROJECT
from pipelines.warehouse import Warehouse
if sys.argv[3] == "before":
    def hang(*_: object) -> None:
        print("here", flush=True)
        sys.stdin.read()
    alerts._send_to = hang
alerts.deliver(
    Warehouse(Path(sys.argv[1])), load_agreement(PROJECT / "definitions_contract" / "agreement"),
    channels=[SecretStr(sys.argv[2])], as_of=date(2026, 11, 20), now=datetime(2026, 11, 20, 17, tzinfo=UTC),
)
"""


@contextmanager
def _crashing(path: Path, channel: SecretStr, when: str) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-c", CRASHING, str(path), channel.get_secret_value(), when]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT)
    try:
        yield process
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def test_a_crash_between_writing_and_sending_loses_and_repeats_nothing(path: Path) -> None:
    with webhook() as (channel, received):
        with _crashing(path, channel, "before") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
        counts = [_deliver(path, Recipient(address=channel)) for _ in range(2)]

    assert counts == [1, 0]
    assert len(received) == 1
    assert REPEATED not in received[0]["title"]


def test_a_crash_while_a_channel_is_called_may_repeat_one_message_and_says_so(path: Path) -> None:
    with webhook(delay=3) as (channel, received):
        with _crashing(path, channel, "while"):
            deadline = time.monotonic() + 60
            while not received and time.monotonic() < deadline:
                time.sleep(0.05)
        counts = [_deliver(path, Recipient(address=channel)) for _ in range(2)]

    assert counts == [1, 0]
    assert [REPEATED in message["title"] for message in received] == [False, True]


@pytest.mark.parametrize(("language", "word"), [("ja", "有効商談"), ("en", "Valid meetings")])
def test_a_recipient_reads_one_language(path: Path, language: Any, word: str) -> None:
    with webhook() as (channel, received):
        _deliver(path, Recipient(name="head", audience="head", address=channel, language=language))

    assert word in received[0]["title"]
    assert " / " not in received[0]["title"]


@pytest.mark.parametrize(
    ("audience", "scope", "kind", "scope_id", "hears"),
    [
        ("everything", None, "rep", "r1", True),
        ("head", None, "department", "inside_sales", True),
        ("head", None, "team", "is_east", False),
        ("manager", "is_east", "team", "is_east", True),
        ("manager", "is_east", "team", "is_west", False),
        ("manager", "is_east", "department", "inside_sales", True),
        ("rep", "r1", "rep", "r1", True),
        ("rep", "r1", "rep", "r2", False),
        ("rep", "r1", "data", "data", False),
        ("data", None, "data", "data", True),
        ("data", None, "department", "inside_sales", False),
    ],
)
def test_who_hears_what(audience: Any, scope: str | None, kind: str, scope_id: str, hears: bool) -> None:
    recipient = Recipient(audience=audience, scope=scope, address=SecretStr("json://h"))

    assert recipient.hears(kind, scope_id) is hears


QUIET = {"quiet": (clock(20), clock(8))}


@pytest.mark.parametrize(
    ("values", "hour", "business_day", "urgent", "reachable"),
    [
        pytest.param(QUIET, 7, True, True, False, id="quiet holds for urgent ones, too"),
        pytest.param(QUIET, 8, True, False, True, id="quiet is over at its end"),
        pytest.param(QUIET, 20, True, False, False, id="quiet begins at its start"),
        pytest.param({"digest_at": clock(9)}, 8, True, False, False, id="before the digest"),
        pytest.param({"digest_at": clock(9)}, 9, True, False, True, id="at the digest"),
        pytest.param({"digest_at": clock(9)}, 2, True, True, True, id="urgent ones do not wait for it"),
        pytest.param({"business_days_only": True}, 10, False, True, False, id="a day off"),
    ],
)
def test_when_a_recipient_may_be_reached(
    values: Any, hour: int, business_day: bool, urgent: bool, reachable: bool
) -> None:
    recipient = Recipient(address=SecretStr("json://h"), **values)
    local = datetime(2026, 11, 20, hour, tzinfo=AGREEMENT.team.tz)

    assert recipient.is_reachable(local, is_business_day=business_day, is_urgent=urgent) is reachable


def test_what_waited_for_the_morning_is_sent_then_and_once(path: Path) -> None:
    morning, next_day = NOW + timedelta(hours=7), AS_OF + timedelta(days=1)
    with webhook() as (channel, received):
        recipient = Recipient(address=channel, quiet=(clock(20), clock(8)))
        counts = [
            _deliver(path, recipient, as_of=as_of, now=now)
            for as_of, now in ((AS_OF, NOW), (next_day, morning), (next_day, morning))
        ]

    assert counts == [0, 1, 0]
    assert len(received) == 1


@pytest.mark.parametrize(
    ("action", "acted", "counts"),
    [
        pytest.param("acknowledge", 6, [0, 0], id="taken on before the digest"),
        pytest.param("snooze", 6, [0, 0], id="put off before the digest"),
        pytest.param("acknowledge", -12, [0, 1], id="taken on before it opened tonight: it is news"),
    ],
)
def test_a_digest_leaves_out_what_is_in_hands_already(path: Path, action: str, acted: int, counts: list[int]) -> None:
    morning, next_day = NOW + timedelta(hours=8), AS_OF + timedelta(days=1)
    done = {"alert_id": "a1", "acted_at": NOW + timedelta(hours=acted), "action": action, "by": "Sato", "why": "known"}
    with webhook() as (channel, received):
        recipient = Recipient(address=channel, digest_at=clock(9))
        first = _deliver(path, recipient)
        with Warehouse(path).transaction() as connection:
            insert_rows(connection, alert_actions, [done | {"until_date": AS_OF + timedelta(days=9)}])
        second = _deliver(path, recipient, as_of=next_day, now=morning)

    assert [first, second] == counts
    assert len(received) == sum(counts)


def test_the_end_of_a_snooze_is_a_message_of_its_own(path: Path) -> None:
    later = AS_OF + timedelta(days=4)
    with Warehouse(path).transaction() as connection:
        connection.execute(sa.update(alerts).values(notified_date=later, reminded_date=later))
    with webhook() as (channel, received):
        counts = [_deliver(path, Recipient(address=channel), as_of=later, now=NOW + timedelta(days=4)) for _ in "12"]

    assert counts == [1, 0]
    assert f"snooze over {later}" in received[0]["message"]
    assert f"保留が終わりました {later}" in received[0]["message"]


def test_a_digest_is_one_message(path: Path) -> None:
    second = _row(alerts, alert_id="a2", state="open", divergence_state="ahead", opened_date=AS_OF, notified_date=AS_OF)
    with Warehouse(path).transaction() as connection:
        insert_rows(connection, alerts, [second | {"kpi_id": "meetings_booked"}])
    with webhook() as (channel, received):
        sent = _deliver(path, Recipient(address=channel, digest_at=clock(1), language="en"))

    assert sent == len(received) == 1
    assert received[0]["title"] == "KPI: 2 alerts"
    assert "Valid meetings" in received[0]["message"]
    assert "Meetings booked" in received[0]["message"]


def test_numbers_that_are_not_trusted_are_told_once_to_the_data_people(path: Path) -> None:
    days = [AS_OF + timedelta(days=1), AS_OF + timedelta(days=2)]
    reason = "Not judged: connection hubspot was last synced early."
    with Warehouse(path).transaction() as connection:
        insert_rows(
            connection,
            divergence,
            [_row(divergence, evaluated_date=day, state="untrusted", reason=reason) for day in days],
        )
    with webhook() as (channel, received), webhook() as (other, unheard):
        data = Recipient(name="data", audience="data", address=channel)
        head = Recipient(name="head", audience="head", address=other)
        for day in days:
            _deliver(path, data, head, as_of=day)

    assert len(received) == 1
    assert "connection hubspot" in received[0]["message"]
    assert f"{to_copy()} doctor" in received[0]["message"]
    assert not any("connection hubspot" in message["message"] for message in unheard)


def test_a_file_of_recipients_names_variables_and_not_addresses(tmp_path: Path) -> None:
    path = tmp_path / "notify.yaml"
    text = "link: https://kpi.example/board\nrecipients:\n  - {name: head, audience: head, address_env: HEAD}\n"
    path.write_text(text)

    [recipient], link = load_recipients(Settings.from_env({"KPI_NOTIFY": str(path), "HEAD": "json://head.example/"}))

    assert recipient.address is not None
    assert recipient.address.get_secret_value() == "json://head.example/"
    assert link == "https://kpi.example/board"
    unset = Settings.from_env({"KPI_NOTIFY": str(path)})
    with pytest.raises(SettingsError, match="HEAD"):
        load_recipients(unset)
    (finding,) = recipients_findings(unset)
    assert (finding.is_ok, "HEAD" in finding.detail) == (False, True)
    assert recipients_findings(Settings.from_env({})) == []


def test_a_wrong_file_of_recipients_says_where(tmp_path: Path) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text("recipients:\n  - {name: head, audience: everyone, address: 'json://h'}\n")

    with pytest.raises(SettingsError, match=r"recipients\.0\.audience"):
        load_recipients(Settings.from_env({"KPI_NOTIFY": str(path)}))
