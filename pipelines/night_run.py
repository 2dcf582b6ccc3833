"""One night from the command line: the same Dagster job as the schedule's, in this process, kept in Dagster's history."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

from dagster import (
    DagsterEvent,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    DagsterRunStatus,
    ExecuteInProcessResult,
    LoggerDefinition,
    RunsFilter,
)
from dagster._core.execution import compute_logs

from connectors.lock import HeldError, hold
from models.ops.data_checks import UNCHANGED
from pipelines.assets.sources import NOTHING_ASIDE, SOURCE_READ, SYNC_KEPT
from pipelines.errors import SettingsError, WarehouseBusyError
from pipelines.launcher import is_alive
from pipelines.night_lock import LOCK_NAME, OURS, is_ours
from pipelines.schedules import night_config
from pipelines.settings import PROJECT, Settings
from pipelines.wiring import JOB_NAME, build_definitions

PUBLISHING = "published"  # the step that swaps the copy in
LOOK_SECONDS = 1  # the daemon takes the lock for an instant, to see whether a night is alive
BUSY = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)


@dataclass(frozen=True, slots=True)
class NightResult:
    """How a night ended. `failures` name the steps and why; `shortfalls` what is missing although it was done.

    A night that is not done is published all the same when only its messages failed.
    """

    run_id: str
    is_done: bool
    is_published: bool
    failures: tuple[str, ...]
    shortfalls: tuple[str, ...]


def prepare_home(settings: Settings) -> None:
    """Make the folders of KPI_HOME, and tell Dagster where its own is. A home's own dagster.yaml counts, else the product's."""
    try:
        for folder in (settings.landing, settings.dagster_home, settings.logs):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        remedy = "let this user write there, or name another folder"
        raise SettingsError(f"KPI_HOME {settings.home} cannot be written ({reason}); {remedy}") from error
    own = settings.home / "dagster.yaml"
    _copy_if_changed(own if own.exists() else PROJECT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["KPI_LOGS"] = str(settings.logs)
    os.environ["KPI_HOME"] = str(settings.home)


def run_night(
    settings: Settings,
    *,
    as_of: str = "",
    full_refresh: bool = False,
    only: str = "",
    loggers: Mapping[str, LoggerDefinition] | None = None,
) -> NightResult:
    """Run the nightly job to its end. Errors of steps do not raise: they stand in the result and in Dagster's history.

    Raises WarehouseBusyError when another night, a run of the Dagster UI or a backup has this home, KeyboardInterrupt when
    it was interrupted.
    """
    prepare_home(settings)
    job = build_definitions(settings, loggers).resolve_job_def(JOB_NAME)
    config = night_config(as_of=as_of, full_refresh=full_refresh, only=only)
    if loggers:
        config["loggers"] = {name: {} for name in loggers}  # named here, they replace Dagster's own
    run_id = str(uuid4())
    with _only_night(settings, run_id), _helpers_apart(), DagsterInstance.get() as instance:
        _bury_dead_nights(instance, settings.home)
        result = job.execute_in_process(
            run_config=config, instance=instance, raise_on_error=False, tags=OURS, run_id=run_id
        )
    if any(was_interrupted(event) for event in result.all_events if event.is_step_failure):
        raise KeyboardInterrupt
    return NightResult(
        run_id=result.run_id,
        is_done=result.success,
        is_published=any(event.is_step_success and event.step_key == PUBLISHING for event in result.all_events),
        failures=_failures(result),
        shortfalls=shortfalls_of(result),
    )


def let_runs_end(seconds: float, *, tell: Callable[[], None]) -> None:
    """Wait, at most so long, until the daemon has no run in progress; `tell` that there is one. Those of `kpi nightly` are not its."""
    deadline = time.monotonic() + seconds
    with DagsterInstance.get() as instance:

        def is_busy() -> bool:
            return not all(map(is_ours, instance.get_runs(filters=RunsFilter(statuses=list(BUSY)))))

        if is_busy():
            tell()
        while time.monotonic() < deadline and is_busy():
            time.sleep(0.5)


@contextmanager
def _helpers_apart() -> Iterator[None]:
    """Start the processes that copy the steps' output in a group of their own.

    Ctrl-C on a terminal reaches the whole group: each of them would answer with a traceback, before our one line.
    """
    names = vars(compute_logs)
    own = names["subprocess"]
    names["subprocess"] = SimpleNamespace(Popen=partial(subprocess.Popen, process_group=0))
    try:
        yield
    finally:
        names["subprocess"] = own


@contextmanager
def _only_night(settings: Settings, run_id: str) -> Iterator[None]:
    """Hold the home's lock."""
    try:
        with hold(settings.home / LOCK_NAME, run=run_id, wait_seconds=LOOK_SECONDS):
            yield
    except HeldError as error:
        message = f"another night, or a part of one, is running in {settings.home}: {error}; wait until it has ended"
        raise WarehouseBusyError(message) from error


def _bury_dead_nights(instance: DagsterInstance, home: Path) -> None:
    """We hold the lock: a night of `kpi nightly` that stands as unfinished was killed, and so may the daemon's be.

    Dagster keeps its place at the warehouse for it, and every later night would wait for that place without end.
    """
    for run in instance.get_runs(filters=RunsFilter(statuses=[DagsterRunStatus.NOT_STARTED, *BUSY])):
        if is_ours(run) or not is_alive(run, home):
            instance.report_run_failed(run, "The process of this night ended before the night did")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def was_interrupted(event: DagsterEvent) -> bool:
    """Dagster turns Ctrl-C inside a step into that step's failure."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == DagsterExecutionInterruptedError.__name__


def _failures(result: ExecuteInProcessResult) -> tuple[str, ...]:
    failed = [event for event in result.all_events if event.is_step_failure]
    return tuple(f"{event.step_key}: {_reason(event.step_failure_data.error)}" for event in failed)


def _reason(error: object) -> str:
    """The innermost error's own words: what the pipeline raised, not what Dagster wrapped around it."""
    while getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]  # checked in the line above
    message = str(getattr(error, "message", error)).strip()
    return message.partition(": ")[2] or message


def shortfalls_of(result: ExecuteInProcessResult) -> tuple[str, ...]:
    """Failed checks that mean exit code 3: a source not read, records put aside, a signed text that was changed."""
    evaluations = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return tuple(
        f"{check.asset_key.to_user_string()}: {check.metadata['result'].value}"
        for check in evaluations
        if check.check_name in {SOURCE_READ, NOTHING_ASIDE, SYNC_KEPT, UNCHANGED}
    )


def _copy_if_changed(source: Path, target: Path) -> None:
    if not target.exists() or target.read_bytes() != source.read_bytes():
        shutil.copyfile(source, target)
