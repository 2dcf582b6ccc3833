"""A HubSpot search as a statement over the store: limits of the API included, because connectors have to meet them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, collate, false, func, or_, select
from sqlalchemy.sql.elements import UnaryExpression

from connectors.sandbox.errors import HubSpotAnswerError
from connectors.sandbox.hubspot_schema import CLOCKS, SEARCHED
from connectors.sandbox.sql import RECORD_COLUMNS, RECORDS, property_of
from connectors.sandbox.store import HUBSPOT, LONGEST_NUMBER
from connectors.sandbox.times import hubspot_time, parse_ms

MAX_PAGE: Final = 200
MAX_RESULTS: Final = 10_000  # paging beyond is refused
MAX_BODY_CHARACTERS: Final = 3_000
MAX_GROUPS, MAX_FILTERS_IN_GROUP, MAX_FILTERS = 5, 6, 18

_COMPARISONS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "EQ": lambda left, right: left == right,
    "NEQ": lambda left, right: or_(left != right, left.is_(None)),
    "LT": lambda left, right: left < right,
    "LTE": lambda left, right: left <= right,
    "GT": lambda left, right: left > right,
    "GTE": lambda left, right: left >= right,
}


def search_statements(
    object_name: str, types: Mapping[str, str], body: Mapping[str, Any]
) -> tuple[Select[Any], Select[Any], int, int]:
    """The page's statement, the one that counts all hits, and the page's offset and size."""
    limit, offset = _window(body)
    wanted = and_(
        RECORDS.c.crm == HUBSPOT,
        RECORDS.c.object == object_name,
        RECORDS.c.is_deleted == 0,
        *_groups(object_name, types, body.get("filterGroups") or []),
        *_free_text(object_name, body.get("query")),
    )
    page = select(*RECORD_COLUMNS).where(wanted).order_by(*_order(object_name, types, body.get("sorts") or []))
    return page.limit(limit).offset(offset), select(func.count()).select_from(RECORDS).where(wanted), offset, limit


def refuse(message: str) -> HubSpotAnswerError:
    """The 400 that HubSpot answers to a request it does not accept."""
    return HubSpotAnswerError(400, "VALIDATION_ERROR", message)


def _window(body: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = body.get("limit") or 10, body.get("after") or 0
    if not str(limit).isdecimal() or not str(after).isdecimal():
        raise refuse("Invalid input JSON: limit and after must be integers")
    if int(limit) > MAX_PAGE:
        raise refuse(f"Invalid limit {limit}. The maximum is {MAX_PAGE}.")
    if int(after) + int(limit) > MAX_RESULTS:
        raise refuse(f"The maximum number of results that can be paged through is {MAX_RESULTS}.")
    return int(limit), int(after)


def _dicts(given: Any) -> list[Mapping[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise refuse("Invalid input JSON: filterGroups and filters must be lists of objects")
    return given


def _groups(object_name: str, types: Mapping[str, str], groups: Any) -> list[ColumnElement[bool]]:
    filters = [_dicts(group.get("filters") or []) for group in _dicts(groups)]
    if (
        len(filters) > MAX_GROUPS
        or sum(map(len, filters)) > MAX_FILTERS
        or max(map(len, filters), default=0) > MAX_FILTERS_IN_GROUP
    ):
        raise refuse(
            f"At most {MAX_GROUPS} filterGroups, {MAX_FILTERS_IN_GROUP} filters in each and {MAX_FILTERS} in all."
        )
    if not all(filters):
        raise refuse("Invalid input JSON: a filterGroup needs filters")
    if not filters:
        return []
    return [or_(*(and_(*(_condition(object_name, types, one) for one in group)) for group in filters))]


def _condition(object_name: str, types: Mapping[str, str], one: Mapping[str, Any]) -> ColumnElement[bool]:
    name, operator = str(one.get("propertyName")), str(one.get("operator"))
    column = _column(object_name, types, name)

    def bound(value: Any) -> Any:
        return _bound(object_name, types, name, value)

    match operator:
        case "EQ" | "NEQ" | "LT" | "LTE" | "GT" | "GTE":
            return _COMPARISONS[operator](column, bound(one.get("value")))
        case "BETWEEN":
            return column.between(bound(one.get("value")), bound(one.get("highValue")))
        case "IN":
            return column.in_([bound(value) for value in _values(one)])
        case "NOT_IN":
            return or_(column.is_(None), column.not_in([bound(value) for value in _values(one)]))
        case _:
            return _presence(column, operator, one.get("value"))


def _values(one: Mapping[str, Any]) -> list[Any]:
    values = one.get("values")
    if not isinstance(values, list) or not values:
        raise refuse("Invalid input JSON: IN and NOT_IN need a list of values")
    return values


def _presence(column: ColumnElement[Any], operator: str, value: Any) -> ColumnElement[bool]:
    match operator:
        case "HAS_PROPERTY":
            return column.is_not(None)
        case "NOT_HAS_PROPERTY":
            return column.is_(None)
        case "CONTAINS_TOKEN":
            return column.contains(str(value).strip("*"), autoescape=True)
        case "NOT_CONTAINS_TOKEN":
            return or_(column.is_(None), ~column.contains(str(value).strip("*"), autoescape=True))
        case _:
            raise refuse(f"Invalid input JSON: operator {operator!r} is not one of HubSpot's")


def _column(object_name: str, types: Mapping[str, str], name: str) -> ColumnElement[Any]:
    if name == "hs_object_id":
        return RECORDS.c.id
    if name in CLOCKS[object_name]:
        return RECORDS.c[CLOCKS[object_name][name]]
    if name not in types:
        raise refuse(f"There was a problem with the request: property {name!r} does not exist on {object_name}")
    value = property_of(name)
    match types[name]:
        case "number":
            return case((value == "", None), else_=cast(value, Float))
        case "datetime":
            return value
        case _:
            return collate(value, "NOCASE")


def _bound(object_name: str, types: Mapping[str, str], name: str, value: Any) -> Any:
    """The request's value as the column holds it; HubSpot takes moments as milliseconds or as ISO text."""
    text = str(value)
    try:
        if name == "hs_object_id":
            return _whole(text)
        if name in CLOCKS[object_name]:
            return _milliseconds(text)
        match types[name]:
            case "number":
                return float(text)
            case "datetime":
                return hubspot_time(_milliseconds(text))
            case _:
                return text
    except ValueError as wrong:
        raise refuse(f"Invalid filter value for property {name!r}: it is not a {types.get(name, 'moment')}") from wrong


def _milliseconds(text: str) -> int:
    return _whole(text) if text.lstrip("-").isdecimal() else parse_ms(text)


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(text)
    return int(text)


def _free_text(object_name: str, query: Any) -> list[ColumnElement[bool]]:
    if not query:
        return []
    return [
        or_(
            false(),
            *(property_of(name).contains(str(query), autoescape=True) for name in SEARCHED.get(object_name, ())),
        )
    ]


def _order(object_name: str, types: Mapping[str, str], sorts: Any) -> list[UnaryExpression[Any] | ColumnElement[Any]]:
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise refuse("Only one sort is supported.")
    if not sorts:
        return [RECORDS.c.id]
    rule = sorts[0]
    if not isinstance(rule, str | dict):
        raise refuse("Invalid input JSON: a sort is a property's name or an object")
    if isinstance(rule, str):
        rule = {"propertyName": rule.lstrip("-"), "direction": "DESCENDING" if rule.startswith("-") else "ASCENDING"}
    column = _column(object_name, types, str(rule.get("propertyName")))
    return [column.desc() if rule.get("direction") == "DESCENDING" else column, RECORDS.c.id]
