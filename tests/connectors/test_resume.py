"""A killed full read goes on with the objects that it has not completed; sweeps run when they are due; clocks may differ."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from connectors.errors import FormulaFieldError, RequestRefusedError
from connectors.salesforce.objects import Known
from connectors.sandbox.store import HUBSPOT, SALESFORCE, StoredAssociation
from connectors.settings import FieldSource, merge_field_maps

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
