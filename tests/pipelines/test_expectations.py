"""Great Expectations finds the same meetings as the SQL, on the warehouse's own table."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Definition
from models import tables
from models.context import BuildContext
from models.kpi import meeting_rule_results
from pipelines.expectations import RuleCount, compare, run_definitions
from pipelines.warehouse import Warehouse, insert_rows
from tests.models.factories import a_context, a_meeting, insert
from tests.models.kpi.agreements import a_definition, a_rule, agreed
from tests.models.kpi.conftest import calendar_rows
from tests.models.kpi.test_rules import CASES, rule

NOT_IN_AN_AGREEMENT = (
    "1-is-not-true",
)  # the loader refuses a value of another kind; GX would let the engine convert it


@pytest.fixture
def file_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        insert_rows(connection, tables.calendar, calendar_rows())
    yield warehouse
    warehouse.engine.dispose()


def judge(
    warehouse: Warehouse, meetings: list[dict[str, Any]], *definitions: Definition
) -> tuple[tuple[RuleCount, ...], list[str], BuildContext]:
    context = a_context(agreement=agreed(definitions=definitions))
    with warehouse.transaction() as connection:
        insert(connection, tables.meetings, *meetings)
    warehouse.write(meeting_rule_results.MODEL, context)
    counts = run_definitions(warehouse.engine, context)
    with warehouse.transaction() as connection:
        return counts, compare(connection, counts), context


def test_every_expectation_finds_what_the_sql_finds(file_warehouse: Warehouse) -> None:
    cases = [case.values for case in CASES if case.id not in NOT_IN_AN_AGREEMENT]
    rules = [judged.model_copy(update={"id": f"r{number}"}) for number, (judged, _, _) in enumerate(cases)]
    meetings = [a_meeting(**(changes | {"meeting_id": f"m{number}"})) for number, (_, changes, _) in enumerate(cases)]

    counts, differences, _ = judge(file_warehouse, meetings, a_definition(*rules))

    assert differences == []
    assert [count.rule_id for count in counts] == [judged.id for judged in rules]
    assert {count.checked for count in counts} == {len(meetings)}
    for number, (count, (_, _, expected)) in enumerate(zip(counts, cases, strict=True)):
        assert (f"m{number}" in count.failing_ids) == (expected != "pass")


def test_each_version_is_run_over_its_own_days(file_warehouse: Warehouse) -> None:
    old = a_definition(a_rule())
    new = a_definition(a_rule(id="long", **_between(60)), version=2, effective_from=date(2026, 9, 8))
    meetings = [
        a_meeting(meeting_id="last day of v1", held_date=date(2026, 9, 7), outcome="no_show"),
        a_meeting(meeting_id="first day of v2", held_date=date(2026, 9, 8), outcome="no_show"),
        a_meeting(meeting_id="before v1", held_date=date(2024, 3, 31), outcome="no_show"),
        a_meeting(meeting_id="no day", held_date=None, outcome="no_show"),
    ]

    counts, differences, _ = judge(file_warehouse, meetings, old, new)

    assert differences == []
    assert [(count.version, count.checked, count.failing_ids) for count in counts] == [
        (1, 1, ("last day of v1",)),
        (2, 1, ("first day of v2",)),
    ]


def test_a_regular_expression_with_colons_and_what_needs_the_calendar_reach_great_expectations(
    file_warehouse: Warehouse,
) -> None:
    """It takes a statement as text: `:word` is no value to be bound there, and a step before the SELECT is taken, too."""
    group = rule("values_to_match_regex", column="reject_reason", regex="^(?:budget|::none) :now$")
    ramping = a_rule(
        id="ramping", expectation="expect_sql_condition_to_hold", kwargs={"condition": "rep_is_ramping is null"}
    )
    reasons = ("budget :now", "::none :now", "budget now")
    meetings = [a_meeting(meeting_id=reason, reject_reason=reason) for reason in reasons]

    counts, differences, _ = judge(file_warehouse, meetings, a_definition(group, ramping))

    assert differences == []
    assert [(count.error, count.failing_ids) for count in counts] == [(None, ("budget now",)), (None, ())]


def test_a_meeting_that_waits_does_not_pass(file_warehouse: Warehouse) -> None:
    waits = a_rule(waiting_values=("booked",), wait_business_days=5)

    counts, differences, _ = judge(file_warehouse, [a_meeting(outcome="booked")], a_definition(waits))

    assert differences == []
    assert counts[0].failed == 1


def test_a_rule_may_refuse_the_values_that_it_waits_for_and_compare_a_column_with_itself(
    file_warehouse: Warehouse,
) -> None:
    refusing = rule("values_to_not_be_in_set", column="outcome", value_set=["booked"])
    waits = refusing.model_copy(update={"waiting_values": ("booked",), "wait_business_days": 5})
    itself = rule("pair_values_to_be_equal", column_A="outcome", column_B="outcome")
    rules = a_definition(waits, itself.model_copy(update={"id": "itself"}))

    counts, differences, _ = judge(file_warehouse, [a_meeting(outcome="booked")], rules)

    assert differences == []
    assert [(count.error, count.failed) for count in counts] == [(None, 1), (None, 0)]


def test_more_than_a_page_of_failures_is_counted_whole(file_warehouse: Warehouse) -> None:
    meetings = [a_meeting(meeting_id=f"m{number}", outcome="no_show") for number in range(250)]

    counts, differences, _ = judge(file_warehouse, meetings, a_definition())

    assert differences == []
    assert (counts[0].failed, len(counts[0].failing_ids)) == (250, 250)


def test_a_difference_names_the_meetings(file_warehouse: Warehouse) -> None:
    meetings = [a_meeting(meeting_id="m1"), a_meeting(meeting_id="m2", outcome="no_show")]
    counts, _, _ = judge(file_warehouse, meetings, a_definition())

    with file_warehouse.transaction() as connection:
        connection.execute(sa.update(tables.meeting_rule_results).values(outcome="pass"))
        (difference,) = compare(connection, counts)

    assert difference == (
        "valid_meeting v1 held: 0 do not pass by SQL, 1 by Great Expectations; only by SQL: none; only by Great Expectations: m2"
    )


def test_a_broken_expectation_is_an_error_and_no_failed_rule(file_warehouse: Warehouse) -> None:
    good, bad = a_rule(), rule("values_to_be_between", column="outcome", min_value=3)
    context = a_context(agreement=agreed(definitions=(a_definition(good, bad),)))
    with file_warehouse.transaction() as connection:
        insert(connection, tables.meetings, a_meeting())

    held, broken = run_definitions(file_warehouse.engine, context)

    assert held.error is None
    assert broken.error is not None
    assert broken.failing_ids == ()
    with file_warehouse.transaction() as connection:
        assert any("not evaluated by Great Expectations" in finding for finding in compare(connection, [broken]))


def test_no_connection_stays_open(file_warehouse: Warehouse) -> None:
    import duckdb

    judge(file_warehouse, [a_meeting()], a_definition())

    # a second configuration is refused while any connection to the file is open in this process
    duckdb.connect(str(file_warehouse.path), read_only=True).close()


def _between(lowest: int) -> dict[str, Any]:
    return {
        "expectation": "expect_column_values_to_be_between",
        "kwargs": {"column": "minutes", "min_value": lowest},
    }
