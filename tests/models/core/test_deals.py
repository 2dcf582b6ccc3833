"""Deals: what they are worth, where they stand, whom they are credited to."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from tests.models.factories import a_raw, a_raw_link, a_raw_meeting, a_raw_user, at, insert

Build = Callable[..., None]
Rows = Callable[..., list[tuple[Any, ...]]]


def a_raw_deal(crm_id: str = "d1", **changes: Any) -> dict[str, Any]:
    values = {
        "name": "Deal",
        "owner_crm_id": "f1",
        "stage": "won",
        "amount": Decimal(1000),
        "close_date": date(2026, 9, 20),
        "created_at": at("2026-09-10T00:00"),
    }
    return a_raw(tables.raw_deals, crm_id, **(values | changes))


@pytest.fixture(autouse=True)
def surroundings(warehouse: sa.Connection) -> None:
    """Two bookers, a holder, stages of both CRMs, a buyer known to both CRMs, a colleague and a stranger."""
    insert(warehouse, tables.raw_users, *(a_raw_user(user) for user in ("r1", "r2", "f1")))
    insert(
        warehouse,
        tables.raw_stages,
        a_raw(tables.raw_stages, "begun", label="Begun", status="open", display_order=1),
        a_raw(tables.raw_stages, "won", label="Closed won", status="won", display_order=2),
        a_raw(tables.raw_stages, "lost", label="Closed lost", status="lost", display_order=3, is_deleted=True),
        a_raw(tables.raw_stages, "01J1", label="Closed Won", status="won", connection="sf"),
    )
    insert(warehouse, tables.raw_companies, a_raw(tables.raw_companies, "o1", industry="software", employee_count=70))
    insert(
        warehouse,
        tables.raw_contacts,
        a_raw(tables.raw_contacts, "buyer", email="buyer@y.example", company_crm_id="o1", lead_source="web"),
        a_raw(tables.raw_contacts, "colleague", email="colleague@y.example", company_crm_id="o1"),
        a_raw(tables.raw_contacts, "stranger", email="stranger@z.example"),
        a_raw(tables.raw_contacts, "BUYER", email="buyer@y.example", connection="sf"),
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ("Closed won", "won", 10), id="won"),
        pytest.param({"stage": "lost"}, ("Closed lost", "lost", 10), id="a deleted stage is still known"),
        pytest.param({"stage": "begun"}, ("Begun", "open", None), id="open has no cycle"),
        pytest.param({"stage": "mystery"}, ("mystery", "unknown", None), id="unknown stage"),
        pytest.param({"stage": "Closed Won", "connection": "sf"}, ("Closed Won", "won", 10), id="stage by label"),
        pytest.param(
            {"created_at": at("2026-09-10T15:00")}, ("Closed won", "won", 9), id="made after midnight in Tokyo"
        ),
        pytest.param({"close_date": date(2026, 9, 8)}, ("Closed won", "won", 0), id="entered after it had closed"),
        pytest.param({"close_date": None}, ("Closed won", "won", None), id="no close day"),
    ],
)
def test_stage_and_cycle(
    warehouse: sa.Connection, build: Build, rows: Rows, changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal(**changes))

    build()

    assert rows(tables.deals, "stage", "status", "cycle_days") == [expected]


@pytest.mark.parametrize(
    ("currency", "close_date", "expected"),
    [
        pytest.param(None, date(2026, 9, 20), ("JPY", Decimal("1000.00")), id="no currency is the agreed one"),
        pytest.param("JPY", None, ("JPY", Decimal("1000.00")), id="agreed currency without a day"),
        pytest.param("USD", date(2026, 3, 31), ("USD", Decimal("140000.00")), id="last day of the old rate"),
        pytest.param("USD", date(2026, 4, 1), ("USD", Decimal("150000.00")), id="first day of the new rate"),
        pytest.param("USD", date(2025, 3, 31), ("USD", None), id="before any rate"),
        pytest.param("EUR", date(2026, 9, 20), ("EUR", None), id="no rate agreed"),
    ],
)
def test_the_agreed_amount(
    warehouse: sa.Connection,
    build: Build,
    rows: Rows,
    currency: str | None,
    close_date: date | None,
    expected: tuple[Any, ...],
) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal(currency=currency, close_date=close_date))

    build()

    assert rows(tables.deals, "currency", "agreed_amount") == [expected]


def a_talk(crm_id: str, with_whom: str, *, booked: str, rep: str = "r1", **changes: Any) -> list[tuple[sa.Table, Any]]:
    meeting = a_raw_meeting(crm_id, booked_by_crm_id=rep, booked_at=at(booked), **changes)
    return [(tables.raw_meetings, meeting), (tables.raw_links, a_raw_link("meeting", crm_id, "contact", with_whom))]


BEFORE, EARLIER, AFTER = "2026-09-05T00:00", "2026-09-01T00:00", "2026-09-10T00:01"
ABOUT_IT = (tables.raw_links, a_raw_link("meeting", "m1", "deal", "d1"))
ABOUT_IT_BACK = (tables.raw_links, a_raw_link("deal", "d1", "meeting", "m1"))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], (None, None), id="no meeting"),
        pytest.param(a_talk("m1", "buyer", booked=BEFORE), ("hs:m1", "hs:r1"), id="same person"),
        pytest.param(a_talk("m1", "colleague", booked=BEFORE), ("hs:m1", "hs:r1"), id="same company"),
        pytest.param(a_talk("m1", "stranger", booked=BEFORE), (None, None), id="somebody else"),
        pytest.param(a_talk("m1", "buyer", booked="2026-09-10T00:00"), ("hs:m1", "hs:r1"), id="booked as it was made"),
        pytest.param(a_talk("m1", "buyer", booked=AFTER), (None, None), id="booked after it was made"),
        pytest.param(a_talk("m1", "buyer", booked=BEFORE, outcome="no_show"), (None, None), id="never took place"),
        pytest.param([*a_talk("m1", "stranger", booked=BEFORE), ABOUT_IT], ("hs:m1", "hs:r1"), id="linked"),
        pytest.param([*a_talk("m1", "stranger", booked=BEFORE), ABOUT_IT_BACK], ("hs:m1", "hs:r1"), id="linked back"),
        pytest.param(
            [*a_talk("m1", "buyer", booked=BEFORE), *a_talk("m2", "buyer", booked=EARLIER, rep="r2")],
            ("hs:m2", "hs:r2"),
            id="the first of two",
        ),
        pytest.param(
            [*a_talk("m1", "buyer", booked=BEFORE), *a_talk("m2", "colleague", booked=EARLIER, rep="r2")],
            ("hs:m1", "hs:r1"),
            id="the person beats the company",
        ),
        pytest.param(
            [*a_talk("m1", "stranger", booked=BEFORE), ABOUT_IT, *a_talk("m2", "buyer", booked=EARLIER, rep="r2")],
            ("hs:m1", "hs:r1"),
            id="a link beats the person",
        ),
    ],
)
def test_a_deal_is_credited_to_the_booker_of_the_first_meeting_before_it(
    warehouse: sa.Connection, build: Build, rows: Rows, found: list[tuple[sa.Table, Any]], expected: tuple[Any, Any]
) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal())
    insert(warehouse, tables.raw_links, a_raw_link("deal", "d1", "contact", "buyer"))
    for table, row in found:
        insert(warehouse, table, row)

    build()

    assert rows(tables.deals, "meeting_id", "rep_id", "owner_rep_id") == [(*expected, "hs:f1")]
    led_to = dict(rows(tables.meetings, "meeting_id", "deal_id"))
    assert [meeting for meeting, deal in led_to.items() if deal == "hs:d1"] == ([expected[0]] if expected[0] else [])


def test_a_deal_in_one_crm_comes_from_a_meeting_in_the_other(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal(connection="sf", object="Opportunity"))
    insert(warehouse, tables.raw_links, a_raw_link("deal", "d1", "contact", "BUYER", connection="sf"))
    for table, row in a_talk("m1", "buyer", booked=BEFORE):
        insert(warehouse, table, row)

    build()

    assert rows(tables.deals, "deal_id", "meeting_id", "rep_id") == [("sf:d1", "hs:m1", "hs:r1")]


def test_segments_come_from_contact_company_and_meeting(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal(lead_source="event"))
    insert(warehouse, tables.raw_links, a_raw_link("deal", "d1", "contact", "buyer"))
    for table, row in a_talk("m1", "buyer", booked=BEFORE, response_method="form"):
        insert(warehouse, table, row)

    build()

    segments = ("lead_source_first", "lead_source", "response_method", "industry", "company_size", "company_id")
    assert rows(tables.deals, *segments) == [("web", "web", "form", "software", "50-299", "hs:o1")]


def test_stage_history_is_one_row_per_stage_entered(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_deals, a_raw_deal(), a_raw_deal("gone", is_deleted=True))
    history = [("begun", "2026-09-10T00:00"), ("begun", "2026-09-11T00:00"), ("won", "2026-09-20T15:00")]
    insert(
        warehouse,
        tables.raw_stage_changes,
        *(
            {
                "connection": "hs",
                "object": "deals",
                "crm_id": deal,
                "position": position,
                "deal_crm_id": deal,
                "stage": stage,
                "changed_at": at(moment),
                "sync_id": "s1",
            }
            for deal in ("d1", "gone")
            for position, (stage, moment) in enumerate(history)
        ),
    )

    build()

    assert rows(tables.deal_stage_changes, "deal_id", "position", "from_stage", "stage", "status", "changed_date") == [
        ("hs:d1", 1, None, "Begun", "open", date(2026, 9, 10)),
        ("hs:d1", 2, "Begun", "Closed won", "won", date(2026, 9, 21)),
    ]
