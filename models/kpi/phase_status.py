"""May the team move on? One row per condition of the current phase's gate, each night. The product proposes, people decide.

One KPI at a time: when the current one passes the gate, the next of its phase is proposed, after the last the next phase. A target
met without strain, or out of reach, for the agreed number of periods raises a review of the target, with a figure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor, log10
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Gate, Kpi, Phase
from models.context import BuildContext, Model
from models.kpi.daily_history import awaits_verdict, counted_with, kpis_by_id, read_awaiting
from models.kpi.data_trust import distrust_reason
from models.statistics.gate import (
    PastPeriod,
    Proposal,
    count_met,
    level_of,
    probability_truly_met,
    propose,
    reachable_target,
)
from models.tables import check_results, kpi_periods, meeting_verdicts, phase_status, reconciliation, sync_runs


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition with the figure that decides."""

    name: str
    is_met: bool
    figure: str


@dataclass(frozen=True, slots=True)
class _Past:
    """The last whole periods of the current KPI, and a note on what is not counted yet."""

    periods: Sequence[PastPeriod]
    note: str = ""


def build_phase_status(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Check the gate of the current phase, and say what follows: to what, and why."""
    agreement = context.agreement
    phase = next((row for row in agreement.phases.phases if row.id == agreement.phases.current_phase), None)
    if phase is None:
        return
    gate = agreed_gate(agreement, phase)
    past = _past_periods(connection, context, gate)
    conditions = list(_conditions(connection, context, gate, past))
    by_name = {condition.name: condition.is_met for condition in conditions}
    proposal = propose(
        past.periods,
        is_gate_met=all(by_name.values()),
        is_trusted=by_name["data_checks"],
        of_periods=gate.of_periods,
    )
    verdict = _verdict(agreement, gate, past.periods, proposal, [row for row in conditions if not row.is_met])
    for condition in conditions:
        yield _row(condition, context) | verdict


def agreed_gate(agreement: Agreement, phase: Phase) -> Gate:
    """Give the phase's gate; the last phase has none and is reviewed by the periods agreed for the one before."""
    if phase.gate is not None:
        return phase.gate
    gates = [row.gate for row in agreement.phases.phases if row.gate is not None]
    return gates[-1] if gates else Gate(met_periods=1, of_periods=1)


def next_step(agreement: Agreement) -> tuple[str, str] | None:
    """Give phase and KPI that follow the current one: the next of its phase, then the first of the next phase."""
    ordered = [(phase.id, kpi_id) for phase in agreement.phases.phases for kpi_id in phase.kpis]
    current = (agreement.phases.current_phase, agreement.phases.current_kpi)
    if current not in ordered or ordered.index(current) + 1 == len(ordered):
        return None
    return ordered[ordered.index(current) + 1]


def next_kpi(agreement: Agreement) -> str | None:
    """Give the KPI that follows the current one."""
    following = next_step(agreement)
    return None if following is None else following[1]


# --- conditions -------------------------------------------------------------------------------------------------------


def _conditions(connection: Connection, context: BuildContext, gate: Gate, past: _Past) -> Iterator[_Condition]:
    met, kind, least = count_met(past.periods), gate.every.value, float(gate.least_probability)
    count = len(past.periods)
    yield _Condition(
        "met_periods",
        is_met=count >= gate.of_periods and met >= gate.met_periods,
        figure=f"{met} of the last {count} {kind}s met; {gate.met_periods} of {gate.of_periods} needed{past.note}",
    )
    probability = probability_truly_met(past.periods)
    yield _Condition(
        "likely_met",
        is_met=probability is not None and probability >= least,
        figure="no period with a target yet"
        if probability is None
        else f"{probability:.0%} likely that the target is truly met; {least:.0%} needed",
    )
    distrust = distrust_reason(connection, context)
    yield _Condition("data_checks", is_met=distrust is None, figure=distrust or "all data checks passed")
    following = next_kpi(context.agreement)
    if following is None:
        yield _Condition("is_last_phase", is_met=False, figure="There is no KPI and no phase after this one")
        return
    yield from _next_kpi_conditions(connection, context, gate, following)


def _next_kpi_conditions(
    connection: Connection, context: BuildContext, gate: Gate, kpi_id: str
) -> Iterator[_Condition]:
    columns = kpi_periods.c
    known = connection.execute(
        select(columns.period_start).where(
            columns.kpi_id == kpi_id,
            columns.period_kind == gate.every.value,
            columns.scope_kind == "department",
            columns.actual.is_not(None),
            columns.period_end <= context.as_of + timedelta(days=1),
        )
    ).scalars()
    count = len(set(known))
    yield _Condition(
        "next_kpi_history",
        is_met=count >= gate.next_kpi_least_periods,
        figure=f"{kpi_id} has {count} whole {gate.every.value}s; {gate.next_kpi_least_periods} needed",
    )
    yield _definition_condition(context, kpi_id)


def _definition_condition(context: BuildContext, kpi_id: str) -> _Condition:
    kpi = kpis_by_id(context.agreement).get(kpi_id)
    if kpi is None or kpi.definition is None:
        return _Condition(
            "next_definition_signed", is_met=kpi is not None, figure=f"{kpi_id} needs no definition of its own"
        )
    signed = [
        row.definition.version for row in in_force(context.agreement, kpi.definition) if row.start <= context.as_of
    ]
    figure = f"{kpi.definition} v{max(signed)} is signed" if signed else f"no signed version of {kpi.definition}"
    return _Condition("next_definition_signed", is_met=bool(signed), figure=figure)


# --- past periods -----------------------------------------------------------------------------------------------------


def _past_periods(connection: Connection, context: BuildContext, gate: Gate) -> _Past:
    """Read the last whole periods of the current KPI that have a target, oldest first.

    Right after a period's end its last meetings wait for their verdict: while that leaves open whether the target was
    met, the period does not count yet, neither for nor against.
    """
    agreement = context.agreement
    kpi = kpis_by_id(agreement).get(agreement.phases.current_kpi)
    rows = connection.execute(
        _whole_periods(context, gate, agreement.phases.current_kpi).limit(gate.of_periods + 1)
    ).all()
    open_count, note = 0.0, ""
    if rows and kpi is not None and awaits_verdict(kpi):
        awaiting = read_awaiting(connection, agreement, as_of=context.as_of)
        scope = ("department", agreement.phases.department)
        open_count = awaiting.total(scope, rows[0].period_start, rows[0].period_end)
        if rows[0].actual < rows[0].target <= rows[0].actual + open_count:
            note = f"; the newest is open: {open_count:,.0f} meetings wait for a verdict"
            rows = rows[1:]
    unit = _unit(connection, context, gate, kpi)
    kept = rows[: gate.of_periods][::-1]
    return _Past([_past_period(row, kpi, unit) for row in kept], note)


def _whole_periods(context: BuildContext, gate: Gate, kpi_id: str) -> Any:
    columns = kpi_periods.c
    return (
        select(kpi_periods)
        .where(
            columns.kpi_id == kpi_id,
            columns.period_kind == gate.every.value,
            columns.scope_kind == "department",
            columns.scope_id == context.agreement.phases.department,
            columns.period_end <= context.as_of + timedelta(days=1),
            columns.target.is_not(None),
            columns.actual.is_not(None),
        )
        .order_by(columns.period_start.desc())
    )


def _past_period(row: Any, kpi: Kpi | None, unit: float) -> PastPeriod:
    is_divided = kpi is not None and kpi.kind in ("rate", "mean", "product")
    return PastPeriod(
        actual=row.actual,
        target=row.target,
        cases=(row.denominator or 0.0) if is_divided else None,
        is_higher_better=kpi is None or kpi.better == "higher",
        is_share=kpi is None or kpi.kind == "rate",
        unit=unit,
    )


def _unit(connection: Connection, context: BuildContext, gate: Gate, kpi: Kpi | None) -> float:
    """Give the size of one event of a sum: the mean deal of won amounts."""
    counted = None if kpi is None or kpi.kind != "sum" else counted_with(kpi, context.agreement.kpis.kpis)
    if kpi is None or counted is None:
        return 1.0
    columns, totals = kpi_periods.c, dict[str, float]()
    rows = connection.execute(
        select(columns.kpi_id, columns.actual).where(
            columns.kpi_id.in_([kpi.id, counted.id]),
            columns.period_kind == gate.every.value,
            columns.scope_kind == "department",
            columns.scope_id == context.agreement.phases.department,
            columns.period_end <= context.as_of + timedelta(days=1),
        )
    ).all()
    for row in rows:
        totals[row.kpi_id] = totals.get(row.kpi_id, 0.0) + (row.actual or 0.0)
    return totals.get(kpi.id, 0.0) / totals[counted.id] if totals.get(counted.id) else 1.0


# --- what follows -----------------------------------------------------------------------------------------------------


def _verdict(
    agreement: Agreement, gate: Gate, past: Sequence[PastPeriod], proposal: Proposal, unmet: Sequence[_Condition]
) -> dict[str, Any]:
    """Say what is proposed: which phase and KPI, which target, and why."""
    phases, following = agreement.phases, next_step(agreement)
    phase_id, kpi_id, target = phases.current_phase, phases.current_kpi, None
    reason = "; ".join(f"{row.name}: {row.figure}" for row in unmet)
    kind, level = gate.every.value, level_of(past)
    if proposal is Proposal.ADVANCE and following is not None:
        proposal = Proposal.ADVANCE if following[0] != phase_id else Proposal.NEXT_KPI
        phase_id, kpi_id = following
        reason = "every condition of the gate is met"
    elif proposal is Proposal.RESET_TARGET and level is not None:
        target = rounded(level.value)
        reason = f"met without strain: a tenth or more to spare in each of the last {len(past)} {kind}s; the level is {level.value:,.4g}"
    elif proposal is Proposal.SMALLER_GOAL and level is not None:
        target = rounded(reachable_target(past, least_probability=float(gate.least_probability)) or 0.0)
        reason = (
            f"out of reach: met in none of the last {len(past)} {kind}s; the level is {level.value:,.4g}, and "
            f"{target:,.4g} would truly be met with {float(gate.least_probability):.0%}"
        )
    return {
        "proposal": proposal.value,
        "proposed_phase": phase_id,
        "proposed_kpi_id": kpi_id,
        "proposed_target": target,
        "reason": reason,
    }


def rounded(value: float) -> float:
    """Round to what people agree on: two figures.

    >>> rounded(116.7), rounded(0.6342), rounded(28_731_000)
    (120.0, 0.63, 29000000.0)
    """
    return 0.0 if value <= 0 else round(float(value), 1 - floor(log10(value)))


def _row(condition: _Condition, context: BuildContext) -> dict[str, Any]:
    phases = context.agreement.phases
    return {
        "phase": phases.current_phase,
        "condition": condition.name,
        "evaluated_date": context.as_of,
        "is_current": True,
        "is_met": condition.is_met,
        "figure": condition.figure,
        "kpi_id": phases.current_kpi,
    }


MODEL = Model(
    table=phase_status,
    reads=(kpi_periods, meeting_verdicts, check_results, reconciliation, sync_runs),
    rows=build_phase_status,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
