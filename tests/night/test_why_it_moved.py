"""Between two nights the number of a fiscal year became another one: `kpi explain kpi` names every record and why.

Takes a night of its own (some twenty seconds): nothing less passes through CRM, landing, history of records and published copy.
"""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store
from connectors.sandbox.times import ms_of
from definitions_contract.signing import sign
from pipelines.settings import PROJECT
from tests.night.homes import AS_OF, Home

NEXT_NIGHT = AS_OF + timedelta(days=3)
YEAR = "FY2026"
BEFORE = (date(2026, 6, 8), date(2026, 9, 18))  # days whose records are touched
NEW_RULES = date(2026, 10, 1)


@dataclass(frozen=True, slots=True)
class Moved:
    """Both nights, and the records that were touched between them by what happened to them."""

    first: Home
    second: Home
    touched: dict[str, str]


def _calls(home: Home) -> list[str]:
    """HubSpot ids of outbound completed calls of those days that count, oldest first."""
    rows = home.rows(
        "SELECT crm_id FROM core.calls WHERE connection = 'hubspot' AND direction = 'outbound' AND status = 'completed'"
        " AND called_date BETWEEN ? AND ? AND rep_id IS NOT NULL ORDER BY called_at, crm_id",
        *BEFORE,
    )
    return [crm_id for (crm_id,) in rows]


def _lone_meetings(home: Home, connection: str) -> list[str]:
    """CRM ids of valid meetings of those days that stand in one CRM only."""
    rows = home.rows(
        "SELECT m.crm_id FROM core.meetings m JOIN kpi.meeting_verdicts v USING (meeting_id) WHERE m.connection = ?"
        " AND v.verdict = 'valid' AND m.held_date BETWEEN ? AND ? AND m.copy_count = 1 ORDER BY m.starts_at, m.crm_id",
        connection,
        *BEFORE,
    )
    return [crm_id for (crm_id,) in rows]


def _change_calls(store: Store, ids: list[str], at_ms: int) -> dict[str, str]:
    """One is deleted, one turns out to have been inbound, and one of a past day is entered only now."""
    gone, edited, like = ids[:3]
    store.delete(HUBSPOT, "calls", gone, at_ms)
    store.edit(HUBSPOT, "calls", edited, {"hs_call_direction": "INBOUND"}, at_ms)
    old = store.get(HUBSPOT, "calls", like)
    assert old is not None
    late = store.next_id(HUBSPOT, "calls")
    store.put(HUBSPOT, [replace(old, id=late, created_ms=at_ms, modified_ms=at_ms)])
    return {f"hubspot:{gone}": "gone", f"hubspot:{edited}": "edited", f"hubspot:{late}": "late"}


def _merge_meetings(store: Store, leader: str, copy: str, at_ms: int) -> dict[str, str]:
    """Two meetings turn out to be one: they have the same calendar id."""
    store.edit(HUBSPOT, "meetings", leader, {"hs_i_cal_uid": "the-same"}, at_ms)
    store.edit(SALESFORCE, "Event", copy, {"Calendar_Uid__c": "the-same"}, at_ms)
    return {f"salesforce:{copy}": "merged"}


def _agree_on_longer_meetings(home: Home) -> None:
    """A version signed in time, from October on: 45 minutes instead of 15."""
    folder = home.path / "agreement"
    shutil.copytree(PROJECT / "definitions_contract" / "agreement", folder)
    text = (folder / "valid_meeting" / "v2.yaml").read_text(encoding="utf-8")
    text = text[: text.index("signatures:")].replace("version: 2", "version: 3").replace("2026-06-01", f"{NEW_RULES}")
    for old, new in (("minutes: 30", "minutes: 60"), ("minutes: 14", "minutes: 44"), ("minutes: 15", "minutes: 45")):
        text = text.replace(old, new)
    path = folder / "valid_meeting" / "v3.yaml"
    path.write_text(text.replace("min_value: 15", "min_value: 45"), encoding="utf-8")
    for department in ("inside_sales", "field_sales", "marketing"):
        sign(path, department=department, name=f"Demo {department}", day=NEW_RULES - timedelta(days=7))


@pytest.fixture(scope="module")
def moved(night_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    home = night_home.copy_to(tmp_path_factory.mktemp("moved") / "home")
    at_ms = ms_of(datetime.now(UTC) - timedelta(minutes=10))
    with home.store() as store:
        touched = _change_calls(store, _calls(home), at_ms)
        leader, copy = _lone_meetings(home, HUBSPOT)[0], _lone_meetings(home, SALESFORCE)[0]
        touched |= _merge_meetings(store, leader, copy, at_ms)
    _agree_on_longer_meetings(home)
    result = home.night(NEXT_NIGHT)
    assert result.is_done, result.failures
    return Moved(night_home, home, touched)


def explained(home: Home, kpi: str, *more: str) -> dict[str, Any]:
    """The answer of the command line."""
    result = home.kpi("explain", "kpi", kpi, YEAR, "--format", "json", *more)
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def reported(home: Home, kpi: str, night: date) -> Decimal:
    """What the department was told of the year on a night."""
    ((value,),) = home.rows(
        "SELECT numerator FROM kpi.snapshots WHERE kpi_id = ? AND known_date = ? AND period_kind = 'fiscal_year'"
        " AND period_start = '2026-04-01' AND scope_kind = 'department' AND scope_id = 'inside_sales'",
        kpi,
        night,
    )
    return Decimal(value)


def test_every_call_that_was_touched_is_named_with_its_reason(moved: Moved) -> None:
    answer = explained(moved.second, "calls_made")

    (step,) = answer["changes"]
    reasons = {one["record_id"]: one["reason"] for one in step["changes"]}
    assert reasons == {record: reason for record, reason in moved.touched.items() if reason != "merged"}
    assert step["reasons"] == {"edited": 1, "gone": 1, "late": 1}
    assert step["night"] == NEXT_NIGHT.isoformat()
    assert answer["first_reported"]["known_date"] == AS_OF.isoformat()


def test_a_merge_and_a_new_version_are_told_apart(moved: Moved) -> None:
    (step,) = explained(moved.second, "valid_meetings")["changes"]

    by_reason: dict[str, set[str]] = {}
    for one in step["changes"]:
        by_reason.setdefault(one["reason"], set()).add(one["record_id"])
    assert by_reason["merged"] == {record for record, reason in moved.touched.items() if reason == "merged"}
    judged_anew = moved.first.rows(
        "SELECT meeting_id FROM kpi.meeting_verdicts JOIN core.meetings m USING (meeting_id) JOIN core.rep_teams t ON"
        " t.rep_id = m.rep_id WHERE verdict = 'valid' AND m.held_date BETWEEN ? AND ? AND department = 'inside_sales'",
        NEW_RULES,
        AS_OF,
    )
    assert by_reason["new_version"] == {meeting for (meeting,) in judged_anew}
    assert by_reason["new_version"]


@pytest.mark.parametrize("kpi", ["calls_made", "valid_meetings"])
def test_the_records_add_up_to_the_difference_of_the_two_reports(moved: Moved, kpi: str) -> None:
    (step,) = explained(moved.second, kpi)["changes"]

    moved_by = sum(Decimal(str(one["after"])) - Decimal(str(one["before"])) for one in step["changes"])
    assert moved_by == reported(moved.second, kpi, NEXT_NIGHT) - reported(moved.second, kpi, AS_OF)
    assert reported(moved.second, kpi, AS_OF) == reported(moved.first, kpi, AS_OF)
