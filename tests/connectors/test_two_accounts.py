"""Two accounts of one CRM side by side: the same ids mean other records, and what goes in one stays in the other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.hubspot import hubspot_app
from connectors.sandbox.store import HUBSPOT, Store
from models.tables import raw_notes
from pipelines.loading import load_landed
from pipelines.warehouse import Warehouse
from tests.connectors.conftest import NOW, NOW_MS, fill_custom_fields, served

HOUR_MS = 3_600_000
IDS = ("1", "2", "3")


@pytest.fixture
def accounts(crms: Any, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """By connection, an account of its own; both land in one folder."""
    with Store(tmp_path / "other.sqlite") as other:
        fill_custom_fields(other)
        with served(hubspot_app(other)) as url:
            yield {"west": crms, "east": replace(crms, store=other, urls={HUBSPOT: url})}


def test_each_keeps_its_own_records_under_the_same_ids(accounts: dict[str, Any], tmp_path: Path) -> None:
    warehouse, cursors = Warehouse(tmp_path / "warehouse.duckdb"), dict[str, Any]()
    for name, account in accounts.items():
        account.put(HUBSPOT, "notes", *({"id": one, "hs_note_body": f"{name} {one}"} for one in IDS))

    def night(number: int) -> dict[str, dict[str, str]]:
        def read(name: str) -> None:
            settings, now = {"name": name, "id_check_days": 1}, NOW + number * timedelta(days=1)
            known = cursors.get(name, {})
            landed = accounts[name].extract(HUBSPOT, f"{number}-{name}", settings=settings, now=now, cursors=known)
            cursors[name] = accounts[name].cursors(landed)
            assert landed.connection == name

        with ThreadPoolExecutor() as threads:
            [*threads.map(read, accounts)]
        for name, account in accounts.items():
            connection = account.connections[HUBSPOT].model_copy(update={"name": name})
            assert load_landed(warehouse, account.landing, connection, zone="Asia/Tokyo").refused == ()
        with warehouse.transaction() as reading:
            rows = reading.execute(sa.select(raw_notes).where(raw_notes.c.is_deleted.is_(False))).mappings().all()
        return {name: {row["crm_id"]: row["body"] for row in rows if row["connection"] == name} for name in accounts}

    first = night(0)
    accounts["west"].store.delete(HUBSPOT, "notes", "1", NOW_MS + HOUR_MS)
    accounts["west"].store.purge(HUBSPOT, "notes", "2")
    accounts["east"].store.edit(HUBSPOT, "notes", "1", {"hs_note_body": "east again"}, NOW_MS + HOUR_MS)
    second = night(1)

    assert first == {name: {one: f"{name} {one}" for one in IDS} for name in accounts}
    assert second == {"west": {"3": "west 3"}, "east": {"1": "east again", "2": "east 2", "3": "east 3"}}
