"""How the gate stands, what is proposed, and the proposal as a file: phases.yaml to move on, targets.yaml for another target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.periods import period_of
from definitions_contract.schema import Agreement, PhaseAgreement, ScopeKind, Target, TargetAgreement
from models.kpi.phase_status import agreed_gate
from models.statistics.gate import Proposal
from models.tables import phase_status
from pipelines.errors import NothingPublishedError
from pipelines.planning import in_proportion, published, write_proposal
from pipelines.settings import Settings

HEADER = """A proposal by `kpi review`, written on {today} from the numbers up to {as_of}: {proposal}.
{reason}
Nobody has signed it. Compare it with {file}, take over what you agree on, and have that file signed.
kpi review による提案です。合意した内容だけを {file} に移し、各部署で署名してください。"""


@dataclass(frozen=True, slots=True)
class Review:
    """The newest evaluation of the gate: its conditions, and what follows from them."""

    agreement: Agreement
    as_of: date
    conditions: Sequence[Mapping[str, Any]]
    proposal: Proposal
    phase: str
    kpi: str
    target: float | None
    reason: str


def read_review(settings: Settings, now: datetime) -> Review:
    """Read it from the published copy."""
    with published(settings, now) as (connection, context):
        newest = sa.select(sa.func.max(phase_status.c.evaluated_date)).scalar_subquery()
        rows = connection.execute(
            sa.select(phase_status).where(phase_status.c.evaluated_date == newest).order_by(phase_status.c.condition)
        ).mappings()
        conditions = [dict(row) for row in rows]
    if not conditions:
        raise NothingPublishedError("no gate has been evaluated yet; run `kpi nightly` first")
    first = conditions[0]
    return Review(
        agreement=context.agreement,
        as_of=first["evaluated_date"],
        conditions=conditions,
        proposal=Proposal(first["proposal"]),
        phase=first["proposed_phase"],
        kpi=first["proposed_kpi_id"],
        target=first["proposed_target"],
        reason=first["reason"] or "",
    )


def write_review(settings: Settings, review: Review, now: datetime) -> Path | None:
    """Write the proposal as a file beside the agreement; None when everything stays."""
    proposal, file = proposed_text(review)
    if proposal is None:
        return None
    today = now.astimezone(review.agreement.team.tz).date()
    header = HEADER.format(
        today=today, as_of=review.as_of, proposal=review.proposal.value, reason=review.reason, file=f"{file}.yaml"
    )
    return write_proposal(settings.home / "proposals", file, proposal, header, today)


def proposed_text(review: Review) -> tuple[PhaseAgreement | TargetAgreement | None, str]:
    """Give the proposed text and which file it belongs to. It would hold from the next whole period on."""
    if review.proposal in (Proposal.NEXT_KPI, Proposal.ADVANCE):
        changes = {"current_phase": review.phase, "current_kpi": review.kpi, "since": _next_start(review)}
        return review.agreement.phases.model_copy(update={**changes, "signatures": ()}), "phases"
    if review.target is not None:
        return _with_target(review, review.target), "targets"
    return None, ""


def _with_target(review: Review, value: float) -> TargetAgreement:
    """End the agreed target of the current KPI, and let the proposed one follow it."""
    agreement, start = review.agreement, _next_start(review)
    rows: list[Target] = []
    for row in agreement.targets.targets:
        rows += _replaced(row, start, value) if _is_meant(row, review) else [row]
    if rows == list(agreement.targets.targets):  # the agreed one ends by then, and nothing follows it yet
        rows.append(
            Target(
                kpi=agreement.phases.current_kpi,
                scope_kind=ScopeKind.DEPARTMENT,
                scope_id=agreement.phases.department,
                every=_gate_period(review),
                since=start,
                value=Decimal(repr(value)),
            )
        )
    return agreement.targets.model_copy(update={"targets": tuple(rows), "signatures": ()})


def _is_meant(row: Target, review: Review) -> bool:
    phases = review.agreement.phases
    whose = (row.scope_kind, row.scope_id) == (ScopeKind.DEPARTMENT, phases.department)
    start = _next_start(review)
    holds = row.until is None or start < row.until
    return whose and holds and row.kpi == phases.current_kpi and row.every is _gate_period(review)


def _replaced(row: Target, start: date, value: float) -> list[Target]:
    """Keep the target until `start`, then the new one; what each rep has changes in proportion."""
    new_value = Decimal(repr(value))
    each = in_proportion(row, new_value)
    new = row.model_copy(update={"since": max(start, row.since), "value": new_value.normalize(), "each_rep": each})
    return [row.model_copy(update={"until": start}), new] if row.since < start else [new]


def _gate_period(review: Review) -> Any:
    phases = review.agreement.phases
    phase = next(row for row in phases.phases if row.id == phases.current_phase)
    return agreed_gate(review.agreement, phase).every


def _next_start(review: Review) -> date:
    """Give the first day of the period after the one that runs on the day after as_of."""
    first = review.agreement.team.fiscal_year_start_month
    return period_of(review.as_of + timedelta(days=1), _gate_period(review), first)[1]
