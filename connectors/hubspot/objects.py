"""Which HubSpot objects are read, and how: the whole list, or what changed in a window with all that hangs on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from connectors.errors import RequestRefusedError, UnknownFieldError
from connectors.hubspot.client import HubSpotClient, Query, next_after
from connectors.hubspot.records import association_records, owner_builder, record_builder, stage_results
from connectors.hubspot.search import Search
from connectors.landing import Sink, Window
from connectors.settings import HubSpotConnection
from connectors.sync import Sync, settled_count

PAGE_SIZE = 100
PAGE_SIZE_WITH_HISTORY = 50
OWNERS_PAGE_SIZE = 500
ASSOCIATION_INPUTS = 1_000  # HubSpot answers 400 to more
NO_ASSOCIATIONS = "NO_ASSOCIATIONS_FOUND"
NOT_FOUND = "OBJECT_NOT_FOUND"
MERGED = "hs_merged_object_ids"
ABOUT = ("contacts", "companies", "deals")


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One CRM object. Activities older than the connection's start are not asked for; people and companies always are."""

    name: str
    targets: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    cursor_property: str = "hs_lastmodifieddate"
    is_activity: bool = False

    @property
    def page_size(self) -> int:
        """Records in one page or batch: history halves it."""
        return PAGE_SIZE_WITH_HISTORY if self.history else PAGE_SIZE


OBJECTS = (  # the largest first, so that the threads end together
    ObjectSpec("calls", ABOUT, is_activity=True),
    ObjectSpec("emails", ABOUT, is_activity=True),
    ObjectSpec("contacts", ("companies",), cursor_property="lastmodifieddate"),
    ObjectSpec("meetings", ABOUT, is_activity=True),
    ObjectSpec("deals", ("contacts", "companies"), history=("dealstage",)),
    ObjectSpec("companies"),
    ObjectSpec("notes", ABOUT, is_activity=True),
)

OBJECT_NAMES = frozenset({*(spec.name for spec in OBJECTS), "owners", "pipelines"})


def start_jobs(sync: Sync, client: HubSpotClient, connection: HubSpotConnection) -> None:
    """Queue the reading of all objects."""
    for spec in OBJECTS:
        sync.workers.submit(ObjectJob(sync, client, connection, spec).run)
    sync.workers.submit(partial(read_owners, sync, client))
    sync.workers.submit(partial(read_stages, sync, client))


def fetch_property_names(client: HubSpotClient, object_name: str) -> frozenset[str]:
    """The properties that the account has and this token may see."""
    answer = client.get("properties", [], object=object_name)
    return frozenset(str(one["name"]) for one in answer["results"])


def unknown_fields(
    connection: HubSpotConnection, spec: ObjectSpec, known: frozenset[str]
) -> Iterator[UnknownFieldError]:
    """Each property that the field map names and the CRM does not have."""
    for key, source in connection.sources_of(spec.name):
        for name in source.crm_fields:
            if name not in known:
                yield UnknownFieldError(
                    connection.name, object_name=spec.name, key=key, field=name, origin=source.origin
                )


def read_owners(sync: Sync, client: HubSpotClient) -> None:
    """Owners, and those who left: the live list leaves them out."""
    sink = sync.sink("owners", sync.window("owners", from_start=False))
    build = owner_builder(sync.connection.name, sync.clock())
    for archived in ("false", "true"):
        query = [("limit", str(OWNERS_PAGE_SIZE)), ("archived", archived)]
        for results in client.pages("owners", query):
            sync.land("owners", sink, sync.records(results, build))


def read_stages(sync: Sync, client: HubSpotClient) -> None:
    """Deal stages of all pipelines, one record each."""
    sink = sync.sink("pipelines", sync.window("pipelines", from_start=False))
    build = record_builder(sync.connection.name, "pipelines", sync.clock())
    answer = client.get("pipelines", [], object="deals")
    sync.land("pipelines", sink, sync.records(stage_results(answer["results"]), build))


@dataclass
class ObjectJob:
    """Reads one object of one sync: records, tombstones, and the associations of what it read."""

    sync: Sync
    client: HubSpotClient
    connection: HubSpotConnection
    spec: ObjectSpec
    _waiting: dict[str, datetime] = field(
        default_factory=dict
    )  # ids whose associations are to be read, with their time of change

    def run(self) -> None:
        """Read it all into the landing folder."""
        name = self.spec.name
        window = self.sync.window(name, from_start=self.spec.is_activity)
        sink = self.sync.sink(name, window)
        search = Search(self.client, self.connection.name, name, self.spec.cursor_property)
        query = self._fields()
        before = search.count(window)
        read = (
            self._read_changed(search, query, sink) if self.sync.is_incremental(name) else self._read_list(query, sink)
        )
        self._read_archived(query, sink)
        self._read_associations(window, everything=True)
        sink.landed_count = len(read)
        sink.crm_count = settled_count(len(read), before=before, after=search.count(window))

    def _fields(self) -> dict[str, list[str]]:
        """What to ask for. Raises UnknownFieldError for a mapped property that the CRM does not have."""
        known = fetch_property_names(self.client, self.spec.name)
        for error in unknown_fields(self.connection, self.spec, known):
            raise error
        mapped = [name for _, source in self.connection.sources_of(self.spec.name) for name in source.crm_fields]
        filters = sorted(self.connection.filters_of(self.spec.name))
        always = [self.spec.cursor_property, *([MERGED] if MERGED in known else [])]
        fields = {"properties": list(dict.fromkeys([*mapped, *filters, *always]))}
        return {**fields, "propertiesWithHistory": list(self.spec.history)} if self.spec.history else fields

    def _read_list(self, fields: Mapping[str, list[str]], sink: Sink) -> set[str]:
        """The whole list; returns the ids that lie in the window, to be compared with the CRM's count."""
        read: set[str] = set()
        for results in self.client.pages("list", self._query(fields, archived=False), object=self.spec.name):
            read.update(self._land_living(results, sink))
        return read

    def _read_changed(self, search: Search, fields: Mapping[str, list[str]], sink: Sink) -> set[str]:
        """What search says has changed, read in batches: search itself knows no history and holds few properties."""
        read: set[str] = set()
        ids = iter(dict.fromkeys(search.ids(sink.window)))
        while batch := list(islice(ids, self.spec.page_size)):
            body = {**fields, "inputs": [{"id": one} for one in batch]}
            answer = self.client.post("batch_read", body, object=self.spec.name)
            self._land_living(answer["results"], sink)
            read.update(str(result.get("id")) for result in answer["results"])
            self._note_errors(answer)
        return read

    def _land_living(self, results: Sequence[Mapping[str, Any]], sink: Sink) -> list[str]:
        """Land one page and queue its associations; returns the ids whose change lies in the window."""
        records = self.sync.records(results, record_builder(self.connection.name, self.spec.name, self.sync.clock()))
        first = sink.window.start if self.spec.is_activity else None
        records = [record for record in records if first is None or record.modified_at >= first]
        self.sync.land(self.spec.name, sink, records)
        if self.spec.targets:
            self._waiting.update((record.id, record.modified_at) for record in records)
            self._read_associations(sink.window, everything=False)
        return [record.id for record in records if sink.window.has(record.modified_at)]

    def _read_archived(self, fields: Mapping[str, list[str]], sink: Sink) -> None:
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

    def _query(self, fields: Mapping[str, list[str]], *, archived: bool) -> Query:
        listed = [(name, value) for name, values in fields.items() for value in values]
        return [*listed, ("limit", str(self.spec.page_size)), ("archived", "true" if archived else "false")]

    def _note_errors(self, answer: Mapping[str, Any]) -> None:
        """A 207 names what it left out. Gone meanwhile is no error: the sweep brings the tombstone."""
        for error in answer.get("errors") or ():
            if error.get("category") != NOT_FOUND:
                reason = f"HubSpot would not hand it over ({error.get('category')})"
                for one in (error.get("context") or {}).get("ids") or ():
                    self.sync.reject(self.spec.name, reason=reason, payload=f'{{"id":"{one}"}}')

    def _read_associations(self, window: Window, *, everything: bool) -> None:
        """Queue the waiting ids' associations in full batches; `everything` takes the last, smaller one too."""
        while len(self._waiting) >= (1 if everything else ASSOCIATION_INPUTS):
            batch = dict(islice(self._waiting.items(), ASSOCIATION_INPUTS))
            for one in batch:
                del self._waiting[one]
            for target in self.spec.targets:
                self.sync.workers.submit(partial(self._land_associations, target, batch, window))

    def _land_associations(self, target: str, sources: Mapping[str, datetime], window: Window) -> None:
        name = f"associations.{self.spec.name}.{target}"
        found = AssociationReader(self.client, self.spec.name, target).read(list(sources))
        known = {one: moment for one, moment in sources.items() if one not in found.unknown}
        for one in sorted(found.unknown):
            self.sync.reject(name, reason="HubSpot would not tell its associations", payload=f'{{"id":"{one}"}}')
        sink = self.sync.sink(name, window)
        records = association_records(
            self.connection.name, name, known, targets=found.targets, extracted_at=self.sync.clock()
        )
        self.sync.land(name, sink, records)


@dataclass
class AssociationReader:
    """Reads the associations of many records with one other object. "Unknown" is never taken for "none"."""

    client: HubSpotClient
    object: str
    target: str
    targets: dict[str, list[Any]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def read(self, ids: Sequence[str]) -> "AssociationReader":
        """Ask for all of them; a batch that is refused because of one record is halved until that one is found."""
        try:
            self._ask([{"id": one} for one in ids])
        except RequestRefusedError as error:
            if error.status != 400:
                raise
            if len(ids) == 1:
                self.unknown.update(ids)
                return self
            middle = len(ids) // 2
            self.read(ids[:middle])
            self.read(ids[middle:])
        return self

    def _ask(self, inputs: list[dict[str, str]]) -> None:
        while inputs:
            answer = self.client.post("associations", {"inputs": inputs}, object=self.object, target=self.target)
            inputs = []
            for result in answer["results"]:
                source = str(result["from"]["id"])
                self.targets.setdefault(source, []).extend(result.get("to") or ())
                following = next_after(result)
                if following:
                    inputs.append({"id": source, "after": following})
            self._note_errors(answer)

    def _note_errors(self, answer: Mapping[str, Any]) -> None:
        for error in answer.get("errors") or ():
            if not str(error.get("subCategory") or "").endswith(NO_ASSOCIATIONS):
                context = error.get("context") or {}
                self.unknown.update(map(str, context.get("fromObjectId") or context.get("ids") or ()))
