"""Runs both CRM servers on 127.0.0.1: in the foreground, or in one child process that ends with its parent."""

import errno
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.sandbox.credentials import (
    SANDBOX_SECRETS as SANDBOX_SECRETS,
)  # whoever starts the servers also needs their key
from connectors.sandbox.errors import SandboxStartError
from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.plays import Stage, Staging
from connectors.sandbox.salesforce import salesforce_app
from connectors.sandbox.store import Store

HOST: Final = "127.0.0.1"
HUBSPOT_PORT: Final = 4180  # where the demo's record links point
SALESFORCE_PORT: Final = 4190
START_SECONDS: Final = 30.0  # a cold start on a busy machine takes about three
STOP_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SandboxAddresses:
    """Where the two servers are; the ports differ from those asked for when another program had them."""

    hubspot_url: str
    salesforce_url: str


@contextmanager
def running(
    store_path: Path | str, *, hubspot_port: int = 0, salesforce_port: int = 0, staging: Staging | None = None
) -> Iterator[SandboxAddresses]:
    """Both servers in one child process, answering until the block ends. Port 0 is any free one."""
    ports = ["--hubspot-port", str(hubspot_port), "--salesforce-port", str(salesforce_port)]
    begin = (staging or Staging()).arguments()
    command = [
        sys.executable,
        "-m",
        "connectors.sandbox",
        str(store_path),
        *ports,
        *begin,
        "--parent",
        str(os.getpid()),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield _first_line(process)
    finally:
        _stop(process)


def serve(
    store_path: Path | str,
    *,
    hubspot_port: int = HUBSPOT_PORT,
    salesforce_port: int = SALESFORCE_PORT,
    middlewares: Sequence[Middleware] = (),
    staging: Staging | None = None,
    on_ready: Callable[[SandboxAddresses], None] | None = None,
    parent_id: int | None = None,
) -> None:
    """Both servers in this process until it is interrupted, or until the process `parent_id` is gone."""
    with Store(store_path) as store, _listening(hubspot_port) as hubspot, _listening(salesforce_port) as salesforce:
        stage = Stage(store, staging)
        apps: dict[int, ASGIApp] = {_port(hubspot): hubspot_app(store, middlewares, stage=stage)}
        apps[_port(salesforce)] = salesforce_app(store, middlewares, stage=stage)
        config = uvicorn.Config(
            _by_port(apps), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        if parent_id is not None:
            threading.Thread(target=_stop_with_parent, args=(server, parent_id), daemon=True).start()
        if on_ready is not None:  # both sockets listen already: a request made now waits a moment and is answered
            on_ready(SandboxAddresses(_url(hubspot), _url(salesforce)))
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after a clean end
            server.run(sockets=[hubspot, salesforce])


def write_addresses(addresses: SandboxAddresses) -> None:
    """Tell the parent process where the servers are."""
    sys.stdout.buffer.write(orjson.dumps(asdict(addresses)) + b"\n")
    sys.stdout.buffer.flush()


def _by_port(apps: Mapping[int, ASGIApp]) -> ASGIApp:
    """One server for both APIs: which of them answers is decided by the port that the request came in on."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["server"][1]](scope, receive, send)

    return dispatch


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket on the port, or on a free one when the port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE:
                raise
            listener.bind((HOST, 0))
        listener.listen(128)
        yield listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{_port(listener)}"


def _stop_with_parent(server: uvicorn.Server, parent_id: int) -> None:
    """The parent holds the other end of our standard input: its end closes with it, even when it is killed.

    A child that it forked meanwhile may keep the pipe open, therefore its process is looked at too.
    """
    while os.getppid() == parent_id:
        ready, _, _ = select.select([sys.stdin], [], [], WATCH_SECONDS)
        if ready and not os.read(sys.stdin.fileno(), 1):
            break
    server.should_exit = True


def _first_line(process: subprocess.Popen[bytes]) -> SandboxAddresses:
    assert process.stdout is not None  # noqa: S101 - opened as a pipe above
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise SandboxStartError(
            f"the CRM sandbox did not start within {START_SECONDS:g} s (exit code {process.poll()}); its error stands above"
        )
    return SandboxAddresses(**orjson.loads(line))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which it takes as the wish to end; then more firmly."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    for firmer in (process.terminate, process.kill):
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            firmer()
    process.wait()
