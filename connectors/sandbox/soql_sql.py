"""A SOQL query as a statement over the store: which rows, in which order. What the rows show is `salesforce_rows`'s part."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, Table, and_, collate, func, not_, or_, select, true

from connectors.sandbox.errors import SalesforceAnswerError
from connectors.sandbox.ids import long_id
from connectors.sandbox.salesforce_schema import HAVE_ARCHIVE, SYSTEM_COLUMNS, SField
from connectors.sandbox.soql import Comparison, Condition, Junction, Literal, Query, Sorting, plain
from connectors.sandbox.sql import RECORDS, property_of
from connectors.sandbox.store import SALESFORCE
from connectors.sandbox.times import salesforce_time

_LITERALS = {  # field type -> kind of literal that may be compared with it; every other type is text
    "boolean": "boolean",
    "int": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "datetime": "moment",
    "date": "date",
}
_OPERATORS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class Catalog(Protocol):
    """Where fields are looked up."""

    def fields(self, object_name: str) -> Mapping[str, SField]:
        """All fields of an object by lower-case name."""
        ...


def rowids_statement(query: Query, catalog: Catalog, *, with_deleted: bool) -> Select[Any]:
    """The rows' numbers in the store, in the query's order; deleted and archived ones only for queryAll."""
    translator = _Translator(catalog)
    order = [translator.order(query.object, one) for one in query.order] or [RECORDS.c.id]
    statement = select(RECORDS.c.rowid).where(_visible(query.object, with_deleted=with_deleted))
    if query.where is not None:
        statement = statement.where(translator.condition(query.object, query.where))
    return statement.order_by(*order).limit(-1 if query.limit is None else query.limit).offset(query.offset)


def count_statement(query: Query, catalog: Catalog, *, with_deleted: bool) -> Select[Any]:
    """How many rows the query has."""
    statement = select(func.count()).select_from(RECORDS).where(_visible(query.object, with_deleted=with_deleted))
    return (
        statement if query.where is None else statement.where(_Translator(catalog).condition(query.object, query.where))
    )


def resolve(object_name: str, path: str, catalog: Catalog) -> tuple[str, ...]:
    """A path in the names' proper spelling; an unknown column is refused as Salesforce does.

    The last part is a field, those before are relationships.
    """
    first, _, rest = path.partition(".")
    if not rest:
        return (_known(object_name, first, catalog).name,)
    lookup = lookup_of(object_name, first, catalog)
    return (lookup.relationship or first, *resolve(lookup.references[0], rest, catalog))


def lookup_of(object_name: str, relationship: str, catalog: Catalog) -> SField:
    """The lookup field that a relationship's name stands for."""
    for field in catalog.fields(object_name).values():
        if field.relationship and field.relationship.lower() == relationship.lower():
            return field
    raise SalesforceAnswerError(
        400,
        "INVALID_FIELD",
        f"Didn't understand relationship '{relationship}' in field path on entity '{object_name}'.",
    )


def _known(object_name: str, name: str, catalog: Catalog) -> SField:
    field = catalog.fields(object_name).get(name.lower())
    if field is None:
        raise SalesforceAnswerError(400, "INVALID_FIELD", f"No such column '{name}' on entity '{object_name}'.")
    return field


def _visible(object_name: str, *, with_deleted: bool) -> ColumnElement[bool]:
    mine = and_(RECORDS.c.crm == SALESFORCE, RECORDS.c.object == object_name)
    if with_deleted:
        return mine
    archived = func.coalesce(property_of("IsArchived"), 0) == 0 if object_name in HAVE_ARCHIVE else true()
    return and_(mine, RECORDS.c.is_deleted == 0, archived)


class _Translator:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def condition(self, object_name: str, condition: Condition) -> ColumnElement[bool]:
        if isinstance(condition, Comparison):
            return self._comparison(object_name, condition)
        parts = [self.condition(object_name, part) for part in condition.parts]
        match condition:
            case Junction("AND", _):
                return and_(*parts)
            case Junction("OR", _):
                return or_(*parts)
            case _:
                return not_(func.coalesce(parts[0], 0))

    def order(self, object_name: str, sorting: Sorting) -> Any:
        column, field = self._column(object_name, sorting.field, RECORDS)
        if _is_caseless(field):
            column = collate(column, "NOCASE")
        directed = column.desc() if sorting.is_descending else column.asc()
        return directed.nulls_last() if sorting.nulls == "LAST" else directed

    def _comparison(self, object_name: str, comparison: Comparison) -> ColumnElement[bool]:
        column, field = self._column(object_name, comparison.field, RECORDS)
        values = [_bound(field, literal, comparison.operator) for literal in comparison.values]
        if _is_caseless(field):
            column = collate(column, "NOCASE")
        return _compared(column, comparison.operator, values)

    def _column(self, object_name: str, path: str, table: Table | Any) -> tuple[ColumnElement[Any], SField]:
        """The column a path leads to: a parent's value is looked up through the ids on the way."""
        first, _, rest = path.partition(".")
        if not rest:
            field = _known(object_name, first, self._catalog)
            system = SYSTEM_COLUMNS.get(field.name)
            return (table.c[system] if system else property_of(field.name, table)), field
        lookup = lookup_of(object_name, first, self._catalog)
        parent = RECORDS.alias()
        column, field = self._column(lookup.references[0], rest, parent)
        is_parent = and_(
            parent.c.crm == SALESFORCE,
            parent.c.object.in_(lookup.references),
            parent.c.id == property_of(lookup.name, table),
        )
        return select(column).where(is_parent).correlate(table).scalar_subquery(), field


def _compared(column: ColumnElement[Any], operator: str, values: list[Any]) -> ColumnElement[bool]:
    value = values[0]
    match operator:
        case "=":
            return column.is_(None) if value is None else column == value
        case "!=":  # unlike SQL, SOQL keeps the rows without a value
            return column.is_not(None) if value is None else column.is_distinct_from(value)
        case "IN":
            return column.in_(values)
        case "NOT IN":
            return or_(column.is_(None), column.not_in(values))
        case "LIKE":
            return column.like(value, escape="\\")
        case _ if value is None or isinstance(value, bool):
            raise SalesforceAnswerError(400, "INVALID_FIELD", f"invalid operator {operator} on null or a boolean field")
        case _:
            return _OPERATORS[operator](column, value)


def _bound(field: SField, literal: Literal, operator: str) -> Any:
    """The literal as the column holds it; one of the wrong kind is refused, as Salesforce does."""
    if literal.kind == "null":
        return None
    wanted = _LITERALS.get(field.type, "text")
    if literal.kind != wanted:
        quotes = "should be" if wanted == "text" else "should not be"
        raise SalesforceAnswerError(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes} enclosed in quotes",
        )
    if wanted == "moment":
        return literal.value if field.name in SYSTEM_COLUMNS else salesforce_time(literal.value)
    if wanted != "text" or operator == "LIKE":
        return literal.value
    return long_id(plain(literal.value)) if field.type in {"id", "reference"} else plain(literal.value)


def _is_caseless(field: SField) -> bool:
    return _LITERALS.get(field.type, "text") == "text" and field.type not in {"id", "reference"}
