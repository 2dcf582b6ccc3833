"""Who writes here now? One process at a time; whoever comes second is told who that is."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

NOTE = ".holder"


class HeldError(Exception):
    """Somebody else holds the lock; the message says who, as far as is known."""


@contextmanager
def hold(lock: Path, *, run: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock, which the system lets go of however the process ends; beside it stands who holds it, and for which run."""
    note = lock.with_name(f"{lock.name}{NOTE}")
    try:
        with FileLock(lock, timeout=wait_seconds):
            command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
            said = f"process {os.getpid()} (`{command}`), since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, run {run}"
            note.write_text(said, encoding="utf-8")
            try:
                yield
            finally:
                note.unlink(missing_ok=True)
    except Timeout as error:
        raise HeldError(_holder(note)) from error


def name_process(pid: int, folder: Path) -> str:
    """What a process of this machine is: as it said itself in a note in the folder, else the program's name.

    Never its arguments: those of other programs may hold secrets.
    """
    said = (_holder(note) for note in folder.glob(f"*{NOTE}"))
    with suppress(OSError):
        program = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        return next((one for one in said if one.startswith(f"process {pid} ")), f"process {pid} ({program})")
    return f"process {pid}"


def _holder(note: Path) -> str:
    """Whoever left the note, if that process still lives: one that was killed leaves its note behind."""
    with suppress(OSError, ValueError, IndexError):
        said = note.read_text(encoding="utf-8")
        os.kill(int(said.split()[1]), 0)
        return said
    return "a process that left no note"
