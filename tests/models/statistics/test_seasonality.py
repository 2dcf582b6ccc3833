"""The quarter's rhythm: shrunk, and none without data."""

import pytest

from models.statistics.seasonality import month_of_quarter


def test_a_strong_pattern_is_seen_and_pulled_towards_none() -> None:
    season = month_of_quarter([60, 100, 140] * 4, [20] * 12, [0, 1, 2] * 4)

    first, second, last = season.factors
    assert 0.6 < first < 0.9
    assert second == pytest.approx(1, abs=0.05)
    assert 1.1 < last < 1.4
    assert sum(season.factors) == pytest.approx(3)


def test_few_deals_have_less_pattern_than_many() -> None:
    few, many = (month_of_quarter([6 * n, 10 * n, 14 * n] * 4, [20] * 12, [0, 1, 2] * 4) for n in (0.3, 30))

    assert abs(few.factors[2] - 1) < abs(many.factors[2] - 1)


@pytest.mark.parametrize(
    "counts",
    [pytest.param([5.0] * 5, id="five months"), pytest.param([0.0] * 12, id="nothing"), pytest.param([], id="none")],
)
def test_without_data_there_is_no_pattern(counts: list[float]) -> None:
    season = month_of_quarter(counts, [20] * len(counts), [n % 3 for n in range(len(counts))])

    assert season.factors == (1, 1, 1)
    assert season.reason is not None


def test_short_months_are_not_weak_months() -> None:
    season = month_of_quarter([40, 44, 36] * 4, [20, 22, 18] * 4, [0, 1, 2] * 4)

    assert season.factors == pytest.approx((1, 1, 1))
