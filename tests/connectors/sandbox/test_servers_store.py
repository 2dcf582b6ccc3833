"""What the store keeps, and what it does by itself as the CRMs do."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sandbox.ids import long_id, number_of, object_of, salesforce_id
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord

SHARED_STORE = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_record(object_name: str = "calls", record_id: str = "1", **properties: object) -> StoredRecord:
    return StoredRecord(object_name, record_id, 10, 20, properties)


@SHARED_STORE
@given(
    properties=st.dictionaries(
        st.text(string.ascii_lowercase, min_size=1), st.none() | st.text() | st.booleans() | st.integers(-9, 9)
    ),
    deleted_ms=st.none() | st.integers(0, 10),
)
def test_a_record_comes_back_as_it_was_put(
    fresh_store: Store, properties: dict[str, object], deleted_ms: int | None
) -> None:
    record = StoredRecord("Task", "00T", 1, 2, properties, is_deleted=deleted_ms is not None, deleted_ms=deleted_ms)

    fresh_store.put(SALESFORCE, [record])

    assert fresh_store.get(SALESFORCE, "Task", "00T") == record
    assert fresh_store.count(SALESFORCE, "Task") == 1


def test_putting_again_replaces_and_other_objects_stay(fresh_store: Store) -> None:
    fresh_store.put(HUBSPOT, [a_record(title="old"), a_record("emails")])
    fresh_store.put(HUBSPOT, [a_record(title="new")])

    assert [record.properties for record in fresh_store.all(HUBSPOT, "calls")] == [{"title": "new"}]
    assert fresh_store.count(HUBSPOT, "emails") == 1
    assert fresh_store.get(SALESFORCE, "calls", "1") is None


def test_hubspot_ids_sort_as_numbers(fresh_store: Store) -> None:
    fresh_store.put(HUBSPOT, [a_record(record_id=record_id) for record_id in ("10", "9", "100")])

    assert [record.id for record in fresh_store.all(HUBSPOT, "calls")] == ["9", "10", "100"]


def test_a_failed_put_leaves_nothing_behind(fresh_store: Store) -> None:
    def records() -> object:
        yield a_record(title="x")
        raise RuntimeError("the generator broke")

    with pytest.raises(RuntimeError, match="generator broke"):
        fresh_store.put(HUBSPOT, records())  # type: ignore[arg-type]  # a generator is an iterable

    assert fresh_store.count(HUBSPOT, "calls") == 0
    fresh_store.put(HUBSPOT, [a_record(title="x")])
    assert fresh_store.fields(HUBSPOT, "calls") == {"title": "x"}


def test_an_edit_merges_and_moves_the_clock(fresh_store: Store) -> None:
    fresh_store.put(HUBSPOT, [a_record(title="a", body="b")])

    fresh_store.edit(HUBSPOT, "calls", "1", {"body": "c"}, 99)

    edited = fresh_store.get(HUBSPOT, "calls", "1")
    assert edited is not None
    assert (edited.properties, edited.created_ms, edited.modified_ms) == ({"title": "a", "body": "c"}, 10, 99)


def test_an_edit_of_nothing_says_what_is_missing(fresh_store: Store) -> None:
    with pytest.raises(KeyError, match="no calls with id 7"):
        fresh_store.edit(HUBSPOT, "calls", "7", {}, 1)


def test_salesforce_writes_opportunity_history_for_tracked_fields_only(fresh_store: Store) -> None:
    deal = fresh_store.next_id(SALESFORCE, "Opportunity")
    fresh_store.put(SALESFORCE, [a_record("Opportunity", deal, StageName="New", Amount=5, Name="a")])

    fresh_store.edit(SALESFORCE, "Opportunity", deal, {"Name": "b"}, 30)
    fresh_store.edit(SALESFORCE, "Opportunity", deal, {"StageName": "Won"}, 40)

    (history,) = fresh_store.all(SALESFORCE, "OpportunityHistory")
    assert (history.created_ms, history.properties["OpportunityId"]) == (40, deal)
    assert (history.properties["StageName"], history.properties["Amount"]) == ("Won", 5)


def test_a_deleted_record_is_kept_and_a_purged_one_is_not(fresh_store: Store) -> None:
    fresh_store.put(HUBSPOT, [a_record(record_id="1"), a_record(record_id="2")])

    fresh_store.delete(HUBSPOT, "calls", "1", 50)
    fresh_store.purge(HUBSPOT, "calls", "2")

    (left,) = fresh_store.all(HUBSPOT, "calls")
    assert (left.id, left.is_deleted, left.deleted_ms, left.modified_ms) == ("1", True, 50, 50)
    assert [fresh_store.count(HUBSPOT, "calls", is_deleted=gone) for gone in (False, True)] == [0, 1]


@pytest.mark.parametrize(("crm", "object_name"), [(HUBSPOT, "calls"), (SALESFORCE, "Task")])
def test_new_ids_are_new_even_beside_records_put_with_ids_of_their_own(
    fresh_store: Store, crm: str, object_name: str
) -> None:
    first = fresh_store.next_ids(crm, object_name, 3)
    own = salesforce_id("Task", 77) if crm == SALESFORCE else "20000000000"
    fresh_store.put(crm, [a_record(object_name, own)])

    later = fresh_store.next_ids(crm, object_name, 2)

    assert len({*first, own, *later}) == 6
    assert sorted([*first, own, *later], key=lambda one: (len(one), one)) == [*first, own, *later]


@given(number=st.integers(1, 62**6))
def test_a_salesforce_id_leads_back_to_its_number_and_object(number: int) -> None:
    record_id = salesforce_id("Event", number)

    assert (len(record_id), number_of(record_id), object_of(record_id)) == (18, number, "Event")
    assert long_id(record_id[:15]) == record_id


@SHARED_STORE
@given(
    pairs=st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4))),
    removed=st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4))),
)
def test_both_sides_always_agree_on_associations(
    fresh_store: Store, pairs: set[tuple[int, int]], removed: set[tuple[int, int]]
) -> None:
    def links(chosen: set[tuple[int, int]]) -> list[StoredAssociation]:
        return [StoredAssociation("calls", str(a), "contacts", str(b), 194) for a, b in chosen]

    ids = [str(number) for number in range(1, 5)]
    fresh_store.dissociate(links({(a, b) for a in range(1, 5) for b in range(1, 5)}))

    fresh_store.associate(links(pairs))
    fresh_store.dissociate(links(removed))

    forward = {(one.from_id, one.to_id) for one in fresh_store.associations("calls", ids, "contacts")}
    backward = {(one.to_id, one.from_id) for one in fresh_store.associations("contacts", ids, "calls")}
    assert forward == backward == {(str(a), str(b)) for a, b in pairs - removed}


@pytest.mark.parametrize(("object_name", "record_id"), [("calls", "1"), ("contacts", "2")])
def test_a_deleted_record_takes_its_associations_with_it(fresh_store: Store, object_name: str, record_id: str) -> None:
    fresh_store.put(
        HUBSPOT, [a_record("calls", "1"), a_record("calls", "3"), a_record("contacts", "2"), a_record("contacts", "4")]
    )
    fresh_store.associate(
        StoredAssociation("calls", call, "contacts", contact, 194) for call, contact in (("1", "2"), ("3", "4"))
    )

    fresh_store.delete(HUBSPOT, object_name, record_id, 50)

    assert [one.to_id for one in fresh_store.associations("calls", ["1", "3"], "contacts")] == ["4"]
    assert [one.to_id for one in fresh_store.associations("contacts", ["2", "4"], "calls")] == ["3"]


def test_meta_is_remembered_by_the_next_opener(fresh_store: Store) -> None:
    fresh_store.set_meta("seed", "1")
    fresh_store.set_meta("seed", "2")

    with Store(fresh_store.path) as again:
        assert (again.meta("seed"), again.meta("nothing")) == ("2", None)
