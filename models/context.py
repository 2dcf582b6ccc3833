"""What a model is given besides its tables: the agreement and the day. Nothing here reads a clock or a file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, Table

from definitions_contract.schema import Agreement


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What the models need to know of a connection. The first in the list leads when copies are collapsed.

    `record_url` has `{object}` and `{id}` in it.
    """

    name: str
    crm: str
    record_url: str


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Arguments of every model. `as_of` is the last whole day that counts, in the team's zone; `known_at` the night's time (UTC)."""

    agreement: Agreement
    as_of: date
    known_at: datetime
    connections: tuple[ConnectionFacts, ...]


Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Model:
    """How one table is built.

    `statement` gives a Select with exactly the table's columns (SQL does the work); `rows` is for statistics only: it reads
    through the connection and returns rows. Exactly one of the two is set. `parts` gives the rows of the statement in several ones,
    written one after another in the same transaction: where all at once would need too much memory. To append what is missing is
    then their own business.

    write: `replace` the whole table; `replace_day` the rows whose `day_column` equals as_of; `append_missing` adds rows whose
    primary key is not there yet. All in one transaction, so that a re-run changes nothing.
    """

    table: Table
    reads: tuple[Table, ...]
    statement: Callable[[BuildContext], Select[Any]] | None = None
    rows: Callable[[Connection, BuildContext], Rows] | None = None
    parts: Callable[[BuildContext], Iterable[Select[Any]]] | None = None
    write: Literal["replace", "replace_day", "append_missing"] = "replace"
    day_column: str | None = None
    group: str = field(default="core")

    def __post_init__(self) -> None:
        if (self.statement is None) == (self.rows is None):
            raise ValueError(f"{self.table.name}: set exactly one of statement and rows")
