"""How do the phases' KPIs stand by team, rep and segment, and over the months?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from definitions_contract.schema import Agreement
from models.tables import PHASE_KPIS
from pipelines.board import formats
from pipelines.board.charts import TREND_NARROW, TREND_WIDE, TrendChart, TrendMonth, trend_chart
from pipelines.board.names import Chip, Names, chip
from pipelines.board.rows import Facts, Rows
from pipelines.board.shrinkage import SHRUNK_KINDS, Shrinkage, rate_shrinkage, rep_sums
from pipelines.board.words import Text, same

PERIODS = ("month", "quarter", "fiscal_year")
# What reps and segments are compared by in each phase: counts along the funnel, then the rate that guards them.
COMPARED = {
    "launch": ("calls_made", "connect_rate", "reply_rate", "meetings_booked"),
    "stable": ("meetings_booked", "meetings_held", "valid_meetings", "valid_rate"),
    "mature": ("valid_meetings", "deals_won", "won_amount", "win_rate_by_close_date"),
}
TREND_LINES = ("meetings_booked", "meetings_held")
TREND_COLUMN = "valid_meetings"
TREND_RATE = "valid_rate"


@dataclass(frozen=True, slots=True)
class Measure:
    """One KPI of one scope in one period."""

    actual: Text
    target: Text | None
    attainment: Text
    expected: Text
    chip: Chip | None
    has_guard_fallen: bool


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One KPI over all scopes."""

    kpi: Text
    guard: Text | None
    is_current: bool
    measures: tuple[Measure | None, ...]


@dataclass(frozen=True, slots=True)
class PhasePeriod:
    """A phase's KPIs in one period."""

    title: Text
    scopes: tuple[Text, ...]
    rows: tuple[PhaseRow, ...]


@dataclass(frozen=True, slots=True)
class PhaseBlock:
    """A phase and its periods."""

    label: Text
    is_current: bool
    periods: tuple[PhasePeriod, ...]


def phases_of(facts: Facts, agreement: Agreement, names: Names) -> tuple[PhaseBlock, ...]:
    """Lay out the phase tables, the current phase first."""
    blocks = [
        PhaseBlock(
            label=Text(phase.label.ja, phase.label.en),
            is_current=phase.id == agreement.phases.current_phase,
            periods=tuple(_phase_periods(_kpis_of(phase.id, agreement), facts, names)),
        )
        for phase in agreement.phases.phases
    ]
    return tuple(sorted(blocks, key=lambda block: not block.is_current))


def _kpis_of(phase: str, agreement: Agreement) -> tuple[str, ...]:
    """The standard KPIs of a phase in their order, then the team's own."""
    standard = {kpi_id for kpi_ids in PHASE_KPIS.values() for kpi_id in kpi_ids}
    own = (kpi.id for kpi in agreement.kpis.kpis if kpi.phase == phase and kpi.id not in standard)
    return (*PHASE_KPIS.get(phase, ()), *own)


def _phase_periods(kpi_ids: tuple[str, ...], facts: Facts, names: Names) -> Iterator[PhasePeriod]:
    for kind in PERIODS:
        rows = [row for row in facts.periods if row["period_kind"] == kind and row["kpi_id"] in kpi_ids]
        if rows:
            yield _phase_period(kind, kpi_ids, rows, facts, names)


def _phase_period(
    kind: str, kpi_ids: tuple[str, ...], rows: list[Mapping[str, Any]], facts: Facts, names: Names
) -> PhasePeriod:
    focus = facts.focus
    scopes: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}  # the department first: the rows are in that order
    for row in rows:
        if row["scope_kind"] == "team" or row["scope_id"] == focus.department:
            scopes.setdefault((row["scope_kind"], row["scope_id"]), {})[row["kpi_id"]] = row
    shown = [scope for scope, found in scopes.items() if any(row["actual"] is not None for row in found.values())]
    fallen: set[tuple[Any, ...]] = {
        (row["kpi_id"], row["period_kind"], row["scope_kind"], row["scope_id"]) for row in facts.guard_notes
    }
    return PhasePeriod(
        title=formats.period(kind, rows[0]["period_start"], rows[0]["period_end"]),
        scopes=tuple(names.scope(*scope) for scope in shown),
        rows=tuple(
            PhaseRow(
                kpi=names.kpi(kpi_id),
                guard=_guard(kpi_id, names),
                is_current=kpi_id == focus.kpi_id,
                measures=tuple(_measure(scopes[scope].get(kpi_id), fallen, names) for scope in shown),
            )
            for kpi_id in kpi_ids
        ),
    )


def _guard(kpi_id: str, names: Names) -> Text | None:
    guard = names.kpis[kpi_id].guard if kpi_id in names.kpis else None
    return names.kpi(guard) if guard else None


def _measure(row: Mapping[str, Any] | None, fallen: set[tuple[Any, ...]], names: Names) -> Measure | None:
    if row is None or (row["actual"] is None and row["target"] is None):
        return None
    kpi_id, target, status = row["kpi_id"], row["target"], row["status"]
    return Measure(
        actual=names.figure(kpi_id, row["actual"]),
        target=names.figure(kpi_id, target) if target is not None else None,
        attainment=_attainment(row["attainment"], kpi_id, names),
        expected=names.figure(kpi_id, row["expected_to_date"], digits=1),
        chip=chip(status) if status and status != "no_target" else None,
        has_guard_fallen=(kpi_id, row["period_kind"], row["scope_kind"], row["scope_id"]) in fallen,
    )


def _attainment(value: float | None, kpi_id: str, names: Names) -> Text:
    """120 % of a no-show rate is no success: what shall be low has no attainment."""
    is_low = kpi_id in names.kpis and names.kpis[kpi_id].better == "lower"
    return same("") if is_low else formats.percent(value)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, with its target where there is one, and a bar in percent of the column's largest."""

    value: Text
    of: Text | None = None
    bar: float | None = None
    cases: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A rep or a segment."""

    label: Text
    note: Text | None
    cells: tuple[Cell, ...]
    chip: Chip | None = None
    before: Text | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The same KPIs by rep, lead source and response method."""

    kpis: tuple[Text, ...]
    reps: tuple[Line, ...]
    segments: Mapping[str, tuple[Line, ...]]
    has_before: bool


def breakdown_of(facts: Facts, names: Names) -> Breakdown:
    """Lay out reps by name and segments by size."""
    compared = facts.focus.compared
    return Breakdown(
        kpis=tuple(names.kpi(kpi_id) for kpi_id in compared),
        reps=_rep_lines(facts, names, compared),
        segments={
            name: _segment_lines(name, rows, facts.segments_before[name], names, compared)
            for name, rows in facts.segments.items()
        },
        has_before=bool(compared) and names.unit(compared[-1]) == "fraction",
    )


def compared_kpis(agreement: Agreement) -> tuple[str, ...]:
    """Give the KPIs by which the current phase compares reps and segments."""
    known = {kpi.id for kpi in agreement.kpis.kpis}
    wanted = COMPARED.get(agreement.phases.current_phase, COMPARED["stable"])
    return tuple(kpi_id for kpi_id in wanted if kpi_id in known)


def _rep_lines(facts: Facts, names: Names, compared: tuple[str, ...]) -> tuple[Line, ...]:
    found: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in facts.rep_periods:
        if row["kpi_id"] in compared and (row["actual"] is not None or row["target"] is not None):
            found[row["scope_id"]][row["kpi_id"]] = row
    working = {rep for rep, rows in found.items() if any(row["actual"] or row["target"] for row in rows.values())}
    current = facts.focus.kpi_id
    states = {
        row["scope_id"]: row["state"]
        for row in facts.divergence
        if row["scope_kind"] == "rep" and row["kpi_id"] == current and row["period_start"] == facts.focus.month
    }
    commons = {kpi_id: _common(facts, kpi_id, names) for kpi_id in compared}
    lines = [
        Line(
            label=names.rep(rep),
            note=None,
            cells=tuple(_rep_cell(kpi_id, found[rep].get(kpi_id), commons[kpi_id], names) for kpi_id in compared),
            chip=_rep_chip(found[rep].get(current), states.get(rep)),
            id=rep,
        )
        for rep in working
    ]
    return tuple(sorted(lines, key=lambda line: line.label.en))


@dataclass(frozen=True, slots=True)
class Common:
    """The department's rate of the month, and how much a rep's own is drawn to it."""

    rate: float
    shrinkage: Shrinkage


def _common(facts: Facts, kpi_id: str, names: Names) -> Common | None:
    """Give what a rep's rate is drawn to; None for counts and amounts, which are shown as counted."""
    if names.kpis[kpi_id].kind not in SHRUNK_KINDS:
        return None
    rows = [row for row in facts.cells if row["kpi_id"] == kpi_id and row["month_start"] == facts.focus.month]
    cases = sum(float(row["denominator"] or 0) for row in rows)
    hits = sum(float(row["numerator"] or 0) for row in rows)
    return Common(hits / cases, rate_shrinkage(rep_sums(facts.cells, kpi_id))) if cases else None


def _rep_cell(kpi_id: str, row: Mapping[str, Any] | None, common: Common | None, names: Names) -> Cell:
    if row is None:
        return Cell(same("–"))
    target = names.figure(kpi_id, row["target"]) if row["target"] is not None else None
    if common is None or not row["denominator"]:
        return Cell(names.figure(kpi_id, row["actual"]), of=target)
    hits, cases = float(row["numerator"] or 0), float(row["denominator"])
    drawn = common.shrinkage.rate(hits, cases, common.rate)
    return Cell(names.figure(kpi_id, drawn), of=target, cases=f"{hits:,.0f} / {cases:,.0f}")


def _rep_chip(row: Mapping[str, Any] | None, state: str | None) -> Chip | None:
    """The evaluated state, which knows noise; without one, the plain comparison with what was due."""
    known = state or (row["status"] if row else None)
    return chip(known) if known and known != "no_target" else None


def _segment_lines(name: str, rows: Rows, before: Rows, names: Names, compared: tuple[str, ...]) -> tuple[Line, ...]:
    now, then = _values(rows, names), _values(before, names)
    first, last = compared[0], compared[-1]
    segments = sorted({segment for segment, kpi_id in now if kpi_id in compared})
    largest = {kpi_id: max((now.get((one, kpi_id)) or 0 for one in segments), default=0) for kpi_id in compared}
    lines = [
        Line(
            label=names.part(name, segment),
            note=None,
            cells=tuple(
                Cell(
                    names.figure(kpi_id, value),
                    bar=100 * value / largest[kpi_id] if value and largest[kpi_id] else None,
                )
                for kpi_id in compared
                for value in (now.get((segment, kpi_id)),)
            ),
            before=names.figure(last, then.get((segment, last))),
        )
        for segment in sorted(segments, key=lambda one: (-(now.get((one, first)) or 0), one))
    ]
    return tuple(lines)


def _values(rows: Rows, names: Names) -> dict[tuple[str, str], float | None]:
    values: dict[tuple[str, str], float | None] = {}
    for row in rows:
        kpi = names.kpis.get(row["kpi_id"])
        numerator = float(row["numerator"] or 0)
        if kpi is not None and kpi.kind in {"rate", "mean"}:
            values[row["segment"], row["kpi_id"]] = (
                numerator / float(row["denominator"]) if row["denominator"] else None
            )
        else:
            values[row["segment"], row["kpi_id"]] = numerator
    return values


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One month of the trend's table."""

    month: Text
    values: tuple[Text, ...]
    target: Text
    rate: Text
    version: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Twelve months, as chart and table."""

    labels: tuple[Text, ...]
    rate_label: Text
    charts: tuple[TrendChart, ...]
    rows: tuple[TrendRow, ...]


def trend_of(facts: Facts, names: Names) -> Trend | None:
    """Lay out the funnel's months; None when nothing was counted."""
    found = {(row["period_start"], row["kpi_id"]): row for row in facts.trend}
    months = sorted({month for month, kpi_id in found if kpi_id == TREND_COLUMN})
    if not months:
        return None
    ids = (*TREND_LINES, TREND_COLUMN)
    values = [[_actual(found, month, kpi_id) for kpi_id in ids] for month in months]
    columns = [found[month, TREND_COLUMN] for month in months]
    versions = [row["definition_versions"] or "" for row in columns]
    points = [
        TrendMonth(
            label=Text(f"{month.month}月", f"{month:%b}"),
            lines=tuple(line[:-1]),
            column=line[-1],
            target=row["target"],
            is_new_definition=place > 0 and bool(versions[place - 1]) and versions[place] != versions[place - 1],
            is_running=month == facts.focus.month,
            reach=_reach(facts) if month == facts.focus.month else None,
        )
        for place, (month, line, row) in enumerate(zip(months, values, columns, strict=True))
    ]
    return Trend(
        labels=tuple(names.label(kpi_id) for kpi_id in ids),
        rate_label=names.label(TREND_RATE),
        charts=tuple(trend_chart(points, size) for size in (TREND_WIDE, TREND_NARROW)),
        rows=tuple(
            TrendRow(
                month=formats.period(row["period_kind"], month, row["period_end"]),
                values=tuple(names.figure(kpi_id, value) for kpi_id, value in zip(ids, line, strict=True)),
                target=names.figure(TREND_COLUMN, row["target"]),
                rate=formats.percent(_actual(found, month, TREND_RATE)),
                version=row["definition_versions"] or "–",
            )
            for month, line, row in zip(months, values, columns, strict=True)
        ),
    )


def _reach(facts: Facts) -> tuple[float, float] | None:
    """Between what the running month is forecast to end; None without a forecast."""
    wanted = (TREND_COLUMN, "month", facts.focus.month, "department", facts.focus.department)
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    for row in facts.divergence:
        if tuple(row[key] for key in keys) == wanted and row["forecast_lower"] is not None:
            return float(row["forecast_lower"]), float(row["forecast_upper"])
    return None


def _actual(found: Mapping[Any, Mapping[str, Any]], month: Any, kpi_id: str) -> float | None:
    row = found.get((month, kpi_id))
    return None if row is None or row["actual"] is None else float(row["actual"])
