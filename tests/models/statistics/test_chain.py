"""Working a goal back through steps with rates and lags: closure, and what must never happen."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.statistics.chain import Begun, Months, Step, forward, needed_of, outcome, pipeline, run_forward, work_back

LAGS = st.lists(st.floats(0.01, 1), min_size=1, max_size=6).map(lambda row: np.array([row]) / sum(row))
RATES = st.floats(0.02, 1)
PASTS = st.lists(st.floats(0, 50), max_size=12).map(np.array)
GOALS = st.floats(1, 1000)


def a_step(rate: float = 0.2, shares: tuple[float, ...] = (0.3, 0.4, 0.3)) -> Step:
    return Step("valid_meetings", np.array([rate]), np.array([shares]))


def even(count: int, *, before: int = 0, share_left: float = 1.0) -> Months:
    """Give months of which the first `before` lie before the goal's period."""
    weights = np.array([0.0] * before + [1.0] * count)
    return Months(np.array([share_left] + [1.0] * (count + before - 1)), weights / weights.sum())


MONTHS = st.builds(even, st.integers(1, 8), before=st.integers(0, 3), share_left=st.floats(0.05, 1))


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Step], list[Begun]]:
    steps = [Step(str(n), np.array([draw(RATES)]), draw(LAGS)) for n in range(draw(st.integers(1, 4)))]
    return steps, [Begun(draw(PASTS), draw(st.floats(0, 20))) for _ in steps]


def test_what_december_needs_stands_in_october() -> None:
    needed = work_back(np.array([[0.0, 0.0, 20.0, 0.0, 0.0, 0.0]]), a_step(0.5, (0.0, 0.0, 1.0)))

    assert needed.tolist() == [[40.0, 0, 0, 0, 0, 0]]


def test_past_cases_convert_in_the_plan() -> None:
    brought = run_forward(np.array([[20.0, 20.0]]), a_step(0.5, (0.0, 1.0)), Begun(np.array([10.0])))

    assert brought.tolist() == [[5.0, 10.0]]


def test_of_the_running_month_only_the_rest_is_still_to_come() -> None:
    begun = Begun(np.array([100.0]), first_done=40.0)

    coming = pipeline([a_step(0.5, (0.5, 0.5))], [begun], even(2, share_left=0.25), 1)

    # this month 0.5 * (40 * 0.5 + 100 * 0.5) = 35, a quarter of it to come; next month 0.5 * 40 * 0.5 = 10
    assert coming[0] == pytest.approx([35 * 0.25, 10])


@given(chains(), MONTHS, GOALS)
def test_the_plan_run_forward_gives_the_goal_back(
    chain: tuple[list[Step], list[Begun]], months: Months, goal: float
) -> None:
    steps, begun = chain

    planned = needed_of(np.array([goal]), steps, begun, months)

    begun_brings = (pipeline(steps, begun, months, 1) * months.in_goal).sum()
    reached = begun_brings + (forward(planned, steps) * months.in_goal).sum()
    if begun_brings < goal:
        assert reached == pytest.approx(goal, rel=0.01)
    else:
        assert planned.sum() == 0


@given(chains(), MONTHS, GOALS, st.floats(1, 3))
def test_needs_grow_with_the_goal(
    chain: tuple[list[Step], list[Begun]], months: Months, goal: float, growth: float
) -> None:
    small, large = (needed_of(np.array([value]), *chain, months) for value in (goal, goal * growth))

    assert np.all(large >= small * (1 - 1e-9))


@given(chains(), MONTHS, GOALS, st.floats(0.1, 1), st.data())
def test_needs_never_fall_when_a_rate_falls(
    chain: tuple[list[Step], list[Begun]], months: Months, goal: float, fall: float, data: st.DataObject
) -> None:
    steps, begun = chain
    which = data.draw(st.integers(0, len(steps) - 1))
    worse = [
        Step(step.name, step.rate * (fall if n == which else 1), step.month_shares) for n, step in enumerate(steps)
    ]

    before, after = (needed_of(np.array([goal]), tried, begun, months) for tried in (steps, worse))

    assert np.all(after >= before * (1 - 1e-9))


@given(st.floats(0.05, 1), LAGS, st.integers(2, 8), GOALS, st.integers(0, 4))
def test_a_longer_lag_never_needs_less_when_nothing_is_begun(
    rate: float, shares: np.ndarray, count: int, goal: float, later: int
) -> None:
    assume(shares.shape[1] + later <= 18)
    nothing = [Begun(np.zeros(0))]
    late = np.concatenate([np.zeros((1, later)), shares], axis=1)

    needs = [
        needed_of(np.array([goal]), [Step("valid_meetings", np.array([rate]), lag)], nothing, even(count)).sum()
        for lag in (shares, late)
        if lag[0, :count].sum() > 0
    ]

    assert needs == sorted(needs)


def test_many_draws_are_each_their_own_chain() -> None:
    random = np.random.default_rng(3)
    rates, goal, months, begun = random.uniform(0.1, 0.9, size=5), np.array([50.0]), even(4), [Begun(np.ones(3))]
    lag = np.array([[0.2, 0.5, 0.3]])

    together = needed_of(goal, [Step("s", rates, np.tile(lag, (5, 1)))], begun, months)

    alone = [needed_of(goal, [Step("s", rates[n : n + 1], lag)], begun, months)[0] for n in range(5)]
    assert together == pytest.approx(np.array(alone))


def test_luck_is_around_what_is_expected() -> None:
    random = np.random.default_rng(5)

    drawn = outcome(np.full(20_000, 30.0), np.full(20_000, 1000.0), 0.6, random)

    assert drawn.mean() == pytest.approx(30_000, rel=0.01)
    # Poisson number, amounts with a spread of 0.6: variance 30 * (1 + 0.6^2) * 1000^2
    assert drawn.std() == pytest.approx((30 * 1.36) ** 0.5 * 1000, rel=0.02)
    assert outcome(np.zeros(3), np.ones(3), 0.5, random).tolist() == [0, 0, 0]
