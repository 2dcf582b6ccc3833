"""Which days are business days, and which week, month, fiscal quarter and fiscal year a day lies in.

Pure: the country, the company's own days and the first month of the fiscal year come in as arguments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from definitions_contract.schema import PeriodKind, TeamAgreement

DAY = timedelta(days=1)
MONDAY_TO_FRIDAY = range(5)
ENGLISH = "en_US"  # as the library calls it
COMPANY_HOLIDAY = "会社休日 / company holiday"  # the agreement lists the company's days without names


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One row of core.calendar."""

    day: date
    week_start: date
    month_start: date
    quarter_start: date
    fiscal_year_start: date
    business_day: int
    holiday: str | None


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Business days of one country and company: Monday to Friday without public and company holidays."""

    country: str
    company_holidays: frozenset[date] = frozenset()
    fiscal_year_start_month: int = 1

    def holiday_name(self, day: date) -> str | None:
        """Name of the public or company holiday; None on other days, weekends included."""
        name = _public_holidays(self.country, day.year).get(day)
        return COMPANY_HOLIDAY if name is None and day in self.company_holidays else name

    def holiday_in_english(self, day: date) -> str | None:
        """The same name in English, where it is known."""
        return _public_holidays(self.country, day.year, ENGLISH).get(day) or self.holiday_name(day)

    def is_business_day(self, day: date) -> bool:
        """Tell whether people work on that day."""
        return day.weekday() in MONDAY_TO_FRIDAY and self.holiday_name(day) is None

    def add_business_days(self, day: date, count: int) -> date:
        """Give the count-th business day after (before, when negative) a day; the day itself, whatever it is, for 0."""
        step = DAY if count >= 0 else -DAY
        for _ in range(abs(count)):
            day += step
            while not self.is_business_day(day):
                day += step
        return day

    def business_days(self, start: date, end: date) -> int:
        """Count business days in [start, end)."""
        return sum(self.is_business_day(day) for day in days_between(start, end))

    def days(self, start: date, end: date) -> Iterator[CalendarDay]:
        """Give the rows of core.calendar for [start, end)."""
        for day in days_between(start, end):
            yield CalendarDay(
                day=day,
                week_start=self.period_of(day, PeriodKind.WEEK)[0],
                month_start=self.period_of(day, PeriodKind.MONTH)[0],
                quarter_start=self.period_of(day, PeriodKind.QUARTER)[0],
                fiscal_year_start=self.period_of(day, PeriodKind.FISCAL_YEAR)[0],
                business_day=int(self.is_business_day(day)),
                holiday=self.holiday_name(day),
            )

    def period_of(self, day: date, kind: PeriodKind) -> tuple[date, date]:
        """Give the period of that kind which the day lies in; see period_of below."""
        return period_of(day, kind, self.fiscal_year_start_month)


def calendar_of(team: TeamAgreement) -> BusinessCalendar:
    """Give the calendar that was agreed."""
    return BusinessCalendar(team.country, frozenset(team.company_holidays), team.fiscal_year_start_month)


def period_of(day: date, kind: PeriodKind, fiscal_year_start_month: int) -> tuple[date, date]:
    """Give [start, end) of the period that a day lies in.

    >>> period_of(date(2026, 3, 31), PeriodKind.FISCAL_YEAR, 4)
    (datetime.date(2025, 4, 1), datetime.date(2026, 4, 1))
    """
    match kind:
        case PeriodKind.WEEK:
            start = day - day.weekday() * DAY
            return start, start + 7 * DAY
        case PeriodKind.MONTH:
            return _months(day, 1, fiscal_year_start_month)
        case PeriodKind.QUARTER:
            return _months(day, 3, fiscal_year_start_month)
        case PeriodKind.FISCAL_YEAR:
            return _months(day, 12, fiscal_year_start_month)


def periods_between(
    start: date, end: date, kind: PeriodKind, fiscal_year_start_month: int
) -> Iterator[tuple[date, date]]:
    """Give every period of a kind that begins in [start, end), in order."""
    day = start
    while day < end:
        first, after = period_of(day, kind, fiscal_year_start_month)
        if first >= start:
            yield first, after
        day = after


def months_before(day: date, count: int) -> date:
    """Give the first day of the month that lies so many months before (after, when negative) a day's month.

    >>> months_before(date(2026, 1, 22), 3)
    datetime.date(2025, 10, 1)
    """
    return _first_of(day.year * 12 + day.month - 1 - count)


def days_between(start: date, end: date) -> Iterator[date]:
    """Give every day of [start, end)."""
    return (start + number * DAY for number in range((end - start).days))


def add_weekdays(day: date, count: int) -> date:
    """Add business days where no holiday counts: for signed examples, which must hold in every country."""
    step = DAY if count >= 0 else -DAY
    for _ in range(abs(count)):
        day += step
        while day.weekday() not in MONDAY_TO_FRIDAY:
            day += step
    return day


def is_country_known(country: str) -> bool:
    """Tell whether public holidays of the country are known."""
    import holidays

    return country in holidays.list_supported_countries()


def _months(day: date, length: int, first_month: int) -> tuple[date, date]:
    """Give the block of `length` months, counted from the fiscal year's first month, that a day lies in."""
    month_number = day.year * 12 + day.month - 1
    start = month_number - (month_number - (first_month - 1)) % length
    return _first_of(start), _first_of(start + length)


def _first_of(month_number: int) -> date:
    return date(month_number // 12, month_number % 12 + 1, 1)


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int, language: str | None = None) -> dict[date, str]:
    """Give the names in a language, or none where it is not known; without one in the country's own."""
    import holidays

    known = holidays.country_holidays(country)
    if language is not None and language not in known.supported_languages:
        return {}
    # without a language the names would follow the machine's locale
    return dict(holidays.country_holidays(country, years=year, language=language or known.default_language))
