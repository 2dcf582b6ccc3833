"""Fills a store with any number of plain calls (HubSpot) or tasks (Salesforce): `python -m connectors.sandbox.volume STORE N`.

SQLite makes the records itself, some hundred thousand a second: for measuring how fast a sync is, and for cases that only
show with many records. They hold the fields that the shipped connections.yaml maps, spread evenly over a span of time.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store
from connectors.sandbox.times import now_ms
from connectors.settings import load_connections

DAY_MS: Final = 86_400_000
SPAN_MS: Final = 365 * DAY_MS
FIRST_NUMBER: Final = 500_000_000
"""Of the tasks: far above what a company numbers, so that their ids never meet, and sort after, the others."""
CONNECTIONS: Final = Path(__file__).parents[1] / "connections.yaml"

_HELD = "generated tasks"

_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) "
_INSERT = "INSERT INTO records (crm, object, id, created_ms, modified_ms, is_deleted, deleted_ms, properties, history)"
_MOMENT = "(:start + CAST(i * :span / :count AS INTEGER))"
_ISO = f"strftime('%Y-%m-%dT%H:%M:%S', {_MOMENT} / 1000, 'unixepoch') || printf('.%03d', {_MOMENT} % 1000)"
_CALL = f"""json_object('hs_timestamp', {_ISO} || 'Z', 'hs_call_title', 'Call ' || i, 'hs_call_status', 'COMPLETED',
'hs_call_direction', 'OUTBOUND', 'hs_call_duration', CAST(i % 600 * 1000 AS TEXT), 'hs_call_disposition', NULL,
'hubspot_owner_id', CAST(1 + i % 20 AS TEXT), 'response_method', 'phone')"""
_TASK = f"""json_object('Subject', 'Call ' || i, 'Status', 'Completed', 'TaskSubtype', 'Call', 'CallType', 'Outbound',
'CallDurationInSeconds', i % 600, 'CallDisposition', NULL, 'ActivityDate', substr({_ISO}, 1, 10),
'CompletedDateTime', {_ISO} || '+0000', 'OwnerId', printf('0055g0000000%03dAAA', 1 + i % 20),
'IsArchived', json('false'), 'IsClosed', json('true'), 'Response_Method__c', 'phone')"""
_IDS = {  # the letters at a Salesforce id's end depend on its capitals: here only the prefix has one
    HUBSPOT: ":first + i",
    SALESFORCE: "printf('00T5g0%09dEAA', :first + i)",
}
_PROPERTIES = {HUBSPOT: _CALL, SALESFORCE: _TASK}
_OBJECTS = {HUBSPOT: "calls", SALESFORCE: "Task"}


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filling made: object, number of records, and the half-open span of their times of change."""

    object: str
    count: int
    start_ms: int
    end_ms: int


def fill(store: Store, crm: str, count: int, *, start_ms: int | None = None, span_ms: int = SPAN_MS) -> Filled:
    """Add `count` records to the CRM; each call adds further ones. `span_ms` 1 puts all of them into one millisecond."""
    start = now_ms() - span_ms - DAY_MS if start_ms is None else start_ms
    name = _OBJECTS[crm]
    values: dict[str, Any] = {"crm": crm, "object": name, "count": count, "span": span_ms, "start": start}
    values["first"] = _first_number(store, crm, name, count)
    columns = f"{_IDS[crm]}, {_MOMENT}, {_MOMENT}, 0, NULL, {_PROPERTIES[crm]}, '{{}}'"
    statement = f"{_NUMBERS} {_INSERT} SELECT :crm, :object, {columns} FROM n"  # noqa: S608 - only words of this module
    store.insert_generated(crm, name, statement, values)
    return Filled(name, count, start, start + span_ms)


def declare_mapped_fields(store: Store) -> None:
    """Make the fields known that the shipped connections.yaml maps, so that it fits a store without a company, too."""
    for connection in load_connections(CONNECTIONS):
        for objects in connection.fields.values():
            for name, fields in objects.items():
                paths = {path for source in fields.values() for path in source.crm_fields}
                store.declare_fields(connection.crm.value, name, sorted(path for path in paths if "." not in path))


def main() -> None:
    """Read the command line and fill."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox.volume", description="fill a store with plain calls and tasks"
    )
    parser.add_argument("store", type=Path, help="the store's file, made when it is not there")
    parser.add_argument("count", type=int, help="records in each CRM")
    parser.add_argument("--crm", choices=(HUBSPOT, SALESFORCE), help="only this one")
    given = parser.parse_args()
    with Store(given.store) as store:
        declare_mapped_fields(store)
        for crm in (HUBSPOT, SALESFORCE) if given.crm is None else (given.crm,):
            fill(store, crm, given.count)


def _first_number(store: Store, crm: str, object_name: str, count: int) -> int:
    """HubSpot's ids go on where they are; Salesforce's are counted apart, since the filler writes them in decimal digits."""
    if crm == HUBSPOT:
        return int(store.next_id(crm, object_name))
    held = int(store.meta(_HELD) or 0)
    store.set_meta(_HELD, str(held + count))
    return FIRST_NUMBER + held


if __name__ == "__main__":
    main()
