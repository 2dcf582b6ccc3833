"""Whatever a request says, it is answered or refused in the API's own words: never a traceback, never a foreign row."""

from typing import Any

import orjson
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sandbox.errors import RefusedRequestError
from connectors.sandbox.hubspot_schema import property_types
from connectors.sandbox.hubspot_search import search_statements
from connectors.sandbox.salesforce_query import Answerer
from connectors.sandbox.server import SandboxAddresses
from connectors.sandbox.sql import compiled
from connectors.sandbox.store import HUBSPOT, Store

SHARED_STORE = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OPERATORS = [
    "EQ",
    "NEQ",
    "LT",
    "GTE",
    "BETWEEN",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
    "?",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars, max_size=2)
filters = st.fixed_dictionaries(
    {"propertyName": st.sampled_from(["firstname", "hs_object_id", "createdate", "first_source", "x"]) | values},
    optional={"operator": st.sampled_from(OPERATORS) | values, "value": values, "highValue": values, "values": values},
)
groups = st.lists(
    st.fixed_dictionaries({}, optional={"filters": st.lists(filters | values, max_size=3) | values}) | values,
    max_size=3,
)
bodies = st.fixed_dictionaries(
    {}, optional={"filterGroups": groups | values, "limit": values, "after": values, "sorts": values, "query": values}
)
SIGNS = "SELECT FROM WHERE AND OR NOT IN LIKE ORDER BY LIMIT OFFSET NULLS LAST COUNT ( ) , = != < >= ' '% 'a' 'a\\'b'"
NAMES = "Id Name Owner.Name Account Vip__c NumberOfEmployees SystemModstamp null true 5"
ODD_VALUES = "99999999999999999999 2026-01-01 2026-13-01T00:00:00Z 2026-01-01T00:00:00Z"
words = st.lists(st.sampled_from([*SIGNS.split(), *NAMES.split(), *ODD_VALUES.split()]), max_size=14).map(" ".join)
queries = words | st.text() | words.map("SELECT Name FROM Account WHERE ".__add__)


@SHARED_STORE
@given(body=bodies)
def test_any_search_is_answered_or_refused(store: Store, body: dict[str, Any]) -> None:
    types = property_types("contacts", store.fields(HUBSPOT, "contacts"))

    try:
        page, count, _, _ = search_statements("contacts", types, body)
    except RefusedRequestError:
        return

    found = store.records(*compiled(page))
    assert {record.id for record in found} <= {"1", "2"}  # live contacts and nothing else
    assert store.select(*compiled(count)).fetchone()[0] >= len(found)


@SHARED_STORE
@given(soql=queries)
def test_any_query_is_answered_or_refused(store: Store, soql: str) -> None:
    try:
        page = Answerer(store).first_page(soql, with_deleted=False, version="59.0", size=2000)
    except RefusedRequestError:
        return

    assert page["totalSize"] <= 5
    assert {row["attributes"]["type"] for row in page["records"]} <= {"Account"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/crm/v3/objects/calls/search", b"{", id="no JSON"),
        pytest.param("/crm/v3/objects/calls/search", b"[]", id="no object"),
        pytest.param("/crm/v3/objects/calls/search", orjson.dumps({"properties": "all"}), id="properties are no list"),
        pytest.param("/crm/v3/objects/calls/batch/read", b"{}", id="no inputs"),
        pytest.param("/crm/v3/objects/calls/batch/read", orjson.dumps({"inputs": [{"id": "x"}]}), id="id is no number"),
        pytest.param(
            "/crm/v4/associations/calls/contacts/batch/read",
            orjson.dumps({"inputs": ["1"]}),
            id="inputs are no objects",
        ),
    ],
)
def test_a_broken_body_is_refused(web: requests.Session, addresses: SandboxAddresses, path: str, body: bytes) -> None:
    answer = web.post(addresses.hubspot_url + path, data=body)

    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_an_id_too_long_for_a_number_is_not_found(web: requests.Session, addresses: SandboxAddresses) -> None:
    url = f"{addresses.hubspot_url}/crm/v3/objects/calls"

    assert web.get(f"{url}/{'9' * 40}").status_code == 404
    assert web.get(url, params={"after": "9" * 40}).json() == {"results": []}
    assert web.post(f"{url}/batch/read", json={"inputs": [{"id": "9" * 40}]}).status_code == 207
