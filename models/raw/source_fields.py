"""Which fields does the CRM have tonight that it did not have before, and the other way round?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from models.tables import source_fields


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: `change` is new, gone (or hidden from this user), or type."""

    object: str
    field: str
    change: str
    detail: str

    def __str__(self) -> str:
        return f"{self.object}.{self.field}: {self.detail}"


def compare_fields(connection: Connection, name: str, fields: Mapping[str, Mapping[str, str]]) -> tuple[Drift, ...]:
    """What differs from what was known of these objects; an object seen for the first time differs in nothing."""
    known = _known(connection, name)
    return tuple(
        drift
        for object_name, now in sorted(fields.items())
        if (before := known.get(object_name)) is not None
        for drift in _differences(object_name, before, now)
    )


def field_rows(
    connection: Connection, name: str, fields: Mapping[str, Mapping[str, str]], *, moment: datetime
) -> list[dict[str, Any]]:
    """The rows of ops.source_fields for these objects, as of now; a field that is gone stays, with the time when it was missed."""
    query = select(source_fields).where(source_fields.c.connection == name, source_fields.c.object.in_(list(fields)))
    before = {(row["object"], row["field"]): row for row in connection.execute(query).mappings()}
    rows = {
        (object_name, field): {
            "connection": name,
            "object": object_name,
            "field": field,
            "type": kind,
            "first_seen_at": moment,
            "last_seen_at": moment,
            "gone_at": None,
        }
        for object_name, found in fields.items()
        for field, kind in found.items()
    }
    for key, row in before.items():
        if key in rows:
            rows[key]["first_seen_at"] = row["first_seen_at"]
        else:
            rows[key] = {**row, "gone_at": row["gone_at"] or moment}
    return list(rows.values())


def same_objects(name: str, fields: Mapping[str, Mapping[str, str]]) -> Any:
    """Condition on ops.source_fields: the rows that `field_rows` replaces."""
    keys = [(name, object_name) for object_name in fields]
    return tuple_(source_fields.c.connection, source_fields.c.object).in_(keys)


def _known(connection: Connection, name: str) -> dict[str, dict[str, str]]:
    query = select(source_fields.c.object, source_fields.c.field, source_fields.c.type).where(
        source_fields.c.connection == name, source_fields.c.gone_at.is_(None)
    )
    known: dict[str, dict[str, str]] = {}
    for object_name, field, kind in connection.execute(query):
        known.setdefault(object_name, {})[field] = kind
    return known


def _differences(object_name: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[Drift]:
    new = [Drift(object_name, name, "new", "is new") for name in sorted(set(now) - set(before))]
    gone = [
        Drift(object_name, name, "gone", "is gone, or hidden from this user") for name in sorted(set(before) - set(now))
    ]
    other = [
        Drift(object_name, name, "type", f"was {before[name]}, is {now[name]}")
        for name in sorted(set(before) & set(now))
        if before[name] != now[name]
    ]
    return [*gone, *other, *new]
