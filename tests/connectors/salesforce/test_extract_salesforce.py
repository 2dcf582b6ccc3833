"""What comes out of Salesforce, asked of the local server: complete, deleted rows too, with few logins."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.errors import (
    DailyLimitError,
    LoginError,
    ObjectGoneError,
    RequestRefusedError,
    UnavailableError,
    UnknownFieldError,
)
from connectors.salesforce.auth import choose_credentials
from connectors.salesforce.client import MOST_LOGINS
from connectors.salesforce.objects import OBJECTS
from connectors.sandbox.store import SALESFORCE
from connectors.settings import FieldSource, SalesforceLimits, merge_field_maps

NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
YESTERDAY = NOW - timedelta(days=1)
LOGIN = "/services/oauth2/token"


def an_id(prefix: str, number: int) -> str:
    return f"{prefix}5g0000{number:06d}AAA"


def tasks(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": an_id("00T", number), "TaskSubtype": "Call", "Status": "Completed", **fields} for number in numbers]


def an_error(code: str) -> bytes:
    return orjson.dumps([{"errorCode": code, "message": "taro@demo-company.example"}])


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries at once; remembers how long it would have waited."""
    slept: list[float] = []
    monkeypatch.setattr("connectors.http.Caller.__init__.__kwdefaults__", {"tries": 8, "sleep": slept.append})
    return slept


def test_a_full_run_lands_every_page_once(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(4_500)))

    landed = crms.extract(SALESFORCE)

    assert crms.ids(landed, "Task") == [an_id("00T", number) for number in range(4_500)]
    assert crms.counts(landed, "Task") == (4_500, 4_500)
    assert len(crms.asked("/query/01g")) == 2


def test_every_object_of_the_hand_over_has_a_window(crms: Any) -> None:
    landed = crms.extract(SALESFORCE)

    read = [window.object for window in landed.windows if "." not in window.object]
    assert read == sorted(spec.name for spec in OBJECTS if not spec.is_optional or spec.name in read)
    assert {"Task", "Event", "UserRole", "Opportunity"} <= set(read)


def test_an_object_that_was_read_before_and_is_hidden_now_stops_the_run_and_a_full_one_goes_without_it(
    crms: Any,
) -> None:
    cursors = crms.cursors(crms.extract(SALESFORCE, "s1"))
    crms.play("/sobjects/EmailMessage/describe", 404, an_error("NOT_FOUND"), times=2)

    with pytest.raises(ObjectGoneError, match="EmailMessage was read before and is no longer there"):
        crms.extract(SALESFORCE, "s2", cursors=cursors)
    landed = crms.extract(SALESFORCE, "s3", cursors=cursors, is_full=True)

    assert "EmailMessage" not in {window.object for window in landed.windows}


def test_deleted_and_archived_rows_land_too(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(1), is_deleted=True), *tasks(range(1, 2), IsArchived=True))

    landed = crms.extract(SALESFORCE)

    assert {record.id: record.is_deleted for record in crms.records(landed, "Task")} == {
        an_id("00T", 0): True,
        an_id("00T", 1): False,
    }


def test_a_payload_is_the_row_with_its_parents_and_without_attributes(crms: Any) -> None:
    crms.put(SALESFORCE, "UserRole", {"id": an_id("00E", 1), "Name": "Inside Sales"})
    crms.put(SALESFORCE, "User", {"id": an_id("005", 1), "Name": "A", "UserRoleId": an_id("00E", 1)})

    payload = crms.payloads(crms.extract(SALESFORCE), "User")[an_id("005", 1)]

    assert payload["UserRole"] == {"Name": "Inside Sales"}
    assert "attributes" not in payload


def test_notes_land_with_their_text_and_what_they_are_about(crms: Any) -> None:
    note = {"id": "0025g0000000001AAA", "Body": "Call back in May", "ParentId": "0065g0000000001AAA", "Title": "May"}
    crms.put(SALESFORCE, "Note", note)

    landed = crms.extract(SALESFORCE)

    (payload,) = crms.payloads(landed, "Note").values()
    assert (payload["Body"], payload["ParentId"]) == ("Call back in May", "0065g0000000001AAA")


def test_a_merged_record_names_its_survivor(crms: Any) -> None:
    crms.put(SALESFORCE, "Contact", {"id": an_id("003", 1), "is_deleted": True, "MasterRecordId": an_id("003", 2)})

    payload = crms.payloads(crms.extract(SALESFORCE), "Contact")[an_id("003", 1)]

    assert payload["MasterRecordId"] == an_id("003", 2)


def test_an_incremental_run_asks_for_the_window_with_its_overlap_only(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(3), modified_ms=NOW_MS - 26 * HOUR_MS))
    crms.put(SALESFORCE, "Task", *tasks(range(3, 5), modified_ms=NOW_MS - 25 * HOUR_MS))
    crms.put(SALESFORCE, "Task", *tasks(range(5, 9), modified_ms=NOW_MS - 1), *tasks(range(9, 10), modified_ms=NOW_MS))

    landed = crms.extract(SALESFORCE, cursors={"Task": YESTERDAY})

    assert crms.ids(landed, "Task") == [an_id("00T", number) for number in range(3, 9)]
    assert crms.counts(landed, "Task") == (6, 6)


def test_a_real_org_is_read_only_up_to_the_lag(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(1), modified_ms=NOW_MS - 299_999))
    crms.put(SALESFORCE, "Task", *tasks(range(1, 2), modified_ms=NOW_MS - 300_001))

    landed = crms.extract(SALESFORCE, settings={"url": crms.urls[SALESFORCE]})

    assert crms.ids(landed, "Task") == [an_id("00T", 1)]


def test_stage_history_goes_by_the_day_it_was_written(crms: Any) -> None:
    crms.put(
        SALESFORCE, "OpportunityHistory", {"id": an_id("008", 1), "created_ms": NOW_MS - HOUR_MS, "modified_ms": 1_000}
    )
    crms.put(SALESFORCE, "OpportunityHistory", {"id": an_id("008", 2), "created_ms": NOW_MS - 99 * HOUR_MS})

    landed = crms.extract(SALESFORCE, cursors={"OpportunityHistory": YESTERDAY})

    (record,) = crms.records(landed, "OpportunityHistory")
    assert (record.id, record.modified_at) == (an_id("008", 1), NOW - timedelta(hours=1))


def test_a_lost_locator_starts_anew_after_the_last_row_even_among_ties(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(4_500)))
    crms.play("/query/01g", 400, an_error("INVALID_QUERY_LOCATOR"))

    landed = crms.extract(SALESFORCE)

    assert crms.ids(landed, "Task") == [an_id("00T", number) for number in range(4_500)]


def test_rows_that_the_count_knows_and_the_query_lost_show_as_a_difference(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(3)))
    crms.play(
        "FROM+Task+WHERE+SystemModstamp+%3E%3D+2024-01-01T00%3A00%3A00.000Z+AND+SystemModstamp+%3C+2026-04-10T12%3A00%3A00.000Z+ORDER",
        200,
        b'{"totalSize":0,"done":true,"records":[]}',
    )

    landed = crms.extract(SALESFORCE)

    assert crms.counts(landed, "Task") == (3, 0)


def test_one_login_serves_all_threads(crms: Any) -> None:
    crms.extract(SALESFORCE)

    assert len(crms.asked(LOGIN)) == 1


def test_an_ended_session_is_renewed_once_for_all(crms: Any, no_waiting: list[float]) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(3)))
    crms.play("/describe", 401, an_error("INVALID_SESSION_ID"))

    landed = crms.extract(SALESFORCE)

    assert crms.counts(landed, "Task") == (3, 3)
    assert len(crms.asked(LOGIN)) == 2


@pytest.mark.parametrize(
    "body", [pytest.param(an_error("INVALID_SESSION_ID"), id="json"), pytest.param(b"<html>", id="html")]
)
def test_a_session_refused_again_and_again_ends_before_the_account_is_locked(
    crms: Any, no_waiting: list[float], body: bytes
) -> None:
    crms.play("/services/data", 401, body, times=999)

    with pytest.raises(LoginError, match=f"{MOST_LOGINS} logins"):
        crms.extract(SALESFORCE)

    assert len(crms.asked(LOGIN)) == MOST_LOGINS


def test_a_login_that_is_not_answered_is_asked_for_again_as_any_request(crms: Any, no_waiting: list[float]) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(3)))
    crms.play(LOGIN, 503, b"<html>", times=MOST_LOGINS + 1)

    landed = crms.extract(SALESFORCE)

    assert crms.counts(landed, "Task") == (3, 3)


def test_a_host_that_does_not_answer_is_named(crms: Any, no_waiting: list[float]) -> None:
    with pytest.raises(UnavailableError, match=r"no answer from 127\.0\.0\.1:1 .+connections\.yaml"):
        crms.extract(SALESFORCE, base_url="http://127.0.0.1:1")


def test_refused_secrets_are_tried_once(crms: Any, no_waiting: list[float]) -> None:
    wrong = {"SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_CLIENT_SECRET": "wrong"}

    with pytest.raises(LoginError, match="client credentials refused") as caught:
        crms.extract(SALESFORCE, secrets=wrong)

    assert len(crms.asked(LOGIN)) == 1
    assert "wrong" not in str(caught.value)


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(path)


def test_all_three_ways_in_work(crms: Any, key_file: str) -> None:
    ways = {
        "client": {"SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_CLIENT_SECRET": "sandbox"},
        "jwt": {
            "SALESFORCE_CLIENT_ID": "sandbox",
            "SALESFORCE_USERNAME": "sandbox",
            "SALESFORCE_PRIVATE_KEY_FILE": key_file,
        },
        "password": {
            "SALESFORCE_USERNAME": "sandbox",
            "SALESFORCE_PASSWORD": "sandbox",
            "SALESFORCE_SECURITY_TOKEN": "sandbox",
        },
    }
    for name, secrets in ways.items():
        assert crms.extract(SALESFORCE, name, secrets=secrets).sync_id == name


def test_secrets_that_are_not_complete_name_what_to_set(crms: Any) -> None:
    with pytest.raises(LoginError, match="SALESFORCE_CLIENT_SECRET"):
        crms.extract(SALESFORCE, secrets={"SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_USERNAME": "sandbox"})


def test_credentials_never_show_their_secrets(crms: Any) -> None:
    secrets = {"SALESFORCE_CLIENT_ID": "abc", "SALESFORCE_CLIENT_SECRET": "top-secret"}

    shown = repr(choose_credentials(crms.connections[SALESFORCE], secrets, "https://acme.my.salesforce.com"))

    assert shown == "Credentials(client credentials)"


def test_a_hidden_field_stops_the_run_and_is_named(crms: Any) -> None:
    source = FieldSource.model_validate({"from": ["Hidden__c"], "origin": "mine.yaml:7"})
    changed = merge_field_maps(crms.connections[SALESFORCE].field_map, {"calls": {"Task": {"direction": source}}})

    with pytest.raises(UnknownFieldError, match=r"mine\.yaml:7"):
        crms.extract(SALESFORCE, settings={"field_map": changed})


def test_an_org_without_email_messages_is_read_without_them(crms: Any) -> None:
    crms.play("sobjects/EmailMessage/describe", 404, an_error("NOT_FOUND"))
    crms.play("sobjects/EmailMessageRelation/describe", 404, an_error("NOT_FOUND"))

    landed = crms.extract(SALESFORCE)

    assert "EmailMessage" not in {window.object for window in landed.windows}
    assert "Task" in {window.object for window in landed.windows}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(406, b"", id="406 without body"),
        pytest.param(420, b"", id="420 without body"),
        pytest.param(400, an_error("QUERY_TIMEOUT"), id="query timeout"),
        pytest.param(500, an_error("UNKNOWN_EXCEPTION"), id="500"),
        pytest.param(503, b"<html>maintenance</html>", id="503 HTML"),
        pytest.param(200, b"<html>maintenance</html>", id="200 HTML"),
        pytest.param(403, an_error("REQUEST_LIMIT_EXCEEDED"), id="too many at once"),
    ],
)
def test_a_passing_failure_is_asked_again(crms: Any, no_waiting: list[float], status: int, body: bytes) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(3)))
    crms.play("queryAll", status, body, times=3)

    landed = crms.extract(SALESFORCE)

    assert crms.counts(landed, "Task") == (3, 3)
    assert len(no_waiting) == 3


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        pytest.param(400, an_error("INVALID_FIELD"), {}, RequestRefusedError, id="invalid field"),
        pytest.param(403, an_error("API_DISABLED_FOR_ORG"), {}, RequestRefusedError, id="no api"),
        pytest.param(503, b"", {}, UnavailableError, id="down for longer than we try"),
    ],
)
def test_what_cannot_be_mended_ends_the_run_without_manifest_or_body(
    crms: Any, no_waiting: list[float], status: int, body: bytes, headers: dict[str, str], error: type[Exception]
) -> None:
    crms.play("queryAll", status, body, times=999, **headers)

    with pytest.raises(error) as caught:
        crms.extract(SALESFORCE)

    assert "taro" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert list((crms.landing / "salesforce").glob("*/manifest.json")) == []


@pytest.mark.parametrize(
    ("usage", "per_day", "is_stopped"),
    [
        pytest.param("api-usage=80/100", None, False, id="exactly the share"),
        pytest.param("api-usage=81/100", None, True, id="into the reserve"),
        pytest.param(
            "api-usage=81/100; per-app-api-usage=1/250(appName=kpi)", None, True, id="with the app's own limit"
        ),
        pytest.param("api-usage=81/100000", 100, True, id="of the requests that connections.yaml allows"),
        pytest.param("api-usage=80/100000", 100, False, id="exactly the share of those"),
        pytest.param("api-usage=81/100", 100000, True, id="of the org's own, where those are fewer"),
    ],
)
def test_a_share_of_the_days_requests_is_left_for_others(
    crms: Any, usage: str, per_day: int | None, is_stopped: bool
) -> None:
    empty = b'{"totalSize":0,"done":true,"records":[]}'
    crms.play("queryAll", 200, empty, times=999, Sforce_Limit_Info=usage)
    settings = {"url": crms.urls[SALESFORCE], "limits": SalesforceLimits(requests_per_day=per_day)}

    if is_stopped:
        with pytest.raises(DailyLimitError, match="81 of 100"):
            crms.extract(SALESFORCE, settings=settings)
    else:
        crms.extract(SALESFORCE, settings=settings)


def test_progress_names_the_connection_and_grows(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *tasks(range(2_500)))
    seen: list[Any] = []

    crms.extract(SALESFORCE, on_progress=seen.append)

    assert {one.connection for one in seen} == {"salesforce"}
    assert max(one.record_count for one in seen) == 2_500
    assert seen[-1].request_count > 10
    assert seen[-1].expected_count >= 2_500
