"""What comes out of HubSpot, asked of the local server: complete, once, with tombstones and associations."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from filelock import FileLock

from connectors.errors import (
    DailyLimitError,
    IncompleteReadError,
    LandingError,
    LoginError,
    RequestRefusedError,
    UnavailableError,
    UnknownFieldError,
)
from connectors.landing import pending
from connectors.sandbox.store import HUBSPOT, StoredAssociation
from connectors.settings import FieldSource, HubSpotLimits, merge_field_maps

NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
YESTERDAY = {"calls": NOW - timedelta(days=1)}


def calls(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": str(1_000 + number), "hs_call_direction": "OUTBOUND", **fields} for number in numbers]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries at once; remembers how long it would have waited."""
    slept: list[float] = []
    monkeypatch.setattr("connectors.http.Caller.__init__.__kwdefaults__", {"tries": 8, "sleep": slept.append})
    return slept


def test_a_full_run_lands_every_page_once(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(250)))

    landed = crms.extract(HUBSPOT)

    assert crms.ids(landed, "calls") == [str(1_000 + number) for number in range(250)]
    assert crms.counts(landed, "calls") == (250, 250)


def test_the_payload_holds_mapped_fields_custom_ones_too(crms: Any) -> None:
    crms.put(HUBSPOT, "meetings", {"id": "7", "hs_meeting_outcome": "COMPLETED", "decision_maker_present": "true"})

    payload = crms.payloads(crms.extract(HUBSPOT), "meetings")["7"]

    assert payload["properties"]["hs_meeting_outcome"] == "COMPLETED"
    assert payload["properties"]["decision_maker_present"] == "true"


def test_archived_records_land_as_tombstones_beside_the_count(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)), {"id": "2000", "is_deleted": True, "modified_ms": NOW_MS - HOUR_MS})

    landed = crms.extract(HUBSPOT)

    assert [record.id for record in crms.records(landed, "calls") if record.is_deleted] == ["2000"]
    assert crms.counts(landed, "calls") == (3, 3)


def test_a_tombstone_is_newer_than_the_last_living_version(crms: Any) -> None:
    record = {"id": "1", "is_deleted": True, "modified_ms": NOW_MS - 5 * HOUR_MS, "deleted_ms": NOW_MS - HOUR_MS}
    crms.put(HUBSPOT, "calls", record)

    (tombstone,) = crms.records(crms.extract(HUBSPOT), "calls")

    assert tombstone.modified_at == NOW - timedelta(hours=1)


def test_activities_from_before_the_start_stay_out_but_people_do_not(crms: Any) -> None:
    old_ms = round(datetime(2023, 12, 31, 23, 59, tzinfo=UTC).timestamp() * 1000)
    crms.put(HUBSPOT, "calls", *calls(range(2)), {"id": "1", "modified_ms": old_ms})
    crms.put(HUBSPOT, "contacts", {"id": "1", "modified_ms": old_ms})

    landed = crms.extract(HUBSPOT)

    assert crms.ids(landed, "calls") == ["1000", "1001"]
    assert crms.counts(landed, "calls") == (2, 2)
    assert crms.ids(landed, "contacts") == ["1"]


def test_an_incremental_run_asks_for_the_window_with_its_overlap_only(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(5), modified_ms=NOW_MS - 26 * HOUR_MS))
    in_overlap = calls(range(10, 12), modified_ms=NOW_MS - 25 * HOUR_MS)
    changed = calls(range(20, 430), modified_ms=NOW_MS - HOUR_MS)
    crms.put(HUBSPOT, "calls", *in_overlap, *changed, *calls(range(500, 501), modified_ms=NOW_MS))

    landed = crms.extract(HUBSPOT, cursors=YESTERDAY)

    assert crms.ids(landed, "calls") == sorted(record["id"] for record in [*in_overlap, *changed])
    assert crms.counts(landed, "calls") == (412, 412)


def test_the_end_of_a_window_is_the_start_of_the_next(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)))
    first = crms.extract(HUBSPOT)
    crms.put(HUBSPOT, "calls", {"id": "1001", "modified_ms": NOW_MS + 1, "hs_call_status": "COMPLETED"})

    later = NOW + timedelta(days=1)
    second = crms.extract(HUBSPOT, "s2", cursors=crms.cursors(first), now=later)

    assert crms.ids(second, "calls") == ["1001"]


def test_a_real_account_is_read_only_up_to_the_lag(crms: Any) -> None:
    crms.put(
        HUBSPOT,
        "calls",
        *calls(range(1), modified_ms=NOW_MS - 59_999),
        *calls(range(1, 2), modified_ms=NOW_MS - 60_001),
    )

    landed = crms.extract(
        HUBSPOT,
        cursors=YESTERDAY,
        settings={"url": crms.urls[HUBSPOT], "limits": HubSpotLimits(searches_per_second=999)},
    )

    assert crms.ids(landed, "calls") == ["1001"]


def test_an_incremental_run_sweeps_tombstones_of_its_window(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(1), is_deleted=True, modified_ms=NOW_MS - HOUR_MS))
    crms.put(HUBSPOT, "calls", *calls(range(1, 2), is_deleted=True, modified_ms=NOW_MS - 50 * HOUR_MS))

    landed = crms.extract(HUBSPOT, cursors=YESTERDAY)

    assert [(record.id, record.is_deleted) for record in crms.records(landed, "calls")] == [("1000", True)]


def test_deals_come_with_their_stage_history_in_both_kinds_of_run(crms: Any) -> None:
    history = [{"value": "won", "timestamp": "2026-04-01T00:00:00.000Z", "sourceType": "CRM_UI"}]
    crms.put(
        HUBSPOT, "deals", {"id": "1", "dealstage": "won", "history": {"dealstage": history}, "modified_ms": NOW_MS - 1}
    )

    full = crms.extract(HUBSPOT, "full")
    incremental = crms.extract(HUBSPOT, "incremental", cursors={"deals": NOW - timedelta(days=1)})

    for landed in (full, incremental):
        assert crms.payloads(landed, "deals")["1"]["propertiesWithHistory"]["dealstage"] == history
        assert "hubspot_owner_id" in crms.payloads(landed, "deals")["1"]["propertiesWithHistory"]


def test_meetings_come_with_the_versions_of_the_feedback_in_both_kinds_of_run(crms: Any) -> None:
    crms.put(HUBSPOT, "meetings", {"id": "1", "field_sales_feedback": "accepted", "modified_ms": NOW_MS - 9})
    crms.store.edit(HUBSPOT, "meetings", "1", {"field_sales_feedback": "rejected"}, NOW_MS - 1)

    full = crms.extract(HUBSPOT, "full")
    incremental = crms.extract(HUBSPOT, "incremental", cursors={"meetings": NOW - timedelta(days=1)})

    for landed in (full, incremental):
        kept = crms.payloads(landed, "meetings")["1"]["propertiesWithHistory"]["field_sales_feedback"]
        assert [version["value"] for version in kept] == ["rejected", "accepted"]


def test_more_than_ten_thousand_changes_in_one_millisecond_are_read(crms: Any) -> None:
    crms.put(HUBSPOT, "notes", *({"id": str(number)} for number in range(1, 10_052)))

    landed = crms.extract(HUBSPOT, cursors={"notes": NOW - timedelta(days=2)})

    assert crms.counts(landed, "notes") == (10_051, 10_051)


def test_associations_are_whole_sets_and_none_is_an_empty_one(crms: Any) -> None:
    crms.put(HUBSPOT, "contacts", {"id": "1"}, {"id": "2"})
    crms.put(HUBSPOT, "meetings", {"id": "10", "modified_ms": NOW_MS - HOUR_MS}, {"id": "11"})
    crms.store.associate(
        [
            StoredAssociation("meetings", "10", "contacts", "1", 200),
            StoredAssociation("meetings", "10", "contacts", "2", 200),
        ]
    )

    landed = crms.extract(HUBSPOT)

    payloads = crms.payloads(landed, "associations.meetings.contacts")
    assert [one["toObjectId"] for one in payloads["10"]["to"]] == [1, 2]
    assert payloads["11"] == {"to": []}
    moments = {record.id: record.modified_at for record in crms.records(landed, "associations.meetings.contacts")}
    assert moments["10"] == NOW - timedelta(hours=1)


def test_more_sources_than_one_request_takes_are_split(crms: Any) -> None:
    crms.put(HUBSPOT, "notes", *({"id": str(number)} for number in range(1, 2_102)))

    landed = crms.extract(HUBSPOT)

    assert len(crms.ids(landed, "associations.notes.deals")) == 2_101
    assert len(crms.asked("associations/notes/deals")) == 3


def test_a_batch_refused_because_of_one_record_is_halved_until_the_rest_is_read(crms: Any) -> None:
    crms.put(HUBSPOT, "deals", *({"id": str(number)} for number in range(1, 5)))
    refusal = orjson.dumps({"category": "VALIDATION_ERROR", "message": "private text"})
    crms.play("associations/deals/contacts", 400, refusal, times=3)

    landed = crms.extract(HUBSPOT, settings={"workers": 1})

    assert crms.ids(landed, "associations.deals.contacts") == ["2", "3", "4"]
    assert [(one.object, one.payload) for one in landed.rejected] == [("associations.deals.contacts", '{"id":"1"}')]


def test_leavers_are_owners_still(crms: Any) -> None:
    crms.put(HUBSPOT, "owners", {"id": "1", "firstName": "A"}, {"id": "2", "firstName": "B", "is_deleted": True})

    landed = crms.extract(HUBSPOT)

    assert {record.id: record.is_deleted for record in crms.records(landed, "owners")} == {"1": False, "2": False}
    assert crms.payloads(landed, "owners")["2"]["archived"] is True


def test_each_stage_is_a_record_that_knows_its_pipeline(crms: Any) -> None:
    stages = [
        {"id": "new", "label": "New", "displayOrder": 0, "metadata": {"isClosed": "false", "probability": "0.1"}},
        {"id": "won", "label": "Won", "displayOrder": 1, "metadata": {"isClosed": "true", "probability": "1.0"}},
    ]
    crms.put(HUBSPOT, "pipelines", {"id": "99", "label": "Sales", "displayOrder": 0, "stages": stages})

    payloads = crms.payloads(crms.extract(HUBSPOT), "pipelines")

    assert sorted(payloads) == ["new", "won"]
    assert payloads["won"]["pipeline"] == {"id": "99", "label": "Sales"}
    assert payloads["won"]["metadata"]["probability"] == "1.0"


def test_the_dated_paths_give_the_same(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)))
    crms.put(HUBSPOT, "owners", {"id": "1"})

    landed = crms.extract(HUBSPOT, settings={"api_version": "2026-09"})

    assert len(crms.ids(landed, "calls")) == 3
    assert crms.ids(landed, "owners") == ["1"]
    assert len(crms.ids(landed, "associations.calls.contacts")) == 3
    assert crms.asked("/v3/") == crms.asked("/v4/") == []


def test_a_mapped_property_that_does_not_exist_stops_the_run_and_is_named(crms: Any) -> None:
    connection = crms.connections[HUBSPOT]
    source = FieldSource.model_validate({"from": ["no_such_thing"], "origin": "mine.yaml:12"})
    changed = merge_field_maps(connection.field_map, {"calls": {"calls": {"direction": source}}})

    with pytest.raises(UnknownFieldError, match=r"mine\.yaml:12") as caught:
        crms.extract(HUBSPOT, settings={"field_map": changed})

    assert (caught.value.connection, caught.value.key, caught.value.field) == (
        "hubspot",
        "calls.direction",
        "no_such_thing",
    )
    assert list((crms.landing / "hubspot").glob("*/manifest.json")) == []


@pytest.mark.parametrize(
    ("status", "body", "headers", "wait"),
    [
        pytest.param(429, {"policyName": "SECONDLY"}, {}, 1.0, id="secondly"),
        pytest.param(429, {"policyName": "TEN_SECONDLY_ROLLING"}, {}, 10.0, id="ten secondly"),
        pytest.param(429, {}, {}, 10.0, id="limit without a policy"),
        pytest.param(429, {"policyName": "SECONDLY"}, {"Retry_After": "3"}, 3.0, id="Retry-After wins"),
        pytest.param(423, {}, {}, 2.0, id="locked"),
        pytest.param(477, {}, {"Retry_After": "5"}, 5.0, id="migration"),
    ],
)
@pytest.mark.parametrize("where", ["objects/calls/search", "objects/calls?", "associations/calls/deals"])
def test_every_request_waits_as_the_crm_asks_and_is_sent_again(
    crms: Any,
    no_waiting: list[float],
    where: str,
    status: int,
    body: dict[str, str],
    headers: dict[str, str],
    wait: float,
) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)))
    crms.play(where, status, orjson.dumps(body), times=2, **headers)

    landed = crms.extract(HUBSPOT)

    assert len(crms.ids(landed, "calls")) == 3
    assert no_waiting == [wait, wait]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>maintenance</html>", id="HTML at 200"),
        pytest.param(200, b'{"status":"ok"}', id="no results at 200"),
        pytest.param(500, b"", id="500"),
        pytest.param(502, b"<html>", id="502"),
        pytest.param(524, b"", id="524"),
    ],
)
def test_a_broken_answer_is_asked_for_again(crms: Any, no_waiting: list[float], status: int, body: bytes) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)))
    crms.play("objects/calls?", status, body, times=3)

    landed = crms.extract(HUBSPOT)

    assert len(crms.ids(landed, "calls")) == 3
    assert len(no_waiting) == 3


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(401, {"category": "EXPIRED_AUTHENTICATION"}, LoginError, id="token refused"),
        pytest.param(403, {"category": "MISSING_SCOPES"}, RequestRefusedError, id="scope missing"),
        pytest.param(429, {"policyName": "DAILY"}, DailyLimitError, id="daily limit"),
        pytest.param(503, {}, UnavailableError, id="down for longer than we try"),
    ],
)
def test_what_cannot_be_mended_ends_the_run_without_manifest_or_body(
    crms: Any, no_waiting: list[float], status: int, body: dict[str, str], error: type[Exception]
) -> None:
    crms.play("objects/calls?", status, orjson.dumps({**body, "message": "taro@demo-company.example"}), times=99)

    with pytest.raises(error) as caught:
        crms.extract(HUBSPOT)

    assert "taro" not in str(caught.value)
    assert list((crms.landing / "hubspot").glob("*/manifest.json")) == []


def test_a_short_page_with_a_next_one_is_not_the_end(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(3)))
    empty = orjson.dumps({"results": [], "paging": {"next": {"after": 1}}})
    crms.play("objects/calls?", 200, empty)

    assert len(crms.ids(crms.extract(HUBSPOT), "calls")) == 3


def test_a_record_without_id_or_time_is_put_aside_and_the_page_goes_on(crms: Any) -> None:
    page = {
        "results": [
            {"updatedAt": "2026-04-01T00:00:00Z", "properties": {"a": "no id"}},
            {"id": "2", "updatedAt": "not a date"},
            {"id": "3", "updatedAt": "2026-04-01T00:00:00Z", "unknown": {"future": 1}},
        ]
    }
    crms.play("objects/calls?", 200, orjson.dumps(page))

    landed = crms.extract(HUBSPOT)

    assert crms.ids(landed, "calls") == ["3"]
    assert [one.reason for one in landed.rejected] == ["it has no id", "its time of change cannot be read"]
    assert orjson.loads(landed.rejected[0].payload)["properties"] == {"a": "no id"}


def test_a_missing_token_names_its_variable(crms: Any) -> None:
    with pytest.raises(LoginError, match="HUBSPOT_ACCESS_TOKEN"):
        crms.extract(HUBSPOT, secrets={})


@pytest.mark.parametrize("url", ["http://crm.example", "ftp://127.0.0.1:1", "sandbox"])
def test_an_address_that_is_not_safe_gets_no_token(crms: Any, url: str) -> None:
    with pytest.raises(LoginError):
        crms.extract(HUBSPOT, base_url=url)


def test_what_a_killed_run_left_is_removed_by_the_next(crms: Any) -> None:
    left = crms.landing / "hubspot" / "killed" / "calls"
    left.mkdir(parents=True)
    (left / "001.parquet").write_bytes(b"half")

    crms.extract(HUBSPOT)

    assert sorted(path.name for path in (crms.landing / "hubspot").iterdir() if path.is_dir()) == ["s1"]


@pytest.mark.parametrize("file", ["calls/001.part", "calls.part.part", "manifest.part"])
def test_a_full_disk_ends_the_run_with_what_to_do_and_the_next_brings_all(crms: Any, file: str) -> None:
    crms.put(HUBSPOT, "calls", *calls(range(5)))
    full = crms.landing / "hubspot" / "s1" / file
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")  # writing to it fails as on a disk without room

    with pytest.raises(LandingError, match=r"cannot be written \(No space left on device\); make room"):
        crms.extract(HUBSPOT)

    assert pending(crms.landing, "hubspot", set()) == []
    full.unlink()
    assert len(crms.ids(crms.extract(HUBSPOT, "s2"), "calls")) == 5
    assert [path.parent.name for path in pending(crms.landing, "hubspot", set())] == ["s2"]


def test_two_extractions_of_one_connection_do_not_run_at_once(crms: Any) -> None:
    folder = crms.landing / "hubspot"
    folder.mkdir(parents=True)

    with FileLock(folder / ".lock"), pytest.raises(LandingError, match="is running: a process that left no note"):
        crms.extract(HUBSPOT)


def test_the_second_extraction_is_told_who_holds_the_connection(crms: Any) -> None:
    told = []

    def begin_another(_: Any) -> None:
        with pytest.raises(LandingError, match=f"process {os.getpid()} .*, since .* UTC, run s1") as refused:
            crms.extract(HUBSPOT, "s2")
        told.append(str(refused.value))

    crms.put(HUBSPOT, "calls", {"id": "1"})
    crms.extract(HUBSPOT, "s1", on_progress=begin_another)

    assert told
    assert not list(crms.landing.glob("hubspot/.lock.holder"))


def test_a_page_that_names_itself_as_next_ends_the_run_instead_of_never_ending(crms: Any) -> None:
    page = orjson.dumps({"results": [], "paging": {"next": {"after": "5"}}})
    crms.play("objects/calls?", 200, page, times=9)

    with pytest.raises(IncompleteReadError, match="calls"):
        crms.extract(HUBSPOT)


def test_the_same_sync_id_twice_is_refused(crms: Any) -> None:
    crms.extract(HUBSPOT)

    with pytest.raises(LandingError, match="landed already"):
        crms.extract(HUBSPOT)
