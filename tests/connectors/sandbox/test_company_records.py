from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.sandbox.company import Company, build_company, truth, write_company
from connectors.sandbox.company.truth import ids_in
from connectors.sandbox.company.workdays import at_tokyo
from connectors.sandbox.ids import object_of
from connectors.sandbox.store import Store, StoredRecord
from connectors.sandbox.times import hubspot_time, ms_of, salesforce_time

CONNECTORS = Path(__file__).parents[3] / "connectors"
FILLED_BY_THE_SERVER = {"createdate", "hs_createdate", "createdAt", "archived", "CreatedDate", "UserRole.Name"}
RECORD_PATHS = {"teams.0.name": "teams"}
IN_STAGES = {"pipeline.label", "metadata.isClosed", "metadata.probability"}
NOT_KEPT = {"hs_analytics_source", "hs_latest_source"}  # replaced in connections.yaml


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(date(2026, 11, 22), scale=0.15)


@pytest.fixture(scope="module")
def store(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("sandbox") / "store.sqlite") as opened:
        write_company(company, opened)
        yield opened


@pytest.fixture(scope="module")
def ids(store: Store) -> dict[tuple[str, str], set[str]]:
    return {
        (crm, name): {r.id for r in store.all(crm, name)}
        for crm in ("hubspot", "salesforce")
        for name in store.objects(crm)
    }


def by_id(store: Store, crm: str, name: str) -> dict[str, StoredRecord]:
    return {record.id: record for record in store.all(crm, name)}


def field_maps(crm: str) -> Iterator[tuple[str, str, Any, Mapping[str, str]]]:
    """Object, canonical field, rule and which records are meant: the standard map, then the demo company's own fields."""
    yaml = YAML(typ="safe")
    for entries in yaml.load(CONNECTORS / crm / "field_map.yaml").values():
        for entry in entries:
            where = entry.get("where", {})
            yield from ((entry["object"], field, rule, where) for field, rule in entry["fields"].items())
    for connection in yaml.load(CONNECTORS / "connections.yaml")["connections"]:
        if connection["crm"] == crm:
            for objects in connection["fields"].values():
                for name, fields in objects.items():
                    yield from ((name, field, rule, {}) for field, rule in fields.items())


def sources(rule: Any) -> list[str]:
    match rule:
        case {"from": str(source)} | {"first": str(source)}:
            return [source]
        case {"given": str(given), "family": str(family)}:
            return [given, family]
        case list():
            return rule
        case str():
            return [rule]
        case _:
            return []


NOT_HELD = {"exchange_rates", "CurrencyType", "DatedConversionRate", "Note"}  # by the demo company


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_every_mapped_field_is_written(store: Store, crm: str) -> None:
    written = {name: set(store.fields(crm, name)) for name in store.objects(crm)}
    skipped = FILLED_BY_THE_SERVER | IN_STAGES | NOT_KEPT | ({"label", "displayOrder"} if crm == "hubspot" else set())

    missing = [
        (name, source)
        for name, _, rule, _ in field_maps(crm)
        if name not in NOT_HELD
        for source in sources(rule)
        if source not in skipped and RECORD_PATHS.get(source, source) not in written[name]
    ]

    assert missing == []


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_every_value_is_one_that_the_field_map_knows(store: Store, crm: str) -> None:
    unknown = []
    for name, field, rule, where in field_maps(crm):
        source, *_ = (*sources(rule), None)
        if isinstance(rule, Mapping) and "values" in rule and source not in FILLED_BY_THE_SERVER | IN_STAGES:
            meant = [record.properties for record in store.all(crm, name) if where.items() <= record.properties.items()]
            seen = {_text(properties.get(source)) for properties in meant}
            unknown += [(name, field, value) for value in seen - set(rule["values"]) - {None}]

    assert unknown == []


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_hubspot_values_are_texts_or_none(store: Store) -> None:
    names = [name for name in store.objects("hubspot") if name not in {"owners", "pipelines"}]

    wrong = [
        (name, key, value)
        for name in names
        for record in store.all("hubspot", name)
        for key, value in record.properties.items()
        if value is not None and not isinstance(value, str)
    ]

    assert wrong == []


def test_every_salesforce_lookup_finds_its_record(store: Store, ids: dict[tuple[str, str], set[str]]) -> None:
    lost = [
        (name, key, value)
        for name in store.objects("salesforce")
        for record in store.all("salesforce", name)
        for key, value in record.properties.items()
        if (key.endswith("Id") or key in {"CreatedById", "Booked_By__c"}) and value is not None
        if value not in ids["salesforce", object_of(value) or ""]
    ]

    assert lost == []


def test_every_association_and_owner_finds_its_record(store: Store, ids: dict[tuple[str, str], set[str]]) -> None:
    ends = store.select("SELECT from_object, from_id, to_object, to_id FROM associations").fetchall()
    named = [
        record.properties.get(key)
        for name in ("contacts", "companies", "calls", "emails", "meetings", "deals", "notes")
        for record in store.all("hubspot", name)
        for key in ("hubspot_owner_id", "booked_by")
    ]

    assert ends
    assert [
        row for row in ends if str(row[1]) not in ids["hubspot", row[0]] or str(row[3]) not in ids["hubspot", row[2]]
    ] == []
    assert {owner for owner in named if owner is not None} <= ids["hubspot", "owners"]


def test_every_meeting_record_is_one_true_meeting_and_the_reverse(
    company: Company, ids: dict[tuple[str, str], set[str]]
) -> None:
    copies = [copy.crm_id for meeting in company.meetings for copy in meeting.copies]

    assert ids["hubspot", "meetings"] == {crm_id.id for crm_id in ids_in(copies, "hubspot")}
    assert ids["salesforce", "Event"] == {crm_id.id for crm_id in ids_in(copies, "salesforce")}


@pytest.mark.parametrize(
    ("name", "hubspot", "salesforce"),
    [
        pytest.param("calls", "calls", "Task", id="calls"),
        pytest.param("emails", "emails", "EmailMessage", id="emails"),
        pytest.param("deals", "deals", "Opportunity", id="deals"),
        pytest.param("companies", "companies", "Account", id="companies"),
        pytest.param("notes", "notes", None, id="notes"),
    ],
)
def test_standing_records_are_as_many_as_the_truth_says(
    company: Company, store: Store, name: str, hubspot: str, salesforce: str | None
) -> None:
    records = list(store.page("hubspot", hubspot, is_deleted=False))
    if salesforce is not None:
        records += [
            r
            for r in store.page("salesforce", salesforce, is_deleted=False)
            if r.properties.get("TaskSubtype") != "Task"
        ]

    assert len(records) == truth.core_counts(company)[name] > 0


def test_tasks_that_are_no_calls_exist(store: Store) -> None:
    assert sum(record.properties["TaskSubtype"] == "Task" for record in store.all("salesforce", "Task")) > 5


def test_standing_people_are_as_many_as_the_truth_says(company: Company, store: Store) -> None:
    standing = store.count("hubspot", "contacts", is_deleted=False) + store.count(
        "salesforce", "Contact", is_deleted=False
    )
    leads = [
        record for record in store.page("salesforce", "Lead", is_deleted=False) if not record.properties["IsConverted"]
    ]

    assert standing + len(leads) == truth.core_counts(company)["contacts"]


def test_a_deleted_record_is_deleted_in_its_crm_at_that_moment(company: Company, store: Store) -> None:
    deleted = [call for call in company.calls if call.deleted_at is not None]
    records = {crm: by_id(store, crm, name) for crm, name in (("hubspot", "calls"), ("salesforce", "Task"))}

    assert deleted
    for call in deleted:
        record = records[call.crm_id.crm][call.crm_id.id]
        assert record.is_deleted
        assert record.deleted_ms == record.modified_ms == ms_of(call.deleted_at or call.called_at)


def test_a_merged_contact_names_its_losers(company: Company, store: Store) -> None:
    contacts, merged = by_id(store, "hubspot", "contacts"), [c for c in company.contacts if c.merged_ids]
    people = by_id(store, "salesforce", "Contact") | by_id(store, "salesforce", "Lead")

    assert merged
    for contact in merged:
        for loser in contact.merged_ids:
            live = truth.contact_record(contact, loser.crm)
            if loser.crm == "hubspot":
                assert loser.id not in contacts
                assert loser.id in contacts[live.id].properties["hs_merged_object_ids"].split(";")
            else:
                assert people[loser.id].is_deleted
                assert people[loser.id].properties["MasterRecordId"] == live.id


def test_a_converted_lead_names_the_contact_that_it_became(company: Company, store: Store) -> None:
    leads = by_id(store, "salesforce", "Lead")
    converted = [contact for contact in company.contacts if contact.lead_id is not None]

    assert converted
    for contact in converted:
        assert contact.lead_id is not None
        properties = leads[contact.lead_id.id].properties
        assert properties["IsConverted"] is True
        assert properties["ConvertedContactId"] == truth.contact_record(contact, "salesforce").id


def test_an_invitees_copy_holds_no_answer(company: Company, store: Store) -> None:
    events = by_id(store, "salesforce", "Event")
    invitees = [copy for meeting in company.meetings for copy in meeting.copies if copy.reason == "invitee"]

    assert invitees
    for copy in invitees:
        properties = events[copy.crm_id.id].properties
        assert properties["IsChild"] is True
        assert properties["Field_Sales_Feedback__c"] is None
        assert properties["Outcome__c"] == "Booked"


def test_the_copies_together_hold_every_answer(company: Company, store: Store) -> None:
    meetings, events = by_id(store, "hubspot", "meetings"), by_id(store, "salesforce", "Event")
    both = [meeting for meeting in company.meetings if any(copy.reason == "other_crm" for copy in meeting.copies)]

    assert both
    for meeting in both:
        hubspot, salesforce = (copy.crm_id.id for copy in meeting.copies)
        one, other = meetings[hubspot].properties, events[salesforce].properties
        answers = {one.get("field_sales_feedback"), (other["Field_Sales_Feedback__c"] or "").lower() or None}
        assert answers - {None} == {meeting.feedback} - {None}
        assert one["hs_meeting_start_time"] == hubspot_time(ms_of(meeting.starts_at))
        assert other["StartDateTime"] == salesforce_time(ms_of(meeting.starts_at))
        assert other["Calendar_Uid__c"] in {None, one["hs_i_cal_uid"]}


def test_stage_history_ends_in_the_stage_of_the_deal(company: Company, store: Store) -> None:
    deals = by_id(store, "hubspot", "deals")

    assert deals
    for record in deals.values():
        history = record.history["dealstage"]
        assert history[0]["value"] == record.properties["dealstage"]
        assert [entry["timestamp"] for entry in history] == sorted((e["timestamp"] for e in history), reverse=True)
        assert history[-1]["timestamp"] == hubspot_time(record.created_ms)


def test_the_leaver_is_archived_in_one_crm_and_inactive_in_the_other(company: Company, store: Store) -> None:
    leaver = next(rep for rep in company.reps if rep.left_date is not None)
    left_ms = ms_of(at_tokyo(date(2026, 7, 22), 19 * 60))  # four months before as_of, in the evening of the last day

    owner = next(record for record in store.all("hubspot", "owners") if record.properties["email"] == leaver.email)
    user = next(record for record in store.all("salesforce", "User") if record.properties["Email"] == leaver.email)

    assert (owner.is_deleted, owner.deleted_ms) == (True, left_ms)
    assert (user.properties["IsActive"], user.is_deleted) == (False, False)
    assert store.count("hubspot", "owners", is_deleted=True) == 1


def test_writing_twice_changes_nothing(company: Company, store: Store) -> None:
    tables = ("SELECT * FROM records ORDER BY crm, object, id", "SELECT * FROM associations ORDER BY 1, 2, 3, 4, 5")
    before = [store.select(statement).fetchall() for statement in tables]

    write_company(company, store)

    assert [store.select(statement).fetchall() for statement in tables] == before


def test_nothing_was_modified_after_as_of(company: Company, store: Store) -> None:
    end_ms = ms_of(at_tokyo(date(2026, 11, 23), 0))

    latest = store.select("SELECT max(modified_ms), max(created_ms) FROM records").fetchone()

    assert max(latest) < end_ms


def test_new_ids_follow_those_of_the_company(store: Store, ids: dict[tuple[str, str], set[str]]) -> None:
    assert store.next_id("hubspot", "contacts") not in set().union(
        *(v for (crm, _), v in ids.items() if crm == "hubspot")
    )
    assert store.next_id("salesforce", "Task") not in ids["salesforce", "Task"]
