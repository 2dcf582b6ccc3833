"""Who has the home to itself? A night, a run of the Dagster UI, or a backup by `flock`: whoever holds the lock, until its process ends."""

from pathlib import Path

from dagster import DagsterRun
from filelock import FileLock, Timeout

OURS = {"started_by": "kpi nightly"}  # runs that live in a process of `kpi nightly`, not of the daemon
LOCK_NAME = "nightly.lock"


def is_ours(run: DagsterRun) -> bool:
    """Whether `kpi nightly` started the run; it holds the lock before there is a run, and the daemon's runs take it as they start."""
    return OURS.items() <= run.tags.items()


def is_home_taken(home: Path) -> bool:
    """Whether somebody holds the lock. To see, it is taken for an instant: those who mean to hold it wait for longer than that."""
    try:
        with FileLock(home / LOCK_NAME, timeout=0):
            return False
    except Timeout:
        return True
