"""The plain reading of the rules: each rule's outcome, what waits until when, and the verdict."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions_contract.conditions import alternatives, parse_row_condition
from definitions_contract.evaluate import evaluate, evaluate_example, observed
from definitions_contract.expectations import EXPECTATIONS
from definitions_contract.periods import BusinessCalendar
from definitions_contract.schema import Agreement, Definition, Label, Rule, RuleOutcome, Severity, Verdict

HELD_DAY = date(2026, 6, 12)  # a Friday
JAPAN = BusinessCalendar("JP")
TEXT = "expect_column_values_to_match_regex"
NOT_TEXT = "expect_column_values_to_not_match_regex"
NULL = "expect_column_values_to_be_null"
NOT_NULL = "expect_column_values_to_not_be_null"
LATER = {"column_A": "held_date", "column_B": "booked_date"}
LESS_THAN_60 = {"column": "minutes", "max_value": 60, "strict_max": True}
MORE_THAN_15 = {"column": "minutes", "min_value": 15, "strict_min": True}
NOT_UNKNOWN = {"column": "lead_source", "value_set": ["unknown"]}
BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
LENGTH = "expect_column_value_lengths_to_be_between"
EQUAL = "expect_column_pair_values_to_be_equal"
PAIRS = "expect_column_pair_values_to_be_in_set"
HOW_FIRST = {
    "column_A": "outcome",
    "column_B": "response_method",
    "value_pairs_set": [["held", "call"], ["held", "form"]],
}
DAYS = "expect_column_pair_days_between_to_be_between"
WITHIN_3 = {"column_A": "held_date", "column_B": "feedback_date", "min_value": 0, "max_value": 3}
SQL = "expect_sql_condition_to_hold"
LONG_OR_DEAL = {"condition": "minutes >= 30 or has_deal"}
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"


def a_rule(expectation: str, **changes: Any) -> Rule:
    kwargs = changes.pop("kwargs")
    return Rule(
        id=changes.pop("id", "rule"),
        label=Label(ja="規則", en="Rule"),
        expectation=expectation,
        kwargs=kwargs,
        **changes,
    )


def a_definition(*rules: Rule) -> Definition:
    return Definition(
        name="valid_meeting",
        version=1,
        effective_from=date(2026, 1, 1),
        counted_on="held_date",
        agreed_between=("inside_sales",),
        why="a test",
        rules=rules,
    )


def outcome_of(rule: Rule, row: Mapping[str, Any], as_of: date = date(2027, 1, 1)) -> RuleOutcome:
    judgement = evaluate(
        a_definition(rule), {"held_date": HELD_DAY, **row}, as_of=as_of, add_business_days=JAPAN.add_business_days
    )
    return judgement.results[0].outcome


@pytest.mark.parametrize(
    ("expectation", "kwargs", "row", "passes"),
    [
        pytest.param(NOT_NULL, {"column": "deal_id"}, {"deal_id": "x"}, True, id="there"),
        pytest.param(NOT_NULL, {"column": "deal_id"}, {"deal_id": None}, False, id="not there"),
        pytest.param(NULL, {"column": "reject_reason"}, {}, True, id="null, as wanted"),
        pytest.param(NULL, {"column": "reject_reason"}, {"reject_reason": "budget"}, False, id="not null"),
        pytest.param(IN_SET, {"column": "outcome", "value_set": ["held"]}, {"outcome": "held"}, True, id="in the set"),
        pytest.param(IN_SET, {"column": "outcome", "value_set": ["held"]}, {"outcome": "no_show"}, False, id="outside the set"),
        pytest.param(IN_SET, {"column": "has_deal", "value_set": [True]}, {"has_deal": True}, True, id="true is true"),
        pytest.param(IN_SET, {"column": "attendee_count", "value_set": [1]}, {"attendee_count": True}, False, id="true is not 1"),
        pytest.param(IN_SET, {"column": "deal_amount", "value_set": [0.1]}, {"deal_amount": Decimal("0.10")}, True, id="an amount"),
        pytest.param(NOT_IN_SET, NOT_UNKNOWN, {"lead_source": "event"}, True, id="not in the set"),
        pytest.param(NOT_IN_SET, NOT_UNKNOWN, {"lead_source": "unknown"}, False, id="in the bad set"),
        pytest.param(NOT_IN_SET, NOT_UNKNOWN, {}, False, id="null is never in order"),
        pytest.param(BETWEEN, {"column": "minutes", "min_value": 15}, {"minutes": 15}, True, id="the least counts"),
        pytest.param(BETWEEN, {"column": "minutes", "min_value": 15}, {"minutes": 14}, False, id="below the least"),
        pytest.param(BETWEEN, MORE_THAN_15, {"minutes": 15}, False, id="strict least"),
        pytest.param(BETWEEN, {"column": "minutes", "max_value": 60}, {"minutes": 60}, True, id="the most counts"),
        pytest.param(BETWEEN, LESS_THAN_60, {"minutes": 60}, False, id="strict most"),
        pytest.param(BETWEEN, {"column": "minutes", "min_value": 15, "max_value": 60}, {"minutes": 61}, False, id="above the most"),
        pytest.param(LENGTH, {"column": "reject_reason", "min_value": 3}, {"reject_reason": "予算外"}, True, id="three characters"),
        pytest.param(LENGTH, {"column": "reject_reason", "min_value": 3}, {"reject_reason": "予算"}, False, id="two characters"),
        pytest.param(TEXT, {"column": "industry", "regex": "ware"}, {"industry": "software"}, True, id="found inside"),
        pytest.param(TEXT, {"column": "industry", "regex": "^ware"}, {"industry": "software"}, False, id="not at the start"),
        pytest.param(NOT_TEXT, {"column": "industry", "regex": "ware"}, {"industry": "steel"}, True, id="not found"),
        pytest.param(NOT_TEXT, {"column": "industry", "regex": "ware"}, {"industry": "software"}, False, id="found"),
        pytest.param(PAIR, LATER, {"booked_date": HELD_DAY - timedelta(1)}, True, id="later"),
        pytest.param(PAIR, LATER, {"booked_date": HELD_DAY}, False, id="same is not greater"),
        pytest.param(PAIR, {**LATER, "or_equal": True}, {"booked_date": HELD_DAY}, True, id="same or greater"),
        pytest.param(PAIR, LATER, {}, False, id="one of the two missing"),
        pytest.param(EQUAL, LATER, {"booked_date": HELD_DAY}, True, id="equal"),
        pytest.param(EQUAL, LATER, {"booked_date": HELD_DAY - timedelta(1)}, False, id="not equal"),
        pytest.param(PAIRS, HOW_FIRST, {"outcome": "held", "response_method": "call"}, True, id="pair in the set"),
        pytest.param(PAIRS, HOW_FIRST, {"outcome": "call", "response_method": "held"}, False, id="pair turned round"),
        pytest.param(DAYS, WITHIN_3, {"feedback_date": HELD_DAY + timedelta(3)}, True, id="last day"),
        pytest.param(DAYS, WITHIN_3, {"feedback_date": HELD_DAY + timedelta(4)}, False, id="a day late"),
        pytest.param(DAYS, WITHIN_3, {"feedback_date": HELD_DAY - timedelta(1)}, False, id="before it was held"),
        pytest.param(DAYS, WITHIN_3, {}, False, id="no feedback date"),
        pytest.param(SQL, LONG_OR_DEAL, {"minutes": 30}, True, id="one side is enough"),
        pytest.param(SQL, LONG_OR_DEAL, {"minutes": 29, "has_deal": False}, False, id="neither side"),
        pytest.param(SQL, LONG_OR_DEAL, {"minutes": 29}, False, id="unknown is no answer"),
    ],
)  # fmt: skip
def test_an_expectation_says_what_great_expectations_says_except_that_null_never_passes(
    expectation: str, kwargs: dict[str, Any], row: dict[str, Any], passes: bool
) -> None:
    outcome = outcome_of(a_rule(expectation, kwargs=kwargs), row)

    assert outcome is (RuleOutcome.PASS if passes else RuleOutcome.FAIL)


def test_every_expectation_is_tried_above() -> None:
    (mark,) = [
        mark
        for mark in test_an_expectation_says_what_great_expectations_says_except_that_null_never_passes.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    ]

    assert {case.values[0] for case in mark.args[1]} == set(EXPECTATIONS)


@pytest.mark.parametrize(
    ("wait", "as_of", "outcome"),
    [
        pytest.param(5, date(2026, 6, 1), RuleOutcome.WAITING, id="before its day"),
        pytest.param(5, date(2026, 6, 19), RuleOutcome.WAITING, id="fifth business day"),
        pytest.param(5, date(2026, 6, 20), RuleOutcome.FAIL, id="the day after"),
        pytest.param(0, date(2026, 6, 11), RuleOutcome.WAITING, id="no wait, before its day"),
        pytest.param(0, date(2026, 6, 12), RuleOutcome.WAITING, id="no wait, its day"),
        pytest.param(0, date(2026, 6, 13), RuleOutcome.FAIL, id="no wait, the day after"),
    ],
)
def test_a_missing_answer_waits_until_its_last_day_is_over(wait: int, as_of: date, outcome: RuleOutcome) -> None:
    rule = a_rule(IN_SET, kwargs={"column": "field_sales_feedback", "value_set": ["accepted"]}, wait_business_days=wait)

    assert outcome_of(rule, {"field_sales_feedback": None}, as_of) is outcome


def test_holidays_make_the_wait_longer() -> None:
    rule = a_rule(IN_SET, kwargs={"column": "field_sales_feedback", "value_set": ["accepted"]}, wait_business_days=5)
    golden_week = {"held_date": date(2026, 4, 28)}

    before_last_day_is_over = outcome_of(rule, golden_week, date(2026, 5, 11))
    after = outcome_of(rule, golden_week, date(2026, 5, 12))

    assert (before_last_day_is_over, after) == (RuleOutcome.WAITING, RuleOutcome.FAIL)


def test_an_answer_is_judged_at_once() -> None:
    rule = a_rule(IN_SET, kwargs={"column": "outcome", "value_set": ["held"]}, wait_business_days=5)

    assert outcome_of(rule, {"outcome": "cancelled"}, date(2026, 6, 1)) is RuleOutcome.FAIL


@pytest.mark.parametrize(
    ("as_of", "outcome"),
    [
        pytest.param(date(2026, 6, 19), RuleOutcome.WAITING, id="while it may be answered"),
        pytest.param(date(2026, 6, 20), RuleOutcome.FAIL, id="after"),
    ],
)
def test_a_waiting_value_counts_as_no_answer(as_of: date, outcome: RuleOutcome) -> None:
    kwargs = {"column": "outcome", "value_set": ["held"]}
    rule = a_rule(IN_SET, kwargs=kwargs, waiting_values=("booked",), wait_business_days=5)

    assert outcome_of(rule, {"outcome": "booked"}, as_of) is outcome


def test_a_missing_value_passes_where_the_rule_says_so() -> None:
    rule = a_rule(BETWEEN, kwargs={"column": "attendee_count", "min_value": 2}, missing="passes")

    assert outcome_of(rule, {}) is RuleOutcome.PASS
    assert outcome_of(rule, {"attendee_count": 1}) is RuleOutcome.FAIL


@pytest.mark.parametrize(
    ("condition", "outcome_column", "asked"),
    [
        pytest.param('col("outcome")=="held"', "held", True, id="equal"),
        pytest.param('col("outcome")=="held"', "no_show", False, id="another"),
        pytest.param('col("outcome")=="held"', None, False, id="null is not asked"),
        pytest.param("col('outcome') != 'held'", "no_show", True, id="unequal"),
        pytest.param("col('outcome') != 'held'", None, False, id="null is not unequal"),
        pytest.param('col("minutes")>=30', "held", True, id="number"),
        pytest.param('col("minutes")<30', "held", False, id="number, not less"),
    ],
)
def test_a_rule_passes_records_that_it_does_not_ask(condition: str, outcome_column: str | None, asked: bool) -> None:
    kwargs = {"column": "field_sales_feedback", "value_set": ["accepted"], "row_condition": condition}
    row = {"outcome": outcome_column, "minutes": 30, "field_sales_feedback": "rejected"}

    assert outcome_of(a_rule(IN_SET, kwargs=kwargs), row) is (RuleOutcome.FAIL if asked else RuleOutcome.PASS)


ROW = {"outcome": "held", "minutes": 30, "has_deal": True, "held_date": HELD_DAY, "lead_source": None}


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        pytest.param('col("outcome")=="held" & col("minutes")>=30', True, id="both"),
        pytest.param('col("outcome")=="held" & col("minutes")>30', False, id="one of two"),
        pytest.param('col("outcome")=="no_show" | col("minutes")>=30', True, id="either"),
        pytest.param('col("minutes")>=30 | col("minutes")<1 & col("minutes")>1', True, id="& binds closer"),
        pytest.param('(col("minutes")>=30 | col("minutes")<1) & col("minutes")>30', False, id="parentheses first"),
        pytest.param('(col("outcome") == "held") & (col("has_deal") == True)', True, id="as Python writes it"),
        pytest.param('col("has_deal") != false', True, id="boolean"),
        pytest.param('col("minutes") == true', False, id="a number is not true"),
        pytest.param('col("minutes") != "30"', True, id="a number is no text"),
        pytest.param('col("held_date") >= date("2026-06-12")', True, id="its day"),
        pytest.param('col("held_date") > date("2026-06-12")', False, id="after its day"),
        pytest.param('col("lead_source").is_null()', True, id="missing"),
        pytest.param('col("outcome").is_null()', False, id="there"),
        pytest.param('col("outcome").is_not_null()', True, id="wanted there"),
        pytest.param('col("outcome").is_in(["held", "no_show"])', True, id="in"),
        pytest.param('col("outcome").is_not_in(["held", "no_show"])', False, id="not in"),
        pytest.param('col("lead_source").is_not_in(["web"])', False, id="missing is in no comparison"),
    ],
)
def test_a_compound_condition_is_read_as_written(condition: str, is_true: bool) -> None:
    parsed = parse_row_condition(condition)

    assert parsed is not None
    assert parsed.holds(ROW) is is_true
    assert any(all(one.holds(ROW) for one in every) for every in alternatives(parsed)) is is_true


@pytest.mark.parametrize(
    "text",
    [
        "outcome == 'held'",
        'col("outcome")=held',
        'col("outcome")=="held" and 1=1',
        "",
        'col("outcome")=="held" &',
        '(col("outcome")=="held"',
        'col("outcome")=="held")',
        'col("outcome").like("h%")',
        'col("outcome").is_in([])',
        'col("Outcome; DROP TABLE x")=="held"',
        'col("held_date")>=date("June")',
        'col("outcome")=="held" col("outcome")=="held"',
    ],
)
def test_a_row_condition_of_another_form_is_none(text: str) -> None:
    assert parse_row_condition(text) is None


def _flag(id_: str, column: str, severity: Severity = Severity.CRITICAL, wait: int = 0) -> Rule:
    kwargs = {"column": column, "value_set": [True]}
    return a_rule(IN_SET, kwargs=kwargs, id=id_, severity=severity, wait_business_days=wait)


@pytest.mark.parametrize(
    ("critical", "waiting", "warning", "verdict"),
    [
        pytest.param(True, True, True, Verdict.VALID, id="all pass"),
        pytest.param(True, True, False, Verdict.VALID, id="a warning decides nothing"),
        pytest.param(True, None, True, Verdict.PENDING, id="one waits"),
        pytest.param(False, None, True, Verdict.INVALID, id="a failure beats waiting"),
        pytest.param(True, False, None, Verdict.INVALID, id="one fails"),
    ],
)
def test_critical_rules_decide_the_verdict(
    critical: bool, waiting: bool | None, warning: bool | None, verdict: Verdict
) -> None:
    definition = a_definition(
        _flag("a", "has_deal"), _flag("b", "decision_maker_present", wait=5), _flag("c", "w", Severity.WARNING)
    )
    row = {"held_date": HELD_DAY, "has_deal": critical, "decision_maker_present": waiting, "w": warning}

    judgement = evaluate(definition, row, as_of=date(2026, 6, 15), add_business_days=JAPAN.add_business_days)

    assert judgement.verdict is verdict


def test_it_stays_pending_until_the_first_deadline() -> None:
    definition = a_definition(
        _flag("a", "a", wait=3), _flag("b", "b", wait=5), _flag("c", "c", Severity.WARNING, wait=1)
    )

    judgement = evaluate(definition, {"held_date": HELD_DAY}, as_of=HELD_DAY, add_business_days=JAPAN.add_business_days)

    assert judgement.waiting_rules == ("a", "b")
    assert judgement.pending_until == date(2026, 6, 17)


@settings(deadline=None)  # the first call loads the holidays
@given(days=st.integers(-30, 60), accepted=st.sampled_from(["accepted", "rejected", None]), held=st.booleans())
def test_once_a_meeting_is_judged_waiting_longer_changes_nothing(days: int, accepted: str | None, held: bool) -> None:
    kwargs = {"column": "field_sales_feedback", "value_set": ["accepted"]}
    definition = a_definition(a_rule(IN_SET, kwargs=kwargs, wait_business_days=5), _flag("held", "has_deal"))
    row = {"held_date": HELD_DAY, "field_sales_feedback": accepted, "has_deal": held}

    def judged(as_of: date) -> Verdict:
        return evaluate(definition, row, as_of=as_of, add_business_days=JAPAN.add_business_days).verdict

    now, next_day = judged(HELD_DAY + timedelta(days)), judged(HELD_DAY + timedelta(days + 1))

    assert now is next_day or (now, next_day) == (Verdict.PENDING, Verdict.INVALID)


def test_the_signed_examples_give_their_verdicts(agreement: Agreement) -> None:
    examples = [(definition, example) for definition in agreement.definitions for example in definition.examples]

    wrong = [
        (definition.version, example)
        for definition, example in examples
        if evaluate_example(definition, example).verdict != example["verdict"]
    ]

    assert len(examples) >= 20
    assert wrong == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param((None,), None, id="nothing"),
        pytest.param((True,), "true", id="flag"),
        pytest.param((30,), "30", id="number"),
        pytest.param((date(2026, 6, 1), None), "2026-06-01", id="half a pair"),
        pytest.param((2, 1), "2, 1", id="pair"),
    ],
)
def test_what_a_rule_saw_is_shown_as_text(values: tuple[Any, ...], text: str | None) -> None:
    assert observed(values) == text


def test_a_sql_condition_that_is_null_waits_as_a_missing_answer_does() -> None:
    rule = a_rule(SQL, kwargs=LONG_OR_DEAL, wait_business_days=5)

    assert outcome_of(rule, {"minutes": 29}, date(2026, 6, 19)) is RuleOutcome.WAITING
    assert outcome_of(rule, {"minutes": 29}, date(2026, 6, 20)) is RuleOutcome.FAIL
    assert outcome_of(rule, {"minutes": 29, "has_deal": False}, date(2026, 6, 19)) is RuleOutcome.FAIL
