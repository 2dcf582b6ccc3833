"""Which period does somebody mean? Weeks, months, quarters and fiscal years as people write them."""

import re
from datetime import date, timedelta

from definitions_contract.periods import period_of
from definitions_contract.schema import PeriodKind
from pipelines.errors import UnknownPeriodError

FORMS = "2026-11 (month), 2026-W47 (week), 2026Q4 (quarter of the calendar), FY2026Q3 (fiscal quarter) or FY2026 (fiscal year)"
PATTERN = re.compile(
    r"(?P<fiscal>FY)?(?P<year>\d{4})(-(?P<month>\d{2})|-?W(?P<week>\d{1,2})|-?Q(?P<quarter>[1-4]))?", re.IGNORECASE
)


def asked_period(text: str, fiscal_year_start_month: int) -> tuple[PeriodKind, date, date]:
    """Read a period as kind, first day and day after the last. Raises UnknownPeriodError.

    >>> asked_period("FY2026Q3", 4)[1:]
    (datetime.date(2026, 10, 1), datetime.date(2027, 1, 1))
    """
    match = PATTERN.fullmatch(text.strip())
    if match is None or (match["fiscal"] and (match["month"] or match["week"])):
        raise UnknownPeriodError(f"{text!r} is no period; write {FORMS}")
    try:
        kind, day = _first_day(match, fiscal_year_start_month)
    except ValueError as error:
        raise UnknownPeriodError(f"{text!r} is no period: {error}; write {FORMS}") from error
    start, end = period_of(day, kind, fiscal_year_start_month)
    if start != day:
        raise UnknownPeriodError(f"{text!r} is no period of the fiscal calendar; write {FORMS}")
    return kind, start, end


def _first_day(match: re.Match[str], first_month: int) -> tuple[PeriodKind, date]:
    year = int(match["year"])
    if match["month"]:
        return PeriodKind.MONTH, date(year, int(match["month"]), 1)
    if match["week"]:
        return PeriodKind.WEEK, date.fromisocalendar(year, int(match["week"]), 1)
    if match["quarter"]:
        return PeriodKind.QUARTER, _quarter(year, int(match["quarter"]), first_month if match["fiscal"] else 1)
    if not match["fiscal"] and first_month != 1:
        raise ValueError("years here begin with the fiscal year")
    return PeriodKind.FISCAL_YEAR, date(year, first_month, 1)


def _quarter(year: int, quarter: int, first_month: int) -> date:
    months = first_month - 1 + 3 * (quarter - 1)
    return date(year + months // 12, months % 12 + 1, 1)


def last_day(end: date) -> date:
    """Give the last day of a half-open period."""
    return end - timedelta(days=1)
