"""What do a record's fields say under our names? Changed records typed by the field map; unreadable ones set aside.

Per entity two statements: one writes the readable records, the other one quarantine row per bad field of the rest. A deleted
record is never set aside: what cannot be read of it is NULL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Double,
    Numeric,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.types import TypeEngine

from models.duckdb import (
    family_first,
    first_version,
    json_texts,
    list_item,
    plain_figure,
    to_boolean,
    to_day,
    to_host,
    to_integer,
    to_number,
    to_timestamp,
    to_type,
)
from models.raw.changed import delete_changed
from models.raw.rules import ENTITY_TABLES, EntityRules, FieldRule, SourceRules
from models.tables import quarantine, records

READABLE = (
    (Boolean, "true or false, yes or no, 1 or 0"),
    (BigInteger, "a whole number"),
    (Double, "a number"),
    (Numeric, "an amount"),
    (DateTime, "ISO 8601 or epoch milliseconds"),
    (Date, "a day (YYYY-MM-DD) or a moment"),
)
FIGURES = (BigInteger, Double, Numeric)
MERGED_INTO = "MasterRecordId"  # Salesforce: on the deleted loser of a merge
CLOSED = "IsClosed"  # Salesforce: with IsWon false it means lost


@dataclass(frozen=True, slots=True)
class _Reading:
    """One field of one entity: the text seen, what it became, and what would have been allowed."""

    field: str
    seen: ColumnElement[Any]
    value: ColumnElement[Any]
    allowed: str
    is_picklist: bool

    @property
    def reason(self) -> ColumnElement[str]:
        """Say what is wrong. Only a picklist's value is named: others may hold a person's data, they stay in `value`."""
        if self.is_picklist:
            return literal("found ").concat(self.seen).concat(f"; allowed: {self.allowed}")
        return literal(f"cannot be read; allowed: {self.allowed}")

    @property
    def is_bad(self) -> ColumnElement[bool]:
        return and_(self.seen.is_not(None), self.value.is_(None))


def type_fields(
    connection: Connection, source: SourceRules, changed: ColumnElement[bool], objects: Mapping[str, int]
) -> None:
    """Replace the typed rows and the quarantine rows of changed records; `objects` says of which there are how many."""
    for table in ENTITY_TABLES.values():
        delete_changed(connection, table, source, changed, record_id="crm_id")
    delete_changed(connection, quarantine, source, changed, record_id="record_id")
    for rules in (one for one in source.entities if one.object in objects):
        count = _count(connection, rules, changed) if rules.where or rules.unless else objects[rules.object]
        if count and _insert_readable(connection, source, rules, changed) < count:
            _insert_unreadable(connection, source, rules, changed)


def _count(connection: Connection, rules: EntityRules, changed: ColumnElement[bool]) -> int:
    """Say how many changed records are of the entity: two may share an object, and reading all fields of the other's is dear."""
    parsed, texts = _parsed(rules, [path for path, _ in (*rules.where, *rules.unless)], changed)
    of_entity = select(func.count()).select_from(parsed).where(_where(rules, texts))
    return int(connection.execute(of_entity).scalar_one())


def _insert_readable(
    connection: Connection, source: SourceRules, rules: EntityRules, changed: ColumnElement[bool]
) -> int:
    read, readings = _read(source, rules, changed)
    own = {
        "connection": read.c.connection,
        "object": read.c.object,
        "crm_id": read.c.record_id,
        "modified_at": read.c.modified_at,
        "is_deleted": read.c.is_deleted,
        "merged_into_crm_id": _present(read.c[MERGED_INTO]),
        "sync_id": read.c.sync_id,
    }
    values = own | {reading.field: reading.value for reading in readings}
    if rules.entity == "stages":
        values["status"] = _stage_status(values, read.c[CLOSED])
    bad = or_(false(), *(reading.is_bad for reading in readings if reading.allowed))
    query = select(*(column.label(name) for name, column in values.items())).where(
        or_(read.c.is_deleted, not_(func.coalesce(bad, False)))
    )
    return int(connection.execute(insert(rules.table).from_select(list(values), query)).rowcount)


def _insert_unreadable(
    connection: Connection, source: SourceRules, rules: EntityRules, changed: ColumnElement[bool]
) -> None:
    table = rules.table
    is_typed = exists().where(
        table.c.connection == records.c.connection,
        table.c.object == records.c.object,
        table.c.crm_id == records.c.record_id,
    )
    read, readings = _read(source, rules, and_(changed, ~records.c.is_deleted, ~is_typed))
    found = [
        select(
            read.c.connection,
            read.c.object,
            read.c.record_id,
            literal(reading.field).label("field"),
            reading.reason.label("reason"),
            reading.seen.label("value"),
            read.c.payload,
            read.c.sync_id,
        ).where(reading.is_bad)
        for reading in readings
        if reading.allowed
    ]
    if found:
        bad = union_all(*found).subquery("bad")
        connection.execute(insert(quarantine).from_select(bad.columns.keys(), select(bad)))


def _read(source: SourceRules, rules: EntityRules, changed: ColumnElement[bool]) -> tuple[CTE, list[_Reading]]:
    """Give the changed records of the entity with what is seen of each field, and the readings of these.

    Step by step: an expression that a condition and a column have in common would be worked out for each of them.
    """
    read_by_us = (MERGED_INTO, CLOSED) if source.crm == "salesforce" else ()
    paths = [
        *(path for rule in rules.fields for path in rule.paths),
        *(path for path, _ in (*rules.where, *rules.unless)),
        *read_by_us,
    ]
    parsed, texts = _parsed(rules, list(dict.fromkeys(paths)), changed)
    seen = {rule.field: _seen(rule, texts) for rule in rules.fields}
    read = (
        select(
            *(parsed.c[column.name] for column in records.c),
            *(text.label(f"seen_{field}") for field, text in seen.items()),
            *(
                (texts[path] if path in read_by_us else cast(null(), Text())).label(path)
                for path in (MERGED_INTO, CLOSED)
            ),
        )
        .where(_where(rules, texts))
        .cte("read")
    )
    return read, [_reading(rules.table, rule, read.c[f"seen_{rule.field}"], source) for rule in rules.fields]


def _parsed(
    rules: EntityRules, paths: Sequence[str], changed: ColumnElement[bool]
) -> tuple[CTE, dict[str, ColumnElement[Any]]]:
    """Give the changed records with the text found at every path."""
    found = json_texts(records.c.payload, paths) if paths else null()
    parsed = select(*records.c, found.label("found")).where(changed, records.c.object == rules.object).cte("parsed")
    return parsed, {path: list_item(parsed.c.found, position) for position, path in enumerate(paths)}


def _where(rules: EntityRules, texts: dict[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Whether the record is one of the entity; a value that is missing excludes nothing."""
    return and_(
        true(),
        *(texts[path] == value for path, value in rules.where),
        *(texts[path].is_distinct_from(value) for path, value in rules.unless),
    )


def _reading(table: Table, rule: FieldRule, seen: ColumnElement[Any], source: SourceRules) -> _Reading:
    column = table.c[rule.field]
    text = _translated(rule, seen)
    if source.crm == "files" and isinstance(column.type, FIGURES):
        text = plain_figure(text)
    value = _converted(column.name, column.type, text, source, rule.divide)
    return _Reading(rule.field, seen, value, _allowed(rule, column.type), is_picklist=rule.values is not None)


def _seen(rule: FieldRule, found: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    if rule.constant is not None:
        return literal(rule.constant, Text())
    texts = [found[path] for path in rule.paths]
    if rule.is_first:
        return _present(first_version(texts[0]))
    if rule.is_name:
        texts = family_first(*texts)
    if rule.is_joined or rule.is_name:
        return _present(func.concat_ws(" ", *(_present(text) for text in texts)))
    return func.coalesce(*(_present(text) for text in texts), type_=Text())


def _present(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Empty text is no value: HubSpot writes it for a cleared property, Salesforce's CSV for NULL."""
    return func.nullif(func.trim(text), "", type_=Text())


def _translated(rule: FieldRule, seen: ColumnElement[Any]) -> ColumnElement[Any]:
    if rule.values is None:
        return seen if rule.default is None else func.coalesce(seen, rule.default, type_=Text())
    return case(*((seen == found, literal(meant)) for found, meant in rule.values), else_=rule.default)


def _converted(
    name: str, kind: TypeEngine[Any], text: ColumnElement[Any], source: SourceRules, divide: int
) -> ColumnElement[Any]:
    match kind:
        case Text():
            return _tidy(name, text)
        case Boolean():
            return to_boolean(text)
        case BigInteger():
            return to_integer(text, divide=divide)
        case DateTime():
            return to_timestamp(text, source.written_in)
        case Date():
            return to_day(text, source.zone, written_in=source.written_in)
        case Double():
            return to_number(text) / float(divide)
        case Numeric():
            return to_type(text, kind)
        case _:
            raise TypeError(f"no conversion to {kind!r} for {name}; add one to models/raw/fields.py")


def _tidy(name: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
    if name == "email":
        return func.lower(text)
    return to_host(text) if name == "domain" else text


def _allowed(rule: FieldRule, kind: TypeEngine[Any]) -> str:
    """Say what could have been read; empty when anything can."""
    if rule.values is not None:
        return "" if rule.default is not None else ", ".join(found for found, _ in rule.values)
    return next((words for readable, words in READABLE if isinstance(kind, readable)), "")


def _stage_status(values: dict[str, Any], is_closed: ColumnElement[Any]) -> ColumnElement[Any]:
    """Tell lost from open and won: HubSpot says closed and a probability, Salesforce IsClosed beside IsWon."""
    status = values.get("status", null())
    is_won = func.coalesce(values["probability"], 0) == 1 if "probability" in values else literal(False)
    return case(
        (status == "closed", case((is_won, "won"), else_="lost")),
        (and_(status == "open", is_closed == "true"), "lost"),
        else_=status,
    )
