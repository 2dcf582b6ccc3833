"""S1-S15: each case is played, and what landed is compared with what the sandbox holds."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from simple_salesforce import Salesforce

from connectors.errors import ConnectorError, DailyLimitError, LoginError, UnknownFieldError
from connectors.extract import check
from connectors.salesforce.client import MOST_LOGINS
from connectors.sandbox.store import SALESFORCE
from connectors.sandbox.times import now_ms
from tests.connectors.cases.truth import DAY_MS, FIRST_MS, HOUR_MS, LATER_MS, Nights
from tests.connectors.conftest import SECRETS

BULK = {"bulk_from": 1}


def edit_all(nights: Nights, object_name: str, properties: dict[str, Any], at_ms: int = LATER_MS) -> None:
    for number, record in enumerate(list(nights.store.page(SALESFORCE, object_name, is_deleted=False))):
        nights.store.edit(SALESFORCE, object_name, record.id, properties, at_ms + number)


def ids(nights: Nights, object_name: str) -> list[str]:
    return [one.id for one in nights.store.page(SALESFORCE, object_name, is_deleted=False)]


def an_org(nights: Nights) -> Any:
    from connectors.http import build_session
    from connectors.salesforce.auth import rewrites_for
    from connectors.sandbox.salesforce_login import SESSION_ID

    url = nights.crms.urls[SALESFORCE]
    session = build_session(rewrites_for(url), pool_size=1)
    return Salesforce(session_id=SESSION_ID, instance=url.removeprefix("http://"), session=session, version="60.0")


@pytest.mark.parametrize("settings", [{}, BULK], ids=["rest", "bulk"])
def test_s1_three_thousand_ties_are_all_read(salesforce: Nights, settings: dict[str, Any]) -> None:
    salesforce.night(0)
    salesforce.stage.play("S1", at_ms=LATER_MS)
    salesforce.stage.play("S3")  # the query starts anew in the middle of the ties

    landed = salesforce.night(1, settings=settings)

    salesforce.check()
    assert salesforce.crms.counts(landed, "Task") == (3_000, 3_000)
    salesforce.check_nothing_twice(landed, "Task")


def test_s2_a_late_commit_below_the_cursor_comes_the_next_night(salesforce: Nights) -> None:
    salesforce.night(0)
    edit_all(salesforce, "Task", {"Subject": "late"}, at_ms=FIRST_MS + DAY_MS - HOUR_MS // 2)
    salesforce.stage.play("S2", from_ms=FIRST_MS + DAY_MS - HOUR_MS)
    assert salesforce.crms.counts(salesforce.night(1), "Task")[1] == 0
    salesforce.stage.stop("S2")

    salesforce.night(2)

    salesforce.check()


def test_s3_a_lost_locator_costs_no_row(salesforce: Nights) -> None:
    salesforce.night(0)
    salesforce.stage.play("S1", at_ms=LATER_MS)
    salesforce.stage.play("S14")
    salesforce.stage.play("S3", times=3)

    landed = salesforce.night(1)

    salesforce.check()
    salesforce.check_nothing_twice(landed, "Task")


def test_s4_archived_and_deleted_tasks_are_read_where_query_hides_them(salesforce: Nights) -> None:
    salesforce.night(0)
    salesforce.stage.play("S4", at_ms=LATER_MS)
    soql = "SELECT Id FROM Task"
    org = an_org(salesforce)
    assert (org.query(soql)["totalSize"], org.query(soql, include_deleted=True)["totalSize"]) == (6, 8)

    salesforce.night(1)

    salesforce.check()
    newest = salesforce.newest("Task").values()
    assert sum(one.is_deleted for one in newest) == 1


def test_s5_get_deleted_says_how_far_it_covers_and_we_do_not_rest_on_it(salesforce: Nights) -> None:
    salesforce.night(0)
    gone, *_ = ids(salesforce, "Task")
    salesforce.store.delete(SALESFORCE, "Task", gone, LATER_MS)
    fresh = salesforce.store.next_id(SALESFORCE, "Account")
    salesforce.crms.put(
        SALESFORCE, "Account", {"id": fresh, "modified_ms": now_ms() - HOUR_MS // 6, "is_deleted": True}
    )
    salesforce.stage.play("S5")
    until = datetime.now(UTC)
    deleted = an_org(salesforce).Account.deleted(until - timedelta(days=1), until)
    assert deleted["deletedRecords"] == []
    assert datetime.fromisoformat(deleted["latestDateCovered"]) < until - timedelta(minutes=29)

    salesforce.night(1)

    salesforce.check("Task", "Contact")


def test_s6_a_formula_that_changed_silently_is_read_again(salesforce: Nights) -> None:
    salesforce.stage.play("S6", value=1)
    settings = {"field_map": with_field(salesforce, "deals", "Opportunity", "lost_reason", "Score__c")}
    salesforce.night(0, settings=settings)
    salesforce.stage.play("S6", value=2)

    salesforce.night(1, settings=settings)

    salesforce.check("Opportunity")
    assert {one["Score__c"] for one in salesforce.crms.payloads(salesforce.syncs[-1], "Opportunity").values()} == {2}


@pytest.mark.parametrize("where", ["/query", "/describe", "/jobs/query"])
def test_s7_an_ended_session_is_renewed(salesforce: Nights, where: str) -> None:
    salesforce.stage.play("S7", where=where)

    salesforce.night(0, settings=BULK)

    salesforce.check()


@pytest.mark.parametrize("where", ["/query", "/describe", "/jobs/query"])
def test_s7_a_session_that_never_holds_is_an_error_after_few_logins(salesforce: Nights, where: str) -> None:
    salesforce.stage.play("S7", where=where, times=0)

    with pytest.raises(LoginError, match=f"no lasting session after {MOST_LOGINS} logins"):
        salesforce.night(0, settings=BULK)


def test_s8_gateways_pages_are_no_answers(salesforce: Nights) -> None:
    salesforce.stage.play("S8")

    salesforce.night(0)

    salesforce.check()


def test_s9_too_many_at_once_is_waited_for(salesforce: Nights) -> None:
    salesforce.stage.play("S9", times=2)

    salesforce.night(0)

    salesforce.check()
    assert [wait for wait in salesforce.slept if wait >= 1]


def test_s9_the_daily_limit_stops_the_sync_and_nothing_has_happened(salesforce: Nights) -> None:
    salesforce.night(0)
    edit_all(salesforce, "Task", {"Subject": "changed"})
    salesforce.stage.play("S9", kind="daily", times=0)
    with pytest.raises(DailyLimitError, match="salesforce: stopped at the daily request limit"):
        salesforce.night(1)
    salesforce.stage.stop()

    salesforce.night(2)

    salesforce.check()


@pytest.mark.parametrize("variant", ["count", "truncated", "aborted", "failed"])
def test_s10_results_that_contradict_themselves_are_read_again(salesforce: Nights, variant: str) -> None:
    salesforce.stage.play("S10", variant=variant)

    landed = salesforce.night(0, settings=BULK)

    salesforce.check()
    assert salesforce.crms.counts(landed, "Task") == (8, 8)


@pytest.mark.parametrize("variant", ["count", "truncated"])
def test_s10_results_that_never_agree_give_an_error_or_the_truth(salesforce: Nights, variant: str) -> None:
    salesforce.stage.play("S10", variant=variant, times=0)
    with suppress(ConnectorError):
        salesforce.night(0, settings=BULK)
    assert salesforce.syncs == [] or salesforce.check() is None


@pytest.mark.parametrize("settings", [{}, BULK], ids=["rest", "bulk"])
def test_s10_line_breaks_nul_and_empty_texts_come_as_they_are(salesforce: Nights, settings: dict[str, Any]) -> None:
    salesforce.stage.play("S10", variant="text", at_ms=FIRST_MS - HOUR_MS)
    mapped = {"field_map": with_field(salesforce, "calls", "Task", "response_method", "Subject")}

    salesforce.night(0, settings={**settings, **mapped})

    salesforce.check("Contact", "Event")
    subjects = [one["Subject"] for one in salesforce.crms.payloads(salesforce.syncs[-1], "Task").values()]
    odd = salesforce.store.get(SALESFORCE, "Task", ids(salesforce, "Task")[0])
    assert odd is not None
    wanted = (
        odd.properties["Subject"].replace("\x00", "") if settings else odd.properties["Subject"]
    )  # a CSV has no NUL
    assert subjects.count(wanted) == 3


def test_s11_a_merge_buries_the_loser_with_its_masters_name(salesforce: Nights) -> None:
    salesforce.night(0)
    winner, loser, *_ = ids(salesforce, "Contact")
    salesforce.stage.play("S11", ids=[winner, loser], at_ms=LATER_MS)

    salesforce.night(1)

    salesforce.check()
    buried = salesforce.crms.payloads(salesforce.syncs[-1], "Contact")[loser]
    assert (buried["MasterRecordId"], buried["IsDeleted"]) == (winner, True)


def test_s12_copies_of_one_meeting_come_with_what_tells_them_apart(salesforce: Nights) -> None:
    salesforce.stage.play("S12", at_ms=FIRST_MS - HOUR_MS)

    salesforce.night(0)

    salesforce.check()
    rows = salesforce.crms.payloads(salesforce.syncs[0], "Event").values()
    assert sum(bool(row["IsChild"]) for row in rows) == 3
    assert sum(row.get("RecurrenceActivityId") is not None for row in rows) == 2


def test_s13_a_hidden_field_is_named_before_anything_is_read(salesforce: Nights) -> None:
    salesforce.stage.play("S13")

    with pytest.raises(UnknownFieldError, match="Event has no field 'Reject_Reason__c'"):
        salesforce.night(0)
    with pytest.raises(Exception, match="INVALID_FIELD"):
        an_org(salesforce).query("SELECT Reject_Reason__c FROM Event")


def test_s13_a_parents_field_that_is_hidden_is_named_too(salesforce: Nights) -> None:
    mapped = {"field_map": with_field(salesforce, "deals", "Opportunity", "lost_reason", "Account.Hidden__c")}

    with pytest.raises(
        UnknownFieldError, match=r"Opportunity has no field 'Account\.Hidden__c', which .* 'deals.lost_reason'"
    ):
        salesforce.night(0, settings=mapped)

    connection = salesforce.crms.connections[SALESFORCE].model_copy(update=mapped)
    found = check(connection, secrets=SECRETS, base_url=salesforce.crms.urls[SALESFORCE])
    assert ["Account.Hidden__c" in one.detail for one in found if not one.is_ok] == [True]


def test_s14_short_pages_end_nothing(salesforce: Nights) -> None:
    salesforce.stage.play("S1", at_ms=FIRST_MS - HOUR_MS)
    salesforce.stage.play("S14")

    landed = salesforce.night(0)

    salesforce.check()
    assert salesforce.crms.counts(landed, "Task") == (3_008, 3_008)


def test_s15_another_limit_in_the_header_stops_nothing_that_is_left(salesforce: Nights) -> None:
    salesforce.stage.play("S15")

    salesforce.night(0)

    salesforce.check()


def with_field(nights: Nights, entity: str, object_name: str, canonical: str, crm_field: str) -> Any:
    """The field map with one canonical field read from another field of the CRM."""
    connection = nights.crms.connections[SALESFORCE]
    maps = []
    for part in connection.field_map[entity]:
        if part.object == object_name:
            source = next(iter(part.fields.values()))
            changed = source.model_copy(update={"sources": (crm_field,), "join": (), "values": None})
            part = part.model_copy(update={"fields": {**part.fields, canonical: changed}})
        maps.append(part)
    return {**connection.field_map, entity: tuple(maps)}
