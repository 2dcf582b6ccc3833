"""Killed at any moment, a later run gives the tables of an undisturbed one: reading and loading, at 30 random moments."""

import random
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

import connectors.hubspot.objects
import connectors.salesforce.bulk
import connectors.sink
from connectors.sandbox.server import SandboxAddresses, running
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord
from connectors.settings import load_connections
from models.tables import metadata
from pipelines.settings import PROJECT, Settings
from pipelines.sources import sync_sources
from pipelines.warehouse import Warehouse
from tests.commands import FORKS

KILLS, HOMES = 30, 5
AS_OF = date(2026, 4, 9)
START_MS = 1_775_000_000_000  # 2026-03-31
VOLATILE = {"sync_id", "extracted_at"}  # when and by which run a record was read, not what it says
PREFIXES = {"Task": "00T", "Event": "00U", "Contact": "003", "Opportunity": "006", "User": "005", "Account": "001"}
CRM_OBJECTS = {
    HUBSPOT: {"calls": 150, "emails": 120, "meetings": 60, "contacts": 120, "deals": 40, "companies": 20, "owners": 3},
    SALESFORCE: {"Task": 220, "Event": 60, "Contact": 60, "Opportunity": 30, "User": 3, "Account": 10},
}


def _id(object_name: str, number: int) -> str:
    prefix = PREFIXES.get(object_name)
    return f"{prefix}5g0000{number:06d}AAA" if prefix else str(number)


def _fill(path: Path) -> None:
    with Store(path) as store:
        for connection in load_connections(PROJECT / "connectors" / "connections.yaml"):
            for name, count in CRM_OBJECTS[connection.crm].items():
                fields = {one: None for _, source in connection.sources_of(name) for one in source.crm_fields}
                custom = {one: None for one in fields if "." not in one}
                made = (_record(name, number, custom) for number in range(1, count + 1))
                store.put(connection.crm, made)
        links = (StoredAssociation("meetings", str(n), "contacts", str(n), 200) for n in range(1, 61))
        store.associate(links)


def _record(name: str, number: int, custom: dict[str, Any]) -> StoredRecord:
    moment = START_MS + number * 60_000
    is_deleted = number % 17 == 0 and name not in {"User", "owners"}
    text = {"hs_note_body": "x", "Name": f"Demo {number}", "dealname": f"Demo {number}", "TaskSubtype": "Call"}
    return StoredRecord(
        name, _id(name, number), moment, moment, {**custom, **text}, is_deleted, moment if is_deleted else None
    )


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAddresses]:
    store = tmp_path_factory.mktemp("crm") / "crm.sqlite"
    _fill(store)
    with running(store) as addresses:
        yield addresses


def _settings(home: Path, addresses: SandboxAddresses) -> Settings:
    (home / "sandbox").mkdir(parents=True)
    urls = {"hubspot_url": addresses.hubspot_url, "salesforce_url": addresses.salesforce_url}
    (home / "sandbox" / "address.json").write_bytes(orjson.dumps(urls))
    return Settings(
        home=home,
        connections_file=PROJECT / "connectors" / "connections.yaml",
        agreement_folder=PROJECT / "definitions_contract" / "agreement",
    )


def _sync(settings: Settings) -> None:
    """One sync that keeps its place in an object often: the sandbox is small."""
    connectors.sink.GROUP_ROWS, connectors.sink.FILE_ROWS = 10, 40
    connectors.hubspot.objects.PAGE_SIZE = 20
    connectors.salesforce.bulk.PAGE_ROWS = 20
    sync_sources(settings, as_of=AS_OF)


def _tables(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    warehouse = Warehouse(settings.warehouse)
    found = {}
    with warehouse.transaction() as reading:
        for table in metadata.tables.values():
            if table.schema == "raw":
                columns = [column for column in table.columns if column.name not in VOLATILE]
                rows = reading.execute(sa.select(*columns)).all()
                found[table.fullname] = sorted((tuple(row) for row in rows), key=repr)
    return found


@pytest.mark.timeout(600)
def test_killed_at_any_moment_a_later_run_gives_the_undisturbed_tables(
    addresses: SandboxAddresses, tmp_path: Path
) -> None:
    undisturbed = _settings(tmp_path / "undisturbed", addresses)
    processes = FORKS  # children of a process that has the imports done: a kill shall meet work, not imports
    for _ in range(2):  # the first one starts the fork server; the second, on another home, is timed
        home = undisturbed if _ else _settings(tmp_path / "warm", addresses)
        began = time.monotonic()
        child = processes.Process(target=_sync, args=(home,))
        child.start()
        child.join()
        assert child.exitcode == 0
    length = time.monotonic() - began
    expected = _tables(undisturbed)
    assert len(expected["raw.records"]) > 900
    assert expected["raw.links"]
    dice = random.Random(20260409)  # noqa: S311 - a repeatable story, no secret

    killed = 0
    for number in range(HOMES):
        home = _settings(tmp_path / f"home{number}", addresses)
        for _ in range(KILLS // HOMES):  # one after the other, each in what the one before left
            child = processes.Process(target=_sync, args=(home,))
            child.start()
            child.join(dice.uniform(0.02, length))
            killed += child.is_alive()
            child.kill()
            child.join()
        sync_sources(home, as_of=AS_OF)

        assert _tables(home) == expected, f"home number {number}"
    assert killed > KILLS // 2
