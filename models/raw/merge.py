"""Which version of each CRM record is the newest? Landing files merged into raw.records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)

from models.duckdb import MergeInto, parquet_files
from models.tables import records

KEYS = ("connection", "object", "record_id")
LANDED = ("connection", "object", "id", "modified_at", "is_deleted", "extracted_at", "payload")


def merge_records(connection: Connection, *, sync_id: str, source: str, files: Sequence[Path]) -> int:
    """Merge landing files of one connection into raw.records and return how many records are new or different.

    The newest modified_at of a record wins; of versions modified at the same time the one read last. A tombstone yields to a
    living version that was read later: whoever restores a record need not change its time. A record whose payload and deletion
    mark stay the same is not touched, so that a second run with nothing new changes no row. Rows of another connection in the
    files are left out. The memory that it takes does not grow with the number of records.
    """
    if not files:
        return 0
    landed = parquet_files(files, *LANDED)
    if _is_first(connection, source, landed):
        return _take_in(connection, sync_id, source, landed)
    if len(files) == 1:
        return _merge(connection, _newest_versions(sync_id, source, landed))
    before = _count_changed(connection, sync_id, source)
    for file in files:
        _merge(connection, _newest_versions(sync_id, source, parquet_files([file], *LANDED)))
    # a record in several files was changed once, not once a file
    return _count_changed(connection, sync_id, source) - before


def _count_changed(connection: Connection, sync_id: str, source: str) -> int:
    changed = select(func.count()).select_from(records)
    return connection.execute(changed.where(records.c.connection == source, records.c.sync_id == sync_id)).scalar_one()


def _is_first(connection: Connection, source: str, landed: FromClause) -> bool:
    """Whether there is no record yet of the objects that landed."""
    objects = connection.execute(select(landed.c.object).distinct()).scalars().all()
    known = select(records.c.record_id).where(records.c.connection == source, records.c.object.in_(objects)).limit(1)
    return connection.execute(known).first() is None


def _take_in(connection: Connection, sync_id: str, source: str, landed: FromClause) -> int:
    """Write the records of objects that are new here: as they come, but for those that came in several versions."""
    key = tuple_(landed.c.object, landed.c.id)
    own = landed.c.connection == source
    repeated = select(landed.c.object, landed.c.id).where(own).group_by(landed.c.object, landed.c.id)
    repeated = repeated.having(func.count() > 1)
    once = select(*_as_stored(landed, sync_id)).where(own, key.not_in(repeated))
    written = int(connection.execute(insert(records).from_select(records.columns.keys(), once)).rowcount)
    if written == connection.execute(select(func.count()).select_from(landed).where(own)).scalar_one():
        return written
    return written + _merge(connection, _newest_versions(sync_id, source, landed, key.in_(repeated)))


def _merge(connection: Connection, arriving: Subquery) -> int:
    is_newer = tuple_(arriving.c.modified_at, arriving.c.extracted_at) >= tuple_(
        records.c.modified_at, records.c.extracted_at
    )
    is_restored = and_(
        records.c.is_deleted, arriving.c.is_deleted.is_(False), arriving.c.extracted_at > records.c.extracted_at
    )
    is_different = or_(
        arriving.c.payload.is_distinct_from(records.c.payload),
        arriving.c.is_deleted.is_distinct_from(records.c.is_deleted),
    )
    merge = MergeInto(records, arriving, keys=KEYS, when=and_(or_(is_newer, is_restored), is_different))
    return int(connection.execute(merge).rowcount)


def _newest_versions(sync_id: str, source: str, landed: FromClause, *conditions: ColumnElement[bool]) -> Subquery:
    order = (
        landed.c.modified_at.desc(),
        landed.c.extracted_at.desc(),
        landed.c.is_deleted.desc(),
        landed.c.payload,  # two versions read in the same moment: any, but always the same one
    )
    place = func.row_number().over(partition_by=(landed.c.object, landed.c.id), order_by=order)
    own = landed.c.connection == source
    ranked = select(*landed.c, place.label("place")).where(own, *conditions).subquery("ranked")
    return select(*_as_stored(ranked, sync_id)).where(ranked.c.place == 1).subquery("arriving")


def _as_stored(landed: FromClause, sync_id: str) -> list[ColumnElement[Any]]:
    """The columns of raw.records, in their order."""
    own = {"record_id": landed.c.id, "sync_id": literal(sync_id)}
    return [
        own[column.name].label(column.name) if column.name in own else landed.c[column.name] for column in records.c
    ]
