"""How much of a difference between people is more than chance? Strength of the prior that small numbers are drawn to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

SHRUNK_KINDS = frozenset({"rate"})  # a mean of amounts has no binomial noise to reckon with

MAXIMUM_STRENGTH = 1000.0  # as many cases as no rep has in a year: all of the difference is noise
NORMAL_95 = 1.645  # one-sided 95 % quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """`strength` cases of the common rate are added to each group's own; `is_real`: the groups differ by more than noise."""

    strength: float
    is_real: bool

    def rate(self, hits: float, cases: float, common: float) -> float:
        """Draw a group's rate towards the common one, the more so the fewer cases it has.

        >>> round(Shrinkage(20, True).rate(8, 10, 0.5), 2), Shrinkage(20, True).rate(0, 0, 0.5)
        (0.6, 0.5)
        """
        whole = cases + self.strength
        return (hits + self.strength * common) / whole if whole else common


def rep_sums(rows: Iterable[Mapping[str, Any]], kpi_id: str) -> list[tuple[float, float]]:
    """Add a KPI's numerator and denominator up by rep."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        if row["kpi_id"] == kpi_id and row["rep_id"] not in {None, "unknown"}:
            sums[row["rep_id"]][0] += float(row["numerator"] or 0)
            sums[row["rep_id"]][1] += float(row["denominator"] or 0)
    return [(hits, cases) for hits, cases in sums.values()]


def rate_shrinkage(groups: Sequence[tuple[float, float]]) -> Shrinkage:
    """Estimate by moments of a beta-binomial from hits and cases of each group.

    >>> rate_shrinkage([(50, 100), (50, 100)])
    Shrinkage(strength=1000.0, is_real=False)
    >>> rate_shrinkage([(90, 100), (10, 100)]).is_real
    True
    """
    groups = [(hits, cases) for hits, cases in groups if cases > 0]
    whole = sum(cases for _, cases in groups)
    common = sum(hits for hits, _ in groups) / whole if whole else 0.0
    noise = common * (1 - common)
    free = len(groups) - 1
    if free < 1 or noise <= 0:
        return Shrinkage(MAXIMUM_STRENGTH, is_real=False)
    spread = sum(cases * (hits / cases - common) ** 2 for hits, cases in groups)
    balance = whole - sum(cases**2 for _, cases in groups) / whole
    between = (spread - free * noise) / balance / noise
    strength = min(MAXIMUM_STRENGTH, 1 / between - 1) if between > 0 else MAXIMUM_STRENGTH
    return Shrinkage(max(0.0, strength), is_real=spread / noise > _chi_square_95(free))


def are_counts_different(counts: Sequence[float]) -> bool:
    """Tell whether counts of the same span differ by more than chance.

    >>> are_counts_different([10, 12, 9]), are_counts_different([10, 60])
    (False, True)
    """
    mean = sum(counts) / len(counts) if counts else 0.0
    if len(counts) < 2 or mean <= 0:
        return False
    return sum((count - mean) ** 2 for count in counts) / mean > _chi_square_95(len(counts) - 1)


def _chi_square_95(free: int) -> float:
    """Give the 95 % quantile, by Wilson and Hilferty's cube; good to 1 % from two degrees on."""
    part = 2 / (9 * free)
    return float(free * (1 - part + NORMAL_95 * sqrt(part)) ** 3)
