"""docs/guides/field-map.md: its connections.yaml loads, and the record that it shows becomes the row that it shows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.store import SALESFORCE
from connectors.settings import Connection, load_connections
from models.tables import raw_calls, raw_contacts, raw_meetings
from pipelines.loading import load_landed
from pipelines.settings import PROJECT
from pipelines.warehouse import Warehouse

GUIDE = (PROJECT / "docs" / "guides" / "field-map.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)
    return str(found)


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    file = tmp_path / "connections.yaml"
    file.write_text(block("yaml"), encoding="utf-8")
    (connection,) = load_connections(file)
    return connection


def test_the_guides_event_becomes_the_guides_row(crms: Any, connection: Connection, tmp_path: Path) -> None:
    account = {"id": "0015g0000000001AAA", "Name": "A", "AccountSource": "紹介"}
    person = {"id": "0035g0000000001AAA", "LastName": "P", "AccountId": account["id"], "Web_Source__c": None}
    call = {"TaskSubtype": "Call", "Status": "Completed", "Result__c": "不在", "Talk_Milliseconds__c": 61_000}
    deal = {"id": "0065g0000000001AAA", "CurrencyIsoCode": "JPY", "Loss_Reason__c": "予算"}
    event = {**json.loads(block("json")), "Appointment_Setter__c": None}
    crms.put(SALESFORCE, "Account", account)
    crms.put(SALESFORCE, "Contact", person, {**person, "id": "0035g0000000002AAA", "Web_Source__c": "資料請求"})
    crms.put(SALESFORCE, "Task", {"id": "00T5g0000000001AAA", **call})
    crms.put(SALESFORCE, "Opportunity", deal)
    crms.put(SALESFORCE, "Event", {"id": "00U5g0000000001AAA", **event})
    crms.connections = {SALESFORCE: connection}

    crms.extract(SALESFORCE)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    loaded = load_landed(warehouse, crms.landing, connection, zone="Asia/Tokyo")

    assert (loaded.refused, loaded.quarantined) == ((), 0)
    with warehouse.transaction() as reading:
        (meeting,) = reading.execute(sa.select(raw_meetings)).mappings()
        sources = reading.execute(sa.select(raw_contacts.c.lead_source).order_by(raw_contacts.c.crm_id)).scalars()
        talked = reading.execute(
            sa.select(raw_calls.c.disposition, raw_calls.c.duration_seconds, raw_calls.c.response_method)
        )
        assert [*sources] == ["紹介", "資料請求"]
        assert [tuple(row) for row in talked] == [("no_answer", 61, "call")]
    shown = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", GUIDE, flags=re.MULTILINE))
    assert len(shown) == 8
    assert {name: str(meeting[name]) for name in shown} == shown
