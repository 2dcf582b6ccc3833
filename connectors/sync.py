"""One running extraction: what its jobs share, whichever CRM they ask."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as midnight
from typing import Any

import orjson

from connectors.errors import RecordRejectedError
from connectors.http import Caller
from connectors.landing import LandingWriter, Sink, Window
from connectors.records import Record, RejectedRecord
from connectors.settings import Connection
from connectors.workers import Workers


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extraction is: the object that a page came of, and the connection's totals."""

    connection: str
    object: str
    record_count: int
    request_count: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` looked at; `detail` says what to do when it is not in order."""

    connection: str
    subject: str
    is_ok: bool
    detail: str


class Sync:
    """Gives the jobs their windows, takes their records, tells who waits how far it is."""

    def __init__(
        self,
        connection: Connection,
        *,
        writer: LandingWriter,
        caller: Caller,
        cursors: Mapping[str, datetime],
        now: datetime,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.connection = connection
        self.workers = Workers(connection.workers)
        self._writer = writer
        self._caller = caller
        self._cursors = cursors
        self._now = now
        self._began = time.monotonic()
        self._on_progress = on_progress
        self._lock = threading.Lock()

    def clock(self) -> datetime:
        """The time now: the start as it was given, and what has passed since."""
        return self._now.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._began)

    def window(self, object_name: str, *, from_start: bool) -> Window:
        """What to ask for: from the overlap before the cursor, or all of it (`from_start`: since the connection's start day)."""
        end = whole_milliseconds(self._now.astimezone(UTC) - self.connection.lag)
        cursor = self._cursors.get(object_name)
        if cursor is not None:
            return Window(whole_milliseconds(cursor.astimezone(UTC) - self.connection.overlap), end)
        first = datetime.combine(self.connection.start, midnight(), tzinfo=UTC)
        return Window(first if from_start else None, end)

    def is_incremental(self, object_name: str) -> bool:
        """Whether there is a cursor to go on from."""
        return object_name in self._cursors

    def sink(self, object_name: str, window: Window) -> Sink:
        """Where the object's records go."""
        return self._writer.sink(object_name, window)

    def land(self, object_name: str, sink: Sink, records: list[Record]) -> None:
        """Hand over one page."""
        sink.add(records)
        progress = Progress(self.connection.name, object_name, self._writer.record_count, self._caller.request_count)
        with self._lock:
            self._on_progress(progress)

    def records(self, results: Iterable[Any], build: Callable[[Any], Record]) -> list[Record]:
        """Turn a page into records; a result that makes none is put aside and the rest goes on."""
        records = []
        for result in results:
            try:
                records.append(build(result))
            except RecordRejectedError as error:
                payload = orjson.dumps(result).decode()
                self._writer.reject(RejectedRecord(error.object_name, error.reason, payload))
        return records

    def reject(self, object_name: str, *, reason: str, payload: str) -> None:
        """Put aside what the CRM refused to hand over."""
        self._writer.reject(RejectedRecord(object_name, reason, payload))


def whole_milliseconds(moment: datetime) -> datetime:
    """Cut to the resolution of both CRMs' clocks, so that one window's end is exactly the next one's start."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def settled_count(landed: int, *, before: int, after: int) -> int:
    """What the CRM has in a window, from its counts before and after reading.

    Records only leave a closed window (a new change carries them past its end), so a complete reading lies between the two
    counts, and one below `after` has lost something.

    >>> settled_count(10, before=11, after=10), settled_count(9, before=11, after=10)
    (10, 10)
    """
    return min(max(landed, after), max(before, after))
