"""Which expectations a rule may name, with which arguments, and what each says of one value that is there.

Names and arguments are Great Expectations' own, so that a reader can look them up there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from definitions_contract.schema import Rule

ROW_CONDITION = re.compile(
    r"""^\s*col\(\s*(?P<quote>["'])(?P<column>[a-z_][a-z0-9_]*)(?P=quote)\s*\)\s*
    (?P<operator>==|!=|<=|>=|<|>)\s*
    (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<number>-?\d+(?:\.\d+)?))\s*$""",
    re.VERBOSE,
)
ROW_CONDITION_FORM = """col("column")=="text", or != < <= > >=, with a text or a number"""
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda value, other: bool(value == other),
    "!=": lambda value, other: bool(value != other),
    "<": lambda value, other: bool(value < other),
    "<=": lambda value, other: bool(value <= other),
    ">": lambda value, other: bool(value > other),
    ">=": lambda value, other: bool(value >= other),
}

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowCondition:
    """`col("outcome")=="held"`: the rule asks only rows where this is true; a row without the value is not asked."""

    column: str
    operator: str
    value: str | int | float

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the rule asks this row."""
        value = row.get(self.column)
        return value is not None and OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of the vocabulary. `holds` sees the values of `columns`, none of them missing, and the rule's kwargs.

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
        return frozenset(self.columns) | self.required | self.optional | self.one_of | {"row_condition"}


def parse_row_condition(text: str) -> RowCondition | None:
    """Read a row condition; None when it is not of the simple form.

    >>> parse_row_condition('col("outcome")=="held"')
    RowCondition(column='outcome', operator='==', value='held')
    """
    match = ROW_CONDITION.match(text)
    if match is None:
        return None
    number = match["number"]
    if number is not None:
        return RowCondition(match["column"], match["operator"], float(number) if "." in number else int(number))
    return RowCondition(
        match["column"], match["operator"], match["double"] if match["double"] is not None else match["single"]
    )


def columns_of(rule: Rule) -> tuple[str, ...]:
    """Columns whose values a rule judges, in the order of its expectation's arguments (A before B)."""
    return tuple(str(rule.kwargs[name]) for name in EXPECTATIONS[rule.expectation].columns)


def is_same(value: object, other: object) -> bool:
    """Compare as SQL does: `true` is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def _in_set(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return any(is_same(values[0], allowed) for allowed in arguments["value_set"])


def _not_in_set(values: tuple[Any, ...], arguments: Arguments) -> bool:
    return not _in_set(values, arguments)


def _between(values: tuple[Any, ...], arguments: Arguments) -> bool:
    value, lowest, highest = values[0], arguments.get("min_value"), arguments.get("max_value")
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


TO_BE_NULL = "expect_column_values_to_be_null"
_BOUNDS = frozenset({"min_value", "max_value"})
_STRICT = frozenset({"strict_min", "strict_max"})
_TEXT = frozenset({"text"})
_ORDERED = frozenset({"integer", "number", "date"})

EXPECTATIONS: Mapping[str, Expectation] = {
    "expect_column_values_to_not_be_null": Expectation(lambda _values, _arguments: True),
    TO_BE_NULL: Expectation(lambda _values, _arguments: False),
    "expect_column_values_to_be_in_set": Expectation(_in_set, required=frozenset({"value_set"})),
    "expect_column_values_to_not_be_in_set": Expectation(_not_in_set, required=frozenset({"value_set"})),
    "expect_column_values_to_be_between": Expectation(_between, one_of=_BOUNDS, optional=_STRICT, kinds=_ORDERED),
    "expect_column_value_lengths_to_be_between": Expectation(
        _length_between, one_of=_BOUNDS, optional=_STRICT, kinds=_TEXT
    ),
    "expect_column_values_to_match_regex": Expectation(_matches, required=frozenset({"regex"}), kinds=_TEXT),
    "expect_column_values_to_not_match_regex": Expectation(_not_matches, required=frozenset({"regex"}), kinds=_TEXT),
    "expect_column_pair_values_a_to_be_greater_than_b": Expectation(
        _a_greater,
        columns=("column_A", "column_B"),
        optional=frozenset({"or_equal"}),
        kinds=_ORDERED | {"timestamp"},
    ),
}
