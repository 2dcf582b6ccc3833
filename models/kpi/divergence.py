"""Where does each target stand tonight, and how sure is that? One row per KPI, running period, scope and night."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isnan
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, select

from definitions_contract.schema import Kpi
from models.context import BuildContext, Model
from models.kpi.daily_history import (
    NOTHING_AWAITED,
    Awaiting,
    DailyFacts,
    as_key,
    awaits_verdict,
    by_business_day,
    counted_with,
    definition_since,
    history_blocks,
    kpis_by_id,
    read_awaiting,
    read_calendar,
    read_daily,
    read_weights,
)
from models.kpi.data_trust import distrust_reason
from models.statistics.changes import Series, rate_against, score_against
from models.statistics.divergence import (
    JUDGED,
    Evaluation,
    Standing,
    State,
    lack_of_data,
    next_state,
    raw_state,
    replay,
)
from models.statistics.forecast import (
    Forecast,
    History,
    forecast_count,
    forecast_mean,
    forecast_rate,
    forecast_sum,
)
from models.statistics.forecast import Standing as Position
from models.statistics.pace import Pace, pace
from models.tables import (
    calendar,
    check_results,
    divergence,
    kpi_daily,
    meeting_verdicts,
    meetings,
    pace_weights,
    reconciliation,
    sync_runs,
    targets,
)

REPLAY_BUSINESS_DAYS = (
    5  # a first night lives through the last week, so that it starts with states and not with a blank
)
LEAST_EVIDENCE_DAYS = 40  # two months: a shorter past cannot part from a target by more than luck
MEMORY_DAYS = 10  # an older evaluation says nothing of tonight's state; long holidays are shorter


@dataclass(frozen=True, slots=True)
class _Material:
    """Everything that was read for the night."""

    context: BuildContext
    kpis: Mapping[str, Kpi]
    business_days: Sequence[date]
    facts: Mapping[tuple[str, tuple[str, str]], DailyFacts]
    weights: Mapping[str, Mapping[date, float]]
    awaiting: Awaiting
    distrust: str | None
    previous: Mapping[Any, Standing]
    versions: Mapping[str, Mapping[date, set[int]]]


@dataclass(frozen=True, slots=True)
class _Night:
    """One target evaluated on one day."""

    actual: float | None
    due: Pace
    forecast: Forecast
    lack: str | None
    awaiting: float
    is_on_pace: bool
    is_rate: bool

    @property
    def evaluation(self) -> Evaluation:
        return Evaluation(p_reach=self.forecast.p_reach, is_on_pace=self.is_on_pace)


def build_divergence(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Evaluate every target whose period contains as_of."""
    running = and_(targets.c.period_start <= context.as_of, targets.c.period_end > context.as_of)
    kpis = kpis_by_id(context.agreement)
    found = connection.execute(select(targets).where(running).order_by(*targets.primary_key.columns)).all()
    wanted = [target for target in found if target.kpi_id in kpis and target.value is not None]
    material = _read(connection, context, [target.kpi_id for target in wanted])
    for target in wanted:
        yield _row(target, material)


def _read(connection: Connection, context: BuildContext, kpi_ids: Sequence[str]) -> _Material:
    kpis = kpis_by_id(context.agreement)
    companions = [other.id for kpi_id in kpi_ids if (other := counted_with(kpis[kpi_id], context.agreement.kpis.kpis))]
    days = [row.day for row in read_calendar(connection) if row.is_business_day and row.day <= context.as_of]
    has_awaiting = any(awaits_verdict(kpis[kpi_id]) for kpi_id in kpi_ids)
    return _Material(
        context=context,
        kpis=kpis,
        business_days=days,
        facts=read_daily(connection, [*kpi_ids, *companions], as_of=context.as_of),
        weights=read_weights(connection),
        awaiting=read_awaiting(connection, context.agreement, as_of=context.as_of) if has_awaiting else NOTHING_AWAITED,
        distrust=distrust_reason(connection, context),
        previous=_previous(connection, context, kpis),
        versions=_versions(connection),
    )


def _row(target: Any, material: _Material) -> dict[str, Any]:
    as_of = material.context.as_of
    night = _evaluate(target, material, as_of)
    state, raw = _states(target, material, night)
    forecast = night.forecast
    end = target.period_end
    return {
        **{name: getattr(target, name) for name in ("kpi_id", "period_kind", "period_start", "period_end")},
        "scope_kind": target.scope_kind,
        "scope_id": target.scope_id,
        "evaluated_date": as_of,
        "actual": night.actual,
        "target": target.value,
        "expected_to_date": night.due.expected,
        "forecast_lower": _number(forecast.lower),
        "forecast": _number(forecast.middle),
        "forecast_upper": _number(forecast.upper),
        "p_reach": _number(forecast.p_reach),
        "state": state.value,
        "raw_state": raw.value,
        "reason": _reason(night, state, material.distrust, target.value),
        "definition_version": _version_text(material.versions.get(target.kpi_id, {}), target.period_start, end),
        "evidence_score": _evidence(target, material) if night.lack is None else None,
    }


def _evidence(target: Any, material: _Material) -> float | None:
    """Score the last months against what the target asks of them; None for periods and kinds that are not alerted by it."""
    kpi = material.kpis[target.kpi_id]
    if target.period_kind != "month" or kpi.kind not in ("count", "sum", "rate"):
        return None
    scope = (target.scope_kind, target.scope_id)
    facts, weights = material.facts.get((kpi.id, scope), DailyFacts()), material.weights.get(kpi.id, {})
    days = [day for day in material.business_days if day in weights]
    first = min((day for day, count in facts.numerator.items() if count), default=None)
    days = [day for day in days if first is not None and day >= first]
    if len(days) < LEAST_EVIDENCE_DAYS:
        return None
    awaited = material.awaiting.counts.get(scope, {}) if awaits_verdict(kpi) else {}
    hits = by_business_day(facts.numerator, days) + by_business_day(awaited, days) * material.awaiting.rate
    if kpi.kind == "rate":
        score = rate_against(Series("rate", hits, by_business_day(facts.denominator, days)), target.value)
        sign = 1.0 if kpi.better == "higher" else -1.0
        return float(score[-1]) * sign
    unit = _unit(kpi, material, scope, material.context.as_of) if kpi.kind == "sum" else 1.0
    exposure = np.array([weights[day] for day in days])
    totals: dict[date, float] = {}
    for day, weight in weights.items():
        totals[day.replace(day=1)] = totals.get(day.replace(day=1), 0.0) + weight
    month_totals = np.array([totals[day.replace(day=1)] for day in days])
    due = target.value / unit * exposure / month_totals
    return _number(float(score_against(Series("count", hits / unit, exposure), due)[-1]))


def _states(target: Any, material: _Material, night: _Night) -> tuple[State, State]:
    """Give the state that people see and the raw one of tonight."""
    if material.distrust is not None:
        return State.UNTRUSTED, State.UNTRUSTED
    if night.lack is not None:
        return State.TOO_LITTLE_DATA, State.TOO_LITTLE_DATA
    raw = raw_state(night.evaluation)
    is_business_day = material.context.as_of in material.business_days[-1:]
    previous = material.previous.get(as_key(target))
    if previous is not None:  # a day off brings no second opinion
        return (next_state(previous, night.evaluation) if is_business_day else previous.state), raw
    return _replayed(target, material, night), raw


def _replayed(target: Any, material: _Material, tonight: _Night) -> State:
    """Without an evaluation to go on from, live through the last business days as they would have been judged."""
    as_of = material.context.as_of
    before = [day for day in material.business_days[-REPLAY_BUSINESS_DAYS:] if target.period_start <= day < as_of]
    nights = [night for day in before if (night := _evaluate(target, material, day)).lack is None]
    if as_of in material.business_days[-1:] or not nights:
        nights.append(tonight)
    standing = replay([night.evaluation for night in nights])
    return State.ON_TRACK if standing is None else standing.state


def _evaluate(target: Any, material: _Material, day: date) -> _Night:
    kpi = material.kpis[target.kpi_id]
    scope = (target.scope_kind, target.scope_id)
    weights = material.weights.get(kpi.id, {})
    after = day + timedelta(days=1)
    gone = _weight_between(weights, target.period_start, after)
    left = _weight_between(weights, after, target.period_end)
    share = pace(target.value, weight_gone=gone, weight_total=gone + left)
    facts = material.facts.get((kpi.id, scope), DailyFacts())
    numerator, denominator = facts.total(target.period_start, after)
    is_ratio = kpi.denominator is not None
    actual = (numerator / denominator if denominator else None) if is_ratio else numerator
    due = Pace(expected=target.value, share=share.share) if is_ratio else share
    awaiting = material.awaiting.total(scope, target.period_start, after) if awaits_verdict(kpi) else 0.0
    position = Position(
        numerator=numerator,
        target=target.value,
        weight_left=left,
        denominator=denominator if is_ratio else None,
        awaiting=awaiting,
        awaiting_rate=material.awaiting.rate,
        is_higher_better=kpi.better == "higher",
    )
    forecast = _forecast(kpi, material, position, scope, day)
    least = material.context.agreement.targets.least_sample
    return _Night(
        actual=actual,
        due=due,
        forecast=forecast,
        lack=lack_of_data(forecast, share_gone=share.share, least_sample=least),
        awaiting=awaiting,
        is_rate=kpi.kind == "rate",
        is_on_pace=actual is not None
        and (actual >= due.expected if position.is_higher_better else actual <= due.expected),
    )


def _forecast(kpi: Kpi, material: _Material, position: Position, scope: tuple[str, str], day: date) -> Forecast:
    history = _history(kpi, material, scope, day)
    if kpi.kind == "rate":
        return forecast_rate(position, history)
    if kpi.kind == "mean":
        return forecast_mean(position, history)
    if kpi.kind == "sum":
        return forecast_sum(position, history, unit=_unit(kpi, material, scope, day))
    return forecast_count(position, history)


def _history(kpi: Kpi, material: _Material, scope: tuple[str, str], day: date) -> History:
    awaited = material.awaiting.counts.get(scope, {}) if awaits_verdict(kpi) else {}
    return history_blocks(
        material.facts.get((kpi.id, scope), DailyFacts()),
        material.weights.get(kpi.id, {}),
        business_days=[business_day for business_day in material.business_days if business_day <= day],
        since=definition_since(material.context.agreement, kpi, as_of=day),
        added={day: count * material.awaiting.rate for day, count in awaited.items()},
    )


def _unit(kpi: Kpi, material: _Material, scope: tuple[str, str], day: date) -> float:
    """Give the mean size of one event of a sum; 1 when nothing counts its events."""
    companion = counted_with(kpi, material.context.agreement.kpis.kpis)
    start = day - timedelta(days=365)
    amount = material.facts.get((kpi.id, scope), DailyFacts()).total(start, day)[0]
    count = 0.0
    if companion is not None:
        count = material.facts.get((companion.id, scope), DailyFacts()).total(start, day)[0]
    return amount / count if count > 0 and amount > 0 else 1.0


def _previous(connection: Connection, context: BuildContext, kpis: Mapping[str, Kpi]) -> dict[Any, Standing]:
    """Give the newest judged evaluation of each target before tonight."""
    recent = and_(
        divergence.c.evaluated_date < context.as_of,
        divergence.c.evaluated_date >= context.as_of - timedelta(days=MEMORY_DAYS),
        divergence.c.state.in_([state.value for state in JUDGED]),
    )
    found: dict[Any, Standing] = {}
    for row in connection.execute(select(divergence).where(recent).order_by(divergence.c.evaluated_date)):
        kpi = kpis.get(row.kpi_id)
        is_higher_better = kpi is None or kpi.better == "higher"
        is_on_pace = (row.actual >= row.expected_to_date) if is_higher_better else (row.actual <= row.expected_to_date)
        found[as_key(row)] = Standing(State(row.state), Evaluation(row.p_reach, is_on_pace=is_on_pace))
    return found


def _versions(connection: Connection) -> dict[str, dict[date, set[int]]]:
    columns = (kpi_daily.c.kpi_id, kpi_daily.c.counted_date, kpi_daily.c.definition_version)
    rows = connection.execute(select(*columns).where(kpi_daily.c.definition_version.is_not(None)).distinct())
    versions: dict[str, dict[date, set[int]]] = {}
    for row in rows:
        versions.setdefault(row.kpi_id, {}).setdefault(row.counted_date, set()).add(row.definition_version)
    return versions


def _version_text(by_day: Mapping[date, set[int]], start: date, end: date) -> str | None:
    found = sorted({version for day, versions in by_day.items() if start <= day < end for version in versions})
    return ",".join(map(str, found)) or None


def _weight_between(weights: Mapping[date, float], start: date, end: date) -> float:
    return sum(weights.get(start + timedelta(days=number), 0.0) for number in range(max((end - start).days, 0)))


def _number(value: float) -> float | None:
    return None if isnan(value) else value


def _reason(night: _Night, state: State, distrust: str | None, target: float) -> str:
    if state == State.UNTRUSTED:
        return f"Not judged: {distrust}."
    if state == State.TOO_LITTLE_DATA:
        return f"Too little data: {night.lack}."
    forecast = night.forecast
    write = "{:.1%}".format if night.is_rate else "{:,.0f}".format
    so_far = "nothing" if night.actual is None else write(night.actual)
    waiting = f", {night.awaiting:.0f} more wait for a verdict" if night.awaiting else ""
    return (
        f"{so_far} so far with {write(night.due.expected)} due{waiting}; the period is expected to end at "
        f"{write(forecast.middle)} ({write(forecast.lower)} to {write(forecast.upper)}), "
        f"{forecast.p_reach:.0%} likely to reach {write(target)}."
    )


MODEL = Model(
    table=divergence,
    reads=(
        kpi_daily,
        calendar,
        targets,
        pace_weights,
        meeting_verdicts,
        meetings,
        check_results,
        reconciliation,
        sync_runs,
    ),
    rows=build_divergence,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
