"""Every model says which tables it reads: Dagster's order, and what is built again after a change, rest on it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from definitions_contract.schema import Agreement
from models import tables
from models.build import MODELS
from models.context import Model
from pipelines.warehouse import insert_rows, write_model
from tests.models.factories import a_call, a_context, a_deal, a_meeting, an_email, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, a_rule, agreed

SUBJECTS = {
    "calls": ("called_date", "disposition"),
    "emails": ("sent_date", "lead_source"),
    "deals": ("close_date", "status"),
    "meetings": ("held_date", "outcome"),
}
NOT_BUILT_FROM = {  # read, and no reason to be built later
    "kpi.record_history": {"kpi.snapshots"},  # of earlier nights
    "ops.check_results": {table.fullname for table in tables.metadata.tables.values()},  # every table's keys are proven
}
LINKED = ("contact_title", "employee_count", "rep_team", "rep_is_ramping")


def an_agreement_that_uses_everything() -> Agreement:
    """Definitions of every kind of record, each asking the linked columns and counted by a KPI, and a second one of meetings."""
    definitions, kpis = [], []
    for event, (day, column) in SUBJECTS.items():
        asked = [a_rule(id="own", expectation="expect_column_values_to_not_be_null", kwargs={"column": column})]
        linked = (*LINKED, "deal_status") if event == "meetings" else LINKED
        asked += [
            a_rule(id=f"l{n}", expectation="expect_column_values_to_not_be_null", kwargs={"column": name})
            for n, name in enumerate(linked)
        ]
        for name in (f"valid_{event}", *(["valid_meeting"] if event == "meetings" else [])):
            definitions.append(a_definition(*asked, name=name, judges=event, counted_on=day))
            numerator = {"event": event, "where": {"verdict": "valid"}, "date": day, "credit": "rep_id"}
            kpis.append(a_kpi(id=f"k_{name}", definition=name, unit=event, numerator=numerator))
    return agreed(*kpis, definitions=tuple(definitions))


@pytest.fixture
def read_by_model(with_calendar: sa.Connection) -> Mapping[str, set[str]]:
    """Build every model and give the tables that each one asked."""
    insert_rows(with_calendar, tables.meetings, [a_meeting()])
    insert_rows(with_calendar, tables.calls, [a_call()])
    insert_rows(with_calendar, tables.emails, [an_email()])
    insert_rows(with_calendar, tables.deals, [a_deal()])
    insert_rows(with_calendar, tables.reps, [row_of(tables.reps, rep_id="hs:r1")])
    context = a_context(agreement=an_agreement_that_uses_everything())
    found: dict[str, set[str]] = {}
    asked: list[str] = []

    def listen(_connection: Any, statement: Any, *_others: Any) -> None:
        asked.extend(_tables_of(statement))

    sa.event.listen(with_calendar, "before_execute", listen)
    for model in MODELS:
        if model.group == "core":
            continue  # their rows are here already
        asked.clear()
        write_model(with_calendar, model, context)
        found[model.table.fullname] = set(asked) - {model.table.fullname}
    return found


def test_every_model_names_the_tables_that_it_reads(read_by_model: Mapping[str, set[str]]) -> None:
    said = {model.table.fullname: {table.fullname for table in model.reads} for model in _later()}

    silent = {
        name: sorted(asked - said[name] - NOT_BUILT_FROM.get(name, set())) for name, asked in read_by_model.items()
    }
    assert {name: missed for name, missed in silent.items() if missed} == {}
    assert "kpi.verdicts" in read_by_model["kpi.kpi_daily"] & read_by_model["kpi.record_history"]


def _later() -> list[Model]:
    return [model for model in MODELS if model.group != "core"]


def _tables_of(statement: Any) -> Iterator[str]:
    if isinstance(statement, sa.sql.ClauseElement):
        for element in visitors.iterate(statement):
            if isinstance(element, sa.Table):
                yield element.fullname
