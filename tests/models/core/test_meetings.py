"""One row per real meeting, whatever the CRMs keep of it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from tests.models.factories import a_raw, a_raw_link, a_raw_meeting, a_raw_user, at, insert

Build = Callable[..., None]
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def people(warehouse: sa.Connection) -> None:
    """Aiko books, Fumi holds, both in both CRMs; one person to meet, in both CRMs, and another one."""
    insert(
        warehouse,
        tables.raw_users,
        a_raw_user("r1", email="aiko@x.example"),
        a_raw_user("f1", email="fumi@x.example"),
        a_raw_user("r2", email="other@x.example"),
        a_raw_user("R1", email="aiko@x.example", connection="sf"),
        a_raw_user("F1", email="fumi@x.example", connection="sf"),
        a_raw_user("G1", email="guest@x.example", connection="sf"),
    )
    insert(
        warehouse,
        tables.raw_contacts,
        a_raw(tables.raw_contacts, "c1", email="buyer@y.example", lead_source="web"),
        a_raw(tables.raw_contacts, "C1", email="buyer@y.example", connection="sf", lead_source="event"),
        a_raw(tables.raw_contacts, "C2", email="another@y.example", connection="sf"),
    )


def in_hubspot(**changes: Any) -> dict[str, Any]:
    return a_raw_meeting("m1", **changes)


def in_salesforce(crm_id: str = "E1", **changes: Any) -> dict[str, Any]:
    values = {"connection": "sf", "object": "Event", "owner_crm_id": "F1", "booked_by_crm_id": "R1"}
    return a_raw_meeting(crm_id, **(values | changes))


def met(crm_id: str, contact: str, connection: str = "hs") -> dict[str, Any]:
    return a_raw_link("meeting", crm_id, "contact", contact, connection=connection)


BY_PERSON = [met("m1", "c1"), met("E1", "C1", "sf")]


@pytest.mark.parametrize(
    ("first", "second", "links", "is_one"),
    [
        pytest.param({"external_uid": "u"}, {"external_uid": "u"}, [], True, id="same calendar id"),
        pytest.param({"external_uid": "u"}, {"external_uid": "v"}, [], False, id="other calendar id"),
        pytest.param({}, {}, BY_PERSON, True, id="same minute, booker and person"),
        pytest.param({"external_uid": "u"}, {}, BY_PERSON, True, id="calendar id in one CRM only"),
        pytest.param({}, {"starts_at": at("2026-09-08T01:00:59")}, BY_PERSON, True, id="last second of the minute"),
        pytest.param({}, {"starts_at": at("2026-09-08T01:01")}, BY_PERSON, False, id="a minute later"),
        pytest.param({"booked_by_crm_id": "r2"}, {}, BY_PERSON, False, id="another booker"),
        pytest.param({}, {}, [met("m1", "c1"), met("E1", "C2", "sf")], False, id="another person"),
        pytest.param({}, {}, [met("m1", "c1")], False, id="nobody known on one side"),
        pytest.param({"is_deleted": True}, {}, BY_PERSON, False, id="deleted in one CRM"),
    ],
)
def test_copies_in_two_crms_are_one_meeting(
    warehouse: sa.Connection,
    build: Build,
    rows: Rows,
    first: dict[str, Any],
    second: dict[str, Any],
    links: list[dict[str, Any]],
    is_one: bool,
) -> None:
    insert(warehouse, tables.raw_meetings, in_hubspot(**first), in_salesforce(**second))
    insert(warehouse, tables.raw_links, *links)

    build()

    found = dict(rows(tables.meeting_copies, "crm_id", "meeting_id"))
    assert (found["E1"] == "hs:m1") == is_one
    assert len(rows(tables.meetings, "meeting_id")) == len(set(found.values()))


def test_the_leading_copy_counts_and_the_others_fill_what_it_lacks(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(
        warehouse,
        tables.raw_meetings,
        in_hubspot(external_uid="u", outcome="booked", response_method="call", field_sales_feedback=None),
        in_salesforce(
            external_uid="u",
            outcome="held",
            response_method="email",
            field_sales_feedback="accepted",
            feedback_at=at("2026-09-09T14:59"),
            decision_maker_present=False,
            booked_by_crm_id=None,
        ),
    )
    insert(warehouse, tables.raw_links, *BY_PERSON)

    build()

    assert rows(
        tables.meetings, "meeting_id", "connection", "crm_id", "crm_url", "rep_id", "held_by_rep_id", "contact_id"
    ) == [("hs:m1", "hs", "m1", "https://hs.example/meetings/m1", "hs:r1", "hs:f1", "hs:c1")]
    assert rows(tables.meetings, "outcome", "response_method", "field_sales_feedback", "decision_maker_present") == [
        ("held", "call", "accepted", False)
    ]
    assert rows(tables.meetings, "copy_count", "attendee_count", "minutes", "feedback_date", "lead_source") == [
        (2, 1, 30, date(2026, 9, 9), "web")
    ]
    assert rows(tables.meeting_copies, "crm_id", "reason", "crm_url") == [
        ("E1", "other_crm", "https://sf.example/Event/E1"),
        ("m1", "leading", "https://hs.example/meetings/m1"),
    ]


def test_occurrences_of_a_series_under_one_calendar_id_stay_apart(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    second = {"starts_at": at("2026-09-15T01:00"), "ends_at": at("2026-09-15T01:30"), "external_uid": "u"}
    insert(
        warehouse,
        tables.raw_meetings,
        in_hubspot(external_uid="u"),
        a_raw_meeting("m2", **second),
        in_salesforce("E1", external_uid="u"),
        in_salesforce("E2", **second),
    )

    build()

    assert rows(tables.meeting_copies, "crm_id", "meeting_id") == [
        ("E1", "hs:m1"),
        ("E2", "hs:m2"),
        ("m1", "hs:m1"),
        ("m2", "hs:m2"),
    ]


@pytest.mark.parametrize(
    "child",
    [
        pytest.param({"parent_crm_id": "E1", "title": "Another title"}, id="names its parent"),
        pytest.param({"external_uid": "u"}, id="same calendar id"),
        pytest.param({"title": "First talk"}, id="same start and title"),
    ],
)
def test_an_invitees_copy_is_not_a_meeting(
    warehouse: sa.Connection, build: Build, rows: Rows, child: dict[str, Any]
) -> None:
    copy = in_salesforce("E2", **({"title": None} | child), is_child=True, owner_crm_id="G1", outcome="booked")
    insert(warehouse, tables.raw_meetings, in_salesforce("E1", external_uid="u", is_child=False), copy)

    build()

    assert rows(tables.meetings, "meeting_id", "copy_count", "outcome", "held_by_rep_id") == [
        ("sf:E1", 2, "held", "hs:f1")
    ]
    assert rows(tables.meeting_copies, "crm_id", "reason") == [("E1", "leading"), ("E2", "invitee")]


def test_an_invitees_copy_of_a_copy_in_another_crm_finds_the_leading_one(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    child = in_salesforce("E2", parent_crm_id="E1", is_child=True)
    insert(warehouse, tables.raw_meetings, in_hubspot(external_uid="u"), in_salesforce(external_uid="u"), child)

    build()

    assert {row[0] for row in rows(tables.meeting_copies, "meeting_id")} == {"hs:m1"}


def test_an_invitees_copy_whose_parent_is_not_seen_is_kept_as_the_meeting(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(warehouse, tables.raw_meetings, in_salesforce("E2", is_child=True))

    build()

    assert rows(tables.meetings, "meeting_id") == [("sf:E2",)]


# as_of is 2026-09-30: it ends at 15:00 UTC
@pytest.mark.parametrize(
    ("outcome", "ends_at", "expected"),
    [
        pytest.param("held", "2026-09-08T01:30", "held", id="recorded"),
        pytest.param("booked", "2026-09-30T15:00", "unknown", id="over at the end of the day"),
        pytest.param("booked", "2026-09-30T15:01", "booked", id="still to come"),
        pytest.param("unknown", "2026-09-30T15:01", "booked", id="none recorded and still to come"),
        pytest.param("unknown", "2026-09-08T01:30", "unknown", id="none recorded and over"),
        pytest.param(None, "2026-09-08T01:30", "unknown", id="NULL and over"),
        pytest.param("cancelled", "2026-10-08T01:30", "cancelled", id="cancelled ahead"),
    ],
)
def test_a_meeting_without_outcome_is_booked_until_it_is_over(
    warehouse: sa.Connection, build: Build, rows: Rows, outcome: str | None, ends_at: str, expected: str
) -> None:
    insert(warehouse, tables.raw_meetings, in_hubspot(outcome=outcome, ends_at=at(ends_at)))

    build()

    assert rows(tables.meetings, "outcome") == [(expected,)]


@pytest.mark.parametrize(
    ("starts_at", "day"),
    [
        pytest.param("2026-09-08T14:59:59", date(2026, 9, 8), id="23:59 in Tokyo"),
        pytest.param("2026-09-08T15:00:00", date(2026, 9, 9), id="midnight in Tokyo"),
    ],
)
def test_a_day_is_the_teams_day(warehouse: sa.Connection, build: Build, rows: Rows, starts_at: str, day: date) -> None:
    insert(warehouse, tables.raw_meetings, in_hubspot(starts_at=at(starts_at), booked_at=at(starts_at)))

    build()

    assert rows(tables.meetings, "held_date", "booked_date") == [(day, day)]


def test_without_a_booker_the_holder_is_credited(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_meetings, in_hubspot(booked_by_crm_id=None))

    build()

    assert rows(tables.meetings, "rep_id", "held_by_rep_id") == [("hs:f1", "hs:f1")]


def test_what_nobody_recorded_is_unknown(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_meetings, in_hubspot())

    build()

    segments = ("lead_source_first", "lead_source", "response_method", "industry", "company_size")
    assert rows(tables.meetings, *segments) == [("unknown",) * 5]
