"""Which goal is planned for, whose, and in which months? The agreed one, or the amount and period that somebody asks about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from definitions_contract.periods import BusinessCalendar, calendar_of, period_of, periods_between
from definitions_contract.schema import Agreement, PeriodKind, Target
from models.errors import PlanRequestError
from models.kpi.daily_history import ScopeKey
from models.statistics.chain import Months
from models.statistics.seasonality import Season

GOAL_KPI = "won_amount"  # the chain starts from money
MOST_MONTHS = 24  # beyond two years no calendar of holidays and no team is known
PERIOD_TEXT = re.compile(r"^(?P<fiscal>FY)?(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?$")
PERIOD_FORMS = "2027-03 (a month), 2027Q1 (January to March), FY2027 (a fiscal year) or FY2027Q1 (its first quarter)"


@dataclass(frozen=True, slots=True)
class Goal:
    """An amount to be won in [start, end) by a scope."""

    amount: float
    start: date
    end: date
    scope: ScopeKey

    @property
    def goal_id(self) -> str:
        """Name it in a table."""
        return f"{GOAL_KPI}:{self.scope[0]}:{self.scope[1]}:{self.start}"


@dataclass(frozen=True, slots=True)
class PlanMonth:
    """A month of the plan; `days_left` are its business days after as_of."""

    start: date
    end: date
    business_days: int
    days_left: int


def agreed_goal(agreement: Agreement, as_of: date) -> Goal | None:
    """Give the goal that was agreed for the period of as_of; None without one in money."""
    for row in agreement.targets.targets:
        start, end = period_of(as_of, row.every, agreement.team.fiscal_year_start_month)
        if row.is_goal and row.kpi == GOAL_KPI and _holds(row, start):
            return Goal(float(row.value), start, end, (row.scope_kind.value, row.scope_id))
    return None


def asked_goal(
    agreement: Agreement, as_of: date, *, amount: float | None, period: str | None, scope: ScopeKey | None
) -> Goal:
    """Give the goal that is asked about; what is not said comes from the agreement. PlanRequestError when it cannot be."""
    agreed = agreed_goal(agreement, as_of)
    whose = scope or (agreed.scope if agreed else ("department", agreement.phases.department))
    if period is not None:
        start, end = read_period(period, agreement.team.fiscal_year_start_month)
    elif agreed is not None:
        start, end = agreed.start, agreed.end
    else:
        raise PlanRequestError(
            f"no agreed goal covers {as_of}", "give --goal and --period, or agree on one in targets.yaml"
        )
    _check_period(start, end, as_of)
    value = amount if amount is not None else _agreed_amount(agreement, start, end, whose)
    if value is None:
        raise PlanRequestError(
            f"no target for {GOAL_KPI} of {whose[1]} from {start} to {end} was agreed", "give the amount with --goal"
        )
    if not value > 0 or value == float("inf"):
        raise PlanRequestError(f"a goal of {value:,.0f} needs no plan", "give an amount above zero")
    return Goal(value, start, end, whose)


def read_period(text: str, fiscal_year_start_month: int) -> tuple[date, date]:
    """Read a period; quarters and months without FY are those of the calendar.

    >>> read_period("FY2027Q1", 4)
    (datetime.date(2027, 4, 1), datetime.date(2027, 7, 1))
    """
    match = PERIOD_TEXT.match(text.strip().upper())
    if match is None or (match["fiscal"] and match["month"]):
        raise PlanRequestError(f"{text!r} is no period", f"write {PERIOD_FORMS}")
    year, quarter = int(match["year"]), match["quarter"]
    first = fiscal_year_start_month if match["fiscal"] else 1
    if match["month"]:
        return _span(year, int(match["month"]), 1)
    return _span(year, first + 3 * (int(quarter) - 1), 3) if quarter else _span(year, first, 12)


def months_of(goal: Goal, agreement: Agreement, as_of: date) -> list[PlanMonth]:
    """Give the months from the first with a day left to the goal's end."""
    days, first = calendar_of(agreement.team), agreement.team.fiscal_year_start_month
    start = period_of(as_of + timedelta(days=1), PeriodKind.MONTH, first)[0]
    return [
        PlanMonth(
            begin, end, days.business_days(begin, end), days.business_days(max(begin, as_of + timedelta(days=1)), end)
        )
        for begin, end in periods_between(start, goal.end, PeriodKind.MONTH, first)
    ]


def past_months(agreement: Agreement, first: date, count: int) -> list[PlanMonth]:
    """Give so many whole months before a month's first day, oldest first."""
    days, months = calendar_of(agreement.team), []
    for _ in range(count):
        start, end = period_of(first - timedelta(days=1), PeriodKind.MONTH, 1)
        months.append(PlanMonth(start, end, days.business_days(start, end), 0))
        first = start
    return months[::-1]


def spread_of(goal: Goal, months: Sequence[PlanMonth], season: Season, calendar: BusinessCalendar) -> Months | None:
    """Spread the goal over its months by business days left and season; None when no business day is left."""
    weights = np.array(
        [
            month.days_left * season.factors[quarter_position(month.start, calendar)]
            if month.start >= goal.start
            else 0.0
            for month in months
        ]
    )
    if weights.sum() <= 0:
        return None
    left = [month.days_left / month.business_days if month.business_days else 0.0 for month in months]
    return Months(share_left=np.array(left), goal_shares=weights / weights.sum())


def quarter_position(month: date, calendar: BusinessCalendar) -> int:
    """Give 0, 1 or 2: first, second or last month of its fiscal quarter."""
    start, _ = calendar.period_of(month, PeriodKind.QUARTER)
    return (month.year * 12 + month.month) - (start.year * 12 + start.month)


def _agreed_amount(agreement: Agreement, start: date, end: date, scope: ScopeKey) -> float | None:
    """Find the agreed target of exactly that period, or add up those of its months."""
    first = agreement.team.fiscal_year_start_month
    whose = [
        row for row in agreement.targets.targets if (row.kpi, row.scope_kind.value, row.scope_id) == (GOAL_KPI, *scope)
    ]
    for row in whose:
        if period_of(start, row.every, first) == (start, end) and _holds(row, start):
            return float(row.value)
    monthly = [row for row in whose if row.every is PeriodKind.MONTH]
    values = [
        next((float(row.value) for row in monthly if _holds(row, begin)), None)
        for begin, _ in periods_between(start, end, PeriodKind.MONTH, first)
    ]
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def _holds(row: Target, start: date) -> bool:
    return row.since <= start and (row.until is None or start < row.until)


def _check_period(start: date, end: date, as_of: date) -> None:
    if end <= as_of + timedelta(days=1):
        raise PlanRequestError(f"the period from {start} to {end} is over on {as_of}", "ask about one that is not over")
    if (end - as_of).days > MOST_MONTHS * 31:
        raise PlanRequestError(
            f"the period to {end} is more than {MOST_MONTHS} months away", "ask about one that ends before"
        )


def _span(year: int, month: int, length: int) -> tuple[date, date]:
    number = year * 12 + month - 1
    after = number + length
    try:
        return date(number // 12, number % 12 + 1, 1), date(after // 12, after % 12 + 1, 1)
    except ValueError as error:
        raise PlanRequestError(f"{year} is no year of the calendar", f"write {PERIOD_FORMS}") from error
