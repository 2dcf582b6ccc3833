"""Is a night whose process is gone ended, and one whose process is there left alone? On a real instance of the product's dagster.yaml."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter, asset, materialize
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from filelock import FileLock
from rich.console import Console

from pipelines.assets.night import Night, began, night_holding
from pipelines.cli import services
from pipelines.launcher import NightLauncher
from pipelines.night_lock import LOCK_NAME, OURS, is_home_taken
from pipelines.night_run import _bury_dead_nights, prepare_home
from pipelines.settings import Settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("h")
    with patch.dict(os.environ):
        prepare_home(Settings.from_env({"KPI_HOME": str(path)}))
        yield path


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.get() as opened:
        yield opened


def a_run(
    instance: DagsterInstance, tags: Mapping[str, str], status: DagsterRunStatus = DagsterRunStatus.STARTED
) -> DagsterRun:
    return instance.add_run(DagsterRun(job_name="nightly", tags=dict(tags), status=status))


def at(path: Path) -> dict[str, str]:
    """The tag by which Dagster notes the code server of a run."""
    return {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(path)})}


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        yield tmp_path / "s"


@pytest.fixture
def refusing(tmp_path: Path) -> Path:
    """What a server that was killed leaves behind."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "r"))
    return tmp_path / "r"


def test_the_products_instance_lets_run_monitoring_ask(instance: DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, NightLauncher)
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled


def test_a_run_lives_as_long_as_its_code_server(instance: DagsterInstance, listening: Path, refusing: Path) -> None:
    def health(tags: Mapping[str, str]) -> WorkerStatus:
        return instance.run_launcher.check_run_worker_health(a_run(instance, tags)).status

    assert health(at(listening)) is WorkerStatus.RUNNING
    assert health(at(refusing)) is WorkerStatus.NOT_FOUND
    assert health(at(refusing.with_name("gone"))) is WorkerStatus.NOT_FOUND
    assert health({}) is WorkerStatus.RUNNING  # one that is only about to start says nothing yet


def test_a_night_of_the_command_line_lives_as_long_as_it_holds_the_lock(instance: DagsterInstance, home: Path) -> None:
    run = a_run(instance, OURS)
    launcher = instance.run_launcher

    with FileLock(home / LOCK_NAME):
        held = launcher.check_run_worker_health(run).status
    free = launcher.check_run_worker_health(run).status

    assert (held, free) == (WorkerStatus.RUNNING, WorkerStatus.NOT_FOUND)


def test_a_night_of_the_command_line_ends_the_dead_and_no_others(
    instance: DagsterInstance, home: Path, listening: Path, refusing: Path
) -> None:
    dead = [a_run(instance, OURS), a_run(instance, at(refusing))]
    others = [a_run(instance, at(listening)), a_run(instance, {}, DagsterRunStatus.STARTING)]

    _bury_dead_nights(instance, home)

    ends = {run.run_id: run.status for run in instance.get_runs()}
    assert [ends[run.run_id] for run in dead] == [DagsterRunStatus.FAILURE] * 2
    assert [ends[run.run_id] for run in others] == [run.status for run in others]


def test_a_run_waits_for_the_home_and_has_it_to_itself_and_kpi_nightly_has_it_already(tmp_path: Path) -> None:
    taken, let_go = list[bool](), threading.Event()

    @asset
    def part(night: Night) -> None:
        taken.append(is_home_taken(tmp_path) and let_go.is_set())

    with (tmp_path / LOCK_NAME).open("w") as backup:
        fcntl.flock(backup, fcntl.LOCK_EX)  # what the command `flock` does
        materialize([part], resources={"night": night_holding(tmp_path)}, tags=OURS)
        later = threading.Timer(1, lambda: (let_go.set(), fcntl.flock(backup, fcntl.LOCK_UN)))
        later.start()
        materialize([part], resources={"night": night_holding(tmp_path)})
        later.join()

    assert taken == [False, True]
    assert not is_home_taken(tmp_path)


def test_a_run_counts_the_day_on_which_it_began_however_late_it_is_resumed_or_retried(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    seen = list[datetime]()

    @asset
    def part(night: Night) -> None:
        seen.append(night.began)

    run_id = materialize([part], resources={"night": night_holding(tmp_path)}, instance=instance).run_id
    record = instance.get_run_record_by_id(run_id)
    retry = instance.add_run(DagsterRun(job_name="nightly", root_run_id=run_id, parent_run_id=run_id))

    assert record is not None
    assert seen == [record.create_timestamp]
    assert began(instance, retry) == record.create_timestamp
    assert record.create_timestamp.tzinfo is not None


def test_a_stop_waits_for_the_night_in_progress_and_then_ends_all_that_the_service_started(
    instance: DagsterInstance, listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "STOP_SECONDS", 1)
    monkeypatch.setattr(services, "CHILDREN_SECONDS", 0)
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    night = a_run(instance, at(listening))
    ending = threading.Timer(1, instance.report_run_failed, (night,))

    with _stubborn_service() as service:
        ending.start()
        services._stop_daemon(service, Console(quiet=True))
        left = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED]))
        services._stop(service)
        assert service.stdout is not None
        rest = service.stdout.read()  # to its end: nobody holds the pipe any more, its child neither

    assert left == []
    assert (service.returncode, rest) == (-signal.SIGKILL, b"")


def _stubborn_service() -> "subprocess.Popen[bytes]":
    """A service that does not end when it is asked to, with a child that does not, either."""
    stay = "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stay!r}]); exec({stay!r})"
    process = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, process_group=0)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"\n"] * 2  # both ignore it from here on
    return process
