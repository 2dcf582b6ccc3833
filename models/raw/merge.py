"""Which version of each CRM record is the newest? Landing files merged into raw.records."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)

from models.duckdb import parquet_files
from models.tables import records

KEYS = ("connection", "object", "record_id")
LANDED = ("connection", "object", "id", "modified_at", "is_deleted", "extracted_at", "payload")


def merge_records(connection: Connection, *, sync_id: str, source: str, files: Mapping[str, Sequence[Path]]) -> None:
    """Merge landing files of one connection, by object, into raw.records: what is new or different then bears the sync's id.

    The newest modified_at of a record wins; of versions modified at the same time the one read last. A record whose payload and
    deletion mark stay the same is not touched, so that a second run with nothing new changes no row. Rows of another connection
    in the files are left out. An object that is known takes one file at a time: the memory that it needs does not grow.
    """
    known = _known_objects(connection, source, files)
    new = [file for name, paths in files.items() if name not in known for file in paths]
    if new:
        _take_in(connection, sync_id, source, parquet_files(new, *LANDED))
    for at_once in zip_longest(*(paths for name, paths in files.items() if name in known)):
        landed = parquet_files([file for file in at_once if file], *LANDED)
        is_repeated = connection.execute(_repeated(source, landed).limit(1)).first() is not None
        _merge(connection, (_newest_versions if is_repeated else _versions)(sync_id, source, landed))


def _known_objects(connection: Connection, source: str, objects: Iterable[str]) -> set[str]:
    """Of which of the objects there are records."""
    known = select(records.c.object).where(records.c.connection == source, records.c.object.in_(list(objects)))
    return set(connection.execute(known.distinct()).scalars())


def _take_in(connection: Connection, sync_id: str, source: str, landed: FromClause) -> None:
    """Write the records of objects that are new here: as they come, but for those that came in several versions."""
    repeated = _repeated(source, landed)
    if connection.execute(repeated.limit(1)).first() is None:
        connection.execute(
            insert(records).from_select(records.columns.keys(), select(_versions(sync_id, source, landed)))
        )
        return
    key = tuple_(landed.c.object, landed.c.id)
    once = select(_versions(sync_id, source, landed, key.not_in(repeated)))
    connection.execute(insert(records).from_select(records.columns.keys(), once))
    _merge(connection, _newest_versions(sync_id, source, landed, key.in_(repeated)))


def _repeated(source: str, landed: FromClause) -> Select[Any]:
    """The keys of records that came in several versions: few or none, and only these need be put in order."""
    keys = select(landed.c.object, landed.c.id).where(landed.c.connection == source)
    return keys.group_by(landed.c.object, landed.c.id).having(func.count() > 1)


def _merge(connection: Connection, arriving: Subquery) -> None:
    """Take what is older out, then write what is not there: changed in its place, a record has its whole part of the file rewritten."""
    is_same = and_(*(arriving.c[key] == records.c[key] for key in KEYS))
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
    connection.execute(delete(records).where(is_same, or_(is_newer, is_restored), is_different))
    missing = select(arriving).where(~exists().where(is_same).correlate(arriving))
    connection.execute(insert(records).from_select(arriving.columns.keys(), missing))


def _versions(sync_id: str, source: str, landed: FromClause, *conditions: ColumnElement[bool]) -> Subquery:
    own = landed.c.connection == source
    return select(*_as_stored(landed, sync_id)).where(own, *conditions).subquery("arriving")


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
