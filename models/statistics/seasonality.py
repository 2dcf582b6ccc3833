"""Does one month of the quarter bring more than the others? Estimated from the own months, shrunk towards no difference."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.statistics.dispersion import PRIOR_DISPERSION, estimate_dispersion

MONTH_SPREAD = 0.25  # how far a month of the quarter may well stand from the mean: one standard deviation, relative
LEAST_MONTHS = 6  # two quarters: with one, a month's pattern and its luck are the same thing


@dataclass(frozen=True, slots=True)
class Season:
    """Factor for the first, second and last month of a quarter, on average 1; `reason` says why there is no difference."""

    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    months: int = 0
    reason: str | None = None


def month_of_quarter(counts: Sequence[float], days: Sequence[int], positions: Sequence[int]) -> Season:
    """Estimate the factors from counts of past whole months, their business days and positions (0, 1, 2) in the quarter.

    >>> month_of_quarter([10] * 12, [20] * 12, [0, 1, 2] * 4).factors
    (1.0, 1.0, 1.0)
    """
    total, all_days = sum(counts), sum(days)
    if len(counts) < LEAST_MONTHS or total <= 0 or all_days <= 0:
        return Season(months=len(counts), reason=f"{len(counts)} whole months with figures, {LEAST_MONTHS} are needed")
    per_day = total / all_days
    dispersion = estimate_dispersion(list(counts), [float(day) for day in days], prior=PRIOR_DISPERSION).value
    factors = []
    for position in range(3):
        mine = [index for index, where in enumerate(positions) if where == position]
        expected = per_day * sum(days[index] for index in mine)
        seen = sum(counts[index] for index in mine) / expected if expected else 1.0
        trust = MONTH_SPREAD**2 / (MONTH_SPREAD**2 + dispersion / max(expected, 1e-9))
        factors.append(1 + trust * (seen - 1))
    mean = sum(factors) / 3
    first, second, last = (factor / mean for factor in factors)
    return Season(factors=(first, second, last), months=len(counts))
