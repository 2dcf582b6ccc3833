"""A small HubSpot account and a small Salesforce org on a stage: each test switches its play on. Nobody waits for real."""

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.http import Caller
from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.plays import Stage
from connectors.sandbox.salesforce import salesforce_app
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from tests.connectors.cases.truth import Nights, fill_hubspot, fill_salesforce


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
    servers[HUBSPOT][0].app = hubspot_app(crms.store, stage=stage)
    servers[SALESFORCE][0].app = salesforce_app(crms.store, stage=stage)
    return stage


@pytest.fixture
def hubspot(crms: Any, stage: Stage, slept: list[float]) -> Nights:
    """Syncs of HubSpot."""
    fill_hubspot(crms.store, crms)
    return Nights(crms, HUBSPOT, stage, slept=slept)


@pytest.fixture
def salesforce(crms: Any, stage: Stage, slept: list[float]) -> Nights:
    """Syncs of Salesforce."""
    fill_salesforce(crms.store, crms)
    return Nights(crms, SALESFORCE, stage, slept=slept)
