"""Teams that never were: two years of calls, meetings and deals of a team, the second one with or without a change.

Weekly counts of calls vary about 5 and of bookings about 4 times as much as chance, with the rhythm of weekdays and
months, Japanese holidays, leave, and new reps who ramp up.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from definitions_contract.periods import BusinessCalendar
from models.statistics.pace import CalendarDay

Floats = NDArray[np.float64]

FIRST_DAY = date(2024, 11, 1)
JUDGED_FROM = date(2025, 11, 1)  # a year of history before the year that is judged
END = date(2026, 11, 1)
CHANGES = ("source_rate", "rep_stops", "volume", "definition", "slow_pipeline")
WEEKDAYS = np.array([1.05, 1.08, 1.02, 1.0, 0.85])
MONTHS = np.array([0.97, 1.0, 1.08, 0.98, 0.97, 1.02, 1.02, 0.88, 1.04, 1.03, 1.03, 0.95])
VERDICT_LAG = 3  # business days until field sales has answered
DEAL_AGE_DAYS = 25.0  # median business days to a decision


@dataclass(frozen=True, slots=True)
class Injected:
    """What was done to a team, from business day `day` on; `part` is the rep or source it was done to."""

    kind: str
    day: int
    part: str | None = None
    stage: str | None = None


@dataclass(slots=True)
class Team:
    """Counts per business day: [day, rep, source] for calls to valid; deals per day."""

    calls: Floats
    connects: Floats
    booked: Floats
    held_due: Floats  # meetings whose day has come, by the day of the verdict
    valid: Floats
    decided: Floats
    won: Floats
    open_by_age: Floats  # [day, age bucket]
    decided_by_age: Floats
    started: list[int]  # first day of each rep
    change: Injected | None
    target_factor: float
    growth: Floats = field(default_factory=lambda: np.zeros(0))


@lru_cache(maxsize=1)
def calendar_days() -> list[CalendarDay]:
    calendar = BusinessCalendar("JP")
    count = (END - FIRST_DAY).days
    days = [FIRST_DAY + timedelta(days=index) for index in range(count)]
    return [CalendarDay(day, day.replace(day=1), is_business_day=calendar.is_business_day(day)) for day in days]


@lru_cache(maxsize=1)
def business_days() -> list[date]:
    return [row.day for row in calendar_days() if row.is_business_day]


@lru_cache(maxsize=1)
def rhythm() -> Floats:
    """True weight of each business day: weekday, month of the year, month's end."""
    days = business_days()
    weights = np.array([WEEKDAYS[day.weekday()] * MONTHS[day.month - 1] for day in days])
    is_end = np.array(
        [
            sum(other.month == day.month and 0 < (other - day).days < 20 for other in days[i : i + 6]) < 5
            for i, day in enumerate(days)
        ]
    )
    return weights * np.where(is_end, 1.12, 1.0)


AGE_EDGES = (0, 5, 10, 20, 30, 45, 60, 90, 10_000)


def simulate(seed: int, *, has_change: bool, kind: str | None = None) -> Team:
    """Make one team."""
    rng = np.random.default_rng(seed)
    days = len(business_days())
    weeks = np.arange(days) // 5
    reps, sources = int(rng.integers(6, 15)), 5
    shares = np.sort(rng.dirichlet(np.full(sources, 8.0)))[::-1]
    first_judged = business_days().index(next(day for day in business_days() if day >= JUDGED_FROM))
    change = _change(rng, (kind or CHANGES[seed % len(CHANGES)]), first_judged, reps) if has_change else None
    started = [0] * reps
    if rng.random() < 0.5:
        started[-1] = int(rng.integers(60, days - 80))
    calls_per_day = rng.uniform(12, 30) * rng.uniform(0.8, 1.2, reps)
    level = np.outer(rhythm() * _trend(rng, days), calls_per_day) * _ramps(started, days) * _at_work(rng, days, reps)
    weekly_mean = 5 * calls_per_day
    lump = rng.uniform(1.2, 2.4)  # leave adds the rest of 4 to 5
    level *= _lumps(rng, lump / weekly_mean, weeks)
    if change and change.kind == "volume":
        level[change.day :] *= 0.75
    if change and change.kind == "rep_stops":
        level[change.day :, int(change.part or 0)] = 0.0
    calls = rng.poisson(level[:, :, None] * shares[None, None, :]).astype(float)

    connect = (
        rng.uniform(0.18, 0.30)
        * rng.uniform(0.85, 1.15, sources)[None, :]
        * _lumps(rng, np.full(sources, 0.0025), weeks)
    )
    if change and change.stage == "connect":
        connect[change.day :, int(change.part or 0)] *= 0.7
    connects = _thin(rng, calls, connect[:, None, :])
    booking = rng.uniform(0.25, 0.40)
    weekly_booked = connect.mean(axis=0) * booking * shares * calls_per_day.sum() * 5
    lumped = booking * _lumps(rng, np.full(sources, 3.3) / np.maximum(weekly_booked, 3.3), weeks)
    booked = _thin(rng, connects, np.minimum(lumped, 0.95)[:, None, :])

    held_due = _delayed(rng, booked, 3, 11)
    valid_rate = (
        rng.uniform(0.38, 0.52) * rng.uniform(0.8, 1.2, sources)[None, :] * _lumps(rng, np.full(sources, 0.005), weeks)
    )
    if change and change.stage == "valid":
        valid_rate[change.day :, int(change.part or 0)] *= 0.7
    if change and change.kind == "definition":
        valid_rate[change.day :] *= 0.75
    valid = _thin(rng, held_due, valid_rate[:, None, :])
    # the verdict is known some days later
    held_due, valid = (
        np.concatenate([np.zeros((VERDICT_LAG, *v.shape[1:])), v[:-VERDICT_LAG]]) for v in (held_due, valid)
    )
    deals = _deals(rng, valid.sum(axis=(1, 2)), change)
    return Team(calls, connects, booked, held_due, valid, *deals, started, change, float(rng.uniform(0.92, 1.03)))


def _change(rng: np.random.Generator, kind: str, first: int, reps: int) -> Injected:
    day = first + int(rng.integers(60, 150))
    if kind == "rep_stops":
        return Injected(kind, day, str(int(rng.integers(0, max(reps - 1, 1)))))
    if kind == "source_rate":
        source = int(rng.integers(0, 3))  # one of the three largest
        return Injected(kind, day, str(source), "connect" if rng.random() < 0.5 else "valid")
    return Injected(kind, day)


def _trend(rng: np.random.Generator, days: int) -> Floats:
    return np.asarray(np.exp(np.linspace(0, rng.uniform(-0.1, 0.1), days)))


def _ramps(started: list[int], days: int) -> Floats:
    gone = np.arange(days)[:, None] - np.array(started)[None, :]
    ramp = np.clip(0.3 + 0.7 * gone / 60, 0.3, 1.0)
    is_old = np.array(started)[None, :] == 0
    return np.where(gone < 0, 0.0, np.where(is_old, 1.0, ramp))


def _at_work(rng: np.random.Generator, days: int, reps: int) -> Floats:
    """Leave: about ten single days and two weeks away in a year, each rep for itself."""
    present = (rng.random((days, reps)) > 0.04).astype(float)
    for rep in range(reps):
        for start in rng.integers(0, days, 4):
            present[start : start + int(rng.integers(2, 6)), rep] = 0.0
    return present


def _lumps(rng: np.random.Generator, relative_variance: Floats, weeks: NDArray[np.int64]) -> Floats:
    shape = 1 / relative_variance
    return np.asarray(rng.gamma(shape, 1 / shape, (int(weeks[-1]) + 1, len(shape)))[weeks])


def _thin(rng: np.random.Generator, cases: Floats, rate: Floats) -> Floats:
    return np.asarray(rng.binomial(cases.astype(int), np.clip(np.broadcast_to(rate, cases.shape), 0, 1)), dtype=float)


def _delayed(rng: np.random.Generator, booked: Floats, low: int, high: int) -> Floats:
    """Move each booking to its meeting's day."""
    days = len(booked)
    result = np.zeros_like(booked)
    left = booked.astype(int)
    for lag in range(low, high):
        moved = rng.binomial(left, 1 / (high - lag))
        left = left - moved
        result[lag:] += moved[: days - lag]
    return result


def _deals(rng: np.random.Generator, valid: Floats, change: Injected | None) -> tuple[Floats, Floats, Floats, Floats]:
    days = len(valid)
    created = np.repeat(np.arange(days), rng.binomial(valid.astype(int), 0.6))
    work = rng.lognormal(np.log(DEAL_AGE_DAYS), 0.7, len(created))  # days of progress until the decision
    slow_from = change.day if change and change.kind == "slow_pipeline" else 10**6
    fast_days = np.clip(slow_from - created, 0, None)
    ages = np.where(work <= fast_days, work, fast_days + (work - fast_days) * 1.6)
    decided_day = created + np.ceil(ages).astype(int)
    is_won = rng.random(len(created)) < 0.22
    decided, won = (
        np.bincount(decided_day[keep], minlength=days)[:days].astype(float)
        for keep in (np.ones(len(created), dtype=bool), is_won)
    )
    open_by_age = np.zeros((days, len(AGE_EDGES) - 1))
    decided_by_age = np.zeros_like(open_by_age)
    for bucket, (low, high) in enumerate(pairwise(AGE_EDGES)):
        start, stop = created + low + 1, np.minimum(created + high + 1, decided_day + 1)
        seen = (stop > start) & (start < days)
        change_at = np.zeros(days + 1)
        np.add.at(change_at, start[seen], 1)
        np.add.at(change_at, np.minimum(stop[seen], days), -1)
        open_by_age[:, bucket] = np.cumsum(change_at)[:days]
        age = decided_day - created
        here = (age > low) & (age <= high) & (decided_day < days)
        np.add.at(decided_by_age[:, bucket], decided_day[here], 1)
    return decided, won, open_by_age, decided_by_age
