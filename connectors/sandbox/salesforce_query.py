"""Answers SOQL: rows are chosen once, by their numbers in the store, and shown a page at a time through locators."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import Select

from connectors.sandbox.errors import SalesforceAnswerError
from connectors.sandbox.plays.stage import Stage
from connectors.sandbox.salesforce_rows import Path, RowMaker, StoreCatalog
from connectors.sandbox.salesforce_schema import STANDARD_OBJECTS
from connectors.sandbox.soql import Query, parse
from connectors.sandbox.soql_sql import count_statement, resolve, rowids_statement
from connectors.sandbox.sql import RECORDS, compiled
from connectors.sandbox.store import SALESFORCE, Store

PAGE_SIZE: Final = 2_000
LEAST_PAGE_SIZE: Final = 200
KEPT_LOCATORS: Final = 50

_PAGE = """
SELECT records.object, records.id, records.created_ms, records.modified_ms, records.is_deleted, records.deleted_ms,
records.properties, records.history
FROM json_each(?) AS asked CROSS JOIN records WHERE records.rowid = asked.value ORDER BY asked.key
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of one query, fixed when it ran; `paths` is empty for COUNT()."""

    object: str
    paths: tuple[Path, ...]
    rowids: Sequence[int]
    total: int


class Answerer:
    """Runs queries and remembers where their next pages start."""

    def __init__(self, store: Store, stage: Stage | None = None) -> None:
        self._store = store
        self._stage = stage or Stage(store)
        self._locators: OrderedDict[str, Selection] = OrderedDict()
        self._made = 0

    def catalog(self) -> StoreCatalog:
        """The fields as they are now."""
        return StoreCatalog(self._store, self._stage.hidden_fields)

    def objects(self) -> list[str]:
        """Names of all objects that can be asked for."""
        return sorted({*STANDARD_OBJECTS, *self._store.objects(SALESFORCE)})

    def object_named(self, name: str) -> str:
        """An object's proper spelling; an unknown one is refused."""
        for known in self.objects():
            if known.lower() == name.lower():
                return known
        raise SalesforceAnswerError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")

    def selection(self, soql: str, *, with_deleted: bool) -> Selection:
        """Choose a query's rows."""
        query = self._resolved(parse(soql))
        catalog = self.catalog()
        if not query.fields:
            statement = self._as_committed(count_statement(query, catalog, with_deleted=with_deleted))
            return Selection(query.object, (), (), self._store.select(*compiled(statement)).fetchone()[0])
        paths = tuple(resolve(query.object, field, catalog) for field in query.fields)
        if len(set(paths)) < len(paths):
            raise SalesforceAnswerError(400, "INVALID_FIELD", "duplicate field selected")
        statement = self._as_committed(rowids_statement(query, catalog, with_deleted=with_deleted))
        rowids = array("q", (rowid for (rowid,) in self._store.select(*compiled(statement))))
        return Selection(query.object, paths, rowids, len(rowids))

    def rows(self, selection: Selection, rowids: Sequence[int], version: str) -> list[dict[str, Any]]:
        """The rows with these numbers; one that was purged meanwhile is left out."""
        records = self._store.records(_PAGE, (orjson.dumps(list(rowids)).decode(),))
        return RowMaker(self._store, self.catalog(), version).rows(records, selection.paths)

    def first_page(self, soql: str, *, with_deleted: bool, version: str, size: int) -> dict[str, Any]:
        """A query's answer."""
        selection = self.selection(soql, with_deleted=with_deleted)
        return self._page(selection, 0, version, size)

    def next_page(self, locator: str, version: str, size: int) -> dict[str, Any]:
        """The page that a `nextRecordsUrl` names."""
        name, _, start = locator.rpartition("-")
        selection = self._locators.get(name)
        if selection is None or not start.isdecimal():
            raise SalesforceAnswerError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(selection, int(start), version, size, name)

    def _page(
        self, selection: Selection, start: int, version: str, size: int, locator: str | None = None
    ) -> dict[str, Any]:
        rows = self.rows(selection, selection.rowids[start : start + size], version) if selection.paths else []
        done = start + size >= len(selection.rowids)
        body: dict[str, Any] = {"totalSize": selection.total, "done": done}
        if not done:  # the path says query for queryAll too, as Salesforce does
            body["nextRecordsUrl"] = (
                f"/services/data/v{version}/query/{locator or self._remember(selection)}-{start + size}"
            )
        return {**body, "records": rows}

    def _remember(self, selection: Selection) -> str:
        self._made += 1
        name = f"01g5g0{self._made:09d}AAA"
        self._locators[name] = selection
        if len(self._locators) > KEPT_LOCATORS:
            self._locators.popitem(last=False)
        return name

    def _as_committed(self, statement: Select[Any]) -> Select[Any]:
        """Rows of a transaction that still runs are not to be seen."""
        hidden_from = self._stage.hidden_from_ms(SALESFORCE)
        return statement if hidden_from is None else statement.where(RECORDS.c.modified_ms < hidden_from)

    def _resolved(self, query: Query) -> Query:
        return replace(query, object=self.object_named(query.object))
