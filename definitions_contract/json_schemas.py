"""What an editor needs to complete and check the agreement's files: one JSON Schema each, made from the models.

`python -m definitions_contract.json_schemas` writes them anew; a test fails while they are behind the models.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from definitions_contract.expectations import EXPECTATIONS
from definitions_contract.schema import Definition, KpiAgreement, PhaseAgreement, TargetAgreement, TeamAgreement
from definitions_contract.vocabulary import EVENT_COLUMNS, credit_columns, measure_columns, rule_columns

FOLDER = Path(__file__).parent / "schemas"
MODELS: Mapping[str, type[BaseModel]] = {
    "team": TeamAgreement,
    "kpis": KpiAgreement,
    "targets": TargetAgreement,
    "phases": PhaseAgreement,
    "definition": Definition,
}


def schema_texts() -> dict[str, str]:
    """Give the text of every schema by its file name."""
    return {f"{name}.schema.json": _text(_schema(model)) for name, model in MODELS.items()}


def write_schemas(folder: Path) -> None:
    """Write every schema into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text, encoding="utf-8")


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Add to pydantic's schema what the vocabulary allows: expectations, their arguments, columns."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    definitions = schema.get("$defs", {})
    if "Rule" in definitions:
        properties = definitions["Rule"]["properties"]
        properties["expectation"]["enum"] = sorted(EXPECTATIONS)
        properties["kwargs"] = {**properties["kwargs"], "properties": _arguments(), "additionalProperties": False}
    if "Measure" in definitions:
        events = ("calls", "emails", "meetings", "deals")
        columns = sorted({column for event in events for column in measure_columns(event)})
        properties = definitions["Measure"]["properties"]
        properties["date"]["enum"] = [column for column in columns if column.endswith("_date")]
        properties["credit"]["enum"] = sorted({column for event in events for column in credit_columns(event)})
        properties["where"]["propertyNames"] = {"enum": columns}
    return schema


def _arguments() -> dict[str, Any]:
    names = sorted(set().union(*(expectation.allowed for expectation in EXPECTATIONS.values())))
    known = {column for event in EVENT_COLUMNS for column in rule_columns(event)}
    columns = {
        "enum": sorted(known),
        "description": "A column of what the definition judges, or of what that is linked to",
    }
    flag = {"type": "boolean"}
    kinds: dict[str, Any] = {
        "column": columns,
        "column_A": columns,
        "column_B": columns,
        "condition": {"type": "string", "description": "such as minutes >= 30 or deal_id is not null"},
        "mostly": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "or_equal": flag,
        "strict_max": flag,
        "strict_min": flag,
        "regex": {"type": "string"},
        "row_condition": {"type": "string", "description": 'such as col("outcome")=="held"'},
        "value_pairs_set": {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 2, "maxItems": 2}},
        "value_set": {"type": "array", "minItems": 1},
    }
    return {name: kinds.get(name, {}) for name in names}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    write_schemas(FOLDER)
