from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from models import tables
from models.errors import FieldMapError, FieldPathError
from models.raw.merge import merge_records
from models.raw.rules import ENTITY_TABLES, EntityRules, SourceRules, field_rules
from models.raw.typed import type_records
from tests.models.factories import at
from tests.models.raw.landing import Land, a_version

CONNECTORS = Path(__file__).parents[3] / "connectors"


def a_source(crm: str, **field_map: Any) -> SourceRules:
    """Rules of connection hs or sf; without a field map the CRM's own."""
    full = field_map or yaml.safe_load((CONNECTORS / crm / "field_map.yaml").read_text(encoding="utf-8"))
    return SourceRules({"hubspot": "hs", "salesforce": "sf"}[crm], crm, field_rules(crm, full), zone="Asia/Tokyo")


def one_field(entity: str, field: str, form: Any = "x") -> SourceRules:
    return a_source("hubspot", **{entity: [{"object": entity, "fields": {field: form}}]})


def sync(
    warehouse: sa.Connection, land: Land, source: SourceRules, *versions: dict[str, Any], sync_id: str = "s1"
) -> int:
    names = dict.fromkeys(version["object"] for version in versions)
    files = {name: [land(*(one for one in versions if one["object"] == name))] for name in names}
    merge_records(warehouse, sync_id=sync_id, source=source.connection, files=files)
    return type_records(warehouse, sync_id=sync_id, source=source)


def rows(warehouse: sa.Connection, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
    query = sa.select(*(table.c[name] for name in columns))
    return sorted((tuple(row) for row in warehouse.execute(query)), key=str)


def properties(**values: Any) -> dict[str, Any]:
    return {"properties": values}


HOSTILE = "O'Brien \"; DROP TABLE x; -- 山田\n太郎 $1 {} %s :name"
DAY = at("2024-09-24T00:00")
MOMENT = at("2024-09-24T03:26:07")


@pytest.mark.parametrize(
    ("entity", "field", "text", "expected"),
    [
        pytest.param("meetings", "starts_at", "2024-09-24T03:26:07Z", MOMENT, id="iso with Z"),
        pytest.param("meetings", "starts_at", "2024-09-24T03:26:07.000+0000", MOMENT, id="salesforce's zone"),
        pytest.param("meetings", "starts_at", "2024-09-24T12:26:07+09:00", MOMENT, id="iso in Tokyo"),
        pytest.param("meetings", "starts_at", "2024-09-24T03:26:07", MOMENT, id="no zone is UTC"),
        pytest.param("meetings", "starts_at", "1727148367000", MOMENT, id="epoch milliseconds"),
        pytest.param("meetings", "starts_at", 1727148367000, MOMENT, id="epoch milliseconds as number"),
        pytest.param("meetings", "starts_at", "2024-09-24", DAY, id="a day is its first moment"),
        pytest.param("meetings", "starts_at", "", None, id="empty is no value"),
        pytest.param("meetings", "starts_at", None, None, id="null is no value"),
        pytest.param("meetings", "decision_maker_present", "Yes", True, id="yes"),
        pytest.param("meetings", "decision_maker_present", "no", False, id="no"),
        pytest.param("meetings", "decision_maker_present", True, True, id="json true"),
        pytest.param("deals", "amount", "1234567.89", Decimal("1234567.89"), id="amount stays exact"),
        pytest.param("deals", "amount", 0, Decimal("0.00"), id="nought is a value"),
        pytest.param("deals", "close_date", "2024-09-24", date(2024, 9, 24), id="a day"),
        pytest.param("deals", "close_date", "2024-09-24T14:59:59Z", date(2024, 9, 24), id="23:59 in Tokyo"),
        pytest.param("deals", "close_date", "2024-09-24T15:00:00Z", date(2024, 9, 25), id="midnight in Tokyo"),
        pytest.param("companies", "employee_count", "12.0", 12, id="whole number written with a point"),
        pytest.param("companies", "domain", "https://www.Example.co.jp:443/a?b", "example.co.jp", id="web address"),
        pytest.param("companies", "domain", " Example.co.jp ", "example.co.jp", id="domain"),
        pytest.param("contacts", "email", "  A.B@Example.COM ", "a.b@example.com", id="e-mail"),
        pytest.param("contacts", "name", HOSTILE, HOSTILE, id="hostile text"),
    ],
)
def test_a_value_is_read_as_its_column_says(
    warehouse: sa.Connection, land: Land, entity: str, field: str, text: Any, expected: Any
) -> None:
    quarantined = sync(warehouse, land, one_field(entity, field), a_version("1", properties(x=text), object=entity))

    assert quarantined == 0
    assert rows(warehouse, tables.metadata.tables[f"raw.{entity}"], field) == [(expected,)]


@pytest.mark.parametrize(
    ("entity", "field", "text", "expected"),
    [
        pytest.param("calls", "duration_seconds", "1,185", 1185, id="thousands"),
        pytest.param("calls", "duration_seconds", "0:19:45", 1185, id="a duration"),
        pytest.param("calls", "duration_seconds", "100:00:00", 360_000, id="a long one"),
        pytest.param("calls", "duration_seconds", "19:45", None, id="minutes or hours, who knows"),
        pytest.param("calls", "duration_seconds", "1,18", None, id="no thousands"),
        pytest.param("calls", "duration_seconds", "0:60:00", None, id="no duration"),
        pytest.param("deals", "amount", "-1,234,567.89", Decimal("-1234567.89"), id="an amount"),
        pytest.param("deals", "amount", "1.234.567,89", None, id="points for thousands"),
    ],
)
def test_an_export_may_write_figures_as_spreadsheets_do(
    warehouse: sa.Connection, land: Land, entity: str, field: str, text: str, expected: Any
) -> None:
    rules = field_rules("files", {entity: [{"object": entity, "fields": {field: "x"}}]})

    quarantined = sync(warehouse, land, SourceRules("hs", "files", rules), a_version("1", {"x": text}, object=entity))

    assert rows(warehouse, tables.metadata.tables[f"raw.{entity}"], field) == (
        [] if expected is None else [(expected,)]
    )
    assert quarantined == (expected is None)


@pytest.mark.parametrize(
    ("entity", "field", "form", "text", "allowed"),
    [
        pytest.param("meetings", "starts_at", "x", "soon", "ISO 8601", id="no time"),
        pytest.param("meetings", "starts_at", "x", "2024-13-45T00:00:00Z", "ISO 8601", id="impossible time"),
        pytest.param("meetings", "decision_maker_present", "x", "perhaps", "true or false, yes or no", id="no boolean"),
        pytest.param("deals", "amount", "x", "a lot", "an amount", id="no amount"),
        pytest.param("deals", "close_date", "x", "2024-02-30", "a day", id="impossible day"),
        pytest.param("companies", "employee_count", "x", "nan", "a whole number", id="not a number"),
        pytest.param("companies", "employee_count", "x", "1e300", "a whole number", id="number too large"),
        pytest.param(
            "meetings", "outcome", {"from": "x", "values": {"HELD": "held"}}, "MAYBE", "HELD", id="unmapped value"
        ),
    ],
)
def test_an_unreadable_value_sets_the_record_aside_and_says_why(
    warehouse: sa.Connection, land: Land, entity: str, field: str, form: Any, text: str, allowed: str
) -> None:
    source = one_field(entity, field, form)

    quarantined = sync(
        warehouse,
        land,
        source,
        a_version("1", properties(x=text), object=entity),
        a_version("2", properties(), object=entity),
    )

    assert quarantined == 1
    assert rows(warehouse, tables.metadata.tables[f"raw.{entity}"], "crm_id") == [("2",)]
    [(found_field, reason, value)] = rows(warehouse, tables.quarantine, "field", "reason", "value")
    assert (found_field, value) == (field, text)
    assert f"allowed: {allowed}" in reason
    assert (text in reason) is isinstance(form, dict), "only a picklist's value may be named"


def test_a_corrected_record_leaves_the_quarantine(warehouse: sa.Connection, land: Land) -> None:
    source = one_field("deals", "amount")
    sync(warehouse, land, source, a_version("1", properties(x="a lot"), object="deals"))
    good = a_version("1", properties(x="5"), object="deals", modified_at=at("2026-09-09"))

    quarantined = sync(warehouse, land, source, good, sync_id="s2")

    assert quarantined == 0
    assert rows(warehouse, tables.quarantine, "record_id") == []
    assert rows(warehouse, tables.raw_deals, "amount", "sync_id") == [(Decimal("5.00"), "s2")]


def test_a_record_gone_bad_leaves_the_typed_table(warehouse: sa.Connection, land: Land) -> None:
    source = one_field("deals", "amount")
    sync(warehouse, land, source, a_version("1", properties(x="5"), object="deals"))
    bad = a_version("1", properties(x="a lot"), object="deals", modified_at=at("2026-09-09"))

    assert sync(warehouse, land, source, bad, sync_id="s2") == 1
    assert rows(warehouse, tables.raw_deals, "crm_id") == []


def test_a_deleted_record_is_never_set_aside(warehouse: sa.Connection, land: Land) -> None:
    gone = a_version("1", properties(x="a lot"), object="deals", is_deleted=True)

    assert sync(warehouse, land, one_field("deals", "amount"), gone) == 0
    assert rows(warehouse, tables.raw_deals, "crm_id", "is_deleted", "amount") == [("1", True, None)]


def test_changed_rules_type_everything_anew_when_asked(warehouse: sa.Connection, land: Land) -> None:
    sync(warehouse, land, one_field("deals", "name", "x"), a_version("1", properties(x="old", y="new"), object="deals"))

    type_records(warehouse, sync_id="s2", source=one_field("deals", "name", "y"), rebuild=True)

    assert rows(warehouse, tables.raw_deals, "name", "sync_id") == [("new", "s1")]


NAME = {"given": "a", "family": "b"}


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        pytest.param(["a", "b"], {"a": "", "b": "second"}, "second", id="first candidate with a value"),
        pytest.param({"join": ["a", "b"]}, {"a": "Ada", "b": "Lovelace"}, "Ada Lovelace", id="joined"),
        pytest.param({"join": ["a", "b"]}, {"a": None, "b": "Lovelace"}, "Lovelace", id="joined without a part"),
        pytest.param(NAME, {"a": "太郎", "b": "山田"}, "山田 太郎", id="a name in kanji: family first"),
        pytest.param(NAME, {"a": "さくら", "b": "Smith"}, "Smith さくら", id="a name partly in hiragana"),
        pytest.param(NAME, {"a": "アン", "b": "スミス"}, "アン スミス", id="a name in katakana"),
        pytest.param(NAME, {"a": "Ada", "b": "Lovelace"}, "Ada Lovelace", id="a name in Latin letters"),
        pytest.param(NAME, {"a": None, "b": "山田"}, "山田", id="a family name alone"),
        pytest.param(NAME, {}, None, id="no name"),
        pytest.param({"constant": "same"}, {}, "same", id="constant"),
        pytest.param({"from": "a", "values": {"X": "y"}, "default": "z"}, {"a": "X"}, "y", id="mapped"),
        pytest.param(
            {"from": "a", "values": {"X": "y"}, "default": "z"}, {"a": "Q"}, "z", id="unmapped is the default"
        ),
        pytest.param({"from": "a", "values": {"X": "y"}, "default": "z"}, {}, "z", id="missing is the default"),
        pytest.param({"from": "a", "values": {"X": "y"}}, {}, None, id="missing without default"),
        pytest.param({"from": "a", "values": {True: "y"}}, {"a": True}, "y", id="a boolean from YAML"),
    ],
)
def test_every_form_of_the_field_map(
    warehouse: sa.Connection, land: Land, form: Any, values: dict[str, Any], expected: str | None
) -> None:
    sync(warehouse, land, one_field("deals", "name", form), a_version("1", properties(**values), object="deals"))

    assert rows(warehouse, tables.raw_deals, "name") == [(expected,)]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        pytest.param([("b", "2026-09-03"), ("a", "2026-09-01"), ("", "2026-08-01")], "a", id="an empty one is none"),
        pytest.param([("a", "2026-09-01"), ("b", "2026-09-03")], "a", id="in any order"),
        pytest.param([("", "2026-08-01")], None, id="never written"),
        pytest.param(None, None, id="read before it was asked for"),
    ],
)
def test_the_first_value_comes_from_the_history(
    warehouse: sa.Connection, land: Land, versions: list[tuple[str, str]] | None, expected: str | None
) -> None:
    kept = [{"value": value, "timestamp": f"{day}T00:00:00.000Z"} for value, day in versions or ()]
    history = {} if versions is None else {"propertiesWithHistory": {"feedback": kept}}
    source = one_field("meetings", "field_sales_feedback_first", {"first": "feedback"})

    sync(warehouse, land, source, a_version("1", properties(feedback="b") | history, object="meetings"))

    assert rows(warehouse, tables.raw_meetings, "field_sales_feedback_first") == [(expected,)]


def test_a_number_is_brought_to_our_unit(warehouse: sa.Connection, land: Land) -> None:
    source = one_field("calls", "duration_seconds", {"from": "x", "divide": 1000})

    sync(warehouse, land, source, a_version("1", properties(x="65500"), object="calls"))

    assert rows(warehouse, tables.raw_calls, "duration_seconds") == [(66,)]


def test_records_that_the_map_does_not_ask_for_are_left_out(warehouse: sa.Connection, land: Land) -> None:
    sync(
        warehouse,
        land,
        a_source("salesforce"),
        a_version("1", {"TaskSubtype": "Call", "Status": "Completed"}, connection="sf", object="Task"),
        a_version("2", {"TaskSubtype": "Task", "Status": "Completed"}, connection="sf", object="Task"),
    )

    assert rows(warehouse, tables.raw_calls, "crm_id", "status") == [("1", "completed")]


def test_hubspot_owners_and_stages_stand_at_the_top_of_their_payload(warehouse: sa.Connection, land: Land) -> None:
    owner = {
        "firstName": "Aiko",
        "lastName": "Sato",
        "email": "A@X.example",
        "archived": True,
        "type": "PERSON",
        "teams": [{"name": "East"}],
    }
    won = {
        "label": "Won",
        "metadata": {"isClosed": "true", "probability": "1.0"},
        "displayOrder": 5,
        "pipeline": {"label": "P"},
    }
    lost = won | {"label": "Lost", "metadata": {"isClosed": "true", "probability": "0.0"}}
    begun = won | {"label": "Begun", "metadata": {"isClosed": "false", "probability": "0.2"}}

    sync(
        warehouse,
        land,
        a_source("hubspot"),
        a_version("o", owner, object="owners", is_deleted=True),
        a_version("w", won, object="pipelines"),
        a_version("l", lost, object="pipelines"),
        a_version("b", begun, object="pipelines"),
    )

    assert rows(warehouse, tables.raw_users, "name", "email", "is_active", "kind", "crm_team") == [
        ("Aiko Sato", "a@x.example", False, "person", "East")
    ]
    assert rows(warehouse, tables.raw_stages, "crm_id", "status", "probability", "pipeline") == [
        ("b", "open", 0.2, "P"),
        ("l", "lost", 0.0, "P"),
        ("w", "won", 1.0, "P"),
    ]


@pytest.mark.parametrize(
    ("is_closed", "is_won", "expected"), [(True, True, "won"), (True, False, "lost"), (False, False, "open")]
)
def test_a_closed_salesforce_stage_that_is_not_won_is_lost(
    warehouse: sa.Connection, land: Land, is_closed: bool, is_won: bool, expected: str
) -> None:
    stage = {"MasterLabel": "S", "IsClosed": is_closed, "IsWon": is_won, "DefaultProbability": 50.0, "SortOrder": 1}

    sync(warehouse, land, a_source("salesforce"), a_version("1", stage, connection="sf", object="OpportunityStage"))

    assert rows(warehouse, tables.raw_stages, "status", "probability") == [(expected, 0.5)]


def test_the_loser_of_a_salesforce_merge_names_the_survivor(warehouse: sa.Connection, land: Land) -> None:
    loser = a_version(
        "0031", {"Name": "A", "MasterRecordId": "0032"}, connection="sf", object="Contact", is_deleted=True
    )

    sync(warehouse, land, a_source("salesforce"), loser)

    assert rows(warehouse, tables.raw_contacts, "crm_id", "merged_into_crm_id") == [("0031", "0032")]


def test_both_crms_own_field_maps_are_understood() -> None:
    for crm in ("hubspot", "salesforce"):
        assert a_source(crm).entities
        assert a_source(crm).digest == a_source(crm).digest


@pytest.mark.parametrize(
    ("field_map", "found"),
    [
        pytest.param({"cars": [{"object": "cars", "fields": {}}]}, "unknown entity", id="entity"),
        pytest.param({"deals": [{"object": "deals", "fields": {"price": "x"}}]}, "unknown field", id="field"),
        pytest.param({"deals": [{"object": "deals", "fields": {"name": {"form": "x"}}}]}, "is no form", id="form"),
    ],
)
def test_a_field_map_that_cannot_be_followed_is_refused(field_map: dict[str, Any], found: str) -> None:
    with pytest.raises(FieldMapError, match=found):
        field_rules("hubspot", field_map)


def test_a_path_with_sql_in_it_is_refused(warehouse: sa.Connection, land: Land) -> None:
    with pytest.raises(FieldPathError):
        sync(
            warehouse, land, one_field("deals", "name", "x'); DROP TABLE raw.deals; --"), a_version("1", object="deals")
        )


def test_entity_rules_know_their_table() -> None:
    assert EntityRules("deals", "deals", ()).table is tables.raw_deals


TYPED = (*ENTITY_TABLES.values(), tables.raw_links, tables.raw_stage_changes, tables.quarantine)


def everything(warehouse: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table.fullname: rows(warehouse, table, *table.columns.keys()) for table in TYPED}


def several_syncs(warehouse: sa.Connection, land: Land) -> SourceRules:
    source = a_source("hubspot")
    history = {"propertiesWithHistory": {"dealstage": [{"value": "a", "timestamp": "2026-09-01T00:00:00Z"}]}}
    later = {"modified_at": at("2026-09-09T00:00")}
    to = {"to": [{"toObjectId": 5, "associationTypes": [{"label": None}]}]}
    sync(
        warehouse,
        land,
        source,
        a_version("1", properties(amount="5", hs_merged_object_ids="8;9") | history, object="deals"),
        a_version("2", properties(amount="much"), object="deals"),
        a_version("3", properties(amount="7"), object="deals"),
        a_version("1", to, object="associations.deals.contacts"),
    )
    sync(
        warehouse,
        land,
        source,
        a_version("1", properties(amount="6") | history, object="deals", **later),
        a_version("3", properties(amount="7"), object="deals", is_deleted=True, **later),
        a_version("4", properties(amount="little"), object="deals"),
        sync_id="s2",
    )
    return source


def test_typing_change_by_change_gives_what_typing_everything_gives(warehouse: sa.Connection, land: Land) -> None:
    source = several_syncs(warehouse, land)
    bit_by_bit = everything(warehouse)

    type_records(warehouse, sync_id="s3", source=source, rebuild=True)

    assert everything(warehouse) == bit_by_bit
    assert [row[1:3] for row in bit_by_bit["raw.deals"]] == [("deals", "1"), ("deals", "3")]
    assert [row[2] for row in bit_by_bit["ops.quarantine"]] == ["2", "4"]


def test_a_sync_that_brought_nothing_changes_no_typed_row(warehouse: sa.Connection, land: Land) -> None:
    source = several_syncs(warehouse, land)
    before = everything(warehouse)

    type_records(warehouse, sync_id="s3", source=source)

    assert everything(warehouse) == before


def test_another_connections_rows_are_left_alone(warehouse: sa.Connection, land: Land) -> None:
    sync(
        warehouse, land, a_source("salesforce"), a_version("0061", {"Name": "D"}, connection="sf", object="Opportunity")
    )

    sync(warehouse, land, a_source("hubspot"), a_version("1", properties(dealname="E"), object="deals"), sync_id="s1")
    type_records(warehouse, sync_id="s1", source=a_source("hubspot"), rebuild=True)

    assert rows(warehouse, tables.raw_deals, "connection", "name") == [("hs", "E"), ("sf", "D")]
