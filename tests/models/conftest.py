"""A warehouse in memory with every table, for the models' tests."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from pipelines.warehouse import Warehouse


@pytest.fixture(scope="session")
def empty_warehouse() -> Iterator[Warehouse]:
    """Make the tables once: that takes longer than most tests."""
    opened = Warehouse(":memory:")
    opened.create_tables()
    yield opened
    opened.engine.dispose()


@pytest.fixture
def warehouse(empty_warehouse: Warehouse) -> Iterator[sa.Connection]:
    """Give a connection to an empty warehouse in memory, inside a transaction that is rolled back afterwards."""
    with empty_warehouse.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
