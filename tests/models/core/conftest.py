"""Core built from typed raw rows."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from models.build import CORE
from models.context import BuildContext
from pipelines.warehouse import write_model
from tests.models.factories import a_context

Build = Callable[..., None]


@pytest.fixture
def build(warehouse: sa.Connection) -> Build:
    """Build every core table from what stands in raw."""

    def run(context: BuildContext | None = None) -> None:
        for model in CORE:
            write_model(warehouse, model, context or a_context())

    return run


@pytest.fixture
def rows(warehouse: sa.Connection) -> Callable[..., list[tuple[Any, ...]]]:
    """Read columns of a table, in order."""

    def read(table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
        query = sa.select(*(table.c[name] for name in columns))
        return sorted((tuple(row) for row in warehouse.execute(query)), key=str)

    return read
