"""Who a CRM user is, and in which team on which day."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Membership
from models import tables
from tests.models.factories import a_context, a_raw, a_raw_link, a_raw_user, a_team, an_agreement, at, insert

Build = Callable[..., None]
Rows = Callable[..., list[tuple[Any, ...]]]
EAST, WEST = "Inside Sales East", "Inside Sales West"


def with_members(*members: Membership) -> Any:
    return a_context(agreement=an_agreement(team=a_team(members=members)))


def test_one_e_mail_in_two_crms_is_one_person_named_by_the_first_connection(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(
        warehouse,
        tables.raw_users,
        a_raw_user("9", email="a@x.example", connection="hs", name=None),
        a_raw_user("1", email="a@x.example", connection="sf", name="Aiko"),
        a_raw_user("2", email="b@x.example", connection="sf", name="Ben"),
        a_raw_user("3", email=None, connection="sf", name="C"),
        a_raw_user("4", email=None, connection="sf", name="D"),
        a_raw_user("5", email="queue@x.example", kind="queue"),
    )

    build()

    assert rows(tables.reps, "rep_id", "name") == [("hs:9", "Aiko"), ("sf:2", "Ben"), ("sf:3", "C"), ("sf:4", "D")]
    assert rows(tables.rep_identities, "connection", "crm_id", "rep_id")[:2] == [
        ("hs", "9", "hs:9"),
        ("sf", "1", "hs:9"),
    ]


def test_an_archived_owner_keeps_name_and_team(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    gone = a_raw_user("1", name="Aiko", is_active=False, is_deleted=True, modified_at=at("2026-07-31T15:30"))
    insert(warehouse, tables.raw_users, gone, a_raw_user("2", name="Ben", created_at=at("2026-01-05T15:00")))

    build()

    assert rows(tables.reps, "name", "team", "department", "is_active", "started_date", "left_date") == [
        ("Aiko", "is_east", "inside_sales", False, date(2025, 4, 1), date(2026, 8, 2)),
        ("Ben", "is_east", "inside_sales", True, date(2026, 1, 6), None),
    ]


def test_somebody_in_no_team_is_a_rep_without_one(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("1", crm_team="Legal"))

    build()

    assert rows(tables.reps, "rep_id", "team") == [("hs:1", None)]
    assert rows(tables.rep_teams, "rep_id") == []


TEAM_TIMES = [
    pytest.param([Membership(team="is_east", crm_team=EAST)], [("is_east", date(1900, 1, 1), None)], id="always"),
    pytest.param(
        [
            Membership(team="is_east", crm_team=EAST),
            Membership(team="is_west", email="1@Demo-Company.example ", since=date(2026, 7, 1)),
        ],
        [("is_east", date(1900, 1, 1), date(2026, 7, 1)), ("is_west", date(2026, 7, 1), None)],
        id="an e-mail's entry beats the CRM team from its day on",
    ),
    pytest.param(
        [
            Membership(team="is_east", crm_team=EAST),
            Membership(team="fs", email="1@demo-company.example", since=date(2026, 5, 1), until=date(2026, 6, 1)),
        ],
        [
            ("is_east", date(1900, 1, 1), date(2026, 5, 1)),
            ("fs", date(2026, 5, 1), date(2026, 6, 1)),
            ("is_east", date(2026, 6, 1), None),
        ],
        id="back again after a time away",
    ),
    pytest.param(
        [Membership(team="fs", crm_role="Rep"), Membership(team="is_east", crm_team=EAST)],
        [("is_east", date(1900, 1, 1), None)],
        id="team beats role, whatever the order",
    ),
    pytest.param(
        [Membership(team="is_east", crm_team=EAST), Membership(team="fs", crm_team=EAST)],
        [("is_east", date(1900, 1, 1), None)],
        id="of two alike the first",
    ),
    pytest.param(
        [
            Membership(team="is_east", email="1@demo-company.example", since=date(2026, 1, 1), until=date(2026, 4, 1)),
            Membership(team="is_east", email="1@demo-company.example", since=date(2026, 4, 1)),
        ],
        [("is_east", date(2026, 1, 1), None)],
        id="neighbours of one team are one row",
    ),
    pytest.param(
        [
            Membership(team="is_east", email="1@demo-company.example", since=date(2026, 1, 1), until=date(2026, 2, 1)),
            Membership(team="is_east", email="1@demo-company.example", since=date(2026, 3, 1)),
        ],
        [("is_east", date(2026, 1, 1), date(2026, 2, 1)), ("is_east", date(2026, 3, 1), None)],
        id="a gap stays a gap",
    ),
    pytest.param([Membership(team="is_west", crm_team=WEST)], [], id="no entry"),
]


@pytest.mark.parametrize(("members", "expected"), TEAM_TIMES)
def test_the_team_of_the_day(
    warehouse: sa.Connection, build: Build, rows: Rows, members: list[Membership], expected: list[tuple[Any, ...]]
) -> None:
    insert(warehouse, tables.raw_users, a_raw_user("1", crm_team=EAST, role="Rep"))

    build(with_members(*members))

    found = sorted(rows(tables.rep_teams, "team", "valid_from", "valid_to"), key=lambda row: row[1])
    assert found == expected


def a_contact(crm_id: str, **changes: Any) -> dict[str, Any]:
    return a_raw(tables.raw_contacts, crm_id, **({"kind": "contact"} | changes))


def test_a_person_is_the_smallest_contact_with_the_same_e_mail(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(
        warehouse,
        tables.raw_contacts,
        a_contact("2", email="p@x.example"),
        a_contact("1", email="p@x.example", connection="sf"),
        a_contact("3", email=None),
        a_contact("4", email=None),
        a_contact("0", email="p@x.example", is_deleted=True),
    )

    build()

    assert rows(tables.contacts, "contact_id", "person_id") == [
        ("hs:2", "hs:2"),
        ("hs:3", "hs:3"),
        ("hs:4", "hs:4"),
        ("sf:1", "hs:2"),
    ]


def test_merges_are_followed_to_the_last_survivor(warehouse: sa.Connection, build: Build, rows: Rows) -> None:
    insert(
        warehouse,
        tables.raw_contacts,
        a_contact("1", is_deleted=True, merged_into_crm_id="2"),
        a_contact("2", is_deleted=True, merged_into_crm_id="3"),
        a_contact("3"),
        a_contact("8", merged_into_crm_id="9"),
        a_contact("9", merged_into_crm_id="8"),
    )
    insert(warehouse, tables.raw_calls, *(a_raw(tables.raw_calls, number) for number in ("c1", "c2", "c3")))
    insert(
        warehouse,
        tables.raw_links,
        a_link("call", "c1", "contact", "1"),
        a_link("call", "c2", "contact", "0"),
        a_link("call", "c3", "contact", "7"),
        a_link("contact", "0", "contact", "3", role="merged_into"),
    )

    build()

    assert rows(tables.contacts, "contact_id") == [("hs:3",), ("hs:8",), ("hs:9",)]
    assert rows(tables.links, "from_id", "to_id", "role") == [
        ("hs:c1", "hs:3", "default"),
        ("hs:c2", "hs:3", "default"),
    ]


def a_link(*ends: str, **changes: Any) -> dict[str, Any]:
    return a_raw_link(*ends, **changes)


def test_a_converted_lead_lives_on_in_its_contact_with_its_first_source(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(
        warehouse,
        tables.raw_contacts,
        a_contact(
            "00Q1", kind="lead", lead_source="event", converted_contact_crm_id="0031", created_at=at("2026-01-01")
        ),
        a_contact("00Q2", kind="lead", lead_source="web", created_at=at("2026-01-02")),
        a_contact("0031", lead_source="partner", created_at=at("2026-02-01")),
        a_contact("0032", lead_source_first="mail", lead_source="web"),
        a_contact("0033", lead_source="web"),
    )

    build()

    assert rows(tables.contacts, "crm_id", "lead_source_first", "lead_source") == [
        ("0031", "event", "partner"),
        ("0032", "mail", "web"),
        ("0033", "web", "web"),
        ("00Q2", "web", "web"),
    ]


def test_a_contacts_company_is_the_one_named_else_the_primary_one_linked(
    warehouse: sa.Connection, build: Build, rows: Rows
) -> None:
    insert(warehouse, tables.raw_companies, *(a_raw(tables.raw_companies, number) for number in ("1", "2", "3")))
    insert(
        warehouse,
        tables.raw_contacts,
        a_contact("a", company_crm_id="1"),
        a_contact("b"),
        a_contact("c"),
    )
    insert(
        warehouse,
        tables.raw_links,
        a_link("contact", "a", "company", "2"),
        a_link("contact", "b", "company", "2"),
        a_link("contact", "b", "company", "3", role="Primary"),
    )

    build()

    assert rows(tables.contacts, "crm_id", "company_id") == [("a", "hs:1"), ("b", "hs:3"), ("c", None)]


@pytest.mark.parametrize(
    ("employees", "band"),
    [
        *((employees, "unknown") for employees in (None, 0)),
        *((employees, "1-49") for employees in (1, 49)),
        *((employees, "50-299") for employees in (50, 299)),
        *((employees, "300-999") for employees in (300, 999)),
        (1000, "1000+"),
    ],
)
def test_company_size_bands(
    warehouse: sa.Connection, build: Build, rows: Rows, employees: int | None, band: str
) -> None:
    insert(warehouse, tables.raw_companies, a_raw(tables.raw_companies, "1", employee_count=employees))

    build()

    assert rows(tables.companies, "company_size", "industry") == [(band, "unknown")]
