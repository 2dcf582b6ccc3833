"""What do the ids mean? One row per KPI, per rule of each signed version, and per scope, in words of both languages.

For readers of the published copy, who do not have the agreement at hand: numbers and verdicts carry ids only.
"""

from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.resolve import InForce, definition_names, in_force
from definitions_contract.schema import Agreement, Kpi, Label, Rule, ScopeKind
from definitions_contract.signing import signed_date
from definitions_contract.words import describe_rule
from models.context import BuildContext, Model, Rows
from models.expressions import UNKNOWN
from models.tables import definition_rules, kpis, reps, scopes

NOBODY = Label(ja="不明", en="Unknown")


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


def build_scopes(connection: Connection, context: BuildContext) -> Rows:
    """Give every department and team of the agreement, every rep, and for each kind what numbers of nobody's are told for."""
    team = context.agreement.team
    departments = [_scope("department", one.id, one.label, department=one.id) for one in team.departments]
    teams = [_scope("team", one.id, one.label, department=one.department, team=one.id) for one in team.teams]
    people = connection.execute(select(reps.c.rep_id, reps.c.name, reps.c.department, reps.c.team)).all()
    named = [(row, Label(ja=row.name or row.rep_id, en=row.name or row.rep_id)) for row in people]
    every_rep = [_scope("rep", row.rep_id, label, row.department, row.team) for row, label in named]
    return (
        departments + teams + every_rep + [_scope(kind.value, UNKNOWN, NOBODY, UNKNOWN, UNKNOWN) for kind in ScopeKind]
    )


def _scope(kind: str, scope_id: str, label: Label, department: str | None, team: str | None = None) -> dict[str, Any]:
    return {
        "scope_kind": kind,
        "scope_id": scope_id,
        "label_en": label.en,
        "label_ja": label.ja,
        "department": department,
        "team": team,
    }


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
SCOPES = Model(table=scopes, reads=(reps,), rows=build_scopes, group="kpi")
MODELS = (KPIS, RULES, SCOPES)
