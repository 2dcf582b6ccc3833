"""What a SOQL text asks for: a small reader of the language's query part, without GROUP BY and subqueries.

Refused as Salesforce refuses it: AND beside OR without parentheses, unknown words, text after the end.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectors.sandbox.errors import SalesforceAnswerError
from connectors.sandbox.store import LONGEST_NUMBER
from connectors.sandbox.times import parse_ms

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')
    |(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<sign><=|>=|!=|<>|[=<>(),]))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
LONGEST_COUNT: Final = 9  # digits of LIMIT and OFFSET: Salesforce's largest is far below
COMPARISONS: Final = ("=", "!=", "<>", "<", "<=", ">", ">=")


class Token(NamedTuple):
    """A piece of the text and what it is: text, moment, date, number, word, sign or end."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a condition; a moment's value is milliseconds, a text's still has its `\\_` and `\\%`, for LIKE."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator values`; only IN and NOT IN have more than one value."""

    field: str
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND or OR; NOT has one."""

    word: str
    parts: tuple["Condition", ...]


Condition = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Sorting:
    """One part of ORDER BY."""

    field: str
    is_descending: bool
    nulls: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query; `fields` is empty for COUNT()."""

    object: str
    fields: tuple[str, ...]
    where: Condition | None
    order: tuple[Sorting, ...]
    limit: int | None
    offset: int


def parse(text: str) -> Query:
    """Read a query.

    >>> parse("SELECT Id FROM Task WHERE Status = 'Completed' LIMIT 2").where
    Comparison(field='Status', operator='=', values=(Literal(kind='text', value='Completed'),))
    """
    return _Reader(_tokens(text)).query()


def malformed(message: str) -> SalesforceAnswerError:
    """The error of a text that is no query."""
    return SalesforceAnswerError(400, "MALFORMED_QUERY", message)


def plain(text: str) -> str:
    """A text literal's value outside LIKE, where `\\_` and `\\%` mean the sign alone."""
    return text.replace("\\_", "_").replace("\\%", "%")


def _tokens(text: str) -> list[Token]:
    tokens, position, text = [], 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise malformed(f"unexpected token: {text[position : position + 20]!r}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*tokens, Token("end", "<EOF>")]


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def query(self) -> Query:
        self._expect("SELECT")
        fields = self._fields()
        self._expect("FROM")
        name = self._name()
        where = self._condition() if self._accept("WHERE") else None
        order = self._order() if self._accept("ORDER") else ()
        limit = self._number() if self._accept("LIMIT") else None
        offset = self._number() if self._accept("OFFSET") else 0
        if self._accept("FOR"):
            self._name()
        if self._next.kind != "end":
            raise self._unexpected()
        return Query(name, fields, where, order, limit, offset or 0)

    def _fields(self) -> tuple[str, ...]:
        names = [self._name()]
        if names[0].upper() == "COUNT" and self._accept("("):
            self._expect(")")
            return ()
        while self._accept(","):
            names.append(self._name())
        return tuple(names)

    def _condition(self) -> Condition:
        parts, word = [self._term()], ""
        while self._next.text.upper() in {"AND", "OR"}:
            following = self._take().text.upper()
            if word and following != word:
                raise malformed(f"unexpected token: {following}; put parentheses around AND or OR")
            word = following
            parts.append(self._term())
        return Junction(word, tuple(parts)) if word else parts[0]

    def _term(self) -> Condition:
        if self._accept("NOT"):
            return Junction("NOT", (self._term(),))
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._name()
        if self._next.kind == "sign" and self._next.text in COMPARISONS:
            operator = self._take().text.replace("<>", "!=")
            return Comparison(field, operator, (self._literal(),))
        if self._accept("LIKE"):
            return Comparison(field, "LIKE", (self._literal(),))
        operator = "NOT IN" if self._accept("NOT") else "IN"
        self._expect("IN")
        return Comparison(field, operator, self._list())

    def _list(self) -> tuple[Literal, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._take()
        match token.kind, token.text.lower():
            case "text", _:
                return Literal("text", _unescaped(token.text[1:-1]))
            case "moment", _:
                return Literal("moment", _moment(token.text))
            case "date", _:
                return Literal("date", token.text)
            case "number", text:
                return Literal("number", float(text) if "." in text or len(text) > LONGEST_NUMBER else int(text))
            case "word", "true" | "false":
                return Literal("boolean", token.text.lower() == "true")
            case "word", "null":
                return Literal("null", None)
        raise malformed(f"unexpected token: {token.text}")

    def _order(self) -> tuple[Sorting, ...]:
        self._expect("BY")
        parts = [self._sorting()]
        while self._accept(","):
            parts.append(self._sorting())
        return tuple(parts)

    def _sorting(self) -> Sorting:
        field = self._name()
        is_descending = self._accept("DESC")
        if not is_descending:
            self._accept("ASC")
        return Sorting(field, is_descending, self._name().upper() if self._accept("NULLS") else None)

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._next
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _accept(self, word: str) -> bool:
        if self._next.kind not in {"word", "sign"} or self._next.text.upper() != word:
            return False
        self._take()
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _name(self) -> str:
        if self._next.kind != "word":
            raise self._unexpected()
        return self._take().text

    def _number(self) -> int:
        if self._next.kind != "number" or not self._next.text.isdecimal() or len(self._next.text) > LONGEST_COUNT:
            raise self._unexpected()
        return int(self._take().text)

    def _unexpected(self) -> SalesforceAnswerError:
        return malformed(f"unexpected token: {self._next.text}")


def _moment(text: str) -> int:
    try:
        return parse_ms(text)
    except ValueError as wrong:
        raise malformed(f"no such moment: {text}") from wrong


def _unescaped(text: str) -> str:
    def sign(match: re.Match[str]) -> str:
        letter = match[1]
        return match[0] if letter in "_%" else _ESCAPES.get(letter, letter)

    return re.sub(r"\\(.)", sign, text, flags=re.DOTALL)
