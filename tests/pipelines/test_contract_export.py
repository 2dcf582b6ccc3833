"""What the agreement says to other tools: an Open Data Contract that its own model reads, and a suite that Great Expectations loads."""

import json
from pathlib import Path

import pytest
from open_data_contract_standard.model import OpenDataContractStandard
from typer.testing import CliRunner

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from pipelines.cli.contract import app
from pipelines.contract_export import CONTRACTED, odcs_text, suites_text
from pipelines.settings import PROJECT


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return load_agreement(PROJECT / "definitions_contract" / "agreement")


def test_the_data_contract_is_read_by_the_standards_model(agreement: Agreement) -> None:
    contract = OpenDataContractStandard.from_string(odcs_text(agreement))

    tables = {table.physicalName: table for table in contract.schema_ or []}
    assert (contract.apiVersion, contract.kind, contract.status) == ("v3.1.0", "DataContract", "active")
    assert set(tables) == {table.fullname for table in CONTRACTED}
    verdicts = {column.name: column for column in tables["kpi.meeting_verdicts"].properties or []}
    assert verdicts["meeting_id"].primaryKey is True
    assert verdicts["verdict"].description == "valid, invalid or pending"


def test_the_rules_in_force_stand_at_the_table_that_they_judge(agreement: Agreement) -> None:
    contract = OpenDataContractStandard.from_string(odcs_text(agreement))

    (judged,) = (table for table in contract.schema_ or [] if table.quality)
    assert judged.physicalName == "core.meetings"
    assert [quality.name for quality in judged.quality or []] == [
        f"valid_meeting_v2_{rule.id}" for rule in agreement.definitions[1].rules
    ]
    first = json.loads((judged.quality or [])[0].implementation)
    assert first["kwargs"] == {"column": "outcome", "value_set": ["held"]}


def test_an_unsigned_version_is_not_exported(agreement: Agreement) -> None:
    proposed = agreement.definitions[1].model_copy(update={"signatures": ()})
    before = agreement.model_copy(update={"definitions": (agreement.definitions[0], proposed)})

    assert "valid_meeting_v1_held" in odcs_text(before)
    assert "valid_meeting_v2_held" not in odcs_text(before)


def test_great_expectations_loads_the_suite_again(agreement: Agreement) -> None:
    import great_expectations as gx

    written = json.loads(suites_text(agreement))

    gx.get_context(mode="ephemeral")
    suite = gx.ExpectationSuite(**written)
    assert suite.name == "valid_meeting_v2"
    rules = {expectation.meta["rule"] for expectation in suite.expectations if expectation.meta}
    assert rules == {rule.id for rule in agreement.definitions[1].rules}


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export", "--format", "odcs", "--out", str(tmp_path / "contract.yaml")])

    assert result.exit_code == 0
    assert (tmp_path / "contract.yaml").read_text(encoding="utf-8").startswith("apiVersion: v3.1.0\n")
