from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
import sqlglot

from definitions_contract.schema import RateSource
from models.build import CORE, MODELS
from models.context import ConnectionFacts, Model
from models.tables import calendar, exchange_rates
from tests.models.factories import CONNECTIONS, a_context, an_agreement


def test_every_core_table_is_built_from_nothing(build: Callable[..., None], rows: Callable[..., list[Any]]) -> None:
    build(with_calendar=True)

    assert [model.table.name for model in CORE if rows(model.table, *model.table.columns.keys())] == [
        calendar.name,
        exchange_rates.name,
    ]


def test_models_are_listed_once_and_after_what_they_read() -> None:
    built: set[str] = set()
    for model in MODELS:
        assert model.table.fullname not in built
        waiting = {table.fullname for table in model.reads if table.schema in {"core", "kpi"}} - built
        assert not waiting, f"{model.table.fullname} is built before {waiting}"
        built.add(model.table.fullname)


@pytest.mark.parametrize("model", [one for one in CORE if one.statement], ids=lambda one: one.table.name)
def test_a_statement_reads_only_what_its_model_says(model: Model) -> None:
    assert model.statement is not None
    an_export = ConnectionFacts(name="export", crm="files", record_url="")
    agreement = an_agreement()
    team = agreement.team.model_copy(update={"exchange_rates_from": RateSource.CRM})
    everything = a_context(connections=(*CONNECTIONS, an_export), agreement=agreement.model_copy(update={"team": team}))
    found = {
        element.fullname
        for element in sa.sql.visitors.iterate(model.statement(everything))
        if isinstance(element, sa.Table)
    }

    assert found == {table.fullname for table in model.reads}


@pytest.mark.parametrize("model", [one for one in CORE if one.statement], ids=lambda one: one.table.name)
def test_a_statement_can_be_said_in_spark_sql(model: Model, warehouse: sa.Connection) -> None:
    assert model.statement is not None
    compiled = model.statement(a_context()).compile(warehouse, compile_kwargs={"literal_binds": True})

    assert sqlglot.transpile(str(compiled), read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
