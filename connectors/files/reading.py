"""What changed in a folder of exports? Files that are not known are read, row by row; each row lands or is put aside.

A file is known by its digest when it was last taken in. Of an object that is declared complete all files are read as soon as one
changed, and all ids are listed: what is on no list was deleted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from zoneinfo import ZoneInfo

import orjson

from connectors.errors import ConnectorError, IncompleteReadError, MissingColumnError, RecordRejectedError
from connectors.files.folder import GONE, Found, find_exports, known_digests, stamp_of, window_name
from connectors.files.tables import Export, Header, Row, as_row, count_rows, opened, wrong_encoding
from connectors.files.times import as_moment
from connectors.landing import Sink
from connectors.records import Record
from connectors.settings import FileObject, FilesConnection
from connectors.sync import FILE, IDS, Finding, Sync
from connectors.workers import Group

PAGE_ROWS = 2_000  # handed over at once: progress is told this often


@dataclass
class _Reading:
    """What one object's files gave so far. `versions` are those of the file that is being read: id -> time, payload."""

    sync: Sync
    connection: FilesConnection
    how: FileObject
    sink: Sink
    ids: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    versions: dict[tuple[str, datetime], tuple[int, int]] = field(default_factory=dict)
    landed: int = 0
    aside: int = 0
    repeated: int = 0

    def put_aside(self, export: Export, header: Header, row: Row, reason: str) -> None:
        """Keep a row that cannot be landed, with its place."""
        self.aside += 1
        shown = {"file": export.name, "line": row.line, "row": as_row(header.columns, row)}
        if not row.is_decoded or len(row.cells) != len(header.columns):
            shown["row"] = [_printable(cell) for cell in row.cells]
        self.sync.reject(
            self.how.object,
            reason=f"{export.name}:{row.line}: {reason}",
            payload=orjson.dumps(shown).decode(),
            record_id=f"{export.name}#{row.line}",
        )


def start_jobs(sync: Sync, connection: FilesConnection) -> None:
    """Queue the reading of every object."""
    for name, how in connection.exports.items():
        sync.start_group(name, partial(_read_object, sync, connection, how))


def findings(connection: FilesConnection) -> Iterator[Finding]:
    """Say what tonight's sync would find, object by object: files, columns, encoding, ids."""
    for name, how in connection.exports.items():
        try:
            found = find_exports(connection, how)
            looked_at = [_examined(connection, one.export) for one in found]
        except (ConnectorError, OSError) as error:
            yield Finding(connection.name, name, is_ok=False, detail=str(error))
            continue
        rows = sum(one[0] for one in looked_at)
        without_id = sum(one[1] for one in looked_at)
        detail = f"files: {len(found)}, newest {found[-1].export.name}; rows: {rows:,}; every mapped column is there"
        yield Finding(connection.name, name, is_ok=True, detail=detail)
        if without_id:
            detail = (
                f"{without_id:,} of {rows:,} rows have no value in '{how.id}' and would be put aside; mend the export"
            )
            yield Finding(connection.name, name, is_ok=False, detail=detail)


def _examined(connection: FilesConnection, export: Export) -> tuple[int, int]:
    with opened(export) as (header, rows):
        _check_columns(connection, export, header)
        place = header.columns.index(export.how.id)
        count = without_id = 0
        for row in rows:
            count += 1
            without_id += not (place < len(row.cells) and (row.cells[place] or "").strip())
    return count, without_id


def _read_object(sync: Sync, connection: FilesConnection, how: FileObject, _group: Group) -> None:
    window = sync.window(how.object, from_start=False, is_whole=True)
    found = find_exports(connection, how)
    known = known_digests(sync.cursors_of(FILE, how.object))
    changed = [one for one in found if known.get(one.export.name) != one.digest]
    gone = sorted(set(known) - {one.export.name for one in found})
    is_listing = how.complete and bool(changed or gone)
    reading = _Reading(sync, connection, how, sync.sink(how.object, window))
    for place, one in enumerate(found if is_listing else changed):
        _read_file(reading, one, place)
    for name in gone:
        sync.note_sweep(FILE, f"{how.object}.{window_name(name, GONE)}", window)
    reading.sink.crm_count = len(reading.ids)
    if is_listing:
        _list_ids(reading, sync.note_sweep(IDS, how.object, window))


def _read_file(reading: _Reading, found: Found, place: int) -> None:
    """Land one file. Its rows, counted once more, must be those that landed, were put aside or said the same twice."""
    export, sync = found.export, reading.sync
    proof = sync.note_sweep(FILE, f"{reading.how.object}.{window_name(export.name, found.digest)}", reading.sink.window)
    reading.landed = reading.aside = reading.repeated = 0
    reading.versions.clear()
    moment = sync.clock() + timedelta(microseconds=place)
    with opened(export) as (header, rows):
        _check_columns(reading.connection, export, header)
        sync.note_fields(
            reading.how.object, {name: kind for name, kind in zip(header.columns, header.types, strict=True) if name}
        )
        records = _records(reading, export, header, rows, moment)
        while page := list(islice(records, PAGE_ROWS)):
            sync.land(reading.how.object, reading.sink, page)
    proof.crm_count = count_rows(export)
    proof.landed_count = reading.landed + reading.aside + reading.repeated
    if stamp_of(export) != found.stamp:
        raise IncompleteReadError(
            reading.connection.name, object_name=reading.how.object, reason=f"{export.name} was being written"
        )


def _check_columns(connection: FilesConnection, export: Export, header: Header) -> None:
    """Every mapped column must be there; of several candidates for a field one is enough."""
    how = export.how
    needed: list[tuple[str, tuple[str, ...], str]] = [("id", (how.id,), how.origin)]
    if how.modified_at:
        needed.append(("modified_at", (how.modified_at,), how.origin))
    items = [(entity, item) for entity, items in connection.field_map.items() for item in items]
    for entity, item in ((entity, item) for entity, item in items if item.object == how.object):
        needed += [(f"{entity}.{key}", one.sources, one.origin) for key, one in item.fields.items() if one.sources]
        needed += [
            (f"{entity}.{key}", (column,), one.origin) for key, one in item.fields.items() for column in one.parts
        ]
        needed += [(f"{entity}.where", (column,), item.origin) for column in item.where]
        needed += [(f"{entity}.unless", (column,), item.origin) for column in item.unless]
        needed += [(f"{entity}.links", (link.column,), item.origin) for link in item.links]
    for key, columns, origin in needed:
        if not set(columns) & set(header.columns):
            raise MissingColumnError(
                connection.name,
                file=export.name,
                line=header.line,
                object_name=how.object,
                key=key,
                field=" or ".join(columns),
                origin=origin,
                columns=[column for column in header.columns if column],
            )


def _records(
    reading: _Reading, export: Export, header: Header, rows: Iterable[Row], moment: datetime
) -> Iterator[Record]:
    broken: list[int] = []
    has_foreign_signs = False
    for row in rows:
        if not row.is_decoded:
            broken.append(row.line)
        has_foreign_signs = has_foreign_signs or (row.is_decoded and not row.is_ascii)
        try:
            record = _record(reading, header, row, moment)
        except RecordRejectedError as error:
            reading.put_aside(export, header, row, error.reason)
            continue
        if record is None:
            reading.repeated += 1
            continue
        reading.landed += 1
        reading.ids.add(record.id)
        yield record
    if broken and not has_foreign_signs:  # not a damaged row: every row with another sign than ASCII
        raise wrong_encoding(export, broken[0])


def _record(reading: _Reading, header: Header, row: Row, moment: datetime) -> Record | None:
    """Turn a row into a record; None when another row has said the same. Raises RecordRejectedError."""
    values = _values(reading, header, row)
    record_id = (values[reading.how.id] or "").strip()
    if not record_id:
        raise RecordRejectedError(reading.how.object, reason=f"no value in '{reading.how.id}'")
    reading.listed.add(record_id)
    modified_at = _modified_at(reading, values, moment)
    payload = orjson.dumps(values).decode()
    line, said = reading.versions.setdefault((record_id, modified_at), (row.line, hash(payload)))
    if line == row.line:
        return Record(reading.connection.name, reading.how.object, record_id, modified_at, False, moment, payload)
    if said == hash(payload):
        return None
    reason = (
        f"its id stands on line {line}, too, with other values, and nothing says which is newer; line {line} counts"
    )
    raise RecordRejectedError(reading.how.object, reason=reason)


def _values(reading: _Reading, header: Header, row: Row) -> dict[str, str | None]:
    if not row.is_decoded:
        raise RecordRejectedError(reading.how.object, reason=f"it cannot be read as {reading.how.encoding}")
    if len(row.cells) != len(header.columns):
        reason = f"it has {len(row.cells)} cells, the header {len(header.columns)}"
        raise RecordRejectedError(reading.how.object, reason=reason)
    return as_row(header.columns, row)


def _modified_at(reading: _Reading, values: dict[str, str | None], moment: datetime) -> datetime:
    """The row's own time of change; that of reading, where the export has none."""
    text = (values[reading.how.modified_at] or "").strip() if reading.how.modified_at else ""
    if not text:
        return moment
    try:
        return as_moment(text, ZoneInfo(reading.connection.zone))
    except (ValueError, OverflowError, OSError) as error:
        reason = f"'{reading.how.modified_at}' is no time; allowed: ISO 8601, YYYY/MM/DD hh:mm or epoch milliseconds"
        raise RecordRejectedError(reading.how.object, reason=reason) from error


def _list_ids(reading: _Reading, sink: Sink) -> None:
    """List every id that the exports have, also those of rows that were put aside: they are not deleted."""
    moment = sink.window.end
    name, object_name = reading.connection.name, reading.how.object
    sink.add([Record(name, object_name, one, moment, False, moment, "{}") for one in sorted(reading.listed)])
    sink.crm_count = len(reading.listed)


def _printable(cell: str | None) -> str | None:
    return None if cell is None else cell.encode("utf-8", "backslashreplace").decode()
