"""Does a night that was killed leave anything behind? Not after the next one: the tables are those of an undisturbed night."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from tests.night.homes import AS_OF, KPI, Home, digests, processes_of

pytestmark = pytest.mark.timeout(580)
TICKS = os.sysconf("SC_CLK_TCK")
EARLIEST, LATEST = 3.5, 11.0  # seconds of work: from the first page read until the copy is written
KILLS = 2


def test_after_kills_at_random_moments_the_tables_are_those_of_an_undisturbed_night(
    an_untouched_home: Home, night_home: Home
) -> None:
    seed = random.randrange(1_000_000)  # noqa: S311 - chance, no secret
    moments = [random.Random(seed + number).uniform(EARLIEST, LATEST) for number in range(KILLS)]  # noqa: S311 - as above

    ends = [_kill_after(an_untouched_home, moment) for moment in moments]
    left = list(processes_of(an_untouched_home.path))
    done = an_untouched_home.kpi("nightly", "--as-of", AS_OF.isoformat(), "--format", "json")

    told = f"seed {seed}, killed after {moments} s of work: {ends}"
    assert -signal.SIGKILL in ends, told  # on a fast machine a late one may have come too late
    assert left == [], told
    assert done.returncode == 0, told + done.stdout + done.stderr
    result = json.loads(done.stdout)  # and nothing else: no progress
    assert (result["is_done"], result["failures"], result["exit_code"]) == (True, [], 0)
    assert digests(an_untouched_home.warehouse, "core", "kpi") == digests(night_home.warehouse, "core", "kpi"), told
    database = "inside_sales.duckdb"
    assert digests(an_untouched_home.published / database, "core", "kpi") == digests(
        night_home.published / database, "core", "kpi"
    ), told


def _kill_after(home: Home, work_seconds: float) -> int:
    """Start a night and kill it, as a power cut would, once it has worked for so long; wait for its sandbox to end too."""
    command = [*KPI, "nightly", "--as-of", AS_OF.isoformat()]
    with (home.path / "killed.log").open("ab") as log:
        night = subprocess.Popen(
            command, env=home.environ(), cwd=PROJECT, stdout=log, stderr=log, start_new_session=True
        )
    while night.poll() is None and _worked(night.pid) < work_seconds:
        time.sleep(0.05)
    night.send_signal(signal.SIGKILL)
    code = night.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and list(processes_of(home.path)):
        time.sleep(0.1)
    return code


def _worked(process_id: int) -> float:
    """Seconds of processor time of all its threads: the same point of the night on a fast and on a busy machine."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
