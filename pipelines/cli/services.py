"""`kpi up` and `kpi sandbox`: what stays running until it is ended with Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from enum import StrEnum
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from pipelines.errors import PipelineError
from pipelines.settings import PROJECT, Settings
from pipelines.terminal import say

STOP_SECONDS = 20  # Dagster's services end their own children in that time


class Service(StrEnum):
    """What `kpi up` can run; a service manager runs each by itself."""

    BOTH = "both"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
    service: Annotated[Service, typer.Option(help="Run one of the two only.")] = Service.BOTH,
) -> None:
    """Run the Dagster UI and its daemon (schedule, sensors) on 127.0.0.1 until Ctrl-C; the sandbox too, where it is used."""
    from pipelines.night_run import prepare_home

    settings = Settings.from_env(os.environ)
    prepare_home(settings)
    workspace = ["-w", str(PROJECT / "workspace.yaml")]
    commands = {
        "webserver": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *workspace],
        "daemon": ["dagster._daemon", "run", *workspace],
    }
    console = Console()
    with ExitStack() as stack:
        _end_like_interrupt()
        _start_sandbox(stack, settings, console)
        wanted = {name: command for name, command in commands.items() if service in (Service.BOTH, name)}
        services = {name: _start(stack, settings, name, command) for name, command in wanted.items()}
        place = f"Dagster UI: http://127.0.0.1:{port}" if "webserver" in wanted else "Dagster daemon"
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
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=log, stderr=log, cwd=PROJECT)
    stack.callback(_stop, process)
    return process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


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
    """A service manager ends with SIGTERM what a person ends with Ctrl-C.

    Both are set: a shell that starts us in the background has SIGINT ignored, which our children would inherit.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
