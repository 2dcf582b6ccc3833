"""`check`: what `kpi doctor` tells about a connection."""

from typing import Any

import orjson
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


@pytest.mark.parametrize(
    ("crm", "where"),
    [
        (HUBSPOT, "/crm/v3/owners"),
        (HUBSPOT, "/crm/v3/pipelines/deals"),
        (HUBSPOT, "/crm/v3/objects/notes?"),
        (HUBSPOT, "/crm/v3/objects/calls/search"),
        (HUBSPOT, "/crm/v4/associations/meetings/contacts"),
        (SALESFORCE, "FROM+UserRole"),
        (SALESFORCE, "/sobjects/OpportunityHistory/describe"),
    ],
)
def test_whatever_may_not_be_read_is_named(crms: Any, crm: str, where: str) -> None:
    crms.put(HUBSPOT, "meetings", {"id": "1"})
    refused = b'{"category":"MISSING_SCOPES"}' if crm == HUBSPOT else b'[{"errorCode":"INSUFFICIENT_ACCESS"}]'
    crms.play(where, 403, refused, times=9)

    found = check(crms.connections[crm], secrets=SECRETS, base_url=crms.urls[crm])

    (bad,) = [one for one in found if not one.is_ok]
    assert bad.subject == "fields"
    assert "status 403" in bad.detail
    assert found[0].is_ok, "the login works"


@pytest.mark.parametrize("key", ["requiredGranularScopes", "requiredScopes"])
def test_a_missing_scope_is_told_by_its_name(crms: Any, key: str) -> None:
    scopes = ["crm.objects.contacts.read", "sales-email-read", "Taro <taro@demo-company.example>"]
    refused = {"category": "MISSING_SCOPES", "message": "private text", "errors": [{"context": {key: scopes}}]}
    crms.play("/crm/v3/objects/emails?", 403, orjson.dumps(refused), times=9)

    found = check(crms.connections[HUBSPOT], secrets=SECRETS, base_url=crms.urls[HUBSPOT])

    (bad,) = [one.detail for one in found if not one.is_ok]
    assert "needs crm.objects.contacts.read, sales-email-read: add what it lacks to the service key" in bad
    assert "taro" not in bad
    assert "private text" not in bad


@pytest.mark.parametrize(
    "odd", [{"errors": "none"}, {"errors": [None, {"context": []}]}, {"context": {"requiredScopes": 5}}]
)
def test_a_refusal_of_another_shape_says_at_least_where_to_look(crms: Any, odd: dict[str, Any]) -> None:
    crms.play("/crm/v3/owners", 403, orjson.dumps({"category": "MISSING_SCOPES", **odd}), times=9)

    found = check(crms.connections[HUBSPOT], secrets=SECRETS, base_url=crms.urls[HUBSPOT])

    (bad,) = [one.detail for one in found if not one.is_ok]
    assert "needs the read scope of that object" in bad


@pytest.mark.parametrize(
    ("where", "status", "code", "remedy"),
    [
        ("/sobjects/Task/describe", 404, "NOT_FOUND", "Read and View All Records on that object"),
        ("FROM+Task", 400, "INVALID_TYPE", "Read and View All Records on that object"),
        ("FROM+Task", 400, "INVALID_FIELD", "read access to the field"),
        ("FROM+Task", 403, "API_DISABLED_FOR_ORG", "system permission API Enabled"),
    ],
)
def test_what_the_api_user_lacks_is_told_with_where_to_grant_it(
    crms: Any, where: str, status: int, code: str, remedy: str
) -> None:
    crms.play(where, status, orjson.dumps([{"errorCode": code}]), times=9)

    found = check(crms.connections[SALESFORCE], secrets=SECRETS, base_url=crms.urls[SALESFORCE])

    bad = [one.detail for one in found if not one.is_ok]
    assert bad
    assert all("Task was refused" in one and remedy in one for one in bad)


def test_an_object_that_not_every_org_has_is_named_where_nothing_is_read_of_it(crms: Any) -> None:
    crms.play("/sobjects/EmailMessage/describe", 404, b'[{"errorCode":"NOT_FOUND"}]')

    found = check(crms.connections[SALESFORCE], secrets=SECRETS, base_url=crms.urls[SALESFORCE])

    assert [one.detail for one in found if one.subject == "objects"] == [
        "not in this org, or hidden from this user, and so not read: EmailMessage; to have them, give the user Read on them"
    ]


@pytest.mark.parametrize(("crm", "object_name"), [(HUBSPOT, "calls"), (SALESFORCE, "Task")])
def test_before_the_first_sync_a_sample_tells_how_full_each_mapped_field_is(
    crms: Any, crm: str, object_name: str
) -> None:
    method = {HUBSPOT: "response_method", SALESFORCE: "Response_Method__c"}[crm]
    ids = ["00T5g0000000001AAA", "00T5g0000000002AAA"] if crm == SALESFORCE else ["1", "2"]
    crms.put(crm, object_name, {"id": ids[0], method: "phone", "TaskSubtype": "Call"})
    crms.put(crm, object_name, {"id": ids[1], "TaskSubtype": "Call"})

    found = check(crms.connections[crm], secrets=SECRETS, base_url=crms.urls[crm], with_sample=True)

    (calls,) = [one for one in found if one.subject == f"calls <- {object_name}"]
    assert calls.detail.startswith("of 2 records looked at: ")
    assert f"response_method <- {method} 50%" in calls.detail
