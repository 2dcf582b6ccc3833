"""Is a target met for good, or by luck? And what does that propose: stay, advance or review?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from models.statistics.dispersion import PRIOR_DISPERSION

REVIEW_PROBABILITY = 0.95  # met without strain: as sure as the state "ahead"
HOPELESS_PROBABILITY = 0.05  # the target is out of reach on current form: keeping it helps nobody


class Proposal(StrEnum):
    """What the figures propose; people decide."""

    STAY = "stay"
    ADVANCE = "advance"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """A whole period with its target; `cases` is the denominator of a rate, None for counts and sums."""

    actual: float
    target: float
    cases: float | None = None
    is_higher_better: bool = True

    @property
    def is_met(self) -> bool:
        """Reached the target."""
        return self.actual >= self.target if self.is_higher_better else self.actual <= self.target


def count_met(periods: Sequence[PastPeriod]) -> int:
    """Count the periods that reached their target."""
    return sum(period.is_met for period in periods)


def probability_truly_met(periods: Sequence[PastPeriod], *, dispersion: float = PRIOR_DISPERSION) -> float | None:
    """Give the probability that the level behind the periods is at least the target, noise taken out.

    Counts are pooled (sum against sum of targets) with overdispersed noise; rates by their cases. None without periods.

    >>> probability_truly_met([PastPeriod(actual=100, target=100)])
    0.5
    """
    from scipy import special

    if not periods:
        return None
    if any(period.cases is not None for period in periods):
        distance, variance = _rate_distance(periods)
    else:
        distance = sum(period.actual - period.target for period in periods)
        variance = dispersion * max(sum(period.actual for period in periods), 1.0)
    if variance <= 0:
        return None
    sign = 1 if periods[-1].is_higher_better else -1
    return float(special.ndtr(sign * distance / sqrt(variance)))


def propose(periods: Sequence[PastPeriod], *, is_gate_met: bool, of_periods: int, least_probability: float) -> Proposal:
    """Advance when the gate is met; review a target that is met without strain or out of reach; else stay."""
    if is_gate_met:
        return Proposal.ADVANCE
    probability = probability_truly_met(periods)
    if probability is None or len(periods) < of_periods:
        return Proposal.STAY
    met = count_met(periods)
    is_easy = met == len(periods) and probability >= max(REVIEW_PROBABILITY, least_probability)
    is_hopeless = met == 0 and probability <= HOPELESS_PROBABILITY
    return Proposal.REVIEW if is_easy or is_hopeless else Proposal.STAY


def _rate_distance(periods: Sequence[PastPeriod]) -> tuple[float, float]:
    cases = sum(period.cases or 0.0 for period in periods)
    if cases <= 0:
        return 0.0, 0.0
    hits = sum(period.actual * (period.cases or 0.0) for period in periods)
    wanted = sum(period.target * (period.cases or 0.0) for period in periods)
    rate = (hits + 0.5) / (cases + 1)
    return (hits - wanted) / cases, rate * (1 - rate) / cases
