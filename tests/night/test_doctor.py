"""Does doctor tell a field that was mapped on purpose and stays empty from one that the CRM merely does not use?"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.doctor import examine
from pipelines.settings import PROJECT, Settings
from tests.night.homes import Home

SHIPPED = PROJECT / "connectors" / "connections.yaml"
OWN = "EmailMessage: {activity_crm_id: ActivityId, response_method"


@pytest.mark.parametrize("is_own", [False, True], ids=["of the standard map", "of connections.yaml"])
def test_an_empty_field_is_bad_only_when_somebody_mapped_it(a_home: Home, tmp_path: Path, is_own: bool) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    connections = tmp_path / "connections.yaml"
    connections.write_text(text.replace("EmailMessage: {response_method", OWN) if is_own else text, encoding="utf-8")
    settings = Settings.from_env({"KPI_HOME": str(a_home.path), "KPI_CONNECTIONS": str(connections)})

    found = examine(settings, now=datetime.now(UTC))

    told = [finding.is_ok for finding in found if "has a value in activity_crm_id" in finding.detail]
    assert told == [not is_own]
