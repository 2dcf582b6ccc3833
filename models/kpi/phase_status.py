"""May the team move on? One row per condition of the current phase's gate, each night. The product proposes, people decide."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Gate, Phase
from models.context import BuildContext, Model
from models.kpi.daily_history import kpis_by_id
from models.kpi.data_trust import distrust_reason
from models.statistics.gate import PastPeriod, Proposal, count_met, probability_truly_met, propose
from models.tables import check_results, kpi_periods, phase_status, reconciliation, sync_runs


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition with the figure that decides."""

    name: str
    is_met: bool
    figure: str


def build_phase_status(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Check the gate of the current phase; a last phase has none and is reviewed instead."""
    agreement = context.agreement
    phase = next((row for row in agreement.phases.phases if row.id == agreement.phases.current_phase), None)
    if phase is None:
        return
    gate = phase.gate or Gate(met_periods=1, of_periods=1)
    past = _past_periods(connection, context, gate)
    conditions = list(_conditions(connection, context, phase, past))
    proposal = propose(
        past,
        is_gate_met=phase.gate is not None and all(condition.is_met for condition in conditions),
        of_periods=gate.of_periods,
        least_probability=float(gate.least_probability),
    )
    for condition in conditions:
        yield _row(condition, context, proposal)


def _conditions(
    connection: Connection, context: BuildContext, phase: Phase, past: Sequence[PastPeriod]
) -> Iterator[_Condition]:
    agreement = context.agreement
    if phase.gate is None:
        yield _Condition("is_last_phase", is_met=False, figure="There is no phase after this one")
        return
    gate = phase.gate
    met = count_met(past)
    kind = gate.every.value
    yield _Condition(
        "met_periods",
        is_met=len(past) >= gate.of_periods and met >= gate.met_periods,
        figure=f"{met} of the last {len(past)} {kind}s met; {gate.met_periods} of {gate.of_periods} needed",
    )
    probability = probability_truly_met(past)
    yield _Condition(
        "likely_met",
        is_met=probability is not None and probability >= float(gate.least_probability),
        figure="no period with a target yet"
        if probability is None
        else f"{probability:.0%} likely that the target is truly met; {float(gate.least_probability):.0%} needed",
    )
    distrust = distrust_reason(connection, context)
    yield _Condition("data_checks", is_met=distrust is None, figure=distrust or "all data checks passed")
    yield from _next_kpi_conditions(connection, context, gate, next_kpi(agreement))


def _next_kpi_conditions(
    connection: Connection, context: BuildContext, gate: Gate, kpi_id: str | None
) -> Iterator[_Condition]:
    if kpi_id is None:
        return
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


def next_kpi(agreement: Agreement) -> str | None:
    """Give the KPI that follows the current one: the next of its phase, then the first of the next phase."""
    ordered = [(phase.id, kpi_id) for phase in agreement.phases.phases for kpi_id in phase.kpis]
    current = (agreement.phases.current_phase, agreement.phases.current_kpi)
    if current not in ordered or ordered.index(current) + 1 == len(ordered):
        return None
    return ordered[ordered.index(current) + 1][1]


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


def _past_periods(connection: Connection, context: BuildContext, gate: Gate) -> list[PastPeriod]:
    """Read the last whole periods of the current KPI that have a target, oldest first."""
    agreement = context.agreement
    kpi = kpis_by_id(agreement).get(agreement.phases.current_kpi)
    columns = kpi_periods.c
    rows = connection.execute(
        select(kpi_periods)
        .where(
            columns.kpi_id == agreement.phases.current_kpi,
            columns.period_kind == gate.every.value,
            columns.scope_kind == "department",
            columns.scope_id == agreement.phases.department,
            columns.period_end <= context.as_of + timedelta(days=1),
            columns.target.is_not(None),
            columns.actual.is_not(None),
        )
        .order_by(columns.period_start.desc())
        .limit(gate.of_periods)
    )
    is_higher_better = kpi is None or kpi.better == "higher"
    return [
        PastPeriod(
            actual=row.actual,
            target=row.target,
            cases=row.denominator if kpi is not None and kpi.denominator is not None else None,
            is_higher_better=is_higher_better,
        )
        for row in reversed(rows.all())
    ]


def _row(condition: _Condition, context: BuildContext, proposal: Proposal) -> dict[str, Any]:
    phases = context.agreement.phases
    return {
        "phase": phases.current_phase,
        "condition": condition.name,
        "evaluated_date": context.as_of,
        "is_current": True,
        "is_met": condition.is_met,
        "figure": condition.figure,
        "kpi_id": phases.current_kpi,
        "proposal": proposal.value,
    }


MODEL = Model(
    table=phase_status,
    reads=(kpi_periods, check_results, reconciliation, sync_runs),
    rows=build_phase_status,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
