"""Which Salesforce objects are read, and how: queryAll over a window of their time of change, in the order of time and Id."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from connectors.errors import RecordRejectedError, RequestRefusedError, UnknownFieldError
from connectors.landing import Window, as_utc
from connectors.records import Record
from connectors.salesforce import soql
from connectors.salesforce.client import LOST_LOCATOR, Page, SalesforceClient
from connectors.settings import SalesforceConnection
from connectors.sync import Sync, settled_count

MOST_RESTARTS = 5  # of one object's query after a lost locator


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One CRM object. `always` is asked for beside the mapped fields, as far as the org has it.

    Activities older than the connection's start are not asked for; people, companies and deals always are. `is_whole`: a
    list so short that each sync reads all of it. `is_optional`: orgs without the feature do not have the object.
    """

    name: str
    always: tuple[str, ...] = ()
    cursor_field: str = "SystemModstamp"
    is_activity: bool = False
    is_whole: bool = False
    is_optional: bool = False


COMMON = ("Id", "CreatedDate", "SystemModstamp", "IsDeleted", "MasterRecordId")
CONVERTED = ("IsConverted", "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId")
ACTIVITY = ("OwnerId", "WhoId", "WhatId", "AccountId")
STAGE = ("ApiName", "MasterLabel", "IsActive", "IsClosed", "IsWon", "SortOrder", "DefaultProbability")
HISTORY = ("OpportunityId", "StageName", "Amount", "Probability", "CloseDate", "CreatedById")

OBJECTS = (  # the largest first, so that the threads end together
    ObjectSpec("Task", (*ACTIVITY, "TaskSubtype", "IsArchived"), is_activity=True),
    ObjectSpec(
        "EmailMessage", ("RelatedToId", "ActivityId", "ParentId", "CreatedById"), is_activity=True, is_optional=True
    ),
    ObjectSpec(
        "EmailMessageRelation",
        ("EmailMessageId", "RelationId", "RelationType", "RelationObjectType"),
        is_activity=True,
        is_optional=True,
    ),
    ObjectSpec(
        "EventRelation", ("EventId", "RelationId", "IsInvitee", "IsParent", "IsWhat", "Status"), is_activity=True
    ),
    ObjectSpec("Event", (*ACTIVITY, "IsChild", "IsGroupEvent", "IsArchived", "RecurrenceActivityId"), is_activity=True),
    ObjectSpec("Contact", ("AccountId", "OwnerId")),
    ObjectSpec("Lead", ("OwnerId", *CONVERTED)),
    ObjectSpec("OpportunityHistory", HISTORY, cursor_field="CreatedDate"),
    ObjectSpec("Account", ("OwnerId", "ParentId")),
    ObjectSpec("Opportunity", ("AccountId", "OwnerId", "StageName", "IsClosed", "IsWon", "ContactId")),
    ObjectSpec("OpportunityContactRole", ("OpportunityId", "ContactId", "Role", "IsPrimary")),
    ObjectSpec("User", ("IsActive", "UserType")),
    ObjectSpec("OpportunityStage", STAGE, is_whole=True),
)

OBJECT_NAMES = frozenset(spec.name for spec in OBJECTS)


@dataclass(frozen=True, slots=True)
class Known:
    """What an object has in this org, as this user sees it: its fields, and its parents by the name that leads to them."""

    fields: frozenset[str]
    parents: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether the field, or the parent that the path goes through, exists."""
        head, _, rest = path.partition(".")
        return head in self.parents if rest else head in self.fields


def start_jobs(sync: Sync, client: SalesforceClient, connection: SalesforceConnection) -> None:
    """Queue the reading of all objects."""
    for spec in OBJECTS:
        sync.workers.submit(partial(read_object, sync, client, connection, spec))


def fetch_known(client: SalesforceClient, spec: ObjectSpec) -> Known | None:
    """Describe the object; None when it is optional and the org does not have it."""
    try:
        fields = client.describe(spec.name)["fields"]
    except RequestRefusedError as error:
        if spec.is_optional and error.status == 404:
            return None
        raise
    parents = (str(field["relationshipName"]) for field in fields if field.get("relationshipName"))
    return Known(frozenset(str(field["name"]) for field in fields), frozenset(parents))


def unknown_fields(connection: SalesforceConnection, spec: ObjectSpec, known: Known) -> Iterator[UnknownFieldError]:
    """Each field that the field map names and the org does not have, or hides from this user."""
    for key, source in connection.sources_of(spec.name):
        for path in source.crm_fields:
            if not known.has(path):
                yield UnknownFieldError(
                    connection.name, object_name=spec.name, key=key, field=path, origin=source.origin
                )


def read_object(sync: Sync, client: SalesforceClient, connection: SalesforceConnection, spec: ObjectSpec) -> None:
    """Read one object into the landing folder, and compare with the org's own count."""
    known = fetch_known(client, spec)
    if known is None:
        return
    fields = _fields(connection, spec, known)
    window = sync.window(spec.name, from_start=spec.is_activity)
    conditions = [] if spec.is_whole else soql.within(spec.cursor_field, window.start, window.end)
    count = partial(client.count, soql.count(spec.name, where=conditions), what=f"count {spec.name}")
    sink = sync.sink(spec.name, Window(None, window.end) if spec.is_whole else window)
    before = count()
    for rows in _pages(client, spec, fields, conditions):
        extracted_at = sync.clock()
        build = partial(_record, connection.name, spec, extracted_at)
        sync.land(spec.name, sink, sync.records(rows, build))
    sink.crm_count = settled_count(len(sink.ids), before=before, after=count())


def _fields(connection: SalesforceConnection, spec: ObjectSpec, known: Known) -> list[str]:
    for error in unknown_fields(connection, spec, known):
        raise error
    mapped = [path for _, source in connection.sources_of(spec.name) for path in source.crm_fields]
    always = [name for name in (*COMMON, *spec.always) if name in known.fields]
    return list(dict.fromkeys([*always, *mapped, *sorted(connection.filters_of(spec.name))]))


def _pages(
    client: SalesforceClient, spec: ObjectSpec, fields: Sequence[str], conditions: Sequence[str]
) -> Iterator[list[dict[str, Any]]]:
    """All pages of the window. A lost locator is never taken up again: the query starts anew after the last row seen."""
    last: Mapping[str, Any] | None = None
    restarts = 0
    page = _first_page(client, spec, fields, conditions)
    while True:
        rows = page["records"]
        last = rows[-1] if rows else last
        yield rows
        if page["done"]:
            return
        try:
            page = client.next_page(page["nextRecordsUrl"], what=f"next page of {spec.name}")
        except RequestRefusedError as error:
            restarts += 1
            if error.code != LOST_LOCATOR or restarts > MOST_RESTARTS or last is None:
                raise
            after = soql.beyond(spec.cursor_field, as_utc(last[spec.cursor_field]), last["Id"])
            page = _first_page(client, spec, fields, [*conditions, after])


def _first_page(client: SalesforceClient, spec: ObjectSpec, fields: Sequence[str], conditions: Sequence[str]) -> Page:
    query = soql.select(fields, spec.name, where=conditions, order=(spec.cursor_field, "Id"))
    return client.query(query, what=f"query {spec.name}")


def _record(connection: str, spec: ObjectSpec, extracted_at: Any, row: dict[str, Any]) -> Record:
    """One row without what the API adds to it."""
    plain = {
        key: _without_attributes(value) if isinstance(value, dict) else value
        for key, value in row.items()
        if key != "attributes"
    }
    try:
        modified_at = as_utc(str(row[spec.cursor_field]))
        record_id = str(row["Id"])
    except (KeyError, ValueError) as error:
        raise RecordRejectedError(spec.name, reason="it has no id or no time of change") from error
    return Record(
        connection=connection,
        object=spec.name,
        id=record_id,
        modified_at=modified_at,
        is_deleted=bool(row.get("IsDeleted")),
        extracted_at=extracted_at,
        payload=orjson.dumps(plain).decode(),
    )


def _without_attributes(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_attributes(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if key != "attributes"
    }
