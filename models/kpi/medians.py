"""What is the usual case beside the mean? The median of the records behind each mean, per period and scope.

A median of days is no median of a month: it is taken from the records themselves, never from sums or from other medians. A mean over
other records than it adds up (money per call) has none: the middle deal is no middle of that.
"""

from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, and_, cast, false, func, literal, null, select, union_all

from definitions_contract.schema import Agreement, Kpi
from models.expressions import or_unknown
from models.kpi.events import counting, event_of, known_by, summed_column
from models.kpi.periods import PERIOD_STARTS
from models.kpi.teams import is_team_on
from models.tables import calendar, kpi_periods, rep_teams

KEYS = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")


def medians(agreement: Agreement, shown: CTE, *, as_of: date) -> CTE:
    """One row per mean of the agreement, shown period and scope: the median of what its numerator adds up."""
    means = [kpi for kpi in agreement.kpis.kpis if kpi.kind == "mean" and _is_of_its_records(kpi)]
    if not means:
        nothing = [cast(null(), kpi_periods.c[name].type).label(name) for name in (*KEYS, "median")]
        return select(*nothing).where(false()).cte("medians")
    values = union_all(*(_values(kpi, as_of=as_of) for kpi in means)).cte("averaged_values")
    return union_all(
        *(
            _by_period(values, shown, period_kind=period.value, start=start, scope_kind=scope, scope=values.c[column])
            for period, start in PERIOD_STARTS.items()
            for scope, column in (("department", "department"), ("team", "team"), ("rep", "rep_id"))
        )
    ).cte("medians")


def _is_of_its_records(kpi: Kpi) -> bool:
    """Tell whether the records that are added up are those that are counted; that each has a value may be asked of either."""
    assert kpi.numerator is not None  # noqa: S101 - the loader refuses a mean without numerator
    added, counted = (
        None if one is None else (one.event, one.date, one.credit, {**one.where, kpi.numerator.sum or "": None})
        for one in (kpi.numerator, kpi.denominator)
    )
    return added == counted


def _values(kpi: Kpi, *, as_of: date) -> Select[Any]:
    """Give the records of a mean; one without a value has none to be in the middle."""
    measure = kpi.numerator
    assert measure is not None  # noqa: S101 - the loader refuses a mean without numerator
    one = counting(kpi, measure, event_of(measure), as_of=as_of)
    value = (
        one.amount if measure.sum is None else summed_column(one.event, measure, known_by(as_of, one.event, measure))
    )
    return (
        select(
            literal(kpi.id).label("kpi_id"),
            one.day.label("day"),
            one.rep_id.label("rep_id"),
            or_unknown(rep_teams.c.team).label("team"),
            or_unknown(rep_teams.c.department).label("department"),
            cast(value, Double).label("value"),
        )
        .join_from(one.event, rep_teams, is_team_on(one.rep_id, one.day), isouter=True)
        .where(one.is_counted, value.is_not(None))
    )


def _by_period(
    values: CTE, shown: CTE, *, period_kind: str, start: ColumnElement[Any], scope_kind: str, scope: ColumnElement[Any]
) -> Select[Any]:
    keys = [values.c.kpi_id, shown.c.period_kind, shown.c.period_start, scope.label("scope_id")]
    is_shown = and_(shown.c.period_kind == period_kind, shown.c.period_start == start)
    return (
        select(
            values.c.kpi_id,
            shown.c.period_kind,
            shown.c.period_start,
            literal(scope_kind).label("scope_kind"),
            scope.label("scope_id"),
            func.median(values.c.value).label("median"),
        )
        .join_from(values, calendar, calendar.c.day == values.c.day)
        .join(shown, is_shown)
        .group_by(*keys)
    )
