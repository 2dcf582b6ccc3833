"""How often and how fast does one step of the chain lead to the next, and how sure is that?

Every estimate carries draws: equally likely values of the true figure, given the cases seen. A plan that is worked out once for
each draw has the intervals that all rates and lags together give it. Cases too young to have converted count only for the ages
that they have lived through (Kaplan-Meier).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 400  # the ends of a 90 % interval then stand within one percent of probability
INTERVAL = (0.05, 0.95)
DAYS_PER_MONTH = 30.4  # lags are measured in days, plans made in months
HORIZON_MONTHS = 18  # lags beyond a year and a half are put into the last month of the curve
JEFFREYS = 0.5  # half a case of each kind: what a rate's interval needs to hold also near 0 and 1
LEAST_AMOUNTS = 3  # two amounts have no spread worth the name
LEAST_AT_RISK = (
    5  # a curve ends at the age that five cases have reached: one conversion more would make a fifth of them
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A figure with its 90 % interval and draws; `reason` says why there is none (then the figures are NaN).

    `source` is "own", "department" when the own sample was too small, "benchmark" when the agreement's figure stands in.
    """

    value: float
    lower: float
    upper: float
    sample_size: int
    draws: Floats = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    reason: str | None = None
    missing: int = 0
    source: str = "own"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a cohort: days until it converted, or its age today when it has not."""

    days: int
    has_converted: bool


@dataclass(frozen=True, slots=True)
class LagCurve:
    """How many convert in the end, and which part of those by which age.

    `days` are the ages of `shares`, which add up to 1; `share_draws` has one row of shares for each draw of the rate.
    """

    rate: Rate
    days: Floats = field(default_factory=lambda: np.zeros(1), repr=False, compare=False)
    shares: Floats = field(default_factory=lambda: np.ones(1), repr=False, compare=False)
    share_draws: Floats = field(default_factory=lambda: np.ones((1, 1)), repr=False, compare=False)

    @property
    def median_days(self) -> int | None:
        """Age by which half of those that convert have done so."""
        if self.rate.reason is not None:
            return None
        return int(self.days[int(np.searchsorted(np.cumsum(self.shares), 0.5 - 1e-9))])

    def month_shares(self, *, of_draws: bool = False, stretch: float = 1.0) -> Floats:
        """Give the part that converts in each month after the case's own: (1 or draws, months), rows adding up to 1.

        Cases begin on any day of their month alike. `stretch` makes every lag so many times as long.
        """
        rows = self.share_draws if of_draws else self.shares[np.newaxis, :]
        months = np.minimum(self.days * stretch / DAYS_PER_MONTH, HORIZON_MONTHS - 1.0)
        whole = np.floor(months).astype(int)
        late = months - whole  # the part of the month's cases that the lag carries one month further
        spread = np.zeros((len(self.days), HORIZON_MONTHS + 1))
        spread[np.arange(len(whole)), whole] = 1 - late
        spread[np.arange(len(whole)), whole + 1] += late
        return np.asarray(rows @ spread)


def beta_rate(hits: float, cases: float, *, least_sample: int, random: np.random.Generator | None = None) -> Rate:
    """Estimate a share with Jeffreys' interval; refuse below the agreed sample.

    >>> beta_rate(2, 6, least_sample=20).reason
    '6 matured cases, 14 more are needed'
    """
    count = round(cases)
    if count < least_sample:
        return refused(count, least_sample)
    from scipy import special

    shape = (hits + JEFFREYS, max(cases - hits, 0.0) + JEFFREYS)
    lower, upper = (float(special.betaincinv(*shape, share)) for share in INTERVAL)
    draws = special.betaincinv(*shape, _even_draws(random))
    return Rate(shape[0] / sum(shape), lower, upper, sample_size=count, draws=draws)


def ratio_rate(hits: float, cases: float, *, least_sample: int, random: np.random.Generator | None = None) -> Rate:
    """Estimate hits per case where a case may have more than one: Poisson noise of the hits."""
    count = round(hits)
    if count < least_sample or cases <= 0:
        return refused(count, least_sample)
    from scipy import special

    draws = np.asarray(special.gammaincinv(hits + JEFFREYS, _even_draws(random)) / cases, dtype=np.float64)
    return rate_of(hits / cases, draws, count)


def mean_rate(
    values: Sequence[float] | Floats, *, least_sample: int, random: np.random.Generator | None = None
) -> Rate:
    """Estimate a mean of amounts, whose spread is uneven: few large ones decide it.

    The draws are the mean of a lognormal with the seen spread of logarithms, moved so that their middle is the plain mean.
    """
    amounts = np.asarray([value for value in values if value > 0], dtype=float)
    if len(amounts) < max(least_sample, LEAST_AMOUNTS):
        return refused(len(amounts), max(least_sample, LEAST_AMOUNTS))
    generator, count = _generator(random), len(amounts)
    logs = np.log(amounts)
    variance = float(logs.var(ddof=1))
    variances = variance * (count - 1) / generator.chisquare(count - 1, size=DRAWS)
    middles = generator.normal(0.0, np.sqrt(variances / count))
    mean = float(amounts.mean())
    return rate_of(mean, mean * np.exp(middles + (variances - variance) / 2), count)


def lag_curve(
    cases: Sequence[Case], *, least_sample: int, random: np.random.Generator | None = None, draws: int = DRAWS
) -> LagCurve:
    """Estimate conversion by age (Kaplan-Meier), up to the age that LEAST_AT_RISK cases have reached.

    The draws weigh the cases at random (Bayesian bootstrap), with Jeffreys' half case of each kind.
    """
    if len(cases) < least_sample:
        return LagCurve(rate=refused(len(cases), least_sample))
    ordered = sorted(cases, key=lambda case: (case.days, not case.has_converted))
    tail = float(min(LEAST_AT_RISK, len(ordered)) - 1)  # cases older than the curve reaches: alive all the way
    ordered = ordered[: len(ordered) - int(tail)]
    days = np.array([max(case.days, 0) for case in ordered], dtype=float)
    is_hit = np.array([case.has_converted for case in ordered])
    if not is_hit.any():
        return LagCurve(rate=none_converted(len(cases)))
    generator = _generator(random)
    point = _increments(np.ones((1, len(ordered))), is_hit, np.array([tail]), 0.0)
    weights = generator.exponential(size=(draws, len(ordered)))
    tails = generator.gamma(tail + JEFFREYS, size=draws)  # with the half case that never converts
    drawn = _increments(weights, is_hit, tails, generator.gamma(JEFFREYS, size=draws))
    totals = drawn.sum(axis=1)
    rate = rate_of(float(point.sum()), totals, len(cases))
    return LagCurve(rate, days[is_hit], point[0] / point.sum(), drawn / totals[:, np.newaxis])


def rate_of(value: float, draws: Floats, sample_size: int) -> Rate:
    """Make an estimate of a value and its draws."""
    lower, upper = (float(end) for end in np.quantile(draws, INTERVAL))
    return Rate(value, min(lower, value), max(upper, value), sample_size=sample_size, draws=draws)


def certain(value: float, sample_size: int = 0, draws: int = DRAWS) -> Rate:
    """Give a figure without doubt."""
    return Rate(value, value, value, sample_size, draws=np.full(draws, value))


def shifted(rate: Rate, *, factor: float = 1.0, plus: float = 0.0, most: float | None = None) -> Rate:
    """Give an estimate whose value and draws are multiplied and moved, a share staying below `most`."""
    if rate.reason is not None:
        return rate

    def moved(value: Any) -> Any:
        return np.clip(value * factor + plus, 1e-6, most)

    low, value, high = (float(moved(figure)) for figure in (rate.lower, rate.value, rate.upper))
    return replace(rate, value=value, lower=low, upper=high, draws=moved(rate.draws))


def realism_percentile(needed: float, past: Sequence[float]) -> float | None:
    """Give the share of own past periods that brought less or as much; None without a past.

    >>> realism_percentile(10, [5, 10, 20, 30])
    0.5
    """
    return sum(value <= needed for value in past) / len(past) if past else None


def refused(count: int, least_sample: int) -> Rate:
    """Give no figure, and say how many cases more it takes."""
    missing = max(least_sample - count, 1)
    reason = f"{count} matured cases, {missing} more are needed"
    return Rate(nan, nan, nan, count, reason=reason, missing=missing)


def none_converted(count: int) -> Rate:
    """Give no figure where cases are enough and conversions are missing: of nothing there is no lag."""
    return Rate(nan, nan, nan, count, reason=f"none of {count} cases has converted yet, 1 more is needed", missing=1)


def _increments(weights: Floats, is_hit: NDArray[np.bool_], tails: Floats, extra: Floats | float) -> Floats:
    """Give the share converted at each conversion, for each row of case weights (oldest age last).

    `tails` is the weight of cases alive beyond the last age. `extra` is weight of further conversions, spread like the own ones.
    """
    hits = weights * is_hit
    hits = hits * (1 + np.reshape(extra, (-1, 1)) / hits.sum(axis=1, keepdims=True))
    carried = np.where(is_hit, hits, weights)
    at_risk = np.cumsum(carried[:, ::-1], axis=1)[:, ::-1] + tails[:, np.newaxis]
    hazard = np.where(is_hit, carried / np.maximum(at_risk, 1e-12), 0.0)
    alive_before = np.cumprod(1 - hazard, axis=1) / np.maximum(1 - hazard, 1e-12)
    return np.asarray((alive_before * hazard)[:, is_hit])


def _even_draws(random: np.random.Generator | None) -> Floats:
    """Give draws between 0 and 1, one in each of as many equal parts, in random order: their quantiles hardly vary."""
    generator = _generator(random)
    return (generator.permutation(DRAWS) + generator.random(DRAWS)) / DRAWS


def _generator(random: np.random.Generator | None) -> np.random.Generator:
    return random if random is not None else np.random.default_rng(0)
