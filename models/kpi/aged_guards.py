"""How does a guard compare at equal ages? The sums of this period and the one before, each as it stood equally long after its start.

A meeting may be won months after it was held: the younger period always looks worse. So the cases of the period before count as won
only when they were by the day that is as far from its start as today is from this period's.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Double,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from definitions_contract.schema import Kpi, Measure, ScopeKind
from models.duckdb import days_between
from models.kpi.events import Counting, counting, event_of
from models.kpi.kpi_records import with_teams

WON: Mapping[str, str] = {"meetings": "deal_status", "deals": "status"}
# (event, day that it counts on) -> days from then to the win
DAYS_TO_WIN: Mapping[tuple[str, str], str] = {
    ("meetings", "held_date"): "days_to_won",
    ("deals", "created_date"): "cycle_days",
}
SCOPES: Mapping[ScopeKind, str] = {
    ScopeKind.DEPARTMENT: "department",
    ScopeKind.TEAM: "team",
    ScopeKind.REP: "rep_id",
}


def can_be_aged(kpi: Kpi) -> bool:
    """Tell whether a KPI is a share of cases that are won later, all counted on a day from which the win is dated."""
    if kpi.numerator is None or kpi.denominator is None:
        return False
    same_cases = (kpi.numerator.event, kpi.numerator.date) == (kpi.denominator.event, kpi.denominator.date)
    return same_cases and _asks_for_wins(kpi.numerator) and not _asks_for_wins(kpi.denominator)


def aged_numbers(kpis: tuple[Kpi, ...], counted: CTE, shown: CTE, *, as_of: date) -> CTE:
    """One row per KPI, period and scope: both periods' sums at the same age. `counted` and `shown` as kpi_periods has them."""
    cases = union_all(*(side for kpi in kpis for side in _sides(kpi, as_of=as_of))).cte("aged_cases")
    day = cases.c.counted_date
    shift = days_between(shown.c.previous_start, shown.c.period_start)
    in_time = or_(cases.c.days_to_win.is_(None), cases.c.days_to_win + shift <= days_between(day, cast(as_of, Date)))
    is_current = counted.c.is_previous == 0
    sums = {
        f"{prefix}{side}": func.sum(case((and_(is_then, cases.c.side == side, *also), cases.c.amount)))
        for prefix, is_then, also in (("", is_current, ()), ("previous_", ~is_current, (in_time,)))
        for side in ("numerator", "denominator")
    }
    versions = {
        name: func.concat_ws(",", *(edge(case((is_then, cases.c.definition_version))) for edge in (func.min, func.max)))
        for name, is_then in (("definition_versions", is_current), ("previous_versions", ~is_current))
    }
    same_period = and_(shown.c.period_kind == counted.c.period_kind, shown.c.period_start == counted.c.period_start)
    by_scope = []
    for kind, column in SCOPES.items():
        keys = [cases.c.kpi_id, counted.c.period_kind, counted.c.period_start, cases.c[column]]
        by_scope.append(
            select(
                *keys[:3],
                literal(kind.value).label("scope_kind"),
                cases.c[column].label("scope_id"),
                *(func.coalesce(cast(total, Double), 0).label(name) for name, total in sums.items()),
                *(cast(version, Text).label(name) for name, version in versions.items()),
            )
            .join_from(counted, cases, counted.c.day == day)
            .join(shown, same_period)
            .group_by(*keys)
        )
    return union_all(*by_scope).cte("aged_numbers")


def _asks_for_wins(measure: Measure) -> bool:
    return measure.where.get(WON.get(measure.event, "")) == "won" and (measure.event, measure.date) in DAYS_TO_WIN


def _sides(kpi: Kpi, *, as_of: date) -> list[Select[Any]]:
    """Give the cases of both sides of a KPI, day by day; those of the numerator with the days that the win took."""
    found = []
    for name, measure in (("numerator", kpi.numerator), ("denominator", kpi.denominator)):
        assert measure is not None  # noqa: S101 - can_be_aged has seen both
        one = counting(kpi, measure, event_of(measure), as_of=as_of)
        days = _days_to_win(one, measure) if name == "numerator" else null()
        rows = with_teams(
            one, literal(kpi.id).label("kpi_id"), literal(name).label("side"), cast(days, Double).label("days_to_win")
        )
        found.append(rows.where(one.is_counted))
    return found


def _days_to_win(one: Counting, measure: Measure) -> ColumnElement[Any]:
    return one.event.c[DAYS_TO_WIN[measure.event, measure.date]]
