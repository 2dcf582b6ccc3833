"""Rates and lags of the chain: what they refuse, and that their intervals hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.planning import (
    DAYS_PER_MONTH,
    Case,
    beta_rate,
    lag_curve,
    mean_rate,
    ratio_rate,
    realism_percentile,
    shifted,
)


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

    shares = curve.month_shares()[0]
    assert sum(shares) == pytest.approx(1)
    # a mean case starts in the middle of its month: the first month has half the time
    assert shares[0] == pytest.approx(1 - math.exp(-0.5 * 30.4 / 45), abs=0.04)


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
    assert curve.median_days is None


def test_without_a_conversion_it_says_so_and_not_that_cases_are_missing() -> None:
    rate = lag_curve([Case(days=90, has_converted=False)] * 50, least_sample=20).rate

    assert (rate.reason, rate.missing) == ("none of 50 cases has converted yet, 1 more is needed", 1)


def test_a_curve_without_young_cases_is_the_plain_share() -> None:
    cases = [Case(10, has_converted=True)] * 30 + [Case(400, has_converted=False)] * 70

    curve = lag_curve(cases, least_sample=20)

    assert curve.rate.value == pytest.approx(0.30)
    # Jeffreys' interval of 30 of 100
    assert (curve.rate.lower, curve.rate.upper) == pytest.approx((0.229, 0.379), abs=0.015)


def test_the_same_cases_give_the_same_curve_in_any_order() -> None:
    cases = matured_and_young(rate=0.2, lag_days=60)[:300]

    forwards, backwards = lag_curve(cases, least_sample=20), lag_curve(cases[::-1], least_sample=20)

    assert forwards == backwards
    assert np.array_equal(forwards.shares, backwards.shares)


@given(st.floats(1, 3))
def test_a_longer_cycle_never_brings_more_within_a_month(stretch: float) -> None:
    curve = lag_curve(matured_and_young(rate=0.3, lag_days=45)[:200], least_sample=20)

    before, after = (np.cumsum(curve.month_shares(stretch=factor)[0]) for factor in (1.0, stretch))

    assert np.all(after <= before + 1e-9)
    assert after[-1] == pytest.approx(1)


def test_a_lag_of_a_month_and_a_half_is_spread_over_two() -> None:
    curve = lag_curve([Case(46, has_converted=True)] * 30, least_sample=20)

    shares = curve.month_shares()[0]

    assert shares[:3] == pytest.approx([0, 2 - 46 / DAYS_PER_MONTH, 46 / DAYS_PER_MONTH - 1])


def test_a_share_never_leaves_its_bounds() -> None:
    rate = beta_rate(95, 100, least_sample=20)

    assert shifted(rate, plus=0.2, most=1.0).upper == 1.0
    assert shifted(rate, plus=-2).lower > 0
    assert shifted(beta_rate(1, 2, least_sample=20), factor=2).reason is not None


def test_amounts_of_nothing_are_no_amounts() -> None:
    assert mean_rate([0.0] * 50, least_sample=20).reason == "0 matured cases, 20 more are needed"


def test_realism_is_the_share_of_months_that_brought_no_more() -> None:
    assert realism_percentile(25, [10, 20, 30, 40]) == 0.5
    assert realism_percentile(99, [10, 20]) == 1
    assert realism_percentile(10, []) is None
