"""Statements for what stands below the first page: numbers to filter, single meetings, cohorts, feedback, histories."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, Select, cast, func, select

from models.tables import (
    alert_events,
    cohorts,
    disagreements,
    feedback,
    kpi_daily,
    kpi_periods,
    meeting_verdicts,
    meetings,
    period_changes,
    qualitative,
    source_changes,
    sync_runs,
)

DISAGREEMENTS_SHOWN = 40  # the newest: a list for one review meeting
SCHEMA_CHANGES_SHOWN = 20
QUALITATIVE_KINDS = ("reject_reason", "lost_reason", "response_method", "lead_source")


def select_cells(kpi_ids: Sequence[str], department: str, since: date, as_of: date) -> Select[Any]:
    """The KPIs by month, rep, team, lead source and response method."""
    c = kpi_daily.c
    month = cast(func.date_trunc("month", c.counted_date), Date).label("month_start")
    keys = (month, c.kpi_id, c.rep_id, c.team, c.lead_source, c.response_method)
    return (
        select(*keys, func.sum(c.numerator).label("numerator"), func.sum(c.denominator).label("denominator"))
        .where(c.kpi_id.in_(kpi_ids), c.department == department)
        .where(c.counted_date >= since, c.counted_date <= as_of)
        .group_by(*keys)
        .order_by(month.desc(), *keys[1:])
    )


def select_meetings(teams: Sequence[str], since: date, as_of: date) -> Select[Any]:
    """Meetings with their verdict, the newest first."""
    v, m = meeting_verdicts.c, meetings.c
    return (
        select(
            v.meeting_id,
            v.crm_url,
            v.rep_id,
            v.team,
            m.lead_source,
            m.response_method,
            m.reject_reason,
            v.verdict,
            v.failed_rules,
            v.waiting_rules,
            v.counted_date,
            v.pending_until_date,
        )
        .join_from(meeting_verdicts, meetings, v.meeting_id == m.meeting_id, isouter=True)
        .where(v.team.in_(teams), v.counted_date >= since, v.counted_date <= as_of)
        .order_by(v.counted_date.desc(), v.meeting_id)
    )


def select_cohorts(kind: str, as_of: date) -> Select[Any]:
    """Cohorts of one kind by month, step and age, their lead sources added up."""
    c = cohorts.c
    keys = (c.cohort_month, c.step, c.age_days)
    return (
        select(
            *keys,
            func.sum(c.cohort_size).label("cohort_size"),
            func.sum(c.at_risk).label("at_risk"),
            func.sum(c.converted).label("converted"),
            func.bool_and(c.is_matured).label("is_matured"),
        )
        .where(c.cohort_kind == kind, c.cohort_month <= as_of)
        .group_by(*keys)
        .order_by(*keys)
    )


def select_feedback(since: date, as_of: date) -> Select[Any]:
    """What field sales answered, by month."""
    c = feedback.c
    sums = [
        func.sum(column).label(column.name)
        for column in (c.accepted_count, c.rejected_count, c.silent_count, c.waiting_count)
    ]
    in_span = (c.month_start >= since) & (c.month_start <= as_of)
    return select(c.month_start, *sums).where(in_span).group_by(c.month_start).order_by(c.month_start)


def select_disagreements(since: date, as_of: date) -> Select[Any]:
    """Meetings of which field sales and the definition think differently, the newest first; counts by kind on each row."""
    c = disagreements.c
    count = func.count().over(partition_by=c.kind).label("kind_count")
    return (
        select(disagreements, count)
        .where(c.held_date >= since, c.held_date <= as_of)
        .order_by(c.held_date.desc(), c.meeting_id)
        .limit(DISAGREEMENTS_SHOWN)
    )


def select_qualitative(department: str, month: date) -> Select[Any]:
    """How leads were handled and why not, for the department's month."""
    c = qualitative.c
    return (
        select(qualitative)
        .where(c.period_kind == "month", c.period_start == month, c.kind.in_(QUALITATIVE_KINDS))
        .where(c.scope_kind == "department", c.scope_id == department)
        .order_by(c.kind, c.code)
    )


def select_period_changes(as_of: date) -> Select[Any]:
    """Of what the change of this month against the last one consists."""
    c = period_changes.c
    is_shown = (c.evaluated_date == as_of) & (c.period_kind == "month")
    return select(period_changes).where(is_shown).order_by(c.split, c.rank.nulls_last(), c.part, c.effect)


def select_alert_events(as_of: date) -> Select[Any]:
    """What happened to the alerts, in order."""
    c = alert_events.c
    return select(alert_events).where(c.event_date <= as_of).order_by(c.event_date, c.alert_id, c.event)


def select_guard_notes(as_of: date) -> Select[Any]:
    """Numbers of departments and teams that rose while their guard got worse, in the running periods."""
    c = kpi_periods.c
    return (
        select(c.kpi_id, c.period_kind, c.scope_kind, c.scope_id)
        .where(c.guard_note == "guard_fell", c.scope_kind.in_(("department", "team")))
        .where(c.period_start <= as_of, c.period_end > as_of)
    )


def select_schema_changes() -> Select[Any]:
    """What changed in the CRMs' schemas, the newest first."""
    c = source_changes.c
    return (
        select(source_changes, sync_runs.c.extracted_at)
        .join_from(source_changes, sync_runs, c.sync_id == sync_runs.c.sync_id)
        .order_by(sync_runs.c.extracted_at.desc(), c.connection, c.object, c.field)
        .limit(SCHEMA_CHANGES_SHOWN)
    )
