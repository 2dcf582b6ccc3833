"""A condition in SQL of a signed rule as an expression over the rows: columns are looked up, values are bound, nothing is pasted.

definitions_contract/sql_conditions.py says what is allowed, and evaluates the same tree in plain Python.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Text,
    and_,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    true,
)
from sqlalchemy.sql.elements import Grouping
from sqlglot import exp

from definitions_contract.sql_conditions import COMPARED, SqlConditionError, constant
from models.duckdb import days_between, wide

Column = ColumnElement[Any]


def sql_expression(condition: exp.Expression, rows: FromClause) -> Column:
    """Turn a parsed condition into an expression with SQL's three values."""
    return _expression(condition, rows)


def _expression(node: exp.Expression, rows: FromClause) -> Column:
    match node:
        case exp.Paren():
            return _expression(node.this, rows)
        case exp.Column():
            return rows.c[node.name]
        case exp.Boolean():
            return true() if node.this else false()
        case exp.Null():
            return null()
        case exp.Literal() | exp.Cast() | exp.Neg(this=exp.Literal()):
            return literal(_written(node))
    if type(node) in COMPARED:
        compared: Column = COMPARED[type(node)](_expression(node.this, rows), _expression(node.expression, rows))
        return compared
    build = BUILT.get(type(node))
    if build is None:
        raise SqlConditionError(f"{node.sql()} is not allowed")
    return build([_expression(part, rows) for part in _parts(node)])


def _written(node: exp.Expression) -> Any:
    """Read a value with its sign: the least whole number is one, and its amount alone is too large to be turned."""
    value: Any = constant(node.this if isinstance(node, exp.Neg) else node)
    return -value if isinstance(node, exp.Neg) else value


def _parts(node: exp.Expression) -> list[exp.Expression]:
    named = [node.args.get(name) for name in ("this", "expression", "low", "high")]
    return [part for part in (*named, *node.expressions) if isinstance(part, exp.Expression)]


def _difference(first: Column, second: Column) -> Column:
    """Days between two days, or a difference of figures."""
    return days_between(second, first) if isinstance(first.type, Date) else wide(first) - second


BUILT: Mapping[type[exp.Expression], Callable[[list[Column]], Column]] = {
    exp.And: lambda parts: and_(*parts),
    exp.Or: lambda parts: or_(*parts),
    # in brackets: SQLAlchemy writes `NOT x IS NULL` of a column, which asks whether x is there
    exp.Not: lambda parts: Grouping(not_(parts[0])),
    exp.Is: lambda parts: parts[0].is_(parts[1]),
    exp.In: lambda parts: parts[0].in_(parts[1:]),
    exp.Between: lambda parts: parts[0].between(parts[1], parts[2]),
    exp.Add: lambda parts: wide(parts[0]) + parts[1],
    exp.Sub: lambda parts: _difference(*parts),
    exp.Mul: lambda parts: wide(parts[0]) * parts[1],
    exp.Neg: lambda parts: -wide(parts[0]),
    exp.Abs: lambda parts: func.abs(wide(parts[0]), type_=parts[0].type),
    exp.Lower: lambda parts: func.lower(parts[0], type_=Text()),
    exp.Length: lambda parts: func.length(parts[0], type_=BigInteger()),
    exp.Coalesce: lambda parts: func.coalesce(*parts),
}
