"""SOQL text, the only place that makes it: names are checked, values quoted."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
# https://developer.salesforce.com/docs/platform/soql-sosl/guide/sforce_api_calls_soql_select_quotedstringescapes.html
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


def name(text: str) -> str:
    """Return an object's or a field's name; a path to a parent's field too. Anything else is refused.

    >>> name("UserRole.Name")
    'UserRole.Name'
    """
    if NAME.fullmatch(text):
        return text
    raise ValueError(f"'{text}' is no name of an object or a field")


def quote(text: str) -> str:
    r"""Return a text literal.

    >>> quote("O'Neill")
    "'O\\'Neill'"
    """
    return f"'{text.translate(_ESCAPES)}'"


def moment(value: datetime) -> str:
    """Return a time literal, to the millisecond.

    >>> moment(datetime(2026, 4, 1, 9, 30, tzinfo=UTC))
    '2026-04-01T09:30:00.000Z'
    """
    if value.tzinfo is None:
        raise ValueError("a time without zone")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def select(
    fields: Sequence[str],
    object_name: str,
    *,
    where: Sequence[str] = (),
    order: Sequence[str] = (),
    limit: int | None = None,
) -> str:
    """Return a query. `where` are conditions of this module, all of which must hold."""
    columns = ", ".join(name(field) for field in fields)
    ordering = ["ORDER BY", ", ".join(name(field) for field in order)] if order else []
    most = [f"LIMIT {limit:d}"] if limit is not None else []
    return " ".join(["SELECT", columns, "FROM", name(object_name), *_where(where), *ordering, *most])


def count(object_name: str, *, where: Sequence[str] = ()) -> str:
    """Return a query whose `totalSize` is the number of rows."""
    return " ".join(["SELECT COUNT() FROM", name(object_name), *_where(where)])


def within(field: str, start: datetime | None, end: datetime) -> list[str]:
    """Conditions: the field lies in the half-open window."""
    before = f"{name(field)} < {moment(end)}"
    return [before] if start is None else [f"{name(field)} >= {moment(start)}", before]


def beyond(field: str, last: datetime, last_id: str) -> str:
    """Condition: after the row (last, last_id) in the order of field and Id. Rows that share the time are not lost.

    >>> beyond("CreatedDate", datetime(2026, 4, 1, tzinfo=UTC), "001")
    "(CreatedDate > 2026-04-01T00:00:00.000Z OR (CreatedDate = 2026-04-01T00:00:00.000Z AND Id > '001'))"
    """
    column, value = name(field), moment(last)
    return f"({column} > {value} OR ({column} = {value} AND Id > {quote(last_id)}))"


def up_to(field: str, last: datetime, last_id: str) -> str:
    """Condition: the row (last, last_id) and all before it in the order of field and Id.

    >>> up_to("CreatedDate", datetime(2026, 4, 1, tzinfo=UTC), "001")
    "(CreatedDate < 2026-04-01T00:00:00.000Z OR (CreatedDate = 2026-04-01T00:00:00.000Z AND Id <= '001'))"
    """
    column, value = name(field), moment(last)
    return f"({column} < {value} OR ({column} = {value} AND Id <= {quote(last_id)}))"


def _where(conditions: Sequence[str]) -> list[str]:
    return [f"WHERE {' AND '.join(conditions)}"] if conditions else []
