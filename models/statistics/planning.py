"""What must happen, and when, for the goal? Works a goal back through a chain of rates and lags, and runs it forward again.

Rates come from cases old enough to have converted, with Beta intervals; the lag curve (Kaplan-Meier) puts what December's revenue
needs into the months before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, nan, sqrt

DAYS_PER_MONTH = 30.4  # lags are measured in days, plans made in months
INTERVAL_Z = 1.645  # half-width of a 90 % interval in standard errors
HORIZON_MONTHS = 18  # lags beyond a year and a half are put into the last month of the curve


@dataclass(frozen=True, slots=True)
class Rate:
    """A conversion rate with its 90 % interval; `reason` says why there is none (then the figures are NaN)."""

    value: float
    lower: float
    upper: float
    sample_size: int
    reason: str | None = None

    @property
    def log_error(self) -> float:
        """Standard error of the rate's logarithm: errors of a chain of rates add up there."""
        return log(self.upper / self.lower) / (2 * INTERVAL_Z)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a cohort: days until it converted, or its age today when it has not."""

    days: int
    has_converted: bool


@dataclass(frozen=True, slots=True)
class LagCurve:
    """How many convert in the end, and which share of those in each month after the start (adds up to 1)."""

    rate: Rate
    month_shares: tuple[float, ...]
    median_days: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain: what the step above needs, divided by `rate`, earlier by `month_shares`."""

    name: str
    rate: Rate
    month_shares: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class Begun:
    """What was done before the plan starts: cases per past month, oldest first, and in the begun first month.

    `first_share` is the part of that month's business days still to come.
    """

    past: tuple[float, ...] = ()
    first_done: float = 0.0
    first_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """What one step needs in one month."""

    needed: float
    lower: float
    upper: float


def beta_rate(hits: float, cases: float, *, least_sample: int) -> Rate:
    """Estimate a rate with Jeffreys' interval; refuse below the agreed sample.

    >>> beta_rate(2, 6, least_sample=20).reason
    '6 matured cases, 14 more are needed'
    """
    count = round(cases)
    if count < least_sample:
        return _refused(count, least_sample)
    from scipy import special

    shape = (hits + 0.5, max(cases - hits, 0.0) + 0.5)
    lower, upper = (float(special.betaincinv(*shape, share)) for share in (0.05, 0.95))
    return Rate(value=shape[0] / sum(shape), lower=lower, upper=upper, sample_size=count)


def mean_rate(values: Sequence[float], *, least_sample: int) -> Rate:
    """Estimate a mean (amount per deal, calls per connect) with its normal interval on the log scale."""
    count = len(values)
    if count < max(least_sample, 2):
        return _refused(count, least_sample)
    mean = sum(values) / count
    if mean <= 0:
        return Rate(nan, nan, nan, count, reason="the mean is not above zero")
    error = sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count) / mean
    return Rate(
        value=mean, lower=mean * exp(-INTERVAL_Z * error), upper=mean * exp(INTERVAL_Z * error), sample_size=count
    )


def ratio_rate(hits: float, cases: float, *, least_sample: int) -> Rate:
    """Estimate hits per case where a case may have more than one: Poisson noise of the hits."""
    count = round(hits)
    if count < least_sample or cases <= 0:
        return _refused(count, least_sample)
    factor = exp(INTERVAL_Z / sqrt(hits))
    return Rate(value=hits / cases, lower=hits / cases / factor, upper=hits / cases * factor, sample_size=count)


def lag_curve(cases: Sequence[Case], *, least_sample: int) -> LagCurve:
    """Estimate conversion by age (Kaplan-Meier), up to the age that at least `least_sample` cases have reached.

    Cases too young to have converted count only for the ages they have lived through, so the newest months do not pull the
    rate down.
    """
    converted = sum(case.has_converted for case in cases)
    if len(cases) < least_sample or converted == 0:
        return LagCurve(rate=_refused(len(cases), least_sample), month_shares=(1.0,), median_days=None)
    steps, at_risk_end = _survival_steps(cases, least_sample)
    total = 1 - steps[-1][1] if steps else 0.0
    if total <= 0:
        return LagCurve(rate=_refused(at_risk_end, least_sample), month_shares=(1.0,), median_days=None)
    effective = max(converted / total, least_sample)  # as many cases, all seen to the end, as know so much
    rate = beta_rate(converted, effective, least_sample=least_sample)
    shares = _month_shares([(days, 1 - alive) for days, alive in steps], total)
    median = next((days for days, alive in steps if 1 - alive >= total / 2), None)
    return LagCurve(rate=Rate(total, rate.lower, rate.upper, len(cases)), month_shares=shares, median_days=median)


def work_back(needed: Sequence[float], step: Step) -> list[float]:
    """Say what `step` must bring in each month so that the step above gets `needed`: earlier by the lag, more by the rate.

    After the last month the last need is assumed to go on: a plan that stops at the goal's end would stop feeding what follows.

    >>> work_back([10, 10], Step("valid_meetings", Rate(0.5, 0.4, 0.6, 50), (0.0, 1.0)))
    [20.0, 20.0]
    """
    return [
        sum(share * _at(needed, month + lag) for lag, share in enumerate(step.month_shares)) / step.rate.value
        for month in range(len(needed))
    ]


def run_forward(cases: Sequence[float], step: Step, *, past: Sequence[float] = ()) -> list[float]:
    """Say what the step above gets in each month from `cases` per month; `past` are the months before, oldest first.

    >>> run_forward([20, 20], Step("valid_meetings", Rate(0.5, 0.4, 0.6, 50), (0.0, 1.0)), past=[10])
    [5.0, 10.0]
    """
    everything = [*past, *cases]
    return [
        step.rate.value
        * sum(share * everything[month - lag] for lag, share in enumerate(step.month_shares) if lag <= month)
        for month in range(len(past), len(everything))
    ]


def close_gap(needed: Sequence[float], step: Step, begun: Begun) -> list[float]:
    """Scale the worked-back need so that begun and planned cases together give the sum of `needed` by the last month.

    `needed` is what the step above still lacks, month by month, the first the rest of a begun month. The months before the plan are
    what they are: what they lack must be caught up, what they have in store counts. Needs are 0 when the pipeline alone
    reaches the goal.
    """
    planned = work_back(needed, step)
    planned[0] *= begun.first_share
    from_plan = sum(run_forward(planned, step))
    if from_plan <= 0:
        return planned
    scale = max(0.0, (sum(needed) - pipeline(step, begun, months=len(needed))) / from_plan)
    return [value * scale for value in planned]


def pipeline(step: Step, begun: Begun, *, months: int) -> float:
    """Say what the cases begun so far will still bring the step above by the last month."""
    coming = run_forward([begun.first_done, *[0.0] * (months - 1)], step, past=begun.past)
    return coming[0] * begun.first_share + sum(coming[1:])


def with_interval(value: float, rates: Sequence[Rate]) -> Need:
    """Put a 90 % interval around a need by the uncertainty of the rates that it was divided by."""
    error = sqrt(sum(rate.log_error**2 for rate in rates))
    return Need(needed=value, lower=value * exp(-INTERVAL_Z * error), upper=value * exp(INTERVAL_Z * error))


def realism_percentile(needed: float, past: Sequence[float]) -> float | None:
    """Give the share of own past periods that brought less or as much; None without a past.

    >>> realism_percentile(10, [5, 10, 20, 30])
    0.5
    """
    return sum(value <= needed for value in past) / len(past) if past else None


def _survival_steps(cases: Sequence[Case], least_sample: int) -> tuple[list[tuple[int, float]], int]:
    """Give (day, share not yet converted) at each day with a conversion, while enough cases are old enough."""
    events: dict[int, int] = {}
    leaving: dict[int, int] = {}
    for case in cases:
        days = max(case.days, 0)
        leaving[days] = leaving.get(days, 0) + 1
        events[days] = events.get(days, 0) + case.has_converted
    at_risk, alive = len(cases), 1.0
    steps: list[tuple[int, float]] = []
    for days in sorted(leaving):
        if at_risk < least_sample:
            break
        if events[days]:
            alive *= 1 - events[days] / at_risk
            steps.append((days, alive))
        at_risk -= leaving[days]
    return steps, at_risk


def _month_shares(curve: Sequence[tuple[int, float]], total: float) -> tuple[float, ...]:
    """Spread the conversions over the months after the case's own: a case starts in the middle of its month on average."""
    shares = [0.0] * (HORIZON_MONTHS + 1)
    before = 0.0
    for days, converted in curve:
        month = min(int(days / DAYS_PER_MONTH + 0.5), HORIZON_MONTHS)
        shares[month] += (converted - before) / total
        before = converted
    last = max(index for index, share in enumerate(shares) if share > 0)
    return tuple(shares[: last + 1])


def _at(values: Sequence[float], index: int) -> float:
    return values[min(index, len(values) - 1)]


def _refused(count: int, least_sample: int) -> Rate:
    missing = max(least_sample - count, 1)
    return Rate(nan, nan, nan, count, reason=f"{count} matured cases, {missing} more are needed")
