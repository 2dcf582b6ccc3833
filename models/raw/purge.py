"""Which records has the CRM no longer? All ids that it has, compared with raw.records; what is gone becomes a tombstone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from models.duckdb import parquet_files
from models.tables import records

LEAST_SUSPICIOUS = 100  # so few may be purged on one day whatever their share
SUSPICIOUS_SHARE = 0.1  # of an object's records: a user who has lost the right to see them looks just like that
MOST_NAMED = 20  # ids named in an error


@dataclass(frozen=True, slots=True)
class IdList:
    """All ids that a CRM has of an object, in the files of a sync. `since`: those modified before were not asked for."""

    connection: str
    object: str
    files: Sequence[Path]
    since: datetime | None
    listed_from: datetime  # when the listing began: what was read later is on no list
    complete_before: datetime | None  # records modified before this must be in the warehouse; None: all may be new


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the comparison found: living records here, how many of them are gone, ids that should be here and are not."""

    known_count: int
    purged_count: int
    missing_ids: tuple[str, ...]

    @property
    def is_suspicious(self) -> bool:
        """Whether so many are gone at once that rather the right to see them may be."""
        return self.purged_count > max(LEAST_SUSPICIOUS, SUSPICIOUS_SHARE * self.known_count)


def compare_ids(connection: Connection, ids: IdList) -> Comparison:
    """Compare, without changing anything."""
    known = select(func.count()).select_from(records).where(*_asked_for(ids))
    purged = select(func.count()).select_from(records).where(*_gone(ids))
    return Comparison(
        known_count=connection.execute(known).scalar_one(),
        purged_count=connection.execute(purged).scalar_one(),
        missing_ids=_missing_ids(connection, ids),
    )


def bury_purged(connection: Connection, ids: IdList, *, sync_id: str, moment: datetime) -> None:
    """Make tombstones of the records that are gone, and of the associations that start from them.

    The time of change stays: should the CRM show the record again, its version read then is the newer one.
    """
    gone = select(records.c.record_id).where(*_gone(ids)).subquery("gone")
    hanging = func.starts_with(records.c.object, f"associations.{ids.object}.")
    condition = and_(
        records.c.connection == ids.connection,
        or_(records.c.object == ids.object, hanging),
        records.c.is_deleted.is_(False),
        records.c.record_id.in_(select(gone.c.record_id)),
    )
    connection.execute(update(records).where(condition).values(is_deleted=True, sync_id=sync_id, extracted_at=moment))


def _asked_for(ids: IdList) -> list[ColumnElement[bool]]:
    asked = [
        records.c.connection == ids.connection,
        records.c.object == ids.object,
        records.c.is_deleted.is_(False),
        records.c.extracted_at < ids.listed_from,
    ]
    return asked if ids.since is None else [*asked, records.c.modified_at >= ids.since]


def _gone(ids: IdList) -> list[ColumnElement[bool]]:
    if not ids.files:
        return _asked_for(ids)
    listed = parquet_files(ids.files, "id")
    return [*_asked_for(ids), records.c.record_id.not_in(select(listed.c.id))]


def _missing_ids(connection: Connection, ids: IdList) -> tuple[str, ...]:
    """What should have come long ago, or lives again: a tombstone that an earlier sync brought stands for a record that is gone."""
    if not ids.files or ids.complete_before is None:
        return ()
    listed = parquet_files(ids.files, "id", "modified_at", "is_deleted")
    is_here = exists().where(
        records.c.connection == ids.connection,
        records.c.object == ids.object,
        records.c.record_id == listed.c.id,
        or_(records.c.is_deleted.is_(False), records.c.extracted_at >= ids.listed_from),
    )
    query = (
        select(listed.c.id)
        .where(listed.c.modified_at < ids.complete_before, listed.c.is_deleted.is_(False), ~is_here)
        .order_by(listed.c.id)
        .limit(MOST_NAMED)
    )
    return tuple(connection.execute(query).scalars())
