"""Working a goal back: rates, lags, closure, and what must never happen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.planning import (
    Begun,
    Case,
    Rate,
    Step,
    beta_rate,
    close_gap,
    lag_curve,
    mean_rate,
    pipeline,
    ratio_rate,
    realism_percentile,
    run_forward,
    with_interval,
    work_back,
)

shares = st.lists(st.floats(0.01, 1), min_size=1, max_size=6).map(lambda row: tuple(x / sum(row) for x in row))
months = st.lists(st.floats(1, 1000), min_size=2, max_size=8)


def a_step(rate: float = 0.2, month_shares: tuple[float, ...] = (0.3, 0.4, 0.3)) -> Step:
    return Step("valid_meetings", Rate(rate, rate * 0.9, rate * 1.1, 100), month_shares)


def test_two_wins_of_six_are_no_rate() -> None:
    assert beta_rate(2, 6, least_sample=20).reason == "6 matured cases, 14 more are needed"
    assert math.isnan(beta_rate(2, 6, least_sample=20).value)


def test_two_of_six_would_be_anything_from_ten_to_seventy_percent() -> None:
    rate = beta_rate(2, 6, least_sample=1)

    assert (rate.lower, rate.upper) == pytest.approx((0.10, 0.66), abs=0.03)


@pytest.mark.parametrize("cases", [19, 20])
def test_the_least_sample_is_enough(cases: int) -> None:
    assert (beta_rate(5, cases, least_sample=20).reason is None) is (cases >= 20)


def test_beta_intervals_hold_nine_of_ten_true_rates() -> None:
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        truth = random.uniform(0.05, 0.8)
        rate = beta_rate(random.binomial(60, truth), 60, least_sample=20)
        hits += rate.lower <= truth <= rate.upper

    assert 0.87 <= hits / 1000 <= 0.93


def test_a_mean_of_amounts_has_the_interval_of_its_spread() -> None:
    narrow, wide = (mean_rate([100 - spread, 100 + spread] * 15, least_sample=20) for spread in (5.0, 60.0))

    assert narrow.value == wide.value == 100
    assert wide.upper - wide.lower > 5 * (narrow.upper - narrow.lower)
    assert mean_rate([100.0] * 19, least_sample=20).reason is not None


def test_a_ratio_may_exceed_one() -> None:
    assert ratio_rate(150, 100, least_sample=20).value == 1.5
    assert ratio_rate(19, 100, least_sample=20).reason is not None


def matured_and_young(rate: float, lag_days: float, seed: int = 4) -> list[Case]:
    """A year and a half of cases, all seen until today: the newest have had no time to convert."""
    random = np.random.default_rng(seed)
    cases = []
    for _ in range(4000):
        age = int(random.uniform(0, 540))
        lag = int(random.exponential(lag_days))
        converts = random.random() < rate and lag <= age
        cases.append(Case(days=lag if converts else age, has_converted=converts))
    return cases


def test_young_cases_do_not_pull_the_rate_down() -> None:
    cases = matured_and_young(rate=0.2, lag_days=60)

    curve = lag_curve(cases, least_sample=20)

    naive = sum(case.has_converted for case in cases) / len(cases)
    assert curve.rate.value == pytest.approx(0.2, abs=0.025)
    assert naive < 0.18
    assert curve.rate.lower < 0.2 < curve.rate.upper
    assert curve.median_days == pytest.approx(60 * math.log(2), abs=8)


def test_month_shares_add_up_to_one() -> None:
    curve = lag_curve(matured_and_young(rate=0.3, lag_days=45), least_sample=20)

    assert sum(curve.month_shares) == pytest.approx(1)
    # a mean case starts in the middle of its month: the first month has half the time
    assert curve.month_shares[0] == pytest.approx(1 - math.exp(-0.5 * 30.4 / 45), abs=0.04)


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([Case(10, has_converted=True)] * 19, id="too few"),
        pytest.param([Case(100, has_converted=False)] * 50, id="none converted"),
        pytest.param([], id="none"),
    ],
)
def test_a_lag_curve_is_refused_without_cases(cases: list[Case]) -> None:
    curve = lag_curve(cases, least_sample=20)

    assert curve.rate.reason is not None
    assert curve.month_shares == (1.0,)


def test_what_december_needs_stands_in_october() -> None:
    needed = work_back([0.0, 0.0, 20.0, 0.0, 0.0, 0.0], a_step(0.5, (0.0, 0.0, 1.0)))

    assert needed == [40.0, 0, 0, 0, 0, 0]


@given(months, shares, st.floats(0.01, 1), st.lists(st.floats(0, 5), max_size=6))
def test_the_plan_run_forward_gives_the_goal_back(
    needed: list[float], month_shares: tuple[float, ...], rate: float, past: list[float]
) -> None:
    step = a_step(rate, month_shares)
    begun = Begun(past=tuple(past))

    planned = close_gap(needed, step, begun)

    reached = sum(run_forward(planned, step, past=past))
    if pipeline(step, begun, months=len(needed)) < sum(needed):
        assert reached == pytest.approx(sum(needed), rel=0.01)
    else:
        assert sum(planned) == 0


@given(months, shares, st.floats(0.05, 1), st.floats(0, 1), st.floats(1, 3))
def test_needs_grow_with_the_goal(
    needed: list[float], month_shares: tuple[float, ...], rate: float, first_share: float, growth: float
) -> None:
    begun = Begun(past=(10.0, 10.0), first_done=5.0, first_share=first_share)
    step = a_step(rate, month_shares)

    small, large = close_gap(needed, step, begun), close_gap([value * growth for value in needed], step, begun)

    assert all(more >= less - 1e-6 * less for less, more in zip(small, large, strict=True))


@given(months, shares, st.floats(0.05, 1), st.floats(0.1, 1))
def test_needs_never_fall_when_a_rate_falls(
    needed: list[float], month_shares: tuple[float, ...], rate: float, fall: float
) -> None:
    begun = Begun(past=(10.0, 10.0), first_done=5.0, first_share=0.5)

    better = close_gap(needed, a_step(rate, month_shares), begun)
    worse = close_gap(needed, a_step(rate * fall, month_shares), begun)

    assert all(more >= less - 1e-6 * less for less, more in zip(better, worse, strict=True))


def test_of_the_running_month_only_the_rest_is_still_to_come() -> None:
    step = a_step(0.5, (0.5, 0.5))
    begun = Begun(past=(100.0,), first_done=40.0, first_share=0.25)

    # this month 0.5 * (40 * 0.5 + 100 * 0.5) = 35, a quarter of it to come; next month 0.5 * 40 * 0.5 = 10
    assert pipeline(step, begun, months=2) == pytest.approx(35 * 0.25 + 10)


def test_a_longer_chain_is_less_sure() -> None:
    rate = beta_rate(30, 100, least_sample=20)
    one, three = with_interval(100, [rate]), with_interval(100, [rate] * 3)

    assert three.lower < one.lower < 100 < one.upper < three.upper


def test_realism_is_the_share_of_months_that_brought_no_more() -> None:
    assert realism_percentile(25, [10, 20, 30, 40]) == 0.5
    assert realism_percentile(99, [10, 20]) == 1
    assert realism_percentile(10, []) is None
