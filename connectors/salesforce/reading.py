"""How is one Salesforce object read? queryAll over a window of its time of change, in the order of time and Id; much of it in bulk."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as midnight
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import orjson

from connectors.errors import BulkJobError, ObjectGoneError, RecordRejectedError, RequestRefusedError
from connectors.landing import Place, Sink, Window, as_utc
from connectors.records import Record
from connectors.salesforce import soql
from connectors.salesforce.bulk import JOB, read_bulk
from connectors.salesforce.client import INVALID_FIELD, LOST_LOCATOR, Page, SalesforceClient
from connectors.salesforce.objects import (
    OBJECTS,
    Known,
    ObjectSpec,
    fetch_known,
    fields_to_read,
    hidden_of_parents,
    objects_of,
)
from connectors.settings import SalesforceConnection
from connectors.sync import IDS, REFRESH, Sync, settled_count
from connectors.workers import Group

logger = logging.getLogger(__name__)

MOST_RESTARTS = 5  # of one object's query after a lost locator
MOST_QUERY_CHARACTERS = 12_000  # Salesforce takes 16,384 bytes for address and headers together
MOST_NAMED = 100  # ids named in an error

Row = dict[str, Any]


def start_jobs(sync: Sync, client: SalesforceClient, connection: SalesforceConnection) -> None:
    """Queue the reading of all objects."""
    for spec in objects_of(connection):
        sync.start_group(spec.name, ObjectReader(sync, client, connection, spec).run)


def left_out(client: SalesforceClient, connection: SalesforceConnection) -> list[str]:
    """How many records of each object are older than the connection's start, in words; objects without any are left out."""
    start = datetime.combine(connection.start, midnight(), tzinfo=UTC)
    found = []
    for spec in OBJECTS:
        if spec.is_activity and not spec.is_optional:
            where = soql.within(spec.cursor_field, None, start)
            count = client.count(soql.count(spec.name, where=where), what=f"count {spec.name}")
            found += [f"{count:,} {spec.name}"] if count else []
    return found


@dataclass
class ObjectReader:
    """Reads one object of one sync into the landing folder, and compares with the org's own count."""

    sync: Sync
    client: SalesforceClient
    connection: SalesforceConnection
    spec: ObjectSpec
    known: Known = field(init=False)

    def run(self, _group: Group) -> None:
        """Read it all, or what changed; then what sweeps are due."""
        known = fetch_known(self.client, self.spec)
        if known is None:
            if self.sync.is_incremental(self.spec.name):
                raise ObjectGoneError(self.connection.name, object_name=self.spec.name)
            return
        self.known = known
        self.sync.note_fields(self.spec.name, known.types)
        fields = fields_to_read(self.connection, self.spec, known)
        is_refreshed = any(map(known.changes_silently, fields)) and self._is_due(REFRESH)
        window = self.sync.window(
            self.spec.name, from_start=self.spec.is_activity, is_whole=self.spec.is_whole or is_refreshed
        )
        sink = self.sync.sink(self.spec.name, window)
        window = sink.window
        try:
            self._read_window(sink, fields)
        except RequestRefusedError as refused:
            self._name_hidden(refused)
            raise
        if is_refreshed:
            self.sync.note_sweep(REFRESH, self.spec.name, window)
        if self.spec.is_whole or is_refreshed or not self.sync.is_incremental(self.spec.name):
            self.sync.note_sweep(IDS, self.spec.name, window)
        elif self._is_due(IDS):
            self._list_ids()

    def _name_hidden(self, refused: RequestRefusedError) -> None:
        """Raise the error that names the field for which a whole query was refused, if that is why."""
        if refused.code == INVALID_FIELD:
            for error in hidden_of_parents(self.connection, self.spec, self.client):
                raise error from refused

    def _is_due(self, sweep: str) -> bool:
        days = self.connection.id_check_days if sweep == IDS else self.connection.formula_refresh_days
        return self.sync.is_due(sweep, self.spec.name, days=days)

    def _read_window(self, sink: Sink, fields: Sequence[str]) -> None:
        conditions = self._conditions(sink.window)
        place = self.sync.place(self.spec.name)
        before = int(place["count"]) if place else self._count(conditions)
        self.sync.expect(max(0, before - len(sink.landed_ids())))
        for rows, following in self._rows(fields, conditions, before, place) if before else ():
            build = partial(_record, self.connection.name, self.spec, self.sync.clock())
            self.sync.land(self.spec.name, sink, self.sync.records(rows, build))
            if following and self.sync.is_place_due(sink):
                self.sync.keep_place(self.spec.name, {"count": before, **following})
        landed = sink.landed_count = len(sink.landed_ids())
        after = before if landed == before else self._count(conditions)
        sink.crm_count = settled_count(landed, before=before, after=after)
        if landed < sink.crm_count:
            ids = (str(row["Id"]) for rows, _ in self._pages(self._clock_fields(), conditions, {}) for row in rows)
            aside = self.sync.put_aside(self.spec.name)
            sink.missing_ids = tuple([one for one in sink.landed_ids().without(ids) if one not in aside][:MOST_NAMED])

    def _list_ids(self) -> None:
        """Every id that the org has of the object: what is not among them has been purged."""
        window = self.sync.window(self.spec.name, from_start=self.spec.is_activity, is_whole=True)
        sink = self.sync.note_sweep(IDS, self.spec.name, window)
        conditions = self._conditions(window)
        before = self._count(conditions)
        for rows, _ in self._rows(self._clock_fields(), conditions, before, {}) if before else ():
            build = partial(_record, self.connection.name, self.spec, self.sync.clock())
            sink.add(self.sync.records(rows, build))
        landed = sink.landed_count = len(sink.landed_ids())
        after = before if landed == before else self._count(conditions)
        sink.crm_count = settled_count(landed, before=before, after=after)

    def _conditions(self, window: Window) -> list[str]:
        return [] if self.spec.is_whole else soql.within(self.spec.cursor_field, window.start, window.end)

    def _count(self, conditions: Sequence[str]) -> int:
        return self.client.count(soql.count(self.spec.name, where=conditions), what=f"count {self.spec.name}")

    def _clock_fields(self) -> list[str]:
        return ["Id", self.spec.cursor_field, *(["IsDeleted"] if "IsDeleted" in self.known.types else [])]

    def _rows(
        self, fields: Sequence[str], conditions: Sequence[str], count: int, place: Place
    ) -> Iterator[tuple[list[Row], Place]]:
        """The rows by whichever API suits so many, REST where Bulk does not work out; with each part of them where the next begins.

        An empty place is none: before the first row, or within a page.
        """
        if JOB in place or ("last" not in place and 0 < self.connection.bulk_from <= count):
            query = soql.select(fields, self.spec.name, where=conditions)
            rows = read_bulk(
                self.client,
                connection=self.connection.name,
                object_name=self.spec.name,
                query=query,
                types=self.known.types,
                place=place,
                keeps_job=self.sync.keeps_places,
            )
            try:
                yield from rows
                return
            except BulkJobError as error:  # raised before the first row
                logger.warning("%s; reading by REST", error)
        yield from self._pages(fields, conditions, place)

    def _pages(
        self, fields: Sequence[str], conditions: Sequence[str], place: Place
    ) -> Iterator[tuple[list[Row], Place]]:
        """All pages by REST. More fields than an address can hold are asked for in parts and put together by Id."""
        first, *others = self._parts(fields, conditions)
        if "last" in place:
            conditions = [*conditions, self._beyond(*place["last"])]
        for rows in self._part_pages(first, conditions):
            following = {"last": [rows[-1][self.spec.cursor_field], rows[-1]["Id"]]} if rows else {}
            if others and rows:
                rows = self._completed(rows, others, conditions)
            yield rows, following

    def _parts(self, fields: Sequence[str], conditions: Sequence[str]) -> list[list[str]]:
        keys = ["Id", self.spec.cursor_field]
        parts = [list(keys)]
        room = MOST_QUERY_CHARACTERS - len(quote_plus(soql.select(keys, self.spec.name, where=conditions))) - 1_000
        left = room
        for name in (name for name in fields if name not in keys):
            needed = len(quote_plus(f", {name}"))
            if needed > left:
                parts.append(list(keys))
                left = room
            parts[-1].append(name)
            left -= needed
        return parts

    def _completed(self, rows: list[Row], parts: Sequence[list[str]], conditions: Sequence[str]) -> list[Row]:
        """Rows with the other parts' fields. One that changed meanwhile has left the window: the next sync has it."""
        first, last = (as_utc(str(row[self.spec.cursor_field])) for row in (rows[0], rows[-1]))
        here = [*conditions, f"{soql.name(self.spec.cursor_field)} >= {soql.moment(first)}"]
        here.append(soql.up_to(self.spec.cursor_field, last, str(rows[-1]["Id"])))
        whole = {str(row["Id"]): row for row in rows}
        for part in parts:
            found = {str(row["Id"]): row for page in self._part_pages(part, here) for row in page}
            whole = {one: {**row, **found[one]} for one, row in whole.items() if one in found}
        return list(whole.values())

    def _part_pages(self, fields: Sequence[str], conditions: Sequence[str]) -> Iterator[list[Row]]:
        """All pages of a query. A lost locator is never taken up again: the query starts anew after the last row seen."""
        last: Mapping[str, Any] | None = None
        restarts = 0
        page = self._first_page(fields, conditions)
        while True:
            rows = page["records"]
            last = rows[-1] if rows else last
            yield rows
            if page["done"]:
                return
            try:
                page = self.client.next_page(page["nextRecordsUrl"], what=f"next page of {self.spec.name}")
            except RequestRefusedError as error:
                restarts += 1
                if error.code != LOST_LOCATOR or restarts > MOST_RESTARTS or last is None:
                    raise
                after = self._beyond(last[self.spec.cursor_field], last["Id"])
                page = self._first_page(fields, [*conditions, after])

    def _beyond(self, moment: str, record_id: str) -> str:
        return soql.beyond(self.spec.cursor_field, as_utc(moment), record_id)

    def _first_page(self, fields: Sequence[str], conditions: Sequence[str]) -> Page:
        query = soql.select(fields, self.spec.name, where=conditions, order=(self.spec.cursor_field, "Id"))
        return self.client.query(query, what=f"query {self.spec.name}")


def _record(connection: str, spec: ObjectSpec, extracted_at: Any, row: dict[str, Any]) -> Record:
    """One row without what the API adds to it."""
    plain = _without_attributes(row)
    try:
        modified_at = as_utc(str(row[spec.cursor_field]))
        record_id = str(row["Id"])
    except (KeyError, ValueError) as error:
        raise RecordRejectedError(spec.name, reason="it has no id or no time of change") from error
    return Record(
        connection=connection,
        object=spec.name,
        id=record_id,
        modified_at=modified_at,
        is_deleted=bool(row.get("IsDeleted")),
        extracted_at=extracted_at,
        payload=orjson.dumps(plain).decode(),
    )


def _without_attributes(value: dict[str, Any]) -> dict[str, Any]:
    if dict not in map(type, value.values()):  # as in bulk: nothing to take out
        return value
    plain = {**value}
    plain.pop("attributes", None)
    for key, inner in plain.items():
        if type(inner) is dict:
            plain[key] = _without_attributes(inner)
    return plain
