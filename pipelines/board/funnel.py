"""How does the month's work narrow from calls to deals won, at which rates, and do the guards hold?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from definitions_contract.periods import months_before
from models.kpi.guards import can_be_compared
from pipelines.board import formats
from pipelines.board.labels import FUNNEL_STEPS, PARTS
from pipelines.board.names import Names
from pipelines.board.rows import BEFORE_MONTHS, Facts
from pipelines.board.words import Text

# A step's count is the numerator of a KPI. Where the agreement has a rate of its own for the way there, that one is shown:
# it leaves out what is not known yet, such as meetings that wait for an answer.
STEPS: tuple[tuple[str, str, str | None], ...] = (
    ("calls_made", "", None),
    ("connect_rate", "connects_per_call", "connect_rate"),
    ("meetings_booked", "booked_per_connect", None),
    ("meetings_held", "held_per_booked", None),
    ("valid_meetings", "valid_per_held", "valid_rate"),
    ("deals_won", "won_per_valid", None),
)

Found = Mapping[tuple[date, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Guard:
    """The KPI that shows whether a number rose at the cost of its worth; `before` is the same share of the last month."""

    kpi: Text
    now: Text
    before: Text
    is_later: bool
    has_fallen: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its count beside target, and the rate at which the step before leads to it. `bar` in percent of the widest."""

    label: Text
    is_current: bool
    count: Text
    target: Text | None
    bar: float
    rate: Text | None
    rate_now: Text
    rate_before: Text
    guard: Guard | None


def funnel_of(facts: Facts, names: Names) -> tuple[Step, ...]:
    """Lay out the steps that the agreement counts and that happened; empty when nothing did."""
    found = {(row["period_start"], row["kpi_id"]): row for row in facts.trend}
    now = (facts.focus.month,)
    before = tuple(months_before(facts.focus.month, back) for back in range(1, BEFORE_MONTHS + 1))
    counts = {kpi_id: _sum(found, now, kpi_id, "numerator") for kpi_id, _, _ in STEPS if kpi_id in names.kpis}
    shown = [step for step in STEPS if counts.get(step[0]) is not None]
    widest = max((counts[kpi_id] or 0 for kpi_id, _, _ in shown), default=0)
    fallen = {row["kpi_id"] for row in facts.guard_notes if _is_whole(row, facts)}
    steps = []
    earlier: str | None = None
    for kpi_id, rate, own_rate in shown:
        rates = [_rate(found, months, kpi_id, earlier, own_rate) for months in (now, before)]
        steps.append(
            Step(
                label=PARTS["connects"] if kpi_id == "connect_rate" else names.kpi(kpi_id),
                is_current=kpi_id == facts.focus.kpi_id,
                count=formats.number(counts[kpi_id]),
                target=_target(found, facts.focus.month, kpi_id, names),
                bar=100 * (counts[kpi_id] or 0) / widest if widest else 0,
                rate=FUNNEL_STEPS[rate] if earlier else None,
                rate_now=formats.percent(rates[0]) if earlier else formats.NONE,
                rate_before=formats.percent(rates[1]) if earlier else formats.NONE,
                guard=_guard(found, facts.focus.month, kpi_id, names, has_fallen=kpi_id in fallen),
            )
        )
        earlier = kpi_id
    return tuple(steps)


def _is_whole(row: Mapping[str, Any], facts: Facts) -> bool:
    return bool(row["period_kind"] == "month" and row["scope_id"] == facts.focus.department)


def _sum(found: Found, months: tuple[date, ...], kpi_id: str, side: str) -> float | None:
    """Add up one side of a KPI over months; None when there is none."""
    values = [row[side] for month in months if (row := found.get((month, kpi_id))) and row[side] is not None]
    return float(sum(values)) if values else None


def _rate(
    found: Found, months: tuple[date, ...], kpi_id: str, earlier: str | None, own_rate: str | None
) -> float | None:
    top, bottom = (own_rate, own_rate) if own_rate else (kpi_id, earlier)
    above = _sum(found, months, top or "", "numerator")
    below = _sum(found, months, bottom or "", "denominator" if own_rate else "numerator")
    return above / below if above is not None and below else None


def _target(found: Found, month: date, kpi_id: str, names: Names) -> Text | None:
    row = found.get((month, kpi_id))
    is_count = names.unit(kpi_id) != "fraction"
    return names.figure(kpi_id, row["target"]) if row and is_count and row["target"] is not None else None


def _guard(found: Found, month: date, kpi_id: str, names: Names, *, has_fallen: bool) -> Guard | None:
    guard = names.kpis[kpi_id].guard
    if guard is None:
        return None
    row = found.get((month, guard), {})
    return Guard(
        kpi=names.kpi(guard),
        now=names.figure(guard, row.get("actual")),
        before=names.figure(guard, row.get("previous")),
        is_later=not can_be_compared(names.kpis[guard]),
        has_fallen=has_fallen,
    )
