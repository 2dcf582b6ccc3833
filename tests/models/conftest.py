"""A warehouse in memory with every table, for the models' tests."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from pipelines.warehouse import Warehouse


@pytest.fixture
def warehouse() -> Iterator[sa.Connection]:
    """Give a connection to an empty warehouse in memory, inside a transaction."""
    opened = Warehouse(":memory:")
    opened.create_tables()
    with opened.transaction() as connection:
        yield connection
    opened.engine.dispose()
