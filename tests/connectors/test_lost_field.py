"""A field that the map names and the CRM has lost: the sync's error says which rules and KPIs stand on it."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.store import HUBSPOT
from pipelines.settings import Settings
from pipelines.sources import MappedFieldGoneError, configured_connections, extract_sources

CONNECTIONS = """
connections:
  - name: hubspot
    crm: hubspot
    url: sandbox
    token_env: HUBSPOT_ACCESS_TOKEN
    start: 2024-01-01
    record_url: http://127.0.0.1:4180/{object}/{id}
    fields:
"""


@pytest.mark.parametrize(
    ("fields", "needed_by"),
    [
        pytest.param(
            "meetings: {meetings: {decision_maker_present: was_the_boss_there}}",
            ["rule decision_maker_present of valid_meeting v2", "KPI valid_meetings", "KPI valid_rate"],
            id="a rule's",
        ),
        pytest.param("deals: {deals: {amount: old_amount}}", ["KPI won_amount"], id="a KPI's"),
        pytest.param("notes: {notes: {body: old_text}}", ["no rule and no KPI needs it"], id="nobody's"),
    ],
)
def test_a_lost_field_is_named_with_the_rules_and_kpis_that_need_it(
    crms: Any, tmp_path: Path, fields: str, needed_by: list[str]
) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text(f"{CONNECTIONS}      {fields}\n", encoding="utf-8")
    secrets = {"HUBSPOT_ACCESS_TOKEN": "sandbox", "HUBSPOT_BASE_URL": crms.urls[HUBSPOT]}
    settings = Settings.from_env({"KPI_HOME": str(tmp_path / "home"), "KPI_CONNECTIONS": str(file), **secrets})

    outcomes = extract_sources(
        settings, configured_connections(settings), as_of=date(2026, 4, 9), is_full=False, report=str
    )

    error = outcomes["hubspot"]
    assert isinstance(error, MappedFieldGoneError)
    crm_field = fields.split(": ")[-1].strip("}")
    assert re.search(rf"has no field '{crm_field}', which \S*/connections.yaml:10 names for", str(error))
    for one in needed_by:
        assert one in str(error)
    assert not list((tmp_path / "home" / "landing").glob("*/*/manifest.json"))
