"""A warehouse with a calendar, and a definition and KPIs to judge and count with."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.periods import BusinessCalendar
from models import tables
from models.context import BuildContext, Model
from pipelines.warehouse import insert_rows, write_model

CALENDAR = BusinessCalendar("JP", fiscal_year_start_month=4)


def calendar_rows() -> list[dict[str, Any]]:
    """Give core.calendar from 2024-04-01 up to 2028-03-31."""
    return [
        {name: getattr(day, name) for name in tables.calendar.columns.keys()}  # noqa: SIM118 - columns, no dict
        for day in CALENDAR.days(date(2024, 4, 1), date(2028, 4, 1))
    ]


@pytest.fixture
def with_calendar(warehouse: sa.Connection) -> sa.Connection:
    """Give the warehouse with its calendar."""
    insert_rows(warehouse, tables.calendar, calendar_rows())
    return warehouse


@pytest.fixture
def build(with_calendar: sa.Connection) -> Callable[[Model, BuildContext], list[dict[str, Any]]]:
    """Build a model and give its rows."""

    def run(model: Model, context: BuildContext) -> list[dict[str, Any]]:
        write_model(with_calendar, model, context)
        return [dict(row) for row in with_calendar.execute(sa.select(model.table)).mappings()]

    return run
