"""Every example of docs/agreement.md is one that an agreement may use."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from definitions_contract.conditions import parse_row_condition
from definitions_contract.documents import parse_document
from definitions_contract.expectations import EXPECTATIONS
from definitions_contract.rule_checks import check_rule
from definitions_contract.schema import Label, Rule

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "agreement.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\|[^|]*\| `(expect_\w+)`.*\| `(\{.*\})` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("expectation", "kwargs"), ROWS)
def test_an_example_of_the_page_is_accepted(expectation: str, kwargs: str) -> None:
    arguments: dict[str, Any] = YAML(typ="safe").load(kwargs)
    rule = Rule(id="r", label=Label(ja="r", en="r"), expectation=expectation, kwargs=arguments)
    document = parse_document("name: x", "valid_meeting/v1.yaml")

    assert [issue.text() for issue in check_rule(document, ("rules", 0), rule, "meetings")] == []


def test_the_page_has_every_expectation() -> None:
    said = PAGE.replace("`..._to_", "`expect_column_values_to_")

    assert [name for name in EXPECTATIONS if f"`{name}`" not in said] == []


def test_the_row_condition_of_the_page_is_readable() -> None:
    (condition,) = re.findall(r"such as `(col.*?)`\.", PAGE)

    assert parse_row_condition(condition) is not None
