"""Is a target met for good, or by luck? And what does that propose: stay, move on, or another target, and which?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from models.statistics.dispersion import estimate_dispersion

REVIEW_PROBABILITY = 0.95  # met without strain: as sure as the state "ahead"
STRAIN_MARGIN = 0.1  # a tenth above the target in every period is no strain: kpi_periods calls that "ahead", too
HOPELESS_PROBABILITY = 0.05  # the target is out of reach on current form: keeping it helps nobody


class Proposal(StrEnum):
    """What the figures propose; people decide."""

    STAY = "stay"
    NEXT_KPI = "next_kpi"
    ADVANCE = "advance"
    SMALLER_GOAL = "smaller_goal"
    RESET_TARGET = "reset_target"


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """A whole period with its target.

    `cases` is the denominator of a rate or mean, None for counts and sums; `unit` the size of one event of a sum.
    """

    actual: float
    target: float
    cases: float | None = None
    is_higher_better: bool = True
    is_share: bool = True
    unit: float = 1.0

    @property
    def is_met(self) -> bool:
        """Reached the target."""
        return self.actual >= self.target if self.is_higher_better else self.actual <= self.target

    @property
    def is_without_strain(self) -> bool:
        """Reached the target with a tenth to spare."""
        margin = STRAIN_MARGIN * abs(self.target)
        return self.actual >= self.target + margin if self.is_higher_better else self.actual <= self.target - margin


@dataclass(frozen=True, slots=True)
class Level:
    """What the periods stand for, noise taken out: a middle and its standard error; `above_target` is the mean distance."""

    value: float
    error: float
    above_target: float


def count_met(periods: Sequence[PastPeriod]) -> int:
    """Count the periods that reached their target."""
    return sum(period.is_met for period in periods)


def level_of(periods: Sequence[PastPeriod]) -> Level | None:
    """Estimate the level behind the periods; None without periods or cases.

    Counts and sums have the noise of their own months (at least that of chance), shares that of their cases, means their own spread.
    """
    if not periods:
        return None
    if all(period.cases is None for period in periods):
        return _count_level(periods)
    return _divided_level(periods)


def probability_truly_met(periods: Sequence[PastPeriod]) -> float | None:
    """Give the probability that the level behind the periods is at least the target. None when nothing can be said.

    >>> probability_truly_met([PastPeriod(actual=100, target=100)])
    0.5
    """
    from scipy import special

    level = level_of(periods)
    if level is None or level.error <= 0:
        return None
    sign = 1 if periods[-1].is_higher_better else -1
    return float(special.ndtr(sign * level.above_target / level.error))


def is_met_without_strain(periods: Sequence[PastPeriod], of_periods: int) -> bool:
    """Tell whether each of the agreed number of periods had a tenth to spare, and truly so."""
    probability = probability_truly_met(periods)
    return (
        len(periods) >= of_periods
        and all(period.is_without_strain for period in periods)
        and probability is not None
        and probability >= REVIEW_PROBABILITY
    )


def is_out_of_reach(periods: Sequence[PastPeriod], of_periods: int) -> bool:
    """Tell whether none of the agreed number of periods reached the target, and truly so."""
    probability = probability_truly_met(periods)
    return (
        len(periods) >= of_periods
        and count_met(periods) == 0
        and probability is not None
        and probability <= HOPELESS_PROBABILITY
    )


def propose(periods: Sequence[PastPeriod], *, is_gate_met: bool, is_trusted: bool, of_periods: int) -> Proposal:
    """Move on when the gate is met; another target when it is met without strain or out of reach; else stay.

    On data that cannot be trusted nothing is proposed.
    """
    if not is_trusted:
        return Proposal.STAY
    if is_gate_met:
        return Proposal.ADVANCE
    if is_met_without_strain(periods, of_periods):
        return Proposal.RESET_TARGET
    return Proposal.SMALLER_GOAL if is_out_of_reach(periods, of_periods) else Proposal.STAY


def reachable_target(periods: Sequence[PastPeriod], *, least_probability: float) -> float | None:
    """Give the target that the present level truly meets with that probability."""
    from scipy import special

    level = level_of(periods)
    if level is None:
        return None
    sign = 1 if periods[-1].is_higher_better else -1
    return max(level.value - sign * float(special.ndtri(least_probability)) * level.error, 0.0)


def _count_level(periods: Sequence[PastPeriod]) -> Level:
    count = len(periods)
    unit = max(periods[-1].unit, 1e-9)
    events = [period.actual / unit for period in periods]
    dispersion = estimate_dispersion(events, [1.0] * count).value
    error = sqrt(dispersion * max(sum(events), 1.0)) * unit / count
    distance = sum(period.actual - period.target for period in periods) / count
    return Level(sum(events) * unit / count, error, distance)


def _divided_level(periods: Sequence[PastPeriod]) -> Level | None:
    cases = sum(period.cases or 0.0 for period in periods)
    if cases <= 0:
        return None
    value = sum(period.actual * (period.cases or 0.0) for period in periods) / cases
    wanted = sum(period.target * (period.cases or 0.0) for period in periods) / cases
    if all(period.is_share for period in periods):
        rate = (value * cases + 0.5) / (cases + 1)
        return Level(value, sqrt(max(rate * (1 - rate), 0.0) / cases), value - wanted)
    if len(periods) < 2:  # one mean has no spread
        return None
    spread = sum((period.cases or 0.0) * (period.actual - value) ** 2 for period in periods) / cases
    return Level(value, sqrt(spread / (len(periods) - 1)), value - wanted)
