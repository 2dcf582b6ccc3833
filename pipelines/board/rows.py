"""Which rows does the board show? Reads kpi, core and ops tables once; everything after this is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, case, func, or_, select

from definitions_contract.periods import months_before
from models.tables import (
    alerts,
    calendar,
    calls,
    causes,
    check_results,
    deals,
    divergence,
    emails,
    kpi_daily,
    kpi_periods,
    meeting_rule_results,
    meeting_verdicts,
    meetings,
    pace_weights,
    phase_status,
    plan,
    quarantine,
    reconciliation,
    reps,
    snapshots,
    sync_runs,
)
from pipelines.board import detail_rows

Rows = tuple[Mapping[str, Any], ...]

TREND_MONTHS = 12
BEFORE_MONTHS = 3  # what a segment's rate of this month is compared with
PENDING_SHOWN = 60  # the list is for the morning's calls; a longer one is worked through in the CRM
RECORD_MONTHS = 2  # whole months before this one whose meetings can be opened one by one
LIVE_ALERTS = ("open", "acknowledged", "snoozed")
COHORT_KINDS = ("booking", "first_touch")
# Windows of a sync that ask for ids or read something again: not counts of what was landed.
OTHER_WINDOWS = ("ids.", "refresh.")
SEGMENTS = ("lead_source", "response_method")
# core tables that evidence may name, with their key
EVIDENCE_TABLES: tuple[tuple[Table, str], ...] = (
    (meetings, "meeting_id"),
    (deals, "deal_id"),
    (calls, "call_id"),
    (emails, "email_id"),
)


@dataclass(frozen=True, slots=True)
class Focus:
    """What the page is about: the current KPI, whose it is, the month that holds as_of, the KPIs that reps and segments compare by."""

    kpi_id: str
    department: str
    as_of: date
    month: date
    next_month: date
    teams: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows by what they tell; each field is one statement's result, or one per key."""

    focus: Focus
    has_data: bool
    days: Rows
    daily: Rows
    weights: Rows
    divergence: Rows
    divergence_before: Rows
    snapshots: Rows
    alerts: Rows
    causes: Rows
    evidence: Mapping[str, str]
    verdicts: Rows
    rule_results: Rows
    reject_reasons: Rows
    pending: Rows
    periods: Rows
    rep_periods: Rows
    segments: Mapping[str, Rows]
    segments_before: Mapping[str, Rows]
    trend: Rows
    plan: Rows
    phase_status: Rows
    reps: Mapping[str, str]
    syncs: Rows
    reconciliation: Rows
    quarantine: Rows
    checks: Rows
    cells: Rows
    own_meetings: Rows
    cohorts: Mapping[str, Rows]
    feedback: Rows
    disagreements: Rows
    qualitative: Rows
    alert_events: Rows
    period_changes: Rows
    schema_changes: Rows
    guard_notes: Rows


def read_facts(connection: Connection, focus: Focus) -> Facts:
    """Read every row that the board shows, for the night of `focus.as_of`."""

    def rows(statement: Select[Any]) -> Rows:
        return _mappings(connection.execute(statement).all())

    found_causes = rows(_causes(focus))
    syncs = rows(_newest_syncs())
    first = months_before(focus.month, TREND_MONTHS - 1)
    recent = months_before(focus.month, RECORD_MONTHS)
    return Facts(
        focus=focus,
        has_data=bool(rows(select(kpi_daily.c.kpi_id).limit(1))),
        days=rows(_month_days(focus)),
        daily=rows(_daily(focus)),
        weights=rows(_weights(focus)),
        divergence=rows(select(divergence).where(divergence.c.evaluated_date == focus.as_of)),
        divergence_before=rows(_divergence_before(focus)),
        snapshots=rows(_snapshots(focus)),
        alerts=rows(_alerts(focus)),
        causes=found_causes,
        evidence=_evidence(connection, found_causes),
        verdicts=rows(_verdicts(focus)),
        rule_results=rows(_rule_results(focus)),
        reject_reasons=rows(_reject_reasons(focus)),
        pending=rows(_pending(focus)),
        periods=rows(_periods(focus)),
        rep_periods=rows(_rep_periods(focus)),
        segments={name: rows(_segment(name, focus.month, focus.next_month, focus)) for name in SEGMENTS},
        segments_before={
            name: rows(_segment(name, months_before(focus.month, BEFORE_MONTHS), focus.month, focus))
            for name in SEGMENTS
        },
        trend=rows(_trend(focus)),
        plan=rows(_plan(focus)),
        phase_status=rows(_phase_status(focus)),
        reps={row["rep_id"]: row["name"] for row in rows(select(reps.c.rep_id, reps.c.name))},
        syncs=syncs,
        reconciliation=rows(_reconciliation([row["sync_id"] for row in syncs])),
        quarantine=rows(_quarantine()),
        checks=rows(_checks(focus)),
        cells=rows(detail_rows.select_cells(focus.compared, focus.department, first, focus.as_of)),
        own_meetings=rows(detail_rows.select_meetings(focus.teams, recent, focus.as_of)),
        cohorts={kind: rows(detail_rows.select_cohorts(kind, focus.as_of)) for kind in COHORT_KINDS},
        feedback=rows(detail_rows.select_feedback(first, focus.as_of)),
        disagreements=rows(detail_rows.select_disagreements(recent, focus.as_of)),
        qualitative=rows(detail_rows.select_qualitative(focus.department, focus.month)),
        alert_events=rows(detail_rows.select_alert_events(focus.as_of)),
        period_changes=rows(detail_rows.select_period_changes(focus.as_of)),
        schema_changes=rows(detail_rows.select_schema_changes()),
        guard_notes=rows(detail_rows.select_guard_notes(focus.as_of)),
    )


def _mappings(found: Sequence[Row[Any]]) -> Rows:
    return tuple(dict(row._mapping) for row in found)


def _month_days(focus: Focus) -> Select[Any]:
    c = calendar.c
    return (
        select(c.day, c.business_day, c.holiday).where(c.day >= focus.month, c.day < focus.next_month).order_by(c.day)
    )


def _daily(focus: Focus) -> Select[Any]:
    c = kpi_daily.c
    return (
        select(c.counted_date, func.sum(c.numerator).label("numerator"), func.sum(c.denominator).label("denominator"))
        .where(c.kpi_id == focus.kpi_id, c.department == focus.department)
        .where(c.counted_date >= focus.month, c.counted_date <= focus.as_of)
        .group_by(c.counted_date)
        .order_by(c.counted_date)
    )


def _weights(focus: Focus) -> Select[Any]:
    c = pace_weights.c
    in_month = and_(c.day >= focus.month, c.day < focus.next_month)
    return select(c.day, c.weight).where(c.kpi_id == focus.kpi_id, in_month).order_by(c.day)


def _is_focus(table: Table, focus: Focus) -> Any:
    c = table.c
    return and_(
        c.kpi_id == focus.kpi_id,
        c.period_kind == "month",
        c.period_start == focus.month,
        c.scope_kind == "department",
        c.scope_id == focus.department,
    )


def _divergence_before(focus: Focus) -> Select[Any]:
    c = divergence.c
    earlier = c.evaluated_date < focus.as_of
    return select(divergence).where(_is_focus(divergence, focus), earlier).order_by(c.evaluated_date.desc()).limit(1)


def _snapshots(focus: Focus) -> Select[Any]:
    """All KPIs of the department's month, on the last two nights known."""
    c = snapshots.c
    nights = select(c.known_date).where(c.known_date <= focus.as_of).distinct().order_by(c.known_date.desc()).limit(2)
    return (
        select(snapshots)
        .where(c.period_kind == "month", c.period_start == focus.month)
        .where(c.scope_kind == "department", c.scope_id == focus.department)
        .where(c.known_date.in_(nights))
        .order_by(c.known_date.desc(), c.kpi_id)
    )


def _alerts(focus: Focus) -> Select[Any]:
    c = alerts.c
    shown = or_(c.state.in_(LIVE_ALERTS), c.resolved_date == focus.as_of)
    return select(alerts).where(shown).order_by(c.silenced_by.is_not(None), c.opened_date, c.alert_id)


def _causes(focus: Focus) -> Select[Any]:
    c = causes.c
    return (
        select(causes).where(c.evaluated_date == focus.as_of).order_by(c.split, c.rank.nulls_last(), c.part, c.effect)
    )


def _evidence(connection: Connection, found: Rows) -> dict[str, str]:
    """Map the core ids that the causes name to the addresses that open them in the CRM."""
    ids = {part for row in found for part in (row["evidence_ids"] or "").split(",") if part}
    urls: dict[str, str] = {}
    for table, key in EVIDENCE_TABLES if ids else ():
        statement = select(table.c[key], table.c.crm_url).where(table.c[key].in_(sorted(ids)))
        urls.update({str(row[0]): row[1] for row in connection.execute(statement) if row[1]})
    return urls


def _counted(focus: Focus) -> Any:
    c = meeting_verdicts.c
    return and_(c.counted_date >= focus.month, c.counted_date <= focus.as_of)


def _verdicts(focus: Focus) -> Select[Any]:
    c = meeting_verdicts.c
    return (
        select(c.verdict, c.failed_rules, func.count().label("meeting_count"))
        .where(_counted(focus))
        .group_by(c.verdict, c.failed_rules)
        .order_by(c.verdict, c.failed_rules)
    )


def _rule_results(focus: Focus) -> Select[Any]:
    c = meeting_rule_results.c
    return (
        select(c.rule_id, c.definition_version, c.severity, c.outcome, func.count().label("meeting_count"))
        .join_from(meeting_rule_results, meeting_verdicts, c.meeting_id == meeting_verdicts.c.meeting_id)
        .where(_counted(focus))
        .group_by(c.rule_id, c.definition_version, c.severity, c.outcome)
    )


def _reject_reasons(focus: Focus) -> Select[Any]:
    reason = func.coalesce(meetings.c.reject_reason, "unknown").label("reject_reason")
    count = func.count().label("meeting_count")
    return (
        select(reason)
        .add_columns(count)
        .join_from(meetings, meeting_verdicts, meetings.c.meeting_id == meeting_verdicts.c.meeting_id)
        .where(_counted(focus), meetings.c.field_sales_feedback == "rejected")
        .group_by(reason)
        .order_by(count.desc(), reason)
    )


def _pending(focus: Focus) -> Select[Any]:
    """Meetings over and not judged yet, the nearest deadline first; `pending_count` and `next_deadline` are of all of them.

    The board is read on the day after as_of: a deadline of that day is over.
    """
    c = meeting_verdicts.c
    later = case((c.pending_until_date > focus.as_of, c.pending_until_date))
    return (
        select(
            meeting_verdicts,
            func.count().over().label("pending_count"),
            func.min(later).over().label("next_deadline"),
        )
        .where(c.verdict == "pending", c.counted_date <= focus.as_of)
        .order_by(c.pending_until_date.nulls_last(), c.counted_date, c.meeting_id)
        .limit(PENDING_SHOWN)
    )


def _periods(focus: Focus) -> Select[Any]:
    """Every KPI of the department's and teams' periods that hold the day, a team's own KPIs too."""
    c = kpi_periods.c
    return (
        select(kpi_periods)
        .where(c.period_start <= focus.as_of, c.period_end > focus.as_of)
        .where(c.period_kind.in_(("month", "quarter", "fiscal_year")), c.scope_kind.in_(("department", "team")))
        .order_by(c.scope_kind, c.scope_id)
    )


def _rep_periods(focus: Focus) -> Select[Any]:
    c = kpi_periods.c
    return select(kpi_periods).where(c.period_kind == "month", c.period_start == focus.month, c.scope_kind == "rep")


def _segment(name: str, since: date, until: date, focus: Focus) -> Select[Any]:
    c = kpi_daily.c
    segment = func.coalesce(c[name], "unknown").label("segment")
    return (
        select(
            segment, c.kpi_id, func.sum(c.numerator).label("numerator"), func.sum(c.denominator).label("denominator")
        )
        .where(c.department == focus.department, c.counted_date >= since, c.counted_date < until)
        .where(c.counted_date <= focus.as_of)
        .group_by(segment, c.kpi_id)
    )


def _trend(focus: Focus) -> Select[Any]:
    c = kpi_periods.c
    first = months_before(focus.month, TREND_MONTHS - 1)
    return (
        select(kpi_periods)
        .where(c.period_kind == "month", c.period_start >= first, c.period_start <= focus.month)
        .where(c.scope_kind == "department", c.scope_id == focus.department)
        .order_by(c.period_start)
    )


def _plan(focus: Focus) -> Select[Any]:
    c = plan.c
    return (
        select(plan)
        .where(c.period_kind == "month", c.period_start == focus.month, c.scope_kind == "department")
        .order_by(c.goal_id, c.scope_id, c.needed.nulls_last(), c.kpi_id)
    )


def _phase_status(focus: Focus) -> Select[Any]:
    c = phase_status.c
    newest = select(func.max(c.evaluated_date)).where(c.evaluated_date <= focus.as_of).scalar_subquery()
    return select(phase_status).where(c.evaluated_date == newest).order_by(c.phase, c.condition)


def _newest_syncs() -> Select[Any]:
    c = sync_runs.c
    newest = select(c.connection, func.max(c.extracted_at).label("extracted_at")).group_by(c.connection).subquery()
    same_run = and_(c.connection == newest.c.connection, c.extracted_at == newest.c.extracted_at)
    return select(sync_runs).join_from(sync_runs, newest, same_run).order_by(c.connection)


def _reconciliation(sync_ids: Sequence[str]) -> Select[Any]:
    """Counts of the newest syncs by object, their windows added up."""
    c = reconciliation.c
    return (
        select(
            c.connection,
            c.object,
            func.sum(c.crm_count).label("crm_count"),
            func.sum(c.landed_count).label("landed_count"),
            func.sum(c.changed_count).label("changed_count"),
            func.sum(c.quarantined_count).label("quarantined_count"),
            func.bool_and(c.is_matched).label("is_matched"),
        )
        .where(c.sync_id.in_(sync_ids), *(~c.object.startswith(prefix, autoescape=True) for prefix in OTHER_WINDOWS))
        .group_by(c.connection, c.object)
        .order_by(c.connection, c.object)
    )


def _quarantine() -> Select[Any]:
    c = quarantine.c
    count = func.count().label("record_count")
    return (
        select(c.connection, c.object, c.field, c.reason, count, func.min(c.record_id).label("example"))
        .group_by(c.connection, c.object, c.field, c.reason)
        .order_by(count.desc(), c.connection, c.object, c.field)
    )


def _checks(focus: Focus) -> Select[Any]:
    c = check_results.c
    newest = select(func.max(c.as_of)).where(c.as_of <= focus.as_of).scalar_subquery()
    return select(check_results).where(c.as_of == newest).order_by(c.is_passed, c.check_name)
