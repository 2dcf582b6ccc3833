"""Which exports lie in the folder, and which of them are known? One name, one digest, one time each."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.errors import FileUnreadableError
from connectors.files.tables import Export
from connectors.settings import FileObject, FilesConnection
from connectors.sync import FILE

GONE = "gone"  # stands for the digest of a file that is no longer there


@dataclass(frozen=True, slots=True)
class Found:
    """An export as it lies there: `digest` changes with its bytes, and with the way in which it is read."""

    export: Export
    digest: str
    stamp: tuple[int, int]  # time of change and size: a file that is being written changes one of them


def find_exports(connection: FilesConnection, how: FileObject) -> list[Found]:
    """Return the files of an object, the oldest first: what a newer one says of the same record counts.

    Raises FileUnreadableError when there is none: nothing exported looks just like everything deleted.
    """
    paths = [
        path for path in connection.folder.glob(how.files) if path.is_file() and not path.name.startswith(("~$", "."))
    ]
    if not paths:
        raise FileUnreadableError(
            connection.name,
            file=how.files,
            reason=f"no file of this name in {connection.folder}, which {how.origin} names for {how.object}",
            remedy="put the export there, or correct folder or files",
        )
    exports = [
        Export(connection.name, path, path.relative_to(connection.folder).as_posix(), how) for path in sorted(paths)
    ]
    return sorted(map(_found, exports), key=lambda one: one.stamp[0])


def stamp_of(export: Export) -> tuple[int, int]:
    """Give time of change and size."""
    stat = export.path.stat()
    return stat.st_mtime_ns, stat.st_size


def window_name(name: str, digest: str) -> str:
    """Name the pseudo-object of a file, without the object before it."""
    return f"{name}.{digest}"


def file_of(window_object: str) -> tuple[str, str] | None:
    """Give object and path of the file that a window is of; None for a window of anything else.

    >>> file_of("file.calls.2026/calls.csv.ab12"), file_of("ids.calls")
    (('calls', '2026/calls.csv'), None)
    """
    kind, _, rest = window_object.partition(".")
    if kind != FILE or not rest:
        return None
    object_name, _, file = rest.partition(".")
    return object_name, file.rpartition(".")[0]


def known_digests(read_at: Mapping[str, datetime]) -> dict[str, str]:
    """Give each file's digest when it was last read, from the times of all readings; a file that went is not known."""
    newest: dict[str, tuple[datetime, str]] = {}
    for key, moment in read_at.items():
        name, _, digest = key.rpartition(".")
        newest[name] = max(newest.get(name, (moment, digest)), (moment, digest))
    return {name: digest for name, (_, digest) in newest.items() if digest != GONE}


def _found(export: Export) -> Found:
    stamp = stamp_of(export)
    digest = hashlib.sha256(export.how.reading.encode())
    try:
        with export.path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        reason = str(error.strerror or error)
        raise FileUnreadableError(
            export.connection, file=export.name, reason=reason, remedy="let this user read it"
        ) from error
    return Found(export, digest.hexdigest(), stamp)
