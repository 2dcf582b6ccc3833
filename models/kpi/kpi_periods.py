"""Where does each number stand? One row per KPI, period and scope: the number beside its target.

Numerators and denominators are added up first and divided once; a ratio is never averaged. A number that has no denominator
stays NULL. Facts after as_of are not in kpi_daily, so an open period holds what was counted so far.
"""

import operator
from collections.abc import Mapping
from datetime import date, timedelta
from functools import reduce
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Double,
    FromClause,
    Numeric,
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

from definitions_contract.schema import Agreement, Kpi, ScopeKind
from models.context import BuildContext, Model
from models.expressions import ratio
from models.kpi.aged_guards import aged_numbers
from models.kpi.guards import NOTE, SIDES, VERSIONS, aged_guards, guard_notes
from models.kpi.medians import medians
from models.kpi.periods import counted_days, days_of_periods, shown_periods
from models.tables import (
    calendar,
    calls,
    deal_owner_changes,
    deals,
    divergence,
    emails,
    kpi_daily,
    kpi_periods,
    meeting_verdicts,
    meetings,
    pace_weights,
    rep_teams,
    targets,
)

AHEAD = 1.1  # a tenth above what was due is more than keeping up
DIVIDED = ("rate", "mean", "product")
SCOPES: Mapping[ScopeKind, str] = {
    ScopeKind.DEPARTMENT: "department",
    ScopeKind.TEAM: "team",
    ScopeKind.REP: "rep_id",
}
# a sum of doubles depends on the order of the rows in its last digits: a second night would differ
EXACT = Numeric(20, 15)
KEYS = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")


def build_kpi_periods(context: BuildContext, daily: FromClause = kpi_daily) -> Select[Any]:
    """Add the facts up over every period and scope that has any, or a target, and set them beside target and pace.

    `daily` has the facts: kpi_daily, or those of a past day.
    """
    agreement = context.agreement
    days = days_of_periods()
    shown = shown_periods(days, as_of=context.as_of)
    counted = counted_days(days, shown)
    facts = _period_facts(counted, _daily_by_scope(daily, context.as_of), _versions(agreement))
    additive = select(facts).where(facts.c.current_count > 0)
    kpis = agreement.kpis.kpis
    kinds = {kpi.id: kpi.kind for kpi in kpis}
    products = [_product_facts(facts, kpi, kinds) for kpi in kpis if kpi.kind == "product"]
    with_facts = union_all(additive, *products).cte("with_facts")
    numbers = _beside_targets(with_facts, _targets_of(shown, tuple(kinds)))
    late = aged_guards(kpis)
    aged = aged_numbers(late, counted, shown, as_of=context.as_of) if late else None
    return _judged(numbers, shown, _due(days, shown, context.as_of), context, notes=guard_notes(numbers, kpis, aged))


def _versions(agreement: Agreement) -> tuple[int, ...]:
    return tuple(sorted({definition.version for definition in agreement.definitions}))


def _period_facts(counted: CTE, daily: CTE, versions: tuple[int, ...]) -> CTE:
    """Add up per KPI, period and scope, this period and the one before side by side."""
    is_current = counted.c.is_previous == 0
    keys = [daily.c.kpi_id, counted.c.period_kind, counted.c.period_start, daily.c.scope_kind, daily.c.scope_id]
    sides = {
        "numerator": case((is_current, daily.c.numerator)),
        "denominator": case((is_current, daily.c.denominator)),
        "previous_numerator": case((~is_current, daily.c.numerator)),
        "previous_denominator": case((~is_current, daily.c.denominator)),
    }
    seen = {
        name: [
            func.max(case((and_(is_then, daily.c.definition_version == version), str(version)))) for version in versions
        ]
        for name, is_then in zip(VERSIONS, (is_current, ~is_current), strict=True)
    }
    return (
        select(
            *keys,
            *(cast(func.sum(side), Double).label(name) for name, side in sides.items()),
            *(
                func.nullif(func.concat_ws(",", cast(null(), Text), *parts), "").label(name)
                for name, parts in seen.items()
            ),
            func.sum(case((is_current, 1), else_=0)).label("current_count"),
        )
        .join_from(counted, daily, counted.c.day == daily.c.counted_date)
        .group_by(*keys)
        .cte("period_facts")
    )


def _daily_by_scope(daily: FromClause, as_of: date) -> CTE:
    """Fold the segments away before the days are joined: one row per KPI, day, scope and version.

    Tonight's facts end at as_of; for a past night the later ones do not count.
    """
    by_scope = []
    for kind, scope in SCOPES.items():
        keys = [daily.c.kpi_id, daily.c.counted_date, daily.c[scope].label("scope_id"), daily.c.definition_version]
        sums = [func.sum(daily.c[name]).label(name) for name in ("numerator", "denominator")]
        facts = select(literal(kind.value).label("scope_kind"), *keys, *sums)
        by_scope.append(facts.where(daily.c.counted_date <= as_of).group_by(*keys))
    return union_all(*by_scope).cte("daily_by_scope")


def _product_facts(facts: CTE, kpi: Kpi, kinds: Mapping[str, str]) -> Select[Any]:
    """Multiply the values of other KPIs of the same period and scope; NULL when one of them has none."""
    keys = [facts.c[name] for name in KEYS[1:]]
    divisors = (kpi.divide_by,) if kpi.divide_by else ()
    sides = [
        _product([_value(facts, factor, kinds[factor], prefix) for factor in factors]).label(f"{prefix}{name}")
        for prefix in ("", "previous_")
        for name, factors in (("numerator", kpi.multiply), ("denominator", divisors))
    ]
    return (
        select(
            literal(kpi.id).label("kpi_id"),
            *keys,
            *sides,
            *(func.max(facts.c[name]).label(name) for name in VERSIONS),
            func.sum(facts.c.current_count).label("current_count"),
        )
        .where(facts.c.kpi_id.in_((*kpi.multiply, *divisors)))
        .group_by(*keys)
        .having(func.sum(facts.c.current_count) > 0)
    )


def _product(values: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    return reduce(operator.mul, values, cast(1, Double))


def _value(facts: CTE, kpi_id: str, kind: str, prefix: str) -> ColumnElement[Any]:
    """Aggregate: the value of one KPI among the facts of a period and scope."""
    numerator, denominator = (
        func.max(case((facts.c.kpi_id == kpi_id, facts.c[f"{prefix}{side}"]))) for side in ("numerator", "denominator")
    )
    return ratio(numerator, denominator) if kind in DIVIDED else func.coalesce(numerator, 0)


def _targets_of(shown: CTE, kpi_ids: tuple[str, ...]) -> Select[Any]:
    """Give the agreed targets of the shown periods in the shape of facts, so that a scope without activity has its row, too."""
    is_shown = and_(targets.c.period_kind == shown.c.period_kind, targets.c.period_start == shown.c.period_start)
    return (
        select(
            *(targets.c[name] for name in KEYS),
            *(cast(null(), Double).label(side) for side in SIDES),
            *(cast(null(), Text).label(name) for name in VERSIONS),
            targets.c.value.label("target"),
        )
        .join_from(targets, shown, is_shown)
        .where(targets.c.kpi_id.in_(kpi_ids))
    )


def _beside_targets(facts: CTE, agreed: Select[Any]) -> CTE:
    """Lay facts and targets over each other: one row per KPI, period and scope that has either."""
    columns = [facts.c[name] for name in (*KEYS, *SIDES, *VERSIONS)]
    both = union_all(select(*columns, cast(null(), Double).label("target")), agreed).cte("facts_and_targets")
    keys = [both.c[name] for name in KEYS]
    rest = [func.max(both.c[name]).label(name) for name in (*SIDES, *VERSIONS, "target")]
    return select(*keys, *rest).group_by(*keys).cte("beside_targets")


def _due(days: CTE, shown: CTE, as_of: date) -> CTE:
    """One row per KPI and shown period: the share of its work that is due by as_of."""
    keys = [pace_weights.c.kpi_id, shown.c.period_kind, shown.c.period_start]
    same_period = and_(days.c.period_kind == shown.c.period_kind, days.c.period_start == shown.c.period_start)
    weight = cast(pace_weights.c.weight, EXACT)
    gone = func.sum(case((days.c.day <= as_of, weight), else_=0))
    return (
        select(*keys, ratio(gone, func.sum(weight)).label("share"))
        .join_from(shown, days, same_period)
        .join(pace_weights, pace_weights.c.day == days.c.day)
        .group_by(*keys)
        .cte("due")
    )


def _judged(numbers: CTE, shown: CTE, due: CTE, context: BuildContext, *, notes: CTE) -> Select[Any]:
    """Divide, compare with the target and with tonight's evaluation."""
    kpis = context.agreement.kpis.kpis
    is_closed = shown.c.period_end <= context.as_of + timedelta(days=1)
    is_divided = numbers.c.kpi_id.in_([kpi.id for kpi in kpis if kpi.kind in DIVIDED])
    actual = case(
        (is_divided, ratio(numbers.c.numerator, numbers.c.denominator)), else_=func.coalesce(numbers.c.numerator, 0)
    )
    previous = case(
        (is_divided, ratio(numbers.c.previous_numerator, numbers.c.previous_denominator)),
        (shown.c.previous_start.is_not(None), func.coalesce(numbers.c.previous_numerator, 0)),
    )
    expected = case((or_(is_closed, is_divided), numbers.c.target), else_=numbers.c.target * due.c.share)
    status = _status(numbers, actual=actual, expected=expected, is_closed=is_closed, kpis=kpis)
    same_period = and_(numbers.c.period_kind == shown.c.period_kind, numbers.c.period_start == shown.c.period_start)
    same_due = and_(*(numbers.c[name] == due.c[name] for name in KEYS[:3]))
    tonight = and_(
        divergence.c.evaluated_date == context.as_of, *(numbers.c[name] == divergence.c[name] for name in KEYS)
    )
    middle = medians(context.agreement, shown, as_of=context.as_of)
    return (
        select(
            *(numbers.c[name] for name in KEYS[:3]),
            shown.c.period_end,
            *(numbers.c[name] for name in KEYS[3:]),
            _fact_of(numbers, {kpi.id: kpi.phase for kpi in kpis}).label("phase"),
            _fact_of(numbers, {kpi.id: kpi.guard for kpi in kpis if kpi.guard}).label("guard_kpi_id"),
            numbers.c.numerator,
            numbers.c.denominator,
            actual.label("actual"),
            numbers.c.target,
            ratio(actual, numbers.c.target).label("attainment"),
            expected.label("expected_to_date"),
            status.label("status"),
            previous.label("previous"),
            middle.c.median,
            case((notes.c.kpi_id.is_not(None), NOTE)).label("guard_note"),
            numbers.c.definition_versions,
            cast(context.as_of, Date).label("as_of"),
        )
        .join_from(numbers, shown, same_period)
        .join(due, same_due, isouter=True)
        .join(divergence, tonight, isouter=True)
        .join(notes, and_(*(numbers.c[name] == notes.c[name] for name in KEYS)), isouter=True)
        .join(middle, and_(*(numbers.c[name] == middle.c[name] for name in KEYS)), isouter=True)
    )


def _status(
    numbers: CTE,
    *,
    actual: ColumnElement[Any],
    expected: ColumnElement[Any],
    is_closed: ColumnElement[bool],
    kpis: tuple[Kpi, ...],
) -> ColumnElement[str]:
    """Tonight's evaluation says it; a closed period is judged by its attainment. Open and not evaluated: no more than at risk."""
    is_lower_better = numbers.c.kpi_id.in_([kpi.id for kpi in kpis if kpi.better == "lower"])
    is_ahead = case((is_lower_better, actual <= expected * (2 - AHEAD)), else_=actual >= expected * AHEAD)
    is_on_track = case((is_lower_better, actual <= expected), else_=actual >= expected)
    return case(
        (numbers.c.target.is_(None), "no_target"),
        (divergence.c.state.is_not(None), divergence.c.state),
        (or_(actual.is_(None), expected.is_(None)), "too_little_data"),
        (is_ahead, "ahead"),
        (is_on_track, "on_track"),
        (is_closed, "off"),
        else_="at_risk",
    )


def _fact_of(numbers: CTE, facts: Mapping[str, str]) -> ColumnElement[Any]:
    """Look a fact of a KPI up in the agreement."""
    return case(facts, value=numbers.c.kpi_id) if facts else cast(null(), Text)


MODEL = Model(
    table=kpi_periods,
    reads=(
        kpi_daily,
        targets,
        calendar,
        pace_weights,
        divergence,
        calls,  # the medians' own records
        emails,
        meetings,
        deals,
        deal_owner_changes,
        meeting_verdicts,
        rep_teams,
    ),
    statement=build_kpi_periods,
    group="kpi",
)
