"""Records into immutable files and back: landing/<connection>/<sync_id>/<object>/<nnn>.parquet, and last manifest.json.

An extraction without a manifest never happened. What it had read of an object stands in <object>.part.json, whole or up to a
place: the next full read takes that over, goes on from the place, and removes the rest.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import LandingError
from connectors.records import Landed, LandedWindow, Record, RejectedRecord
from connectors.sink import Sink as Sink
from connectors.sink import Window as Window

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
PART = ".part.json"

Place = Mapping[
    str, Any
]  # where the reading of one object goes on; plain JSON, only the object's job knows what it says


class LandingWriter:
    """One sync of one connection on its way to the landing folder. Nothing of it counts before `commit`.

    `part_key` says under which conditions completed objects may be taken over from a killed run: those of the same key.
    """

    def __init__(self, landing: Path, *, connection: str, crm: str, sync_id: str, part_key: str = "") -> None:
        self.folder = landing / connection / sync_id
        if (self.folder / MANIFEST).exists():
            raise LandingError(self.folder, reason="this sync has landed already", remedy="choose another sync id")
        self._connection = connection
        self._crm = crm
        self._sync_id = sync_id
        self._part_key = part_key
        self._sinks: dict[str, Sink] = {}
        self._rejected: list[RejectedRecord] = []
        self._aside: dict[str, set[str]] = {}  # object -> ids of its rejected records
        self._fields: dict[str, Mapping[str, str]] = {}
        self._parts: dict[str, dict[str, Any]] = {}
        self._places: dict[str, Place] = {}
        self._digests: dict[Path, str] = {}  # of completed files: read once, however often they are written down
        self._lock = threading.Lock()

    def sink(self, object_name: str, window: Window) -> Sink:
        """Return the one sink of the object, made when first asked for."""
        with self._lock:
            return self._sinks.setdefault(object_name, Sink(self.folder / object_name, window))

    def reject(self, record: RejectedRecord) -> None:
        """Keep aside a record that cannot be landed: once, however often it was asked for."""
        with self._lock:
            known = self._aside.setdefault(record.object, set())
            if not record.record_id or record.record_id not in known:
                self._rejected.append(record)
                known.add(record.record_id)

    def put_aside(self, object_name: str) -> frozenset[str]:
        """Ids of the object's records that were kept aside."""
        with self._lock:
            return frozenset(self._aside.get(object_name, ()))

    def note_fields(self, object_name: str, fields: Mapping[str, str]) -> None:
        """Remember what the CRM says that the object has."""
        with self._lock:
            self._fields[object_name] = dict(fields)

    @property
    def record_count(self) -> int:
        """Records landed so far, all objects."""
        return sum(sink.record_count for sink in list(self._sinks.values()))

    @property
    def keeps_places(self) -> bool:
        """Whether a killed run would be gone on with: there are conditions to know it by."""
        return bool(self._part_key)

    def take_over(self, *, since: datetime) -> list[str]:
        """Take over what a killed run of the same key had read and written down since then; remove what else it left.

        Returns the objects of which something was taken over.
        """
        parent = self.folder.parent
        found = [(part, path) for path in parent.glob(f"*/*{PART}") if (part := _read_part(path)) is not None]
        fitting = [
            (str(part["finished_at"]), path.parent)
            for part, path in found
            if self._part_key
            and part["key"] == self._part_key
            and datetime.fromisoformat(part["finished_at"]) >= since
            and not (path.parent / MANIFEST).exists()
        ]
        if fitting:
            max(fitting)[1].rename(self.folder)
            self._keep_parts(since)
        remove_leftovers(parent.parent, parent.name, keep=self.folder.name)
        return sorted([*self._parts, *self._places])

    def _keep_parts(self, since: datetime) -> None:
        for path in self.folder.glob(f"*{PART}"):
            part = _read_part(path)
            if part and part["key"] == self._part_key and datetime.fromisoformat(part["finished_at"]) >= since:
                group = path.name.removesuffix(PART)
                if part["place"] is None:
                    self._parts[group] = part
                else:
                    self._go_on(group, part)
        kept = {window["object"] for part in self._parts.values() for window in part["windows"]} | set(self._sinks)
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder)

    def _go_on(self, group: str, part: Mapping[str, Any]) -> None:
        """Take up an object behind its place; files begun after it are removed."""
        self._places[group] = part["place"]
        for record in part["rejected"]:
            self.reject(RejectedRecord(**record))
        for window in _from_windows(part["windows"], self.folder):
            folder = self.folder / window.object
            for file in set(folder.glob("*")) - set(window.files):
                file.unlink()
            sink = Sink(folder, Window(window.window_start, window.window_end))
            sink.go_on(window.files)
            self._sinks[window.object] = sink

    def has(self, group: str) -> bool:
        """Whether the object and all that hangs on it were taken over."""
        return group in self._parts

    def place(self, group: str) -> Place:
        """Where the reading of the object goes on; empty: at its beginning."""
        return self._places.get(group, {})

    def keep_place(self, group: str, place: Place, now: datetime) -> None:
        """Write down that an object is read up to a place, with all that hangs on it."""
        self._write_part(group, now, place)

    def forget_place(self, group: str) -> None:
        """Let the next run begin the object anew."""
        (self.folder / f"{group}{PART}").unlink(missing_ok=True)

    def finish_group(self, group: str, now: datetime) -> None:
        """Write down that an object is complete with all that hangs on it, so that a killed run need not read it again."""
        self._parts[group] = self._write_part(group, now, None)

    def _write_part(self, group: str, now: datetime, place: Place | None) -> dict[str, Any]:
        with self._lock:
            sinks = {name: sink for name, sink in sorted(self._sinks.items()) if group_of(name) == group}
            rejected = [record for record in self._rejected if group_of(record.object) == group]
        for sink in sinks.values():
            sink.finish() if place is None else sink.pause()
        part = {
            "key": self._part_key,
            "finished_at": now,
            "place": place,
            "windows": [self._window_json(name, sink) for name, sink in sinks.items()],
            "rejected": [asdict(record) for record in rejected],
            "fields": self._fields.get(group, {}),
        }
        if self._part_key:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_atomically(self.folder / f"{group}{PART}", orjson.dumps(part))
        return part

    def _window_json(self, name: str, sink: Sink) -> dict[str, Any]:
        for file in sink.files:
            self._digests[file] = self._digests.get(file) or _sha256(file)
        start = sink.window.start
        return {
            "object": name,
            "window_start": start.isoformat() if start else None,
            "window_end": sink.window.end.isoformat(),
            "crm_count": sink.crm_count,
            "landed_count": sink.landed_count or 0,
            "files": [
                {"path": str(file.relative_to(self.folder)), "sha256": self._digests[file]} for file in sink.files
            ],
            "missing_ids": list(sink.missing_ids),
        }

    def commit(
        self, *, is_full: bool, started_at: datetime, extracted_at: datetime, clock_skew_seconds: float = 0.0
    ) -> Landed:
        """Write the rest and then, in one rename, the manifest: from here on the sync exists."""
        for group in sorted({group_of(name) for name in self._sinks} - set(self._parts)):
            self.finish_group(group, extracted_at)
        parts = self._parts.values()
        content = {
            "version": MANIFEST_VERSION,
            "sync_id": self._sync_id,
            "connection": self._connection,
            "crm": self._crm,
            "is_full": is_full,
            "started_at": started_at.isoformat(),
            "extracted_at": extracted_at.isoformat(),
            "clock_skew_seconds": clock_skew_seconds,
            "windows": sorted((window for part in parts for window in part["windows"]), key=lambda one: one["object"]),
            "rejected": [record for part in parts for record in part["rejected"]],
            "fields": {group: part["fields"] for group, part in sorted(self._parts.items()) if part["fields"]},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_atomically(self.folder / MANIFEST, orjson.dumps(content, option=orjson.OPT_INDENT_2))
        for leftover in self.folder.glob(f"*{PART}"):
            leftover.unlink()
        pa.default_memory_pool().release_unused()  # what loads these files next needs it
        return _from_json(orjson.loads(orjson.dumps(content)), self.folder)


def group_of(object_name: str) -> str:
    """The object that a landed object hangs on.

    >>> group_of("associations.calls.contacts"), group_of("ids.Task"), group_of("Task")
    ('calls', 'Task', 'Task')
    """
    return object_name.split(".")[1] if "." in object_name else object_name


def read_manifest(path: Path) -> Landed:
    """Return what a sync landed; `path` is its manifest. Raises LandingError when a file is missing or damaged."""
    try:
        content = orjson.loads(path.read_bytes())
        landed = _from_json(content, path.parent)
        digests = {
            path.parent / file["path"]: file["sha256"] for window in content["windows"] for file in window["files"]
        }
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise LandingError(path, reason=f"the manifest cannot be read ({type(error).__name__})") from error
    for file, digest in digests.items():
        if not file.is_file():
            raise LandingError(file, reason="the file is missing")
        if _sha256(file) != digest:
            raise LandingError(file, reason="the file is damaged: its SHA-256 is not the one in the manifest")
    return landed


def pending(landing: Path, connection: str, done: set[str]) -> list[Path]:
    """Return the manifests of the landed syncs that are not among `done`, the oldest first: their names sort by time."""
    manifests = (landing / connection).glob(f"*/{MANIFEST}")
    return sorted(path for path in manifests if path.parent.name not in done)


def read_records(window: LandedWindow) -> Iterator[Record]:
    """Read back the records of one window, in the order in which they landed."""
    for path in window.files:
        for row in pq.read_table(path).to_pylist():
            yield Record(**row)


def remove_leftovers(landing: Path, connection: str, *, keep: str = "") -> None:
    """Remove what killed extractions of the connection left: folders without a manifest."""
    folder = landing / connection
    for leftover in folder.iterdir() if folder.is_dir() else ():
        if leftover.is_dir() and leftover.name != keep and not (leftover / MANIFEST).exists():
            shutil.rmtree(leftover)


def _read_part(path: Path) -> dict[str, Any] | None:
    """What a killed run wrote down of one object; None when that itself or a file of it is not whole."""
    try:
        part: dict[str, Any] = orjson.loads(path.read_bytes())
        files = [file for window in part["windows"] for file in window["files"]]
        is_whole = all(_sha256(path.parent / file["path"]) == file["sha256"] for file in files)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return part if is_whole and "place" in part else None


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_json(content: dict[str, Any], folder: Path) -> Landed:
    if content["version"] != MANIFEST_VERSION:
        raise ValueError("unknown manifest version")
    return Landed(
        sync_id=content["sync_id"],
        connection=content["connection"],
        crm=content["crm"],
        is_full=content["is_full"],
        started_at=datetime.fromisoformat(content["started_at"]),
        extracted_at=datetime.fromisoformat(content["extracted_at"]),
        windows=_from_windows(content["windows"], folder),
        rejected=tuple(RejectedRecord(**record) for record in content["rejected"]),
        fields=content.get("fields", {}),
        clock_skew_seconds=content.get("clock_skew_seconds", 0.0),
    )


def _from_windows(windows: Sequence[Mapping[str, Any]], folder: Path) -> tuple[LandedWindow, ...]:
    return tuple(
        LandedWindow(
            object=window["object"],
            window_start=datetime.fromisoformat(window["window_start"]) if window["window_start"] else None,
            window_end=datetime.fromisoformat(window["window_end"]),
            crm_count=window["crm_count"],
            landed_count=window["landed_count"],
            files=tuple(folder / file["path"] for file in window["files"]),
            missing_ids=tuple(window.get("missing_ids", ())),
        )
        for window in windows
    )


def as_utc(text: str) -> datetime:
    """Read a CRM's time stamp: ISO 8601 with Z or an offset (`+0000` too), or epoch milliseconds; always UTC.

    >>> as_utc("2026-04-01T09:30:00.000+0000").isoformat()
    '2026-04-01T09:30:00+00:00'
    """
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time stamp without zone")
    return moment.astimezone(UTC)
