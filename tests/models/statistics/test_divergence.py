"""States, their borders, and when they may change."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.divergence import (
    ENTER_AHEAD,
    ENTER_AT_RISK,
    ENTER_OFF,
    JUDGED,
    LEAVE_AHEAD,
    LEAVE_AT_RISK,
    LEAVE_OFF,
    Evaluation,
    Standing,
    State,
    lack_of_data,
    next_state,
    raw_state,
    replay,
)
from models.statistics.forecast import Forecast


def at(p_reach: float, *, on_pace: bool | None = None) -> Evaluation:
    return Evaluation(p_reach, is_on_pace=p_reach >= 0.25 if on_pace is None else on_pace)


@pytest.mark.parametrize(
    ("evaluation", "state"),
    [
        pytest.param(at(0.95), State.AHEAD, id="0.95 and on pace is ahead"),
        pytest.param(at(0.9499), State.ON_TRACK, id="just below ahead"),
        pytest.param(at(0.99, on_pace=False), State.ON_TRACK, id="nobody is ahead who is behind what is due"),
        pytest.param(at(0.40), State.ON_TRACK, id="0.40 is still on track"),
        pytest.param(at(0.3999), State.AT_RISK, id="below 0.40 is at risk"),
        pytest.param(at(0.10), State.AT_RISK, id="0.10 is still at risk"),
        pytest.param(at(0.0999), State.OFF, id="below 0.10 is off"),
        pytest.param(at(0.01, on_pace=True), State.AT_RISK, id="nobody is off who has done what is due"),
    ],
)
def test_borders_of_the_raw_state(evaluation: Evaluation, state: State) -> None:
    assert raw_state(evaluation) == state


@pytest.mark.parametrize(
    ("state", "p_reach", "after"),
    [
        pytest.param(State.AT_RISK, 0.5499, State.AT_RISK, id="at risk stays below 0.55"),
        pytest.param(State.AT_RISK, 0.55, State.ON_TRACK, id="at risk is left at 0.55"),
        pytest.param(State.OFF, 0.1999, State.OFF, id="off stays below 0.2"),
        pytest.param(State.OFF, 0.2, State.AT_RISK, id="off becomes at risk at 0.2"),
        pytest.param(State.OFF, 0.54, State.AT_RISK, id="off does not jump over the border of at risk"),
        pytest.param(State.OFF, 0.55, State.ON_TRACK, id="off may be on track again"),
        pytest.param(State.AHEAD, 0.90, State.AHEAD, id="ahead stays at 0.90"),
        pytest.param(State.AHEAD, 0.8999, State.ON_TRACK, id="ahead is left below 0.90"),
    ],
)
def test_leaving_is_harder_than_entering(state: State, p_reach: float, after: State) -> None:
    assert next_state(Standing(state, at(p_reach)), at(p_reach)) == after


def test_one_bad_night_changes_nothing_and_two_do() -> None:
    calm = Standing(State.ON_TRACK, at(0.6))

    first = next_state(calm, at(0.3))
    second = next_state(Standing(first, at(0.3)), at(0.3))

    assert (first, second) == (State.ON_TRACK, State.AT_RISK)


def test_two_bad_nights_of_different_degree_take_the_milder() -> None:
    assert next_state(Standing(State.ON_TRACK, at(0.3)), at(0.05)) == State.AT_RISK


def test_a_bad_night_after_a_good_one_is_the_first() -> None:
    assert next_state(Standing(State.ON_TRACK, at(0.97)), at(0.3)) == State.ON_TRACK


def test_a_lost_target_is_off_at_once() -> None:
    calm = Standing(State.ON_TRACK, at(0.6))

    assert next_state(calm, at(0.02)) == State.ON_TRACK
    assert next_state(calm, at(0.0199)) == State.OFF


@given(st.sampled_from(JUDGED), st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_no_state_flips_within_its_hysteresis(state: State, noise: list[float]) -> None:
    inside = {
        State.AHEAD: (LEAVE_AHEAD, 1.0),
        State.ON_TRACK: (ENTER_AT_RISK, ENTER_AHEAD - 1e-9),
        State.AT_RISK: (ENTER_OFF, LEAVE_AT_RISK - 1e-9),
        State.OFF: (0.0, LEAVE_OFF - 1e-9),
    }[state]
    nights = [at(inside[0] + share * (inside[1] - inside[0])) for share in noise]

    standing = Standing(state, nights[0])
    for night in nights:
        standing = Standing(next_state(standing, night), night)
        assert standing.state == state


@given(st.lists(st.tuples(st.floats(0.02, 1), st.booleans()), min_size=3, max_size=40))
def test_a_state_changes_only_when_two_evaluations_in_a_row_ask_for_it(nights: list[tuple[float, bool]]) -> None:
    evaluations = [Evaluation(p, is_on_pace=on_pace) for p, on_pace in nights]
    standing = Standing(State.ON_TRACK, at(0.5))
    for before, now in pairwise(evaluations):
        known = Standing(standing.state, before)
        changed = next_state(known, now)
        calm = next_state(Standing(standing.state, _calm_in(standing.state)), now)
        assert calm == standing.state
        standing = Standing(changed, now)


def _calm_in(state: State) -> Evaluation:
    return at({State.AHEAD: 0.97, State.ON_TRACK: 0.6, State.AT_RISK: 0.3, State.OFF: 0.05}[state])


def test_replaying_nothing_gives_no_state() -> None:
    assert replay([]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_replay_in_two_parts_is_the_replay_of_the_whole(nights: list[float]) -> None:
    evaluations = [at(p_reach) for p_reach in nights]
    whole = replay(evaluations)

    standing = Standing(State.ON_TRACK, at(0.5))
    for evaluation in evaluations:
        standing = Standing(next_state(standing, evaluation), evaluation)

    assert whole == standing


@pytest.mark.parametrize(
    ("sample", "share", "is_enough"),
    [
        pytest.param(20, 0.15, True, id="both borders are enough"),
        pytest.param(19, 0.15, False, id="one case short"),
        pytest.param(20, 0.1499, False, id="too early"),
    ],
)
def test_a_judgement_needs_a_sample_and_a_part_of_the_period(sample: int, share: float, is_enough: bool) -> None:
    forecast = Forecast(80, 90, 100, 0.5, sample_size=sample)

    assert (lack_of_data(forecast, share_gone=share, least_sample=20) is None) is is_enough


def test_a_refused_forecast_says_why() -> None:
    refused = Forecast(math.nan, math.nan, math.nan, math.nan, sample_size=99, reason="no cases")

    assert lack_of_data(refused, share_gone=1.0, least_sample=20) == "no cases"
