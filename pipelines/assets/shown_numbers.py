"""What does a number's asset show of itself in the catalogue? The month of each department, with its target, as a table."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from dagster import MetadataValue

from models.context import BuildContext
from models.tables import divergence, kpi_periods
from pipelines.warehouse import Warehouse

Row = Mapping[Any, Any]


def shown_numbers(warehouse: Warehouse, built: BuildContext, table: sa.Table) -> dict[str, MetadataValue]:
    """Give a table's numbers of the running month as Markdown; nothing for tables that hold none."""
    statement = _STATEMENTS.get(table.fullname)
    if statement is None:
        return {}
    with warehouse.transaction() as connection:
        rows = connection.execute(statement(built)).mappings().all()
    return {"this_month": MetadataValue.md(_markdown(rows))} if rows else {}


def _month_of(table: sa.Table, built: BuildContext) -> Any:
    c = table.c
    return sa.and_(
        c.period_kind == "month", c.period_start == built.as_of.replace(day=1), c.scope_kind.in_(("department", "team"))
    )


def _periods(built: BuildContext) -> sa.Select[Any]:
    c = kpi_periods.c
    return (
        sa.select(c.kpi_id, c.scope_id, c.actual, c.target, c.attainment, c.status)
        .where(_month_of(kpi_periods, built), c.actual.is_not(None))
        .order_by(c.scope_kind, c.scope_id, c.kpi_id)
    )


def _divergence(built: BuildContext) -> sa.Select[Any]:
    c = divergence.c
    return (
        sa.select(c.kpi_id, c.scope_id, c.actual, c.expected_to_date, c.forecast, c.target, c.p_reach, c.state)
        .where(_month_of(divergence, built), c.evaluated_date == built.as_of)
        .order_by(c.scope_kind, c.scope_id, c.kpi_id)
    )


_STATEMENTS: dict[str, Callable[[BuildContext], sa.Select[Any]]] = {
    kpi_periods.fullname: _periods,
    divergence.fullname: _divergence,
}


def _markdown(rows: list[Row] | Any) -> str:
    names = list(rows[0])
    lines = [_line(names), _line(["---"] * len(names))]
    return "\n".join([*lines, *(_line([_cell(row[name]) for name in names]) for row in rows)])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    """Write a figure to four places; a bar in a name is no border of the table.

    >>> _cell(1234567.0), _cell(0.61234), _cell("a|b"), _cell(None)
    ('1,234,567', '0.6123', 'a/b', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("|", "/").replace("\n", " ")
    return f"{float(value):,.0f}" if abs(float(value)) >= 1000 else f"{float(value):.4g}"
