"""A target keeps its place in the own history; a difference is called clear only when it seldom is chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.comparison import LEAST_PERIODS, difference, equally_hard, share_of

history = st.lists(st.integers(1, 300), min_size=LEAST_PERIODS, max_size=24)


@given(values=history, target=st.integers(0, 400))
def test_without_a_change_the_target_stays(values: list[int], target: int) -> None:
    assert equally_hard(target, values, values).value == pytest.approx(target)


@given(values=history, target=st.integers(1, 300), factor=st.floats(0.1, 3))
def test_a_history_scaled_scales_the_target(values: list[int], target: int, factor: float) -> None:
    assert equally_hard(target, values, [value * factor for value in values]).value == pytest.approx(target * factor)


@given(
    both=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=LEAST_PERIODS, max_size=24),
    low=st.integers(1, 400),
    high=st.integers(1, 400),
)
def test_a_higher_target_stays_the_higher_one(both: list[tuple[int, int]], low: int, high: int) -> None:
    before, after = zip(*both, strict=True)

    first, second = (equally_hard(target, before, after).value for target in sorted((low, high)))

    assert first is not None
    assert second is not None
    assert first <= second + 1e-9


def test_too_few_periods_give_no_target() -> None:
    found = equally_hard(10, [9.0] * (LEAST_PERIODS - 1), [8.0] * (LEAST_PERIODS - 1))

    assert found.value is None
    assert (found.periods, found.missing_periods) == (LEAST_PERIODS - 1, 1)


def test_equal_shares_are_seldom_called_different() -> None:
    chance = np.random.default_rng(7)
    clear = 0
    for _ in range(400):
        first, second = (share_of(int(chance.binomial(150, 0.12)), 150) for _ in range(2))
        found = difference(first, second)
        assert found is not None
        clear += found.is_clear

    assert 0.05 <= clear / 400 <= 0.15  # a 90 % interval


def test_without_cases_there_is_no_difference() -> None:
    assert difference(share_of(0, 0), share_of(1, 2)) is None
