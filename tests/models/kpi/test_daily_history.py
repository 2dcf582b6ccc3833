"""What pace, divergence and plan read of the past."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.kpi.daily_history import DailyFacts, history_blocks, read_awaiting
from tests.models.factories import AS_OF, a_meeting, an_agreement, insert, row_of
from tests.models.kpi.agreements import a_definition, a_rule

SETTLED = AS_OF - timedelta(days=40)
WAITING = a_rule(id="accepted", wait_business_days=5)
LONG_ENOUGH = a_rule(id="long_enough")
MONDAY = date(2026, 6, 1)
BUSINESS_DAYS = [day for number in range(120) if (day := MONDAY + timedelta(days=number)).weekday() < 5]


def judged(connection: sa.Connection, number: int, verdict: str, outcome: str = "held", **changes: Any) -> None:
    """Put in one meeting with its verdict."""
    meeting_id = f"hs:{number}"
    values = {"rep_id": "hs:r1", "team": "is_east", "counted_date": SETTLED, "verdict": verdict}
    insert(connection, tables.meetings, a_meeting(meeting_id=meeting_id, outcome=outcome))
    insert(
        connection,
        tables.meeting_verdicts,
        row_of(tables.meeting_verdicts, meeting_id=meeting_id, **(values | changes)),
    )


def test_what_waits_is_expected_to_end_as_what_could_have_waited(warehouse: sa.Connection) -> None:
    for number in range(60):
        judged(warehouse, number, "valid")
    for number in range(60, 100):
        judged(warehouse, number, "invalid", failed_rules="accepted")
    # none of these ever waited, or has its answers yet
    for number in range(100, 150):
        judged(warehouse, number, "invalid", failed_rules="long_enough")
        judged(warehouse, number + 100, "invalid", outcome="no_show", failed_rules="accepted")
        judged(warehouse, number + 200, "invalid", failed_rules="accepted", counted_date=AS_OF)
    agreement = an_agreement(definitions=(a_definition(WAITING, LONG_ENOUGH),))

    awaiting = read_awaiting(warehouse, agreement, as_of=AS_OF)

    assert awaiting.rate == pytest.approx(0.6, abs=0.01)


def test_a_waiting_meeting_waits_for_rep_team_and_department(warehouse: sa.Connection) -> None:
    judged(warehouse, 1, "pending", counted_date=AS_OF)
    judged(warehouse, 2, "pending", counted_date=AS_OF + timedelta(days=1))

    awaiting = read_awaiting(warehouse, an_agreement(), as_of=AS_OF)

    for scope in (("rep", "hs:r1"), ("team", "is_east"), ("department", "inside_sales")):
        assert awaiting.total(scope, AS_OF, AS_OF + timedelta(days=9)) == 1


def facts(first: date) -> DailyFacts:
    return DailyFacts(numerator={day: 2.0 for day in BUSINESS_DAYS if day >= first})


def test_history_is_cut_into_whole_blocks_of_five_business_days() -> None:
    history = history_blocks(facts(MONDAY), {}, business_days=BUSINESS_DAYS[:63])

    assert [week.numerator for week in history.weeks] == [10.0] * 12  # the three oldest days make no block
    assert len(history.recent) == 8


def test_history_starts_where_the_scopes_own_facts_start() -> None:
    history = history_blocks(facts(BUSINESS_DAYS[40]), {}, business_days=BUSINESS_DAYS[:60])

    assert [week.numerator for week in history.weeks] == [10.0] * 4


@pytest.mark.parametrize(
    ("days", "blocks"),
    [
        pytest.param(20, 4, id="four blocks under the present definition are enough"),
        pytest.param(19, 12, id="with less the former one helps out"),
    ],
)
def test_history_starts_with_the_present_definition(days: int, blocks: int) -> None:
    known = BUSINESS_DAYS[:60]

    history = history_blocks(facts(MONDAY), {}, business_days=known, since=known[-days])

    assert len(history.weeks) == blocks


def test_no_facts_are_no_history() -> None:
    assert history_blocks(DailyFacts(), {}, business_days=BUSINESS_DAYS).weeks == ()
