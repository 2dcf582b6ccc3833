"""Nightly checks of the data itself: what must hold whatever the numbers are. One row per check and night.

An error makes every KPI of the night untrusted; a warning is shown. The rules of the definitions are checked elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import sqlalchemy as sa

from definitions_contract.standing import Fault, findings
from models.context import BuildContext, Model
from models.ops.row_checks import KEY, ROW_CHECKS, SHOWN, RowCheck
from models.tables import (
    calendar,
    calls,
    check_results,
    companies,
    contacts,
    deals,
    emails,
    kpi_daily,
    meeting_verdicts,
    meetings,
    metadata,
    quarantine,
    raw_deals,
    reconciliation,
    sync_runs,
)

READS = (
    sync_runs,
    reconciliation,
    quarantine,
    calendar,
    contacts,
    companies,
    meetings,
    meeting_verdicts,
    kpi_daily,
    calls,
    deals,
    raw_deals,
    emails,
)
FRESH_HOURS = 36  # a nightly sync that is a day and a half old has been missed once
UNCHANGED = "agreement_is_unchanged"  # the check that ends a night with exit code 3
SHOWN_ROWS = 3  # records named in a result; the others are counted
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


def _kpis_beyond_the_day(context: BuildContext) -> sa.Select[Any]:
    return _count(kpi_daily, kpi_daily.c.counted_date > context.as_of)


def _quarantined(_context: BuildContext) -> sa.Select[Any]:
    return _count(quarantine)


@dataclass(frozen=True, slots=True)
class AgreementCheck:
    """A check of how the texts stand that departments sign."""

    name: str
    severity: Literal["error", "warning"]
    sentence: str
    faults: tuple[Fault, ...]
    after: sa.Table = kpi_daily

    def failing(self, context: BuildContext) -> list[str]:
        """Say what is wrong, one sentence a text."""
        return [found.text.en for found in findings(context.agreement, context.as_of) if found.fault in self.faults]


AGREEMENT_CHECKS = (
    AgreementCheck(
        UNCHANGED,
        "error",  # numbers made by a text that nobody agreed to, or by an older version than people think
        "{count} files were changed after they were signed",
        (Fault.BROKEN,),
    ),
    AgreementCheck("agreement_is_signed", "warning", "{count} files are not signed by all", (Fault.UNSIGNED,)),
    AgreementCheck(
        "agreement_was_signed_in_time",
        "warning",
        "{count} files were signed after the first day for which they hold",
        (Fault.LATE,),
    ),
)
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
    DataCheck("nothing_in_quarantine", "warning", "{count} fields of records are kept aside", _quarantined, quarantine),
)


ALL_CHECKS: tuple[DataCheck | RowCheck | AgreementCheck, ...] = (*DATA_CHECKS, *ROW_CHECKS, *AGREEMENT_CHECKS)


def _results(connection: sa.Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    for check in ALL_CHECKS:
        count, detail = _result(connection, check, context)
        yield {
            "check_name": check.name,
            "as_of": context.as_of,
            "is_passed": count == 0,
            "severity": check.severity,
            "failed_count": count,
            "detail": detail,
        }


def _result(
    connection: sa.Connection, check: DataCheck | RowCheck | AgreementCheck, context: BuildContext
) -> tuple[int, str]:
    """Give what is wrong, counted and in a sentence, with a few of the records by name."""
    match check:
        case DataCheck():
            count = int(connection.execute(check.failing(context)).scalar_one())
            return count, check.sentence.format(count=count)
        case RowCheck():
            failing = check.failing(context)
            count = int(connection.execute(sa.select(sa.func.count()).select_from(failing)).scalar_one())
            first = sa.select(failing.c[SHOWN]).order_by(failing.c[KEY]).limit(SHOWN_ROWS if count else 0)
            named = connection.execute(first).scalars().all()
            return count, "; ".join(
                (check.sentence.format(count=count), *([f"e.g. {', '.join(named)}"] if named else []))
            )
        case AgreementCheck():
            found = check.failing(context)
            return len(found), "; ".join((check.sentence.format(count=len(found)), *found))


MODEL = Model(
    table=check_results,
    reads=READS,
    rows=_results,
    write="replace_day",
    day_column="as_of",
    group="ops",
)
