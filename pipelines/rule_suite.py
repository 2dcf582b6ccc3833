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
from great_expectations.expectations.row_conditions import Column  # noqa: TID253 - see above

from definitions_contract.expectations import TO_BE_NULL, columns_of, parse_row_condition
from definitions_contract.schema import Rule

NOT_NULL = "expect_column_values_to_not_be_null"
IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
WANTED_MATCH = {  # Great Expectations has no regular expressions for DuckDB: the batch has a column that says whether it matched
    "expect_column_values_to_match_regex": True,
    "expect_column_values_to_not_match_regex": False,
}
RULE = "rule"  # meta key: the rule's id; results are found by it, never by their place
COMPARISONS = {
    "==": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


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


def match_column(rule: Rule) -> str:
    """Name of the batch's column that says whether a rule's regular expression was found."""
    return f"match_of_{rule.id}"


def _expectations(rule: Rule) -> Iterator[Any]:
    columns = columns_of(rule)
    asked = _asked(rule)
    if rule.missing == "passes" or rule.expectation == TO_BE_NULL:
        answered = [Column(column).is_not_in(rule.waiting_values) for column in columns if rule.waiting_values]
        yield _expectation(rule, rule.expectation, _arguments(rule), [*asked, *answered])
        return
    yield _expectation(rule, rule.expectation, _arguments(rule), asked)
    for column in columns:
        if rule.expectation != NOT_NULL:
            yield _expectation(rule, NOT_NULL, {"column": column}, asked)
        if rule.waiting_values:
            waiting = {"column": column, "value_set": list(rule.waiting_values)}
            yield _expectation(rule, NOT_IN_SET, waiting, asked)


def _arguments(rule: Rule) -> dict[str, Any]:
    if rule.expectation in WANTED_MATCH:
        return {"column": match_column(rule), "value_set": [WANTED_MATCH[rule.expectation]]}
    arguments = {name: value for name, value in rule.kwargs.items() if name != "row_condition"}
    if "column_A" in arguments:
        arguments["ignore_row_if"] = "either_value_is_missing"  # "not null" finds those
    return arguments


def _asked(rule: Rule) -> list[Any]:
    condition = parse_row_condition(rule.kwargs["row_condition"]) if "row_condition" in rule.kwargs else None
    return [COMPARISONS[condition.operator](Column(condition.column), condition.value)] if condition else []


def _expectation(rule: Rule, name: str, arguments: Mapping[str, Any], conditions: Sequence[Any]) -> Any:
    used = IN_SET if name in WANTED_MATCH else name
    expectation = getattr(vocabulary, "".join(part.capitalize() for part in used.split("_")))
    limits = {"row_condition": reduce(and_, conditions)} if conditions else {}
    # a suite drops what it takes for a double, and looks at the description but not at the meta
    return expectation(
        **arguments, **limits, meta={RULE: rule.id}, description=f"{rule.id}: {name}", severity=rule.severity.value
    )
