from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.raw.typed import type_records
from tests.models.factories import at
from tests.models.raw.landing import Land, a_version
from tests.models.raw.test_typed import a_source, properties, rows, sync

LINK = ("from_kind", "from_crm_id", "to_kind", "to_crm_id", "role")


def associated(*targets: tuple[int, list[str | None]]) -> dict[str, Any]:
    return {
        "to": [
            {
                "toObjectId": number,
                "associationTypes": [
                    {"category": "HUBSPOT_DEFINED", "typeId": place, "label": label}
                    for place, label in enumerate(labels)
                ],
            }
            for number, labels in targets
        ]
    }


def test_a_hubspot_association_is_one_row_per_distinct_type(warehouse: sa.Connection, land: Land) -> None:
    payload = associated((5, [None, "Decision maker", None]), (6, []))

    sync(warehouse, land, a_source("hubspot"), a_version("1", payload, object="associations.meetings.contacts"))

    assert rows(warehouse, tables.raw_links, *LINK) == [
        ("meeting", "1", "contact", "5", "Decision maker"),
        ("meeting", "1", "contact", "5", "default"),
        ("meeting", "1", "contact", "6", "default"),
    ]


def test_links_worked_out_in_shares_are_those_worked_out_at_once(
    warehouse: sa.Connection, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        a_version(
            str(number), associated((number % 3, [None, "Champion", None]), (7, [])), object=f"associations.{name}"
        )
        for number in range(20)
        for name in ("calls.contacts", "deals.companies")
    ]
    source = a_source("hubspot")
    sync(warehouse, land, source, *made)
    at_once = rows(warehouse, tables.raw_links, *LINK)
    monkeypatch.setattr("models.raw.links.MOST_AT_ONCE", 3)

    type_records(warehouse, sync_id="s1", source=source, rebuild=True)

    assert rows(warehouse, tables.raw_links, *LINK) == at_once
    assert len(at_once) == 2 * 20 * 3


def test_a_removed_association_disappears(warehouse: sa.Connection, land: Land) -> None:
    source = a_source("hubspot")
    first = a_version("1", associated((5, [None]), (6, [None])), object="associations.calls.contacts")
    other = a_version("2", associated((7, [None])), object="associations.calls.contacts")
    sync(warehouse, land, source, first, other)
    second = a_version("1", associated((6, [None])), object="associations.calls.contacts", modified_at=at("2026-09-09"))

    sync(warehouse, land, source, second, sync_id="s2")

    assert [row[1:4:2] for row in rows(warehouse, tables.raw_links, *LINK)] == [("1", "6"), ("2", "7")]


def test_an_empty_or_unknown_association_gives_no_row(warehouse: sa.Connection, land: Land) -> None:
    sync(
        warehouse,
        land,
        a_source("hubspot"),
        a_version("1", {"to": []}, object="associations.calls.contacts"),
        a_version("1", associated((5, [None])), object="associations.calls.tickets"),
    )

    assert rows(warehouse, tables.raw_links, *LINK) == []


def test_a_hubspot_merge_is_a_link_from_each_loser(warehouse: sa.Connection, land: Land) -> None:
    survivor = properties(hs_merged_object_ids="11;12")

    sync(
        warehouse,
        land,
        a_source("hubspot"),
        a_version("13", survivor, object="contacts"),
        a_version("14", object="contacts"),
    )

    assert rows(warehouse, tables.raw_links, *LINK) == [
        ("contact", "11", "contact", "13", "merged_into"),
        ("contact", "12", "contact", "13", "merged_into"),
    ]


def test_salesforce_lookups_are_told_apart_by_the_ids_first_signs(warehouse: sa.Connection, land: Land) -> None:
    def of(record_id: str, name: str, **payload: Any) -> dict[str, Any]:
        return a_version(record_id, payload, connection="sf", object=name)

    sync(
        warehouse,
        land,
        a_source("salesforce"),
        of("00T1", "Task", TaskSubtype="Call", WhoId="0031", WhatId="0061"),
        of("00T2", "Task", TaskSubtype="Email", WhoId="0031"),
        of("00T3", "Task", TaskSubtype="Task", WhoId="0031"),
        of("0021", "Note", ParentId="0061"),
        of("00U1", "Event", WhoId="00Q1", WhatId="0011"),
        of("0RE1", "EventRelation", EventId="00U1", RelationId="0051"),
        of("02s1", "EmailMessage", RelatedToId="0061", Incoming=False),
        of("0CM1", "EmailMessageRelation", EmailMessageId="02s1", RelationId="0031", RelationType="ToAddress"),
        of("00K1", "OpportunityContactRole", OpportunityId="0061", ContactId="0031", Role="Decision Maker"),
        of("00K2", "OpportunityContactRole", OpportunityId="0061", ContactId="0032", Role=None),
        of("0061", "Opportunity", AccountId="0011"),
        of("0031", "Contact", AccountId=None),
        of("0032", "Contact", AccountId="a0X1"),
    )

    assert rows(warehouse, tables.raw_links, *LINK) == [
        ("call", "00T1", "contact", "0031", "default"),
        ("call", "00T1", "deal", "0061", "default"),
        ("deal", "0061", "company", "0011", "default"),
        ("deal", "0061", "contact", "0031", "Decision Maker"),
        ("deal", "0061", "contact", "0032", "default"),
        ("email", "00T2", "contact", "0031", "default"),
        ("email", "02s1", "contact", "0031", "ToAddress"),
        ("email", "02s1", "deal", "0061", "default"),
        ("meeting", "00U1", "company", "0011", "default"),
        ("meeting", "00U1", "contact", "00Q1", "default"),
        ("meeting", "00U1", "user", "0051", "invitee"),
        ("note", "0021", "deal", "0061", "default"),
    ]


def test_a_deleted_record_carries_no_links(warehouse: sa.Connection, land: Land) -> None:
    source = a_source("salesforce")
    sync(warehouse, land, source, a_version("0061", {"AccountId": "0011"}, connection="sf", object="Opportunity"))
    gone = a_version(
        "0061",
        {"AccountId": "0011"},
        connection="sf",
        object="Opportunity",
        is_deleted=True,
        modified_at=at("2026-09-09"),
    )

    sync(warehouse, land, source, gone, sync_id="s2")

    assert rows(warehouse, tables.raw_links, *LINK) == []


CHANGE = ("deal_crm_id", "position", "stage", "changed_at")


def test_hubspot_stage_history_is_put_in_order(warehouse: sa.Connection, land: Land) -> None:
    history = [
        {"value": "won", "timestamp": "2026-09-03T00:00:00Z"},
        {"value": "begun", "timestamp": "2026-09-01T00:00:00Z"},
        {"value": "offer", "timestamp": "never"},
    ]
    deal = properties(dealstage="won") | {"propertiesWithHistory": {"dealstage": history}}

    sync(warehouse, land, a_source("hubspot"), a_version("1", deal, object="deals"))

    assert rows(warehouse, tables.raw_stage_changes, *CHANGE) == [
        ("1", 0, "begun", at("2026-09-01T00:00")),
        ("1", 1, "won", at("2026-09-03T00:00")),
    ]


def test_salesforce_stage_history_is_one_record_a_change(warehouse: sa.Connection, land: Land) -> None:
    payload = {
        "OpportunityId": "0061",
        "StageName": "Offer",
        "Amount": 5,
        "CreatedDate": "2026-09-01T00:00:00.000+0000",
    }

    sync(
        warehouse,
        land,
        a_source("salesforce"),
        a_version("0081", payload, connection="sf", object="OpportunityHistory"),
    )

    assert rows(warehouse, tables.raw_stage_changes, *CHANGE) == [("0061", 0, "Offer", at("2026-09-01T00:00"))]
