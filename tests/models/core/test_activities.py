"""Calls, e-mails and notes."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.build import CORE
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_raw, a_raw_link, a_raw_user, at, insert

Build = Callable[..., None]
Rows = Callable[..., list[tuple[Any, ...]]]


def a_raw_call(crm_id: str = "1", **changes: Any) -> dict[str, Any]:
    values = {"owner_crm_id": "r1", "direction": "outbound", "status": "completed", "called_at": at("2026-09-01T14:59")}
    return a_raw(tables.raw_calls, crm_id, **(values | changes))


def a_raw_email(crm_id: str = "1", **changes: Any) -> dict[str, Any]:
    values = {"owner_crm_id": "r1", "direction": "outbound", "status": "sent", "sent_at": at("2026-09-01T14:59")}
    return a_raw(tables.raw_emails, crm_id, **(values | changes))


def test_a_call_knows_rep_contact_company_deal_and_segments(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("r1"))
    insert(warehouse, tables.raw_companies, a_raw(tables.raw_companies, "o1", industry="retail", employee_count=1000))
    insert(warehouse, tables.raw_contacts, a_raw(tables.raw_contacts, "c1", company_crm_id="o1", lead_source="web"))
    insert(warehouse, tables.raw_deals, a_raw(tables.raw_deals, "d1", created_at=at("2026-01-01")))
    insert(warehouse, tables.raw_calls, a_raw_call(response_method="call"), a_raw_call("2", is_deleted=True))
    insert(
        warehouse,
        tables.raw_links,
        a_raw_link("call", "1", "contact", "c1"),
        a_raw_link("call", "1", "contact", "gone"),
        a_raw_link("call", "1", "deal", "d1"),
    )

    build()

    assert rows(tables.calls, "call_id", "rep_id", "contact_id", "company_id", "deal_id", "called_date") == [
        ("hs:1", "hs:r1", "hs:c1", "hs:o1", "hs:d1", date(2026, 9, 1))
    ]
    assert rows(tables.calls, "lead_source", "response_method", "industry", "company_size", "disposition") == [
        ("web", "call", "retail", "1000+", "unknown")
    ]


def test_several_contacts_do_not_multiply_a_call(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_contacts, *(a_raw(tables.raw_contacts, number) for number in ("c1", "c2")))
    insert(warehouse, tables.raw_calls, a_raw_call())
    insert(
        warehouse,
        tables.raw_links,
        a_raw_link("call", "1", "contact", "c1", role="invitee"),
        a_raw_link("call", "1", "contact", "c2"),
    )

    build()

    assert rows(tables.calls, "call_id", "contact_id") == [("hs:1", "hs:c2")]


def test_a_call_without_a_time_took_place_when_it_was_logged(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(warehouse, tables.raw_calls, a_raw_call(called_at=None, created_at=at("2026-09-01T15:00")))

    build()

    assert rows(tables.calls, "called_date") == [(date(2026, 9, 2),)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (True, False, None, False), id="sent, nothing known"),
        pytest.param({"status": "bounced"}, (False, False, None, False), id="bounced"),
        pytest.param({"status": None}, (False, False, None, False), id="no status"),
        pytest.param({"open_count": 1}, (True, True, None, False), id="opened, bots not told apart"),
        pytest.param({"open_count": 1, "bot_open_count": 1}, (True, True, False, False), id="opened by bots alone"),
        pytest.param({"open_count": 2, "bot_open_count": 1}, (True, True, True, False), id="opened by a person too"),
        pytest.param({"open_count": 0, "bot_open_count": 0}, (True, False, False, False), id="not opened"),
        pytest.param({"reply_count": 1}, (True, False, None, True), id="answered"),
    ],
)
def test_what_is_known_of_an_email(
    warehouse: sa.Connection, build: Build, rows: Rows, changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    insert(warehouse, tables.raw_emails, a_raw_email(**changes))

    build()

    assert rows(tables.emails, "is_delivered", "is_opened", "is_opened_by_person", "is_replied") == [expected]


def test_an_email_that_is_a_task_and_a_message_counts_once(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_contacts, a_raw(tables.raw_contacts, "c1"))
    insert(
        warehouse,
        tables.raw_emails,
        a_raw_email("m1", object="EmailMessage", activity_crm_id="t1"),
        a_raw_email("t1", object="Task"),
        a_raw_email("t2", object="Task"),
        a_raw_email("m3", object="EmailMessage", activity_crm_id="t3", is_deleted=True),
        a_raw_email("t3", object="Task"),
        a_raw_email("t1", object="Task", connection="other"),
    )
    insert(warehouse, tables.raw_links, *(a_raw_link("email", one, "contact", "c1") for one in ("m1", "t1", "t2")))

    build()

    counted = [("hs:m1",), ("hs:t2",), ("hs:t3",), ("other:t1",)]
    assert sorted(rows(tables.emails, "email_id")) == counted
    assert sorted(rows(tables.links, "from_id")) == [("hs:m1",), ("hs:t2",)]


def test_a_note_keeps_its_author_and_day(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("r1"))
    note = a_raw(tables.raw_notes, "1", owner_crm_id="r1", body="読んだ", written_at=at("2026-09-01T15:00"))
    insert(warehouse, tables.raw_notes, note, a_raw(tables.raw_notes, "2", is_deleted=True))

    build()

    assert rows(tables.notes, "note_id", "rep_id", "body", "written_date") == [
        ("hs:1", "hs:r1", "読んだ", date(2026, 9, 2))
    ]


def test_a_user_in_a_link_is_a_rep(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("r1"))
    insert(warehouse, tables.raw_calls, a_raw_call())
    insert(warehouse, tables.raw_links, a_raw_link("call", "1", "user", "r1", role="invitee"))

    build()

    assert rows(tables.links, "to_kind", "to_id", "role") == [("rep", "hs:r1", "invitee")]


def test_building_twice_gives_the_same(warehouse: sa.Connection, rows: Rows) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("r1"))
    insert(warehouse, tables.raw_calls, a_raw_call(), a_raw_call("2"))

    counts = [[write_model(warehouse, model, a_context()) for model in CORE] for _ in range(2)]

    assert counts[0] == counts[1]
    assert rows(tables.calls, "call_id") == [("hs:1",), ("hs:2",)]


def test_the_calendar_covers_three_years_back_and_one_ahead(build: Build, rows: Rows) -> None:
    build(with_calendar=True)

    days = sorted(rows(tables.calendar, "day", "fiscal_year_start", "business_day"))
    assert (days[0][0], days[-1][0]) == (date(2023, 1, 1), date(2027, 12, 31))
    assert (date(2026, 9, 23), date(2026, 4, 1), 0) in days  # autumnal equinox, a Wednesday
    assert (date(2026, 9, 24), date(2026, 4, 1), 1) in days
