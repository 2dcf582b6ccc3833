"""Forecasts of a period's end: what they promise of their intervals, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.dispersion import PRIOR_DISPERSION, cap_outliers, estimate_dispersion
from models.statistics.forecast import (
    History,
    Standing,
    Week,
    forecast_count,
    forecast_mean,
    forecast_rate,
    forecast_sum,
    present_level,
)

FORECASTS = 2000  # the share of hits is then known to about 0.7 points


def a_history(counts: list[float], *, recent: int = 8, denominator: float | None = None) -> History:
    weeks = tuple(Week(count, 5.0, denominator) for count in counts)
    return History(recent=weeks[-recent:], earlier=weeks[:-recent])


def a_standing(**changes: float) -> Standing:
    return Standing(**({"numerator": 50.0, "target": 100.0, "weight_left": 10.0} | changes))  # type: ignore[arg-type]


def overdispersed(random: np.random.Generator, mean: float, dispersion: float, size: int) -> list[float]:
    return [float(x) for x in random.negative_binomial(mean / (dispersion - 1), 1 / dispersion, size)]


@pytest.mark.parametrize("dispersion", [1.5, 4.0])
def test_ninety_percent_intervals_hold_nine_of_ten_month_ends(dispersion: float) -> None:
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(FORECASTS):
        level = random.uniform(5, 40)
        weeks = overdispersed(random, level, dispersion, 48)
        forecast = forecast_count(Standing(0, 10, 10.0), a_history(weeks[:44]))
        hits += forecast.lower <= sum(weeks[44:46]) <= forecast.upper

    assert 0.87 <= hits / FORECASTS <= 0.96  # counts are whole: the interval holds at least what it says


def test_poisson_intervals_would_not_hold() -> None:
    from scipy import stats

    random = np.random.default_rng(7)
    hits = 0
    for _ in range(FORECASTS):
        weeks = overdispersed(random, 30, 4.0, 46)
        mean = sum(weeks[:44]) / 44 * 2
        hits += stats.poisson.ppf(0.05, mean) <= sum(weeks[44:]) <= stats.poisson.ppf(0.95, mean)

    assert hits / FORECASTS < 0.75


def test_rate_intervals_hold_too() -> None:
    random = np.random.default_rng(11)
    hits = 0
    for _ in range(FORECASTS // 4):
        rate = random.uniform(0.2, 0.7)
        weeks = [Week(float(random.binomial(30, rate)), 5.0, 30.0) for _ in range(30)]
        ends = float(random.binomial(60, rate)) / 60
        forecast = forecast_rate(Standing(0, 0.5, 10.0, denominator=0.0), History(tuple(weeks[-8:]), tuple(weeks[:-8])))
        hits += forecast.lower <= ends <= forecast.upper

    assert 0.86 <= hits / (FORECASTS // 4) <= 0.99


@given(
    counts=st.lists(st.integers(0, 80), min_size=4, max_size=44),
    so_far=st.integers(0, 200),
    target=st.integers(0, 300),
    left=st.floats(0, 23),
)
def test_a_count_forecast_is_a_probability_with_an_ordered_interval(
    counts: list[int], so_far: int, target: int, left: float
) -> None:
    standing = Standing(float(so_far), float(target), left)

    forecast = forecast_count(standing, a_history([float(count) for count in counts]))

    assert 0 <= forecast.p_reach <= 1
    assert so_far <= forecast.lower <= forecast.middle <= forecast.upper


@given(so_far=st.integers(0, 150), target=st.integers(1, 200))
def test_a_higher_target_is_never_more_likely(so_far: int, target: int) -> None:
    history = a_history([20.0, 25.0, 18.0, 22.0] * 5)
    lower, higher = (
        forecast_count(Standing(float(so_far), float(wanted), 10.0), history).p_reach for wanted in (target, target + 1)
    )

    assert higher <= lower


@pytest.mark.parametrize(
    ("so_far", "p_reach"),
    [pytest.param(100, 1.0, id="exactly reached"), pytest.param(99, 0.0, id="one short")],
)
def test_on_the_last_day_only_the_count_decides(so_far: float, p_reach: float) -> None:
    forecast = forecast_count(a_standing(numerator=so_far, weight_left=0.0), a_history([20.0] * 20))

    assert forecast.p_reach == p_reach


def test_cases_that_wait_for_a_verdict_count_by_their_past_share() -> None:
    history = a_history([20.0] * 20)
    without = forecast_count(a_standing(weight_left=0.0), history)
    waiting = forecast_count(a_standing(weight_left=0.0, awaiting=40.0, awaiting_rate=0.5), history)

    assert without.middle == 50
    assert waiting.middle == pytest.approx(70, abs=1)


def test_a_rate_that_should_be_low_is_reached_from_below() -> None:
    history = a_history([6.0] * 20, denominator=30.0)
    low, high = (
        forecast_rate(Standing(6, target, 10.0, denominator=30.0, is_higher_better=False), history).p_reach
        for target in (0.10, 0.30)
    )

    assert low < 0.1
    assert high > 0.9


def test_a_rate_without_recent_cases_is_refused() -> None:
    forecast = forecast_rate(Standing(0, 0.5, 10.0, denominator=0.0), a_history([0.0] * 10, denominator=0.0))

    assert forecast.reason == "no cases in the recent history"
    assert math.isnan(forecast.p_reach)


def test_a_sum_is_as_uncertain_as_its_number_of_events() -> None:
    amounts = [2e6, 0.0, 4e6, 1e6, 3e6, 2e6] * 7
    forecast = forecast_sum(Standing(0, 6e6, 15.0), a_history(amounts), unit=2e6)

    assert forecast.lower < 6e6 < forecast.upper
    assert 0.2 < forecast.p_reach < 0.8


def test_a_mean_needs_two_months_of_weeks() -> None:
    weeks = tuple(Week(60.0, 5.0, 3.0) for _ in range(7))

    assert forecast_mean(Standing(0, 20, 5.0, denominator=0.0), History(weeks)).reason is not None
    assert forecast_mean(Standing(0, 20, 5.0, denominator=0.0), History(weeks + weeks)).reason is None


def test_the_present_level_follows_a_step_within_two_months() -> None:
    level = present_level(a_history([30.0] * 36 + [15.0] * 8))

    assert 3.0 <= level.value < 4.0  # 15 a week are 3 per weight; some weight stays with the old level


def test_one_imported_week_does_not_make_a_level() -> None:
    calm, imported = [20.0, 22.0, 18.0, 21.0] * 6, [20.0, 22.0, 18.0, 21.0] * 5 + [20.0, 22.0, 18.0, 900.0]

    assert cap_outliers(imported, [5.0] * 24)[-1] < 50
    assert present_level(a_history(imported)).value < 1.3 * present_level(a_history(calm)).value


@pytest.mark.parametrize("weeks", [0, 1, 2])
def test_few_weeks_take_the_noise_of_real_teams(weeks: int) -> None:
    dispersion = estimate_dispersion([10.0] * weeks, [5.0] * weeks)

    assert dispersion.value == PRIOR_DISPERSION
    assert dispersion.reason is not None


def test_a_step_is_not_taken_for_noise() -> None:
    random = np.random.default_rng(3)
    stepped = [float(x) for x in (*random.poisson(40, 26), *random.poisson(20, 26))]

    dispersion = estimate_dispersion(stepped, [5.0] * 52)

    assert dispersion.value < 2.0
    assert np.var(stepped) / np.mean(stepped) > 3.0


@given(st.lists(st.floats(0, 1000), min_size=3, max_size=60))
def test_dispersion_is_never_below_chance(counts: list[float]) -> None:
    assert estimate_dispersion(counts, [5.0] * len(counts)).value >= 1
