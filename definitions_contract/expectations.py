"""Which expectations a rule may name, with which arguments, and what each says of one value that is there.

Names and arguments are Great Expectations' own, so that a reader can look them up there. Two are ours, because it has none:
`expect_column_pair_days_between_to_be_between` (days from A to B) and `expect_sql_condition_to_hold`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from definitions_contract.conditions import RowCondition, comparisons, of_one_kind, parse_row_condition
from definitions_contract.schema import Rule
from definitions_contract.sql_conditions import holds_in_sql, parse_sql_condition, sql_columns

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of the vocabulary. `holds` sees the values of the judged columns, none of them missing, and the rule's kwargs.

    `kinds` are the kinds of columns it can be asked of (vocabulary.py); empty means all. `one_of` needs one of its names.
    """

    holds: Callable[[tuple[Any, ...], Arguments], bool]
    columns: tuple[str, ...] = ("column",)
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    @property
    def allowed(self) -> frozenset[str]:
        """Every argument that it takes."""
        return frozenset(self.columns) | self.required | self.optional | self.one_of | {"row_condition", "mostly"}


def columns_of(rule: Rule) -> tuple[str, ...]:
    """Columns whose values a rule judges, in the order of its expectation's arguments (A before B)."""
    if rule.expectation == SQL_CONDITION:
        return sql_columns(parse_sql_condition(str(rule.kwargs["condition"])))
    return tuple(str(rule.kwargs[name]) for name in EXPECTATIONS[rule.expectation].columns)


def row_condition_of(rule: Rule) -> RowCondition | None:
    """Give the condition that says which records a rule asks; None when it asks all."""
    return parse_row_condition(str(rule.kwargs["row_condition"])) if "row_condition" in rule.kwargs else None


def used_columns(rule: Rule) -> tuple[str, ...]:
    """Columns that a rule judges, and those of its row condition; each once."""
    condition = row_condition_of(rule)
    asked = [comparison.column for comparison in comparisons(condition)] if condition else []
    return tuple(dict.fromkeys((*columns_of(rule), *asked)))


def holds_with_sql(rule: Rule, row: Mapping[str, Any]) -> bool | None:
    """Evaluate a rule's SQL condition over a whole row; None says that there is no answer."""
    return holds_in_sql(parse_sql_condition(str(rule.kwargs["condition"])), row)


def is_same(value: object, other: object) -> bool:
    """Compare as SQL does: `true` is not 1, and an amount of 0.10 is 0.1."""
    if isinstance(value, bool) != isinstance(other, bool):
        return False
    one, another = of_one_kind(value, other)
    return bool(one == another)


def _in_set(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return any(is_same(values[0], allowed) for allowed in arguments["value_set"])


def _not_in_set(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return not _in_set(values, arguments)


def _between(values: tuple[Any, ...], arguments: Arguments) -> bool:
    lowest, highest = arguments.get("min_value"), arguments.get("max_value")
    value, lowest, highest = of_one_kind(values[0], lowest, highest)
    above = lowest is None or (value > lowest if arguments.get("strict_min") else value >= lowest)
    below = highest is None or (value < highest if arguments.get("strict_max") else value <= highest)
    return bool(above and below)


def _length_between(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return _between((len(values[0]),), arguments)


def _matches(values: tuple[Any, ...], arguments: Arguments) -> bool:
    # found anywhere in the text, as in Great Expectations; ASCII classes, as in the engines' RE2
    return re.search(arguments["regex"], values[0], re.ASCII) is not None


def _not_matches(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return not _matches(values, arguments)


def _a_greater(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return bool(values[0] >= values[1] if arguments.get("or_equal") else values[0] > values[1])


def _pair_in_set(values: tuple[Any, ...], arguments: Arguments) -> bool:
    pairs = arguments["value_pairs_set"]
    return any(is_same(values[0], first) and is_same(values[1], second) for first, second in pairs)


def _pair_equal(values: tuple[Any, ...], _arguments: Arguments) -> bool:
    return is_same(values[0], values[1])


def _days_between(values: tuple[date, ...], arguments: Arguments) -> bool:
    return _between(((values[1] - values[0]).days,), arguments)


def _asked_as_a_row(_values: tuple[Any, ...], _arguments: Arguments) -> bool:
    raise NotImplementedError("a SQL condition is asked of the row: holds_with_sql")


SQL_CONDITION = "expect_sql_condition_to_hold"
LENGTH = "expect_column_value_lengths_to_be_between"
DAYS_BETWEEN = "expect_column_pair_days_between_to_be_between"
TO_BE_NULL = "expect_column_values_to_be_null"
TO_NOT_BE_NULL = "expect_column_values_to_not_be_null"
_BOUNDS = frozenset({"min_value", "max_value"})
_STRICT = frozenset({"strict_min", "strict_max"})
_TEXT = frozenset({"text"})
_ORDERED = frozenset({"integer", "number", "date"})
_PAIR = ("column_A", "column_B")

EXPECTATIONS: Mapping[str, Expectation] = {
    "expect_column_values_to_not_be_null": Expectation(lambda _values, _arguments: True),
    TO_BE_NULL: Expectation(lambda _values, _arguments: False),
    "expect_column_values_to_be_in_set": Expectation(_in_set, required=frozenset({"value_set"})),
    "expect_column_values_to_not_be_in_set": Expectation(_not_in_set, required=frozenset({"value_set"})),
    "expect_column_values_to_be_between": Expectation(_between, one_of=_BOUNDS, optional=_STRICT, kinds=_ORDERED),
    LENGTH: Expectation(_length_between, one_of=_BOUNDS, optional=_STRICT, kinds=_TEXT),
    "expect_column_values_to_match_regex": Expectation(_matches, required=frozenset({"regex"}), kinds=_TEXT),
    "expect_column_values_to_not_match_regex": Expectation(_not_matches, required=frozenset({"regex"}), kinds=_TEXT),
    "expect_column_pair_values_a_to_be_greater_than_b": Expectation(
        _a_greater,
        columns=_PAIR,
        optional=frozenset({"or_equal"}),
        kinds=_ORDERED | {"timestamp"},
    ),
    "expect_column_pair_values_to_be_equal": Expectation(_pair_equal, columns=_PAIR),
    "expect_column_pair_values_to_be_in_set": Expectation(
        _pair_in_set, columns=_PAIR, required=frozenset({"value_pairs_set"})
    ),
    DAYS_BETWEEN: Expectation(
        _days_between, columns=_PAIR, one_of=_BOUNDS, optional=_STRICT, kinds=frozenset({"date"})
    ),
    SQL_CONDITION: Expectation(_asked_as_a_row, columns=(), required=frozenset({"condition"})),
}
