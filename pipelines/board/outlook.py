"""How does the month stand against the plan, and what is missing for the next phase?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from definitions_contract.schema import Agreement
from pipelines.board import formats
from pipelines.board.labels import CONDITIONS, PROPOSAL_REASONS, PROPOSALS
from pipelines.board.names import Names
from pipelines.board.phrases import tell
from pipelines.board.rows import Facts
from pipelines.board.words import WORDS, Text, look_up, same


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One step of the chain from the goal."""

    kpi: Text
    scope: Text
    needed: Text | None
    interval: Text
    per_day: Text
    actual: Text
    percentile: Text
    is_realistic: bool | None
    sample: Text
    assumptions: Text


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a gate."""

    label: Text
    is_met: bool
    figure: Text


@dataclass(frozen=True, slots=True)
class Outlook:
    """Plan and gate."""

    period: Text
    plan: tuple[PlanRow, ...]
    phase: Text
    conditions: tuple[Condition, ...]
    proposal: Text | None
    proposed: Text | None
    reason: Text | None
    missing: Text | None


def outlook_of(facts: Facts, agreement: Agreement, names: Names) -> Outlook:
    """Lay out plan and gate."""
    focus = facts.focus
    actuals = {row["kpi_id"]: row["actual"] for row in facts.trend if row["period_start"] == focus.month}
    actuals["connects"] = next(
        (
            row["numerator"]
            for row in facts.trend
            if (row["kpi_id"], row["period_start"]) == ("connect_rate", focus.month)
        ),
        None,
    )
    gate = [row for row in facts.phase_status if row["is_current"]]
    proposal = next((row["proposal"] for row in gate if row["proposal"]), None)
    return Outlook(
        period=formats.period("month", focus.month, focus.next_month),
        plan=tuple(
            _plan_row(row, actuals, names) for row in sorted(facts.plan, key=lambda row: _from_goal(row, names))
        ),
        phase=same(gate[0]["phase"]) if gate else same(""),
        conditions=tuple(
            Condition(look_up(CONDITIONS, row["condition"]), bool(row["is_met"]), tell(row["figure"] or "–", names.ids))
            for row in gate
        ),
        proposal=look_up(PROPOSALS, proposal) if proposal else None,
        proposed=_proposed(gate[0], names) if gate and proposal != "stay" else None,
        reason=_reason(gate[0], agreement, names) if gate else None,
        missing=_missing(gate),
    )


def _proposed(row: Mapping[str, Any], names: Names) -> Text | None:
    """Say where the proposal leads: KPI and target."""
    if row["proposed_kpi_id"] is None:
        return None
    target = names.figure(row["proposed_kpi_id"], row["proposed_target"])
    return Text("{kpi} {target}", "{kpi} {target}").fill(kpi=names.kpi(row["proposed_kpi_id"]), target=target)


def _reason(row: Mapping[str, Any], agreement: Agreement, names: Names) -> Text | None:
    """Say why something else than staying is proposed, from the row's codes; the conditions above hold the figures."""
    words = PROPOSAL_REASONS.get(row["proposal"] or "")
    if words is None or row["proposed_kpi_id"] is None:
        return None
    phases = {phase.id: Text(phase.label.ja, phase.label.en) for phase in agreement.phases.phases}
    return words.fill(
        phase=look_up(phases, row["proposed_phase"]),
        kpi=names.kpi(row["proposed_kpi_id"]),
        target=names.figure(row["proposed_kpi_id"], row["proposed_target"]),
    )


def _missing(gate: list[Mapping[str, Any]]) -> Text | None:
    """Name the conditions that are not met."""
    open_ones = [look_up(CONDITIONS, row["condition"]) for row in gate if not row["is_met"]]
    if not open_ones:
        return None
    listed = Text("、".join(one.ja for one in open_ones), ", ".join(one.en for one in open_ones))
    return WORDS["gate_missing"].fill(list=listed)


def _from_goal(row: Mapping[str, Any], names: Names) -> float:
    """The agreement lists KPIs from activity to outcome; the plan is read from the goal back. A step without a KPI: before calls."""
    order = list(names.kpis)
    return -order.index(row["kpi_id"]) if row["kpi_id"] in order else -0.5


def _plan_row(row: Mapping[str, Any], actuals: Mapping[str, Any], names: Names) -> PlanRow:
    kpi_id = row["kpi_id"]
    interval = same("–")
    lower, upper = row["needed_lower"], row["needed_upper"]
    if lower is not None and upper is not None and lower < upper:
        interval = Text("{low}〜{high}", "{low}–{high}").fill(
            low=names.figure(kpi_id, lower), high=names.figure(kpi_id, upper)
        )
    return PlanRow(
        kpi=names.part("plan", kpi_id),
        scope=names.scope(row["scope_kind"], row["scope_id"]),
        needed=names.figure(kpi_id, row["needed"]) if row["needed"] is not None else None,
        interval=interval,
        per_day=names.figure(kpi_id, row["needed_per_rep_day"], digits=1),
        actual=names.figure(kpi_id, actuals.get(kpi_id)),
        percentile=formats.percent(row["realism_percentile"]),
        is_realistic=row["is_realistic"],
        sample=formats.number(row["sample_size"]),
        assumptions=tell(row["assumptions"], names.ids),
    )
