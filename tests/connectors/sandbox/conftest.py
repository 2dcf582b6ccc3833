"""A small store with both CRMs served over it, and the official SDKs pointed at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hubspot import HubSpot
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from connectors.sandbox.credentials import (
    HUBSPOT_TOKEN,
    SALESFORCE_CLIENT_ID,
    SALESFORCE_CLIENT_SECRET,
    SALESFORCE_DOMAIN,
)
from connectors.sandbox.server import SandboxAddresses, running
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord
from connectors.sandbox.times import hubspot_time, salesforce_time

START_MS = 1_780_000_000_000  # 2026-05-28
MINUTE_MS = 60_000
CALLS = 250
TASKS = 4_500


def hubspot_record(object_name: str, number: int, **properties: Any) -> StoredRecord:
    return StoredRecord(object_name, str(number), START_MS, START_MS + number * MINUTE_MS, properties)


def fill_hubspot(store: Store) -> None:
    calls = [
        hubspot_record(
            "calls",
            number,
            hs_call_title=f"Call {number}",
            hs_call_duration=str(number * 1000),
            hs_call_body=None,
            hs_timestamp=hubspot_time(START_MS + number * MINUTE_MS),
        )
        for number in range(1, CALLS + 1)
    ]
    owners = [
        hubspot_record(
            "owners", 1, email="sato@demo-company.example", firstName="陽菜", lastName="佐藤", userId=11, teams=[]
        ),
        hubspot_record("owners", 2, email="queue@demo-company.example", type="QUEUE", userId=12),
        hubspot_record("owners", 3, email="left@demo-company.example", firstName="Ken", lastName="Mori", userId=13),
    ]
    deals = [
        hubspot_record("deals", 1, dealname="山田商事 <b>", dealstage="new", pipeline="default", amount="120000"),
        hubspot_record("deals", 2, dealname="Acme", dealstage="won", pipeline="default", amount="9000"),
    ]
    people = [
        hubspot_record("contacts", 1, email="a@customer.example", firstname="Ann", lastname="Lee", first_source="Web"),
        hubspot_record("contacts", 2, email="b@customer.example", firstname="Bo", lastname=None, first_source="Fair"),
        hubspot_record("contacts", 3, email="c@customer.example", firstname="Cy", lastname="Ito", first_source=None),
        hubspot_record("companies", 1, name="山田商事", domain="yamada.example", numberofemployees="40"),
    ]
    stages = [
        {"id": "new", "label": "New", "displayOrder": 0, "metadata": {"isClosed": "false", "probability": "0.2"}},
        {"id": "won", "label": "Won", "displayOrder": 1, "metadata": {"isClosed": "true", "probability": "1.0"}},
    ]
    pipelines = [
        StoredRecord(
            "pipelines", "default", 0, 0, {"label": "Sales", "displayOrder": 0, "objectType": "deals", "stages": stages}
        )
    ]
    store.put(HUBSPOT, [*calls, *owners, *deals, *people, *pipelines])
    store.delete(HUBSPOT, "owners", "3", START_MS)
    store.delete(HUBSPOT, "contacts", "3", START_MS)
    store.associate(StoredAssociation("calls", str(n), "contacts", "1", 194) for n in range(1, 11))
    store.associate(StoredAssociation("deals", "1", "companies", "1", kind) for kind in (341, 5))


def salesforce_record(object_name: str, record_id: str, number: int, **properties: Any) -> StoredRecord:
    return StoredRecord(object_name, record_id, START_MS, START_MS + number * MINUTE_MS, properties)


def fill_salesforce(store: Store) -> None:
    role, user, lone = store.next_id(SALESFORCE, "UserRole"), *store.next_ids(SALESFORCE, "User", 2)
    tasks = store.next_ids(SALESFORCE, "Task", TASKS)
    accounts = store.next_ids(SALESFORCE, "Account", 5)
    account_facts = [
        {"Name": "Acme", "Industry": "Retail", "NumberOfEmployees": 10, "Vip__c": True, "Founded__c": "2020-01-01"},
        {
            "Name": "O'Hara & Co",
            "Industry": None,
            "NumberOfEmployees": 200,
            "Vip__c": False,
            "Founded__c": "1990-12-31",
        },
        {
            "Name": "100% 合同会社",
            "Industry": "Banking",
            "NumberOfEmployees": None,
            "Vip__c": False,
            "Founded__c": None,
        },
        {"Name": "100x", "Industry": "retail", "NumberOfEmployees": 50, "Vip__c": True, "Founded__c": "2000-05-05"},
        {
            "Name": 'Line\none, "two"',
            "Industry": "Energy",
            "NumberOfEmployees": 1,
            "Vip__c": False,
            "Founded__c": "2026-01-01",
        },
    ]
    store.put(SALESFORCE, [salesforce_record("UserRole", role, 0, Name="Inside Sales")])
    store.put(
        SALESFORCE,
        [salesforce_record("User", user, 0, Name="田中 葵", Email="tanaka@demo-company.example", UserRoleId=role)],
    )
    store.put(SALESFORCE, [salesforce_record("User", lone, 0, Name="No Role", UserRoleId=None, IsActive=False)])
    store.put(
        SALESFORCE,
        (
            salesforce_record("Task", task, number // 3, Subject=f"Call {number}", OwnerId=user, IsArchived=number == 2)
            for number, task in enumerate(tasks)
        ),
    )
    store.put(
        SALESFORCE,
        (
            salesforce_record(
                "Account", account, number, OwnerId=(user, lone)[number % 2], Due__c=salesforce_time(START_MS), **facts
            )
            for number, (account, facts) in enumerate(zip(accounts, account_facts, strict=True))
        ),
    )
    store.delete(SALESFORCE, "Task", tasks[0], START_MS)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("sandbox") / "store.sqlite") as opened:
        fill_hubspot(opened)
        fill_salesforce(opened)
        yield opened


@pytest.fixture
def fresh_store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def addresses(store: Store) -> Iterator[SandboxAddresses]:
    with running(store.path) as running_servers:
        yield running_servers


@pytest.fixture(scope="session")
def hubspot(addresses: SandboxAddresses) -> HubSpot:
    return HubSpot(access_token=HUBSPOT_TOKEN, host=addresses.hubspot_url)


@pytest.fixture(scope="session")
def web(addresses: SandboxAddresses) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {HUBSPOT_TOKEN}"
        yield session


class LoopbackAdapter(HTTPAdapter):
    """Sends every https request to the sandbox: simple-salesforce speaks nothing else."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        parts = urlsplit(request.url)
        request.url = f"{self._address}{parts.path}?{parts.query}" if parts.query else f"{self._address}{parts.path}"
        return super().send(request, *arguments, **options)


@pytest.fixture(scope="session")
def loopback(addresses: SandboxAddresses) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", LoopbackAdapter(addresses.salesforce_url))
        yield session


@pytest.fixture(scope="session")
def salesforce(loopback: requests.Session) -> Salesforce:
    return Salesforce(
        consumer_key=SALESFORCE_CLIENT_ID,
        consumer_secret=SALESFORCE_CLIENT_SECRET,
        domain=SALESFORCE_DOMAIN,
        session=loopback,
    )
