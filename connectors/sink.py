"""Where do the records of one object go while it is read? Into Parquet files, a small row group after the other.

So little waits in memory, however many records there are and however many objects are read side by side.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.id_set import IdSet
from connectors.records import Record

GROUP_ROWS = 2_000  # a row group: some two MB of payloads, for each of twenty objects at once
GROUP_BYTES = 4 << 20  # long note texts fill it before its rows do
FILE_ROWS = 50_000  # some 30 MB of payloads: few files, and the warehouse takes one of them at a time
FILE_BYTES = 64 << 20
COLUMNS: "list[pa.Field[Any]]" = [
    pa.field("connection", pa.string(), nullable=False),
    pa.field("object", pa.string(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("modified_at", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("is_deleted", pa.bool_(), nullable=False),
    pa.field("extracted_at", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("payload", pa.string(), nullable=False),
]
SCHEMA = pa.schema(COLUMNS)
SAME_IN_A_FILE = ["connection", "object"]  # a sink is one object's of one connection
ALL_BUT_PAYLOAD = [name for name in SCHEMA.names if name != "payload"]


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open time window that one object is asked for; no start means from the beginning."""

    start: datetime | None
    end: datetime

    def has(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return (self.start is None or self.start <= moment) and moment < self.end


class ParquetFile:
    """One file that grows by row groups. It has its name once it is closed; before, it is `<name>.part`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.row_count = 0
        self.byte_count = 0
        self._temporary = path.with_suffix(".part")
        self._writer = pq.ParquetWriter(
            self._temporary,
            SCHEMA,
            compression="zstd",
            use_dictionary=SAME_IN_A_FILE,  # type: ignore[arg-type]  # the stubs know no list of columns
            write_statistics=False,
        )

    @property
    def is_full(self) -> bool:
        """Whether the next row group belongs into another file."""
        return self.row_count >= FILE_ROWS or self.byte_count >= FILE_BYTES

    def add(self, rows: Sequence[Record], byte_count: int) -> None:
        """Write one row group."""
        columns = [_column(field, values) for field, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)]
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
        self.row_count += len(rows)
        self.byte_count += byte_count

    def close(self) -> None:
        """Complete the file and give it its name."""
        self._writer.close()
        self._temporary.rename(self.path)


@dataclass
class Sink:
    """Takes the records of one object from all threads.

    `crm_count` and `landed_count` stay as the object's job sets them; without it every id that landed counts.
    `record_count` is of this run; `full_files` those that were completed since the last pause.
    """

    folder: Path
    window: Window
    crm_count: int | None = None
    landed_count: int | None = None
    record_count: int = 0
    missing_ids: tuple[str, ...] = ()
    full_files: int = 0
    files: list[Path] = field(default_factory=list)
    _rows: list[Record] = field(default_factory=list)
    _bytes: int = 0
    _file: ParquetFile | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _file_lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, records: Sequence[Record]) -> None:
        """Take records; write a row group when enough have come together."""
        with self._lock:
            self._rows.extend(records)
            self._bytes += sum([len(record.payload) for record in records])
            self.record_count += len(records)
            full = self._take() if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES else None
        if full:
            self._write(*full)

    def go_on(self, files: Sequence[Path]) -> None:
        """Begin behind files that a killed run has completed."""
        self.files.extend(files)

    def pause(self) -> None:
        """Write what is left and complete the file: all that came so far stands in `files`."""
        with self._lock:
            rest = self._take() if self._rows else None
        if rest:
            self._write(*rest)
        with self._file_lock:
            self._close()
            self.full_files = 0

    def finish(self) -> None:
        """Write what is left, and count it where the object's job has not."""
        self.pause()
        if self.landed_count is None:
            self.landed_count = len(self.landed_ids())

    def landed_ids(self) -> IdSet:
        """The ids of all that came so far, read back: kept while reading, they would take more memory the larger an account is."""
        self.pause()
        found = IdSet()
        for batch in _batches(self.files, ["id"]):
            found.update(map(str, batch.column("id").to_pylist()))
        return found

    def _take(self) -> tuple[list[Record], int]:
        taken = self._rows, self._bytes
        self._rows, self._bytes = [], 0
        return taken

    def _write(self, rows: list[Record], byte_count: int) -> None:
        with self._file_lock:
            if self._file is None:
                self._file = ParquetFile(self.folder / f"{len(self.files) + 1:03d}.parquet")
                self.files.append(self._file.path)
            self._file.add(rows, byte_count)
            if self._file.is_full:
                self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self.full_files += 1


def _column(column: "pa.Field[Any]", values: Sequence[Any]) -> Any:
    if column.name != "extracted_at":
        return pa.array(values, column.type)
    # all records of a page have one: each is worked out once, which takes a quarter of the time
    places = {moment: place for place, moment in enumerate(dict.fromkeys(values))}
    return pa.array([*places], column.type).take(pa.array([places[moment] for moment in values]))


def kept_records(files: Sequence[Path]) -> Iterator[list[Record]]:
    """The records in completed files, a row group at a time, without their payloads."""
    for batch in _batches(files, ALL_BUT_PAYLOAD):
        yield [Record(**row, payload="") for row in batch.to_pylist()]


def _batches(files: Sequence[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(GROUP_ROWS, columns=columns, use_threads=False)
