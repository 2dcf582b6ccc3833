"""Which of a CRM's fields is which of ours? Field maps, read from YAML by others, as plain frozen values.

The forms are described at the head of connectors/hubspot/field_map.yaml.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from models.errors import FieldMapError
from models.tables import (
    raw_calls,
    raw_companies,
    raw_contacts,
    raw_deals,
    raw_emails,
    raw_exchange_rates,
    raw_meetings,
    raw_notes,
    raw_stages,
    raw_users,
)

ENTITY_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        raw_users,
        raw_companies,
        raw_contacts,
        raw_calls,
        raw_emails,
        raw_meetings,
        raw_deals,
        raw_stages,
        raw_notes,
        raw_exchange_rates,
    )
}
OWN_COLUMNS = ("connection", "object", "crm_id", "modified_at", "is_deleted", "merged_into_crm_id", "sync_id")
TOP_LEVEL_OBJECTS = (
    "owners",
    "pipelines",
    "exchange_rates",
)  # HubSpot: every other object keeps its fields under `properties`
FORMS = ("from", "first", "values", "default", "divide", "constant", "join", "given", "family")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one of our fields is read: the first of `paths` that has a value, or all of them joined, or a constant.

    `is_first`: the path is a HubSpot property's history, whose oldest value counts.
    `is_name`: the paths are a person's given and family name, joined in the order of their script.

    `values` translates a picklist; what is not in it becomes `default`, or a bad record when there is none.
    """

    field: str
    paths: tuple[str, ...] = ()
    is_first: bool = False
    is_joined: bool = False
    is_name: bool = False
    values: tuple[tuple[str, str], ...] | None = None
    default: str | None = None
    divide: int = 1
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class LinkRule:
    """A column of an export that leads to a record of kind `to`: by its id, or by a person's e-mail or phone."""

    to: str
    by: str
    path: str


@dataclass(frozen=True, slots=True)
class EntityRules:
    """How one object of the CRM becomes rows of one typed table.

    `where` holds (path, value) pairs that all must hold, `unless` some of which none may.
    """

    entity: str
    object: str
    fields: tuple[FieldRule, ...]
    where: tuple[tuple[str, str], ...] = ()
    links: tuple[LinkRule, ...] = ()
    unless: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> Table:
        """The typed table."""
        return ENTITY_TABLES[self.entity]


@dataclass(frozen=True, slots=True)
class SourceRules:
    """All rules of one connection. `zone` is the team's: it decides the day of a moment.

    `written_in` is the zone of times that are written without one.
    """

    connection: str
    crm: str
    entities: tuple[EntityRules, ...]
    zone: str = "UTC"
    written_in: str = "UTC"

    @property
    def digest(self) -> str:
        """Changes when any rule does: then all typed rows are to be built anew."""
        return "sha256:" + hashlib.sha256(repr(self).encode()).hexdigest()


def field_rules(crm: str, field_map: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[EntityRules, ...]:
    """Read the mapping form of a field map, {entity: [{object, where, fields}]}; raises FieldMapError.

    >>> rules = field_rules("hubspot", {"deals": [{"object": "deals", "fields": {"name": "dealname"}}]})
    >>> rules[0].fields[0].paths
    ('properties.dealname',)
    """
    return tuple(_entity(crm, entity, part) for entity, parts in field_map.items() for part in parts)


def _entity(crm: str, entity: str, part: Mapping[str, Any]) -> EntityRules:
    name = part["object"]
    if entity not in ENTITY_TABLES:
        raise FieldMapError(
            entity=entity, object=name, field="*", what="unknown entity", allowed=tuple(sorted(ENTITY_TABLES))
        )
    form = _form(crm, name)
    where, unless = (
        tuple((form.format(path), _text(value)) for path, value in (part.get(name) or {}).items())
        for name in ("where", "unless")
    )
    links = tuple(LinkRule(one["to"], one["by"], form.format(one["column"])) for one in part.get("links") or ())
    return EntityRules(entity, name, tuple(_fields(form, entity, part)), where, links, unless)


def _form(crm: str, name: str) -> str:
    """How a name in the field map becomes a path into the payload: a column of an export is one key, dots and all."""
    if crm == "files":
        return '"{}"'
    return "properties.{}" if crm == "hubspot" and name not in TOP_LEVEL_OBJECTS else "{}"


def _fields(path_form: str, entity: str, part: Mapping[str, Any]) -> Iterator[FieldRule]:
    allowed = tuple(name for name in ENTITY_TABLES[entity].columns.keys() if name not in OWN_COLUMNS)  # noqa: SIM118 - a ColumnCollection gives columns
    for field, form in part["fields"].items():
        if field not in allowed:
            raise FieldMapError(
                entity=entity, object=part["object"], field=field, what="unknown field", allowed=allowed
            )
        if isinstance(form, Mapping) and not set(form) <= set(FORMS):
            raise FieldMapError(
                entity=entity, object=part["object"], field=field, what=f"{sorted(form)} is no form", allowed=FORMS
            )
        yield _field(path_form, field, form)


def _field(path_form: str, field: str, form: Any) -> FieldRule:
    if not isinstance(form, Mapping):
        return FieldRule(field, _paths(path_form, form))
    if "constant" in form:
        return FieldRule(field, constant=_text(form["constant"]))
    if "join" in form:
        return FieldRule(field, _paths(path_form, form["join"]), is_joined=True)
    if "given" in form:
        return FieldRule(field, _paths(path_form, [form["given"], form["family"]]), is_name=True)
    is_first = "first" in form
    paths = (f"propertiesWithHistory.{form['first']}",) if is_first else _paths(path_form, form["from"])
    values = form.get("values")
    default = form.get("default")
    return FieldRule(
        field,
        paths,
        is_first=is_first,
        values=None if values is None else tuple((_text(found), _text(meant)) for found, meant in values.items()),
        default=None if default is None else _text(default),
        divide=int(form.get("divide", 1)),
    )


def _paths(path_form: str, names: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(path_form.format(name) for name in ([names] if isinstance(names, str) else names))


def _text(value: Any) -> str:
    """Write a YAML scalar as JSON text has it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
