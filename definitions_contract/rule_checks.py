"""What must be true of one rule: its expectation, its arguments, the columns and values that it names."""

import re
from collections.abc import Iterator
from typing import Any

from definitions_contract import advice
from definitions_contract.conditions import (
    MOST_COMPARISONS,
    ROW_CONDITION_FORM,
    Comparison,
    Nullity,
    alternatives,
    comparisons,
    parse_row_condition,
)
from definitions_contract.documents import Document, Location
from definitions_contract.draft import check_known
from definitions_contract.errors import Issue
from definitions_contract.expectations import (
    DAYS_BETWEEN,
    EXPECTATIONS,
    LENGTH,
    SQL_CONDITION,
    TO_BE_NULL,
    TO_NOT_BE_NULL,
    Expectation,
)
from definitions_contract.schema import Rule
from definitions_contract.sql_conditions import (
    SQL_CONDITION_FORM,
    SqlConditionError,
    check_sql_condition,
    parse_sql_condition,
    sql_columns,
)
from definitions_contract.vocabulary import allowed_values, is_allowed_value, is_of_kind, rule_columns

# look-around, back references, atomic groups, conditionals: Python has them, RE2 does not
BEYOND_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]")


def check_rule(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    """Check one rule of a definition that judges this event."""
    expectation = EXPECTATIONS.get(rule.expectation)
    if expectation is None:
        yield from check_known(document, (*place, "expectation"), rule.expectation, EXPECTATIONS)
        return
    missing_or_unknown = list(_check_argument_names(document, (*place, "kwargs"), rule, expectation))
    yield from missing_or_unknown
    if missing_or_unknown:
        return
    if rule.expectation == TO_NOT_BE_NULL and rule.missing == "passes":
        allowed = "missing: fails; as it stands, the rule could never fail"
        yield document.issue((*place, "missing"), found=rule.missing, allowed=allowed, advice=advice.USE_ALLOWED)
    if rule.expectation == SQL_CONDITION:
        yield from _check_sql_condition(document, place, rule, event)
        yield from _check_arguments(document, (*place, "kwargs"), rule, event)
    else:
        yield from _check_columns(document, place, rule, event)


def _check_argument_names(document: Document, place: Location, rule: Rule, expectation: Expectation) -> Iterator[Issue]:
    for name in rule.kwargs:
        yield from check_known(document, (*place, name), name, expectation.allowed)
    for name in sorted({*expectation.columns, *expectation.required} - set(rule.kwargs)):
        yield document.issue(
            (*place, name), found=None, allowed=f"{name} with {rule.expectation}", advice=advice.ADD_KEY
        )
    if expectation.one_of and not expectation.one_of & set(rule.kwargs):
        allowed = " or ".join(sorted(expectation.one_of))
        yield document.issue(place, found=sorted(rule.kwargs), allowed=allowed, advice=advice.ADD_KEY)


def _check_columns(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    expectation, columns = EXPECTATIONS[rule.expectation], rule_columns(event)
    allowed = [name for name, kind in columns.items() if not expectation.kinds or kind in expectation.kinds]
    places = [(*place, "kwargs", name) for name in expectation.columns]
    unknown = [
        issue
        for name, location in zip(expectation.columns, places, strict=True)
        for issue in check_known(document, location, str(rule.kwargs[name]), allowed)
    ]
    yield from unknown
    if unknown:
        return
    kinds = {columns[str(rule.kwargs[name])] for name in expectation.columns}
    if len(kinds) > 1:
        found = " and ".join(sorted(kinds))
        yield document.issue(places[-1], found=found, allowed="two columns of one kind", advice=advice.USE_ALLOWED)
    yield from _check_arguments(document, (*place, "kwargs"), rule, event)
    yield from _check_waiting(document, place, rule, event)


def _check_arguments(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    for name, value in rule.kwargs.items():
        location = (*place, name)
        match name:
            case "value_set":
                yield from _check_value_set(document, location, str(rule.kwargs["column"]), value, event)
            case "value_pairs_set":
                yield from _check_pairs(document, location, rule, event)
            case "min_value" | "max_value":
                yield from _check_bound(document, location, rule, event)
            case "row_condition":
                yield from _check_row_condition(document, location, value, event)
            case _:
                yield from _check_setting(document, location, value)


def _check_setting(document: Document, place: Location, value: Any) -> Iterator[Issue]:
    match place[-1]:
        case "strict_min" | "strict_max" | "or_equal":
            if not isinstance(value, bool):
                yield document.issue(place, found=value, allowed="true or false", advice=advice.USE_KIND)
        case "regex":
            yield from _check_regex(document, place, value)
        case "mostly":
            if not is_of_kind(value, "number") or not 0 < value <= 1:
                allowed = "a fraction above 0, at most 1, such as 0.7"
                yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_KIND)


def _check_value_set(document: Document, place: Location, column: str, values: Any, event: str) -> Iterator[Issue]:
    if not isinstance(values, list) or not values:
        yield document.issue(place, found=values, allowed="a list of values", advice=advice.USE_KIND)
        return
    for number, value in enumerate(values):
        yield from check_value(document, (*place, number), column, value, event)


def _check_pairs(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    pairs = rule.kwargs["value_pairs_set"]
    if not isinstance(pairs, list) or not pairs or any(not isinstance(p, list) or len(p) != 2 for p in pairs):
        yield document.issue(place, found=pairs, allowed="a list of [value of A, value of B]", advice=advice.USE_KIND)
        return
    for number, pair in enumerate(pairs):
        for position, (name, value) in enumerate(zip(("column_A", "column_B"), pair, strict=True)):
            yield from check_value(document, (*place, number, position), str(rule.kwargs[name]), value, event)


def check_value(document: Document, place: Location, column: str, value: Any, event: str) -> Iterator[Issue]:
    """Check that a value may stand in a column."""
    if not is_allowed_value(event, column, value):
        allowed = f"{allowed_values(event, column)} ({column})"
        yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_ALLOWED)


def _check_bound(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    value = rule.kwargs[str(place[-1])]
    counts = rule.expectation in (LENGTH, DAYS_BETWEEN)
    wrong = list(
        _check_whole_number(document, place, value)
        if counts
        else check_value(document, place, str(rule.kwargs["column"]), value, event)
    )
    yield from wrong
    lowest, highest = rule.kwargs.get("min_value"), rule.kwargs.get("max_value")
    if place[-1] == "max_value" and not wrong and _is_below(highest, lowest):
        allowed = f"at least min_value ({lowest})"
        yield document.issue(place, found=highest, allowed=allowed, advice=advice.USE_ALLOWED)


def _check_whole_number(document: Document, place: Location, value: Any) -> Iterator[Issue]:
    if not is_of_kind(value, "integer"):
        yield document.issue(place, found=value, allowed="a whole number", advice=advice.USE_KIND)


def _is_below(highest: Any, lowest: Any) -> bool:
    return type(lowest) is type(highest) and lowest is not None and bool(highest < lowest)


def _check_regex(document: Document, place: Location, value: Any) -> Iterator[Issue]:
    try:
        re.compile(value, re.ASCII)
    except (re.error, TypeError) as error:
        found = f"{value} ({error})"
        yield document.issue(place, found=found, allowed="a regular expression", advice=advice.USE_KIND)
        return
    if BEYOND_RE2.search(value):
        yield document.issue(place, found=value, allowed="what RE2 knows", advice=advice.SIMPLE_REGEX)


def _check_row_condition(document: Document, place: Location, value: Any, event: str) -> Iterator[Issue]:
    condition = parse_row_condition(value) if isinstance(value, str) else None
    if condition is None:
        yield document.issue(place, found=value, allowed=ROW_CONDITION_FORM, advice=advice.USE_KIND)
        return
    if sum(map(len, alternatives(condition))) > MOST_COMPARISONS:
        allowed = f"{MOST_COMPARISONS} comparisons after | is moved outside of &"
        yield document.issue(place, found=value, allowed=allowed, advice=advice.SHORTEN)
    for comparison in comparisons(condition):
        unknown = list(check_known(document, place, comparison.column, rule_columns(event)))
        yield from unknown or _check_comparison(document, place, comparison, event)


def _check_comparison(
    document: Document, place: Location, comparison: Comparison | Nullity, event: str
) -> Iterator[Issue]:
    if isinstance(comparison, Nullity):
        return
    column, kind = comparison.column, rule_columns(event)[comparison.column]
    if kind == "timestamp":
        allowed = f"a column that is no point in time ({column}); its day is a date"
        yield document.issue(place, found=column, allowed=allowed, advice=advice.USE_ALLOWED)
    elif kind == "boolean" and comparison.operator not in ("==", "!="):
        yield document.issue(
            place, found=comparison.operator, allowed="== or != with true or false", advice=advice.USE_KIND
        )
    else:
        yield from check_value(document, place, column, comparison.value, event)


def _check_sql_condition(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    location, text = (*place, "kwargs", "condition"), rule.kwargs["condition"]
    try:
        condition = parse_sql_condition(str(text))
        check_sql_condition(condition, rule_columns(event))
    except SqlConditionError as error:
        yield document.issue(location, found=str(error), allowed=SQL_CONDITION_FORM, advice=advice.SIMPLER_CONDITION)
        return
    if not sql_columns(condition):
        yield document.issue(location, found=text, allowed="a column of the record", advice=advice.SIMPLER_CONDITION)
    if rule.waiting_values:
        where, found = (*place, "waiting_values"), list(rule.waiting_values)
        yield document.issue(where, found=found, allowed=f"none with {SQL_CONDITION}", advice=advice.WAIT_BY_NULL)


def _check_waiting(document: Document, place: Location, rule: Rule, event: str) -> Iterator[Issue]:
    if rule.waiting_values and rule.expectation == TO_BE_NULL:
        location, found = (*place, "waiting_values"), list(rule.waiting_values)
        yield document.issue(location, found=found, allowed=f"none with {TO_BE_NULL}", advice=advice.UNNEEDED_HERE)
        return
    column = str(rule.kwargs[EXPECTATIONS[rule.expectation].columns[0]])
    for number, value in enumerate(rule.waiting_values):
        yield from check_value(document, (*place, "waiting_values", number), column, value, event)
