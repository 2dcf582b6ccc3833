"""The store's table as SQLAlchemy sees it: filters out of requests become expressions with bound values, never text."""

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Integer, MetaData, Table, Text, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

RECORDS: Final = Table(
    "records",
    MetaData(),
    Column("object", Text),
    Column("id", Text),
    Column("created_ms", Integer),
    Column("modified_ms", Integer),
    Column("is_deleted", Integer),
    Column("deleted_ms", Integer),
    Column("properties", Text),
    Column("history", Text),
    Column("crm", Text),
    Column("rowid", Integer),
)
RECORD_COLUMNS: Final = tuple(RECORDS.c[name] for name in (
    "object", "id", "created_ms", "modified_ms", "is_deleted", "deleted_ms", "properties", "history"
))  # fmt: skip
"""What `Store.records` reads, in its order."""

_DIALECT = sqlite.dialect(paramstyle="named")


def property_of(name: str, table: Any = RECORDS) -> ColumnElement[Any]:
    """The value of one property out of a record's JSON."""
    return func.json_extract(table.c.properties, f'$."{name}"')


def compiled(statement: Executable) -> tuple[str, dict[str, Any]]:
    """The statement's SQLite text and its bound values."""
    if not isinstance(statement, ClauseElement):
        raise TypeError(f"cannot compile a {type(statement).__name__}; pass a select()")
    result = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(result), dict(result.params)
