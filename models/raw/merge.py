"""Which version of each CRM record is the newest? Landing files merged into raw.records."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Select, Subquery, and_, func, literal, or_, select, tuple_

from models.duckdb import MergeInto, parquet_files
from models.tables import records

KEYS = ("connection", "object", "record_id")
LANDED = ("connection", "object", "id", "modified_at", "is_deleted", "extracted_at", "payload")


def merge_records(connection: Connection, *, sync_id: str, source: str, files: Sequence[Path]) -> int:
    """Merge landing files of one connection into raw.records and return how many records are new or different.

    The newest modified_at of a record wins; of versions modified at the same time the one read last. A record whose payload and
    deletion mark stay the same is not touched, so that a second run with nothing new changes no row. Rows of another connection
    in the files are left out. One statement a file: the memory that it takes does not grow with their number.
    """
    before = _count_changed(connection, sync_id, source) if len(files) > 1 else 0
    changed = sum(_merge_file(connection, sync_id, source, file) for file in files)
    # a record in several files was changed once, not once a file
    return _count_changed(connection, sync_id, source) - before if len(files) > 1 else changed


def _count_changed(connection: Connection, sync_id: str, source: str) -> int:
    changed = select(func.count()).select_from(records)
    return connection.execute(changed.where(records.c.connection == source, records.c.sync_id == sync_id)).scalar_one()


def _merge_file(connection: Connection, sync_id: str, source: str, file: Path) -> int:
    arriving = _newest_versions(sync_id, source, [file])
    is_newer = tuple_(arriving.c.modified_at, arriving.c.extracted_at, arriving.c.is_deleted) >= tuple_(
        records.c.modified_at, records.c.extracted_at, records.c.is_deleted
    )
    is_different = or_(
        arriving.c.payload.is_distinct_from(records.c.payload),
        arriving.c.is_deleted.is_distinct_from(records.c.is_deleted),
    )
    merge = MergeInto(records, arriving, keys=KEYS, when=and_(is_newer, is_different))
    return int(connection.execute(merge).rowcount)


def _newest_versions(sync_id: str, source: str, files: Sequence[Path]) -> Subquery:
    landed = parquet_files(files, *LANDED)
    order = (
        landed.c.modified_at.desc(),
        landed.c.extracted_at.desc(),
        landed.c.is_deleted.desc(),
        landed.c.payload,  # two versions read in the same moment: any, but always the same one
    )
    place = func.row_number().over(partition_by=(landed.c.object, landed.c.id), order_by=order)
    ranked = select(*landed.c, place.label("place")).where(landed.c.connection == source).subquery("ranked")
    newest: Select[tuple[object, ...]] = select(
        ranked.c.connection,
        ranked.c.object,
        ranked.c.id.label("record_id"),
        ranked.c.modified_at,
        ranked.c.is_deleted,
        ranked.c.extracted_at,
        literal(sync_id).label("sync_id"),
        ranked.c.payload,
    ).where(ranked.c.place == 1)
    return newest.subquery("arriving")
