"""Bulk API 2.0: the same records as by REST, whatever CSV does to them; and whatever the job does, nothing is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.errors import IncompleteReadError
from connectors.sandbox.store import SALESFORCE

JOBS = "/jobs/query"
NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)


def an_id(prefix: str, number: int) -> str:
    return f"{prefix}5g0000{number:06d}AAA"


def fill(crms: Any, count: int = 30) -> None:
    texts = ['two\nlines, and "quotes"', None, "NA", "日本語", "a;b"]
    rows = [
        {
            "id": an_id("00T", number),
            "TaskSubtype": "Call",
            "Status": texts[number % len(texts)],
            "CallDurationInSeconds": number,
            "is_deleted": number % 7 == 0,
        }
        for number in range(count)
    ]
    crms.put(SALESFORCE, "Task", *rows)
    crms.put(SALESFORCE, "UserRole", {"id": an_id("00E", 1), "Name": "Inside Sales"})
    crms.put(SALESFORCE, "User", {"id": an_id("005", 1), "Name": "A", "UserRoleId": an_id("00E", 1)})
    crms.put(SALESFORCE, "User", {"id": an_id("005", 2), "Name": "B"})
    crms.put(SALESFORCE, "Opportunity", {"id": an_id("006", 1), "Amount": 12_000.5, "StageName": "Won", "IsWon": True})


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("connectors.http.Caller.__init__.__kwdefaults__", {"tries": 8, "sleep": slept.append})
    return slept


def both_ways(crms: Any) -> tuple[Any, Any]:
    return crms.extract(SALESFORCE, "rest"), crms.extract(SALESFORCE, "bulk", settings={"bulk_from": 1})


@pytest.mark.usefixtures("no_waiting")
def test_bulk_gives_the_very_records_that_rest_gives(crms: Any) -> None:
    fill(crms)

    rest, bulk = both_ways(crms)

    assert crms.asked(JOBS)
    for window in rest.windows:
        if "." not in window.object:
            texts = [{one.id: one.payload for one in crms.records(sync, window.object)} for sync in (rest, bulk)]
            assert texts[0] == texts[1]
            assert crms.counts(bulk, window.object) == crms.counts(rest, window.object)


@pytest.mark.usefixtures("no_waiting")
def test_pages_are_followed_to_the_locator_null(crms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.bulk.PAGE_ROWS", 7)
    fill(crms)

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 20})

    assert crms.counts(landed, "Task") == (30, 30)
    assert len([one for one in crms.asked("/results") if "maxRecords=7" in one]) == 5
    assert crms.asked("DELETE")


@pytest.mark.parametrize("count", [29, 30])
def test_the_count_decides_which_api_is_asked(crms: Any, count: int, no_waiting: list[float]) -> None:
    fill(crms, count)

    crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert bool(crms.asked(JOBS)) is (count == 30)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, {"id": "750", "state": "Failed", "errorMessage": "retried more than 15 times"}, id="failed"),
        pytest.param(200, {"id": "750", "state": "Aborted"}, id="aborted"),
        pytest.param(400, [{"errorCode": "API_ERROR", "message": "Bulk is not enabled"}], id="refused"),
        pytest.param(
            400,
            [{"errorCode": "LIMIT_EXCEEDED", "message": "Max bulk v2 query jobs"}],
            id="the day's bulk jobs are used up",
        ),
    ],
)
def test_a_job_that_does_not_end_well_is_read_by_rest(
    crms: Any, no_waiting: list[float], status: int, body: Any
) -> None:
    fill(crms)
    crms.play(JOBS, status, orjson.dumps(body), times=99)

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert crms.counts(landed, "Task") == (30, 30)


def test_a_job_that_never_ends_is_given_up(crms: Any, no_waiting: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.bulk.DEADLINE_SECONDS", -1.0)
    fill(crms)

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert [one for one in crms.asked(JOBS) if one.startswith("PATCH")]
    assert crms.counts(landed, "Task") == (30, 30)


@pytest.mark.parametrize(
    ("body", "announced"),
    [
        pytest.param(b"Id\n1\n", "2", id="fewer rows than announced"),
        pytest.param(b"Id,Status\n1,a\n2\n", "2", id="cut in the middle of a row"),
        pytest.param(b"Id\n1\n", "", id="nothing announced"),
        pytest.param(b"Id\n\xff\n", "1", id="no UTF-8"),
    ],
)
def test_a_truncated_page_is_asked_for_again(crms: Any, no_waiting: list[float], body: bytes, announced: str) -> None:
    fill(crms)
    crms.play("/results", 200, body, Sforce_NumberOfRecords=announced, Sforce_Locator="null")

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert crms.counts(landed, "Task") == (30, 30)


def test_fewer_rows_than_the_job_processed_is_an_error(crms: Any, no_waiting: list[float]) -> None:
    fill(crms)
    crms.play("/results", 200, b"Id\n", Sforce_NumberOfRecords="0", Sforce_Locator="null")

    with pytest.raises(IncompleteReadError, match="processed 30 records and gave 0"):
        crms.extract(SALESFORCE, settings={"bulk_from": 30})


def test_nul_bytes_and_very_long_texts_come_through(crms: Any, no_waiting: list[float]) -> None:
    header, row = "Id,SystemModstamp,Status", f"{an_id('00T', 1)},2026-04-01T00:00:00.000Z"
    fill(crms)
    csv_page = f"{header}\n{row},{'x' * 200_000}\0\n" + f"{row},\n" * 29
    crms.play("/results", 200, csv_page.encode(), Sforce_NumberOfRecords="30", Sforce_Locator="null")

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert max(len(one.payload) for one in crms.records(landed, "Task")) > 200_000
    assert not [one for one in crms.records(landed, "Task") if "\\u0000" in one.payload]


def test_a_value_that_is_none_of_its_type_lands_as_it_came(crms: Any, no_waiting: list[float]) -> None:
    fill(crms)
    header = "Id,SystemModstamp,IsDeleted,IsArchived,CallDurationInSeconds"
    found = ["ninety", "nan", "1e999", "12.0"]
    rows = [f"{an_id('00T', n)},2026-04-01T00:00:00.000Z,false,maybe,{found[n % 4]}" for n in range(30)]
    page = "\n".join([header, *rows]).encode()
    crms.play("/results", 200, page, Sforce_NumberOfRecords="30", Sforce_Locator="null")

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    payloads = crms.payloads(landed, "Task")
    seconds = [payloads[an_id("00T", n)]["CallDurationInSeconds"] for n in range(4)]
    assert seconds == ["ninety", "nan", "1e999", 12]
    assert {one["IsArchived"] for one in payloads.values()} == {"maybe"}
    assert landed.rejected == ()


def test_a_session_that_ends_inside_a_job_is_renewed(crms: Any, no_waiting: list[float]) -> None:
    fill(crms)
    expired = orjson.dumps([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}])
    crms.play("/results", 401, expired)

    landed = crms.extract(SALESFORCE, settings={"bulk_from": 30})

    assert crms.counts(landed, "Task") == (30, 30)
    assert len(crms.asked("/services/oauth2/token")) == 2


def test_more_fields_than_an_address_holds_are_put_together_by_id(crms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(crms)
    whole = crms.extract(SALESFORCE, "whole")
    monkeypatch.setattr("connectors.salesforce.reading.MOST_QUERY_CHARACTERS", 1_250)

    parts = crms.extract(SALESFORCE, "parts", cursors={"Task": NOW - timedelta(days=90)})

    assert crms.payloads(parts, "Opportunity") == crms.payloads(whole, "Opportunity")
    assert {one: set(row) for one, row in crms.payloads(parts, "Task").items()} == {
        one: set(row) for one, row in crms.payloads(whole, "Task").items()
    }
    assert max(len(one) for one in crms.asked("FROM+Opportunity")) < 1_600
