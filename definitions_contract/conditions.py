"""Which records does a rule ask? A `row_condition`, read into a tree.

The form is Great Expectations': comparisons of `col("name")`, joined with & and |, with parentheses. A comparison with a missing
value is not true, so a record without the value is not asked, unless `.is_null()` asks for just that. & binds closer than |;
parentheses around each comparison, which Python needs there, are allowed and not needed.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

ROW_CONDITION_FORM = (
    'col("column") == "text", or != < <= > >= with a text, number, true, false or date("2026-10-01"), '
    'or .is_null() .is_not_null() .is_in(["a", "b"]) .is_not_in(["a"]); joined with & and |, in parentheses'
)
MOST_COMPARISONS = 60  # after | is moved outside of &; Great Expectations takes 100, and a rule may add some of its own

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>==|!=|<=|>=|[<>&|().,\[\]]))""",
    re.VERBOSE,
)
COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]*")

Scalar = str | int | float | bool | date


@dataclass(frozen=True, slots=True)
class Comparison:
    """`col("minutes") >= 30`."""

    column: str
    operator: str
    value: Scalar

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether it is true of a row; with a missing value, or one of another kind, only `!=` of the kind is."""
        value = row.get(self.column)
        if value is None:
            return False
        if not is_comparable(value, self.value):
            return self.operator == "!="
        return bool(OPERATORS[self.operator](*of_one_kind(value, self.value)))


@dataclass(frozen=True, slots=True)
class Nullity:
    """`col("deal_id").is_null()`."""

    column: str
    is_null: bool

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the value is missing, or there."""
        return (row.get(self.column) is None) is self.is_null


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions joined with &."""

    parts: tuple["RowCondition", ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether every part is true."""
        return all(part.holds(row) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined with |."""

    parts: tuple["RowCondition", ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether one part is true."""
        return any(part.holds(row) for part in self.parts)


RowCondition = Comparison | Nullity | AllOf | AnyOf


def is_comparable(value: object, other: object) -> bool:
    """Tell whether two values are of one kind: `true` is not 1, and a text is never a number."""
    kinds: tuple[type | tuple[type, ...], ...] = (bool, str, date)
    for kind in kinds:
        if isinstance(value, kind) or isinstance(other, kind):
            return isinstance(value, kind) and isinstance(other, kind)
    return True


def of_one_kind(*figures: Any) -> tuple[Any, ...]:
    """Compare amounts and written fractions as the database does: an amount of 0.10 is the 0.1 that stands in a file."""
    if not any(isinstance(figure, float) for figure in figures):
        return figures
    return tuple(float(figure) if isinstance(figure, Decimal | int) else figure for figure in figures)


def parse_row_condition(text: str) -> RowCondition | None:
    """Read a row condition; None when it is not of the form.

    >>> parse_row_condition('col("outcome")=="held"')
    Comparison(column='outcome', operator='==', value='held')
    >>> parse_row_condition('col("outcome")=="held" and 1=1') is None
    True
    """
    try:
        reader = _Reader(_tokens(text))
        condition = reader.any_of()
    except _FormError:
        return None
    return condition if reader.is_done else None


def comparisons(condition: RowCondition) -> Iterator[Comparison | Nullity]:
    """Give every comparison in it, from left to right."""
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from comparisons(part)
    else:
        yield condition


def alternatives(condition: RowCondition) -> tuple[tuple[Comparison | Nullity, ...], ...]:
    """Move | outside of &: the condition is true when all comparisons of one alternative are.

    >>> [len(a) for a in alternatives(parse_row_condition('col("a")==1 & (col("b")==1 | col("c")==1)'))]
    [2, 2]
    """
    match condition:
        case AnyOf(parts):
            return tuple(one for part in parts for one in alternatives(part))
        case AllOf(parts):
            joined: tuple[tuple[Comparison | Nullity, ...], ...] = ((),)
            for part in parts:
                joined = tuple((*before, *after) for before in joined for after in alternatives(part))
            return joined
    return ((condition,),)


class _FormError(Exception):
    """The text is no row condition."""


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _FormError
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def is_done(self) -> bool:
        return self._next == len(self._tokens)

    def any_of(self) -> RowCondition:
        parts = [self._all_of()]
        while self._takes("|"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self) -> RowCondition:
        parts = [self._one()]
        while self._takes("&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self) -> RowCondition:
        if self._takes("("):
            condition = self.any_of()
            self._sign(")")
            return condition
        column = self._column()
        if self._takes("."):
            return self._method(column)
        kind, sign = self._token()
        if kind != "sign" or sign not in OPERATORS:
            raise _FormError
        return Comparison(column, sign, self._value())

    def _column(self) -> str:
        if self._token() != ("word", "col"):
            raise _FormError
        self._sign("(")
        name = self._text()
        self._sign(")")
        if not COLUMN_NAME.fullmatch(name):
            raise _FormError
        return name

    def _method(self, column: str) -> RowCondition:
        _, method = self._token()
        self._sign("(")
        match method:
            case "is_null" | "is_not_null":
                condition: RowCondition = Nullity(column, is_null=method == "is_null")
            case "is_in":
                condition = _one_or(AnyOf, tuple(Comparison(column, "==", value) for value in self._values()))
            case "is_not_in":
                condition = _one_or(AllOf, tuple(Comparison(column, "!=", value) for value in self._values()))
            case _:
                raise _FormError
        self._sign(")")
        return condition

    def _values(self) -> tuple[Scalar, ...]:
        self._sign("[")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._sign("]")
        return tuple(values)

    def _value(self) -> Scalar:
        kind, written = self._token()
        if kind == "text":
            return written[1:-1]
        if kind == "number":
            return float(written) if "." in written else int(written)
        if written.lower() in ("true", "false"):
            return written.lower() == "true"
        if written != "date":
            raise _FormError
        self._sign("(")
        day = self._text()
        self._sign(")")
        try:
            return date.fromisoformat(day)
        except ValueError as error:
            raise _FormError from error

    def _text(self) -> str:
        kind, token = self._token()
        if kind != "text":
            raise _FormError
        return token[1:-1]

    def _token(self) -> tuple[str, str]:
        if self.is_done:
            raise _FormError
        self._next += 1
        return self._tokens[self._next - 1]

    def _sign(self, sign: str) -> None:
        if self._token() != ("sign", sign):
            raise _FormError

    def _takes(self, sign: str) -> bool:
        if not self.is_done and self._tokens[self._next] == ("sign", sign):
            self._next += 1
            return True
        return False


def _one_or(group: Callable[[tuple[RowCondition, ...]], RowCondition], parts: tuple[RowCondition, ...]) -> RowCondition:
    return parts[0] if len(parts) == 1 else group(parts)
