"""What must happen, and when, for the goal? Works a goal back through a chain of rates and lags, and runs it forward again.

Everything is an array of (draws, months): one row for the middle figures, or one for each draw of the rates. The first month may
have begun: what is planned falls into the rest of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.statistics.planning import Floats


@dataclass(frozen=True, slots=True)
class Months:
    """The months of a plan: which part of each is still to come, and what of the goal falls into each (adds up to 1)."""

    share_left: Floats
    goal_shares: Floats

    @property
    def count(self) -> int:
        """How many."""
        return len(self.goal_shares)

    @property
    def in_goal(self) -> Floats:
        """1 in the months that count for the goal, 0 before them."""
        first = int(np.argmax(self.goal_shares > 0))
        return (np.arange(self.count) >= first).astype(float)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain: `rate` of its cases bring the step above, `month_shares` months later. (draws,) and (draws, lags)."""

    name: str
    rate: Floats
    month_shares: Floats


@dataclass(frozen=True, slots=True)
class Begun:
    """What was done of a step before the plan starts: cases per past month, oldest first, and in the begun first month."""

    past: Floats
    first_done: float = 0.0


NOTHING_BEGUN = Begun(past=np.zeros(0))


def work_back(needed: Floats, step: Step) -> Floats:
    """Say what a step must bring in each month so that the step above gets `needed`: earlier by the lag, more by the rate.

    After the last month its need is taken to go on: a plan that stops at the goal's end would stop feeding what follows.
    """
    months = needed.shape[1]
    ahead = np.arange(months)[:, np.newaxis] + np.arange(step.month_shares.shape[1])[np.newaxis, :]
    later = needed[:, np.minimum(ahead, months - 1)]  # (draws, months, lags)
    return np.asarray(np.einsum("dml,dl->dm", later, _rows(step.month_shares, len(later))) / step.rate[:, np.newaxis])


def run_forward(cases: Floats, step: Step, begun: Begun = NOTHING_BEGUN) -> Floats:
    """Say what the step above gets in each month from planned cases (draws, months) and those of past months."""
    draws, months = cases.shape
    everything = np.concatenate([np.broadcast_to(begun.past, (draws, len(begun.past))), cases], axis=1)
    brought = np.zeros_like(everything)
    for lag in range(min(step.month_shares.shape[1], everything.shape[1])):
        brought[:, lag:] += everything[:, : everything.shape[1] - lag] * step.month_shares[:, lag : lag + 1]
    return np.asarray(brought[:, -months:] * step.rate[:, np.newaxis])


def pipeline(steps: Sequence[Step], begun: Sequence[Begun], months: Months, draws: int) -> Floats:
    """Say what the cases begun so far will still bring the top step: (draws, months). Steps run from the top down."""
    coming = np.zeros((draws, months.count))
    for step, done in reversed(list(zip(steps, begun, strict=True))):
        cases = coming.copy()  # what the steps below still bring of this one
        planned = run_forward(cases, step)
        cases = np.zeros((draws, months.count))
        cases[:, 0] = done.first_done
        from_begun = run_forward(cases, step, done)
        from_begun[:, 0] *= months.share_left[0]  # the rest of that month's conversions, as business days go
        coming = planned + from_begun
    return coming


def needed_of(goal: Floats, steps: Sequence[Step], begun: Sequence[Begun], months: Months) -> Floats:
    """Say how many cases of the last of `steps` must still happen in each month, so that the goal (draws,) is reached.

    Its shape comes from working back month by month; its size from running it forward together with what is begun. 0 when that
    reaches the goal alone.
    """
    draws = max(len(goal), len(steps[0].rate))
    shape = np.broadcast_to(goal[:, np.newaxis] * months.goal_shares, (draws, months.count))
    for step in steps:
        shape = work_back(shape, step)
    if months.share_left[0] < 1:
        shape = shape * np.concatenate([months.share_left[:1], np.ones(months.count - 1)])
    lacking = goal - (pipeline(steps, begun, months, draws) * months.in_goal).sum(axis=1)
    brings = (forward(shape, steps) * months.in_goal).sum(axis=1)
    scale = np.where(brings > 0, np.maximum(lacking, 0.0) / np.maximum(brings, 1e-300), 0.0)
    return np.asarray(shape * scale[:, np.newaxis])


def forward(cases: Floats, steps: Sequence[Step]) -> Floats:
    """Run planned cases of the last step up to what the top step gives."""
    for step in reversed(steps):
        cases = run_forward(cases, step)
    return cases


def outcome(expected_deals: Floats, amount: Floats, spread: float, random: np.random.Generator) -> Floats:
    """Draw what so many expected deals bring in money: their number Poisson, their amounts with a relative `spread`."""
    deals = random.poisson(np.maximum(expected_deals, 0.0))
    shape = np.maximum(deals, 1) / max(spread, 1e-6) ** 2  # a gamma sum has the mean and variance of that many amounts
    return np.where(deals > 0, random.gamma(shape) * amount * deals / shape, 0.0)


def _rows(values: Floats, draws: int) -> Floats:
    return np.broadcast_to(values, (draws, values.shape[1]))
