"""Nightly checks of the data itself: what must hold whatever the numbers are. One row per check and night.

An error makes every KPI of the night untrusted; a warning is shown. The rules of the definitions are checked elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import sqlalchemy as sa

from models.context import BuildContext, Model
from models.tables import (
    calls,
    check_results,
    deals,
    emails,
    kpi_daily,
    meeting_verdicts,
    meetings,
    metadata,
    quarantine,
    reconciliation,
    sync_runs,
)

FRESH_HOURS = 36  # a nightly sync that is a day and a half old has been missed once
LOGGING_DAYS = 4  # calendar days in which reps fill in outcomes: two business days and a weekend
CHECKED_SCHEMAS = ("raw", "core", "kpi")


@dataclass(frozen=True, slots=True)
class DataCheck:
    """A check: `failing` counts what is wrong, `sentence` says it with {count} in it."""

    name: str
    severity: Literal["error", "warning"]
    sentence: str
    failing: Callable[[BuildContext], sa.Select[Any]]
    after: sa.Table  # the table that it looks at; Dagster shows it there


def _count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(table).where(*conditions)


def _unmatched_syncs(_context: BuildContext) -> sa.Select[Any]:
    newest = sa.select(sa.func.max(sync_runs.c.sync_id)).group_by(sync_runs.c.connection)
    return _count(reconciliation, reconciliation.c.sync_id.in_(newest), reconciliation.c.is_matched.is_(False))


def _stale_sources(context: BuildContext) -> sa.Select[Any]:
    """Connections whose newest sync is too old on the night itself, those that never synced included."""
    newest = (
        sa.select(sync_runs.c.connection, sa.func.max(sync_runs.c.extracted_at).label("extracted_at"))
        .group_by(sync_runs.c.connection)
        .subquery()
    )
    limit = context.known_at - timedelta(hours=FRESH_HOURS)
    fresh = sa.select(sa.func.count()).select_from(newest).where(newest.c.extracted_at >= limit).scalar_subquery()
    return sa.select(sa.literal(len(context.connections)) - fresh)


def _repeated_keys(_context: BuildContext) -> sa.Select[Any]:
    """Rows beyond the first with one key, over all tables: the warehouse declares keys but does not enforce them."""
    tables = [t for t in metadata.tables.values() if t.schema in CHECKED_SCHEMAS and list(t.primary_key)]
    counts = [_repeated(table) for table in tables]
    parts = sa.union_all(*counts).subquery()
    return sa.select(sa.func.coalesce(sa.func.sum(parts.c.repeated), 0))


def _repeated(table: sa.Table) -> sa.Select[Any]:
    groups = sa.select(sa.func.count().label("n")).select_from(table).group_by(*table.primary_key).subquery()
    return sa.select(sa.func.coalesce(sa.func.sum(groups.c.n - 1), 0).label("repeated"))


def _missing_verdicts(_context: BuildContext) -> sa.Select[Any]:
    judged = sa.select(meeting_verdicts.c.meeting_id)
    return _count(meetings, meetings.c.meeting_id.not_in(judged))


def _unjudged_meetings(context: BuildContext) -> sa.Select[Any]:
    in_the_past = meeting_verdicts.c.counted_date <= context.as_of
    return _count(meeting_verdicts, meeting_verdicts.c.definition_version.is_(None), in_the_past)


def _kpis_beyond_the_day(context: BuildContext) -> sa.Select[Any]:
    return _count(kpi_daily, kpi_daily.c.counted_date > context.as_of)


def _calls_without_disposition(context: BuildContext) -> sa.Select[Any]:
    return _count(
        calls,
        calls.c.disposition == "unknown",
        calls.c.status == "completed",
        calls.c.called_date > context.as_of - timedelta(days=30),
        calls.c.called_date <= context.as_of,
    )


def _meetings_without_outcome(context: BuildContext) -> sa.Select[Any]:
    is_over = meetings.c.held_date <= context.as_of - timedelta(days=LOGGING_DAYS)
    return _count(meetings, meetings.c.outcome == "unknown", is_over)


def _deals_without_source(_context: BuildContext) -> sa.Select[Any]:
    return _count(deals, deals.c.lead_source == "unknown")


def _won_without_rate(_context: BuildContext) -> sa.Select[Any]:
    """Deals that won_amount leaves out: no agreed rate of their currency holds on their close day."""
    return _count(deals, deals.c.status == "won", deals.c.amount.is_not(None), deals.c.agreed_amount.is_(None))


def _emails_without_rep(_context: BuildContext) -> sa.Select[Any]:
    return _count(emails, emails.c.rep_id.is_(None))


def _quarantined(_context: BuildContext) -> sa.Select[Any]:
    return _count(quarantine)


DATA_CHECKS = (
    DataCheck(
        "syncs_matched", "error", "{count} windows landed another number than the CRM says", _unmatched_syncs, sync_runs
    ),
    DataCheck(
        "sources_fresh", "error", f"{{count}} sources are older than {FRESH_HOURS} hours", _stale_sources, sync_runs
    ),
    DataCheck("keys_unique", "error", "{count} rows repeat the key of another", _repeated_keys, sync_runs),
    DataCheck(
        "every_meeting_judged", "error", "{count} meetings have no row in meeting_verdicts", _missing_verdicts, meetings
    ),
    DataCheck(
        "no_number_beyond_the_day",
        "error",
        "{count} KPI rows lie after the night's day",
        _kpis_beyond_the_day,
        kpi_daily,
    ),
    DataCheck(
        "every_meeting_has_a_version",
        "warning",
        "{count} meetings lie before the first signed version and are not judged",
        _unjudged_meetings,
        meeting_verdicts,
    ),
    DataCheck("nothing_in_quarantine", "warning", "{count} fields of records are kept aside", _quarantined, quarantine),
    DataCheck(
        "calls_have_a_disposition",
        "warning",
        "{count} completed calls of the last 30 days have no disposition",
        _calls_without_disposition,
        calls,
    ),
    DataCheck(
        "meetings_have_an_outcome",
        "warning",
        f"{{count}} meetings have no outcome {LOGGING_DAYS} days after their day",
        _meetings_without_outcome,
        meetings,
    ),
    DataCheck("deals_have_a_source", "warning", "{count} deals have no lead source", _deals_without_source, deals),
    DataCheck(
        "won_deals_have_a_rate",
        "warning",
        "{count} won deals are in no amount: team.yaml agrees on no rate of their currency for their close day",
        _won_without_rate,
        deals,
    ),
    DataCheck("emails_have_a_rep", "warning", "{count} e-mails belong to no known rep", _emails_without_rep, emails),
)


def _rows(connection: sa.Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    for check in DATA_CHECKS:
        count = int(connection.execute(check.failing(context)).scalar_one())
        yield {
            "check_name": check.name,
            "as_of": context.as_of,
            "is_passed": count == 0,
            "severity": check.severity,
            "failed_count": count,
            "detail": check.sentence.format(count=count),
        }


MODEL = Model(
    table=check_results,
    reads=(sync_runs, reconciliation, quarantine, meetings, meeting_verdicts, kpi_daily, calls, deals, emails),
    rows=_rows,
    write="replace_day",
    day_column="as_of",
    group="ops",
)
