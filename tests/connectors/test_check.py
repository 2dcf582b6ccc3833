"""`check`: what `kpi doctor` tells about a connection."""

from typing import Any

import pytest

from connectors.errors import UnknownObjectError
from connectors.extract import check
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from connectors.settings import FieldSource, merge_field_maps

SECRETS = {"HUBSPOT_ACCESS_TOKEN": "sandbox", "SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_CLIENT_SECRET": "sandbox"}


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_sound_connection_has_no_complaints(crms: Any, crm: str) -> None:
    findings = check(crms.connections[crm], secrets=SECRETS, base_url=crms.urls[crm])

    assert [finding.subject for finding in findings] == ["login", "fields", "start", "limits", "clock"]
    assert all(finding.is_ok for finding in findings)


@pytest.mark.parametrize(("crm", "object_name"), [(HUBSPOT, "meetings"), (SALESFORCE, "Event")])
def test_what_the_start_day_leaves_out_is_counted(crms: Any, crm: str, object_name: str) -> None:
    before_start = 1_700_000_000_000  # 2023-11-14
    ids = ["00U5g0000000001AAA", "00U5g0000000002AAA"] if crm == SALESFORCE else ["1", "2"]
    crms.put(crm, object_name, *({"id": one, "modified_ms": before_start} for one in ids))

    (start,) = (
        one for one in check(crms.connections[crm], secrets=SECRETS, base_url=crms.urls[crm]) if one.subject == "start"
    )

    assert f"2 {object_name}" in start.detail


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_login_that_fails_is_a_finding(crms: Any, crm: str) -> None:
    (finding,) = check(crms.connections[crm], secrets={}, base_url=crms.urls[crm])

    assert (finding.subject, finding.is_ok) == ("login", False)


@pytest.mark.parametrize(("crm", "object_name"), [(HUBSPOT, "calls"), (SALESFORCE, "Task")])
def test_all_missing_fields_are_told_not_the_first_only(crms: Any, crm: str, object_name: str) -> None:
    sources = {name: FieldSource.model_validate({"from": [f"missing_{name}"]}) for name in ("direction", "status")}
    connection = crms.connections[crm]
    changed = merge_field_maps(connection.field_map, {"calls": {object_name: sources}})

    findings = check(connection.model_copy(update={"field_map": changed}), secrets=SECRETS, base_url=crms.urls[crm])

    bad = [finding.detail for finding in findings if not finding.is_ok]
    assert len(bad) == 2
    assert "missing_direction" in bad[0]
    assert "missing_status" in bad[1]


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_mapped_object_that_is_not_read_is_told_and_stops_an_extraction(crms: Any, crm: str) -> None:
    connection = crms.connections[crm]
    changed = merge_field_maps(connection.field_map, {"contacts": {"Prospects": {}}})
    wrong = connection.model_copy(update={"field_map": changed})

    bad = [one for one in check(wrong, secrets=SECRETS, base_url=crms.urls[crm]) if not one.is_ok]

    assert len(bad) == 1
    assert "'Prospects'" in bad[0].detail
    with pytest.raises(UnknownObjectError, match="Prospects"):
        crms.extract(crm, settings={"field_map": changed})
