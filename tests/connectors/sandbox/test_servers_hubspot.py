"""HubSpot's API as the official SDK meets it."""

import json
from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot.crm.associations.v4 import (
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts.exceptions import NotFoundException
from hubspot.crm.objects import (
    BatchReadInputSimplePublicObjectId,
    Filter,
    FilterGroup,
    PublicObjectSearchRequest,
    SimplePublicObjectId,
)
from hubspot.crm.objects.exceptions import ApiException, UnauthorizedException

from connectors.sandbox.server import SandboxAddresses
from connectors.sandbox.store import HUBSPOT, Store, StoredAssociation, StoredRecord
from connectors.sandbox.times import hubspot_time

START_MS, MINUTE_MS, CALLS = 1_780_000_000_000, 60_000, 250


def search(hubspot: HubSpot, object_name: str, **request: Any) -> Any:
    return hubspot.crm.objects.search_api.do_search(
        object_name, public_object_search_request=PublicObjectSearchRequest(**request)
    )


def one_filter(name: str, operator: str, **values: Any) -> list[FilterGroup]:
    return [FilterGroup(filters=[Filter(property_name=name, operator=operator, **values)])]


def refused(error: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(error.value.body)
    return body


def test_the_list_holds_every_record_once_in_the_order_of_numbers(hubspot: HubSpot) -> None:
    calls = hubspot.crm.objects.get_all("calls", properties=["hs_call_title"])

    assert [call.id for call in calls] == [str(number) for number in range(1, CALLS + 1)]
    assert calls[11].properties["hs_call_title"] == "Call 12"


def test_an_unknown_property_is_left_out_and_an_empty_one_is_null(hubspot: HubSpot) -> None:
    call = hubspot.crm.objects.basic_api.get_by_id("calls", "7", properties=["hs_call_body", "no_such_property"])

    assert call.properties == {
        "hs_call_body": None,
        "hs_createdate": hubspot_time(START_MS),
        "hs_lastmodifieddate": hubspot_time(START_MS + 7 * MINUTE_MS),
        "hs_object_id": "7",
    }


@pytest.mark.parametrize(
    "query", ["properties=hs_call_title,hs_timestamp", "properties=hs_call_title&properties=hs_timestamp"]
)
def test_properties_may_be_repeated_or_joined_by_commas(
    web: requests.Session, addresses: SandboxAddresses, query: str
) -> None:
    answer = web.get(f"{addresses.hubspot_url}/crm/v3/objects/calls/1?{query}").json()

    assert answer["properties"]["hs_call_title"] == "Call 1"
    assert answer["properties"]["hs_timestamp"] == hubspot_time(START_MS + MINUTE_MS)


def test_a_contacts_modification_time_has_its_own_name(hubspot: HubSpot) -> None:
    contact = hubspot.crm.contacts.basic_api.get_by_id("1")

    assert contact.properties == {
        "email": "a@customer.example",
        "firstname": "Ann",
        "lastname": "Lee",
        "createdate": hubspot_time(START_MS),
        "lastmodifieddate": hubspot_time(START_MS + MINUTE_MS),
        "hs_object_id": "1",
    }


def test_an_archived_record_is_only_in_the_archived_list(hubspot: HubSpot) -> None:
    live = hubspot.crm.contacts.get_all()
    archived = hubspot.crm.contacts.get_all(archived=True)

    assert [contact.id for contact in live] == ["1", "2"]
    assert [(contact.id, contact.archived) for contact in archived] == [("3", True)]
    assert archived[0].archived_at is not None
    with pytest.raises(NotFoundException):
        hubspot.crm.contacts.basic_api.get_by_id("3")


@pytest.mark.parametrize(
    ("parameters", "is_allowed"),
    [
        pytest.param({"limit": 100}, True, id="largest page"),
        pytest.param({"limit": 101}, False, id="page too large"),
        pytest.param({"limit": 0}, False, id="empty page"),
        pytest.param({"limit": 50, "propertiesWithHistory": "dealstage"}, True, id="largest page with history"),
        pytest.param({"limit": 51, "propertiesWithHistory": "dealstage"}, False, id="page with history too large"),
        pytest.param({"after": "12"}, True, id="cursor"),
        pytest.param({"after": "twelve"}, False, id="no cursor of this API"),
    ],
)
def test_page_sizes_are_those_of_the_api(
    web: requests.Session, addresses: SandboxAddresses, parameters: dict[str, Any], is_allowed: bool
) -> None:
    answer = web.get(f"{addresses.hubspot_url}/crm/v3/objects/deals", params=parameters)

    assert answer.status_code == (200 if is_allowed else 400)
    assert is_allowed or answer.json()["category"] == "VALIDATION_ERROR"


def test_a_deals_stage_history_grows_with_each_edit_newest_first(hubspot: HubSpot, store: Store) -> None:
    store.put(HUBSPOT, [StoredRecord("deals", "50", START_MS, START_MS, {"dealstage": "new", "pipeline": "default"})])
    store.edit(HUBSPOT, "deals", "50", {"dealstage": "offer"}, START_MS + 1)
    store.edit(HUBSPOT, "deals", "50", {"amount": "5"}, START_MS + 2)
    store.edit(HUBSPOT, "deals", "50", {"dealstage": "won"}, START_MS + 3)

    deal = hubspot.crm.deals.basic_api.get_by_id("50", properties=["dealstage"], properties_with_history=["dealstage"])

    versions = deal.properties_with_history["dealstage"]
    assert [version.value for version in versions] == ["won", "offer", "new"]
    assert deal.properties["dealstage"] == "won"
    store.purge(HUBSPOT, "deals", "50")


def test_a_search_by_keyset_finds_every_record_once(hubspot: HubSpot) -> None:
    found: list[str] = []
    since = str(START_MS + 31 * MINUTE_MS)
    while True:
        filters = [
            Filter(property_name="hs_lastmodifieddate", operator="GTE", value=since),
            Filter(property_name="hs_object_id", operator="GT", value=found[-1] if found else "0"),
        ]
        page = search(
            hubspot,
            "calls",
            filter_groups=[FilterGroup(filters=filters)],
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            limit=20,
        )
        if not page.results:
            break
        found += [record.id for record in page.results]

    assert found == [str(number) for number in range(31, CALLS + 1)]


@pytest.mark.parametrize(
    ("name", "operator", "values", "expected"),
    [
        pytest.param("hs_call_duration", "LT", {"value": "3000"}, ["1", "2"], id="numbers compare as numbers"),
        pytest.param(
            "hs_call_duration", "BETWEEN", {"value": "9000", "high_value": "11000"}, ["9", "10", "11"], id="between"
        ),
        pytest.param("hs_object_id", "IN", {"values": ["3", "99"]}, ["3", "99"], id="in"),
        pytest.param("hs_object_id", "LTE", {"value": "2"}, ["1", "2"], id="ids compare as numbers"),
        pytest.param("hs_call_title", "EQ", {"value": "call 5"}, ["5"], id="texts compare without case"),
        pytest.param("hs_call_title", "CONTAINS_TOKEN", {"value": "*25*"}, ["25", "125", "225", "250"], id="contains"),
        pytest.param("hs_call_body", "HAS_PROPERTY", {}, [], id="has property"),
        pytest.param(
            "hs_timestamp", "LT", {"value": str(START_MS + 2 * MINUTE_MS)}, ["1"], id="moment in milliseconds"
        ),
        pytest.param(
            "hs_timestamp", "LT", {"value": hubspot_time(START_MS + 2 * MINUTE_MS)}, ["1"], id="moment in ISO"
        ),
        pytest.param(
            "hs_lastmodifieddate", "LTE", {"value": str(START_MS + MINUTE_MS)}, ["1"], id="modified, bound included"
        ),
    ],
)
def test_search_operators(
    hubspot: HubSpot, name: str, operator: str, values: dict[str, Any], expected: list[str]
) -> None:
    page = search(hubspot, "calls", filter_groups=one_filter(name, operator, **values), limit=200)

    assert [record.id for record in page.results] == expected
    assert page.total == len(expected)


def test_not_equal_keeps_records_without_a_value(hubspot: HubSpot) -> None:
    page = search(hubspot, "contacts", filter_groups=one_filter("lastname", "NEQ", value="Lee"))

    assert [record.id for record in page.results] == ["2"]  # and never the archived one


@pytest.mark.parametrize(
    "request_parts",
    [
        pytest.param({"limit": 201}, id="page too large"),
        pytest.param({"limit": 100, "after": "9901"}, id="beyond 10,000"),
        pytest.param({"after": "next"}, id="cursor is no integer"),
        pytest.param({"sorts": ["createdate", "hs_object_id"]}, id="two sorts"),
        pytest.param(
            {"filter_groups": one_filter("lastmodifieddate", "GTE", value="0")}, id="a contact's clock on calls"
        ),
        pytest.param({"filter_groups": one_filter("hs_call_duration", "GTE", value="soon")}, id="no number"),
        pytest.param({"filter_groups": one_filter("hs_call_title", "RHYMES", value="x")}, id="unknown operator"),
        pytest.param({"filter_groups": one_filter("hs_call_title", "EQ", value="x") * 6}, id="six groups"),
        pytest.param(
            {"properties": [f"a_property_with_a_long_name_{n}" for n in range(120)]}, id="body over 3,000 characters"
        ),
    ],
)
def test_a_search_beyond_the_apis_limits_is_refused(hubspot: HubSpot, request_parts: dict[str, Any]) -> None:
    with pytest.raises(ApiException) as error:
        search(hubspot, "calls", **request_parts)

    assert error.value.status == 400
    assert refused(error)["category"] == "VALIDATION_ERROR"


def test_the_last_page_below_the_cap_is_answered(hubspot: HubSpot) -> None:
    page = search(hubspot, "calls", limit=100, after="9900")

    assert (page.results, page.total, page.paging) == ([], CALLS, None)


def test_a_batch_names_the_ids_that_are_missing(hubspot: HubSpot) -> None:
    inputs = [SimplePublicObjectId(id=record_id) for record_id in ("1", "3", "999")]

    batch = hubspot.crm.contacts.batch_api.read(BatchReadInputSimplePublicObjectId(inputs=inputs, properties=["email"]))

    assert [record.id for record in batch.results] == ["1"]
    assert batch.num_errors == 1
    assert batch.errors[0].context == {"ids": ["3", "999"]}


@pytest.mark.parametrize(
    ("count", "history", "status"), [(100, [], 207), (101, [], 400), (50, ["a"], 207), (51, ["a"], 400)]
)
def test_batches_have_a_largest_size(
    web: requests.Session, addresses: SandboxAddresses, count: int, history: list[str], status: int
) -> None:
    body = {"inputs": [{"id": str(n)} for n in range(1, count + 1)], "propertiesWithHistory": history}

    answer = web.post(f"{addresses.hubspot_url}/crm/v3/objects/deals/batch/read", json=body)

    assert answer.status_code == status


def read_associations(hubspot: HubSpot, source: str, target: str, ids: list[str]) -> Any:
    inputs = [PublicFetchAssociationsBatchRequest(id=one) for one in ids]
    return hubspot.crm.associations.v4.batch_api.get_page(
        source,
        target,
        batch_input_public_fetch_associations_batch_request=BatchInputPublicFetchAssociationsBatchRequest(inputs),
    )


def test_associations_are_seen_from_both_sides(hubspot: HubSpot) -> None:
    there = read_associations(hubspot, "calls", "contacts", ["1", "10"])
    back = read_associations(hubspot, "contacts", "calls", ["1"])

    assert [
        (one._from.id, one.to[0].to_object_id, one.to[0].association_types[0].type_id) for one in there.results
    ] == [
        ("1", "1", 194),
        ("10", "1", 194),
    ]
    assert [target.to_object_id for target in back.results[0].to] == [str(number) for number in range(1, 11)]
    assert back.results[0].to[0].association_types[0].type_id == 193


def test_a_pair_joined_twice_is_one_target_with_two_types(hubspot: HubSpot) -> None:
    (deal,) = read_associations(hubspot, "deals", "companies", ["1"]).results

    assert [(kind.type_id, kind.label) for kind in deal.to[0].association_types] == [(5, "Primary"), (341, None)]


def test_the_list_form_names_such_a_target_twice(web: requests.Session, addresses: SandboxAddresses) -> None:
    answer = web.get(
        f"{addresses.hubspot_url}/crm/v3/objects/deals/1", params={"associations": "companies,unknown_things"}
    )

    assert answer.json()["associations"] == {
        "companies": {
            "results": [{"id": "1", "type": "deal_to_company"}, {"id": "1", "type": "deal_to_company_unlabeled"}]
        }
    }


def test_a_record_without_associations_is_told_apart(web: requests.Session, addresses: SandboxAddresses) -> None:
    url = f"{addresses.hubspot_url}/crm/v4/associations/calls/contacts/batch/read"

    answer = web.post(url, json={"inputs": [{"id": "1"}, {"id": "200"}]})

    assert answer.status_code == 207
    assert [one["from"]["id"] for one in answer.json()["results"]] == ["1"]
    (error,) = answer.json()["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == ["200"]
    assert web.post(url, json={"inputs": [{"id": str(n)} for n in range(1, 1002)]}).status_code == 400


def test_a_removed_association_is_gone_on_both_sides(hubspot: HubSpot, store: Store) -> None:
    link = StoredAssociation("calls", "100", "contacts", "2", 194)
    store.associate([link])
    store.dissociate([link])

    assert not read_associations(hubspot, "calls", "contacts", ["100"]).results
    assert not read_associations(hubspot, "contacts", "calls", ["2"]).results


def test_owners_who_left_are_only_in_the_archived_list(hubspot: HubSpot) -> None:
    live = hubspot.crm.owners.get_all()
    left = hubspot.crm.owners.get_all(archived=True)

    assert [(owner.id, owner.type, owner.user_id) for owner in live] == [("1", "PERSON", 11), ("2", "QUEUE", 12)]
    assert [(owner.id, owner.user_id, owner.user_id_including_inactive) for owner in left] == [("3", None, 13)]


def test_owners_are_paged(web: requests.Session, addresses: SandboxAddresses) -> None:
    first = web.get(f"{addresses.hubspot_url}/crm/v3/owners", params={"limit": 1}).json()
    second = web.get(
        f"{addresses.hubspot_url}/crm/v3/owners/", params={"limit": 1, "after": first["paging"]["next"]["after"]}
    ).json()

    assert [owner["id"] for owner in first["results"] + second["results"]] == ["1", "2"]
    assert "paging" not in second


def test_pipelines_carry_their_stages(hubspot: HubSpot) -> None:
    (pipeline,) = hubspot.crm.pipelines.pipelines_api.get_all("deals").results

    assert [(stage.id, stage.metadata["isClosed"]) for stage in pipeline.stages] == [("new", "false"), ("won", "true")]


def test_properties_are_standard_ones_and_the_accounts_own(hubspot: HubSpot) -> None:
    known = {one.name: one for one in hubspot.crm.properties.core_api.get_all("contacts").results}

    assert (known["email"].type, known["email"].hubspot_defined) == ("string", True)
    assert (known["first_source"].type, known["first_source"].hubspot_defined) == ("string", False)
    assert known["lastmodifieddate"].type == "datetime"
    assert "hs_lastmodifieddate" not in known


def test_a_wrong_token_is_refused(addresses: SandboxAddresses) -> None:
    stranger = HubSpot(access_token="wrong", host=addresses.hubspot_url)

    with pytest.raises(UnauthorizedException) as error:
        stranger.crm.objects.basic_api.get_page("calls")

    assert refused(error)["category"] == "INVALID_AUTHENTICATION"
    assert refused(error)["correlationId"]


def test_a_token_is_given_for_the_clients_secret(hubspot: HubSpot) -> None:
    tokens = hubspot.oauth.tokens_api.create(
        grant_type="refresh_token", refresh_token="x", client_id="sandbox", client_secret="sandbox"
    )

    assert tokens.access_token == "sandbox"


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
@pytest.mark.parametrize(
    ("old", "dated"),
    [
        ("/crm/v3/objects/calls?limit=3", "/crm/objects/{}/calls?limit=3"),
        ("/crm/v3/objects/calls/2", "/crm/objects/{}/0-48/2"),
        ("/crm/v4/objects/calls/2/associations/contacts", "/crm/objects/{}/call/2/associations/contacts"),
        ("/crm/v3/owners/?archived=true", "/crm/owners/{}?archived=true"),
        ("/crm/v3/pipelines/deals", "/crm/pipelines/{}/deals"),
        ("/crm/v3/pipelines/deals/default/stages", "/crm/pipelines/{}/deals/default/stages"),
        ("/crm/v3/properties/calls", "/crm/properties/{}/calls"),
    ],
)
def test_both_path_families_answer_alike(
    web: requests.Session, addresses: SandboxAddresses, version: str, old: str, dated: str
) -> None:
    first = web.get(addresses.hubspot_url + old)
    second = web.get(addresses.hubspot_url + dated.format(version))

    assert first.status_code == second.status_code == 200
    assert {**first.json(), "paging": None} == {**second.json(), "paging": None}


def test_what_is_not_there_is_refused_in_hubspots_shape(web: requests.Session, addresses: SandboxAddresses) -> None:
    missing = web.get(f"{addresses.hubspot_url}/crm/v3/no/such/path")
    unknown = web.get(f"{addresses.hubspot_url}/crm/v3/objects/spaceships")

    assert (missing.status_code, missing.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert (unknown.status_code, unknown.json()["category"]) == (400, "VALIDATION_ERROR")


def test_a_record_has_a_page_for_people_with_its_texts_escaped(addresses: SandboxAddresses) -> None:
    page = requests.get(f"{addresses.hubspot_url}/deals/1", timeout=10)

    assert page.status_code == 200
    assert "山田商事 &lt;b&gt;" in page.text
    assert requests.get(f"{addresses.hubspot_url}/deals/999", timeout=10).status_code == 404
