"""How much of a period's work falls on each day, and how much is due by a day?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from models.statistics.dispersion import PRIOR_DISPERSION

LEAST_RHYTHM_WEEKS = 8  # with fewer weeks a weekday has been seen too rarely: every business day weighs the same
EFFECT_SPREAD = 0.2  # true rhythms stay within about 20 % of flat; estimates are shrunk by that much
EDGE_BUSINESS_DAYS = 5  # "start" and "end" of a month are its first and last five business days
BUSINESS_DAYS_PER_WEEK = 5

Place = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A calendar day; `month_start` groups days to months."""

    day: date
    month_start: date
    is_business_day: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """What is due by a day; `share` is the part of the period's weight that is gone."""

    expected: float
    share: float


def day_weights(
    days: Sequence[CalendarDay],
    history: Mapping[date, float],
    *,
    history_end: date,
    dispersion: float = PRIOR_DISPERSION,
) -> dict[date, float]:
    """Weigh each day: 0 on a day off, about 1 on a business day, more where the own history up to `history_end` has more.

    `history` holds the counts per day; its first day starts the history. Weekday and place in the month are estimated apart and
    shrunk towards flat by their own noise.
    """
    flat = {row.day: 1.0 if row.is_business_day else 0.0 for row in days}
    known = _known_days(days, history, history_end)
    total = sum(history.get(row.day, 0.0) for row in known)
    if len(known) < LEAST_RHYTHM_WEEKS * BUSINESS_DAYS_PER_WEEK or total <= 0:
        return flat
    places = month_places(days)
    by_weekday = _effects(known, history, lambda row: str(row.day.weekday()), dispersion)
    by_place = _effects(known, history, lambda row: places[row.day], dispersion)
    return {
        row.day: by_weekday.get(str(row.day.weekday()), 1.0) * by_place.get(places[row.day], 1.0)
        if row.is_business_day
        else 0.0
        for row in days
    }


def month_places(days: Sequence[CalendarDay]) -> dict[date, Place]:
    """Say of each business day whether it stands at the start, in the middle or at the end of its month's business days."""
    months: dict[date, list[date]] = {}
    for row in days:
        if row.is_business_day:
            months.setdefault(row.month_start, []).append(row.day)
    places: dict[date, Place] = {}
    for business_days in months.values():
        for position, day in enumerate(business_days):
            if position >= len(business_days) - EDGE_BUSINESS_DAYS:
                places[day] = "end"
            else:
                places[day] = "start" if position < EDGE_BUSINESS_DAYS else "middle"
    return places


def pace(target: float, *, weight_gone: float, weight_total: float) -> Pace:
    """Say what of `target` is due when `weight_gone` of `weight_total` has passed. A period without business days owes nothing.

    >>> pace(100, weight_gone=5, weight_total=20)
    Pace(expected=25.0, share=0.25)
    """
    if weight_total <= 0:
        return Pace(expected=0.0, share=0.0)
    share = min(max(weight_gone / weight_total, 0.0), 1.0)
    return Pace(expected=target * share, share=share)


def _known_days(days: Sequence[CalendarDay], history: Mapping[date, float], history_end: date) -> list[CalendarDay]:
    counted = [day for day, count in history.items() if count]
    if not counted:
        return []
    first = min(counted)
    return [row for row in days if row.is_business_day and first <= row.day <= history_end]


def _effects(
    known: Sequence[CalendarDay], history: Mapping[date, float], key: Callable[[CalendarDay], str], dispersion: float
) -> dict[str, float]:
    level = sum(history.get(row.day, 0.0) for row in known) / len(known)
    observed: dict[str, float] = {}
    expected: dict[str, float] = {}
    for row in known:
        observed[key(row)] = observed.get(key(row), 0.0) + history.get(row.day, 0.0)
        expected[key(row)] = expected.get(key(row), 0.0) + level
    prior = dispersion / EFFECT_SPREAD**2  # as many expected events as make the estimate as sure as the prior
    return {
        name: 1 + (observed[name] / mean - 1) * mean / (mean + prior) for name, mean in expected.items() if mean > 0
    }
