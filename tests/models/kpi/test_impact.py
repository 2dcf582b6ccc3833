"""What a change would do is what it does: the moves are the difference of two verdict tables, and the past stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions_contract.schema import Definition, PeriodKind
from models import tables
from models.context import BuildContext, Model
from models.kpi import meeting_rule_results, meeting_verdicts
from models.kpi.impact import Comparison, conversion, counts, kpi_facts, moved_records, moves
from pipelines.warehouse import Warehouse, insert_rows, write_model
from tests.models.factories import a_context, a_deal, a_meeting, insert
from tests.models.kpi.agreements import a_definition, a_kpi, a_rule, agreed
from tests.models.kpi.conftest import calendar_rows

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
SINCE, AS_OF, CHANGE = date(2026, 7, 1), date(2026, 9, 30), date(2026, 8, 16)
HELD = a_rule(waiting_values=("booked",), wait_business_days=2)
IN_SET, BETWEEN = "expect_column_values_to_be_in_set", "expect_column_values_to_be_between"
RULES = (
    HELD,
    a_rule(id="minutes", expectation=BETWEEN, kwargs={"column": "minutes", "min_value": 15}),
    a_rule(id="minutes", expectation=BETWEEN, kwargs={"column": "minutes", "min_value": 30}),
    a_rule(id="boss", expectation=IN_SET, kwargs={"column": "decision_maker_present", "value_set": [True]}),
    a_rule(id="boss", expectation=IN_SET, kwargs={"column": "decision_maker_present", "value_set": [True]}, wait_business_days=5),
    a_rule(id="source", expectation=IN_SET, kwargs={"column": "lead_source", "value_set": ["web"]}, severity="warning"),
)  # fmt: skip

meeting = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(["held", "no_show", "booked", None]),
        "minutes": st.sampled_from([None, 10, 20, 45]),
        "decision_maker_present": st.sampled_from([None, True, False]),
        "lead_source": st.sampled_from(["web", "phone", None]),
        "held_date": st.dates(SINCE - timedelta(days=20), AS_OF + timedelta(days=20)) | st.none(),
    }
)
rules = st.lists(st.sampled_from(RULES), max_size=4, unique_by=lambda rule: rule.id)


@contextmanager
def filled(warehouse: Warehouse, rows: list[dict[str, Any]]) -> Iterator[sa.Connection]:
    """Give a warehouse with these meetings; nothing of it stays."""
    with warehouse.engine.connect() as connection, connection.begin() as transaction:
        insert_rows(connection, tables.calendar, calendar_rows())
        insert(connection, tables.meetings, *(a_meeting(meeting_id=f"m{n}", **row) for n, row in enumerate(rows)))
        yield connection
        transaction.rollback()


def verdicts_by(connection: sa.Connection, *definitions: Definition) -> dict[str, dict[str, Any]]:
    """Build kpi.meeting_verdicts the nightly way."""
    context = a_context(agreement=agreed(definitions=definitions), as_of=AS_OF)
    write_model(connection, meeting_rule_results.MODEL, context)
    write_model(connection, meeting_verdicts.MODEL, context)
    return {row["meeting_id"]: dict(row) for row in connection.execute(sa.select(tables.meeting_verdicts)).mappings()}


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(meeting, min_size=1, max_size=8), old=rules, new=rules)
def test_the_moves_are_the_difference_of_the_verdict_tables(
    empty_warehouse: Warehouse, rows: list[dict[str, Any]], old: list[Any], new: list[Any]
) -> None:
    before = a_definition(HELD, *(rule for rule in old if rule.id != "held"), effective_from=SINCE)
    after = a_definition(HELD, *(rule for rule in new if rule.id != "held"), effective_from=SINCE)
    with filled(empty_warehouse, rows) as connection:
        tables_of = [verdicts_by(connection, definition) for definition in (before, after)]
        comparison = Comparison(before, after, SINCE, AS_OF)

        moved = {row.record_id: row for row in connection.execute(moved_records(comparison))}
        counted = list(connection.execute(moves(comparison)))

    old_table, new_table = tables_of
    differing = {key for key in old_table if old_table[key]["verdict"] != new_table[key]["verdict"]}
    assert set(moved) == differing
    for key, row in moved.items():
        assert (row.before_verdict, row.after_verdict) == (old_table[key]["verdict"], new_table[key]["verdict"])
        worse = max(
            (old_table[key], new_table[key]), key=lambda side: ["valid", "pending", "invalid"].index(side["verdict"])
        )
        assert row.moving_rules == (worse["failed_rules"] or worse["waiting_rules"])
    judged = sum(row["verdict"] is not None for row in old_table.values())
    assert sum(row.record_count for row in counted) == judged
    assert sum(row.record_count for row in counted if row.before_verdict != row.after_verdict) == len(differing)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(meeting, min_size=1, max_size=8), old=rules, new=rules)
def test_a_new_version_changes_no_verdict_before_its_first_day(
    empty_warehouse: Warehouse, rows: list[dict[str, Any]], old: list[Any], new: list[Any]
) -> None:
    first = a_definition(HELD, *(rule for rule in old if rule.id != "held"), effective_from=SINCE)
    second = a_definition(HELD, *(rule for rule in new if rule.id != "held"), version=2, effective_from=CHANGE)
    with filled(empty_warehouse, rows) as connection:
        before, after = verdicts_by(connection, first), verdicts_by(connection, first, second)
        alone = verdicts_by(connection, second)

    for key, row in after.items():
        is_earlier = row["held_date"] is None or row["held_date"] < CHANGE
        assert row == (before if is_earlier else alone)[key]


@pytest.fixture
def change() -> Comparison:
    longer = a_rule(id="long", expectation=BETWEEN, kwargs={"column": "minutes", "min_value": 30})
    return Comparison(a_definition(effective_from=SINCE), a_definition(a_rule(), longer, version=2), SINCE, AS_OF)


def test_months_teams_and_kpis_are_counted_by_both(with_calendar: sa.Connection, change: Comparison) -> None:
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(meeting_id="long", minutes=30, held_date=date(2026, 7, 31)),
        a_meeting(meeting_id="short", minutes=29, held_date=date(2026, 8, 1)),
        a_meeting(meeting_id="too old", minutes=29, held_date=SINCE - timedelta(days=1)),
        a_meeting(meeting_id="to come", minutes=29, held_date=AS_OF + timedelta(days=1)),
    )
    kpi = a_kpi(
        definition="valid_meeting",
        numerator={"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"},
    )

    counted = {(r.side, r.month_start.month, r.verdict): r.record_count for r in with_calendar.execute(counts(change))}
    facts = kpi_facts(change, (kpi, a_kpi(id="other")), PeriodKind.MONTH)

    assert counted == {
        ("before", 7, "valid"): 1,
        ("before", 8, "valid"): 1,
        ("after", 7, "valid"): 1,
        ("after", 8, "invalid"): 1,
    }
    assert facts is not None
    rows = {(r.kpi_id, r.side, r.period_start.month): r.numerator for r in with_calendar.execute(facts)}
    assert rows == {
        ("meetings_held", "before", 7): 1,
        ("meetings_held", "before", 8): 1,
        ("meetings_held", "after", 7): 1,
    }


@pytest.mark.parametrize(
    ("closed", "won"),
    [
        pytest.param(date(2026, 8, 30), 1, id="last day of the horizon"),
        pytest.param(date(2026, 8, 31), 0, id="a day later"),
    ],
)
def test_what_became_of_moved_meetings(
    with_calendar: sa.Connection, change: Comparison, closed: date, won: int
) -> None:
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(meeting_id="moved", minutes=29, held_date=date(2026, 7, 31), deal_id="d"),
        a_meeting(meeting_id="stays", minutes=30, held_date=date(2026, 7, 31)),
        a_meeting(meeting_id="too young", minutes=29, held_date=date(2026, 9, 1), deal_id="d"),
    )
    insert(with_calendar, tables.deals, a_deal(deal_id="d", close_date=closed))

    rows = {
        (r.is_before_valid, r.is_after_valid): (r.record_count, r.won_count)
        for r in with_calendar.execute(conversion(change, 30))
    }

    assert rows == {(True, False): (1, won), (True, True): (1, 0)}
