"""How much more than chance do weekly counts vary? The variance-to-mean ratio of a team's own history."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

# Weekly counts of real sales teams vary 3 to 5 times as much as Poisson: with little history we assume that much noise
# rather than call normal weeks abnormal.
PRIOR_DISPERSION = 3.0
PRIOR_WEEKS = 8.0  # the prior counts as two months of own weeks; after half a year the own history decides
LEAST_DISPERSION = 1.0  # never calmer than chance: a smaller estimate is luck
OUTLIER_SPREADS = 3.0  # a week further than three quartile ranges out is a bulk import or a logging gap, not a level


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variance of a week's count over its mean; `weeks` is the sample, `reason` says when the prior stands in for it."""

    value: float
    weeks: int
    reason: str | None = None


def estimate_dispersion(
    counts: Sequence[float], weights: Sequence[float], *, prior: float = PRIOR_DISPERSION
) -> Dispersion:
    """Estimate the dispersion from week-to-week changes, so that a slow trend or one step does not count as noise.

    `weights` are the weeks' business-day weights; weeks without any are left out. The estimate is pooled towards `prior`,
    the more the fewer weeks there are, and never falls below chance.

    >>> estimate_dispersion([], []).value
    3.0
    """
    kept = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    if len(kept) < 3:  # one difference says nothing
        return Dispersion(value=prior, weeks=len(kept), reason=f"only {len(kept)} weeks of history")
    values = np.array([count for count, _ in kept], dtype=float)
    shares = np.array([weight for _, weight in kept], dtype=float)
    level = values.sum() / shares.sum()
    if level <= 0:
        return Dispersion(value=prior, weeks=len(kept), reason="nothing counted in the history")
    steps = np.diff(values / shares) ** 2
    noise = level * (1 / shares[1:] + 1 / shares[:-1])  # variance of a difference if counts were Poisson
    ratios = steps / noise
    pooled = (ratios.sum() + PRIOR_WEEKS * prior) / (len(ratios) + PRIOR_WEEKS)
    return Dispersion(value=max(float(pooled), LEAST_DISPERSION), weeks=len(kept))


def cap_outliers(counts: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Cut counts to what their weight makes plausible: three quartile ranges above the upper quartile per unit of weight.

    >>> cap_outliers([10, 11, 9, 10, 500], [5, 5, 5, 5, 5])[-1] < 40
    True
    """
    known = [(count / weight, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    if len(known) < 4:  # no quartiles worth the name
        return list(counts)
    lower, upper = (float(value) for value in np.quantile([rate for rate, _ in known], [0.25, 0.75]))
    chance = sqrt(max(upper, 0.0) * len(known) / sum(weight for _, weight in known))
    ceiling = upper + OUTLIER_SPREADS * max(upper - lower, chance)  # quartiles of small or even counts coincide
    return [
        min(count, ceiling * weight) if weight > 0 else count for count, weight in zip(counts, weights, strict=True)
    ]
