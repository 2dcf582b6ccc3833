"""Of what does each gap consist? One row per part of a gap: funnel factors, lead sources, response methods, reps, industries.

The gap to target compares the running period with an own earlier one under the same definition, scaled by the business-day weights
(kpi.causes); the change to the last period compares it with that one (kpi.period_changes). A stale sync is the only cause of a
gap that is not to be trusted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.periods import period_of
from definitions_contract.schema import Kpi
from models.context import BuildContext, Model
from models.kpi.cause_evidence import Behind, evidence_of
from models.kpi.cause_gaps import Gap, Material, behind_of, gap_of, parts_of, read_material, weight_between
from models.kpi.daily_history import definition_since, kpis_by_id
from models.kpi.data_trust import stale_connections
from models.statistics.causes import CALENDAR, Part, against_past, rank_parts
from models.tables import (
    calendar,
    causes,
    companies,
    contacts,
    deals,
    divergence,
    kpi_daily,
    meeting_verdicts,
    meetings,
    pace_weights,
    period_changes,
    rep_teams,
    reps,
    sync_runs,
)

EXPLAINED_STATES = ("at_risk", "off", "ahead")
EXPLAINED_SCOPES = ("department", "team")
COMPARED_PERIODS = ("month", "quarter")  # a week is mostly noise, a fiscal year mostly the last one
BASELINE_DAYS = 90  # three months: each weekday and month end often enough
BASELINE_GAP_DAYS = 60  # a change of the last two months must not be part of what it is compared with
LEAST_BASELINE_DAYS = 30  # with less under the present definition, the days under the former are better than none
STALE_SYNC = "data"  # split of the one part of a gap that is not to be trusted


def build_causes(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Explain tonight's gaps of departments and teams to their targets."""
    yield from _stale_rows(connection, context)
    rows = [row for row in _tonight(connection, context) if row.state in EXPLAINED_STATES]
    if not rows:
        return
    earliest = min(context.as_of - timedelta(days=BASELINE_GAP_DAYS), *(row.period_start for row in rows))
    since = earliest - timedelta(days=BASELINE_DAYS)
    material = read_material(connection, context, {row.kpi_id for row in rows}, since=since)
    for row in rows:
        gap = gap_of(row, material, before=_baseline(row.period_start, material.kpis[row.kpi_id], material))
        behind = behind_of(gap, material)
        for part in rank_parts(parts_of(gap, behind, material), gap=gap.size):
            yield _row(part, gap, behind)


def build_period_changes(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Explain how departments and teams stand beside the same share of the last period, on target or not."""
    found = _tonight(connection, context)
    rows = [row for row in found if row.period_kind in COMPARED_PERIODS and row.state != "untrusted"]
    if not rows:
        return
    since = min(_previous_start(row, context) for row in rows)
    material = read_material(connection, context, {row.kpi_id for row in rows}, since=since)
    for row in rows:
        gap = gap_of(row, material, before=(_previous_start(row, context), row.period_start))
        behind = behind_of(gap, material)
        if behind.before:
            yield from _change_rows(gap, behind, material)


def _change_rows(gap: Gap, behind: Behind, material: Material) -> Iterator[Mapping[str, Any]]:
    past = _last_period(gap, material)
    work = replace(gap, size=float(gap.row.actual) - past)
    parts = against_past(parts_of(work, behind, material), gap=work.size)
    holidays = _holidays(work, material) if gap.kpi.denominator is None else 0.0
    whole = replace(work, size=work.size + holidays)
    if holidays:
        splits = dict.fromkeys(part.split for part in parts)
        parts += [Part(split, CALENDAR, "calendar", holidays, None, is_significant=True) for split in splits]
    for part in rank_parts(parts, gap=whole.size):
        row = _row(part, whole, behind)
        yield row | {"previous_start": gap.before[0], "previous": whole.row.actual - whole.size}


def _last_period(gap: Gap, material: Material) -> float:
    """Give the last period's value; of counts and sums the share of it that lies in as many business days."""
    facts = material.facts.get((gap.kpi.id, gap.scope))
    numerator, denominator = facts.total(*gap.before) if facts is not None else (0.0, 0.0)
    if gap.kpi.denominator is not None:
        return numerator / denominator if denominator else 0.0
    return numerator * gap.noise.scale


def _holidays(gap: Gap, material: Material) -> float:
    """Give what the holidays of both spans make of a count: the share by business days less the one by weekdays."""
    facts = material.facts.get((gap.kpi.id, gap.scope))
    past = facts.total(*gap.before)[0] if facts is not None else 0.0
    now_share, past_share = (_open_share(span, material) for span in (gap.now, gap.before))
    if now_share is None or past_share is None or weight_between(material, gap.kpi, gap.before) <= 0:
        return 0.0
    return past * gap.noise.scale * (1 - past_share / now_share)


def _open_share(span: tuple[date, date], material: Material) -> float | None:
    """Give the share of weekdays that are business days; None where there is no such day."""
    days = [span[0] + timedelta(days=number) for number in range((span[1] - span[0]).days)]
    weekdays = [day for day in days if day.weekday() < 5]
    opened = sum(material.is_business_day.get(day, False) for day in weekdays)
    return opened / len(weekdays) if opened else None


def _previous_start(row: Any, context: BuildContext) -> date:
    team = context.agreement.team
    return period_of(row.period_start - timedelta(days=1), row.period_kind, team.fiscal_year_start_month)[0]


def _tonight(connection: Connection, context: BuildContext) -> list[Any]:
    is_wanted = (
        (divergence.c.evaluated_date == context.as_of)
        & divergence.c.scope_kind.in_(EXPLAINED_SCOPES)
        & divergence.c.actual.is_not(None)
    )
    kpis = kpis_by_id(context.agreement)
    found = connection.execute(select(divergence).where(is_wanted).order_by(*divergence.primary_key.columns)).all()
    return [row for row in found if row.kpi_id in kpis]


def _baseline(period_start: date, kpi: Kpi, material: Material) -> tuple[date, date]:
    """Choose the span to compare with: before the period and before the last two months, under the same definition."""
    as_of = material.context.as_of
    since = definition_since(material.context.agreement, kpi, as_of=as_of) or date.min
    least = timedelta(days=LEAST_BASELINE_DAYS)
    latest = as_of - timedelta(days=BASELINE_GAP_DAYS)
    before_period = min(period_start, latest)
    end = before_period if before_period - least >= since else latest
    start = end - timedelta(days=BASELINE_DAYS)
    return (max(start, since), end) if end - least >= since else (start, end)


def _stale_rows(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Name the connections whose records are missing as the one cause of every gap of the night."""
    names = stale_connections(connection, context)
    for row in _tonight(connection, context) if names else ():
        if row.state == "untrusted":
            size = float(row.actual - row.expected_to_date)
            yield _keys(row) | {
                "split": STALE_SYNC,
                "part": ",".join(names),
                "effect": "stale_sync",
                "contribution": size,
                "gap": size,
                "lower": size,
                "upper": size,
                "is_significant": True,
                "rank": 1,
                "evidence_ids": None,
                "evidence": f"{row.reason} What happened since is not counted: no gap can be told from a missing sync.",
            }


def _row(part: Part, gap: Gap, behind: Behind) -> dict[str, Any]:
    words, ids = evidence_of(part, behind)
    return _keys(gap.row) | {
        "split": part.split,
        "part": part.part,
        "effect": part.effect,
        "contribution": part.contribution,
        "gap": gap.size,
        "lower": part.lower,
        "upper": part.upper,
        "is_significant": part.is_significant,
        "rank": part.rank,
        "evidence_ids": ids,
        "evidence": words,
    }


def _keys(row: Any) -> dict[str, Any]:
    names = ("kpi_id", "period_kind", "period_start", "period_end", "scope_kind", "scope_id", "evaluated_date")
    return {name: getattr(row, name) for name in names}


LINKED = (companies, contacts)  # what a rule that became another may ask of a meeting's
READS = (divergence, kpi_daily, meeting_verdicts, meetings, pace_weights, deals, reps, rep_teams, calendar, *LINKED)
MODEL = Model(
    table=causes,
    reads=(*READS, sync_runs),
    rows=build_causes,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
PERIOD_CHANGES = Model(
    table=period_changes,
    reads=READS,
    rows=build_period_changes,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
