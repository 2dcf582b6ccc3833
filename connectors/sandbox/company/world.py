"""What every step of the simulation needs: the story, the calendar, the staff, the id counters and the moment where knowledge ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from connectors.sandbox.company.entities import TrueRep
from connectors.sandbox.company.numbering import Numbering
from connectors.sandbox.company.people import FIELD_SALES, Staffing, build_reps, build_staffing
from connectors.sandbox.company.story import Story, story
from connectors.sandbox.company.workdays import Workdays, at_tokyo

_MARGIN_BEFORE = timedelta(days=400)  # older deals and contacts
_MARGIN_AFTER = timedelta(days=120)  # meetings to come, expected close days
_OPENS, _LUNCH, _NOON_ENDS, _CLOSES = 9 * 60, 12 * 60, 13 * 60, 18 * 60 + 30
_MORNING_SHARE = 0.42
_WEEKS_EVEN_OUT = 4


@dataclass(frozen=True, slots=True)
class World:
    """The fixed frame of one simulation."""

    story: Story
    seed: int
    scale: float
    workdays: Workdays
    days: list[date]  # business days of the year of activity
    reps: tuple[TrueRep, ...]
    field_reps: tuple[TrueRep, ...]
    staffing: Staffing
    numbering: Numbering
    cutoff: datetime  # nothing at or after this is known

    def random(self, part: int) -> np.random.Generator:
        """An own stream of chance per part, so that a change in one leaves the others as they were."""
        return np.random.default_rng([self.seed, part])

    def per_day(self, per_month: float) -> float:
        """Level per business day of a level per month."""
        return per_month * 12 * self.scale / len(self.days)

    def week_factors(self, spread: float, random: np.random.Generator) -> list[float]:
        """One factor per day, the same all week: good and bad weeks of the whole department, which even out within a month."""
        mondays = [day.toordinal() - day.weekday() for day in self.days]
        weeks = sorted(set(mondays), reverse=True)  # from the newest back, so that the last month is a whole block
        shape = 1 / spread**2
        raw = random.gamma(shape, 1 / shape, len(weeks))
        blocks = [raw[start : start + _WEEKS_EVEN_OUT] for start in range(0, len(raw), _WEEKS_EVEN_OUT)]
        even = np.concatenate([block / block.mean() for block in blocks]).tolist()
        factor = dict(zip(weeks, even, strict=True))
        return [factor[monday] for monday in mondays]


def build_world(as_of: date, *, seed: int, scale: float) -> World:
    """Lay the frame: dates, calendar and people; the same people whatever the scale."""
    events = story(as_of)
    workdays = Workdays(events.first_day - _MARGIN_BEFORE, as_of + _MARGIN_AFTER)
    numbering = Numbering()
    reps = build_reps(events, numbering)
    return World(
        story=events,
        seed=seed,
        scale=scale,
        workdays=workdays,
        days=workdays.between(events.first_day, as_of),
        reps=reps,
        field_reps=tuple(rep for rep in reps if rep.department == FIELD_SALES),
        staffing=build_staffing(reps, events, workdays, np.random.default_rng([seed, 0])),
        numbering=numbering,
        cutoff=at_tokyo(as_of + timedelta(days=1), 0),
    )


class Picker:
    """Draws from a table of shares, many times."""

    def __init__(self, shares: Mapping[Any, float]) -> None:
        weights = list(shares.values())
        self._values = [str(value) for value in shares]
        self._cumulated = np.cumsum(weights) / sum(weights)

    def one(self, random: np.random.Generator) -> str:
        """One value, as text."""
        return self._values[int(np.searchsorted(self._cumulated, random.random()))]


def office_minutes(random: np.random.Generator, count: int) -> np.ndarray:
    """Minutes after midnight of the working hours in Tokyo, the lunch hour left out."""
    morning = random.uniform(_OPENS, _LUNCH, count)
    afternoon = random.uniform(_NOON_ENDS, _CLOSES, count)
    return np.where(random.random(count) < _MORNING_SHARE, morning, afternoon)


def office_moment(day: date, random: np.random.Generator) -> datetime:
    """One moment of a day's working hours."""
    return at_tokyo(day, float(office_minutes(random, 1)[0]))


def known(moment: datetime | None, cutoff: datetime) -> datetime | None:
    """The moment when it lies before the end of knowledge."""
    return moment if moment is not None and moment < cutoff else None


def choose(items: Iterable[int], count: int, random: np.random.Generator) -> set[int]:
    """Up to `count` different ones."""
    pool = list(items)
    return {pool[index] for index in random.permutation(len(pool))[:count]}
