"""What a definition says of one record: the plain reading of the rules, written apart from the SQL and from Great Expectations.

The order for one rule and one record:

1. `row_condition` given and not true (a missing value is not true): the rule does not ask this record -> pass.
2. A judged column is missing (None), or holds one of the rule's `waiting_values`: there is no answer.
   `expect_column_values_to_be_null` is the exception: there a missing value is the answer -> pass.
   - `missing: passes` -> pass.
   - as_of <= the counted day plus `wait_business_days` business days -> waiting. With 0 that last day is the counted day
     itself, so nothing fails for a missing answer before its day is over.
   - later -> fail.
   A SQL condition judges missing values itself: there is no answer when the condition is NULL.
3. There is an answer: the expectation holds -> pass, else fail. A given answer is judged at once, before the counted day too.

The verdict: a critical rule failed -> invalid; else a critical rule waits -> pending; else valid. Warnings never decide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from definitions_contract.expectations import (
    EXPECTATIONS,
    SQL_CONDITION,
    TO_BE_NULL,
    columns_of,
    holds_with_sql,
    is_same,
    row_condition_of,
)
from definitions_contract.periods import add_weekdays
from definitions_contract.schema import Definition, Rule, RuleOutcome, Severity, Verdict

AddBusinessDays = Callable[[date, int], date]

LONG_AFTER = 400  # business days: later than any deadline an agreement may set (Rule.wait_business_days is at most 260)
EXAMPLE_KEYS = ("verdict", "business_days_after", "note")  # keys of an example that are no columns


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says of one record, and the value it saw, as text."""

    rule_id: str
    severity: Severity
    outcome: RuleOutcome
    observed: str | None
    waiting_until: date | None  # set while it waits: the last day on which a missing answer still counts as waiting


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with its reasons, rules in the definition's order."""

    verdict: Verdict
    results: tuple[RuleResult, ...]

    @property
    def failed_rules(self) -> tuple[str, ...]:
        """Critical rules that failed."""
        return self._ids(Severity.CRITICAL, RuleOutcome.FAIL)

    @property
    def waiting_rules(self) -> tuple[str, ...]:
        """Critical rules that wait for an answer."""
        return self._ids(Severity.CRITICAL, RuleOutcome.WAITING)

    @property
    def warned_rules(self) -> tuple[str, ...]:
        """Warning rules that failed."""
        return self._ids(Severity.WARNING, RuleOutcome.FAIL)

    @property
    def pending_until(self) -> date | None:
        """Last day on which it stays pending without an answer: the earliest deadline of its waiting critical rules."""
        if self.verdict is not Verdict.PENDING:
            return None
        waiting = (result.waiting_until for result in self.results if result.rule_id in self.waiting_rules)
        return min(day for day in waiting if day is not None)

    def _ids(self, severity: Severity, outcome: RuleOutcome) -> tuple[str, ...]:
        return tuple(r.rule_id for r in self.results if r.severity is severity and r.outcome is outcome)


@dataclass(frozen=True, slots=True)
class ExampleCase:
    """A signed example made ready to judge: also for the SQL statement and the Great Expectations suite."""

    row: Mapping[str, Any]
    as_of: date
    expected: Verdict


def evaluate(
    definition: Definition, row: Mapping[str, Any], *, as_of: date, add_business_days: AddBusinessDays
) -> Judgement:
    """Judge one record. `row` has the definition's `counted_on` day; columns that it lacks count as missing."""
    counted_day = row[definition.counted_on]
    results = tuple(
        _evaluate_rule(rule, row, as_of=as_of, deadline=add_business_days(counted_day, rule.wait_business_days))
        for rule in definition.rules
    )
    return Judgement(_verdict(results), results)


def example_case(definition: Definition, example: Mapping[str, Any]) -> ExampleCase:
    """Make a signed example ready: counted on the version's first day, judged `business_days_after` it (default: long after).

    Weekdays only: an example must not change its verdict with a country's holidays.
    """
    row = {key: value for key, value in example.items() if key not in EXAMPLE_KEYS}
    counted_day = row.setdefault(definition.counted_on, definition.effective_from)
    as_of = add_weekdays(counted_day, int(example.get("business_days_after", LONG_AFTER)))
    return ExampleCase(row, as_of, Verdict(example["verdict"]))


def evaluate_example(definition: Definition, example: Mapping[str, Any]) -> Judgement:
    """Judge a signed example."""
    case = example_case(definition, example)
    return evaluate(definition, case.row, as_of=case.as_of, add_business_days=add_weekdays)


def _evaluate_rule(rule: Rule, row: Mapping[str, Any], *, as_of: date, deadline: date) -> RuleResult:
    values = tuple(row.get(column) for column in columns_of(rule))
    outcome = _outcome(rule, row, values, is_over=as_of > deadline)
    waiting_until = deadline if outcome is RuleOutcome.WAITING else None
    return RuleResult(rule.id, rule.severity, outcome, observed(values), waiting_until)


def _outcome(rule: Rule, row: Mapping[str, Any], values: tuple[Any, ...], *, is_over: bool) -> RuleOutcome:
    condition = row_condition_of(rule)
    if condition is not None and not condition.holds(row):
        return RuleOutcome.PASS
    answer = _answer(rule, row, values)
    if answer is None:
        return _outcome_of_missing(rule, is_over=is_over)
    return RuleOutcome.PASS if answer else RuleOutcome.FAIL


def _answer(rule: Rule, row: Mapping[str, Any], values: tuple[Any, ...]) -> bool | None:
    """Tell whether the expectation holds; None when there is no answer yet."""
    if rule.expectation == SQL_CONDITION:
        return holds_with_sql(rule, row)
    if any(_is_missing(value, rule) for value in values):
        return None
    return EXPECTATIONS[rule.expectation].holds(values, rule.kwargs)


def _outcome_of_missing(rule: Rule, *, is_over: bool) -> RuleOutcome:
    if rule.expectation == TO_BE_NULL or rule.missing == "passes":
        return RuleOutcome.PASS
    return RuleOutcome.FAIL if is_over else RuleOutcome.WAITING


def _is_missing(value: object, rule: Rule) -> bool:
    return value is None or any(is_same(value, waiting) for waiting in rule.waiting_values)


def _verdict(results: tuple[RuleResult, ...]) -> Verdict:
    outcomes = {result.outcome for result in results if result.severity is Severity.CRITICAL}
    if RuleOutcome.FAIL in outcomes:
        return Verdict.INVALID
    return Verdict.PENDING if RuleOutcome.WAITING in outcomes else Verdict.VALID


def observed(values: tuple[Any, ...]) -> str | None:
    """Show what a rule saw: None when nothing was there; the two of a pair with a comma between."""
    shown = [_as_text(value) for value in values if value is not None]
    return ", ".join(shown) or None


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)
