"""Which days belong to which period? The half-open periods of the calendar, as steps of a statement."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, case, func, literal, or_, select, union_all

from definitions_contract.periods import months_before
from definitions_contract.schema import PeriodKind
from models.tables import calendar

PERIOD_STARTS: dict[PeriodKind, ColumnElement[Any]] = {
    PeriodKind.WEEK: calendar.c.week_start,
    PeriodKind.MONTH: calendar.c.month_start,
    PeriodKind.QUARTER: calendar.c.quarter_start,
    PeriodKind.FISCAL_YEAR: calendar.c.fiscal_year_start,
}
WEEKS_SHOWN = 26  # half a year of weeks says what a week says; older ones are in the snapshots
MONTHS_SHOWN = 13  # this month and the same month a year ago
QUARTER_MONTHS_SHOWN = 24  # seven whole quarters on any day: what a gate by the quarter may ask for


def days_of_periods() -> CTE:
    """One row per kind of period and day: the period's start, its business days up to that day, and in all."""
    days = union_all(
        *(
            select(
                literal(kind.value).label("period_kind"),
                start.label("period_start"),
                calendar.c.day,
                calendar.c.business_day,
            )
            for kind, start in PERIOD_STARTS.items()
        )
    ).cte("days")
    period = [days.c.period_kind, days.c.period_start]
    return select(
        *period,
        days.c.day,
        func.sum(days.c.business_day).over(partition_by=period, order_by=days.c.day).label("gone"),
        func.sum(days.c.business_day).over(partition_by=period).label("total"),
    ).cte("days_of_periods")


def shown_periods(days: CTE, *, as_of: date) -> CTE:
    """One row per period that is shown at as_of: its end, the period before it, and how much of it is gone."""
    reached = case((days.c.day <= as_of, days.c.gone))
    starts = (
        select(
            days.c.period_kind,
            days.c.period_start,
            func.coalesce(func.max(reached), 0).label("gone"),
            func.max(days.c.total).label("total"),
        )
        .group_by(days.c.period_kind, days.c.period_start)
        .having(func.min(days.c.day) == days.c.period_start)  # a period that the calendar has only the end of is none
        .cte("period_starts")
    )
    kind, start = starts.c.period_kind, starts.c.period_start
    periods = select(
        *starts.c,
        func.lead(start).over(partition_by=kind, order_by=start).label("period_end"),
        func.lag(start).over(partition_by=kind, order_by=start).label("previous_start"),
    ).cte("periods")
    is_shown = or_(
        *(
            and_(periods.c.period_kind == kind.value, periods.c.period_start >= first)
            for kind, first in _first_shown(as_of).items()
        )
    )
    return select(periods).where(periods.c.period_start <= as_of, is_shown).cte("shown_periods")


def counted_days(days: CTE, shown: CTE) -> CTE:
    """One row per shown period and day that counts in it, or (`is_previous`) in the period that it is compared with.

    The period before counts up to the same share of its business days, so that like is compared with like.
    """
    same_period = and_(days.c.period_kind == shown.c.period_kind, days.c.period_start == shown.c.period_start)
    previous = and_(days.c.period_kind == shown.c.period_kind, days.c.period_start == shown.c.previous_start)
    period = (shown.c.period_kind, shown.c.period_start)
    return union_all(
        select(*period, days.c.day, literal(0).label("is_previous")).join_from(shown, days, same_period),
        select(*period, days.c.day, literal(1).label("is_previous"))
        .join_from(shown, days, previous)
        .where(days.c.gone * shown.c.total <= shown.c.gone * days.c.total),
    ).cte("counted_days")


def _first_shown(as_of: date) -> dict[PeriodKind, date]:
    return {
        PeriodKind.WEEK: as_of - timedelta(weeks=WEEKS_SHOWN),
        PeriodKind.MONTH: months_before(as_of, MONTHS_SHOWN),
        PeriodKind.QUARTER: months_before(as_of, QUARTER_MONTHS_SHOWN),
        PeriodKind.FISCAL_YEAR: date.min,
    }
