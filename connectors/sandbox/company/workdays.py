"""When the demo company works: Japanese business days, the rhythm of week, month and fiscal quarter, hours in Tokyo as UTC."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from connectors.sandbox.company.levels import (
    MONTH_END_DAYS,
    MONTH_END_FACTOR,
    QUARTER_END_DAYS,
    QUARTER_END_FACTOR,
)

TOKYO_OFFSET: Final = timedelta(hours=9)  # no daylight saving since 1951
COMPANY_BREAK: Final = ((12, 30), (12, 31), (1, 2), (1, 3), (1, 4))  # month, day; as in the agreement's team.yaml
_SATURDAY = 5
_QUARTER_MONTHS = 3


def at_tokyo(day: date, minutes: float) -> datetime:
    """The moment `minutes` after midnight of a day in Tokyo, in UTC, to the second.

    >>> at_tokyo(date(2026, 1, 5), 8 * 60)
    datetime.datetime(2026, 1, 4, 23, 0, tzinfo=datetime.timezone.utc)
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - TOKYO_OFFSET
    return midnight + timedelta(seconds=round(minutes * 60))


def tokyo_day(moment: datetime) -> date:
    """The calendar day in Tokyo of a moment.

    >>> tokyo_day(datetime(2026, 1, 4, 23, tzinfo=UTC))
    datetime.date(2026, 1, 5)
    """
    return (moment + TOKYO_OFFSET).date()


class Workdays:
    """All business days between two days, and steps along them."""

    def __init__(self, first: date, last: date) -> None:
        import holidays

        self.holidays: dict[date, str] = dict(
            holidays.country_holidays("JP", years=range(first.year, last.year + 1)).items()
        )
        span = (first + timedelta(days=n) for n in range((last - first).days + 1))
        self.days: list[date] = [day for day in span if self.is_open(day)]

    def is_open(self, day: date) -> bool:
        """Whether the company works on a day."""
        is_break = (day.month, day.day) in COMPANY_BREAK
        return day.weekday() < _SATURDAY and day not in self.holidays and not is_break

    def between(self, first: date, last: date) -> list[date]:
        """Business days from first to last, both included."""
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def after(self, day: date, steps: int) -> date:
        """The business day `steps` after a day; 0 is the day itself, or the next open one."""
        index = bisect_right(self.days, day) + steps - 1 if steps else bisect_left(self.days, day)
        return self.days[min(index, len(self.days) - 1)]

    def gone(self, since: date, day: date) -> int:
        """Business days in [since, day)."""
        return bisect_left(self.days, day) - bisect_left(self.days, since)

    def month_end(self, day: date) -> list[date]:
        """The last business days of a day's month."""
        return self.between(day.replace(day=1), _last_of_month(day))[-MONTH_END_DAYS:]

    def is_quarter_end(self, day: date) -> bool:
        """Among the last business days of a fiscal quarter (March, June, September, December)."""
        if day.month % _QUARTER_MONTHS:
            return False
        return day in self.between(day.replace(day=1), _last_of_month(day))[-QUARTER_END_DAYS:]

    def rhythm(self, days: Iterable[date], weekdays: Sequence[float]) -> list[float]:
        """How busy each day is against the average one, which is 1."""
        raw = [self._factor(day, weekdays) for day in days]
        mean = sum(raw) / len(raw)
        return [factor / mean for factor in raw]

    def _factor(self, day: date, weekdays: Sequence[float]) -> float:
        month_end = MONTH_END_FACTOR if day in self.month_end(day) else 1.0
        quarter_end = QUARTER_END_FACTOR if self.is_quarter_end(day) else 1.0
        return weekdays[day.weekday()] * month_end * quarter_end


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
