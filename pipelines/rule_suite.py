"""How is a signed rule said in Great Expectations? One suite per version, each rule's id in the meta of its expectations.

Great Expectations skips missing values; a rule does not. So a rule becomes up to three expectations that share its id: the rule
itself, "not null", and "not one of the waiting values". A meeting that any of them finds does not pass the rule.
Import this module inside a function only: it imports Great Expectations, which takes seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Any

from great_expectations import ExpectationSuite  # noqa: TID253 - see above
from great_expectations import expectations as vocabulary  # noqa: TID253 - see above
from great_expectations.expectations.row_conditions import Column, OrCondition  # noqa: TID253 - see above

from definitions_contract.conditions import OPERATORS, Comparison, Nullity, alternatives
from definitions_contract.expectations import (
    DAYS_BETWEEN,
    SQL_CONDITION,
    TO_BE_NULL,
    TO_NOT_BE_NULL,
    columns_of,
    row_condition_of,
)
from definitions_contract.schema import Rule
from pipelines.allowed_pairs import ExpectColumnPairValuesToBeInSet

IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
BETWEEN = "expect_column_values_to_be_between"
WANTED_MATCH = {"expect_column_values_to_match_regex": True, "expect_column_values_to_not_match_regex": False}
# Great Expectations has no regular expressions for DuckDB, no days between two columns, and lists 200 rows of a condition in SQL at
# most: for these the batch has a column with what the rule looks at
COMPUTED = (*WANTED_MATCH, DAYS_BETWEEN, SQL_CONDITION)
OURS = {ExpectColumnPairValuesToBeInSet.__name__: ExpectColumnPairValuesToBeInSet}  # mended ones, of the same type
RULE = "rule"  # meta key: the rule's id; results are found by it, never by their place


def build_suite(name: str, rules: Sequence[Rule]) -> Any:
    """Say the rules in Great Expectations' words; the first expectation only counts the rows."""
    suite = ExpectationSuite(name=name)
    suite.add_expectation(vocabulary.ExpectTableRowCountToBeBetween(min_value=0))
    for rule in rules:
        for expectation in expectations_of(rule):
            suite.add_expectation(expectation)
    return suite


def expectations_of(rule: Rule) -> tuple[Any, ...]:
    """Give all expectations that say one rule."""
    return tuple(_expectations(rule))


def computed_column(rule: Rule) -> str:
    """Name of the batch's column that holds what a rule looks at: a match, a number of days, a condition."""
    return f"computed_for_{rule.id}"


def _expectations(rule: Rule) -> Iterator[Any]:
    columns = (computed_column(rule),) if rule.expectation == SQL_CONDITION else columns_of(rule)
    name, arguments = _said(rule)
    asked = _asked(rule)
    if rule.missing == "passes" or rule.expectation == TO_BE_NULL:
        answered = [Column(column) != value for column in columns for value in rule.waiting_values]
        yield _expectation(rule, name, arguments, [[*conditions, *answered] for conditions in asked])
        return
    yield _expectation(rule, name, arguments, asked)
    for column in dict.fromkeys(columns):
        if rule.expectation != TO_NOT_BE_NULL:
            yield _expectation(rule, TO_NOT_BE_NULL, {"column": column}, asked)
        if rule.waiting_values:
            waiting = {"column": column, "value_set": list(rule.waiting_values)}
            yield _expectation(rule, NOT_IN_SET, waiting, asked, why=" (waiting values)")


def _said(rule: Rule) -> tuple[str, dict[str, Any]]:
    """Give the expectation and its arguments; a computed column is asked in words that there are."""
    computed = {"column": computed_column(rule)}
    if rule.expectation in WANTED_MATCH or rule.expectation == SQL_CONDITION:
        return IN_SET, {**computed, "value_set": [WANTED_MATCH.get(rule.expectation, True)]}
    ours = ("row_condition", "mostly")  # the first becomes conditions, the second is judged apart
    arguments = {name: value for name, value in rule.kwargs.items() if name not in ours}
    if rule.expectation == DAYS_BETWEEN:
        bounds = {name: value for name, value in arguments.items() if name not in ("column_A", "column_B")}
        return BETWEEN, {**computed, **bounds}
    if "column_A" in arguments:
        arguments["ignore_row_if"] = "either_value_is_missing"  # "not null" finds those
    if "value_pairs_set" in arguments:
        arguments["value_pairs_set"] = [tuple(pair) for pair in arguments["value_pairs_set"]]
    return rule.expectation, arguments


def _asked(rule: Rule) -> list[list[Any]]:
    """Give the alternatives of a row condition; Great Expectations takes no | inside of &."""
    condition = row_condition_of(rule)
    return [[_comparison(one) for one in every] for every in alternatives(condition)] if condition else [[]]


def _comparison(comparison: Comparison | Nullity) -> Any:
    column = Column(comparison.column)
    if isinstance(comparison, Nullity):
        return column.is_null() if comparison.is_null else column.is_not_null()
    return OPERATORS[comparison.operator](column, comparison.value)


def _expectation(
    rule: Rule, name: str, arguments: Mapping[str, Any], asked: Sequence[Sequence[Any]], *, why: str = ""
) -> Any:
    class_name = "".join(part.capitalize() for part in name.split("_"))
    expectation = OURS.get(class_name) or getattr(vocabulary, class_name)
    every = [reduce(and_, conditions) for conditions in asked if conditions]
    limits = {} if len(every) < len(asked) else {"row_condition": every[0] if len(every) == 1 else _any(every)}
    # a suite drops what it takes for a double, and looks at the description but not at the meta: a rule may refuse the values
    # that it waits for
    description = f"{rule.id}: {name}{why}"
    return expectation(
        **arguments, **limits, meta={RULE: rule.id}, description=description, severity=rule.severity.value
    )


def _any(conditions: Sequence[Any]) -> Any:
    return OrCondition(conditions=list(conditions))
