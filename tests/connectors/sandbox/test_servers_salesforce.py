"""Salesforce's API as simple-salesforce meets it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from connectors.sandbox.credentials import SALESFORCE_DOMAIN
from connectors.sandbox.salesforce_query import Answerer
from connectors.sandbox.server import SandboxAddresses
from connectors.sandbox.store import SALESFORCE, Store, StoredRecord
from connectors.sandbox.times import now_ms, salesforce_time

START_MS, MINUTE_MS, TASKS = 1_780_000_000_000, 60_000, 4_500
DAY_MS = 86_400_000


def names(salesforce: Salesforce, condition: str) -> list[str]:
    rows = salesforce.query(" ".join(("SELECT Name FROM Account", condition)))["records"]
    return [row["Name"].split("\n")[0] for row in rows]


def error_code(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.content[0]["errorCode"])


def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({"username": "sandbox", "password": "sandbox", "security_token": "sandbox"}, id="SOAP"),
        pytest.param(
            {"username": "sandbox", "password": "sandbox", "organizationId": "00D"}, id="SOAP in a trusted network"
        ),
        pytest.param(
            {"username": "sandbox", "password": "sandbox", "consumer_key": "sandbox", "consumer_secret": "sandbox"},
            id="password",
        ),
        pytest.param(
            {"consumer_key": "sandbox", "consumer_secret": "sandbox", "domain": SALESFORCE_DOMAIN},
            id="client credentials",
        ),
        pytest.param({"username": "sandbox", "consumer_key": "sandbox", "privatekey": private_key()}, id="JWT"),
    ],
)
def test_every_way_to_log_in_leads_to_the_sandbox(
    loopback: requests.Session, addresses: SandboxAddresses, credentials: dict[str, str]
) -> None:
    salesforce = Salesforce(session=loopback, **credentials)

    assert f"http://{salesforce.sf_instance}" == addresses.salesforce_url
    assert salesforce.query("SELECT COUNT() FROM User")["totalSize"] == 2


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        pytest.param({"username": "sandbox", "password": "wrong", "security_token": ""}, "INVALID_LOGIN", id="SOAP"),
        pytest.param(
            {"consumer_key": "sandbox", "consumer_secret": "wrong", "domain": SALESFORCE_DOMAIN},
            "invalid_client",
            id="client secret",
        ),
        pytest.param(
            {"username": "other", "consumer_key": "sandbox", "privatekey": private_key()},
            "invalid_grant",
            id="JWT's user",
        ),
        pytest.param(
            {"username": "sandbox", "consumer_key": "x", "privatekey": private_key()},
            "invalid_client_id",
            id="JWT's app",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:\\s*If your connected app policy:UserWarning")  # simple-salesforce's advice
def test_wrong_credentials_are_refused(loopback: requests.Session, credentials: dict[str, str], code: str) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as error:
        Salesforce(session=loopback, **credentials)

    assert error.value.code == code


def test_a_wrong_session_is_refused(addresses: SandboxAddresses) -> None:
    answer = requests.get(
        f"{addresses.salesforce_url}/services/data/v59.0/limits", headers={"Authorization": "Bearer x"}, timeout=10
    )

    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_paging_brings_every_row_once_in_order(salesforce: Salesforce) -> None:
    soql = "SELECT Id, SystemModstamp FROM Task ORDER BY SystemModstamp, Id"

    rows = list(salesforce.query_all_iter(soql, include_deleted=True))

    keys = [(row["SystemModstamp"], row["Id"]) for row in rows]
    assert len(keys) == TASKS
    assert keys == sorted(set(keys))


def test_a_page_has_at_most_two_thousand_rows(salesforce: Salesforce) -> None:
    first = salesforce.query("SELECT Id FROM Task", include_deleted=True)
    second = salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    third = salesforce.query_more(second["nextRecordsUrl"], identifier_is_url=True)

    assert [len(page["records"]) for page in (first, second, third)] == [2000, 2000, 500]
    assert (first["totalSize"], first["done"], third["done"]) == (TASKS, False, True)
    assert "nextRecordsUrl" not in third


def test_a_client_may_ask_for_smaller_pages(salesforce: Salesforce) -> None:
    page = salesforce.query(
        "SELECT Id FROM Task", headers={**salesforce.headers, "Sforce-Query-Options": "batchSize=250"}
    )

    assert (len(page["records"]), page["totalSize"]) == (250, TASKS - 2)


def test_pages_belong_to_the_rows_that_the_query_found(fresh_store: Store) -> None:
    ids = fresh_store.next_ids(SALESFORCE, "Lead", 500)
    fresh_store.put(SALESFORCE, [StoredRecord("Lead", one, 0, place, {}) for place, one in enumerate(ids)])
    answerer = Answerer(fresh_store)

    first = answerer.first_page(
        "SELECT Id FROM Lead ORDER BY SystemModstamp", with_deleted=False, version="59.0", size=200
    )
    fresh_store.edit(SALESFORCE, "Lead", ids[300], {"Status": "Open"}, at_ms=-1)
    second = answerer.next_page(first["nextRecordsUrl"].rpartition("/")[2], "59.0", 200)

    assert [row["Id"] for row in first["records"] + second["records"]] == ids[:400]


def test_query_hides_deleted_and_archived_rows_and_query_all_shows_them(salesforce: Salesforce) -> None:
    visible = salesforce.query("SELECT COUNT() FROM Task")["totalSize"]
    everything = salesforce.query("SELECT COUNT() FROM Task", include_deleted=True)["totalSize"]
    hidden = salesforce.query(
        "SELECT Subject, IsDeleted, IsArchived FROM Task WHERE IsDeleted = true", include_deleted=True
    )

    assert (visible, everything) == (TASKS - 2, TASKS)
    assert [(row["Subject"], row["IsDeleted"]) for row in hidden["records"]] == [("Call 0", True)]


def test_a_window_on_the_modification_time_includes_its_start_only(salesforce: Salesforce) -> None:
    window = [datetime.fromtimestamp(START_MS / 1000 + minutes * 60, UTC) for minutes in (10, 12)]

    rows = salesforce.query(
        format_soql("SELECT Subject FROM Task WHERE SystemModstamp >= {} AND SystemModstamp < {} ORDER BY Id", *window)
    )["records"]

    assert [row["Subject"] for row in rows] == [f"Call {number}" for number in range(30, 36)]


def test_parents_are_nested_and_a_missing_one_is_null(salesforce: Salesforce) -> None:
    rows = salesforce.query("SELECT Name, UserRole.Name FROM User ORDER BY Name")["records"]
    through_two = salesforce.query("SELECT Owner.UserRole.Name FROM Account WHERE Name = 'Acme'")["records"]

    assert [(row["Name"], row["UserRole"] and row["UserRole"]["Name"]) for row in rows] == [
        ("No Role", None),
        ("田中 葵", "Inside Sales"),
    ]
    assert rows[1]["UserRole"]["attributes"]["type"] == "UserRole"
    assert through_two[0]["Owner"]["UserRole"]["Name"] == "Inside Sales"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param("WHERE Industry = 'Retail'", ["Acme", "100x"], id="texts compare without case"),
        pytest.param(
            "WHERE Industry != 'Retail'", ["O'Hara & Co", "100% 合同会社", "Line"], id="unequal keeps empty ones"
        ),
        pytest.param("WHERE Industry = null", ["O'Hara & Co"], id="equal null"),
        pytest.param("WHERE Industry <> null AND Vip__c = false", ["100% 合同会社", "Line"], id="unequal null"),
        pytest.param("WHERE Industry IN ('Energy', 'Banking')", ["100% 合同会社", "Line"], id="in"),
        pytest.param(
            "WHERE Industry NOT IN ('Retail', 'Energy')", ["O'Hara & Co", "100% 合同会社"], id="not in keeps empty ones"
        ),
        pytest.param("WHERE NumberOfEmployees > 10", ["O'Hara & Co", "100x"], id="greater"),
        pytest.param("WHERE NumberOfEmployees >= 10", ["Acme", "O'Hara & Co", "100x"], id="greater or equal"),
        pytest.param("WHERE NumberOfEmployees < 10 OR Vip__c = true", ["Acme", "100x", "Line"], id="or"),
        pytest.param("WHERE NOT NumberOfEmployees > 10", ["Acme", "100% 合同会社", "Line"], id="not"),
        pytest.param(
            "WHERE (Vip__c = true OR Industry = null) AND NumberOfEmployees > 10",
            ["O'Hara & Co", "100x"],
            id="parentheses",
        ),
        pytest.param("WHERE Name LIKE '100%'", ["100% 合同会社", "100x"], id="like, any end"),
        pytest.param("WHERE Name LIKE '100\\%%'", ["100% 合同会社"], id="like, the sign itself"),
        pytest.param("WHERE Name LIKE '100_'", ["100x"], id="like, one sign"),
        pytest.param("WHERE Name = '100\\%'", [], id="an escaped sign outside like"),
        pytest.param("WHERE Name = 'O\\'Hara & Co'", ["O'Hara & Co"], id="quote"),
        pytest.param("WHERE Founded__c < 2000-05-05", ["O'Hara & Co"], id="date"),
        pytest.param(
            "WHERE Due__c <= 2026-05-29T06:00:00+09:00 AND Vip__c = true", ["Acme", "100x"], id="moment in another zone"
        ),
        pytest.param("WHERE Owner.Name = 'no role'", ["O'Hara & Co", "100x"], id="parent"),
        pytest.param("WHERE Owner.UserRole.Name = null", ["O'Hara & Co", "100x"], id="grandparent"),
        pytest.param(
            "ORDER BY Vip__c DESC, NumberOfEmployees DESC LIMIT 3", ["100x", "Acme", "O'Hara & Co"], id="order by two"
        ),
        pytest.param(
            "ORDER BY Industry NULLS LAST, Name LIMIT 2 OFFSET 3", ["Acme", "O'Hara & Co"], id="nulls last, offset"
        ),
        pytest.param("where vip__C = TRUE order by NAME desc", ["Acme", "100x"], id="names without case"),
    ],
)
def test_conditions(salesforce: Salesforce, condition: str, expected: list[str]) -> None:
    assert names(salesforce, condition) == expected


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        pytest.param("SELECT Nothing FROM Account", "INVALID_FIELD", id="unknown column"),
        pytest.param("SELECT Boss.Name FROM Account", "INVALID_FIELD", id="unknown relationship"),
        pytest.param("SELECT IsDeleted FROM User", "INVALID_FIELD", id="a system column that users lack"),
        pytest.param(
            "SELECT SystemModstamp FROM OpportunityFieldHistory",
            "INVALID_FIELD",
            id="field history has no modification time",
        ),
        pytest.param("SELECT Id, Id FROM Account", "INVALID_FIELD", id="twice"),
        pytest.param("SELECT Id FROM Spaceship", "INVALID_TYPE", id="unknown object"),
        pytest.param("SELECT Id Account", "MALFORMED_QUERY", id="no FROM"),
        pytest.param("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", id="no condition"),
        pytest.param(
            "SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'",
            "MALFORMED_QUERY",
            id="and beside or",
        ),
        pytest.param("SELECT Id FROM Account WHERE Name = 'a", "MALFORMED_QUERY", id="open quote"),
        pytest.param("SELECT Id FROM Account; DROP TABLE records", "MALFORMED_QUERY", id="two statements"),
        pytest.param("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", id="number for text"),
        pytest.param(
            "SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD", id="quoted moment"
        ),
        pytest.param("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", id="day for moment"),
    ],
)
def test_a_query_that_salesforce_refuses_is_refused(salesforce: Salesforce, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as error:
        salesforce.query(soql)

    assert error_code(error) == code


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1))
def test_a_quoted_text_finds_the_record_with_that_text_only(fresh_store: Store, name: str) -> None:
    record_id = fresh_store.next_id(SALESFORCE, "Account")
    fresh_store.put(SALESFORCE, [StoredRecord("Account", record_id, 0, 0, {"Name": name})])
    decoy = fresh_store.next_id(SALESFORCE, "Account")
    fresh_store.put(SALESFORCE, [StoredRecord("Account", decoy, 0, 0, {"Name": f"{name}' OR Name != '"})])

    soql = format_soql("SELECT Id FROM Account WHERE Name = {}", name)
    page = Answerer(fresh_store).first_page(soql, with_deleted=False, version="59.0", size=2000)

    assert [row["Id"] for row in page["records"]] == [record_id]
    for one in (record_id, decoy):
        fresh_store.purge(SALESFORCE, "Account", one)


def test_a_stranger_locator_is_refused(salesforce: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as error:
        salesforce.query_more("01g5g0999999999AAA-2000")

    assert error_code(error) == "INVALID_QUERY_LOCATOR"


def test_describe_lists_standard_and_own_fields_with_types(salesforce: Salesforce) -> None:
    fields = {field["name"]: field for field in salesforce.Account.describe()["fields"]}

    kinds = {
        name: fields[name]["type"]
        for name in ("Id", "Name", "Vip__c", "Founded__c", "Due__c", "OwnerId", "NumberOfEmployees")
    }
    assert kinds == {
        "Id": "id",
        "Name": "string",
        "Vip__c": "boolean",
        "Founded__c": "date",
        "Due__c": "datetime",
        "OwnerId": "reference",
        "NumberOfEmployees": "int",
    }
    assert fields["OwnerId"]["relationshipName"] == "Owner"
    assert "IsDeleted" not in {field["name"] for field in salesforce.User.describe()["fields"]}
    assert "Account" in {one["name"] for one in salesforce.describe()["sobjects"]}


def test_an_unknown_object_has_no_description(salesforce: Salesforce) -> None:
    with pytest.raises(SalesforceResourceNotFound) as error:
        salesforce.Spaceship.describe()

    assert error_code(error) == "NOT_FOUND"


def test_one_record_by_id(salesforce: Salesforce, store: Store) -> None:
    account = next(iter(store.all(SALESFORCE, "Account")))

    row = salesforce.Account.get(account.id)

    assert (row["Name"], row["SystemModstamp"], row["Industry"]) == ("Acme", salesforce_time(START_MS), "Retail")


def test_deleted_records_are_listed_within_their_window(salesforce: Salesforce, store: Store) -> None:
    lead = store.next_id(SALESFORCE, "Lead")
    store.put(SALESFORCE, [StoredRecord("Lead", lead, START_MS, START_MS, {"Name": "Gone"})])
    deleted_ms = now_ms() - DAY_MS
    store.delete(SALESFORCE, "Lead", lead, deleted_ms)
    deleted_at = datetime.fromtimestamp(deleted_ms / 1000, UTC)

    around = salesforce.Lead.deleted(deleted_at - timedelta(minutes=5), deleted_at + timedelta(minutes=5))
    before = salesforce.Lead.deleted(deleted_at - timedelta(hours=2), deleted_at - timedelta(hours=1))

    assert [one["id"] for one in around["deletedRecords"]] == [lead]
    assert before["deletedRecords"] == []
    with pytest.raises(SalesforceMalformedRequest) as error:
        salesforce.Lead.deleted(deleted_at - timedelta(days=20), deleted_at)
    assert error_code(error) == "INVALID_REPLICATION_DATE"


def test_usage_is_told_with_every_answer(salesforce: Salesforce) -> None:
    limits = salesforce.limits()
    usage = salesforce.api_usage["api-usage"]

    assert limits["DailyApiRequests"]["Remaining"] == usage.total - usage.used


def test_a_session_that_ended_is_reported_as_such(loopback: requests.Session, addresses: SandboxAddresses) -> None:
    instance = addresses.salesforce_url.removeprefix("http://")
    salesforce = Salesforce(instance=instance, session_id="ended", session=loopback)

    with pytest.raises(SalesforceExpiredSession):
        salesforce.query("SELECT Id FROM Account")


def test_a_record_has_a_page_for_people(addresses: SandboxAddresses, store: Store) -> None:
    account = next(record for record in store.all(SALESFORCE, "Account") if "Hara" in record.properties["Name"])

    page = requests.get(f"{addresses.salesforce_url}/Account/{account.id}", timeout=10)

    assert "O&#x27;Hara &amp; Co" in page.text
