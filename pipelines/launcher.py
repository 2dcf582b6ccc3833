"""Is the process of a run still there? Run monitoring asks, ends the runs that lost theirs, and starts them again from where they were.

Dagster's own launcher cannot tell: after a power cut a night would stand as running for ever, and every later one would wait for it.
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dagster import DagsterRun, StringSource
from dagster._config import UserConfigSchema
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import ConfigurableClassData

from pipelines.night_lock import is_home_taken, is_ours

ANSWER_SECONDS = 10  # a busy machine is slow to take a connection, and slow is not gone


class NightLauncher(DefaultRunLauncher):
    """Dagster's own launcher, in a process of the code server's, able to tell whether that is alive. Named in dagster.yaml."""

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Remember the home, whose lock tells of the nights of `kpi nightly`."""
        super().__init__(inst_data)
        self._home = Path(home)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Say what stands below it in dagster.yaml."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Make one of what stands in dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell run monitoring that it may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the run goes on; the daemon asks for every run that stands as started."""
        if is_alive(run, self._home):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process is gone")


def is_alive(run: DagsterRun, home: Path) -> bool:
    """Whether a started run has a process: that of `kpi nightly`, or a code server, which reports a run's death itself while it lives."""
    if is_ours(run):
        return is_home_taken(home)
    address = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    if "socket" in address:
        return _answers(socket.AF_UNIX, address["socket"])
    return "port" not in address or _answers(socket.AF_INET, (address["host"], address["port"]))


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as asking:
        asking.settimeout(ANSWER_SECONDS)
        try:
            asking.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except TimeoutError:
            return True
    return True
