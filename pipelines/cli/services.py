"""`kpi up` and `kpi sandbox`: what stays running until it is ended with Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from enum import StrEnum
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from pipelines.errors import PipelineError
from pipelines.settings import PROJECT, Settings
from pipelines.terminal import say

STOP_SECONDS = 20  # Dagster's services end their own children in that time
CHILDREN_SECONDS = (
    2  # code servers outlive by that the service that started them; with no run in them they have nothing to lose
)
RUN_SECONDS = 90  # what a run in progress is given to end by itself; deploy/*-daemon.service waits for both


class Service(StrEnum):
    """What `kpi up` can run; a service manager runs each by itself."""

    BOTH = "both"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
    service: Annotated[Service, typer.Option(help="Run one of the two only.")] = Service.BOTH,
    path_prefix: Annotated[
        str, typer.Option(metavar="/PATH", help="Path under which a proxy serves the Dagster UI.")
    ] = "",
    read_only: Annotated[bool, typer.Option(help="The Dagster UI shows everything and starts nothing.")] = False,
) -> None:
    """Run the Dagster UI and its daemon (schedule, sensors) on 127.0.0.1 until Ctrl-C; the sandbox too, where it is used.

    A night in progress is given 90 seconds to end; Ctrl-C again, or the time, cuts it, and the next start goes on where it was.
    """
    from pipelines.night_run import prepare_home

    settings = Settings.from_env(os.environ)
    prepare_home(settings)
    workspace = ["-w", str(PROJECT / "workspace.yaml")]
    shown = [*(["--path-prefix", path_prefix] if path_prefix else []), *(["--read-only"] if read_only else [])]
    commands = {
        "webserver": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *shown, *workspace],
        "daemon": ["dagster._daemon", "run", *workspace],
    }
    console = Console()
    with ExitStack() as stack:
        _end_like_interrupt()
        if service is not Service.WEBSERVER:  # it is the runs that ask the CRMs
            _start_sandbox(stack, settings, console)
        wanted = {name: command for name, command in commands.items() if service in (Service.BOTH, name)}
        services = {name: _start(stack, settings, name, command) for name, command in wanted.items()}
        if "daemon" in services:
            stack.callback(_stop_daemon, services["daemon"], console)  # the last one in is called first
        place = f"Dagster UI: http://127.0.0.1:{port}{path_prefix}" if "webserver" in wanted else "Dagster daemon"
        console.print(f"{place}   logs: {settings.logs}   end with Ctrl-C", highlight=False)
        _wait(services)


def sandbox(
    reset: Annotated[bool, typer.Option(help="Throw the demo company's records away and make them anew.")] = False,
    play: Annotated[str, typer.Option(help="Cases to play from the start, such as H9,S3; see --list-plays.")] = "",
    list_plays: Annotated[bool, typer.Option("--list-plays", help="Say which cases there are, and end.")] = False,
    latency: Annotated[float, typer.Option(min=0, help="Milliseconds that each answer takes at least.")] = 0.0,
    rate: Annotated[int | None, typer.Option(min=1, help="HubSpot: requests in ten seconds.")] = None,
    search_rate: Annotated[int | None, typer.Option(min=1, help="HubSpot: searches in a second.")] = None,
    daily: Annotated[int | None, typer.Option(min=1, help="Requests a day, in each of the two CRMs.")] = None,
) -> None:
    """Serve the demo company's HubSpot and Salesforce on 127.0.0.1 until Ctrl-C, with as many troubles as wanted."""
    from connectors.sandbox.credentials import SANDBOX_SECRETS
    from connectors.sandbox.plays import Limits, Staging, checked_plays
    from pipelines.sandbox import announced_sandbox, reset_store
    from pipelines.sources import sandbox_day

    if list_plays:
        _print_plays()
        return
    limits = Limits(rate, search_rate, daily, daily)
    staging = Staging(checked_plays(play), limits, latency)
    settings = Settings.from_env(os.environ)
    _end_like_interrupt()
    if reset:
        reset_store(settings.sandbox)
    console = Console()
    try:
        with announced_sandbox(settings.sandbox, sandbox_day(settings), staging=staging) as addresses:
            console.print(f"HubSpot:    {addresses.hubspot_url}\nSalesforce: {addresses.salesforce_url}")
            words = " ".join(f"{name}={secret}" for name, secret in SANDBOX_SECRETS.items())
            say(console, f"Log in with {words}\nEnd with Ctrl-C")
            if staging.plays:
                console.print(f"Playing:    {', '.join(staging.plays)}")
            signal.pause()
    except KeyboardInterrupt:
        console.print("ended")


def _print_plays() -> None:
    from connectors.sandbox.plays import PLAYS

    console = Console(soft_wrap=True)
    for one in PLAYS.values():
        console.print(f"{one.id:<4} {one.what}", highlight=False)


def _start_sandbox(stack: ExitStack, settings: Settings, console: Console) -> None:
    from pipelines.sandbox import announced_sandbox
    from pipelines.sources import configured_connections, sandbox_day

    if any(connection.is_sandbox for connection in configured_connections(settings)):
        addresses = stack.enter_context(announced_sandbox(settings.sandbox, sandbox_day(settings)))
        console.print(f"CRM sandbox: {addresses.hubspot_url} and {addresses.salesforce_url}", highlight=False)


def _start(stack: ExitStack, settings: Settings, name: str, arguments: list[str]) -> "subprocess.Popen[bytes]":
    log = stack.enter_context((settings.logs / f"{name}.log").open("ab"))
    # a group of its own: Ctrl-C on a terminal reaches us alone, and a night is not cut by it
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=log, stderr=log, cwd=PROJECT, process_group=0)
    stack.callback(_stop, process)
    return process


def _stop_daemon(process: "subprocess.Popen[bytes]", console: Console) -> None:
    """Let no run start any more, and give the one in progress its time: until then its code server stays, too."""
    from pipelines.night_run import let_runs_end

    def tell() -> None:
        say(
            console,
            f"A night is in progress: it has {RUN_SECONDS} s to end. Ctrl-C again cuts it; the next start goes on where it was.",
        )

    process.send_signal(signal.SIGINT)
    with suppress(KeyboardInterrupt):
        let_runs_end(RUN_SECONDS, tell=tell)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a service and whatever it started: what has not ended by itself in its time is killed."""
    with suppress(KeyboardInterrupt):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        time.sleep(CHILDREN_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(services: "dict[str, subprocess.Popen[bytes]]") -> None:
    try:
        while True:
            for name, process in services.items():
                if process.poll() is not None:
                    raise PipelineError(f"the {name} ended by itself with code {process.returncode}; see its log")
            time.sleep(1)
    except KeyboardInterrupt:
        return


def _end_like_interrupt() -> None:
    """A service manager ends with SIGTERM what a person ends with Ctrl-C, or with SIGHUP by closing the terminal.

    All are set: a shell that starts us in the background has SIGINT ignored, which our children would inherit.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, interrupt)
