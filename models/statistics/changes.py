"""Has a level changed against the own past, without any target? A scan of the last days in windows of several lengths.

Each night compares the last 3 to 40 business days with the level of the half year before them. The distance is measured in standard
errors that hold the own dispersion and the doubt about the old level; counts and rates are transformed first, so that small
samples and empty days keep an honest tail. Only days up to the night enter: replaying the nights gives the same scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["count", "rate"]

WINDOWS = (3, 5, 10, 20, 40)  # business days: a collapse shows within a week, a slow slide takes two months
LEAST_EXPECTED = 4.0  # fewer expected events in a window say nothing, whatever happened
GAP = 40  # the longest window: what is compared is never part of what it is compared with
BASELINE = 120  # business days before it: half a year, each weekday and month end often enough
LEAST_BASELINE = 40  # two months; with less there is no level to leave
BLOCK = 5  # a week of business days: the unit of dispersion
PRIOR_WEEKS = 8.0  # the prior counts as two months of own weeks
PRIOR_DISPERSION: Mapping[str, float] = {"count": 3.0, "rate": 1.3}
LEAST_DISPERSION = 1.0  # never calmer than chance: a smaller estimate is luck
RUN_FALL = 0.3  # relative: the smallest fall of a rate that is worth a call; a run weighs it against no fall
RUN_ENDS = 20  # business days: a month without any fall ends a run
LEVEL_DRIFT: Mapping[str, float] = {"count": 0.04, "rate": 0.03}  # levels wander so much without being news (relative)


@dataclass(frozen=True, slots=True)
class Series:
    """Events per business day, oldest first, and what they are counted of.

    `exposure` is the business-day weight for counts and the number of cases for rates. `windows` are the lengths that are looked at.
    """

    kind: Kind
    observed: Floats
    exposure: Floats
    windows: tuple[int, ...] = WINDOWS


@dataclass(frozen=True, slots=True)
class Scan:
    """Per night: the lowest and highest score over the windows, their lengths, and what was expected in them.

    Scores are in standard errors; NaN where there is too little past.
    """

    low: Floats
    high: Floats
    low_window: NDArray[np.int64]
    high_window: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """What one window saw: events, what the old level gives for the same exposure, and exposure."""

    observed: float
    expected: float
    exposure: float


def scan(series: Series) -> Scan:
    """Score every night of a series.

    >>> steady = Series("count", np.full(200, 20.0), np.ones(200))
    >>> bool(abs(scan(steady).low[-1]) < 0.1)
    True
    """
    scores = np.stack([_window_scores(series, length) for length in series.windows])
    low = np.where(np.isnan(scores), np.inf, scores)
    high = np.where(np.isnan(scores), -np.inf, scores)
    lengths = np.array(series.windows, dtype=np.int64)
    is_known = np.isfinite(low.min(axis=0))
    low_window, low = lengths[low.argmin(axis=0)], low.min(axis=0)
    if series.kind == "rate":
        run = _run(series)
        is_run = run.score < np.minimum(low, 0.0)
        low, low_window = np.where(is_run, run.score, low), np.where(is_run, run.length, low_window)
    return Scan(
        low=np.where(is_known, low, np.nan),
        high=np.where(is_known, high.max(axis=0), np.nan),
        low_window=low_window,
        high_window=lengths[high.argmax(axis=0)],
    )


def scan_since(series: Series, start: int) -> Floats:
    """Score what happened since a known day against the half year before it; NaN before that day and where little is known.

    One question instead of many: what is known to have happened (a new definition) needs less proof than a surprise.
    """
    days = len(series.observed)
    scores = np.full(days, np.nan)
    base = slice(max(start - BASELINE, 0), start)
    base_exposure = float(series.exposure[base].sum())
    if base.stop - base.start < LEAST_BASELINE or base_exposure <= 0:
        return scores
    level = float(series.observed[base].sum()) / base_exposure
    observed, exposure = np.cumsum(series.observed[start:]), np.cumsum(series.exposure[start:])
    dispersion = np.full(days - start, _dispersion(series)[min(start + GAP, days) - 1])
    steady = np.ones(days - start)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _scores(series.kind, np.stack([observed, exposure, level * steady, base_exposure * steady]), dispersion)
        informative = level * exposure * ((1 - level) if series.kind == "rate" else 1.0)
    scores[start:] = np.where(informative >= LEAST_EXPECTED, found, np.nan)
    return scores


def score_against(series: Series, due: Floats) -> Floats:
    """Score the counts of the last 20 and 40 business days against what was due by the target; the milder of the two.

    A month that is missed by the luck of its own noise is a state to show and nothing to call anyone for.
    """
    dispersion = _dispersion(series)
    scores = []
    for length in (20, 40):
        observed, expected = _last(series.observed, length), _last(due, length)
        distance = 2 * (np.sqrt(observed + 0.375) - np.sqrt(expected + 0.375))
        drift = LEVEL_DRIFT["count"] ** 2 * expected
        scores.append(np.where(expected >= LEAST_EXPECTED, distance / np.sqrt(dispersion + drift), np.nan))
    low, high = np.fmin(*scores), np.fmax(*scores)
    return np.asarray(np.where(high < 0, high, np.where(low > 0, low, 0.0)))


def rate_against(series: Series, target: float) -> Floats:
    """Score the rate of the last 20 and 40 business days against a target rate; the milder of the two."""
    dispersion = _dispersion(series)
    scores = []
    for length in (20, 40):
        cases = _last(series.exposure, length)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.clip((_last(series.observed, length) + 0.375) / (cases + 0.75), 0.0, 1.0)
            distance = 2 * (np.arcsin(np.sqrt(rate)) - np.arcsin(np.sqrt(min(max(target, 0.0), 1.0))))
            scores.append(np.where(cases >= LEAST_EXPECTED, distance * np.sqrt(cases / dispersion), np.nan))
    low, high = np.fmin(*scores), np.fmax(*scores)
    return np.asarray(np.where(high < 0, high, np.where(low > 0, low, 0.0)))


def window_of(series: Series, night: int, length: int) -> Window:
    """Say what the window of `length` days up to `night` saw."""
    days = slice(max(night - length + 1, 0), night + 1)
    base = slice(max(night - GAP - BASELINE + 1, 0), max(night - GAP + 1, 0))
    exposure = float(series.exposure[days].sum())
    base_exposure = float(series.exposure[base].sum())
    level = float(series.observed[base].sum()) / base_exposure if base_exposure > 0 else 0.0
    return Window(observed=float(series.observed[days].sum()), expected=level * exposure, exposure=exposure)


def _window_scores(series: Series, length: int) -> Floats:
    observed, exposure = _last(series.observed, length), _last(series.exposure, length)
    base_observed = _shifted(_last(series.observed, BASELINE), GAP)
    base_exposure = _shifted(_last(series.exposure, BASELINE), GAP)
    known_days = _shifted(np.minimum(np.arange(1, len(series.observed) + 1, dtype=float), BASELINE), GAP)
    dispersion = _dispersion(series)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = base_observed / base_exposure
        score = _scores(series.kind, np.stack([observed, exposure, level, base_exposure]), dispersion)
        informative = level * exposure * ((1 - level) if series.kind == "rate" else 1.0)
    is_known = (known_days >= LEAST_BASELINE) & (base_exposure > 0) & (informative >= LEAST_EXPECTED)
    return np.where(is_known, score, np.nan)


def _scores(kind: Kind, figures: Floats, dispersion: Floats) -> Floats:
    observed, exposure, level, base_exposure = figures
    drift = LEVEL_DRIFT[kind]
    if kind == "count":
        distance = 2 * (np.sqrt(observed + 0.375) - np.sqrt(level * exposure + 0.375))
        variance = dispersion * (1 + exposure / base_exposure) + drift**2 * level * exposure
        return np.asarray(distance / np.sqrt(variance))
    rate = np.clip((observed + 0.375) / (exposure + 0.75), 0.0, 1.0)
    before = np.clip(level, 0.0, 1.0)
    distance = 2 * (np.arcsin(np.sqrt(rate)) - np.arcsin(np.sqrt(before)))
    wander = drift**2 * before / np.maximum(1 - before, 0.05)
    variance = dispersion * (1 / exposure + 1 / base_exposure) + wander
    return np.asarray(distance / np.sqrt(variance))


@dataclass(frozen=True, slots=True)
class _Run:
    """Per night: how sure it is that a rate has been falling since some day (0 or less), and how many days ago that was."""

    score: Floats
    length: NDArray[np.int64]


def _run(series: Series) -> _Run:
    """Add up what each day says for a fall by RUN_FALL and against it (a CUSUM): a slow loss that no window is long enough for.

    The sum begins anew whenever it says "no fall", or the last month shows none. As a log-likelihood ratio g it is as sure as a
    distance of sqrt(2 g) standard errors.
    """
    observed, exposure = series.observed, series.exposure
    base_observed, base_exposure = (_shifted(_last(values, BASELINE), GAP) for values in (observed, exposure))
    known_days = _shifted(np.minimum(np.arange(1, len(observed) + 1, dtype=float), BASELINE), GAP)
    is_known = (known_days >= LEAST_BASELINE) & (base_exposure > 0)
    level = np.clip(base_observed / np.where(base_exposure > 0, base_exposure, 1.0), 0.02, 0.98)
    fallen = level * (1 - RUN_FALL)
    ratio = observed * np.log(fallen / level) + (exposure - observed) * np.log((1 - fallen) / (1 - level))
    sums = np.cumsum(np.where(is_known, ratio / _dispersion(series), 0.0))
    has_no_fall = _last(observed, RUN_ENDS) >= level * _last(exposure, RUN_ENDS)
    score, length = np.zeros(len(sums)), np.zeros(len(sums), dtype=np.int64)
    ends = [*np.flatnonzero(has_no_fall | ~is_known), len(sums)]
    for start, stop in pairwise(ends):
        part = sums[start:stop]
        lowest = np.minimum.accumulate(part)
        score[start:stop] = -np.sqrt(2 * (part - lowest))
        places = np.arange(len(part))
        begun = np.maximum.accumulate(np.where(part <= lowest, places, 0))
        length[start:stop] = places - begun
    return _Run(score, length)


def _dispersion(series: Series) -> Floats:
    """Estimate per night, from the baseline's week-to-week changes, how many times more than chance the weeks vary."""
    observed, exposure = _last(series.observed, BLOCK), _last(series.exposure, BLOCK)
    before, before_exposure = _shifted(observed, BLOCK), _shifted(exposure, BLOCK)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (observed + before) / (exposure + before_exposure)
        noise = level * (1 / exposure + 1 / before_exposure)
        if series.kind == "rate":
            noise = noise * (1 - level)
        ratios = (observed / exposure - before / before_exposure) ** 2 / noise
    usable = np.isfinite(ratios)
    ratios = np.minimum(np.where(usable, ratios, 0.0), 25.0)  # one absurd week is an import, not a way of working
    total = _shifted(_last(ratios, BASELINE), GAP) / BLOCK  # overlapping weeks: each change is seen five times
    weeks = _shifted(_last(usable.astype(float), BASELINE), GAP) / BLOCK
    prior = PRIOR_DISPERSION[series.kind]
    return np.maximum((total + PRIOR_WEEKS * prior) / (weeks + PRIOR_WEEKS), LEAST_DISPERSION)


def _last(values: Floats, length: int) -> Floats:
    """Add up the last `length` days of each day; fewer at the start."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    return np.asarray(sums[ends] - sums[np.maximum(ends - length, 0)])


def _shifted(values: Floats, days: int) -> Floats:
    return np.asarray(np.concatenate([np.zeros(min(days, len(values))), values[: max(len(values) - days, 0)]]))
