"""The agreement for its neighbours: an Open Data Contract (ODCS) of what is published, and Great Expectations suites.

Both are read off the signed text and the tables' comments, so neither can say something else than the product does.
"""

import json
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

import sqlalchemy as sa
from ruamel.yaml import YAML

from definitions_contract.resolve import InForce, in_force
from definitions_contract.schema import Agreement, Rule
from definitions_contract.words import describe_rule
from models.tables import kpi_daily, kpi_periods, meeting_rule_results, meeting_verdicts, meetings, targets
from pipelines.publish import DATABASE_NAME, published_columns

ODCS_VERSION = "v3.1.0"
CONTRACT_ID = "inside-sales-kpi"
CONTRACTED = (meetings, meeting_verdicts, meeting_rule_results, kpi_daily, kpi_periods, targets)
FRESH_HOURS = 36  # a nightly copy that is older has been missed once
LOGICAL_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Numeric, "number"),
    (sa.Float, "number"),
    (sa.DateTime, "timestamp"),
    (sa.Date, "date"),
    (sa.String, "string"),
)


def odcs_text(agreement: Agreement) -> str:
    """Write the data contract as YAML."""
    yaml = YAML()
    yaml.width = 120
    stream = StringIO()
    plain = json.loads(json.dumps(odcs(agreement), default=str))  # names of tables are a text of SQLAlchemy's own
    yaml.dump(plain, stream)
    return stream.getvalue()


def odcs(agreement: Agreement) -> dict[str, Any]:
    """Give the data contract of the published tables; the rules in force stand at the table that they judge."""
    versions = [version for name in _names(agreement) for version in in_force(agreement, name)[-1:]]
    return {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": CONTRACT_ID,
        "name": "Inside sales KPIs",
        "version": ".".join(str(version.definition.version) for version in versions) or "0",
        "status": "active" if versions else "draft",
        "domain": "sales",
        "description": {
            "purpose": "Meetings, verdicts and KPIs of inside sales and field sales, by definitions that the departments signed.",
            "limitations": "Personal data stays in the warehouse unless the agreement names the column.",
            "usage": "Add numerators and denominators up, then divide; a ratio is never averaged.",
        },
        "servers": [{"server": "published", "type": "duckdb", "database": DATABASE_NAME, "schema": "kpi"}],
        "team": {"name": "kpi", "description": f"Agreed between {', '.join(_departments(agreement))}"},
        "slaProperties": [
            {"property": "latency", "value": FRESH_HOURS, "unit": "h", "element": f"{kpi_periods.name}.as_of"},
            {"property": "frequency", "value": 1, "unit": "d"},
        ],
        "customProperties": [
            {"property": f"{version.definition.name}Version", "value": version.definition.version}
            for version in versions
        ]
        + [{"property": "digests", "value": json.dumps(dict(agreement.digests), sort_keys=True)}],
        "schema": [_table(table, agreement, versions) for table in CONTRACTED],
    }


def suites(agreement: Agreement) -> dict[str, Any]:
    """Give the versions in force as Great Expectations suites, ready to be loaded there."""
    import great_expectations as gx

    from pipelines.rule_suite import build_suite

    gx.get_context(mode="ephemeral")  # a suite can only be filled where there is one
    found = [version for name in _names(agreement) for version in in_force(agreement, name)]
    names = {f"{v.definition.name}_v{v.definition.version}": v.definition.rules for v in found}
    return {name: build_suite(name, rules).to_json_dict() for name, rules in names.items()}


def suites_text(agreement: Agreement) -> str:
    """Write the suite in force as JSON; several by name when there is more than one definition or version."""
    found = suites(agreement)
    newest = {name: suite for name, suite in found.items() if name in _newest(agreement)}
    return json.dumps(next(iter(newest.values())) if len(newest) == 1 else newest, indent=2, ensure_ascii=False) + "\n"


def _newest(agreement: Agreement) -> frozenset[str]:
    return frozenset(
        f"{name}_v{version.definition.version}"
        for name in _names(agreement)
        for version in in_force(agreement, name)[-1:]
    )


def _names(agreement: Agreement) -> tuple[str, ...]:
    return tuple(dict.fromkeys(definition.name for definition in agreement.definitions))


def _departments(agreement: Agreement) -> Iterable[str]:
    return (department.label.en for department in agreement.team.departments)


def _table(table: sa.Table, agreement: Agreement, versions: Iterable[InForce]) -> dict[str, Any]:
    columns = published_columns(table, agreement.team.publish_personal_columns)
    keys = [column.name for column in table.primary_key]
    found: dict[str, Any] = {
        "name": table.name,
        "physicalName": table.fullname,
        "physicalType": "table",
        "logicalType": "object",
        "description": table.comment,
        "properties": [_column(column, keys) for column in columns],
    }
    rules = [
        _quality(version, rule)
        for version in versions
        if table is meetings and getattr(version.definition, "judges", "meetings") == "meetings"
        for rule in version.definition.rules
    ]
    return {**found, "quality": rules} if rules else found


def _column(column: sa.Column[Any], keys: list[str]) -> dict[str, Any]:
    kind = next(name for base, name in LOGICAL_TYPES if isinstance(column.type, base))
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": kind,
        "physicalType": str(column.type),
        "description": column.comment,
        "required": column.name in keys,
    }
    if column.name in keys:
        found |= {"primaryKey": True, "primaryKeyPosition": keys.index(column.name) + 1}
    return found


def _quality(version: InForce, rule: Rule) -> dict[str, Any]:
    implementation: Mapping[str, Any] = {
        "type": rule.expectation,
        "kwargs": dict(rule.kwargs),
        "meta": {"rule": rule.id},
    }
    return {
        "name": f"{version.definition.name}_v{version.definition.version}_{rule.id}",
        "description": f"{rule.label.en}: {describe_rule(rule, 'en')}",
        "dimension": "conformity",
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": json.dumps(implementation, ensure_ascii=False, sort_keys=True, default=str),
        "severity": rule.severity.value,
    }
