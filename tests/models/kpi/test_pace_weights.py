"""Pace weights of the demo company."""

from datetime import date

from models import tables
from models.kpi import pace_weights
from tests.models.kpi.demo_night import AS_OF, night, rows_of, write


def test_every_kpi_with_a_target_has_a_weight_for_every_day_from_thirteen_months_back_to_a_month_after_the_year() -> (
    None
):
    with night() as connection:
        weights = rows_of(connection, tables.pace_weights)
        wanted = {row["kpi_id"] for row in rows_of(connection, tables.targets)}

    assert {row["kpi_id"] for row in weights} == wanted
    for kpi_id in wanted:
        days = [row["day"] for row in weights if row["kpi_id"] == kpi_id]
        assert (days[0], days[-1]) == (date(2025, 10, 1), date(2027, 4, 30))
        assert len(days) == (days[-1] - days[0]).days + 1


def test_only_business_days_weigh_and_about_one_each() -> None:
    with night() as connection:
        business = {row["day"]: row["business_day"] for row in rows_of(connection, tables.calendar)}
        weights = rows_of(connection, tables.pace_weights, kpi_id="calls_made")

    assert all((row["weight"] > 0) == bool(business[row["day"]]) for row in weights)
    working = [row["weight"] for row in weights if row["weight"]]
    assert 0.97 < sum(working) / len(working) < 1.03
    assert 0.5 < min(working) < max(working) < 1.6


def test_building_again_changes_nothing() -> None:
    with night() as connection:
        before = rows_of(connection, tables.pace_weights)
        write(connection, pace_weights.MODEL, as_of=AS_OF)
        assert rows_of(connection, tables.pace_weights) == before
