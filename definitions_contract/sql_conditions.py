"""The escape from the vocabulary: one condition in SQL, read into a tree of allowed parts and never pasted.

`parse_sql_condition` accepts comparisons, `between`, `in`, `is null`, `and`, `or`, `not`, + - *, day differences (date - date), days
(`date '2026-10-01'`), coalesce, lower, length and abs, over the columns that a rule may use. Everything else is refused: subqueries, other
functions, casts, two statements. Both sides of a comparison are of one kind, so that no engine converts anything.

The condition has three values, as SQL has: true passes, false fails, and NULL says that there is no answer yet.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from definitions_contract.vocabulary import Kind

SQL_CONDITION_FORM = (
    "columns of the record, texts, numbers, true, false, date '2026-10-01', = <> < <= > >= between in is null, and or not, + - *, "
    "coalesce lower length abs"
)
COMPARED: Mapping[type[exp.Expression], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
CALCULATED: Mapping[type[exp.Expression], Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}
MOST_NODES = 200  # a condition longer than this is nothing that two departments can agree on

Value = bool | int | Decimal | str | date | None


class SqlConditionError(Exception):
    """The text is no condition that a rule may ask; the message says which part is not allowed."""


@lru_cache(maxsize=256)
def parse_sql_condition(text: str) -> exp.Expression:
    """Read a condition; SqlConditionError unless it is one expression. `kind_of` says whether its parts fit."""
    try:
        statements = parse(f"SELECT 1 WHERE ({text}\n)", read="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise SqlConditionError("no SQL condition") from error
    where = _where(statements)
    if where is None or not isinstance(where.this, exp.Paren):
        raise SqlConditionError("no single condition")
    if len(list(where.walk())) > MOST_NODES:
        raise SqlConditionError(f"more than {MOST_NODES} parts")
    condition = where.this.this
    if not isinstance(condition, exp.Expression):
        raise SqlConditionError("no SQL condition")
    return condition


def sql_columns(condition: exp.Expression) -> tuple[str, ...]:
    """Columns in it, each once, in the order of the text."""
    return tuple(dict.fromkeys(column.name for column in condition.find_all(exp.Column, bfs=False)))


def check_sql_condition(condition: exp.Expression, columns: Mapping[str, Kind]) -> None:
    """Refuse what is not on the list, and what compares two kinds."""
    if kind_of(condition, columns) != "boolean":
        raise SqlConditionError(f"{condition.sql()} is neither true nor false")


def holds_in_sql(condition: exp.Expression, row: Mapping[str, Any]) -> bool | None:
    """Evaluate in plain Python, with SQL's three values; None is NULL."""
    value = _value(condition, row)
    return None if value is None else bool(value)


# --- which kind has each part, if it may be there at all ------------------------------------------------------------


def kind_of(node: exp.Expression, columns: Mapping[str, Kind]) -> Kind | None:
    """Say what kind a part has (a point in time is a timestamp, every figure a number); None is the kind of NULL."""
    match node:
        case exp.Paren():
            return kind_of(node.this, columns)
        case exp.Column():
            return _kind_of_column(node, columns)
        case exp.And() | exp.Or() | exp.Not():
            _same_kinds(node, columns, "boolean")
            return "boolean"
        case exp.Is():
            return _kind_of_is(node, columns)
        case exp.Between() | exp.In():
            _only(node, {"this", "low", "high", "expressions"})
            _ordered_unless(isinstance(node, exp.In), _same_kinds(node, columns), node)
            return "boolean"
    if type(node) in COMPARED:
        is_equality = isinstance(node, exp.EQ | exp.NEQ)
        _ordered_unless(is_equality, _same_kinds(node, columns), node)
        return "boolean"
    return _kind_of_value(node, columns)


def _kind_of_value(node: exp.Expression, columns: Mapping[str, Kind]) -> Kind | None:
    match node:
        case exp.Boolean() | exp.Null():
            return "boolean" if isinstance(node, exp.Boolean) else None
        case exp.Literal():
            return "text" if node.is_string else "number"
        case exp.Cast():
            return _kind_of_day(node)
    if type(node) in CALCULATED:
        return _kind_of_sum(node, columns)
    return _kind_of_function(node, columns)


def _kind_of_function(node: exp.Expression, columns: Mapping[str, Kind]) -> Kind | None:
    match node:
        case exp.Neg() | exp.Abs():
            return _same_kinds(node, columns, "number")
        case exp.Lower():
            return _same_kinds(node, columns, "text")
        case exp.Length():
            _only(node, {"this"})
            _same_kinds(node, columns, "text")
            return "number"
        case exp.Coalesce():
            _only(node, {"this", "expressions"})
            return _same_kinds(node, columns)
    raise SqlConditionError(f"{node.sql()} is not allowed")


def _kind_of_column(node: exp.Column, columns: Mapping[str, Kind]) -> Kind:
    _only(node, {"this"})
    if node.name not in columns:
        raise SqlConditionError(f"no column {node.name}")
    return _figure(columns[node.name])


def _kind_of_is(node: exp.Is, columns: Mapping[str, Kind]) -> Kind:
    if isinstance(node.expression, exp.Null):
        kind_of(node.this, columns)
    elif isinstance(node.expression, exp.Boolean):
        _same_kinds(node, columns, "boolean")
    else:
        raise SqlConditionError(f"{node.sql()} is not allowed")
    return "boolean"


def _kind_of_day(node: exp.Cast) -> Kind:
    """A day is written DATE '2026-10-01'; no other conversion is allowed."""
    is_day = node.to.this is exp.DataType.Type.DATE and isinstance(node.this, exp.Literal) and node.this.is_string
    if not is_day:
        raise SqlConditionError(f"{node.sql()} is not allowed")
    try:
        date.fromisoformat(node.this.name)
    except ValueError as error:
        raise SqlConditionError(f"{node.this.name} is no day") from error
    return "date"


def _kind_of_sum(node: exp.Expression, columns: Mapping[str, Kind]) -> Kind | None:
    kinds = (kind_of(node.this, columns), kind_of(node.expression, columns))
    if isinstance(node, exp.Sub) and kinds == ("date", "date"):
        return "number"
    return _same_kinds(node, columns, "number")


def _same_kinds(node: exp.Expression, columns: Mapping[str, Kind], wanted: Kind | None = None) -> Kind | None:
    kinds = {kind for part in _parts(node) if (kind := kind_of(part, columns)) is not None}
    if len(kinds) > 1 or (wanted is not None and kinds - {wanted}):
        raise SqlConditionError(f"{node.sql()} mixes {' and '.join(sorted({*kinds, *([wanted] if wanted else [])}))}")
    return kinds.pop() if kinds else wanted


def _ordered_unless(is_equality: bool, kind: Kind | None, node: exp.Expression) -> None:
    if not is_equality and kind == "boolean":
        raise SqlConditionError(f"{node.sql()} orders true and false")


def _only(node: exp.Expression, names: set[str]) -> None:
    given = set(_given(node)) - names
    if given:
        raise SqlConditionError(f"{node.sql()} is not allowed")


def _where(statements: list[Any]) -> exp.Where | None:
    """Give the condition of the one statement, unless the text added another clause or a second statement to it."""
    is_one = len(statements) == 1 and isinstance(statements[0], exp.Select)
    if not is_one or set(_given(statements[0])) != {"expressions", "where"}:
        return None
    where = statements[0].args["where"]
    return where if isinstance(where, exp.Where) else None


def _given(node: exp.Expression) -> list[str]:
    return [name for name, value in node.args.items() if value not in (None, [], False)]


def _figure(kind: Kind) -> Kind:
    return "number" if kind == "integer" else kind


def _parts(node: exp.Expression) -> list[exp.Expression]:
    named = [node.args.get(name) for name in ("this", "expression", "low", "high")]
    return [part for part in (*named, *node.expressions) if isinstance(part, exp.Expression)]


# --- plain Python -----------------------------------------------------------------------------------------------------


def _value(node: exp.Expression, row: Mapping[str, Any]) -> Any:
    match node:
        case exp.Paren():
            return _value(node.this, row)
        case exp.Column():
            value = row.get(node.name)
            return Decimal(str(value)) if isinstance(value, float) else value
        case exp.Boolean() | exp.Literal() | exp.Cast() | exp.Null():
            return constant(node)
        case exp.Coalesce():
            return next((value for part in _parts(node) if (value := _value(part, row)) is not None), None)
    values = [_value(part, row) for part in _parts(node)]
    return _truth(node, values) if isinstance(node, _LOGICAL) or type(node) in COMPARED else _result(node, values)


def _truth(node: exp.Expression, values: list[Any]) -> bool | None:
    match node:
        case exp.And() | exp.Or():
            return _joined(values, decides=isinstance(node, exp.Or))
        case exp.Not():
            return None if values[0] is None else not values[0]
        case exp.Is():
            return bool(values[0] == values[1])
        case exp.In():
            return _joined([_compared(operator.eq, values[0], value) for value in values[1:]], decides=True)
        case exp.Between():
            value, low, high = values
            return _joined([_compared(operator.ge, value, low), _compared(operator.le, value, high)], decides=False)
    return _compared(COMPARED[type(node)], *values)


def _result(node: exp.Expression, values: list[Any]) -> Any:
    if any(value is None for value in values):
        return None
    if type(node) in CALCULATED:
        result = CALCULATED[type(node)](*values)
        return result.days if isinstance(result, timedelta) else result
    return _CALLED[type(node)](values[0])


def constant(node: exp.Expression) -> Value:
    """Give the value of a text, number, day, true, false or NULL."""
    match node:
        case exp.Null():
            return None
        case exp.Boolean():
            return bool(node.this)
        case exp.Cast():
            return date.fromisoformat(node.this.name)
    if node.is_string:
        return node.name
    return int(node.name) if node.name.isdigit() else Decimal(node.name)


def _compared(compare: Callable[[Any, Any], Any], value: Any, other: Any) -> bool | None:
    return None if value is None or other is None else bool(compare(value, other))


def _joined(values: list[bool | None], *, decides: bool) -> bool | None:
    """One part that decides is enough; else one unknown makes it unknown."""
    if decides in values:
        return decides
    return None if None in values else not decides


_LOGICAL = (exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between)
_CALLED: Mapping[type[exp.Expression], Callable[[Any], Any]] = {
    exp.Neg: operator.neg,
    exp.Abs: abs,
    exp.Lower: str.lower,
    exp.Length: len,
}
