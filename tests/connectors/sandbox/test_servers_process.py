"""The servers' process: it comes up, answers, sees what others write, and never outlives its parent."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox.credentials import HUBSPOT_TOKEN
from connectors.sandbox.errors import SandboxStartError
from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.salesforce import salesforce_app
from connectors.sandbox.server import running
from connectors.sandbox.store import HUBSPOT, Store, StoredRecord

BEARER = {"Authorization": f"Bearer {HUBSPOT_TOKEN}"}
END_SECONDS = 10.0

PARENT = """
import sys, time
from connectors.sandbox.server import running
with running(sys.argv[1]) as addresses:
    print(addresses.hubspot_url, addresses.salesforce_url, flush=True)
    time.sleep(60)
"""


def answers(url: str) -> bool:
    try:
        requests.get(f"{url}/services/data", timeout=2)
    except requests.ConnectionError:
        return False
    return True


def wait_until_silent(*urls: str) -> None:
    deadline = time.monotonic() + END_SECONDS
    while any(answers(url) for url in urls):
        assert time.monotonic() < deadline, "the servers outlived their parent"
        time.sleep(0.05)


def test_both_servers_answer_at_once_and_end_with_the_block(tmp_path: Path) -> None:
    with running(tmp_path / "store.sqlite") as addresses:
        hubspot = requests.get(f"{addresses.hubspot_url}/crm/v3/owners", headers=BEARER, timeout=5)
        salesforce = requests.get(f"{addresses.salesforce_url}/services/data", timeout=5)

    assert (hubspot.status_code, salesforce.status_code) == (200, 200)
    assert not answers(addresses.hubspot_url)
    assert not answers(addresses.salesforce_url)


def test_they_end_when_the_block_raises(tmp_path: Path) -> None:
    url = ""

    def fail() -> None:
        nonlocal url
        with running(tmp_path / "store.sqlite") as addresses:
            url = addresses.hubspot_url
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()

    assert not answers(url)


def test_they_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "store.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        urls = parent.stdout.readline().split()
        assert len(urls) == 2
        assert all(answers(url) for url in urls)

        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()

    wait_until_silent(*urls)


def test_a_busy_port_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1]
        with running(tmp_path / "store.sqlite", hubspot_port=busy) as addresses:
            assert addresses.hubspot_url != f"http://127.0.0.1:{busy}"
            assert requests.get(f"{addresses.hubspot_url}/crm/v3/owners", headers=BEARER, timeout=5).ok


def test_a_free_port_is_taken_as_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    with running(tmp_path / "store.sqlite", salesforce_port=port) as addresses:
        assert addresses.salesforce_url == f"http://127.0.0.1:{port}"


def test_a_record_written_by_another_process_is_served(tmp_path: Path) -> None:
    with running(tmp_path / "store.sqlite") as addresses, Store(tmp_path / "store.sqlite") as store:
        store.put(HUBSPOT, [StoredRecord("calls", "5", 1, 1, {"hs_call_title": "new"})])

        answer = requests.get(f"{addresses.hubspot_url}/crm/v3/objects/calls", headers=BEARER, timeout=5)

    assert [record["id"] for record in answer.json()["results"]] == ["5"]


def test_a_store_that_cannot_be_opened_is_an_error_not_a_wait(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SandboxStartError, match="did not start"), running(tmp_path):
        pass

    assert "unable to open database file" in capfd.readouterr().err


class Closed:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("closed", 503)(scope, receive, send)


def status_of(app: ASGIApp) -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/nowhere", "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # an ASGI app is a coroutine function
    return int(sent[0]["status"])


def test_a_middleware_stands_before_every_request(fresh_store: Store) -> None:
    for make in (hubspot_app, salesforce_app):
        assert status_of(make(fresh_store, [Middleware(Closed)])) == 503
        assert status_of(make(fresh_store)) == 404
