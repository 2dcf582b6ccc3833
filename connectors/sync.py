"""One running extraction: what its jobs share, whichever CRM they ask."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as midnight
from typing import Any

import orjson

from connectors.errors import IncompleteReadError, RecordRejectedError, RequestRefusedError
from connectors.http import Caller
from connectors.landing import LandingWriter, Place, Sink, Window, group_of
from connectors.records import Record, RejectedRecord
from connectors.settings import Connection
from connectors.workers import Group, Workers

FILE = "file"  # pseudo-objects `file.<object>.<path>.<digest>`: one for each file that was read
IDS = "ids"  # pseudo-objects: their windows and cursors say when something was last done for an object
REFRESH = "refresh"
LEAST_SKEW_SECONDS = 2.0  # the CRM tells its time in whole seconds, and an answer takes a moment


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extraction is: the object that a page came of, and the connection's totals.

    `expected_count` is what the CRM said it has of what was asked for so far.
    """

    connection: str
    object: str
    record_count: int
    request_count: int
    expected_count: int = 0
    seconds: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None until there is one."""
        if not self.record_count or self.expected_count < self.record_count:
            return None
        return self.seconds / self.record_count * (self.expected_count - self.record_count)


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
        again: Mapping[str, Collection[str]],
        now: datetime,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.connection = connection
        self.workers = Workers(connection.workers)
        self._writer = writer
        self._caller = caller
        self._cursors = cursors
        self._again = again
        self._now = now
        self._began = time.monotonic()
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._expected_count = 0

    def clock(self) -> datetime:
        """The time now: the start as it was given, and what has passed since."""
        return self._now.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._began)

    def start_group(self, object_name: str, task: Callable[[Group], None]) -> None:
        """Queue the reading of an object, unless a killed run has read it whole already."""
        if self._writer.has(object_name):
            return

        def read(group: Group) -> None:
            try:
                task(group)
            except (RequestRefusedError, IncompleteReadError):
                self._writer.forget_place(object_name)  # going on there again might end so again
                raise

        self.workers.submit_group(read, on_done=lambda: self._writer.finish_group(object_name, datetime.now(UTC)))

    def window(self, object_name: str, *, from_start: bool, is_whole: bool = False) -> Window:
        """What to ask for: from the overlap before the cursor, or all of it (`from_start`: since the connection's start day).

        The end goes by the CRM's clock: one of ours that is ahead would leave a gap.
        """
        skew = timedelta(seconds=self.clock_skew_seconds)
        end = whole_milliseconds(self._now.astimezone(UTC) + skew - self.connection.lag)
        cursor = None if is_whole else self._cursors.get(object_name)
        if cursor is not None:
            return Window(whole_milliseconds(cursor.astimezone(UTC) - self.connection.overlap), end)
        first = datetime.combine(self.connection.start, midnight(), tzinfo=UTC)
        return Window(first if from_start else None, end)

    @property
    def clock_skew_seconds(self) -> float:
        """How far the CRM's clock is ahead of ours, as its answers tell; 0 when that may be the way's doing."""
        skew = self._caller.clock_skew_seconds
        return skew if abs(skew) > LEAST_SKEW_SECONDS else 0.0

    def is_due(self, sweep: str, object_name: str, *, days: int) -> bool:
        """Whether so many days have passed since a sweep of the object was last done. 0 days: never."""
        if not days:
            return False
        done_at = self._cursors.get(f"{sweep}.{object_name}")
        # a nightly run begins a little earlier or later: half a day less than asked for still counts
        return done_at is None or self._now.astimezone(UTC) - done_at >= timedelta(days=days - 0.5)

    def note_sweep(self, sweep: str, object_name: str, window: Window) -> Sink:
        """Note that a sweep of the object is being done; its window's end becomes the sweep's cursor."""
        return self._writer.sink(f"{sweep}.{object_name}", window)

    def note_fields(self, object_name: str, fields: Mapping[str, str]) -> None:
        """Hand over what the CRM says that the object has: field -> type."""
        self._writer.note_fields(object_name, fields)

    def expect(self, count: int) -> None:
        """Count on so many records more, for the progress."""
        with self._lock:
            self._expected_count += count

    def is_incremental(self, object_name: str) -> bool:
        """Whether there is a cursor to go on from."""
        return object_name in self._cursors

    def sink(self, object_name: str, window: Window) -> Sink:
        """Where the object's records go. Its window is the one that a killed run began with, where that is gone on with."""
        return self._writer.sink(object_name, window)

    def place(self, object_name: str) -> Place:
        """Where a killed run had come to in the object's full read; empty: at the beginning."""
        return self._writer.place(object_name)

    @property
    def keeps_places(self) -> bool:
        """Whether a later run goes on where this one is killed: a full read's does, an increment begins again."""
        return self._writer.keeps_places

    def is_place_due(self, sink: Sink) -> bool:
        """Whether the object's place is to be written down: after each file that is full."""
        return self.keeps_places and sink.full_files > 0

    def keep_place(self, object_name: str, place: Place) -> None:
        """Write down where the object's full read goes on. All that came until there has landed, and what hangs on it."""
        self._writer.keep_place(object_name, place, datetime.now(UTC))

    def land(self, object_name: str, sink: Sink, records: list[Record]) -> None:
        """Hand over one page."""
        self._caller.check_stop()
        sink.add(records)
        with self._lock:
            self._on_progress(
                Progress(
                    self.connection.name,
                    object_name,
                    self._writer.record_count,
                    self._caller.request_count,
                    self._expected_count,
                    time.monotonic() - self._began,
                )
            )

    def records(self, results: Iterable[Any], build: Callable[[Any], Record]) -> list[Record]:
        """Turn a page into records; a result that makes none is put aside and the rest goes on."""
        records = []
        for result in results:
            try:
                records.append(build(result))
            except RecordRejectedError as error:
                record_id = str(result.get("id") or result.get("Id") or "")
                payload = orjson.dumps(result).decode()
                self._writer.reject(RejectedRecord(error.object_name, error.reason, payload, record_id))
        return records

    def reject(self, object_name: str, *, reason: str, payload: str, record_id: str = "") -> None:
        """Put aside what the CRM refused to hand over."""
        self._writer.reject(RejectedRecord(object_name, reason, payload, record_id))

    def put_aside(self, object_name: str) -> frozenset[str]:
        """Ids of the object's records that this sync put aside."""
        return self._writer.put_aside(object_name)

    def again(self, object_name: str) -> list[str]:
        """Ids that the last sync had to put aside, or could not read the associations of."""
        found = (ids for name, ids in self._again.items() if group_of(name) == object_name)
        return sorted({one for ids in found for one in ids})

    def cursors_of(self, sweep: str, object_name: str) -> dict[str, datetime]:
        """The cursors of an object's pseudo-objects of one kind, by what follows the object's name."""
        prefix = f"{sweep}.{object_name}."
        return {name.removeprefix(prefix): at for name, at in self._cursors.items() if name.startswith(prefix)}


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
