"""H1-H18: each case is played, and what landed is compared with what the sandbox holds."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hubspot.crm.objects import ApiException

from connectors.errors import DailyLimitError, LoginError, UnknownFieldError
from connectors.sandbox.store import HUBSPOT, StoredAssociation
from pipelines.loading import load_landed
from pipelines.sources import put_aside
from pipelines.warehouse import Warehouse
from tests.connectors.cases.tables import empty
from tests.connectors.cases.truth import DAY_MS, FIRST_MS, HOUR_MS, LATER_MS, Nights

MORE_THAN_A_SEARCH_GIVES = 10_001


def edit_all(nights: Nights, object_name: str, properties: dict[str, Any], at_ms: int = LATER_MS) -> None:
    for number, record in enumerate(list(nights.store.page(HUBSPOT, object_name, is_deleted=False))):
        nights.store.edit(HUBSPOT, object_name, record.id, properties, at_ms + number)


def ids(nights: Nights, object_name: str) -> list[str]:
    return [one.id for one in nights.store.page(HUBSPOT, object_name, is_deleted=False)]


def a_client(nights: Nights) -> Any:
    from hubspot import HubSpot

    return HubSpot(access_token="sandbox", host=nights.crms.urls[HUBSPOT])


def search(nights: Nights, body: dict[str, Any], object_name: str = "calls") -> Any:
    return a_client(nights).crm.objects.search_api.do_search(object_name, public_object_search_request=body)


def test_h1_ten_thousand_changes_in_one_millisecond_are_all_read(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H1", at_ms=LATER_MS)

    landed = hubspot.night(1)

    hubspot.check("calls")
    assert hubspot.crms.counts(landed, "calls") == (MORE_THAN_A_SEARCH_GIVES, MORE_THAN_A_SEARCH_GIVES)
    hubspot.check_nothing_twice(landed, "calls")


def test_h2_a_search_beyond_ten_thousand_is_refused_and_nothing_is_lost_to_it(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H2", at_ms=LATER_MS)
    hubspot.stage.play("H18")  # no order of ids to go on by: the way by offsets meets the limit

    landed = hubspot.night(1)

    with pytest.raises(ApiException) as refused:
        search(hubspot, {"limit": 200, "after": "9801"})
    assert refused.value.status == 400
    hubspot.check("calls")
    assert hubspot.crms.counts(landed, "calls")[1] == MORE_THAN_A_SEARCH_GIVES


def test_h3_short_and_empty_pages_end_nothing(hubspot: Nights) -> None:
    hubspot.stage.play("H3")
    hubspot.night(0)
    hubspot.check()
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})

    landed = hubspot.night(1)

    hubspot.check()
    assert hubspot.crms.counts(landed, "calls") == (8, 8)


def test_h4_cursors_may_be_numbers_and_targets_texts(hubspot: Nights) -> None:
    hubspot.stage.play("H4")
    hubspot.stage.play("H3")  # more pages than one
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})

    hubspot.night(1)

    hubspot.check()


def test_h5_what_the_index_did_not_know_comes_the_next_night(hubspot: Nights) -> None:
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"}, at_ms=FIRST_MS + DAY_MS - HOUR_MS // 2)
    hubspot.stage.play("H5", from_ms=FIRST_MS + DAY_MS - HOUR_MS)
    assert hubspot.crms.counts(hubspot.night(1), "calls") == (0, 0)
    hubspot.stage.stop("H5")

    hubspot.night(2)

    hubspot.check()


def test_h5_a_first_read_is_whole_though_the_index_lags_behind_the_lists(hubspot: Nights) -> None:
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"}, at_ms=FIRST_MS - HOUR_MS // 2)
    hubspot.stage.play("H5", from_ms=FIRST_MS - HOUR_MS // 2 - 1)

    landed = hubspot.night(0)

    assert hubspot.crms.counts(landed, "calls") == (8, 8)


def test_h5_what_the_index_should_have_known_for_hours_is_a_mismatch(hubspot: Nights) -> None:
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"}, at_ms=FIRST_MS - 3 * HOUR_MS)
    hubspot.stage.play("H5", from_ms=FIRST_MS - 4 * HOUR_MS)

    landed = hubspot.night(0)

    assert hubspot.crms.counts(landed, "calls") == (0, 8)
    hubspot.is_whole = False  # loading refuses it


def test_h6_a_record_that_leaves_the_window_meanwhile_costs_no_other(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H2", count=1_000, at_ms=LATER_MS)
    hubspot.stage.play("H6", at_ms=FIRST_MS + DAY_MS + HOUR_MS)

    landed = hubspot.night(1)

    kept, count = hubspot.crms.counts(landed, "calls")
    assert kept == count
    hubspot.stage.stop()
    hubspot.night(2)
    hubspot.check()


def test_h6_by_offset_too(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H2", count=1_000, at_ms=LATER_MS)
    hubspot.stage.play("H6", at_ms=FIRST_MS + DAY_MS + HOUR_MS)
    hubspot.stage.play("H18")

    hubspot.night(1)
    hubspot.stage.stop()
    hubspot.night(2)

    hubspot.check()


def test_h7_an_archived_record_is_buried_and_stays_so_after_its_purge(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H7", at_ms=LATER_MS)
    hubspot.night(1)
    hubspot.check()
    hubspot.stage.play("H7", at_ms=LATER_MS + 91 * DAY_MS)  # ninety days later the first one is purged
    purged = next(iter(hubspot.newest("calls").values())).id
    assert hubspot.store.get(HUBSPOT, "calls", purged) is None

    hubspot.night(92)

    hubspot.check()


def test_h8_what_a_batch_left_out_is_asked_for_again(hubspot: Nights) -> None:
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    hubspot.stage.play("H8")

    landed = hubspot.night(1)

    hubspot.check()
    assert hubspot.crms.counts(landed, "calls") == (8, 8)
    assert landed.rejected == ()  # it came in the end: nothing is to be put aside


def test_h8_what_is_never_handed_over_stops_nothing_else_and_is_asked_for_each_night(
    hubspot: Nights, warehouse: Warehouse
) -> None:
    empty(warehouse)
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    withheld, *_ = ids(hubspot, "calls")
    hubspot.stage.play("H8", times=0)
    landed = hubspot.night(1)
    assert load_landed(warehouse, hubspot.crms.landing, hubspot.connection, zone="Asia/Tokyo").refused == ()
    hubspot.stage.stop()

    hubspot.night(9, again=put_aside(warehouse)[HUBSPOT])

    assert hubspot.crms.counts(landed, "calls") == (8, 7)
    assert [one.record_id for one in landed.rejected] == [withheld]
    hubspot.check()


@pytest.mark.parametrize("context", [{}, {"fromObjectId": []}], ids=["no context", "no id"])
def test_h8_an_error_that_names_no_record_is_no_none(
    hubspot: Nights, warehouse: Warehouse, context: dict[str, Any]
) -> None:
    empty(warehouse)
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    body = {"results": [], "errors": [{"category": "INTERNAL_ERROR", "context": context}], "numErrors": 1}
    hubspot.crms.play("associations/calls/contacts", 207, orjson.dumps(body))
    landed = hubspot.night(1)
    assert load_landed(warehouse, hubspot.crms.landing, hubspot.connection, zone="Asia/Tokyo").refused == ()

    hubspot.night(9, again=put_aside(warehouse)[HUBSPOT])

    assert sorted(one.record_id for one in landed.rejected) == ids(hubspot, "calls")
    hubspot.check()


def test_h9_each_limit_is_waited_for_as_long_as_it_lasts(hubspot: Nights) -> None:
    hubspot.stage.play("H9", times=4)

    hubspot.night(0)

    hubspot.check()
    assert sorted(wait for wait in hubspot.slept if wait >= 1) == [1.0, 1.0, 10.0, 10.0]


def test_h9_the_daily_limit_stops_the_sync_and_nothing_has_happened(hubspot: Nights) -> None:
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    hubspot.stage.play("H9", policy="DAILY", times=0)
    with pytest.raises(DailyLimitError, match="hubspot: stopped at the daily request limit"):
        hubspot.night(1)
    hubspot.stage.stop()

    hubspot.night(2)

    hubspot.check()


def test_h10_gateways_pages_are_no_answers(hubspot: Nights) -> None:
    hubspot.stage.play("H10", times=7)  # one request alone may meet them all, and is tried eight times

    hubspot.night(0)

    hubspot.check()
    assert len(hubspot.slept) >= 7


def test_h11_an_expired_token_is_a_clear_error(hubspot: Nights) -> None:
    hubspot.stage.play("H11", times=0)

    with pytest.raises(LoginError, match="hubspot: cannot log in: the token is refused"):
        hubspot.night(0)


def test_h12_a_merge_leaves_one_record_that_names_the_others(hubspot: Nights) -> None:
    hubspot.night(0)
    winner, loser, *_ = ids(hubspot, "contacts")
    hubspot.stage.play("H12", ids=[winner, loser], at_ms=LATER_MS)

    hubspot.night(1)

    newest = hubspot.crms.payloads(hubspot.syncs[-1], "contacts")
    (survivor,) = [one for one, payload in newest.items() if payload["properties"].get("hs_merged_object_ids")]
    assert newest[survivor]["properties"]["hs_merged_object_ids"] == f"{winner};{loser}"
    assert set(hubspot.newest("contacts")) - {winner, loser} == set(ids(hubspot, "contacts"))
    # HubSpot moves links without touching the records they start from: until those change, core follows the merged ids
    links = hubspot.crms.payloads(hubspot.syncs[0], "associations.calls.contacts")
    assert {str(one["toObjectId"]) for link in links.values() for one in link["to"]} >= {winner, loser}


def test_h13_pairs_of_two_types_and_pages_of_one_target_lose_no_link(hubspot: Nights) -> None:
    call, *_ = ids(hubspot, "calls")
    others = ids(hubspot, "contacts")[1:5]
    hubspot.store.associate(StoredAssociation("calls", call, "contacts", one, 194) for one in others)
    hubspot.stage.play("H13")

    hubspot.night(0)

    hubspot.check()
    links = hubspot.crms.payloads(hubspot.syncs[0], "associations.calls.contacts")[call]["to"]
    assert len(links) == 5


def test_h13_more_inputs_than_allowed_are_refused_and_never_sent_by_us(hubspot: Nights) -> None:
    hubspot.stage.play("H2", count=1_500, at_ms=FIRST_MS - DAY_MS)
    client = a_client(hubspot)
    inputs = {"inputs": [{"id": str(number)} for number in range(1, 1_002)]}
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the SDK has one ApiException per package
        client.crm.associations.v4.batch_api.get_page("calls", "contacts", inputs)
    assert refused.value.status == 400  # type: ignore[attr-defined]

    hubspot.night(0)

    hubspot.check()


def test_h14_a_leaver_and_a_queue_are_owners_like_others(hubspot: Nights) -> None:
    hubspot.stage.play("H14", at_ms=FIRST_MS - DAY_MS)

    hubspot.night(0)

    owners = hubspot.crms.payloads(hubspot.syncs[0], "owners")
    assert set(owners) == {one.id for one in hubspot.store.all(HUBSPOT, "owners")}
    assert {one["type"] for one in owners.values()} == {"PERSON", "QUEUE"}
    assert any(one["archived"] for one in owners.values())
    hubspot.check()


def test_h15_a_new_property_and_a_deleted_stage_disturb_nothing(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H15", removed=None, stage="new", at_ms=LATER_MS)

    hubspot.night(1)

    hubspot.check()
    stages = hubspot.crms.ids(hubspot.syncs[-1], "pipelines")
    assert stages == ["offer"]
    assert "new" in hubspot.newest("pipelines")  # history still names it


def test_h15_a_mapped_property_that_is_gone_is_named(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.stage.play("H15", at_ms=LATER_MS)

    with pytest.raises(UnknownFieldError, match="deals has no field 'lead_source'"):
        hubspot.night(1)


def test_h16_long_bodies_and_addresses_are_refused_and_never_sent_by_us(hubspot: Nights) -> None:
    many = {f"extra_{number}_{'x' * 30}": "y" for number in range(100)}
    hubspot.store.edit(HUBSPOT, "calls", ids(hubspot, "calls")[0], many, FIRST_MS - DAY_MS)
    with pytest.raises(ApiException) as refused:
        search(hubspot, {"limit": 10, "properties": list(many)})
    assert refused.value.status == 400
    with pytest.raises(ApiException) as refused:
        a_client(hubspot).crm.objects.basic_api.get_page("calls", properties=list(many))
    assert refused.value.status == 414
    connection = hubspot.crms.connections[HUBSPOT]
    (calls,) = connection.field_map["calls"]
    source = next(iter(calls.fields.values()))
    more = {name: source.model_copy(update={"sources": (name,), "join": (), "values": None}) for name in many}
    mapped = {**connection.field_map, "calls": (calls.model_copy(update={"fields": {**calls.fields, **more}}),)}
    settings = {"field_map": mapped}

    hubspot.night(0, settings=settings)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    hubspot.night(1, settings=settings)

    hubspot.check()
    changed = hubspot.crms.payloads(hubspot.syncs[-1], "calls")[ids(hubspot, "calls")[0]]
    assert many.items() <= changed["properties"].items()
    hubspot.connection = connection  # the tables have no columns for them


@pytest.mark.parametrize("family", ["v3", "2026-09"])
def test_h17_both_families_of_paths_give_the_same(hubspot: Nights, family: str) -> None:
    settings = {"api_version": family}
    hubspot.night(0, settings=settings)
    edit_all(hubspot, "deals", {"dealstage": "offer"})

    hubspot.night(1, settings=settings)

    hubspot.check()


@pytest.mark.parametrize("after_pages", [0, 3])
def test_h18_ids_sorted_as_texts_lose_nothing(hubspot: Nights, after_pages: int) -> None:
    _short_ids(hubspot, [*range(990, 1_010), *range(9, 12)])
    hubspot.stage.play("H18", after_pages=after_pages)
    hubspot.night(0)
    edit_all(hubspot, "calls", {"hs_call_status": "BUSY"})
    hubspot.stage.play("H2", count=450, at_ms=LATER_MS)

    landed = hubspot.night(1)

    hubspot.check()
    assert hubspot.crms.counts(landed, "calls") == (481, 481)


def _short_ids(nights: Nights, numbers: Sequence[int]) -> None:
    for number in numbers:
        nights.crms.put(
            HUBSPOT, "calls", {"id": number, "modified_ms": FIRST_MS - DAY_MS, "hs_call_status": "NO_ANSWER"}
        )


def test_the_small_account_holds_what_the_cases_touch(hubspot: Nights) -> None:
    hubspot.night(0)
    hubspot.check()
    for name in ("calls", "contacts", "companies", "deals", "meetings"):
        assert hubspot.crms.counts(hubspot.syncs[0], name) == (8, 8)
