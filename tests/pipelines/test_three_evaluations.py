"""Random agreements over random meetings: SQL, Great Expectations and the plain reading say the same; versions keep to their days."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from definitions_contract.documents import parse_document
from definitions_contract.evaluate import Judgement, evaluate
from definitions_contract.resolve import in_force
from definitions_contract.rule_checks import check_rule
from definitions_contract.schema import Definition, Rule, RuleOutcome
from models import tables
from models.kpi import meeting_rule_results, meeting_verdicts
from pipelines.expectations import compare, run_definitions
from pipelines.warehouse import Warehouse, insert_rows, write_model
from tests.models.factories import AS_OF, a_context, a_meeting, insert
from tests.models.kpi.agreements import a_definition, a_rule, agreed
from tests.models.kpi.conftest import CALENDAR, calendar_rows
from tests.models.kpi.languages import LinkedMeeting, linked_meetings, replace_meetings, rules

NAMED = ("verdict", "failed_rules", "waiting_rules", "warned_rules", "pending_until_date")
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
STARTS = date(2026, 9, 8)  # of the second version


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = Warehouse(tmp_path_factory.mktemp("three") / "warehouse.duckdb")
    opened.create_tables()
    with opened.transaction() as connection:
        insert_rows(connection, tables.calendar, calendar_rows())
    yield opened
    opened.engine.dispose()


def judged(
    connection: sa.Connection, linked: list[LinkedMeeting], *versions: Definition
) -> dict[str, Mapping[str, Any]]:
    """Judge by SQL and give the verdicts by meeting."""
    replace_meetings(connection, linked)
    context = a_context(agreement=agreed(definitions=versions))
    for model in (meeting_rule_results.MODEL, meeting_verdicts.MODEL):
        write_model(connection, model, context)
    return {row["meeting_id"]: row for row in connection.execute(sa.select(tables.meeting_verdicts)).mappings()}


def plainly(definition: Definition, one: LinkedMeeting) -> Judgement:
    return evaluate(definition, one.flat, as_of=AS_OF, add_business_days=CALENDAR.add_business_days)


def in_columns(judgement: Judgement) -> dict[str, Any]:
    listed = (judgement.failed_rules, judgement.waiting_rules, judgement.warned_rules)
    joined = (",".join(ids) or None for ids in listed)
    return dict(zip(NAMED, (judgement.verdict, *joined, judgement.pending_until), strict=True))


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(judging=rules(), linked=linked_meetings())
def test_sql_and_the_plain_reading_agree_on_any_rule(
    warehouse: Warehouse, judging: tuple[Rule, ...], linked: list[LinkedMeeting]
) -> None:
    definition = a_definition(*judging)
    with warehouse.engine.connect() as connection, connection.begin() as transaction:
        verdicts = judged(connection, linked, definition)
        results = connection.execute(sa.select(tables.meeting_rule_results)).mappings().all()
        transaction.rollback()

    plain = {one.meeting["meeting_id"]: plainly(definition, one) for one in linked}
    assert {name: {key: row[key] for key in NAMED} for name, row in verdicts.items()} == {
        name: in_columns(judgement) for name, judgement in plain.items()
    }
    assert {(row["meeting_id"], row["rule_id"]): (row["outcome"], row["waiting_until_date"]) for row in results} == {
        (name, result.rule_id): (result.outcome, result.waiting_until)
        for name, judgement in plain.items()
        for result in judgement.results
    }


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(judging=rules())
def test_what_the_tests_try_is_what_an_agreement_may_say(judging: tuple[Rule, ...]) -> None:
    document = parse_document("name: x", "valid_meeting/v1.yaml")

    assert [issue.text() for rule in judging for issue in check_rule(document, ("rules", 0), rule, "meetings")] == []


# not shrunk: an example takes a second. What failed is long; that it is must not hide it
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@settings(max_examples=8, deadline=None, suppress_health_check=SLOW, phases=[Phase.generate])
@given(judging=rules(most=12), newer=rules(most=12), linked=linked_meetings(most=12))
def test_great_expectations_agrees_with_both(
    warehouse: Warehouse, judging: tuple[Rule, ...], newer: tuple[Rule, ...], linked: list[LinkedMeeting]
) -> None:
    versions = (a_definition(*judging), a_definition(*newer, version=2, effective_from=STARTS))
    context = a_context(agreement=agreed(definitions=versions))
    with warehouse.transaction() as connection:
        judged(connection, linked, *versions)

    counts = run_definitions(warehouse.engine, context)

    with warehouse.transaction() as connection:
        assert compare(connection, counts) == []
    found = {(count.version, count.rule_id): set(count.failing_ids) for count in counts}
    for definition, start, end in in_force(context.agreement, "valid_meeting"):
        mine = [
            one
            for one in linked
            if start <= one.meeting["held_date"] and (end is None or one.meeting["held_date"] < end)
        ]
        by_rule = {rule.id: set[str]() for rule in definition.rules}
        for one in mine:
            for result in plainly(definition, one).results:
                if result.outcome is not RuleOutcome.PASS:
                    by_rule[result.rule_id].add(one.meeting["meeting_id"])
        assert {rule_id: found[definition.version, rule_id] for rule_id in by_rule} == by_rule


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(judging=rules(), newer=rules(), linked=linked_meetings(), starts=st.dates(date(2026, 8, 20), date(2026, 10, 20)))
def test_another_version_changes_no_verdict_before_its_day(
    warehouse: Warehouse, judging: tuple[Rule, ...], newer: tuple[Rule, ...], linked: list[LinkedMeeting], starts: date
) -> None:
    first = a_definition(*judging)
    second = a_definition(*newer, version=2, effective_from=starts)
    with warehouse.engine.connect() as connection, connection.begin() as transaction:
        before = judged(connection, linked, first)
        after = judged(connection, linked, first, second)
        transaction.rollback()

    for one in linked:
        name, day = one.meeting["meeting_id"], one.meeting["held_date"]
        if day < starts:
            assert dict(after[name]) == dict(before[name])
        else:
            assert after[name]["definition_version"] == 2
            assert {key: after[name][key] for key in NAMED} == in_columns(plainly(second, one))


def test_a_late_record_is_judged_by_its_own_day_and_a_moved_one_by_its_new_day(warehouse: Warehouse) -> None:
    long = {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "minutes", "min_value": 30}}
    versions = (a_definition(a_rule()), a_definition(a_rule(id="long", **long), version=2, effective_from=STARTS))
    last_day = STARTS - timedelta(days=1)
    rows = [
        a_meeting(meeting_id="entered late", held_date=last_day, minutes=5, booked_date=AS_OF),
        a_meeting(meeting_id="answered late", held_date=last_day, minutes=5, feedback_date=AS_OF),
        a_meeting(meeting_id="moved by a day", held_date=STARTS, minutes=5),
    ]
    with warehouse.engine.connect() as connection, connection.begin() as transaction:
        replace_meetings(connection, [])
        insert(connection, tables.meetings, *rows)
        write_model(connection, meeting_verdicts.MODEL, a_context(agreement=agreed(definitions=versions)))
        verdicts = connection.execute(sa.select(tables.meeting_verdicts)).mappings().all()
        transaction.rollback()

    assert {row["meeting_id"]: (row["definition_version"], row["verdict"]) for row in verdicts} == {
        "entered late": (1, "valid"),
        "answered late": (1, "valid"),
        "moved by a day": (2, "invalid"),
    }
