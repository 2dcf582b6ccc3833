"""Where will a period end on current form, and how likely is it to reach its target?

Counts end negative binomial, sums gamma, rates beta-binomial: each with the noise of the own history and the doubt about
the present level in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, nan
from typing import Any

from models.statistics.dispersion import PRIOR_WEEKS, Dispersion, cap_outliers, estimate_dispersion

INTERVAL = (0.05, 0.5, 0.95)  # a 90 % interval and the median
# How far a level drifts within a few months: one standard deviation, relative. The recent level is shrunk to the longer history by it.
LEVEL_DRIFT = 0.3
RATE_DRIFT_CASES = 60.0  # the longer history's rate counts as at most this many recent cases: rates drift too
RATE_DISPERSION_PRIOR = 1.5  # weekly rates vary a little more than binomial: lists and campaigns come in lumps
LEAST_MEAN_WEEKS = 8  # the spread of a mean needs two months of weeks
EPSILON = 1e-9  # below it a remainder is no work left


@dataclass(frozen=True, slots=True)
class Week:
    """One past week: what was counted, of how many (None for counts and sums), and its business-day weight."""

    numerator: float
    weight: float
    denominator: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Past weeks, oldest first; `recent` weeks make the present level, `earlier` ones steady it."""

    recent: tuple[Week, ...]
    earlier: tuple[Week, ...] = ()

    @property
    def weeks(self) -> tuple[Week, ...]:
        """All weeks, oldest first."""
        return self.earlier + self.recent


@dataclass(frozen=True, slots=True)
class Level:
    """Counts per unit of weight now; `relative_variance` is the doubt about it."""

    value: float
    relative_variance: float
    dispersion: Dispersion


@dataclass(frozen=True, slots=True)
class Forecast:
    """The period's end: 5th percentile, median, 95th, and the probability to reach the target.

    `sample_size` counts the cases behind it; `reason` says why there is none (then all figures are NaN).
    """

    lower: float
    middle: float
    upper: float
    p_reach: float
    sample_size: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a period stands: counted so far (of `denominator` for rates), target, and the weight still to come.

    `awaiting` cases wait for a verdict; `awaiting_rate` is the share of such cases that counted in the past.
    """

    numerator: float
    target: float
    weight_left: float
    denominator: float | None = None
    awaiting: float = 0.0
    awaiting_rate: float = 0.0
    is_higher_better: bool = True


def present_level(history: History, *, unit: float = 1.0) -> Level:
    """Estimate the level from the recent weeks, shrunk to the earlier ones by how sure each is.

    `unit` is the size of one event: sums are counted in events, so that their noise is comparable with that of counts.
    """
    weights = [week.weight for week in history.weeks]
    counts = cap_outliers([week.numerator / unit for week in history.weeks], weights)
    dispersion = estimate_dispersion(counts, weights)
    split = len(history.earlier)
    recent_weight = sum(weights[split:])
    earlier_weight = sum(weights[:split])
    overall = sum(counts) / max(sum(weights), EPSILON)
    recent = sum(counts[split:]) / recent_weight if recent_weight > 0 else overall
    earlier = sum(counts[:split]) / earlier_weight if earlier_weight > 0 else recent
    base = max(overall, EPSILON)
    doubt = dispersion.value / max(base * recent_weight, EPSILON)  # relative variance of the recent mean
    trust = LEVEL_DRIFT**2 / (LEVEL_DRIFT**2 + doubt) if earlier_weight > 0 else 1.0
    return Level(
        value=trust * recent + (1 - trust) * earlier,
        relative_variance=trust * doubt,
        dispersion=dispersion,
    )


def forecast_count(standing: Standing, history: History) -> Forecast:
    """Forecast a count: what is counted, what waits for a verdict, and a negative binomial rest."""
    level = present_level(history)
    mean = level.value * standing.weight_left
    variance = level.dispersion.value * mean + mean**2 * level.relative_variance
    mean, variance = _add_awaiting(standing, mean, variance)
    sample = sum(week.numerator for week in history.weeks)
    return _finish(standing, _negative_binomial(mean, variance), sample)


def forecast_sum(standing: Standing, history: History, *, unit: float) -> Forecast:
    """Forecast a sum (money): a gamma rest with the mean and variance of so many events of about `unit` each."""
    level = present_level(history, unit=unit)
    mean = level.value * standing.weight_left
    variance = level.dispersion.value * mean + mean**2 * level.relative_variance
    sample = sum(week.numerator for week in history.weeks) / unit
    return _finish(standing, _gamma(mean * unit, variance * unit**2), sample)


def forecast_rate(standing: Standing, history: History) -> Forecast:
    """Forecast a rate: a beta-binomial rest over the denominators still to come."""
    recent_hits, recent_cases = _totals(history.recent)
    hits, cases = _totals(history.weeks)
    if recent_cases <= 0 or cases <= 0:
        return _refuse("no cases in the recent history", 0.0)
    discount = _rate_dispersion(history.weeks, hits / cases)
    prior_cases = min(cases - recent_cases, RATE_DRIFT_CASES)
    prior_rate = (hits - recent_hits) / (cases - recent_cases) if cases > recent_cases else 0.5
    alpha = recent_hits / discount + prior_cases * prior_rate + 0.5  # 0.5: Jeffreys' prior, keeps 0 of n honest
    beta = (recent_cases - recent_hits) / discount + prior_cases * (1 - prior_rate) + 0.5
    weight = sum(week.weight for week in history.recent)
    rest = round(recent_cases / weight * standing.weight_left) if weight > 0 else 0
    return _finish_rate(standing, (alpha, beta, rest), recent_cases)


def forecast_mean(standing: Standing, history: History) -> Forecast:
    """Forecast a mean (amount or days per deal): a normal rest with the spread of the weekly means."""
    from scipy import stats

    recent_sum, recent_cases = _totals(history.recent)
    total_sum, cases = _totals(history.weeks)
    if recent_cases <= 0 or len(history.weeks) < LEAST_MEAN_WEEKS:
        return _refuse("no cases in the recent history", recent_cases)
    mean = total_sum / cases
    spread = sum((week.numerator - mean * (week.denominator or 0.0)) ** 2 for week in history.weeks) / cases
    weight = sum(week.weight for week in history.recent)
    rest = recent_cases / weight * standing.weight_left if weight > 0 else 0.0
    total = (standing.denominator or 0.0) + rest
    if total <= 0:
        return _refuse("no cases so far and none expected", recent_cases)
    centre = (standing.numerator + rest * recent_sum / recent_cases) / total
    width = (spread * rest * (1 + rest / recent_cases)) ** 0.5 / total
    frozen = stats.norm(centre, max(width, EPSILON))
    lower, middle, upper = _quantiles(frozen)
    at_least = float(frozen.sf(standing.target))
    p_reach = at_least if standing.is_higher_better else 1 - at_least
    return Forecast(lower=lower, middle=middle, upper=upper, p_reach=_clip(p_reach), sample_size=recent_cases)


@dataclass(frozen=True, slots=True)
class _Rest:
    """What the rest of the period adds: the ends of INTERVAL, and the probability of at least so much."""

    quantiles: tuple[float, float, float]
    reach: Callable[[float], float]


def _add_awaiting(standing: Standing, mean: float, variance: float) -> tuple[float, float]:
    """Add the cases that wait for a verdict: binomial, by the share that counted in the past."""
    rate = standing.awaiting_rate
    return mean + standing.awaiting * rate, variance + standing.awaiting * rate * (1 - rate)


def _negative_binomial(mean: float, variance: float) -> _Rest:
    from scipy import stats

    if mean <= EPSILON:
        return _nothing()
    excess = max(variance - mean, mean * EPSILON)  # at most chance: Poisson, which is the limit of no excess
    frozen = stats.nbinom(mean**2 / excess, mean / (mean + excess))
    return _Rest(_quantiles(frozen), lambda least: float(frozen.sf(ceil(least - EPSILON) - 1)))


def _gamma(mean: float, variance: float) -> _Rest:
    from scipy import stats

    if mean <= EPSILON or variance <= 0:
        return _nothing()
    frozen = stats.gamma(mean**2 / variance, scale=variance / mean)
    return _Rest(_quantiles(frozen), lambda least: float(frozen.sf(max(least, 0.0))))


def _nothing() -> _Rest:
    return _Rest((0.0, 0.0, 0.0), lambda least: 1.0 if least <= EPSILON else 0.0)


def _quantiles(frozen: Any) -> tuple[float, float, float]:
    lower, middle, upper = (float(value) for value in frozen.ppf(INTERVAL))
    return lower, middle, upper


def _finish(standing: Standing, rest: _Rest, sample: float) -> Forecast:
    missing = standing.target - standing.numerator
    is_at_least = standing.is_higher_better
    p_reach = rest.reach(missing) if is_at_least else 1 - rest.reach(floor(missing + EPSILON) + 1)
    lower, middle, upper = (standing.numerator + value for value in rest.quantiles)
    return Forecast(lower=lower, middle=middle, upper=upper, p_reach=_clip(p_reach), sample_size=sample)


def _finish_rate(standing: Standing, shape: tuple[float, float, int], sample: float) -> Forecast:
    from scipy import stats

    alpha, beta, rest = shape
    so_far = standing.denominator or 0.0
    total = so_far + rest
    if total <= 0:
        return _refuse("no cases so far and none expected", sample)
    frozen = stats.betabinom(rest, alpha, beta)
    needed = standing.target * total - standing.numerator  # hits that bring the period's rate to the target
    enough, allowed = ceil(needed - EPSILON), floor(needed + EPSILON)
    p_reach = float(frozen.sf(enough - 1) if standing.is_higher_better else frozen.cdf(allowed))
    lower, middle, upper = ((standing.numerator + value) / total for value in _quantiles(frozen))
    return Forecast(lower=lower, middle=middle, upper=upper, p_reach=_clip(p_reach), sample_size=sample)


def _rate_dispersion(weeks: Sequence[Week], rate: float) -> float:
    """Say how many times more than binomial the weekly rates vary (from week-to-week changes, pooled towards 1)."""
    pairs = [(week.numerator / week.denominator, week.denominator) for week in weeks if week.denominator]
    noise = rate * (1 - rate)
    if len(pairs) < 3 or noise <= 0:
        return RATE_DISPERSION_PRIOR
    ratios = [
        (after[0] - before[0]) ** 2 / (noise * (1 / after[1] + 1 / before[1])) for before, after in pairwise(pairs)
    ]
    pooled = (sum(ratios) + PRIOR_WEEKS * RATE_DISPERSION_PRIOR) / (len(ratios) + PRIOR_WEEKS)
    return max(1.0, pooled)


def _totals(weeks: Sequence[Week]) -> tuple[float, float]:
    return sum(week.numerator for week in weeks), sum(week.denominator or 0.0 for week in weeks)


def _refuse(reason: str, sample: float) -> Forecast:
    return Forecast(lower=nan, middle=nan, upper=nan, p_reach=nan, sample_size=sample, reason=reason)


def _clip(probability: float) -> float:
    return min(max(probability, 0.0), 1.0)
