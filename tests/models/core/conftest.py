"""Core built from typed raw rows."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from models.build import CORE
from models.context import BuildContext
from models.tables import calendar
from pipelines.warehouse import write_model
from tests.models.factories import a_context

Build = Callable[..., None]


@pytest.fixture
def build(warehouse: sa.Connection) -> Build:
    """Build every core table from what stands in raw; the calendar only when asked: no other one reads it."""

    def run(context: BuildContext | None = None, *, with_calendar: bool = False) -> None:
        for model in CORE:
            if with_calendar or model.table is not calendar:
                write_model(warehouse, model, context or a_context())

    return run


@pytest.fixture
def rows(warehouse: sa.Connection) -> Callable[..., list[tuple[Any, ...]]]:
    """Read columns of a table, in order."""

    def read(table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
        query = sa.select(*(table.c[name] for name in columns))
        return sorted((tuple(row) for row in warehouse.execute(query)), key=str)

    return read
