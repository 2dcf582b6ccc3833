"""How much of a period's work falls on each day? One row per KPI with targets and calendar day.

Reaches from thirteen months back to a month after the current fiscal year, in which the week of its last day ends.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Double, cast, func, select

from definitions_contract.periods import period_of
from definitions_contract.schema import PeriodKind
from models.context import BuildContext, Model
from models.kpi.daily_history import kpis_by_id, read_calendar, rhythm_source
from models.statistics.dispersion import estimate_dispersion
from models.statistics.pace import BUSINESS_DAYS_PER_WEEK, CalendarDay, day_weights
from models.tables import calendar, kpi_daily, pace_weights, targets

MONTHS_BACK = 13  # a year behind the current month, so that past periods and the rhythm have weights, too
RHYTHM_DAYS = 365  # the rhythm of the last year: every month once


def build_pace_weights(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Weigh the days of each KPI that has a target by the rhythm of all who count for it."""
    start, end = _first_day(context.as_of), _end_day(context)
    days = [row for row in read_calendar(connection) if start <= row.day < end]
    kpis = kpis_by_id(context.agreement)
    wanted = connection.execute(select(targets.c.kpi_id).distinct().order_by(targets.c.kpi_id)).scalars()
    for kpi_id in wanted:
        if kpi_id not in kpis:  # a target without a KPI is the agreement check's business
            continue
        source, side = rhythm_source(kpis[kpi_id], context.agreement.kpis.kpis)
        history = _history(connection, source, side, context.as_of)
        dispersion = _dispersion(days, history, context.as_of)
        weights = day_weights(days, history, history_end=context.as_of, dispersion=dispersion)
        for day, weight in weights.items():
            yield {"kpi_id": kpi_id, "day": day, "weight": weight, "as_of": context.as_of}


def _first_day(as_of: date) -> date:
    months = as_of.year * 12 + as_of.month - 1 - MONTHS_BACK
    return date(months // 12, months % 12 + 1, 1)


def _end_day(context: BuildContext) -> date:
    """Give the day after the month that follows the current fiscal year: the year's last week may end there."""
    first_month = context.agreement.team.fiscal_year_start_month
    next_year = period_of(context.as_of, PeriodKind.FISCAL_YEAR, first_month)[1]
    return period_of(next_year, PeriodKind.MONTH, first_month)[1]


def _history(connection: Connection, kpi_id: str, side: str, as_of: date) -> dict[date, float]:
    total = cast(func.sum(kpi_daily.c[side]), Double).label("total")
    rows = connection.execute(
        select(kpi_daily.c.counted_date, total)
        .where(kpi_daily.c.kpi_id == kpi_id, kpi_daily.c.counted_date > as_of - timedelta(days=RHYTHM_DAYS))
        .where(kpi_daily.c.counted_date <= as_of)
        .group_by(kpi_daily.c.counted_date)
    )
    return {row.counted_date: row.total or 0.0 for row in rows}


def _dispersion(days: list[CalendarDay], history: Mapping[date, float], as_of: date) -> float:
    first = min((day for day, count in history.items() if count), default=as_of)
    business_days = [row.day for row in days if row.is_business_day and first <= row.day <= as_of]
    blocks = [
        business_days[index : index + BUSINESS_DAYS_PER_WEEK]
        for index in range(0, len(business_days), BUSINESS_DAYS_PER_WEEK)
    ]
    counts = [sum(history.get(day, 0.0) for day in block) for block in blocks]
    return estimate_dispersion(counts, [float(len(block)) for block in blocks]).value


MODEL = Model(
    table=pace_weights,
    reads=(kpi_daily, calendar, targets),
    rows=build_pace_weights,
    group="kpi",
)
