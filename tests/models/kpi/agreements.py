"""Definitions and KPIs with one change each, signed in memory."""

from datetime import date
from typing import Any

from definitions_contract.schema import Agreement, Definition, Kpi, KpiAgreement, Rule
from definitions_contract.signing import with_signatures
from tests.models.factories import BOTH, an_agreement, label

HELD = {"expectation": "expect_column_values_to_be_in_set", "kwargs": {"column": "outcome", "value_set": ["held"]}}


def a_rule(**changes: Any) -> Rule:
    """A critical rule: the meeting was held."""
    return Rule(**({"id": "held", "label": label("held"), **HELD} | changes))


def a_definition(*rules: Rule, **changes: Any) -> Definition:
    """A version of valid_meeting that both departments signed."""
    values: dict[str, Any] = {
        "name": "valid_meeting",
        "version": 1,
        "effective_from": date(2024, 4, 1),
        "counted_on": "held_date",
        "agreed_between": BOTH,
        "why": "A test.",
        "rules": rules or (a_rule(),),
    }
    definition = with_signatures(Definition(**(values | changes)), dict.fromkeys(BOTH, "Somebody"), date(2024, 3, 1))
    assert isinstance(definition, Definition)
    return definition


def a_kpi(**changes: Any) -> Kpi:
    """Meetings held, by the day they were held."""
    values: dict[str, Any] = {
        "id": "meetings_held",
        "label": label("held"),
        "description": label("held"),
        "phase": "stable",
        "kind": "count",
        "unit": "meetings",
        "owner": "inside_sales",
        "numerator": {"event": "meetings", "where": {"outcome": "held"}, "date": "held_date", "credit": "rep_id"},
    }
    return Kpi(**(values | changes))


def agreed(*kpis: Kpi, definitions: tuple[Definition, ...] = (), **changes: Any) -> Agreement:
    """An agreement with these KPIs and definitions."""
    return an_agreement(kpis=KpiAgreement(agreed_between=BOTH, kpis=kpis), definitions=definitions, **changes)
