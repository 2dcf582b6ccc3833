"""Expressions that two or more models share, in SQL that every engine understands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.types import TypeEngine

UNKNOWN = "unknown"
COMPANY_SIZES = (
    (1000, "1000+"),
    (300, "300-999"),
    (50, "50-299"),
    (1, "1-49"),
)  # least number of employees, largest first


def ratio(numerator: ColumnElement[Any], denominator: ColumnElement[Any]) -> ColumnElement[Any]:
    """Divide as doubles; without a denominator the answer is NULL, never 0 and never NaN."""
    return cast(numerator, Double) / func.nullif(cast(denominator, Double), 0)


def in_period(day: ColumnElement[Any], start: Any, end: Any) -> ColumnElement[bool]:
    """Tell whether a day lies in the half-open period [start, end)."""
    return and_(day >= start, day < end)


def or_unknown(value: ColumnElement[Any]) -> ColumnElement[str]:
    """Give the value, or `unknown` where none is recorded: such rows are shown and counted, never dropped."""
    return func.coalesce(value, UNKNOWN, type_=Text())


def core_id(connection: ColumnElement[Any], crm_id: ColumnElement[Any]) -> ColumnElement[str]:
    """Give the id in core: "<connection>:<crm_id>", NULL without a CRM id."""
    # no bound value: it would be another one in GROUP BY, and so another expression
    separator: ColumnElement[str] = literal_column("':'")
    return connection.concat(separator).concat(crm_id)


def company_size(employees: ColumnElement[Any]) -> ColumnElement[str]:
    """Give the size band of a company by its number of employees; no number, or none above 0, is unknown."""
    bands = [(employees >= least, band) for least, band in COMPANY_SIZES]
    return case(*bands, else_=UNKNOWN)


def no_rows(table: Table) -> Select[Any]:
    """Give a statement with the columns of a table and no row: what a model says when nothing was agreed."""
    return select(*(cast(null(), column.type).label(column.name) for column in table.columns)).where(false())


def inline_rows(name: str, columns: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[Any]]) -> CTE:
    """Give a few rows of the agreement as a table in the statement; without rows an empty one."""
    selects = [
        select(
            *(
                cast(literal(value, kind), kind).label(key)
                for (key, kind), value in zip(columns.items(), row, strict=True)
            )
        )
        for row in rows
    ]
    nothing = select(*(cast(null(), kind).label(key) for key, kind in columns.items())).where(false())
    return (union_all(*selects) if selects else nothing).cte(name)
