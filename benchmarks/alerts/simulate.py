"""Departments that never were: two years of calls, meetings and deals of two or three teams, the second one with or without a change.

Weekly counts of calls vary about 5 and of bookings about 4 times as much as chance, with the rhythm of weekdays and
months, Japanese holidays, leave, and new reps who ramp up. Sources are the department's, reps belong to one team each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from definitions_contract.periods import BusinessCalendar
from models.statistics.pace import CalendarDay

Floats = NDArray[np.float64]
ScopeKey = tuple[str, str]
DEPARTMENT: ScopeKey = ("department", "all")

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
    """What was done, from business day `day` on; `part` is the rep or source it was done to, `team` the one team that it met."""

    kind: str
    day: int
    part: str | None = None
    stage: str | None = None
    team: int | None = None


@dataclass(frozen=True, slots=True)
class Deals:
    """Per day, and per day and age bucket."""

    decided: Floats
    open_by_age: Floats
    decided_by_age: Floats


@dataclass(frozen=True, slots=True)
class Team:
    """What a scope did, a team or the department: counts as [day, rep, source]. `valid` and `redefined` by the day of the verdict.

    `judged` are the meetings held that those verdicts are of, `redefined` those that only the former definition would have counted.
    """

    calls: Floats
    connects: Floats
    booked: Floats
    due: Floats
    held: Floats
    judged: Floats
    valid: Floats
    redefined: Floats
    deals: Deals
    started: tuple[int, ...]  # first day of each rep
    reps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Department:
    """The department, its teams, what was done to it, and how ambitious its targets are."""

    whole: Team
    teams: tuple[Team, ...]
    change: Injected | None
    target_factor: float

    @property
    def scopes(self) -> Mapping[ScopeKey, Team]:
        """The department first, then its teams."""
        return {DEPARTMENT: self.whole} | {("team", str(place)): team for place, team in enumerate(self.teams)}


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


def simulate(seed: int, *, has_change: bool, kind: str | None = None) -> Department:
    """Make one department."""
    rng = np.random.default_rng(seed)
    days = len(business_days())
    weeks = np.arange(days) // 5
    sizes = rng.integers(4, 8, int(rng.integers(2, 4)))
    reps, sources = int(sizes.sum()), 5
    ends = np.cumsum(sizes)
    members = [range(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    shares = np.sort(rng.dirichlet(np.full(sources, 8.0)))[::-1]
    change = _change(rng, kind or CHANGES[seed // 2 % len(CHANGES)], members) if has_change else None
    started = [0] * reps
    if rng.random() < 0.5:
        started[-1] = int(rng.integers(60, days - 80))
    calls_per_day = rng.uniform(12, 30) * rng.uniform(0.8, 1.2, reps)
    level = np.outer(rhythm() * _trend(rng, days), calls_per_day) * _ramps(started, days) * _at_work(rng, days, reps)
    weekly_mean = 5 * calls_per_day
    lump = rng.uniform(1.2, 2.4)  # leave adds the rest of 4 to 5
    level *= _lumps(rng, lump / weekly_mean, weeks)
    if change and change.kind == "volume":
        level[change.day :, list(_met(change, members))] *= 0.75
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

    due = _delayed(rng, booked, 3, 11)
    show_rate = rng.uniform(0.78, 0.88) * _lumps(rng, np.full(sources, 0.001), weeks)
    held = _thin(rng, due, show_rate[:, None, :])
    valid_rate = (
        rng.uniform(0.45, 0.62) * rng.uniform(0.8, 1.2, sources)[None, :] * _lumps(rng, np.full(sources, 0.005), weeks)
    )
    if change and change.stage == "valid":
        valid_rate[change.day :, int(change.part or 0)] *= 0.7
    by_former = _thin(rng, held, valid_rate[:, None, :])
    kept = np.ones((days, 1, 1))
    if change and change.kind == "definition":
        kept[change.day :] = 0.75
    valid = _thin(rng, by_former, kept)
    judged, by_former, valid = (_known_later(values) for values in (held, by_former, valid))
    deals = [_deals(rng, valid[:, list(team)].sum(axis=(1, 2)), change) for team in members]

    def chosen(team: Sequence[int], own: Deals) -> Team:
        cut = (calls, connects, booked, due, held, judged, valid, by_former - valid)
        arrays = [values[:, list(team)] for values in cut]
        return Team(*arrays, own, tuple(started[rep] for rep in team), tuple(team))

    whole = Deals(*(sum(getattr(row, name) for row in deals) for name in Deals.__dataclass_fields__))
    return Department(
        whole=chosen(range(reps), whole),
        teams=tuple(chosen(team, own) for team, own in zip(members, deals, strict=True)),
        change=change,
        target_factor=float(rng.uniform(0.92, 1.03)),
    )


def _change(rng: np.random.Generator, kind: str, members: Sequence[range]) -> Injected:
    first = business_days().index(next(day for day in business_days() if day >= JUDGED_FROM))
    day = first + int(rng.integers(60, 150))
    if kind == "rep_stops":
        team = int(rng.integers(len(members)))
        return Injected(kind, day, str(members[team][int(rng.integers(len(members[team]) - 1))]), team=team)
    if kind == "source_rate":
        source = int(rng.integers(0, 3))  # one of the three largest
        return Injected(kind, day, str(source), "connect" if rng.random() < 0.5 else "valid")
    if kind == "volume" and rng.random() < 0.5:
        return Injected(kind, day, team=int(rng.integers(len(members))))
    return Injected(kind, day)


def _met(change: Injected, members: Sequence[range]) -> Sequence[int]:
    """Give the reps that a change of volume met."""
    return members[change.team] if change.team is not None else range(members[-1].stop)


def _known_later(values: Floats) -> Floats:
    """Move counts to the day on which their verdict is known."""
    return np.concatenate([np.zeros((VERDICT_LAG, *values.shape[1:])), values[:-VERDICT_LAG]])


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


def _deals(rng: np.random.Generator, valid: Floats, change: Injected | None) -> Deals:
    days = len(valid)
    created = np.repeat(np.arange(days), rng.binomial(valid.astype(int), 0.6))
    work = rng.lognormal(np.log(DEAL_AGE_DAYS), 0.7, len(created))  # days of progress until the decision
    slow_from = change.day if change and change.kind == "slow_pipeline" else 10**6
    fast_days = np.clip(slow_from - created, 0, None)
    ages = np.where(work <= fast_days, work, fast_days + (work - fast_days) * 1.6)
    decided_day = created + np.ceil(ages).astype(int)
    decided = np.bincount(decided_day, minlength=days)[:days].astype(float)
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
    return Deals(decided, open_by_age, decided_by_age)
