"""What the two CRMs of the sandbox hold: one SQLite file that the servers read and the demo company writes.

How records stand in it:

- HubSpot objects (`contacts`, `companies`, `deals`, `calls`, `emails`, `meetings`, `notes`): properties are texts or None, moments as
  `times.hubspot_time`. The servers fill `hs_object_id`, `createdate`/`hs_createdate` and `lastmodifieddate`/`hs_lastmodifieddate`.
- HubSpot `owners`: properties are the API's own keys (`email`, `firstName`, `lastName`, `type`, `userId`, `teams`); archived = deleted.
- HubSpot `exchange_rates`: properties are the API's own keys (`fromCurrencyCode`, `toCurrencyCode`, `conversionRate`, `effectiveAt`).
- HubSpot `pipelines`: properties `label`, `displayOrder`, `objectType` ("deals") and `stages`, a list as the API gives it.
- Salesforce objects: properties are a flat dict of texts, numbers, booleans and None; lookups hold 18-character ids; moments as
  `times.salesforce_time`, dates as ISO. The server fills `Id`, `CreatedDate`, `LastModifiedDate`, `SystemModstamp`, `IsDeleted`.

HubSpot ids are kept as integers, so that they sort as numbers; Salesforce ids as texts.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import orjson

from connectors.sandbox.associations import inverse_type
from connectors.sandbox.histories import history_rows, property_versions
from connectors.sandbox.ids import FIRST_HUBSPOT_ID, number_of, salesforce_id

HUBSPOT: Final = "hubspot"
SALESFORCE: Final = "salesforce"
BUSY_TIMEOUT_SECONDS: Final = 30.0
LONGEST_NUMBER: Final = 18  # digits that fit SQLite's 64 bits

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    crm TEXT NOT NULL, object TEXT NOT NULL, id NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL, deleted_ms INTEGER, properties TEXT NOT NULL, history TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS records_key ON records (crm, object, id);
CREATE INDEX IF NOT EXISTS records_by_modified ON records (crm, object, modified_ms, id, is_deleted);
CREATE INDEX IF NOT EXISTS records_by_created ON records (crm, object, created_ms, id, is_deleted);
CREATE INDEX IF NOT EXISTS deleted_records ON records (crm, object, id) WHERE is_deleted = 1;
CREATE TABLE IF NOT EXISTS associations (
    from_object TEXT NOT NULL, from_id NOT NULL, to_object TEXT NOT NULL, to_id NOT NULL, type_id INTEGER NOT NULL,
    category TEXT NOT NULL, label TEXT, PRIMARY KEY (from_object, from_id, to_object, to_id, type_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fields (
    crm TEXT NOT NULL, object TEXT NOT NULL, name TEXT NOT NULL, example TEXT NOT NULL, PRIMARY KEY (crm, object, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (crm TEXT, object TEXT, last INTEGER NOT NULL, PRIMARY KEY (crm, object)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_SELECT = """
SELECT records.object, records.id, records.created_ms, records.modified_ms, records.is_deleted, records.deleted_ms,
records.properties, records.history FROM """
_PAGE = _SELECT + "records WHERE crm = ? AND object = ? AND is_deleted = 0 AND id > ? ORDER BY id LIMIT ?"
_DELETED_PAGE = _SELECT + "records WHERE crm = ? AND object = ? AND is_deleted = 1 AND id > ? ORDER BY id LIMIT ?"
_BY_IDS = (
    _SELECT
    + "json_each(?) AS asked CROSS JOIN records WHERE records.crm = ? AND records.object = ? AND records.id = asked.value "
    "ORDER BY asked.key"
)
_UPSERT = """
INSERT INTO records (crm, object, id, created_ms, modified_ms, is_deleted, deleted_ms, properties, history)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (crm, object, id) DO UPDATE SET created_ms = excluded.created_ms, modified_ms = excluded.modified_ms,
is_deleted = excluded.is_deleted, deleted_ms = excluded.deleted_ms, properties = excluded.properties, history = excluded.history
"""

_ASSOCIATIONS = """
SELECT from_object, from_id, to_object, to_id, type_id, category, label FROM json_each(?) AS asked CROSS JOIN associations AS held
WHERE from_object = ? AND from_id = asked.value AND to_object = ?
AND NOT EXISTS (
    SELECT 1 FROM records INDEXED BY deleted_records
    WHERE is_deleted = 1 AND crm = 'hubspot' AND object = held.from_object AND id = held.from_id)
AND NOT EXISTS (
    SELECT 1 FROM records INDEXED BY deleted_records
    WHERE is_deleted = 1 AND crm = 'hubspot' AND object = held.to_object AND id = held.to_id)
ORDER BY asked.key, to_id, type_id
"""
_UNLINK = (  # the other side first: it is found through this one
    "DELETE FROM associations WHERE (to_object, to_id) = (?1, ?2) AND (from_object, from_id) IN "
    "(SELECT to_object, to_id FROM associations WHERE (from_object, from_id) = (?1, ?2))",
    "DELETE FROM associations WHERE (from_object, from_id) = (?1, ?2)",
)
_OBJECTS_HELD = """
WITH RECURSIVE names (object) AS (
    SELECT min(object) FROM records WHERE crm = :crm
    UNION ALL SELECT (SELECT min(object) FROM records WHERE crm = :crm AND object > names.object) FROM names WHERE object IS NOT NULL)
SELECT object FROM names WHERE object IS NOT NULL
"""  # one step of the index per object, where DISTINCT would read every record


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record; `history` maps a HubSpot property to its `propertiesWithHistory` entries, newest first."""

    object: str
    id: str
    created_ms: int
    modified_ms: int
    properties: Mapping[str, Any]
    is_deleted: bool = False
    deleted_ms: int | None = None
    history: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredAssociation:
    """One HubSpot association of one type, as seen from `from_object`."""

    from_object: str
    from_id: str
    to_object: str
    to_id: str
    type_id: int
    category: str = "HUBSPOT_DEFINED"
    label: str | None = None


class Store:
    """The sandbox's file. Several processes may hold it open: SQLite's write-ahead log keeps readers and the writer apart."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")  # demo data: made again from its seed if the machine dies
        self._connection.execute("PRAGMA cache_size = -65536")
        self._connection.execute("PRAGMA mmap_size = 1073741824")
        self._connection.executescript(_SCHEMA)
        self._known_fields: dict[tuple[str, str], set[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # -- writing

    def put(self, crm: str, records: Iterable[StoredRecord]) -> None:
        """Add records, or replace those with the same object and id, in one transaction."""
        with self._transaction():
            self._connection.executemany(_UPSERT, (self._row(crm, record) for record in records))

    def associate(self, associations: Iterable[StoredAssociation]) -> None:
        """Add associations, each in both directions; one that stands already changes nothing but its label."""
        statement = "INSERT OR REPLACE INTO associations VALUES (?, ?, ?, ?, ?, ?, ?)"
        with self._transaction():
            self._connection.executemany(
                statement, (row for association in associations for row in _both_ways(association))
            )

    def dissociate(self, associations: Iterable[StoredAssociation]) -> None:
        """Remove associations in both directions; the records' modification times stay, as in HubSpot."""
        statement = "DELETE FROM associations WHERE (from_object, from_id, to_object, to_id, type_id) = (?, ?, ?, ?, ?)"
        with self._transaction():
            self._connection.executemany(
                statement, (row[:5] for association in associations for row in _both_ways(association))
            )

    def edit(
        self, crm: str, object_name: str, record_id: str, properties: Mapping[str, Any], at_ms: int
    ) -> StoredRecord:
        """Change some properties of one record, with what the CRM itself does then: it keeps the history of some properties."""
        old = self._existing(crm, object_name, record_id)
        new = replace(old, modified_ms=at_ms, properties={**old.properties, **properties})
        if crm == HUBSPOT:
            new = replace(new, history=property_versions(old, properties, at_ms))
        self.put(crm, [new])
        if crm == SALESFORCE and object_name == "Opportunity":
            self._write_history(old, new)
        return new

    def delete(self, crm: str, object_name: str, record_id: str, at_ms: int) -> None:
        """Archive the record (HubSpot) or put it in the recycle bin (Salesforce): it stays readable where the CRM shows such records."""
        old = self._existing(crm, object_name, record_id)
        self.put(crm, [replace(old, is_deleted=True, deleted_ms=at_ms, modified_ms=at_ms)])

    def purge(self, crm: str, object_name: str, record_id: str) -> None:
        """Remove the record for good with its associations, as both CRMs do some time after a deletion."""
        key = (object_name, stored_id(crm, record_id))
        with self._transaction():
            self._connection.execute("DELETE FROM records WHERE (crm, object, id) = (?, ?, ?)", (crm, *key))
            for statement in _UNLINK if crm == HUBSPOT else ():
                self._connection.execute(statement, key)

    def declare_fields(self, crm: str, object_name: str, names: Iterable[str]) -> None:
        """Make properties known that no record has yet, as an administrator adds a field."""
        with self._transaction():
            rows = [(crm, object_name, name) for name in names]
            self._connection.executemany("INSERT OR IGNORE INTO fields VALUES (?, ?, ?, 'null')", rows)

    def insert_generated(self, crm: str, object_name: str, statement: str, values: Mapping[str, Any]) -> None:
        """Run a statement of `volume` that makes many records, and learn their fields."""
        with self._transaction():
            self._connection.execute(statement, values)
            for record in self.page(crm, object_name, is_deleted=False, limit=1):
                self._learn_fields(crm, record)

    def next_id(self, crm: str, object_name: str) -> str:
        """An id that the object has not had yet."""
        return self.next_ids(crm, object_name, 1)[0]

    def next_ids(self, crm: str, object_name: str, count: int) -> list[str]:
        """Many new ids at once, in rising order. HubSpot ids come from one counter, as engagements share one there."""
        sequence = object_name if crm == SALESFORCE else ""
        with self._transaction():
            last = self._last_number(crm, sequence)
            self._connection.execute("INSERT OR REPLACE INTO sequences VALUES (?, ?, ?)", (crm, sequence, last + count))
        numbers = range(last + 1, last + count + 1)
        return [salesforce_id(object_name, number) if crm == SALESFORCE else str(number) for number in numbers]

    def set_meta(self, key: str, value: str) -> None:
        """Remember a text about the store, such as the seed it was made from."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # -- reading

    def meta(self, key: str) -> str | None:
        """A remembered text, None when nobody set it."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def get(self, crm: str, object_name: str, record_id: str) -> StoredRecord | None:
        """One record, deleted or not."""
        return next(iter(self.many(crm, object_name, [record_id])), None)

    def many(self, crm: str, object_name: str, record_ids: Sequence[str]) -> list[StoredRecord]:
        """Those of the asked records that exist, in the order asked for."""
        ids = orjson.dumps([stored_id(crm, record_id) for record_id in record_ids]).decode()
        return self.records(_BY_IDS, (ids, crm, object_name))

    def all(self, crm: str, object_name: str) -> Iterator[StoredRecord]:
        """Every record of an object by id, deleted ones too."""
        for deleted in (False, True):
            yield from self.page(crm, object_name, is_deleted=deleted)

    def page(
        self, crm: str, object_name: str, *, is_deleted: bool, after: str | None = None, limit: int = -1
    ) -> list[StoredRecord]:
        """Up to `limit` records by id, from the one that follows `after` on."""
        floor: int | str = -1 if crm == HUBSPOT else ""
        start = floor if after is None else stored_id(crm, after)
        return self.records(_DELETED_PAGE if is_deleted else _PAGE, (crm, object_name, start, limit))

    def count(self, crm: str, object_name: str, *, is_deleted: bool | None = None) -> int:
        """How many records an object has; deleted ones are counted unless `is_deleted` says otherwise."""
        wanted = (0, 1) if is_deleted is None else (int(is_deleted), int(is_deleted))
        statement = "SELECT count(*) FROM records WHERE crm = ? AND object = ? AND is_deleted IN (?, ?)"
        return int(self._connection.execute(statement, (crm, object_name, *wanted)).fetchone()[0])

    def objects(self, crm: str) -> list[str]:
        """Names of the objects that have fields, by name."""
        statement = "SELECT DISTINCT object FROM fields WHERE crm = ? ORDER BY object"
        return [name for (name,) in self._connection.execute(statement, (crm,))]

    def fields(self, crm: str, object_name: str) -> dict[str, Any]:
        """Every property a record of the object ever had, with the first value seen (None while all were empty)."""
        rows = self._connection.execute(
            "SELECT name, example FROM fields WHERE crm = ? AND object = ?", (crm, object_name)
        )
        return {name: orjson.loads(example) for name, example in rows}

    def associations(self, from_object: str, from_ids: Sequence[str], to_object: str) -> list[StoredAssociation]:
        """Associations from the given records to one object, by record and target; a deleted record has none, on either side."""
        ids = orjson.dumps([stored_id(HUBSPOT, from_id) for from_id in from_ids]).decode()
        rows = self._connection.execute(_ASSOCIATIONS, (ids, from_object, to_object))
        return [StoredAssociation(source, str(a), target, str(b), *rest) for source, a, target, b, *rest in rows]

    def version(self) -> tuple[int, int]:
        """Another value after each change, whoever made it."""
        return self._connection.execute("PRAGMA data_version").fetchone()[0], self._connection.total_changes

    def select(self, statement: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a read-only statement over the tables above; values are always bound."""
        return self._connection.execute(statement, parameters)

    def records(self, statement: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[StoredRecord]:
        """Run a statement that answers the columns of a record in their order."""
        return [_record(row) for row in self._connection.execute(statement, parameters)]

    # -- inside

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._known_fields.clear()
            raise
        self._connection.execute("COMMIT")

    def _row(self, crm: str, record: StoredRecord) -> tuple[Any, ...]:
        self._learn_fields(crm, record)
        times = (record.created_ms, record.modified_ms, record.is_deleted, record.deleted_ms)
        properties = orjson.dumps(record.properties).decode()
        history = orjson.dumps(record.history).decode() if record.history else "{}"
        return (crm, record.object, stored_id(crm, record.id), *times, properties, history)

    def _learn_fields(self, crm: str, record: StoredRecord) -> None:
        """Remember each property name, with a value as soon as one is seen: describe and properties answer from it."""
        known = self._known_fields.setdefault((crm, record.object), set())
        if known >= record.properties.keys():
            return
        for name in record.properties.keys() - known:
            value = record.properties[name]
            if value is not None:
                known.add(name)
            self._connection.execute(
                "INSERT INTO fields VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET example = excluded.example WHERE example = 'null'",
                (crm, record.object, name, orjson.dumps(value).decode()),
            )

    def _existing(self, crm: str, object_name: str, record_id: str) -> StoredRecord:
        record = self.get(crm, object_name, record_id)
        if record is None:
            raise KeyError(f"the sandbox's {crm} has no {object_name} with id {record_id}")
        return record

    def _last_number(self, crm: str, sequence: str) -> int:
        row = self._connection.execute(
            "SELECT last FROM sequences WHERE crm = ? AND object = ?", (crm, sequence)
        ).fetchone()
        last = int(row[0]) if row else 0
        if crm == SALESFORCE:
            return max(last, number_of(self._highest_id(crm, sequence) or ""))
        held = [name for (name,) in self._connection.execute(_OBJECTS_HELD, {"crm": crm})]
        return max(last, FIRST_HUBSPOT_ID - 1, *(self._highest_id(crm, name) or 0 for name in held))

    def _highest_id(self, crm: str, object_name: str) -> Any:
        """The greatest id given so far; HubSpot ids that are not numbers (pipelines) do not count."""
        kind = "text" if crm == SALESFORCE else "integer"
        statement = "SELECT id FROM records WHERE crm = ? AND object = ? AND typeof(id) = ? ORDER BY id DESC LIMIT 1"
        row = self._connection.execute(statement, (crm, object_name, kind)).fetchone()
        return row[0] if row else None

    def _write_history(self, old: StoredRecord, new: StoredRecord) -> None:
        for name, properties in history_rows(old, new, self._name_of_user):
            record = StoredRecord(name, self.next_id(SALESFORCE, name), new.modified_ms, new.modified_ms, properties)
            self.put(SALESFORCE, [record])

    def _name_of_user(self, user_id: str) -> str:
        user = self.get(SALESFORCE, "User", user_id)
        return str(user.properties.get("Name") or user_id) if user else user_id


def stored_id(crm: str, record_id: str) -> int | str:
    """An id as the file keeps it: HubSpot's numbers as integers, everything else as it is.

    >>> stored_id("hubspot", "12"), stored_id("hubspot", "default"), stored_id("salesforce", "12")
    (12, 'default', '12')
    """
    is_number = record_id.isdecimal() and record_id.isascii() and len(record_id) <= LONGEST_NUMBER
    return int(record_id) if crm == HUBSPOT and is_number else record_id


def _record(row: tuple[Any, ...]) -> StoredRecord:
    name, record_id, created, modified, is_deleted, deleted, properties, history = row
    entries = orjson.loads(history) if history != "{}" else {}
    return StoredRecord(
        name, str(record_id), created, modified, orjson.loads(properties), bool(is_deleted), deleted, entries
    )


def _both_ways(association: StoredAssociation) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    a, b = stored_id(HUBSPOT, association.from_id), stored_id(HUBSPOT, association.to_id)
    source, target, kind = association.from_object, association.to_object, association.type_id
    rest = (association.category, association.label)
    return (source, a, target, b, kind, *rest), (target, b, source, a, inverse_type(source, target, kind), *rest)
