"""Who was in it, what is it about, what was merged? Links out of changed records, one set per carrying record.

HubSpot keeps them as associations and names a merge on the survivor; Salesforce keeps them as lookups, where the first three
signs of an id tell what it leads to. An export has columns: an id, or a person's e-mail or phone, which core looks up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SelectBase,
    Text,
    and_,
    case,
    column,
    func,
    insert,
    literal,
    select,
    union,
    values,
)

from models.duckdb import (
    json_items,
    json_text,
    json_texts,
    list_item,
    row_for_each,
    shares_of,
    text_items,
    to_phone,
)
from models.raw.changed import batches, delete_changed
from models.raw.rules import EntityRules, LinkRule, SourceRules
from models.tables import raw_links, records

DEFAULT_ROLE = "default"
MERGED_ROLE = "merged_into"
HUBSPOT_KINDS: Mapping[str, str] = {
    "calls": "call",
    "emails": "email",
    "meetings": "meeting",
    "deals": "deal",
    "contacts": "contact",
    "companies": "company",
    "notes": "note",
}
HUBSPOT_MERGED_KINDS: Mapping[str, str] = {"contacts": "contact", "companies": "company", "deals": "deal"}
# Salesforce Object Reference, "Standard Field Types - ID": the key prefix is fixed for standard objects
SALESFORCE_PREFIXES: Mapping[str, str] = {
    "003": "contact",
    "00Q": "contact",  # a lead; core follows it to the contact that it became
    "001": "company",
    "006": "deal",
    "005": "user",
    "00U": "meeting",
}

ENTITY_KINDS: Mapping[str, str] = {
    "calls": "call",
    "emails": "email",
    "meetings": "meeting",
    "deals": "deal",
    "contacts": "contact",
    "notes": "note",
}
BY_EMAIL = "email:"  # before an address or a number that stands for whoever has it
BY_PHONE = "phone:"
MOST_AT_ONCE = 100_000  # records whose links are told apart in memory


@dataclass(frozen=True, slots=True)
class Lookup:
    """A Salesforce field that leads to another record; without `from_path` the link starts from the record itself."""

    object: str
    from_kind: str
    to_path: str
    from_path: str | None = None
    role: str = DEFAULT_ROLE
    role_path: str | None = None
    where: tuple[str, str] | None = None

    @property
    def paths(self) -> list[str]:
        """All that is read of a record."""
        where_path = self.where[0] if self.where else None
        return [path for path in (self.to_path, self.from_path, self.role_path, where_path) if path]


LOOKUPS = (
    Lookup("Task", "call", "WhoId", where=("TaskSubtype", "Call")),
    Lookup("Task", "call", "WhatId", where=("TaskSubtype", "Call")),
    Lookup("Task", "email", "WhoId", where=("TaskSubtype", "Email")),
    Lookup("Task", "email", "WhatId", where=("TaskSubtype", "Email")),
    Lookup("Event", "meeting", "WhoId"),
    Lookup("Event", "meeting", "WhatId"),
    Lookup("EventRelation", "meeting", "RelationId", from_path="EventId", role="invitee"),
    Lookup("EmailMessage", "email", "RelatedToId"),
    Lookup("EmailMessageRelation", "email", "RelationId", from_path="EmailMessageId", role_path="RelationType"),
    Lookup("OpportunityContactRole", "deal", "ContactId", from_path="OpportunityId", role_path="Role"),
    Lookup("Opportunity", "deal", "AccountId"),
    Lookup("Contact", "contact", "AccountId"),
    Lookup("Note", "note", "ParentId"),
)


def write_links(
    connection: Connection, source: SourceRules, changed: ColumnElement[bool], objects: Mapping[str, int]
) -> None:
    """Replace the links that changed records carry; a deleted record carries none. `objects` says of which there are how many."""
    delete_changed(connection, raw_links, source, changed, record_id="crm_id")
    live = and_(changed, ~records.c.is_deleted)
    for query in _queries(source, live, objects):
        found = query.subquery("found")
        whole = and_(found.c.from_crm_id.is_not(None), found.c.to_crm_id.is_not(None), found.c.to_kind.is_not(None))
        links = select(found).where(whole, found.c.from_kind.is_not(None))
        connection.execute(insert(raw_links).from_select(found.columns.keys(), links))


def _queries(source: SourceRules, live: ColumnElement[bool], objects: Mapping[str, int]) -> list[SelectBase]:
    """Give one query for each kind of link: all in one would hold them all in memory. None gives a link twice, nor do two."""
    match source.crm:
        case "hubspot":
            known = {name: count for name, count in sorted(objects.items()) if _ends(name)}
            shares = [
                (names, and_(live, share))
                for names in batches(known, MOST_AT_ONCE)
                for share in shares_of(records.c.record_id, 1 + sum(known[name] for name in names) // MOST_AT_ONCE)
            ]
            return [*(_associations(source.connection, share, names) for names, share in shares), _merges(live)]
        case "files":
            columns = [
                _column(live, rules, link, role=DEFAULT_ROLE if place == 0 else link.by)
                for rules in source.entities
                for place, link in enumerate(rules.links)
            ]
            return [union(*columns)] if columns else []  # two columns may name the same record
        case _:
            found = dict.fromkeys(lookup.object for lookup in LOOKUPS if lookup.object in objects)
            return [_lookups(live, name) for name in found]


def _column(live: ColumnElement[bool], rules: EntityRules, link: LinkRule, *, role: str) -> Select[Any]:
    """Give the link of one column; the first of an object's links leads, as the default role does elsewhere."""
    payload = records.c.payload
    text = func.nullif(func.trim(json_text(payload, link.path)), "")
    target = {
        "id": text,
        "email": literal(BY_EMAIL).concat(func.lower(text)),
        "phone": literal(BY_PHONE).concat(to_phone(text)),
    }[link.by]
    return select(
        records.c.connection,
        records.c.object,
        records.c.record_id.label("crm_id"),
        literal(ENTITY_KINDS.get(rules.entity)).label("from_kind"),
        records.c.record_id.label("from_crm_id"),
        literal(link.to).label("to_kind"),
        target.label("to_crm_id"),
        literal(role).label("role"),
        records.c.sync_id,
    ).where(live, records.c.object == rules.object, *(json_text(payload, path) == value for path, value in rules.where))


def _ends(name: str) -> tuple[str, str] | None:
    """Which kinds an association leads between, if it is one between objects that we know."""
    prefix, *ends = name.split(".")
    kinds = [HUBSPOT_KINDS[end] for end in ends if end in HUBSPOT_KINDS]
    return (kinds[0], kinds[1]) if prefix == "associations" and len(kinds) == len(ends) == 2 else None


def _associations(connection: str, live: ColumnElement[bool], names: Sequence[str]) -> Select[Any]:
    """Give the links of associations. What a record says twice is told apart by as few columns as it takes: they wait in memory."""
    targets = (
        select(*records.c, json_items(records.c.payload, "to").label("target"))
        .where(live, records.c.object.in_(names))
        .subquery("targets")
    )
    types = select(
        *(targets.c[name] for name in ("object", "record_id", "sync_id")),
        json_text(targets.c.target, "toObjectId").label("to_crm_id"),
        json_items(targets.c.target, "associationTypes", or_one_empty=True).label("type"),
    ).subquery("types")
    role = _role(json_text(types.c.type, "label"), DEFAULT_ROLE).label("role")
    said = (
        select(types.c.object, types.c.record_id, types.c.sync_id, types.c.to_crm_id, role).distinct().subquery("said")
    )
    columns = [column(name, Text()) for name in ("object", "from_kind", "to_kind")]
    kinds = values(*columns, name="kinds").data([(name, *(_ends(name) or ())) for name in names])
    return select(
        literal(connection).label("connection"),
        said.c.object,
        said.c.record_id.label("crm_id"),
        kinds.c.from_kind,
        said.c.record_id.label("from_crm_id"),
        kinds.c.to_kind,
        said.c.to_crm_id,
        said.c.role,
        said.c.sync_id,
    ).join_from(said, kinds, said.c.object == kinds.c.object)


def _merges(live: ColumnElement[bool]) -> Select[Any]:
    losers = (
        select(
            *records.c,
            text_items(json_text(records.c.payload, "properties.hs_merged_object_ids"), ";").label("loser"),
        )
        .where(live, records.c.object.in_(list(HUBSPOT_MERGED_KINDS)))
        .subquery("losers")
    )
    kind = _kind(losers.c.object, HUBSPOT_MERGED_KINDS)
    return select(
        losers.c.connection,
        losers.c.object,
        losers.c.record_id.label("crm_id"),
        kind.label("from_kind"),
        func.nullif(func.trim(losers.c.loser), "").label("from_crm_id"),
        kind.label("to_kind"),
        losers.c.record_id.label("to_crm_id"),
        literal(MERGED_ROLE).label("role"),
        losers.c.sync_id,
    ).distinct()


def _lookups(live: ColumnElement[bool], name: str) -> Select[Any]:
    """Give the links of an object's fields. All that is read of a record is read at once: parsing it for each takes time and memory."""
    lookups = [lookup for lookup in LOOKUPS if lookup.object == name]
    paths = list(dict.fromkeys(path for lookup in lookups for path in lookup.paths))
    own = ("connection", "object", "record_id", "sync_id")
    found = json_texts(records.c.payload, paths).label("found")
    read = select(*(records.c[name] for name in own), found).where(live, records.c.object == name).cte("read")
    text = {path: list_item(read.c.found, place) for place, path in enumerate(paths)}
    fields = select(
        *(read.c[name] for name in own),
        row_for_each([_from_kind(lookup, text) for lookup in lookups], Text()).label("from_kind"),
        row_for_each([text.get(lookup.from_path or "", read.c.record_id) for lookup in lookups], Text()).label(
            "from_crm_id"
        ),
        row_for_each([func.nullif(text[lookup.to_path], "") for lookup in lookups], Text()).label("to_crm_id"),
        row_for_each([_role(text.get(lookup.role_path or ""), lookup.role) for lookup in lookups], Text()).label(
            "role"
        ),
    ).subquery("fields")
    return select(
        fields.c.connection,
        fields.c.object,
        fields.c.record_id.label("crm_id"),
        fields.c.from_kind,
        fields.c.from_crm_id,
        _kind(func.left(fields.c.to_crm_id, 3), SALESFORCE_PREFIXES).label("to_kind"),
        fields.c.to_crm_id,
        fields.c.role,
        fields.c.sync_id,
    )


def _from_kind(lookup: Lookup, text: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    if lookup.where is None:
        return literal(lookup.from_kind)
    path, value = lookup.where
    return case((text[path] == value, lookup.from_kind))


def _kind(word: ColumnElement[Any], kinds: Mapping[str, str]) -> ColumnElement[Any]:
    return case(*((word == name, kind) for name, kind in kinds.items()))


def _role(found: ColumnElement[Any] | None, otherwise: str) -> ColumnElement[Any]:
    return literal(otherwise) if found is None else func.coalesce(func.nullif(func.trim(found), ""), otherwise)
