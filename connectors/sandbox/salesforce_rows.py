"""How Salesforce shows stored records: rows with the asked fields, parents nested in JSON and flat in CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from connectors.sandbox.ids import object_of
from connectors.sandbox.salesforce_schema import SField, object_fields
from connectors.sandbox.soql_sql import lookup_of
from connectors.sandbox.store import SALESFORCE, Store, StoredRecord
from connectors.sandbox.times import salesforce_time

Path = tuple[str, ...]
Maker = Callable[[StoredRecord], Any]

_SYSTEM_VALUES: Final[Mapping[str, Maker]] = {
    "Id": lambda record: record.id,
    "CreatedDate": lambda record: salesforce_time(record.created_ms),
    "LastModifiedDate": lambda record: salesforce_time(record.modified_ms),
    "SystemModstamp": lambda record: salesforce_time(record.modified_ms),
    "IsDeleted": lambda record: record.is_deleted,
}
_DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}


class StoreCatalog:
    """Fields as declared and as learnt from the records, read once per object and request."""

    def __init__(self, store: Store, hidden: Callable[[str, str], frozenset[str]] = lambda *_: frozenset()) -> None:
        self._store = store
        self._hidden = hidden
        self._fields: dict[str, dict[str, SField]] = {}

    def fields(self, object_name: str) -> Mapping[str, SField]:
        """All fields of an object by lower-case name."""
        if object_name not in self._fields:
            known = object_fields(object_name, self._store.fields(SALESFORCE, object_name))
            hidden = {name.lower() for name in self._hidden(SALESFORCE, object_name)}
            self._fields[object_name] = {name: field for name, field in known.items() if name not in hidden}
        return self._fields[object_name]


class RowMaker:
    """Turns records into rows for one request; parents are fetched once per page, not once per row."""

    def __init__(self, store: Store, catalog: StoreCatalog, version: str) -> None:
        self._store = store
        self._catalog = catalog
        self._version = version

    def rows(self, records: Sequence[StoredRecord], paths: Sequence[Path]) -> list[dict[str, Any]]:
        """One dict per record with its `attributes`; a missing parent is None."""
        names = [path[0] for path in paths]  # a relationship keeps its place and is filled below
        filled = [(name, _SYSTEM_VALUES[name]) for name in names if name in _SYSTEM_VALUES]
        rows = [self._row(record, names, filled) for record in records]
        for relationship, inner in _by_relationship(paths).items():
            self._add_parents(rows, records, relationship, inner)
        return rows

    def _row(self, record: StoredRecord, names: Iterable[str], filled: Iterable[tuple[str, Maker]]) -> dict[str, Any]:
        url = f"/services/data/v{self._version}/sobjects/{record.object}/{record.id}"
        values = record.properties
        row: dict[str, Any] = {"attributes": {"type": record.object, "url": url}}
        row |= {name: values.get(name) for name in names}
        for name, make in filled:
            row[name] = make(record)
        return row

    def _add_parents(
        self, rows: Sequence[dict[str, Any]], records: Sequence[StoredRecord], relationship: str, paths: Sequence[Path]
    ) -> None:
        if not records:
            return
        lookup = lookup_of(records[0].object, relationship, self._catalog)
        parent_ids = [record.properties.get(lookup.name) for record in records]
        wanted: dict[str, list[str]] = {}
        for parent_id in filter(None, dict.fromkeys(parent_ids)):
            wanted.setdefault(object_of(parent_id) or lookup.references[0], []).append(parent_id)
        parents: dict[Any, dict[str, Any]] = {}
        for name, ids in wanted.items():
            found = self._store.many(SALESFORCE, name, ids)
            parents |= {parent.id: row for parent, row in zip(found, self.rows(found, paths), strict=True)}
        for row, parent_id in zip(rows, parent_ids, strict=True):
            row[relationship] = parents.get(parent_id)


def csv_page(rows: Sequence[Mapping[str, Any]], paths: Sequence[Path], *, delimiter: str, line_ending: str) -> str:
    """A Bulk result page: a header, every value quoted, nothing for null, moments with Z."""
    text = io.StringIO()
    end = "\r\n" if line_ending == "CRLF" else "\n"
    writer = csv.writer(text, delimiter=_DELIMITERS[delimiter], lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow([".".join(path) for path in paths])
    writer.writerows([_cell(row, path) for path in paths] for row in rows)
    return text.getvalue()


def is_delimiter(name: str) -> bool:
    """Whether the Bulk API has a column delimiter of this name."""
    return name in _DELIMITERS


def _by_relationship(paths: Sequence[Path]) -> dict[str, list[Path]]:
    grouped: dict[str, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            grouped.setdefault(path[0], []).append(path[1:])
    return grouped


def _cell(row: Mapping[str, Any], path: Path) -> str:
    value: Any = row
    for name in path:
        value = None if value is None else value.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith("+0000") and text[10:11] == "T" else text
