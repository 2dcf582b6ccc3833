"""Did a number rise at the cost of its guard? The note beside a KPI whose guard got worse while it rose.

Both are compared with the same share of the period before. A guard that is a rate must have got worse by more than its noise. A guard
whose cases are decided later than they count (meetings that may still be won) is compared at equal ages (models/kpi/aged_guards.py): the
younger period would always look worse.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, case, func, select, union_all

from definitions_contract.schema import Kpi, Measure
from models.kpi.aged_guards import can_be_aged

NOTE = "guard_fell"
NOISE = 1.645  # standard errors: one case in twenty by chance alone
LEAST_CASES = 20  # below, a rate of a period is an anecdote
SETTLED_LATER: Mapping[str, frozenset[str]] = {  # columns that go on changing after a record's day
    "meetings": frozenset({"deal_status", "deal_close_date", "days_to_won", "deal_id", "has_deal"}),
    "deals": frozenset({"status"}),
}
KEYS = ("period_kind", "period_start", "scope_kind", "scope_id")
SIDES = ("numerator", "denominator", "previous_numerator", "previous_denominator")
VERSIONS = ("definition_versions", "previous_versions")


def guard_notes(numbers: CTE, kpis: tuple[Kpi, ...], aged: CTE | None) -> CTE:
    """One row per KPI, period and scope whose number rose while its guard got worse.

    `numbers` has sums of both periods, `aged` those of the guards that `aged_guards` gives, at equal ages.
    """
    by_id = {kpi.id: kpi for kpi in kpis}
    settled = [kpi.id for kpi in kpis if can_be_compared(kpi)]
    known = {*settled, *(kpi.id for kpi in aged_guards(kpis))}
    guarded = [kpi for kpi in kpis if kpi.guard in by_id and kpi.guard in known]
    main, guard = numbers.alias("main"), _guards(numbers, settled, aged).alias("guard")
    same = and_(*(main.c[name] == guard.c[name] for name in KEYS))
    pair = case({kpi.id: kpi.guard for kpi in guarded}, value=main.c.kpi_id) if guarded else None
    if pair is None:
        return (
            select(*(numbers.c[name] for name in ("kpi_id", *KEYS)))
            .where(numbers.c.kpi_id.is_(None))
            .cte("guard_notes")
        )
    lower = [kpi.id for kpi in kpis if kpi.better == "lower"]
    return (
        select(main.c.kpi_id, *(main.c[name] for name in KEYS))
        .join_from(main, guard, and_(same, guard.c.kpi_id == pair))
        .where(_change(main, lower) > 0, _change(guard, lower) < 0, _is_beyond_noise(guard))
        .where(guard.c.definition_versions.is_not_distinct_from(guard.c.previous_versions))
        .cte("guard_notes")
    )


def aged_guards(kpis: tuple[Kpi, ...]) -> tuple[Kpi, ...]:
    """Give the guards that can be compared at equal ages only."""
    guards = {kpi.guard for kpi in kpis}
    return tuple(kpi for kpi in kpis if kpi.id in guards and not can_be_compared(kpi) and can_be_aged(kpi))


def _guards(numbers: CTE, settled: list[str], aged: CTE | None) -> CTE:
    columns = ("kpi_id", *KEYS, *SIDES, *VERSIONS)
    decided = select(*(numbers.c[name] for name in columns)).where(numbers.c.kpi_id.in_(settled))
    if aged is None:
        return decided.cte("guards")
    return union_all(decided, select(*(aged.c[name] for name in columns))).cte("guards")


def can_be_compared(kpi: Kpi) -> bool:
    """Tell whether a period's cases are decided when it ends: only then is it like the period before."""
    return all(
        not (set(measure.where) & SETTLED_LATER.get(measure.event, frozenset()) and _is_dated_earlier(measure))
        for measure in (kpi.numerator, kpi.denominator)
        if measure is not None
    )


def _is_dated_earlier(measure: Measure) -> bool:
    return measure.date != "close_date"  # on its close day a deal is decided


def _change(side: Any, lower: list[str]) -> ColumnElement[Any]:
    """Give the change for the better as a positive number; NULL where one of the two periods has no number."""
    now = _value(side, "")
    before = _value(side, "previous_")
    return case((side.c.kpi_id.in_(lower), before - now), else_=now - before)


def _value(side: Any, prefix: str) -> ColumnElement[Any]:
    numerator, denominator = side.c[f"{prefix}numerator"], side.c[f"{prefix}denominator"]
    return case((denominator.is_(None), numerator), else_=numerator / func.nullif(denominator, 0))


def _is_beyond_noise(guard: Any) -> ColumnElement[bool]:
    """Two proportions with a common standard error; a guard that is no rate has none that its sums tell."""
    now, before = guard.c.denominator, guard.c.previous_denominator
    together = (guard.c.numerator + guard.c.previous_numerator) / func.nullif(now + before, 0)
    variance = together * (1 - together) * (1 / func.nullif(now, 0) + 1 / func.nullif(before, 0))
    difference = guard.c.numerator / func.nullif(now, 0) - guard.c.previous_numerator / func.nullif(before, 0)
    is_rate = and_(together >= 0, together <= 1)
    enough = and_(now >= LEAST_CASES, before >= LEAST_CASES)
    return case((is_rate, and_(enough, difference * difference > NOISE * NOISE * variance)), else_=True)
