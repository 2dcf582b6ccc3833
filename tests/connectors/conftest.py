"""Both CRM servers in this process, over a store that each test fills, with faults played on demand."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.extract import extract
from connectors.landing import read_records
from connectors.records import Landed, Record
from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.salesforce import salesforce_app
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredRecord
from connectors.settings import Connection, load_connections
from connectors.sync import Progress

CONNECTIONS = Path(__file__).parents[2] / "connectors" / "connections.yaml"
SECRETS = {
    "HUBSPOT_ACCESS_TOKEN": "sandbox",
    "SALESFORCE_CLIENT_ID": "sandbox",
    "SALESFORCE_CLIENT_SECRET": "sandbox",
}
NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass
class Fault:
    """An answer given instead of the CRM's own to the next `times` requests whose path and query contain `where`."""

    where: str
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1


@dataclass
class Faults:
    """What the servers play, and what they were asked."""

    planned: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def take(self, address: str) -> Fault | None:
        for fault in self.planned:
            if fault.where in address and fault.times > 0:
                fault.times -= 1
                return fault
        return None


class FaultMiddleware:
    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = str(Request(scope).url)
        self.faults.asked.append(f"{scope['method']} {address}")
        fault = self.faults.take(address)
        if fault is not None:
            await Response(fault.body, fault.status, dict(fault.headers))(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@dataclass
class Crms:
    """The two CRMs of a test."""

    store: Store
    faults: Faults
    urls: Mapping[str, str]
    landing: Path
    connections: Mapping[str, Connection]

    def put(self, crm: str, object_name: str, *records: Mapping[str, Any]) -> None:
        """Add records; `id`, `modified_ms` and `is_deleted` are the record's own, the rest are properties."""
        self.store.put(crm, (_stored(object_name, dict(record)) for record in records))

    def extract(self, crm: str, sync_id: str = "s1", **changes: Any) -> Landed:
        """Run one sync. `settings` in the changes are of the connection."""
        connection = self.connections[crm].model_copy(update=changes.pop("settings", {}))
        arguments: dict[str, Any] = {
            "secrets": SECRETS,
            "base_url": self.urls[crm],
            "sync_id": sync_id,
            "cursors": {},
            "landing": self.landing,
            "now": NOW,
            "on_progress": lambda _: None,
        }
        return extract(connection, **{**arguments, **changes})

    def play(self, where: str, status: int = 200, body: bytes = b"", *, times: int = 1, **headers: str) -> None:
        """Plan a fault."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.planned.append(Fault(where, status, body, named, times))

    def asked(self, where: str) -> list[str]:
        """The requests so far whose method, path and query contain `where`."""
        return [address for address in self.faults.asked if where in address]

    @staticmethod
    def cursors(landed: Landed) -> dict[str, datetime]:
        return {window.object: window.window_end for window in landed.windows}

    @staticmethod
    def records(landed: Landed, object_name: str) -> list[Record]:
        (window,) = [window for window in landed.windows if window.object == object_name]
        return list(read_records(window))

    def ids(self, landed: Landed, object_name: str) -> list[str]:
        return sorted(record.id for record in self.records(landed, object_name))

    def payloads(self, landed: Landed, object_name: str) -> dict[str, Any]:
        return {record.id: orjson.loads(record.payload) for record in self.records(landed, object_name)}

    @staticmethod
    def counts(landed: Landed, object_name: str) -> tuple[int | None, int]:
        """(crm_count, landed_count) of an object."""
        (window,) = [window for window in landed.windows if window.object == object_name]
        return window.crm_count, window.landed_count


class StoppedError(Exception):
    """Somebody pulled the plug."""


def small_pages(monkeypatch: pytest.MonkeyPatch, *, page: int, file: int) -> None:
    """Let both CRMs give pages of so many records, and a landed file be full with so many."""
    monkeypatch.setattr("connectors.sink.GROUP_ROWS", 2)
    monkeypatch.setattr("connectors.sink.FILE_ROWS", file)
    monkeypatch.setattr("connectors.hubspot.objects.PAGE_SIZE", page)
    monkeypatch.setattr("connectors.hubspot.objects.PAGE_SIZE_WITH_HISTORY", page)
    monkeypatch.setattr("connectors.sandbox.salesforce.PAGE_SIZE", page)
    monkeypatch.setattr("connectors.salesforce.bulk.PAGE_ROWS", page)


def stopping_after(pages: int, object_name: str = "") -> Callable[[Progress], None]:
    """For `on_progress`: pull the plug when one page more has come than so many, of one object or of any."""
    left = [pages]

    def tell(progress: Progress) -> None:
        left[0] -= object_name in {"", progress.object}
        if left[0] < 0:
            raise StoppedError

    return tell


def _stored(object_name: str, record: dict[str, Any]) -> StoredRecord:
    modified_ms = record.pop("modified_ms", NOW_MS - DAY_MS)
    return StoredRecord(
        object=object_name,
        id=str(record.pop("id")),
        created_ms=record.pop("created_ms", NOW_MS - 9 * DAY_MS),
        modified_ms=modified_ms,
        is_deleted=(is_deleted := record.pop("is_deleted", False)),
        deleted_ms=record.pop("deleted_ms", modified_ms if is_deleted else None),
        history=record.pop("history", {}),
        properties=record,
    )


@dataclass
class Switch:
    """An app that hands on to another one: servers start once, each test puts its own CRM behind them."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def servers() -> Iterator[Mapping[str, tuple[Switch, str]]]:
    with ExitStack() as stack:
        switches = {crm: Switch() for crm in (HUBSPOT, SALESFORCE)}
        yield {crm: (switch, stack.enter_context(served(switch))) for crm, switch in switches.items()}


@pytest.fixture
def crms(tmp_path: Path, servers: Mapping[str, tuple[Switch, str]]) -> Iterator[Crms]:
    faults = Faults()
    middlewares = [Middleware(FaultMiddleware, faults)]
    with Store(tmp_path / "store.sqlite") as store:
        fill_custom_fields(store)
        servers[HUBSPOT][0].app = hubspot_app(store, middlewares)
        servers[SALESFORCE][0].app = salesforce_app(store, middlewares)
        connections = {connection.crm.value: connection for connection in load_connections(CONNECTIONS)}
        urls = {crm: url for crm, (_, url) in servers.items()}
        yield Crms(store, faults, urls, tmp_path / "landing", connections)


def fill_custom_fields(store: Store) -> None:
    """One old, purged-from-view record per object, so that the store knows the custom fields which the shipped maps name."""
    custom = {connection.crm.value: connection for connection in load_connections(CONNECTIONS)}
    for crm, connection in custom.items():
        for objects in connection.fields.values():
            for name, fields in objects.items():
                properties = {one: "" for source in fields.values() for one in source.crm_fields}
                record_id = store.next_id(crm, name)
                store.put(crm, [_stored(name, {"id": record_id, "modified_ms": 1_000, **properties})])
                store.purge(crm, name, record_id)
