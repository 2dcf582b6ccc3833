"""The target as hard as before has the same place in the own history of periods like its own, counted here a second time by hand."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.periods import days_between, months_before
from definitions_contract.schema import PeriodKind, ScopeKind, Target, TargetAgreement
from models import tables
from models.kpi.impact import Comparison
from models.statistics.comparison import equally_hard
from pipelines.impact_targets import TouchedTarget, touched_targets
from tests.models.factories import BOTH, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, a_rule, agreed

SINCE, AS_OF = date(2025, 1, 1), date(2026, 6, 30)
MONTHS = [months_before(SINCE, -number) for number in range(18)]
REPS = ("always", "joined late")
JOINED = date(2026, 1, 1)
VALID = a_kpi(
    definition="valid_meeting",
    numerator={"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"},
)
LONG = a_rule(
    id="long", expectation="expect_column_values_to_be_between", kwargs={"column": "minutes", "min_value": 30}
)
CHANGE = Comparison(a_definition(), a_definition(a_rule(), LONG, version=2), SINCE, AS_OF, ramp_business_days=0)


def held() -> list[tuple[date, str, int]]:
    """Day, rep and minutes of some meetings; the one who joined late has none before."""
    days = (AS_OF - SINCE).days + 1
    rows = [(SINCE + timedelta(days=n * n * 7 % days), REPS[n % 5 % 2], (20, 40, 60)[n % 7 % 3]) for n in range(400)]
    return [row for row in rows if row[1] == "always" or row[0] >= JOINED]


@pytest.fixture
def filled(with_calendar: sa.Connection) -> sa.Connection:
    """Give a warehouse with these meetings and two reps of inside sales."""
    rows = (
        a_meeting(meeting_id=f"m{n}", held_date=day, rep_id=rep, minutes=minutes)
        for n, (day, rep, minutes) in enumerate(held())
    )
    insert(with_calendar, tables.meetings, *rows)
    for rep, start in zip(REPS, (date(2024, 4, 1), JOINED), strict=True):
        place = {"rep_id": rep, "team": "is_east", "department": "inside_sales"}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **place, valid_from=start, valid_to=None))
    return with_calendar


def touched(connection: sa.Connection, *, months: list[date] = MONTHS, **target: Any) -> list[TouchedTarget]:
    """Ask for one target of the department."""
    values = {"kpi": VALID.id, "scope_kind": ScopeKind.DEPARTMENT, "scope_id": "inside_sales", "since": SINCE} | target
    texts = TargetAgreement(agreed_between=BOTH, targets=(Target(**values),))
    agreement = agreed(VALID, definitions=(CHANGE.before, CHANGE.after), targets=texts)
    team = agreement.team.model_copy(update={"ramp_business_days": 0})
    rows = touched_targets(connection, agreement.model_copy(update={"team": team}), CHANGE, months)
    return [row for row in rows if row.scope_kind == "department"]


def histories(pieces: list[tuple[date, date]], reps: tuple[str, ...] = REPS) -> tuple[list[float], list[float]]:
    """Count valid meetings in each piece by hand, under both versions."""
    found: tuple[list[float], list[float]] = ([], [])
    for start, end in pieces:
        for side, least in zip(found, (0, 30), strict=True):
            side.append(sum(start <= day < end and rep in reps and minutes >= least for day, rep, minutes in held()))
    return found


@pytest.mark.parametrize(
    ("every", "length"),
    [
        pytest.param(PeriodKind.MONTH, 1, id="month"),
        pytest.param(PeriodKind.QUARTER, 3, id="quarter"),
        pytest.param(PeriodKind.FISCAL_YEAR, 12, id="year"),
    ],
)
def test_a_longer_target_is_set_against_every_run_of_settled_months(
    filled: sa.Connection, every: PeriodKind, length: int
) -> None:
    target = 17 * length
    pieces = [(month, months_before(month, -length)) for month in MONTHS[: len(MONTHS) - length + 1]]
    before, after = histories(pieces)

    (row,) = touched(filled, every=every, value=Decimal(target))

    assert row.equivalent is not None
    assert row.equivalent.value == round(equally_hard(target, before, after).value or 0)
    assert (row.value_before, row.value_after) == (sum(before) / len(before), sum(after) / len(after))


def test_a_week_counts_when_all_its_days_are_settled(filled: sa.Connection) -> None:
    mondays = [day for day in days_between(SINCE, AS_OF) if day.weekday() == 0 and day + timedelta(days=6) <= AS_OF]
    before, after = histories([(day, day + timedelta(days=7)) for day in mondays])

    (row,) = touched(filled, every=PeriodKind.WEEK, value=Decimal(4))

    assert row.equivalent is not None
    assert row.equivalent.periods == len(mondays)
    assert row.equivalent.value == round(equally_hard(4, before, after).value or 0)


def test_each_rep_is_compared_with_the_months_of_all_who_were_there(filled: sa.Connection) -> None:
    alone, both = (
        [(month, months_before(month, -1)) for month in MONTHS if (month >= JOINED) == late] for late in (False, True)
    )
    of_each = [histories(alone + both, ("always",)), histories(both, ("joined late",))]
    before, after = ([*of_each[0][side], *of_each[1][side]] for side in (0, 1))

    _, row = touched(filled, every=PeriodKind.MONTH, value=Decimal(20), each_rep=Decimal(11))

    assert row.is_each_rep
    assert row.equivalent is not None
    assert row.equivalent.periods == len(MONTHS) + Counter(month >= JOINED for month in MONTHS)[True]
    assert row.equivalent.value == round(equally_hard(11, before, after).value or 0)


def test_a_gap_in_the_settled_months_breaks_a_run(filled: sa.Connection) -> None:
    (row,) = touched(filled, months=MONTHS[:4] + MONTHS[5:9], every=PeriodKind.QUARTER, value=Decimal(40))

    assert row.equivalent is not None
    assert (row.equivalent.value, row.equivalent.periods) == (None, 4)


def test_a_target_that_ended_is_not_touched(filled: sa.Connection) -> None:
    (row,) = touched(filled, every=PeriodKind.MONTH, value=Decimal(20), until=AS_OF)

    assert row.target is None
