"""The owners of a deal in order: from HubSpot's property history and from Salesforce's changes of a tracked field."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.core import deal_owner_changes
from models.raw.rules import SourceRules
from models.raw.typed import type_records
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_raw, at, insert, row_of

Rows = Callable[..., list[tuple[Any, ...]]]
MADE, LATER, LAST = "2026-09-01T01:00", "2026-09-10T15:30", "2026-09-20T03:00"  # the second is after midnight in Tokyo


@pytest.fixture(autouse=True)
def people(warehouse: sa.Connection) -> None:
    """Three reps, known to both CRMs by ids that look like theirs, and a deal in each."""
    users = [(crm, f"{prefix}{n}", n) for crm, prefix in (("hs", ""), ("sf", "005")) for n in (1, 2, 3)]
    rows = [
        row_of(tables.rep_identities, connection=crm, crm_id=user, rep_id=f"rep{n}") for crm, user, n in users
    ]  # fmt: skip
    insert(warehouse, tables.rep_identities, *rows)
    for crm in ("hs", "sf"):
        insert(warehouse, tables.raw_deals, a_raw(tables.raw_deals, "d1", connection=crm, created_at=at(MADE)))


def a_record(connection: str, object_name: str, record_id: str, payload: str) -> dict[str, Any]:
    return row_of(
        tables.records,
        connection=connection,
        object=object_name,
        record_id=record_id,
        modified_at=at(LAST),
        is_deleted=False,
        extracted_at=at(LAST),
        sync_id="s1",
        payload=payload,
    )


def owners(warehouse: sa.Connection, connection: str, crm: str, *records: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Type the records and give the owners that core has of their deal."""
    insert(warehouse, tables.records, *records)
    type_records(warehouse, sync_id="s1", source=SourceRules(connection, crm, ()))
    # typing replaces what the records say; the deal itself came from elsewhere
    if not warehouse.execute(sa.select(tables.raw_deals).where(tables.raw_deals.c.connection == connection)).all():
        insert(warehouse, tables.raw_deals, a_raw(tables.raw_deals, "d1", connection=connection, created_at=at(MADE)))
    write_model(warehouse, deal_owner_changes.MODEL, a_context())
    change = tables.deal_owner_changes.c
    query = sa.select(change.position, change.owner_rep_id, change.changed_date).order_by(change.position)
    return [tuple(row) for row in warehouse.execute(query)]


def test_hubspots_versions_are_the_owners_in_order(warehouse: sa.Connection) -> None:
    history = [("3", LAST), ("2", LATER), ("2", "2026-09-05T00:00"), ("1", MADE)]
    entries = ",".join(f'{{"value":"{value}","timestamp":"{moment}:00Z"}}' for value, moment in history)
    payload = f'{{"id":"d1","propertiesWithHistory":{{"hubspot_owner_id":[{entries}]}}}}'

    found = owners(warehouse, "hs", "hubspot", a_record("hs", "deals", "d1", payload))

    assert found == [(1, "rep1", date(2026, 9, 1)), (2, "rep2", date(2026, 9, 5)), (3, "rep3", date(2026, 9, 20))]


def a_change(number: int, field: str, old: str, new: str, moment: str) -> dict[str, Any]:
    values = f'"Field":"{field}","OldValue":"{old}","NewValue":"{new}","CreatedDate":"{moment}:00.000+0000"'
    payload = f'{{"Id":"017{number}","OpportunityId":"d1",{values}}}'
    return a_record("sf", "OpportunityFieldHistory", f"017{number}", payload)


def test_salesforces_first_owner_is_who_had_it_before_the_first_change(warehouse: sa.Connection) -> None:
    found = owners(
        warehouse,
        "sf",
        "salesforce",
        a_change(1, "Owner", "0051", "0052", LATER),
        a_change(2, "Owner", "Taro Yamada", "Hanako Suzuki", LATER),  # the same change, in names
        a_change(3, "StageName", "Proposal", "005 shades of a stage", LATER),
        a_change(4, "Owner", "0052", "0059", LAST),
    )

    assert found == [(1, "rep1", date(2026, 9, 1)), (2, "rep2", date(2026, 9, 11)), (3, None, date(2026, 9, 20))]


def test_a_deal_without_a_history_has_no_row(warehouse: sa.Connection) -> None:
    assert owners(warehouse, "hs", "hubspot", a_record("hs", "deals", "d1", '{"id":"d1"}')) == []
