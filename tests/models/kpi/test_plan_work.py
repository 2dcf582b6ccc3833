"""The plan on a team whose rates are known by construction, and the goals, periods and changes that may be asked for."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement, Benchmark
from models.errors import PlanRequestError
from models.kpi.plan import assumptions, build_plan
from models.kpi.plan_capacity import Capacity, RepTime
from models.kpi.plan_changes import read_changes
from models.kpi.plan_goal import agreed_goal, asked_goal, read_period
from models.kpi.plan_work import Plan, read_material, work_out
from models.statistics.funnel import STEPS
from pipelines.warehouse import Warehouse
from tests.models.kpi.plan_teams import AS_OF, agreement, context, fill

SCOPE = ("department", "inside_sales")


@lru_cache(maxsize=4)
def warehouse(days: int = 600) -> Warehouse:
    made = Warehouse(":memory:")
    made.create_tables()
    with made.transaction() as connection:
        fill(connection, days=days)
    return made


def planned(
    agreed: Agreement | None = None,
    *,
    amount: float | None = None,
    period: str | None = None,
    days: int = 600,
    scope: tuple[str, str] | None = None,
    **changes: Any,
) -> Plan:
    asked = agreed or agreement()
    with warehouse(days).transaction() as connection:
        goal = asked_goal(asked, AS_OF, amount=amount, period=period, scope=scope)
        material = read_material(connection, context(asked), goal)
    return work_out(material, read_changes(**({"reps": 0, "rates": [], "cycle": None} | changes)))


def total(plan: Plan, step: str) -> float:
    return float(plan.needs[step].middle.sum())


def test_the_rates_are_those_of_the_team() -> None:
    rates = planned().estimates.rates

    assert rates["connect_rate"].value == pytest.approx(0.25, abs=0.001)
    assert rates["booked_per_connect"].value == pytest.approx(0.4)
    assert rates["show_rate"].value == pytest.approx(0.75, abs=0.005)
    assert rates["valid_rate"].value == pytest.approx(2 / 3, abs=0.005)
    assert rates["meeting_to_won"].value == pytest.approx(0.2, abs=0.005)
    assert rates["average_deal"].value == pytest.approx(1e6, rel=0.02)
    assert planned().estimates.lags["valid_meetings"].median_days == 30


def test_what_the_team_does_anyway_needs_about_what_it_does() -> None:
    # 2 valid meetings a day, a fifth of them won: 0.4 million a business day
    plan = planned(amount=0.4e6 * 61, period="2026Q4")

    assert plan.at_own_pace is not None
    assert plan.at_own_pace.mean == pytest.approx(0.4e6 * 61, rel=0.08)
    assert total(plan, "calls_made") == pytest.approx(40 * 61, rel=0.15)
    assert total(plan, "calls_made") / sum(plan.rep_days) == pytest.approx(8, rel=0.15)


def test_every_plan_closes() -> None:
    for period, amount in (("2026Q4", 40e6), ("2027Q1", 60e6), ("2027-03", 15e6), ("FY2026", 150e6)):
        assert abs(planned(amount=amount, period=period).closure or 0) < 0.01


@pytest.mark.parametrize("step", STEPS)
def test_a_larger_goal_needs_more(step: str) -> None:
    assert total(planned(amount=80e6, period="2026Q4"), step) > total(planned(amount=50e6, period="2026Q4"), step)


@pytest.mark.parametrize(
    ("changes", "less", "same"),
    [
        pytest.param({"rates": ["valid_rate=+5pp"]}, "meetings_held", "deals_won", id="more valid meetings"),
        pytest.param({"rates": ["average_deal=+10%"]}, "deals_won", "won_amount", id="larger deals"),
        pytest.param({"rates": ["connect_rate==30%"]}, "calls_made", "connects", id="a rate set to a figure"),
        pytest.param({"cycle": "-50%"}, "valid_meetings", "deals_won", id="a shorter cycle"),
    ],
)
def test_what_gets_better_needs_less(changes: dict[str, Any], less: str, same: str) -> None:
    base, changed = planned(amount=60e6, period="2026Q4"), planned(amount=60e6, period="2026Q4", **changes)

    assert total(changed, less) < total(base, less)
    assert total(changed, "calls_made") < total(base, "calls_made")
    assert total(changed, same) == pytest.approx(total(base, same))


def test_one_more_rep_makes_fewer_calls_each_but_not_at_once() -> None:
    base, more = planned(), planned(reps=1)

    assert total(more, "calls_made") == total(base, "calls_made")
    assert (base.people, more.people) == (5, 6)
    added = [after / before - 1 for before, after in zip(base.rep_days, more.rep_days, strict=True)]
    assert 0 < added[0] < 0.1  # ramping: 60 business days
    assert added == sorted(added)
    assert added[-1] == pytest.approx(0.2)


def test_who_ramps_counts_for_a_part() -> None:
    calendar = planned().material.capacity.calendar
    capacity = Capacity([RepTime(date(2026, 10, 1), None)], calendar, ramp_business_days=10)

    # ten business days from 1 October: 0.1 + 0.2 + ... + 1.0, then full days
    assert capacity.rep_days(date(2026, 10, 1), date(2026, 10, 16)) == pytest.approx(5.5)
    assert capacity.rep_days(date(2026, 9, 1), date(2026, 10, 1)) == 0
    assert capacity.with_reps(-1, date(2026, 10, 1)).rep_days(date(2026, 10, 1), date(2026, 11, 1)) == 0
    assert Capacity([RepTime(None, None)], calendar, 10).rep_days(date(2026, 10, 1), date(2026, 10, 16)) == 10


def test_little_data_says_how_many_cases_are_missing() -> None:
    plan = planned(days=60)

    assert plan.estimates.refused("won_amount") is None
    assert plan.estimates.refused("deals_won") == "average_deal: 6 matured cases, 14 more are needed"
    assert "deals_won" not in plan.needs
    assert plan.reach is None


def test_an_agreed_benchmark_stands_in_and_is_said() -> None:
    marks = (
        Benchmark(rate="average_deal", value=Decimal(900_000), cases=30, source="Last year's price list"),
        Benchmark(rate="meeting_to_won", value=Decimal("0.15"), cases=40, median_days=40, source="Sister company"),
        Benchmark(rate="connect_rate", value=Decimal("0.9"), cases=40, source="Not used: the own sample is enough"),
    )
    plan = planned(agreement(benchmarks=marks), days=60)

    assert plan.estimates.rates["average_deal"].source == "benchmark"
    assert plan.estimates.rates["average_deal"].value == pytest.approx(900_000)
    assert plan.estimates.rates["connect_rate"].source == "own"
    assert assumptions(plan, "deals_won").endswith("; the agreed benchmark")
    assert abs(plan.closure or 0) < 0.01


def test_a_small_team_borrows_the_departments_rates() -> None:
    plan = planned(amount=5e6, period="2026Q4", scope=("rep", "r1"))

    assert {rate.source for rate in plan.estimates.rates.values()} == {"department"}
    assert plan.people == 1


def test_the_agreed_goal_is_planned_each_night() -> None:
    with warehouse().transaction() as connection:
        rows = list(build_plan(connection, context()))
        none = list(build_plan(connection, context(agreement(goal=None))))

    assert {row["kpi_id"] for row in rows} == set(STEPS)
    assert {row["period_start"] for row in rows} == {date(2026 + (n > 12), (n - 1) % 12 + 1, 1) for n in range(10, 16)}
    assert none == []


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2027-03", date(2027, 3, 1), date(2027, 4, 1), id="a month"),
        pytest.param("2026-12", date(2026, 12, 1), date(2027, 1, 1), id="the last month of a year"),
        pytest.param("2027Q1", date(2027, 1, 1), date(2027, 4, 1), id="a quarter of the calendar"),
        pytest.param("2026q4", date(2026, 10, 1), date(2027, 1, 1), id="small letters"),
        pytest.param("FY2027", date(2027, 4, 1), date(2028, 4, 1), id="a fiscal year"),
        pytest.param("FY2027Q4", date(2028, 1, 1), date(2028, 4, 1), id="its last quarter"),
        pytest.param("2027", date(2027, 1, 1), date(2028, 1, 1), id="a year of the calendar"),
    ],
)
def test_a_period_is_read(text: str, start: date, end: date) -> None:
    assert read_period(text, 4) == (start, end)


@pytest.mark.parametrize("text", ["", "next", "2027Q5", "2027-13", "FY2027-03", "27Q1", "0000", "9999"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(PlanRequestError):
        read_period(text, 4)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param({"amount": 0.0, "period": "2026Q4"}, "needs no plan", id="nothing"),
        pytest.param({"amount": float("nan"), "period": "2026Q4"}, "needs no plan", id="not a number"),
        pytest.param({"amount": float("inf"), "period": "2026Q4"}, "needs no plan", id="without end"),
        pytest.param({"amount": 1e6, "period": "2026Q3"}, "is over", id="over on its last day"),
        pytest.param({"amount": 1e6, "period": "FY2030"}, "months away", id="too far"),
        pytest.param({"amount": 1e6, "period": "2026Q4", "scope": ("team", "nobody")}, "no rep belongs", id="nobody"),
        pytest.param({"period": "2026Q4", "scope": ("team", "fs")}, "was agreed", id="no agreed amount"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_a_reason(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanRequestError, match=message):
        planned(**asked)


@pytest.mark.parametrize(
    "changes",
    [
        {"rates": ["speed=+5pp"]},
        {"rates": ["valid_rate"]},
        {"rates": ["valid_rate=5pp"]},
        {"rates": ["valid_rate=+5"]},
        {"rates": ["valid_rate=-100%"]},
        {"rates": ["valid_rate==1.2"]},
        {"rates": ["valid_rate==0"]},
        {"rates": ["average_deal=+5pp"]},
        {"cycle": "20"},
        {"cycle": "-100%"},
        {"cycle": "+99999%"},
        {"reps": 100_000},
    ],
)
def test_what_is_no_change_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PlanRequestError):
        read_changes(**({"reps": 0, "rates": [], "cycle": None} | changes))


def test_months_of_the_period_without_a_target_of_its_own_are_added_up() -> None:
    goal = asked_goal(agreement(), AS_OF, amount=None, period="2026Q4", scope=SCOPE)

    assert goal.amount == 3 * 29_000_000
    assert agreed_goal(agreement(goal=None), AS_OF) is None


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    yield
    warehouse.cache_clear()


def test_the_warehouse_is_what_was_written() -> None:
    with warehouse().transaction() as connection:
        assert connection.execute(sa.text("select count(*) from core.reps")).scalar_one() == 5
