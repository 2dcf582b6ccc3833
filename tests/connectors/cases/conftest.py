"""A small HubSpot account and a small Salesforce org on a stage: each test switches its play on. Nobody waits for real."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.middleware import Middleware

from connectors.http import Caller
from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.plays import Stage
from connectors.sandbox.salesforce import salesforce_app
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from pipelines.warehouse import Warehouse
from tests.connectors.cases.tables import compare, empty
from tests.connectors.cases.truth import Nights, fill_hubspot, fill_salesforce
from tests.connectors.conftest import FaultMiddleware


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, in seconds: asked for, and not waited."""
    waits: list[float] = []
    monkeypatch.setitem(Caller.__init__.__kwdefaults__, "sleep", waits.append)
    return waits


@pytest.fixture
def stage(crms: Any, servers: Mapping[str, Any]) -> Stage:
    """The stage that both servers play on."""
    stage = Stage(crms.store)
    faults = [Middleware(FaultMiddleware, crms.faults)]
    servers[HUBSPOT][0].app = hubspot_app(crms.store, faults, stage=stage)
    servers[SALESFORCE][0].app = salesforce_app(crms.store, faults, stage=stage)
    return stage


@pytest.fixture(scope="session")
def warehouse() -> Warehouse:
    """The one warehouse of all cases, emptied for each."""
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    return warehouse


@pytest.fixture
def hubspot(crms: Any, stage: Stage, slept: list[float], warehouse: Warehouse) -> Iterator[Nights]:
    """Syncs of HubSpot. Whatever the case was: at its end every table is what HubSpot holds."""
    fill_hubspot(crms.store, crms)
    yield from _compared(Nights(crms, HUBSPOT, stage, slept=slept), warehouse)


@pytest.fixture
def salesforce(crms: Any, stage: Stage, slept: list[float], warehouse: Warehouse) -> Iterator[Nights]:
    """Syncs of Salesforce, likewise."""
    fill_salesforce(crms.store, crms)
    yield from _compared(Nights(crms, SALESFORCE, stage, slept=slept), warehouse)


def _compared(nights: Nights, warehouse: Warehouse) -> Iterator[Nights]:
    yield nights
    if nights.is_whole:
        empty(warehouse)
        landing, refused = nights.crms.landing, nights.refused
        compare(warehouse, nights.store, [nights.connection], landing, now=nights.at, refused=refused)
