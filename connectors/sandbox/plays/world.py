"""Plays that change the CRMs' records when they are switched on: what people and administrators do there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord, stored_id
from connectors.sandbox.times import hubspot_time, now_ms, salesforce_time
from connectors.sandbox.volume import fill

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
CARRYING_LOOKUPS: Final = (
    "Task",
    "Event",
    "Opportunity",
    "Contact",
    "EventRelation",
    "OpportunityContactRole",
    "EmailMessageRelation",
    "Note",
)
KEPT_DAYS: Final = 90  # HubSpot keeps what was archived for so long

Options = Mapping[str, Any]


def merge_hubspot(store: Store, object_name: str, ids: Sequence[str], at_ms: int) -> str:
    """Merge two records as HubSpot does: a new record takes their place and their associations; the old ids are gone."""
    winner, loser = (_existing(store, HUBSPOT, object_name, one) for one in ids)
    survivor_id = store.next_id(HUBSPOT, object_name)
    before = {
        part for one in (winner, loser) for part in str(one.properties.get("hs_merged_object_ids") or "").split(";")
    }
    merged = ";".join(sorted({*before, winner.id, loser.id} - {""}))
    filled = {name: value for name, value in winner.properties.items() if value not in (None, "")}
    properties = {**winner.properties, **loser.properties, **filled, "hs_merged_object_ids": merged}
    created = min(winner.created_ms, loser.created_ms)
    store.put(HUBSPOT, [StoredRecord(object_name, survivor_id, created, at_ms, properties)])
    for old in (winner, loser):
        _move_associations(store, old, survivor_id)
        store.purge(HUBSPOT, object_name, old.id)
    return survivor_id


def merge_salesforce(store: Store, object_name: str, ids: Sequence[str], at_ms: int) -> None:
    """Merge two records as Salesforce does: the loser is deleted with a MasterRecordId, what hangs on it goes to the winner."""
    winner, loser = (_existing(store, SALESFORCE, object_name, one) for one in ids)
    buried = {**loser.properties, "MasterRecordId": winner.id}
    dead = replace(loser, properties=buried, is_deleted=True, deleted_ms=at_ms, modified_ms=at_ms)
    store.put(SALESFORCE, [replace(winner, modified_ms=at_ms), dead])
    for name in CARRYING_LOOKUPS:
        moved = [_pointing_at(one, loser.id, winner.id, at_ms) for one in store.all(SALESFORCE, name)]
        store.put(SALESFORCE, [one for one in moved if one is not None])


def _pointing_at(record: StoredRecord, old: str, new: str, at_ms: int) -> StoredRecord | None:
    """The record with each lookup of `old` leading to `new`; None when it had none."""
    changed = {name: new for name, value in record.properties.items() if value == old and name.endswith("Id")}
    if not changed or record.is_deleted:
        return None
    return replace(record, properties={**record.properties, **changed}, modified_ms=at_ms)


def _move_associations(store: Store, old: StoredRecord, new_id: str) -> None:
    columns = "from_object, from_id, to_object, to_id, type_id, category, label"
    statement = f"SELECT {columns} FROM associations WHERE from_object = ? AND from_id = ?"  # noqa: S608 - our own words
    rows = store.select(statement, (old.object, stored_id(HUBSPOT, old.id))).fetchall()
    links = [StoredAssociation(name, str(a), target, str(b), *rest) for name, a, target, b, *rest in rows]
    store.dissociate(links)
    store.associate(replace(link, from_id=new_id) for link in links)


def _existing(store: Store, crm: str, object_name: str, record_id: str) -> StoredRecord:
    record = store.get(crm, object_name, record_id)
    if record is None:
        raise KeyError(f"the sandbox's {crm} has no {object_name} with id {record_id}")
    return record


def _moment(options: Options, ago_ms: int = HOUR_MS) -> int:
    return int(options["at_ms"]) if options["at_ms"] is not None else now_ms() - ago_ms


def _living(store: Store, crm: str, object_name: str, options: Options, count: int) -> list[str]:
    """The ids that the options name, else the first ones."""
    given = options.get("ids") or ([options["id"]] if options.get("id") else None)
    return list(given or (one.id for one in store.page(crm, object_name, is_deleted=False, limit=count)))


def _one_millisecond(store: Store, options: Options) -> None:
    fill(store, HUBSPOT, options["count"], start_ms=_moment(options), span_ms=1)


def _one_hour(store: Store, options: Options) -> None:
    fill(store, HUBSPOT, options["count"], start_ms=_moment(options, 2 * HOUR_MS), span_ms=HOUR_MS)


def _archive_and_purge(store: Store, options: Options) -> None:
    at_ms, name = _moment(options), options["object"]
    for record in store.page(HUBSPOT, name, is_deleted=True):
        if (record.deleted_ms or 0) < at_ms - KEPT_DAYS * DAY_MS:
            store.purge(HUBSPOT, name, record.id)
    for record_id in _living(store, HUBSPOT, name, options, 1):
        store.delete(HUBSPOT, name, record_id, at_ms)


def _merge_contacts(store: Store, options: Options) -> None:
    ids = _living(store, HUBSPOT, options["object"], options, 2)
    if len(ids) == 2:
        merge_hubspot(store, options["object"], ids, _moment(options))


def _odd_owners(store: Store, options: Options) -> None:
    at_ms = _moment(options)
    leaver, queue, *calls = store.next_ids(HUBSPOT, "owners", 4)
    person = {
        "email": "leaver@demo-company.example",
        "firstName": "Mika",
        "lastName": "Tanabe",
        "userId": 4_711,
        "teams": [],
    }
    line: dict[str, Any] = {
        "email": "",
        "firstName": "Callback",
        "lastName": "queue",
        "type": "QUEUE",
        "userId": None,
        "teams": [],
    }
    store.put(
        HUBSPOT,
        [
            StoredRecord("owners", leaver, at_ms, at_ms, person, is_deleted=True, deleted_ms=at_ms),
            StoredRecord("owners", queue, at_ms, at_ms, line),
        ],
    )
    for call_id, owner_id in zip(calls, (leaver, queue), strict=True):
        properties = {"hs_timestamp": hubspot_time(at_ms), "hs_call_status": "COMPLETED", "hubspot_owner_id": owner_id}
        store.put(HUBSPOT, [StoredRecord("calls", call_id, at_ms, at_ms, properties)])


def _other_properties(store: Store, options: Options) -> None:
    """The new property and the stage's end; the removed property is hidden by the servers as long as the play is on."""
    at_ms = _moment(options)
    for record in store.page(HUBSPOT, options["object"], is_deleted=False, limit=1 if options["new"] else 0):
        store.edit(HUBSPOT, options["object"], record.id, {options["new"]: "yes"}, at_ms)
    for pipeline in list(store.all(HUBSPOT, "pipelines")):
        stages = pipeline.properties["stages"]
        kept = [stage for stage in stages if str(stage["id"]) != options["stage"]]
        if len(kept) < len(stages):
            store.put(
                HUBSPOT, [replace(pipeline, properties={**pipeline.properties, "stages": kept}, modified_ms=at_ms)]
            )


def _one_moment(store: Store, options: Options) -> None:
    fill(store, SALESFORCE, options["count"], start_ms=_moment(options), span_ms=1)


def _archive_task(store: Store, options: Options) -> None:
    at_ms = _moment(options)
    records = store.page(SALESFORCE, "Task", is_deleted=False, limit=2)
    for record in records[:1]:
        store.edit(SALESFORCE, "Task", record.id, {"IsArchived": True}, at_ms)
    for record in records[1:]:
        store.delete(SALESFORCE, "Task", record.id, at_ms)


def _recalculate(store: Store, options: Options) -> None:
    """All rows get the formula's new value at their old time of change; describe calls the field calculated."""
    name, field = options["object"], options["field"]
    store.set_meta(f"calculated {SALESFORCE} {name}", field)
    changed = [
        replace(one, properties={**one.properties, field: options["value"]}) for one in store.all(SALESFORCE, name)
    ]
    store.put(SALESFORCE, changed)


def _odd_texts(store: Store, options: Options) -> None:
    if options["variant"] != "text":
        return
    odd = {"Subject": 'first line\nsecond "line", with a comma and NUL \x00 and NA', "Description": ""}
    for record in store.page(SALESFORCE, "Task", is_deleted=False, limit=3):
        store.edit(SALESFORCE, "Task", record.id, odd, _moment(options))


def _merge_people(store: Store, options: Options) -> None:
    ids = _living(store, SALESFORCE, options["object"], options, 2)
    if len(ids) == 2:
        merge_salesforce(store, options["object"], ids, _moment(options))


def _group_and_series(store: Store, options: Options) -> None:
    at_ms = _moment(options)
    users = [one.id for one in store.page(SALESFORCE, "User", is_deleted=False, limit=4)]
    parent, series, *copies = store.next_ids(SALESFORCE, "Event", 7)
    times = {"StartDateTime": salesforce_time(at_ms), "EndDateTime": salesforce_time(at_ms + HOUR_MS)}
    day = {
        **times,
        "ActivityDateTime": times["StartDateTime"],
        "DurationInMinutes": 60,
        "IsArchived": False,
        "IsRecurrence": False,
    }
    event = {**day, "Subject": "Group event", "IsGroupEvent": True, "OwnerId": users[0] if users else None}
    rows = {parent: {**event, "IsChild": False}}
    rows |= {one: {**event, "IsChild": True, "OwnerId": owner} for one, owner in zip(copies, users[1:4], strict=False)}
    weekly = {**event, "Subject": "Weekly event", "IsGroupEvent": False, "IsChild": False}
    rows |= {series: {**weekly, "IsRecurrence": True}}
    rows |= {one: {**weekly, "RecurrenceActivityId": series} for one in copies[3:5]}
    store.put(SALESFORCE, [StoredRecord("Event", one, at_ms, at_ms, values) for one, values in rows.items()])
    invitations = store.next_ids(SALESFORCE, "EventRelation", 3)
    invited = {"EventId": parent, "IsInvitee": True, "IsParent": False, "IsWhat": False, "Status": "Accepted"}
    store.put(
        SALESFORCE,
        [
            StoredRecord("EventRelation", one, at_ms, at_ms, {**invited, "RelationId": user})
            for one, user in zip(invitations, users[1:4], strict=False)
        ],
    )


WORLD: Final[Mapping[str, Callable[[Store, Options], None]]] = {
    "H1": _one_millisecond,
    "H2": _one_hour,
    "H7": _archive_and_purge,
    "H12": _merge_contacts,
    "H14": _odd_owners,
    "H15": _other_properties,
    "S1": _one_moment,
    "S4": _archive_task,
    "S6": _recalculate,
    "S10": _odd_texts,
    "S11": _merge_people,
    "S12": _group_and_series,
}
"""Play -> what it does to the records, once, when it is switched on."""
