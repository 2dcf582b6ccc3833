"""The vocabulary, the schemas and the default agreement say what the tables and models say."""

import json
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Numeric, Text

from definitions_contract import json_schemas
from definitions_contract.conditions import parse_row_condition
from definitions_contract.documents import SINGLE_FILES
from definitions_contract.expectations import EXPECTATIONS, TO_BE_NULL
from definitions_contract.schema import Agreement, Label, Rule, SigningState
from definitions_contract.signing import state
from definitions_contract.vocabulary import (
    CLOSED_VALUES,
    EVENT_COLUMNS,
    LINKED_COLUMNS,
    PERSONAL_COLUMNS,
    measure_columns,
    rule_columns,
)
from definitions_contract.words import SENTENCES, describe_measure, describe_rule
from models.tables import PHASE_KPIS, metadata

KINDS = {
    Text: "text",
    BigInteger: "integer",
    Boolean: "boolean",
    Date: "date",
    DateTime: "timestamp",
    Numeric: "number",
}
LINKS_INTO_A_CRM = {"crm_id", "crm_url"}  # they decide nothing


@pytest.mark.parametrize("event", sorted(EVENT_COLUMNS))
def test_the_vocabulary_has_the_columns_of_the_table(event: str) -> None:
    table = metadata.tables[f"core.{event}"]

    columns = {column.name: KINDS[type(column.type)] for column in table.columns if column.name not in LINKS_INTO_A_CRM}

    assert dict(EVENT_COLUMNS[event]) == columns


COMMENTED = sorted(place for place in CLOSED_VALUES if place[1] not in LINKED_COLUMNS[place[0]])


@pytest.mark.parametrize(("event", "column"), COMMENTED)
def test_closed_values_are_those_of_the_column_comment(event: str, column: str) -> None:
    table = metadata.tables["kpi.meeting_verdicts" if column == "verdict" else f"core.{event}"]
    comment = table.columns[column].comment or ""

    assert [value for value in CLOSED_VALUES[event, column] if value not in comment] == []


@pytest.mark.parametrize(("event", "column"), sorted(CLOSED_VALUES))
def test_closed_values_belong_to_a_column(event: str, column: str) -> None:
    assert {**rule_columns(event), **measure_columns(event)}[column] == "text"


def test_personal_columns_are_those_of_core() -> None:
    marked = {
        f"core.{table.name}.{column.name}"
        for table in metadata.tables.values()
        if table.schema == "core"
        for column in table.columns
        if column.info.get("personal")
    }

    assert marked == PERSONAL_COLUMNS


def test_the_schemas_are_current() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in json_schemas.FOLDER.glob("*.json")}

    assert written == json_schemas.schema_texts(), "run python -m definitions_contract.json_schemas"


def test_every_file_of_the_default_agreement_names_its_schema(default_folder: Path) -> None:
    paths = [*default_folder.glob("*.yaml"), *default_folder.glob("*/*.yaml")]

    schemas = {path: path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2] for path in paths}

    assert len(paths) == len(SINGLE_FILES) + 2
    assert all((path.parent / schema).resolve().is_file() for path, schema in schemas.items())


def test_the_schema_of_a_definition_knows_columns_and_expectations() -> None:
    rule = json.loads(json_schemas.schema_texts()["definition.schema.json"])["$defs"]["Rule"]["properties"]

    assert set(rule["expectation"]["enum"]) == set(EXPECTATIONS)
    assert "decision_maker_present" in rule["kwargs"]["properties"]["column"]["enum"]


def test_every_expectation_can_be_said_in_both_languages() -> None:
    assert set(SENTENCES) == set(EXPECTATIONS)
    kwargs = {"column": "a", "column_A": "a", "column_B": "b", "value_set": ["x"], "regex": "r", "max_value": 3}
    kwargs |= {"condition": "a is null", "value_pairs_set": [["x", "y"]]}
    for expectation in EXPECTATIONS:
        rule = Rule(id="r", label=Label(ja="規", en="r"), expectation=expectation, kwargs=kwargs)
        assert "{" not in describe_rule(rule, "ja") + describe_rule(rule, "en")


def test_the_default_agreement_has_every_kpi_in_the_order_of_the_phase_tables(agreement: Agreement) -> None:
    by_phase = {phase: tuple(kpi.id for kpi in agreement.kpis.kpis if kpi.phase == phase) for phase in PHASE_KPIS}

    assert by_phase == PHASE_KPIS
    assert len(agreement.kpis.kpis) == 19


def test_every_measure_of_the_default_agreement_can_be_said(agreement: Agreement) -> None:
    measures = [m for kpi in agreement.kpis.kpis for m in (kpi.numerator, kpi.denominator) if m is not None]

    assert all(measure.credit in describe_measure(measure, "en") for measure in measures)
    assert all(measure.date in describe_measure(measure, "ja") for measure in measures)


def test_the_default_agreement_is_signed(agreement: Agreement) -> None:
    texts = (agreement.kpis, agreement.targets, agreement.phases, *agreement.definitions)

    assert {state(text).state for text in texts} == {SigningState.SIGNED}


def test_team_targets_add_up_to_the_department(agreement: Agreement) -> None:
    for kpi in ("calls_made", "meetings_booked", "meetings_held", "valid_meetings", "deals_won", "won_amount"):
        monthly = [t for t in agreement.targets.targets if t.kpi == kpi and t.every.value == "month"]
        teams = sum(target.value for target in monthly if target.scope_kind.value == "team")
        (whole,) = [target.value for target in monthly if target.scope_kind.value == "department"]
        assert teams == whole, kpi


def test_the_row_conditions_of_the_default_agreement_are_readable(agreement: Agreement) -> None:
    conditions = [
        rule.kwargs["row_condition"]
        for definition in agreement.definitions
        for rule in definition.rules
        if "row_condition" in rule.kwargs
    ]

    assert conditions
    assert all(parse_row_condition(condition) for condition in conditions)
    assert TO_BE_NULL in EXPECTATIONS
