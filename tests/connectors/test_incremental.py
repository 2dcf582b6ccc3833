"""The law of every sync: what changed, laid over what was there, is what the CRM has now."""

import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.records import Landed
from connectors.sandbox.store import HUBSPOT, SALESFORCE, StoredAssociation
from tests.connectors.cases.truth import fill_hubspot, fill_salesforce

FIRST = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
FIRST_MS = round(FIRST.timestamp() * 1000)
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
PREFIXES = {"Task": "00T", "Contact": "003", "Opportunity": "006"}
FIELDS = {
    HUBSPOT: {"calls": "hs_call_status", "contacts": "phone", "deals": "dealstage"},
    SALESFORCE: {"Task": "Status", "Contact": "Phone", "Opportunity": "StageName"},
}


def an_id(object_name: str, number: int) -> str:
    prefix = PREFIXES.get(object_name)
    return f"{prefix}5g0000{number:06d}AAA" if prefix else str(100 + number)


def merged(crms: Any, syncs: list[Landed], object_name: str) -> dict[str, tuple[bool, str]]:
    """The newest version of each record, as the warehouse keeps it."""
    newest: dict[str, Any] = {}
    for landed in syncs:
        if object_name in {window.object for window in landed.windows}:
            for record in crms.records(landed, object_name):
                old = newest.get(record.id)
                if old is None or (record.modified_at, record.extracted_at) >= (old.modified_at, old.extracted_at):
                    newest[record.id] = record
    return {one.id: (one.is_deleted, one.payload) for one in newest.values()}


def change_something(crms: Any, crm: str, dice: random.Random, number: int, at_ms: int) -> None:
    object_name = dice.choice(list(FIELDS[crm]))
    record_id = an_id(object_name, dice.randrange(60))
    record = crms.store.get(crm, object_name, record_id)
    what = dice.choice(["edit", "edit", "add", "delete"])
    if what == "add" or record is None or record.is_deleted:
        new = {"id": an_id(object_name, 1_000 + number), FIELDS[crm][object_name]: "new"}
        crms.put(crm, object_name, {**new, "created_ms": at_ms, "modified_ms": at_ms})
    elif what == "delete":
        crms.store.delete(crm, object_name, record_id, at_ms)
    else:
        crms.store.edit(crm, object_name, record_id, {FIELDS[crm][object_name]: f"value {number}"}, at_ms)
        if object_name == "calls":
            crms.store.associate(
                [StoredAssociation("calls", record_id, "contacts", an_id("contacts", number % 60), 194)]
            )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_increments_over_a_full_run_equal_a_full_run_now(crms: Any, crm: str, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable story, no secret
    for object_name, field in FIELDS[crm].items():
        crms.put(crm, object_name, *({"id": an_id(object_name, number), field: "old"} for number in range(60)))

    syncs = [crms.extract(crm, "first", now=FIRST)]
    for night in (1, 2, 3):
        for number in range(40):
            # up to half an hour before the night's window begins: the index was late, the overlap must bring it
            at_ms = FIRST_MS + (night - 1) * 1440 * MINUTE_MS + dice.randrange(-30, 1440) * MINUTE_MS
            change_something(crms, crm, dice, night * 100 + number, at_ms)
        cursors = {name: end for landed in syncs for name, end in crms.cursors(landed).items()}
        syncs.append(crms.extract(crm, f"night{night}", now=FIRST + timedelta(days=night), cursors=cursors))
    now = crms.extract(crm, "full", now=FIRST + timedelta(days=3), is_full=True)

    for window in now.windows:
        assert merged(crms, syncs, window.object) == merged(crms, [now], window.object), window.object
    assert all(window.crm_count in (None, window.landed_count) for landed in syncs for window in landed.windows)


OBJECT_ASKED = re.compile(
    r"/crm/v\d/(?:objects|properties|associations)/(\w+)|/crm/v\d/(owners|pipelines)|sobjects/(\w+)/describe|FROM(?:\+|%20)(\w+)"
)


@pytest.mark.parametrize(("crm", "fill"), [(HUBSPOT, fill_hubspot), (SALESFORCE, fill_salesforce)])
def test_a_sync_with_nothing_new_asks_at_most_three_times_for_each_object(crms: Any, crm: str, fill: Any) -> None:
    fill(crms.store, crms)
    crms.put(HUBSPOT, "contacts", {"id": "7", "is_deleted": True, "modified_ms": FIRST_MS - DAY_MS})
    cursors = crms.cursors(crms.extract(crm, "first", now=FIRST))
    before = len(crms.faults.asked)

    settings = {"association_days": 0} if crm == HUBSPOT else {}  # reading associations again is a sweep of its own
    crms.extract(crm, "second", now=FIRST + timedelta(days=1), cursors=cursors, settings=settings)

    asked = crms.faults.asked[before:]
    objects = Counter(match.group(match.lastindex) for one in asked if (match := OBJECT_ASKED.search(one)))
    others = [one for one in asked if not OBJECT_ASKED.search(one)]
    assert set(objects) >= set(FIELDS[crm])
    assert {name: count for name, count in objects.items() if count > 3} == {}
    assert len(others) == (1 if crm == SALESFORCE else 0), others  # the login
