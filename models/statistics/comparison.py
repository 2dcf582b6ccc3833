"""Is one group worse than another, and which target is as hard after a change as it was before? Numbers in, small results out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

LEAST_PERIODS = 6  # half a year of months: fewer make a percentile of a target a guess


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The target that is as hard as the old one: the same place in the own history. Without `value`, periods are missing."""

    value: float | None
    percentile: float | None  # share of the own past periods that stayed below the old target
    periods: int
    missing_periods: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """Hits of cases with Jeffreys' 90 % interval; figures are None without cases."""

    hits: int
    cases: int
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """First share minus second with a 90 % interval; `is_clear` when zero lies outside it."""

    value: float
    lower: float
    upper: float

    @property
    def is_clear(self) -> bool:
        """Tell whether it is more than chance."""
        return self.lower > 0 or self.upper < 0


def equally_hard(target: float, before: Sequence[float], after: Sequence[float]) -> Equivalent:
    """Map a target from the history under one definition to the same place in the history under another.

    Both hold the same periods. Between two past values the place is interpolated; beyond the best or worst period the target
    keeps its ratio to that period.

    >>> equally_hard(12, [10, 11, 12, 13, 14, 15], [5, 6, 7, 8, 9, 10]).value
    7.0
    >>> equally_hard(30, [10, 11, 12, 13, 14, 15], [5, 6, 7, 8, 9, 10]).value
    20.0
    """
    periods = len(before)
    if periods != len(after):
        raise ValueError(f"{periods} periods before, {len(after)} after; give the same periods")
    if periods < LEAST_PERIODS:
        return Equivalent(None, None, periods, LEAST_PERIODS - periods)
    old, new = sorted(before), sorted(after)
    percentile = (sum(value < target for value in old) + sum(value == target for value in old) / 2) / len(old)
    if target >= old[-1]:
        return Equivalent(_scaled(target, old[-1], new[-1]), percentile, periods)
    if target < old[0]:
        return Equivalent(_scaled(target, old[0], new[0]), percentile, periods)
    place = next(number for number, value in enumerate(old) if value > target)
    share = (target - old[place - 1]) / (old[place] - old[place - 1])
    return Equivalent(new[place - 1] + share * (new[place] - new[place - 1]), percentile, periods)


def share_of(hits: int, cases: int) -> Share:
    """Estimate a share.

    >>> share_of(0, 0).value is None
    True
    """
    if cases == 0:
        return Share(hits, cases, None, None, None)
    from scipy import special

    shape = (hits + 0.5, cases - hits + 0.5)
    lower = 0.0 if hits == 0 else float(special.betaincinv(*shape, 0.05))
    upper = 1.0 if hits == cases else float(special.betaincinv(*shape, 0.95))
    return Share(hits, cases, hits / cases, lower, upper)


def difference(first: Share, second: Share) -> Difference | None:
    """Subtract two shares; the interval joins theirs by the squares of their arms (MOVER). None where one has no cases."""
    if first.value is None or second.value is None:
        return None
    down = sqrt((first.value - (first.lower or 0.0)) ** 2 + ((second.upper or 0.0) - second.value) ** 2)
    up = sqrt(((first.upper or 0.0) - first.value) ** 2 + (second.value - (second.lower or 0.0)) ** 2)
    value = first.value - second.value
    return Difference(value, value - down, value + up)


def _scaled(target: float, old: float, new: float) -> float:
    return target * new / old if old else target
