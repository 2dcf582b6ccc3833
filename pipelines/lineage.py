"""Which source columns a statement's columns come from: read off the SQLAlchemy tree, for Dagster's column lineage."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import AliasedReturnsRows, CompoundSelect, SelectBase

Source = tuple[str, str]


def column_lineage(statement: SelectBase) -> dict[str, set[Source]]:
    """Map each column of a statement to the (table, column) pairs that its value is made of; joins and filters do not count.

    >>> calls = sa.Table("calls", sa.MetaData(), sa.Column("seconds"), sa.Column("owner"), schema="core")
    >>> per_owner = sa.select(calls.c.owner, sa.func.sum(calls.c.seconds).label("total")).group_by(calls.c.owner).cte()
    >>> column_lineage(sa.select((per_owner.c.total / 60).label("minutes")))
    {'minutes': {('core.calls', 'seconds')}}
    """
    seen: dict[tuple[int, str], set[Source]] = {}
    return {column.name: set(_sources(column, seen)) for column in _exported(statement)}


def _exported(statement: SelectBase) -> list[Any]:
    return list(statement.selected_columns)


def _sources(expression: Any, seen: dict[tuple[int, str], set[Source]]) -> Iterator[Source]:
    for element in visitors.iterate(expression):
        if not isinstance(element, sa.ColumnClause) or element.table is None:
            continue
        if isinstance(element.table, sa.Table):
            yield element.table.fullname, element.name
        else:
            yield from _inner_sources(element, seen)


def _inner_sources(column: Any, seen: dict[tuple[int, str], set[Source]]) -> set[Source]:
    """Follow a column of a subquery, CTE or alias to what stands inside; each is looked at once."""
    table = column.table
    key = (id(table), column.name)
    if key not in seen:
        seen[key] = set()
        for inner in _inner_columns(table, column.name):
            seen[key].update(_sources(inner, seen))
    return seen[key]


def _inner_columns(table: Any, name: str) -> Iterator[Any]:
    if not isinstance(table, AliasedReturnsRows):
        return
    element: Any = table.element
    if isinstance(element, sa.Table):
        yield element.c[name]
        return
    if not isinstance(element, SelectBase):
        return
    position = [column.name for column in element.selected_columns].index(name)
    parts = element.selects if isinstance(element, CompoundSelect) else [element]
    for part in parts:
        yield list(part.selected_columns)[position]
