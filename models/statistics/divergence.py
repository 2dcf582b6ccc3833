"""In which state is a target, and when may that state change?

The raw state follows from one evaluation. The state that people see has hysteresis (leaving is harder than entering) and
changes only after two evaluations in a row, unless the target is as good as lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.statistics.forecast import Forecast


class State(StrEnum):
    """How a target stands."""

    AHEAD = "ahead"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF = "off"
    TOO_LITTLE_DATA = "too_little_data"
    UNTRUSTED = "untrusted"


JUDGED = (
    State.AHEAD,
    State.ON_TRACK,
    State.AT_RISK,
    State.OFF,
)  # best to worst; the others say why there is no judgement

ENTER_AHEAD = 0.95  # as sure as the upper end of the interval that is shown
LEAVE_AHEAD = 0.90
ENTER_AT_RISK = 0.40  # clearly worse than even: a coin toss is no news
LEAVE_AT_RISK = 0.55  # clearly better than even
ENTER_OFF = 0.10  # one in ten: outside what a normal run of luck repairs
LEAVE_OFF = 0.20
LOST = 0.02  # one in fifty: waiting another night for confirmation helps nobody
LEAST_SHARE = 0.15  # of the period's weight: three days of a month, before that a target is the last period's news


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One night's figures: probability to reach the target, and whether the actual is at least what is due."""

    p_reach: float
    is_on_pace: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The state that people see, and the evaluation it came from: all that the next night needs."""

    state: State
    evaluation: Evaluation


def raw_state(evaluation: Evaluation) -> State:
    """Say what one evaluation alone would be called.

    >>> raw_state(Evaluation(0.5, is_on_pace=False))
    <State.ON_TRACK: 'on_track'>
    """
    return candidate(State.ON_TRACK, evaluation)


def candidate(state: State, evaluation: Evaluation) -> State:
    """Say which state an evaluation asks for, seen from `state`: its own border is moved outwards."""
    enter_off = LEAVE_OFF if state == State.OFF else ENTER_OFF
    enter_at_risk = LEAVE_AT_RISK if state in (State.AT_RISK, State.OFF) else ENTER_AT_RISK
    enter_ahead = LEAVE_AHEAD if state == State.AHEAD else ENTER_AHEAD
    if evaluation.p_reach < enter_off and not evaluation.is_on_pace:  # what is due is done: at risk at most
        return State.OFF
    if evaluation.p_reach < enter_at_risk:
        return State.AT_RISK
    if evaluation.p_reach >= enter_ahead and evaluation.is_on_pace:
        return State.AHEAD
    return State.ON_TRACK


def next_state(previous: Standing, today: Evaluation) -> State:
    """Move on from the previous evaluation: two in a row must ask for a change to the same side; the nearer one is taken."""
    wanted = candidate(previous.state, today)
    if wanted == State.OFF and today.p_reach < LOST:
        return State.OFF
    wanted_before = candidate(previous.state, previous.evaluation)
    here, now, before = (JUDGED.index(state) for state in (previous.state, wanted, wanted_before))
    if now > here and before > here:
        return JUDGED[min(now, before)]
    if now < here and before < here:
        return JUDGED[max(now, before)]
    return previous.state


def replay(evaluations: Sequence[Evaluation]) -> Standing | None:
    """Live through evaluations, oldest first, from on track; None when there are none.

    >>> replay([Evaluation(0.2, is_on_pace=False)] * 2).state
    <State.AT_RISK: 'at_risk'>
    """
    standing: Standing | None = None
    for evaluation in evaluations:
        before = standing or Standing(State.ON_TRACK, Evaluation(p_reach=0.5, is_on_pace=True))
        standing = Standing(next_state(before, evaluation), evaluation)
    return standing


def lack_of_data(forecast: Forecast, *, share_gone: float, least_sample: int) -> str | None:
    """Say why a target cannot be judged yet, or None when it can."""
    if forecast.reason is not None:
        return forecast.reason
    if forecast.sample_size < least_sample:
        return f"{forecast.sample_size:.0f} of the {least_sample} cases needed are in the history"
    if share_gone < LEAST_SHARE:
        return f"{share_gone:.0%} of the period is gone, {LEAST_SHARE:.0%} needed"
    return None
