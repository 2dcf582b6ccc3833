"""The demo company's goal worked back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement
from models import tables
from models.kpi import plan
from tests.models.kpi.demo_night import agreement, night, rows_of, write

CHAIN = ["won_amount", "deals_won", "valid_meetings", "meetings_held", "meetings_booked", "connects", "calls_made"]
GOAL = Decimal(350_000_000)


def with_goal(value: Decimal, **changes: Any) -> Agreement:
    agreed = agreement()
    rows = tuple(row.model_copy(update={"value": value}) if row.is_goal else row for row in agreed.targets.targets)
    return agreed.model_copy(update={"targets": agreed.targets.model_copy(update={"targets": rows} | changes)})


def needed(connection: sa.Connection, step: str) -> list[float]:
    return [row["needed"] for row in rows_of(connection, tables.plan, kpi_id=step)]


def test_every_step_is_planned_for_the_goals_remaining_months() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.plan)

    assert {row["kpi_id"] for row in rows} == set(CHAIN)
    for step in CHAIN:
        starts = [row["period_start"] for row in rows if row["kpi_id"] == step]
        assert starts == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1), date(2027, 3, 1)]
    assert all(row["needed_lower"] <= row["needed"] <= row["needed_upper"] for row in rows)
    assert all(row["sample_size"] >= 20 and row["assumptions"] for row in rows)


def test_what_is_won_and_what_is_planned_make_the_goal() -> None:
    with night() as connection:
        planned = sum(needed(connection, "won_amount"))
        won_before = connection.execute(
            sa.select(sa.func.sum(tables.kpi_daily.c.numerator)).where(
                tables.kpi_daily.c.kpi_id == "won_amount",
                tables.kpi_daily.c.department == "inside_sales",
                tables.kpi_daily.c.counted_date >= date(2026, 4, 1),
                tables.kpi_daily.c.counted_date < date(2026, 11, 1),
            )
        ).scalar_one()

    assert planned + float(won_before) == pytest.approx(float(GOAL), rel=0.01)


def test_every_step_needs_more_of_what_comes_before_it() -> None:
    with night() as connection:
        december = [needed(connection, step)[1] for step in CHAIN[1:]]

    assert december == sorted(december)


def test_needs_grow_with_the_goal() -> None:
    with night() as connection:
        before = {step: needed(connection, step) for step in CHAIN}
        write(connection, plan.MODEL, agreed=with_goal(GOAL * 2))
        after = {step: needed(connection, step) for step in CHAIN}
        realistic = rows_of(connection, tables.plan, kpi_id="calls_made", is_realistic=True)

    for step in CHAIN:
        assert all(more > less for less, more in zip(before[step], after[step], strict=True)), step
    assert realistic == []


def test_a_goal_that_is_reached_needs_nothing_more() -> None:
    with night() as connection:
        write(connection, plan.MODEL, agreed=with_goal(Decimal(1)))
        rows = rows_of(connection, tables.plan)

    assert all(row["needed"] == 0 for row in rows if row["period_start"] > date(2026, 11, 1))


def test_below_the_agreed_sample_there_is_no_figure_but_what_is_missing() -> None:
    with night() as connection:
        write(connection, plan.MODEL, agreed=with_goal(GOAL, least_sample=1000))
        rows = rows_of(connection, tables.plan, kpi_id="deals_won")

    assert rows
    for row in rows:
        assert row["needed"] is None
        assert "more are needed" in row["assumptions"]


def test_without_a_goal_there_is_no_plan() -> None:
    agreed = agreement()
    targets = tuple(row for row in agreed.targets.targets if not row.is_goal)
    without = agreed.model_copy(update={"targets": agreed.targets.model_copy(update={"targets": targets})})
    with night() as connection:
        write(connection, plan.MODEL, agreed=without)
        assert rows_of(connection, tables.plan) == []
