"""The demo month in an in-memory warehouse, and its board."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement
from pipelines.board.render import render_board
from pipelines.warehouse import Warehouse


def _load_demo() -> ModuleType:
    """Import the factory beside this file: test folders are no packages."""
    name = "board_demo"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("demo.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def demo() -> ModuleType:
    return _load_demo()


@pytest.fixture(scope="session")
def agreement(demo: ModuleType) -> Agreement:
    return demo.load_demo_agreement()


@pytest.fixture(scope="session")
def filled(demo: ModuleType) -> Iterator[Warehouse]:
    """The demo month; tests that change a row do so inside `connection`, which is rolled back."""
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    with warehouse.engine.connect() as connection:
        demo.fill_warehouse(connection)
        connection.commit()
    yield warehouse
    warehouse.engine.dispose()


@pytest.fixture
def connection(filled: Warehouse) -> Iterator[sa.Connection]:
    with filled.engine.connect() as opened, opened.begin() as transaction:
        yield opened
        transaction.rollback()


@pytest.fixture
def empty_connection() -> Iterator[sa.Connection]:
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    with warehouse.engine.connect() as opened:
        yield opened
    warehouse.engine.dispose()


Render = Callable[..., str]


@pytest.fixture
def render(demo: ModuleType, agreement: Agreement) -> Render:
    """Render with the demo's day, unless another is asked for."""

    def render(opened: sa.Connection, *, agreed: Agreement = agreement, as_of: date = demo.AS_OF) -> str:
        return render_board(opened, agreed, as_of=as_of, built_at=demo.BUILT_AT)

    return render


@pytest.fixture
def html(connection: sa.Connection, render: Render) -> str:
    return render(connection)
