"""A rule as SQL says what the plain reading of it says."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions_contract.evaluate import evaluate
from definitions_contract.schema import Rule
from models import tables
from models.errors import UnknownColumnError, UnsupportedRuleError
from models.kpi import meeting_rule_results, meeting_verdicts
from pipelines.warehouse import write_model
from tests.models.factories import AS_OF, a_context, a_meeting, at, insert
from tests.models.kpi.agreements import a_definition, a_rule, agreed
from tests.models.kpi.conftest import CALENDAR

LONG_AGO = date(2026, 9, 1)


def judge(connection: sa.Connection, rules: tuple[Rule, ...], meetings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    context = a_context(agreement=agreed(definitions=(a_definition(*rules),)))
    connection.execute(sa.delete(tables.meetings))
    insert(connection, tables.meetings, *meetings)
    for module in (meeting_rule_results, meeting_verdicts):
        write_model(connection, module.MODEL, context)
    statement = sa.select(tables.meeting_rule_results)
    return [dict(row) for row in connection.execute(statement).mappings()]


def outcome(connection: sa.Connection, rule: Rule, meeting: dict[str, Any]) -> str:
    (result,) = judge(connection, (rule,), [meeting])
    return str(result["outcome"])


def rule(expectation: str, changes: dict[str, Any] | None = None, **kwargs: Any) -> Rule:
    return a_rule(id="r", expectation=f"expect_column_{expectation}", kwargs=kwargs, **(changes or {}))


def sql(condition: str) -> Rule:
    return a_rule(id="r", expectation="expect_sql_condition_to_hold", kwargs={"condition": condition})


BETWEEN = {"column": "minutes", "min_value": 15, "max_value": 60}
PAIRS = {
    "column_A": "outcome",
    "column_B": "response_method",
    "value_pairs_set": [["held", "call"], ["no_show", "form"]],
}
SOON = {"column_A": "held_date", "column_B": "feedback_date", "min_value": 0, "max_value": 3}
LEAST, GREATEST = -(2**63), 2**63 - 1
CASES = [
    pytest.param(sql("not decision_maker_present"), {"decision_maker_present": False}, "pass", id="not-of-a-column"),
    pytest.param(
        sql("not decision_maker_present"), {"decision_maker_present": True}, "fail", id="not-of-a-true-column"
    ),
    pytest.param(sql("not decision_maker_present"), {"decision_maker_present": None}, "fail", id="not-of-no-answer"),
    pytest.param(sql(f"minutes >= {LEAST}"), {"minutes": 0}, "pass", id="above-the-least-number"),
    pytest.param(sql("minutes * 2 - attendee_count > 1"), {"minutes": GREATEST}, "pass", id="huge-computed"),
    pytest.param(sql("minutes * 2 - attendee_count > 1"), {"minutes": LEAST}, "fail", id="hugely-negative-computed"),
    pytest.param(sql("-minutes > 0"), {"minutes": LEAST}, "pass", id="the-least-number-turned"),
    pytest.param(sql("abs(minutes) > 0"), {"minutes": LEAST}, "pass", id="the-least-numbers-amount"),
    pytest.param(sql("reject_reason = ''"), {"reject_reason": ""}, "pass", id="an-empty-text-is-a-value"),
    pytest.param(
        rule("values_to_not_be_null", column="reject_reason"), {"reject_reason": ""}, "pass", id="empty-not-null"
    ),
    pytest.param(
        rule("values_to_be_between", column="minutes", max_value=10**15),
        {"minutes": GREATEST},
        "fail",
        id="above-the-greatest-bound",
    ),
    pytest.param(
        rule("values_to_be_in_set", column="reject_reason", value_set=["1e3"]),
        {"reject_reason": "1000"},
        "fail",
        id="texts-are-no-numbers",
    ),
    pytest.param(rule("values_to_not_be_null", column="deal_id"), {"deal_id": "d"}, "pass", id="not-null-there"),
    pytest.param(rule("values_to_not_be_null", column="deal_id"), {"deal_id": None}, "fail", id="not-null-missing"),
    pytest.param(rule("values_to_be_null", column="reject_reason"), {}, "pass", id="null-missing"),
    pytest.param(rule("values_to_be_null", column="reject_reason"), {"reject_reason": "x"}, "fail", id="null-there"),
    pytest.param(rule("values_to_be_in_set", column="outcome", value_set=["held"]), {}, "pass", id="in-set"),
    pytest.param(
        rule("values_to_be_in_set", column="outcome", value_set=["held"]), {"outcome": "no_show"}, "fail", id="not-in"
    ),
    pytest.param(
        rule("values_to_be_in_set", column="outcome", value_set=["held"]), {"outcome": None}, "fail", id="in-set-null"
    ),
    pytest.param(
        rule("values_to_be_in_set", column="decision_maker_present", value_set=[True]), {}, "pass", id="true-in-set"
    ),
    pytest.param(
        rule("values_to_be_in_set", column="decision_maker_present", value_set=[True]),
        {"decision_maker_present": False},
        "fail",
        id="false-not-in-set",
    ),
    pytest.param(
        rule("values_to_be_in_set", column="attendee_count", value_set=[True]), {}, "fail", id="1-is-not-true"
    ),
    pytest.param(
        rule("values_to_not_be_in_set", column="lead_source", value_set=["list"]), {}, "pass", id="not-in-set-other"
    ),
    pytest.param(
        rule("values_to_not_be_in_set", column="lead_source", value_set=["web"]), {}, "fail", id="not-in-set-same"
    ),
    pytest.param(
        rule("values_to_not_be_in_set", column="lead_source", value_set=["web"]),
        {"lead_source": None},
        "fail",
        id="not-in-set-null",
    ),
    pytest.param(rule("values_to_be_between", **BETWEEN), {"minutes": 14}, "fail", id="below"),
    pytest.param(rule("values_to_be_between", **BETWEEN), {"minutes": 15}, "pass", id="lowest"),
    pytest.param(rule("values_to_be_between", **BETWEEN), {"minutes": 60}, "pass", id="highest"),
    pytest.param(rule("values_to_be_between", **BETWEEN), {"minutes": 61}, "fail", id="above"),
    pytest.param(rule("values_to_be_between", **BETWEEN), {"minutes": None}, "fail", id="between-null"),
    pytest.param(rule("values_to_be_between", **BETWEEN, strict_min=True), {"minutes": 15}, "fail", id="strict-lowest"),
    pytest.param(
        rule("values_to_be_between", **BETWEEN, strict_max=True), {"minutes": 60}, "fail", id="strict-highest"
    ),
    pytest.param(rule("values_to_be_between", column="minutes", min_value=15), {"minutes": 999}, "pass", id="no-max"),
    pytest.param(
        rule("values_to_be_between", column="held_date", min_value=date(2026, 9, 1)),
        {"held_date": date(2026, 8, 31)},
        "fail",
        id="date-below",
    ),
    pytest.param(
        rule("value_lengths_to_be_between", column="reject_reason", min_value=2, max_value=3),
        {"reject_reason": "予算無"},
        "pass",
        id="length-counts-signs",
    ),
    pytest.param(
        rule("value_lengths_to_be_between", column="reject_reason", max_value=3),
        {"reject_reason": "long"},
        "fail",
        id="too-long",
    ),
    pytest.param(rule("values_to_match_regex", column="lead_source", regex="e"), {}, "pass", id="found-anywhere"),
    pytest.param(rule("values_to_match_regex", column="lead_source", regex="^e"), {}, "fail", id="not-found"),
    pytest.param(rule("values_to_not_match_regex", column="lead_source", regex="^e"), {}, "pass", id="not-matching"),
    pytest.param(rule("values_to_not_match_regex", column="lead_source", regex="w"), {}, "fail", id="matching"),
    pytest.param(
        rule("values_to_not_match_regex", column="lead_source", regex="w"),
        {"lead_source": None},
        "fail",
        id="regex-null",
    ),
    pytest.param(
        rule("pair_values_a_to_be_greater_than_b", column_A="held_date", column_B="booked_date"),
        {},
        "pass",
        id="greater",
    ),
    pytest.param(
        rule("pair_values_a_to_be_greater_than_b", column_A="held_date", column_B="booked_date"),
        {"booked_date": date(2026, 9, 8)},
        "fail",
        id="equal-is-not-greater",
    ),
    pytest.param(
        rule("pair_values_a_to_be_greater_than_b", column_A="held_date", column_B="booked_date", or_equal=True),
        {"booked_date": date(2026, 9, 8)},
        "pass",
        id="or-equal",
    ),
    pytest.param(
        rule("pair_values_a_to_be_greater_than_b", column_A="ends_at", column_B="starts_at"),
        {"starts_at": None},
        "fail",
        id="pair-null",
    ),
    pytest.param(
        rule("values_to_be_between", **BETWEEN, row_condition='col("outcome")=="held"'),
        {"minutes": 1, "outcome": "no_show"},
        "pass",
        id="not-asked",
    ),
    pytest.param(
        rule("values_to_be_between", **BETWEEN, row_condition='col("outcome")=="held"'),
        {"minutes": 1, "outcome": None},
        "pass",
        id="condition-missing-is-not-asked",
    ),
    pytest.param(
        rule("values_to_be_between", **BETWEEN, row_condition='col("outcome")=="held"'),
        {"minutes": 1},
        "fail",
        id="asked",
    ),
    pytest.param(
        rule("values_to_be_between", {"missing": "passes"}, **BETWEEN), {"minutes": None}, "pass", id="missing-passes"
    ),
    pytest.param(
        rule("values_to_not_be_in_set", {"waiting_values": ("unknown",)}, column="outcome", value_set=["no_show"]),
        {"outcome": "unknown"},
        "fail",
        id="waiting-value-is-no-answer",
    ),
    pytest.param(
        rule("pair_values_to_be_equal", column_A="held_date", column_B="feedback_date"),
        {"feedback_date": date(2026, 9, 8)},
        "pass",
        id="pair-equal",
    ),
    pytest.param(
        rule("pair_values_to_be_equal", column_A="held_date", column_B="feedback_date"), {}, "fail", id="pair-unequal"
    ),
    pytest.param(rule("pair_values_to_be_in_set", **PAIRS), {}, "pass", id="pair-in-set"),
    pytest.param(rule("pair_values_to_be_in_set", **PAIRS), {"response_method": "form"}, "fail", id="pair-not-in-set"),
    pytest.param(rule("pair_values_to_be_in_set", **PAIRS), {"response_method": None}, "fail", id="pair-set-null"),
    pytest.param(
        rule("pair_values_to_be_in_set", **PAIRS, row_condition='col("minutes") >= 31'),
        {"response_method": "form"},
        "pass",
        id="pair-not-asked",
    ),
    pytest.param(
        rule("pair_values_to_be_in_set", **PAIRS, row_condition='col("minutes") >= 30'),
        {"response_method": "form"},
        "fail",
        id="pair-asked",
    ),
    pytest.param(
        rule("pair_values_to_be_in_set", **PAIRS).model_copy(update={"missing": "passes", "waiting_values": ("held",)}),
        {"response_method": "form"},
        "pass",
        id="pair-waiting-passes",
    ),
    pytest.param(rule("pair_days_between_to_be_between", **SOON), {}, "pass", id="within-days"),
    pytest.param(
        rule("pair_days_between_to_be_between", **SOON), {"feedback_date": date(2026, 9, 12)}, "fail", id="too-late"
    ),
    pytest.param(
        rule("pair_days_between_to_be_between", **SOON), {"feedback_date": date(2026, 9, 7)}, "fail", id="too-early"
    ),
    pytest.param(
        rule("pair_days_between_to_be_between", **SOON), {"feedback_date": None}, "fail", id="days-from-nothing"
    ),
    pytest.param(sql("minutes >= 30 or has_deal"), {"minutes": 1, "has_deal": True}, "pass", id="sql-holds"),
    pytest.param(sql("minutes >= 30 or has_deal"), {"minutes": 1, "has_deal": False}, "fail", id="sql-holds-not"),
    pytest.param(sql("minutes >= 30 or has_deal"), {"minutes": 1, "has_deal": None}, "fail", id="sql-unknown"),
    pytest.param(sql("feedback_date - held_date <= 1 and outcome in ('held')"), {}, "pass", id="sql-days"),
    pytest.param(sql("lead_source <> 'a; -- %:x {y}'"), {}, "pass", id="sql-text-is-quoted"),
    pytest.param(
        rule(
            "values_to_be_between",
            **BETWEEN,
            row_condition='col("outcome")=="held" & (col("has_deal")==true | col("deal_id").is_null())',
        ),
        {"minutes": 1, "has_deal": False, "deal_id": None},
        "fail",
        id="compound-asked",
    ),
    pytest.param(
        rule(
            "values_to_be_between",
            **BETWEEN,
            row_condition='col("outcome")=="held" & (col("has_deal")==true | col("deal_id").is_null())',
        ),
        {"minutes": 1, "has_deal": False, "deal_id": "d"},
        "pass",
        id="compound-not-asked",
    ),
    pytest.param(
        rule("values_to_be_between", **BETWEEN, row_condition='col("held_date")>=date("2026-09-08")'),
        {"minutes": 1},
        "fail",
        id="date-asked",
    ),
    pytest.param(
        rule("values_to_be_in_set", column="lead_source", value_set=["x'); DROP TABLE core.meetings; --"]),
        {"lead_source": "x'); DROP TABLE core.meetings; --"},
        "pass",
        id="values-are-bound",
    ),
]


@pytest.mark.parametrize(("judged", "changes", "expected"), CASES)
def test_a_rule_says_what_was_agreed(
    with_calendar: sa.Connection, judged: Rule, changes: dict[str, Any], expected: str
) -> None:
    assert outcome(with_calendar, judged, a_meeting(**changes)) == expected


# AS_OF is Wednesday 2026-09-30; 21 to 23 September 2026 are holidays in Japan
@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param(date(2026, 9, 24), "waiting", id="a day left"),
        pytest.param(date(2026, 9, 23), "waiting", id="held on a holiday, last day of the wait"),
        pytest.param(date(2026, 9, 18), "waiting", id="holidays and weekends do not count, last day"),
        pytest.param(date(2026, 9, 17), "fail", id="day after the wait"),
        pytest.param(AS_OF, "waiting", id="today"),
        pytest.param(date(2027, 1, 5), "waiting", id="still to come"),
    ],
)
def test_a_missing_answer_waits_for_business_days(with_calendar: sa.Connection, held: date, expected: str) -> None:
    waits = rule(
        "values_to_be_in_set", {"wait_business_days": 5}, column="field_sales_feedback", value_set=["accepted"]
    )

    assert outcome(with_calendar, waits, a_meeting(field_sales_feedback=None, held_date=held)) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param(AS_OF, "waiting", id="its day is not over"),
        pytest.param(AS_OF - timedelta(days=1), "fail", id="over"),
        pytest.param(AS_OF + timedelta(days=1), "waiting", id="to come"),
    ],
)
def test_without_a_wait_a_missing_answer_waits_for_the_day_itself(
    with_calendar: sa.Connection, held: date, expected: str
) -> None:
    booked = a_rule(waiting_values=("booked",))

    assert outcome(with_calendar, booked, a_meeting(outcome="booked", held_date=held)) == expected


def test_a_given_answer_does_not_wait(with_calendar: sa.Connection) -> None:
    waits = rule(
        "values_to_be_in_set", {"wait_business_days": 5}, column="field_sales_feedback", value_set=["accepted"]
    )

    assert outcome(with_calendar, waits, a_meeting(field_sales_feedback="rejected", held_date=AS_OF)) == "fail"


def test_a_column_that_is_not_there_is_refused(with_calendar: sa.Connection) -> None:
    with pytest.raises(UnknownColumnError, match="no column 'mood'"):
        outcome(with_calendar, rule("values_to_not_be_null", column="mood"), a_meeting())


def test_a_row_condition_of_another_form_is_refused(with_calendar: sa.Connection) -> None:
    with pytest.raises(UnsupportedRuleError, match="row_condition"):
        outcome(with_calendar, rule("values_to_not_be_null", column="deal_id", row_condition="1=1"), a_meeting())


# --- random rules over random meetings: SQL and the plain reading say the same -------------------------------------

TEXTS = st.sampled_from(["held", "no_show", "booked", "unknown", "a", "Ab", "", "予算"])
OUTCOMES = st.sampled_from(["held", "no_show", "cancelled", "rescheduled", "booked", "unknown"])
NUMBERS = st.integers(0, 40)
DAYS = st.dates(date(2026, 8, 20), date(2026, 10, 20))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "outcome": OUTCOMES,
    "lead_source": TEXTS,
    "field_sales_feedback": st.sampled_from(["accepted", "rejected"]),
    "decision_maker_present": st.booleans(),
    "minutes": NUMBERS,
    "attendee_count": NUMBERS,
    "booked_date": DAYS,
    "feedback_date": DAYS,
    "starts_at": st.sampled_from([at("2026-09-08T01:00"), at("2026-09-08T01:30")]),
    "ends_at": st.sampled_from([at("2026-09-08T01:00"), at("2026-09-08T01:30")]),
}
TEXT_COLUMNS, NUMBER_COLUMNS = ("outcome", "lead_source"), ("minutes", "attendee_count")
CONDITIONS = st.sampled_from(
    [
        'col("outcome")=="held"',
        "col('outcome')!='booked'",
        'col("minutes")>=15',
        'col("minutes")<3',
        'col("minutes")!=1.5',
    ]
)


@st.composite
def arguments(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An expectation with arguments that fit its column."""
    name = draw(st.sampled_from(["null", "set", "between", "length", "regex", "pair"]))
    no = draw(st.booleans())
    if name == "null":
        column = draw(st.sampled_from(sorted(VALUES)))
        return f"values_to_{'not_' if no else ''}be_null", {"column": column}
    if name == "set":
        column = draw(st.sampled_from(sorted(set(VALUES) - {"starts_at", "ends_at"})))
        values = draw(st.lists(VALUES[column], max_size=3))
        return f"values_to_{'not_' if no else ''}be_in_set", {"column": column, "value_set": values}
    if name == "regex":
        pattern = draw(st.sampled_from(["^h", "o", "[A-Z]", "算$", r"\w+_\w", "", "."]))
        kwargs = {"column": draw(st.sampled_from(TEXT_COLUMNS)), "regex": pattern}
        return f"values_to_{'not_' if no else ''}match_regex", kwargs
    if name == "pair":
        pairs = (("booked_date", "feedback_date"), ("minutes", "attendee_count"), ("ends_at", "starts_at"))
        first, second = draw(st.sampled_from(pairs))
        return "pair_values_a_to_be_greater_than_b", {"column_A": first, "column_B": second, "or_equal": no}
    column = draw(st.sampled_from(TEXT_COLUMNS if name == "length" else (*NUMBER_COLUMNS, "booked_date")))
    bound = NUMBERS if name == "length" else VALUES[column]
    kwargs = draw(st.sampled_from([{"min_value": None}, {"max_value": None}, {"min_value": None, "max_value": None}]))
    bounds = {key: draw(bound) for key in kwargs}
    strict = {"strict_min": no, "strict_max": draw(st.booleans())}
    return f"value{'_lengths' if name == 'length' else 's'}_to_be_between", {"column": column, **bounds, **strict}


@st.composite
def random_rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    rules = []
    for number in range(draw(st.integers(1, 4))):
        expectation, kwargs = draw(arguments())
        if draw(st.booleans()):
            kwargs = {**kwargs, "row_condition": draw(CONDITIONS)}
        column = kwargs.get("column")
        waiting = draw(st.lists(VALUES[column], max_size=1)) if column else []
        rules.append(
            a_rule(
                id=f"r{number}",
                expectation=f"expect_column_{expectation}",
                kwargs=kwargs,
                severity=draw(st.sampled_from(["critical", "warning"])),
                wait_business_days=draw(st.sampled_from([0, 1, 5])),
                missing=draw(st.sampled_from(["fails", "fails", "passes"])),
                waiting_values=tuple(waiting),
            )
        )
    return tuple(rules)


@st.composite
def random_meetings(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = [
        {column: draw(st.none() | values) for column, values in VALUES.items()} | {"held_date": draw(DAYS)}
        for _ in range(draw(st.integers(1, 6)))
    ]
    return [a_meeting(meeting_id=f"m{number}", **row) for number, row in enumerate(rows)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=random_rules(), meetings=random_meetings())
def test_random_rules_mean_the_same_in_sql_and_in_plain_python(
    with_calendar: sa.Connection, rules: tuple[Rule, ...], meetings: list[dict[str, Any]]
) -> None:
    definition = a_definition(*rules)
    expected = {
        row["meeting_id"]: evaluate(definition, row, as_of=AS_OF, add_business_days=CALENDAR.add_business_days)
        for row in meetings
    }

    results = judge(with_calendar, rules, meetings)

    assert {
        (row["meeting_id"], row["rule_id"]): (
            row["outcome"],
            row["observed"],
            row["waiting_until_date"],
            row["severity"],
        )
        for row in results
    } == {
        (meeting_id, result.rule_id): (result.outcome, result.observed, result.waiting_until, result.severity)
        for meeting_id, judgement in expected.items()
        for result in judgement.results
    }
    named = ("verdict", "failed_rules", "waiting_rules", "warned_rules", "pending_until_date")
    verdicts = with_calendar.execute(sa.select(tables.meeting_verdicts)).mappings()
    assert {row["meeting_id"]: tuple(row[name] for name in named) for row in verdicts} == {
        meeting_id: (
            judgement.verdict,
            ",".join(judgement.failed_rules) or None,
            ",".join(judgement.waiting_rules) or None,
            ",".join(judgement.warned_rules) or None,
            judgement.pending_until,
        )
        for meeting_id, judgement in expected.items()
    }
