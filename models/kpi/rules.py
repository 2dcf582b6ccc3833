"""A signed rule as SQL: does a record pass it, fail it, or wait for an answer?

The meaning is that of definitions_contract/evaluate.py, which reads the same rules in plain Python; tests hold the two together.
Columns are looked up in the judged rows and values are bound. What compares a column with a value of another kind never holds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Float,
    FromClause,
    Integer,
    Numeric,
    String,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)
from sqlalchemy.types import TypeEngine

from definitions_contract.conditions import OPERATORS, AllOf, AnyOf, Nullity, RowCondition
from definitions_contract.expectations import DAYS_BETWEEN, SQL_CONDITION, TO_BE_NULL, columns_of, row_condition_of
from definitions_contract.schema import Rule, RuleOutcome
from definitions_contract.sql_conditions import parse_sql_condition
from models.duckdb import days_between
from models.errors import UnknownColumnError, UnsupportedRuleError
from models.kpi.sql_conditions import sql_expression

Column = ColumnElement[Any]
Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """What one rule says of every row: the outcome, the value seen, and until when a missing answer waits."""

    outcome: ColumnElement[str]
    observed: ColumnElement[str | None]
    waiting_until: ColumnElement[date | None]


def rule_columns(rule: Rule, rows: FromClause, *, deadline: ColumnElement[date], as_of: date) -> RuleColumns:
    """Judge `rows` by a rule. `deadline` is the last day on which a missing answer of this rule still waits."""
    values = tuple(_column(rows, name) for name in columns_of(rule))
    no_answer, holds = _answer(rule, rows, values)
    outcome = case(
        (not_(is_asked(rule, rows)), RuleOutcome.PASS.value),
        (no_answer, _outcome_of_missing(rule, is_waiting=deadline >= as_of)),
        (holds, RuleOutcome.PASS.value),
        else_=RuleOutcome.FAIL.value,
    )
    waiting_until = case((outcome == RuleOutcome.WAITING.value, deadline))
    return RuleColumns(outcome, _observed(values), waiting_until)


def is_asked(rule: Rule, rows: FromClause) -> Condition:
    """A rule with a row condition asks only the rows where that is true; a missing value is not true."""
    if "row_condition" not in rule.kwargs:
        return true()
    condition = row_condition_of(rule)
    if condition is None:
        raise UnsupportedRuleError(
            rule.id, f"row_condition {rule.kwargs['row_condition']!r}", ('col("outcome")=="held"',)
        )
    return _condition(condition, rows)


def _condition(condition: RowCondition, rows: FromClause) -> Condition:
    match condition:
        case AllOf(parts):
            return and_(*(_condition(part, rows) for part in parts))
        case AnyOf(parts):
            return or_(*(_condition(part, rows) for part in parts))
        case Nullity(name, is_null):
            column = _column(rows, name)
            return column.is_(None) if is_null else column.is_not(None)
    column = _column(rows, condition.column)
    if not _fitting(column, (condition.value,)):
        return column.is_not(None) if condition.operator == "!=" else false()
    compared: Condition = OPERATORS[condition.operator](column, condition.value)
    return func.coalesce(compared, false())


def _answer(rule: Rule, rows: FromClause, values: tuple[Column, ...]) -> tuple[Condition, Condition]:
    """Give when there is no answer, and when the answer is the wanted one."""
    if rule.expectation == SQL_CONDITION:
        condition = sql_expression(parse_sql_condition(str(rule.kwargs["condition"])), rows)
        return condition.is_(None), condition
    return or_(*(_is_missing(value, rule) for value in values)), _holds(rule, values)


def _column(rows: FromClause, name: str) -> Column:
    if name not in rows.c:
        raise UnknownColumnError("records", name, tuple(rows.c.keys()))
    return rows.c[name]


def _is_missing(value: Column, rule: Rule) -> Condition:
    waiting = _fitting(value, rule.waiting_values)
    return or_(value.is_(None), value.in_(waiting)) if waiting else value.is_(None)


def _outcome_of_missing(rule: Rule, *, is_waiting: Condition) -> Column:
    if rule.expectation == TO_BE_NULL or rule.missing == "passes":
        return literal(RuleOutcome.PASS.value)
    return case((is_waiting, RuleOutcome.WAITING.value), else_=RuleOutcome.FAIL.value)


def _holds(rule: Rule, values: tuple[Column, ...]) -> Condition:
    expectation = EXPECTATIONS_IN_SQL.get(rule.expectation)
    if expectation is None:
        raise UnsupportedRuleError(rule.id, rule.expectation, tuple(EXPECTATIONS_IN_SQL))
    return expectation(values, rule.kwargs)


def _observed(values: tuple[Column, ...]) -> ColumnElement[str | None]:
    shown = (_as_text(value) for value in values)
    return func.nullif(func.concat_ws(", ", *shown) if len(values) > 1 else next(shown), "")


def _as_text(value: Column) -> Column:
    if isinstance(value.type, DateTime):
        return func.strftime(func.timezone("UTC", value), "%Y-%m-%dT%H:%M:%S+00:00")
    return cast(value, Text)


def _fitting(column: Column, values: Iterable[Any]) -> list[Any]:
    """Keep the values that the column can hold: `true` is not 1, and a text is never a number."""
    kinds = next(kinds for types, kinds in PYTHON_KINDS if isinstance(column.type, types))
    wants_boolean = isinstance(column.type, Boolean)
    return [value for value in values if isinstance(value, kinds) and isinstance(value, bool) is wants_boolean]


PYTHON_KINDS: tuple[tuple[tuple[type[TypeEngine[Any]], ...], tuple[type, ...]], ...] = (
    ((Boolean,), (bool,)),
    ((String,), (str,)),
    ((Integer, Numeric, Float), (int, float, Decimal)),
    ((DateTime, Date), (date,)),
)


def _in_set(values: tuple[Column, ...], arguments: Mapping[str, Any]) -> Condition:
    return values[0].in_(_fitting(values[0], arguments["value_set"]))


def _between(values: tuple[Column, ...], arguments: Mapping[str, Any]) -> Condition:
    value, lowest, highest = values[0], arguments.get("min_value"), arguments.get("max_value")
    bounds: list[Condition] = []
    if lowest is not None:
        bounds.append(value > lowest if arguments.get("strict_min") else value >= lowest)
    if highest is not None:
        bounds.append(value < highest if arguments.get("strict_max") else value <= highest)
    return and_(true(), *bounds)


def _matches(values: tuple[Column, ...], arguments: Mapping[str, Any]) -> Condition:
    found: Condition = func.regexp_matches(values[0], arguments["regex"])
    return found


def _a_greater(values: tuple[Column, ...], arguments: Mapping[str, Any]) -> Condition:
    return values[0] >= values[1] if arguments.get("or_equal") else values[0] > values[1]


def _pair_in_set(values: tuple[Column, ...], arguments: Mapping[str, Any]) -> Condition:
    pairs = [pair for pair in arguments["value_pairs_set"] if all(map(_fits, values, pair))]
    return or_(false(), *(and_(values[0] == first, values[1] == second) for first, second in pairs))


def _fits(column: Column, value: Any) -> bool:
    return bool(_fitting(column, (value,)))


EXPECTATIONS_IN_SQL: Mapping[str, Callable[[tuple[Column, ...], Mapping[str, Any]], Condition]] = {
    "expect_column_values_to_not_be_null": lambda _values, _arguments: true(),
    TO_BE_NULL: lambda _values, _arguments: false(),
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": lambda values, arguments: not_(_in_set(values, arguments)),
    "expect_column_values_to_be_between": _between,
    "expect_column_value_lengths_to_be_between": lambda values, arguments: _between(
        (func.length(values[0]),), arguments
    ),
    "expect_column_values_to_match_regex": _matches,
    "expect_column_values_to_not_match_regex": lambda values, arguments: not_(_matches(values, arguments)),
    "expect_column_pair_values_a_to_be_greater_than_b": _a_greater,
    "expect_column_pair_values_to_be_equal": lambda values, _arguments: values[0] == values[1],
    "expect_column_pair_values_to_be_in_set": _pair_in_set,
    DAYS_BETWEEN: lambda values, arguments: _between((days_between(*values),), arguments),
}
