"""What do the ids mean? One row per KPI, and one per rule of each signed version, in words of both languages.

For readers of the published copy, who do not have the agreement at hand: numbers and verdicts carry ids only.
"""

from typing import Any

from sqlalchemy import Connection

from definitions_contract.resolve import InForce, definition_names, in_force
from definitions_contract.schema import Agreement, Kpi, Rule
from definitions_contract.signing import signed_date
from definitions_contract.words import describe_rule
from models.context import BuildContext, Model, Rows
from models.tables import definition_rules, kpis


def build_kpis(_connection: Connection, context: BuildContext) -> Rows:
    """Give every KPI of the agreement, in its order."""
    return [_kpi(kpi, number) for number, kpi in enumerate(context.agreement.kpis.kpis, start=1)]


def build_definition_rules(_connection: Connection, context: BuildContext) -> Rows:
    """Give every rule of every version that holds on some days; a proposed or broken one holds on none."""
    return [
        _rule(version, rule, number)
        for version in _versions(context.agreement)
        for number, rule in enumerate(version.definition.rules, start=1)
    ]


def _versions(agreement: Agreement) -> list[InForce]:
    return [version for name in definition_names(agreement) for version in in_force(agreement, name)]


def _kpi(kpi: Kpi, number: int) -> dict[str, Any]:
    return {
        "kpi_id": kpi.id,
        "display_order": number,
        "label_en": kpi.label.en,
        "label_ja": kpi.label.ja,
        "description_en": kpi.description.en,
        "description_ja": kpi.description.ja,
        "phase": kpi.phase,
        "kind": kpi.kind,
        "unit": kpi.unit,
        "better": kpi.better,
        "definition": kpi.definition,
        "department": kpi.owner,
        "guard_kpi_id": kpi.guard,
    }


def _rule(version: InForce, rule: Rule, number: int) -> dict[str, Any]:
    return {
        "definition": version.definition.name,
        "version": version.definition.version,
        "rule_id": rule.id,
        "display_order": number,
        "label_en": rule.label.en,
        "label_ja": rule.label.ja,
        "condition_en": describe_rule(rule, "en"),
        "condition_ja": describe_rule(rule, "ja"),
        "severity": rule.severity.value,
        "valid_from": version.start,
        "valid_to": version.end,
        "agreed_by": ",".join(version.definition.agreed_between),
        "agreed_date": signed_date(version.definition),
    }


KPIS = Model(table=kpis, reads=(), rows=build_kpis, group="kpi")
RULES = Model(table=definition_rules, reads=(), rows=build_definition_rules, group="kpi")
MODELS = (KPIS, RULES)
