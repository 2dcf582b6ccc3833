"""A killed full read goes on with the objects that it has not completed; sweeps run when they are due; clocks may differ."""

import threading
import time
from datetime import timedelta
from typing import Any

import orjson
import pytest

from connectors.errors import FormulaFieldError, InterruptedReadError, RequestRefusedError
from connectors.salesforce.objects import Known
from connectors.sandbox.store import HUBSPOT, SALESFORCE, StoredAssociation
from connectors.settings import FieldSource, merge_field_maps
from tests.connectors.conftest import StoppedError, small_pages, stopping_after

DAY_MS = 86_400_000
REFUSED = orjson.dumps([{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}])


def test_a_first_read_that_stopped_goes_on_with_what_is_not_complete(crms: Any) -> None:
    tasks = ({"id": f"00T5g0000{number:06d}AAA", "TaskSubtype": "Call"} for number in range(50))
    crms.put(SALESFORCE, "Task", *tasks)
    crms.play("FROM+OpportunityStage", 403, REFUSED)  # the last object
    with pytest.raises(RequestRefusedError):
        crms.extract(SALESFORCE, "stopped", settings={"workers": 1})
    asked = len(crms.asked("FROM+Task"))

    landed = crms.extract(SALESFORCE, "again", settings={"workers": 1})

    assert len(crms.asked("FROM+Task")) == asked
    assert crms.counts(landed, "Task") == (50, 50)
    assert len(crms.ids(landed, "Task")) == 50
    assert crms.counts(landed, "OpportunityStage") == (0, 0)
    assert [path.name for path in (crms.landing / "salesforce").iterdir() if path.is_dir()] == ["again"]


@pytest.fixture
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch, page=5, file=10)


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize(
    ("crm", "name", "bulk_from", "following"),
    [
        (HUBSPOT, "calls", None, "after=30"),
        (SALESFORCE, "Task", 0, "Id+%3E+%2700T5g0000000030AAA"),
        (SALESFORCE, "Task", 1, "/results"),
    ],
)
def test_a_first_read_goes_on_behind_the_last_full_file_of_an_object(
    crm: str, name: str, bulk_from: int | None, following: str, crms: Any, caplog: pytest.LogCaptureFixture
) -> None:
    call = {HUBSPOT: {}, SALESFORCE: {"TaskSubtype": "Call"}}[crm]
    ids = [str(number) if crm == HUBSPOT else f"00T5g0000{number:06d}AAA" for number in range(1, 41)]
    crms.put(crm, name, *({"id": one, **call} for one in ids))
    settings = {"workers": 1} | ({"bulk_from": bulk_from} if bulk_from is not None else {})
    with pytest.raises(StoppedError):
        crms.extract(crm, "stopped", settings=settings, on_progress=stopping_after(6, name))
    asked = len(crms.faults.asked)

    came: list[int] = []
    landed = crms.extract(crm, "again", settings=settings, on_progress=lambda one: came.append(one.object == name))

    assert "going on where a read was cut" in caplog.text
    # of eight pages of five, in files of ten, six had come; HubSpot gives a page of archived records besides
    assert sum(came) == (3 if crm == HUBSPOT else 2)
    assert any(following in address for address in crms.faults.asked[asked:])
    assert crms.counts(landed, name) == (40, 40)
    assert crms.ids(landed, name) == sorted(ids)
    if crm == HUBSPOT:
        assert crms.ids(landed, "associations.calls.contacts") == sorted(ids)


@pytest.mark.usefixtures("_small_files")
def test_a_place_that_the_crm_refuses_is_forgotten_and_the_object_begun_anew(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *({"id": str(number)} for number in range(1, 41)))
    with pytest.raises(StoppedError):
        crms.extract(HUBSPOT, "stopped", on_progress=stopping_after(6, "calls"))
    crms.play("after=30", 400, b'{"category": "VALIDATION_ERROR"}')
    with pytest.raises(RequestRefusedError):
        crms.extract(HUBSPOT, "refused")

    landed = crms.extract(HUBSPOT, "anew")

    assert crms.counts(landed, "calls") == (40, 40)


@pytest.mark.usefixtures("_small_files")
def test_what_was_put_aside_before_the_place_is_not_lost(crms: Any) -> None:
    crms.put(HUBSPOT, "calls", *({"id": str(number)} for number in range(1, 41)))
    crms.play("objects/calls?", 200, b'{"results": [{"properties": {}}], "paging": {"next": {"after": "0"}}}')
    with pytest.raises(StoppedError):
        crms.extract(HUBSPOT, "stopped", on_progress=stopping_after(6, "calls"))

    landed = crms.extract(HUBSPOT, "again")

    assert [(one.object, one.reason) for one in landed.rejected] == [("calls", "its time of change cannot be read")]
    assert crms.counts(landed, "calls") == (40, 40)


@pytest.mark.usefixtures("_small_files")
def test_a_bulk_job_that_is_gone_is_made_anew(crms: Any) -> None:
    crms.put(SALESFORCE, "Task", *({"id": f"00T5g0000{n:06d}AAA", "TaskSubtype": "Call"} for n in range(40)))
    settings = {"workers": 1, "bulk_from": 1}
    with pytest.raises(StoppedError):
        crms.extract(SALESFORCE, "stopped", settings=settings, on_progress=stopping_after(6, "Task"))
    gone = orjson.dumps([{"errorCode": "NOT_FOUND", "message": "gone"}])
    crms.play("/jobs/query/", 404, gone)

    landed = crms.extract(SALESFORCE, "again", settings=settings)

    assert crms.counts(landed, "Task") == (40, 40)
    assert len(set(crms.ids(landed, "Task"))) == 40


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_an_extraction_that_is_to_stop_ends_with_the_requests_under_way(crms: Any, crm: str) -> None:
    stop = threading.Event()
    crms.put(SALESFORCE, "Contact", {"id": "0035g0000000001AAA"})

    with pytest.raises(InterruptedReadError):
        crms.extract(crm, "stopped", stop=stop, on_progress=lambda _: stop.set())
    asked = len(crms.faults.asked)

    assert not [*crms.landing.glob("*/*/manifest.json")]
    with pytest.raises(InterruptedReadError):
        crms.extract(crm, "stopped again", stop=stop)
    assert len(crms.faults.asked) == asked


def test_a_wait_between_two_tries_ends_when_the_extraction_is_to_stop(crms: Any) -> None:
    stop = threading.Event()
    crms.play("/crm/", 429, b'{"policyName": "TEN_SECONDLY_ROLLING"}', times=99)
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    began = time.monotonic()

    with pytest.raises(InterruptedReadError):
        crms.extract(HUBSPOT, "stopped", stop=stop)

    assert time.monotonic() - began < 9


def test_another_field_map_takes_nothing_over(crms: Any) -> None:
    crms.play("FROM+OpportunityStage", 403, REFUSED)
    with pytest.raises(RequestRefusedError):
        crms.extract(SALESFORCE, "stopped", settings={"workers": 1})
    asked = len(crms.asked("FROM+Task"))

    crms.extract(
        SALESFORCE, "again", settings={"workers": 1, "start": crms.connections[SALESFORCE].start.replace(day=2)}
    )

    assert len(crms.asked("FROM+Task")) > asked


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_sync_with_nothing_new_asks_at_most_three_times_per_object(crms: Any, crm: str) -> None:
    first = crms.extract(crm, "first")
    before = len(crms.faults.asked)

    landed = crms.extract(crm, "second", cursors=crms.cursors(first), settings={"association_days": 0})

    objects = [window.object for window in landed.windows if "." not in window.object]
    logins = len([one for one in crms.faults.asked[before:] if "token" in one])
    assert len(crms.faults.asked) - before - logins <= 3 * len(objects)


@pytest.mark.parametrize(("days", "is_due"), [(6, False), (7, True)])
@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_all_ids_are_listed_once_a_week(crms: Any, crm: str, days: int, is_due: bool) -> None:
    first = crms.extract(crm, "first")
    now = first.started_at + timedelta(days=days)

    landed = crms.extract(crm, "later", cursors=crms.cursors(first), now=now)

    name = "ids.calls" if crm == HUBSPOT else "ids.Task"
    assert (name in {window.object for window in landed.windows}) is is_due


def test_a_later_association_of_an_unchanged_meeting_is_found(crms: Any) -> None:
    crms.put(HUBSPOT, "meetings", {"id": "1", "hs_meeting_title": "Demo"})
    crms.put(HUBSPOT, "contacts", {"id": "7"})
    first = crms.extract(HUBSPOT, "first")
    crms.store.associate([StoredAssociation("meetings", "1", "contacts", "7", 200)])

    later = crms.extract(HUBSPOT, "later", cursors=crms.cursors(first), now=first.started_at + timedelta(days=1))

    payload = crms.payloads(later, "associations.meetings.contacts")["1"]
    assert [one["toObjectId"] for one in payload["to"]] == [7]


def test_an_object_with_a_parent_s_field_is_read_as_a_whole_once_a_day(crms: Any) -> None:
    source = {"title": FieldSource.model_validate({"from": ["Account.Name"]})}
    changed = merge_field_maps(crms.connections[SALESFORCE].field_map, {"contacts": {"Contact": source}})
    settings = {"field_map": changed}
    crms.put(SALESFORCE, "Account", {"id": "0015g0000000001AAA", "Name": "Old"})
    crms.put(SALESFORCE, "Contact", {"id": "0035g0000000001AAA", "AccountId": "0015g0000000001AAA"})
    first = crms.extract(SALESFORCE, "first", settings=settings)
    crms.store.edit(SALESFORCE, "Account", "0015g0000000001AAA", {"Name": "New"}, 1_775_900_000_000)

    now = first.started_at + timedelta(days=1)
    later = crms.extract(SALESFORCE, "later", cursors=crms.cursors(first), now=now, settings=settings)

    assert crms.payloads(later, "Contact")["0035g0000000001AAA"]["Account"] == {"Name": "New"}
    with pytest.raises(FormulaFieldError, match=r"Account\.Name"):
        crms.extract(SALESFORCE, "refused", settings={**settings, "formula_refresh_days": 0})


def test_a_formula_changes_silently() -> None:
    known = Known({"Score__c": "double", "Name": "string"}, frozenset({"Account"}), frozenset({"Score__c"}))

    assert [known.changes_silently(one) for one in ("Score__c", "Name", "Account.Name")] == [True, False, True]


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_windows_end_by_the_crm_s_clock(crms: Any, crm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def behind(caller: Any, header: str | None) -> None:
        caller._clock_skew_seconds = -600.0

    monkeypatch.setattr("connectors.http.Caller.note_date", behind)

    landed = crms.extract(crm)

    assert landed.clock_skew_seconds == -600.0
    whole = {window.window_end for window in landed.windows if window.object not in {"owners", "pipelines"}}
    assert whole == {landed.started_at - timedelta(seconds=600)}
