"""How is one HubSpot object read? The whole list, or what changed in a window, with all that hangs on it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as midnight
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from connectors.hubspot.associations import ASSOCIATION_INPUTS, AssociationReader
from connectors.hubspot.client import HubSpotClient, Query
from connectors.hubspot.objects import OBJECTS, PAGE_SIZE, RATES, ObjectSpec, fetch_properties, fields_to_read, specs_of
from connectors.hubspot.proof import Arrivals
from connectors.hubspot.records import association_records, owner_builder, record_builder, stage_results
from connectors.hubspot.search import Search
from connectors.landing import Sink, Window, as_utc
from connectors.records import Record
from connectors.settings import HubSpotConnection
from connectors.sink import kept_records
from connectors.sync import IDS, Sync
from connectors.workers import Group

OWNERS_PAGE_SIZE = 500
NOT_FOUND = "OBJECT_NOT_FOUND"
MOST_NAMED = 100  # ids named in an error
MOST_QUERY_CHARACTERS = 2_000  # HubSpot answers 414 to an address that is too long, and does not say from where on

Fields = Mapping[str, list[str]]


def start_jobs(sync: Sync, client: HubSpotClient, connection: HubSpotConnection) -> None:
    """Queue the reading of all objects."""
    for spec in specs_of(connection):
        sync.start_group(spec.name, partial(_run, sync, client, connection, spec))
    sync.start_group("owners", lambda _: read_owners(sync, client))
    sync.start_group("pipelines", lambda _: read_stages(sync, client))
    if connection.exchange_rates:
        sync.start_group(RATES, lambda _: read_rates(sync, client))


def _run(sync: Sync, client: HubSpotClient, connection: HubSpotConnection, spec: ObjectSpec, group: Group) -> None:
    ObjectJob(sync, client, connection, spec, group).run()


def read_owners(sync: Sync, client: HubSpotClient) -> None:
    """Owners with their teams, and those who left: the live list leaves them out."""
    sink = sync.sink("owners", sync.window("owners", from_start=False, is_whole=True))
    build = owner_builder(sync.connection.name, sync.clock())
    for archived in ("false", "true"):
        query = [("limit", str(OWNERS_PAGE_SIZE)), ("archived", archived)]
        for results in client.pages("owners", query):
            sync.land("owners", sink, sync.records(results, build))


def read_stages(sync: Sync, client: HubSpotClient) -> None:
    """Deal stages of all pipelines, one record each. The list is whole: a stage that is no longer on it was deleted."""
    window = sync.window("pipelines", from_start=False, is_whole=True)
    sink = sync.sink("pipelines", window)
    build = record_builder(sync.connection.name, "pipelines", sync.clock())
    answer = client.get("pipelines", [], object="deals")
    sync.land("pipelines", sink, sync.records(stage_results(answer["results"]), build))
    sync.note_sweep(IDS, "pipelines", window)


def read_rates(sync: Sync, client: HubSpotClient) -> None:
    """Exchange rates with the moment from which they hold (scope settings.currencies.read). The list is whole."""
    window = sync.window(RATES, from_start=False, is_whole=True)
    sink = sync.sink(RATES, window)
    build = record_builder(sync.connection.name, RATES, sync.clock())
    for results in client.pages(RATES, []):
        sync.land(RATES, sink, sync.records(results, build))
    sync.note_sweep(IDS, RATES, window)


def left_out(client: HubSpotClient, connection: HubSpotConnection) -> list[str]:
    """How many records of each object are older than the connection's start, in words; objects without any are left out."""
    start = datetime.combine(connection.start, midnight(), tzinfo=UTC)
    found = []
    for spec in OBJECTS:
        if spec.is_activity:
            count = Search(client, connection.name, spec.name, spec.cursor_property).count(Window(None, start))
            found += [f"{count:,} {spec.name}"] if count else []
    return found


@dataclass
class ObjectJob:
    """Reads one object of one sync: records, tombstones, and the associations of what it read."""

    sync: Sync
    client: HubSpotClient
    connection: HubSpotConnection
    spec: ObjectSpec
    group: Group
    _read: Arrivals = field(init=False)
    _waiting: dict[str, datetime] = field(
        default_factory=dict
    )  # ids whose associations are to be read, with their time of change

    def run(self) -> None:
        """Read it all, or what changed, into the landing folder; then what sweeps are due."""
        name = self.spec.name
        known = fetch_properties(self.client, name)
        self.sync.note_fields(name, known)
        fields = fields_to_read(self.connection, self.spec, known)
        window = self.sync.window(name, from_start=self.spec.is_activity)
        sink = self.sync.sink(name, window)
        window = sink.window
        self._read = Arrivals(window, self.connection.overlap)
        search = Search(self.client, self.connection.name, name, self.spec.cursor_property)
        if self.sync.is_incremental(name):
            before = self._read_changed(search, fields, sink)
            self._read_again(fields, sink)
            self._reread_associations(search, window)
        else:
            before = self._read_list(search, fields, sink)
            self.sync.note_sweep(IDS, name, window)
        self._read_archived(fields, sink)
        self._prove(search, fields, sink, before)
        self._read_associations(window, everything=True)
        if self.sync.is_incremental(name) and self._is_id_check_due:
            self._list_ids(search)

    @property
    def _is_id_check_due(self) -> bool:
        return self.sync.is_due(IDS, self.spec.name, days=self.connection.id_check_days)

    def _read_list(self, search: Search, fields: Fields, sink: Sink) -> int:
        """The whole list; returns how many of them HubSpot has in the window."""
        place = self.sync.place(self.spec.name)
        for records in kept_records(sink.files):
            self._read.add(records)
        count = int(place["count"]) if place else search.count(sink.window)
        self.sync.expect(max(0, count - len(self._read.ids)))
        query, is_bare = self._query(fields, archived=False), _is_too_long(_listed(fields))
        for results, after in self.client.pages_after(place.get("after"), "list", query, object=self.spec.name):
            whole = self._filled(results, fields) if is_bare else results
            self._read.add(self._land_living(whole, sink))
            if after is not None and self.sync.is_place_due(sink):
                self._read_associations(sink.window, everything=True)
                self.group.settle()
                self.sync.keep_place(self.spec.name, {"count": count, "after": after})
        return count

    def _read_changed(self, search: Search, fields: Fields, sink: Sink) -> int:
        """What search says has changed; returns how many that are."""
        count, changes = search.changes(sink.window)
        self.sync.expect(count)
        ids = dict.fromkeys(str(result["id"]) for result in changes)
        self._read_batches(ids, fields, sink, is_last=False)
        # by id, not by count: a record that came instead of another would hide the one that is missing
        self._read_batches(self._read.ids.without(ids), fields, sink)
        return count

    def _read_batches(self, ids: Iterable[str], fields: Fields, sink: Sink, *, is_last: bool = True) -> None:
        """Records by id: search itself knows no history and holds few properties. What is refused the last time is put aside."""
        for answer in self._batches(ids, fields):
            self._land_living(answer["results"], sink)
            self._read.ids.update(str(result.get("id")) for result in answer["results"])
            if is_last:
                self._note_errors(answer)

    def _read_again(self, fields: Fields, sink: Sink) -> None:
        """What the last sync had to put aside, whenever it changed: whether it can be had by now is told by nothing but asking."""
        for answer in self._batches(self._read.ids.without(self.sync.again(self.spec.name)), fields):
            self._land_living(answer["results"], sink, of_window=False)
            self._note_errors(answer)

    def _batches(self, ids: Iterable[str], fields: Fields) -> Iterator[Mapping[str, Any]]:
        rest = iter(ids)
        while batch := list(islice(rest, self.spec.page_size)):
            yield self.client.post(
                "batch_read", {**fields, "inputs": [{"id": one} for one in batch]}, object=self.spec.name
            )

    def _prove(self, search: Search, fields: Fields, sink: Sink, before: int) -> None:
        """Compare with HubSpot's count. What it has and did not come is asked for once more, by id."""
        if len(self._read.ids) < self._read.crm_count(search, before=before):
            self._read_batches(self._missing(search, sink.window), fields, sink)
        sink.crm_count = self._read.crm_count(search, before=before)
        sink.landed_count = len(self._read.ids)
        if sink.landed_count < sink.crm_count:
            aside = self.sync.put_aside(self.spec.name)
            missing = [one for one in self._missing(search, sink.window) if one not in aside]
            sink.missing_ids = tuple(missing[:MOST_NAMED])

    def _missing(self, search: Search, window: Window) -> list[str]:
        return self._read.ids.without(dict.fromkeys(search.ids(window)))

    def _land_living(self, results: Sequence[Mapping[str, Any]], sink: Sink, *, of_window: bool = True) -> list[Record]:
        """Land one page and queue its associations; returns what landed."""
        records = self.sync.records(results, record_builder(self.connection.name, self.spec.name, self.sync.clock()))
        first = sink.window.start if self.spec.is_activity and of_window else None
        records = [record for record in records if first is None or record.modified_at >= first]
        self.sync.land(self.spec.name, sink, records)
        if self.spec.targets:
            self._waiting.update((record.id, record.modified_at) for record in records)
            self._read_associations(sink.window, everything=False)
        return records

    def _read_archived(self, fields: Fields, sink: Sink) -> None:
        """Tombstones: search never shows an archived record, so each sync sweeps their list for those of its window."""
        build = record_builder(self.connection.name, self.spec.name, self.sync.clock())
        for results in self.client.pages("list", self._query(fields, archived=True), object=self.spec.name):
            records = self.sync.records(results, build)
            fresh = [one for one in records if sink.window.start is None or one.modified_at >= sink.window.start]
            self.sync.land(self.spec.name, sink, fresh)
            self._bury_associations({one.id: one.modified_at for one in fresh}, sink.window)

    def _bury_associations(self, sources: Mapping[str, datetime], window: Window) -> None:
        """An archived record takes its associations with it: HubSpot tells nothing of them any more."""
        for target in self.spec.targets if sources else ():
            name = f"associations.{self.spec.name}.{target}"
            records = association_records(
                self.connection.name, name, sources, targets=None, extracted_at=self.sync.clock()
            )
            self.sync.land(name, self.sync.sink(name, window), records)

    def _list_ids(self, search: Search) -> None:
        """Every id that the account has of the object: what is not among them has been purged."""
        window = self.sync.window(self.spec.name, from_start=self.spec.is_activity, is_whole=True)
        sink = self.sync.note_sweep(IDS, self.spec.name, window)
        build = record_builder(self.connection.name, self.spec.name, self.sync.clock())
        listed = Arrivals(window, self.connection.overlap)
        before = search.count(window)
        query = [("properties", self.spec.cursor_property), ("limit", str(PAGE_SIZE)), ("archived", "false")]
        for results in self.client.pages("list", query, object=self.spec.name):
            records = [one for one in self.sync.records(results, build) if self._is_wanted(one.modified_at, window)]
            sink.add(records)
            listed.add(records)
        sink.landed_count = len(listed.ids)
        sink.crm_count = listed.crm_count(search, before=before)

    def _is_wanted(self, moment: datetime, window: Window) -> bool:
        return window.start is None or moment >= window.start

    def _filled(self, results: Sequence[Mapping[str, Any]], fields: Fields) -> Sequence[Mapping[str, Any]]:
        """With all their fields, asked for by id where no address holds these. What does not come then, the proof misses."""
        ids = [str(one["id"]) for one in results if one.get("id")]
        return [one for answer in self._batches(ids, fields) for one in answer["results"]]

    def _query(self, fields: Fields, *, archived: bool) -> Query:
        listed = _listed(fields)
        listed = [] if _is_too_long(listed) else listed
        return [*listed, ("limit", str(self.spec.page_size)), ("archived", "true" if archived else "false")]

    def _note_errors(self, answer: Mapping[str, Any]) -> None:
        """A 207 names what it left out. Gone meanwhile is no error: the sweep brings the tombstone."""
        for error in answer.get("errors") or ():
            if error.get("category") != NOT_FOUND:
                reason = f"HubSpot would not hand it over ({error.get('category')})"
                for one in (error.get("context") or {}).get("ids") or ():
                    self.sync.reject(self.spec.name, reason=reason, payload=f'{{"id":"{one}"}}', record_id=str(one))

    def _reread_associations(self, search: Search, window: Window) -> None:
        """Queue the records that changed some weeks before the window, too: a new association does not touch its record.

        Those that numbers hang on each time, others when ids are compared.
        """
        days = self.connection.association_days
        is_due = self.spec.rereads or (bool(self.spec.targets) and self._is_id_check_due)
        if not (is_due and days) or window.start is None:
            return
        _, results = search.changes(Window(window.start - timedelta(days=days), window.start))
        for result in results:
            self._waiting[str(result["id"])] = as_utc(str(result["updatedAt"]))
            self._read_associations(window, everything=False)

    def _read_associations(self, window: Window, *, everything: bool) -> None:
        """Queue the waiting ids' associations in full batches; `everything` takes the last, smaller one too."""
        while len(self._waiting) >= (1 if everything else ASSOCIATION_INPUTS):
            batch = dict(islice(self._waiting.items(), ASSOCIATION_INPUTS))
            for one in batch:
                del self._waiting[one]
            for target in self.spec.targets:
                self.group.submit(partial(self._land_associations, target, batch, window))

    def _land_associations(self, target: str, sources: Mapping[str, datetime], window: Window) -> None:
        name = f"associations.{self.spec.name}.{target}"
        found = AssociationReader(self.client, self.spec.name, target).read(list(sources))
        known = {one: moment for one, moment in sources.items() if one not in found.unknown}
        for one in sorted(found.unknown):
            reason, payload = "HubSpot would not tell its associations", f'{{"id":"{one}"}}'
            self.sync.reject(name, reason=reason, payload=payload, record_id=one)
        sink = self.sync.sink(name, window)
        records = association_records(
            self.connection.name, name, known, targets=found.targets, extracted_at=self.sync.clock()
        )
        self.sync.land(name, sink, records)


def _listed(fields: Fields) -> Query:
    return [(name, value) for name, values in fields.items() for value in values]


def _is_too_long(query: Query) -> bool:
    return len(urlencode(query)) > MOST_QUERY_CHARACTERS
