"""Which CRMs are asked, how, and which of their fields mean what: connections.yaml with each CRM's field map under it."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from connectors.errors import SettingsError
from connectors.yaml_lines import as_plain, line_of, load_yaml, shown, validated, with_origin

SANDBOX = "sandbox"
LOOPBACK_URL = re.compile(r"http://127\.0\.0\.1:\d+")
HTTPS_URL = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?")


class Crm(StrEnum):
    """The CRMs that there is a connector for."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    FILES = "files"


def checked_url(url: str) -> str:
    """Return the address without its last slash; refuse plain http to anything but this machine.

    >>> checked_url("https://api.hubapi.com/")
    'https://api.hubapi.com'
    """
    bare = url.rstrip("/")
    if bare == SANDBOX or LOOPBACK_URL.fullmatch(bare) or HTTPS_URL.fullmatch(bare):
        return bare
    raise ValueError("an https:// address, http://127.0.0.1:PORT, or sandbox")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSource(_Settings):
    """Where one canonical field comes from: exactly one of `from`, `first`, `join`, `given` with `family`, and `constant`.

    `sources` are candidates: the first that has a value counts. `first` is a HubSpot property whose oldest value counts.
    `origin` is the file and line that says so.
    """

    sources: tuple[str, ...] = Field(default=(), alias="from")
    first: str | None = None
    join: tuple[str, ...] = ()
    given: str | None = None
    family: str | None = None
    constant: str | None = None
    values: dict[str, str] | None = None
    default: str | None = None
    divide: float | None = Field(default=None, gt=0)
    origin: str = ""

    @model_validator(mode="after")
    def _has_one_source(self) -> "FieldSource":
        if (self.given is None) != (self.family is None):
            raise ValueError("given and family together")
        sources = (self.sources, self.first, self.join, self.given, self.constant is not None)
        if sum(map(bool, sources)) != 1:
            raise ValueError("exactly one of from, first, join, given with family, and constant")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """CRM fields all of which make the value."""
        return self.join if self.given is None or self.family is None else (self.given, self.family)

    @property
    def crm_fields(self) -> tuple[str, ...]:
        """All CRM fields (or paths) that it reads."""
        return self.sources + self.parts + ((self.first,) if self.first else ())


class ObjectMap(_Settings):
    """One CRM object that gives rows of an entity: canonical field <- CRM field.

    Records must meet all of `where`; one that has a value of `unless` is none of the entity. A field of `unless` that the CRM
    does not have excludes nothing.
    """

    object: str
    where: dict[str, str] = {}
    unless: dict[str, str] = {}
    fields: dict[str, FieldSource]


class LinkColumn(_Settings):
    """A column of an export that leads to another record: by its id in the same exports, or by a person's e-mail or phone."""

    to: Literal["contact", "company", "deal"]
    by: Literal["id", "email", "phone"] = "id"
    column: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.by != "id" and self.to != "contact":
            raise ValueError("by: id; only a contact is found by e-mail or phone")
        return self


class FileObject(ObjectMap):
    """Exports of one object: which files, how they are read, and what their columns mean.

    `complete`: together the files are all that there is, so that a record which left them is deleted.
    """

    object: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    files: str = Field(pattern=r"^[^/~]")
    id: str
    modified_at: str | None = None
    complete: bool = False
    encoding: Literal["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16", "latin-1"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] | None = None  # None: a tab in .tsv files, else a comma
    sheet: str | None = None  # None: the workbook's first
    header_line: int = Field(default=1, ge=1)
    links: tuple[LinkColumn, ...] = ()
    origin: str = ""

    @property
    def reading(self) -> str:
        """All that decides which records the files give: when it changes they are read again."""
        return self.model_dump_json(exclude={"where", "unless", "fields", "links", "origin", "complete"})


FieldMap = dict[str, tuple[ObjectMap, ...]]
FieldChanges = dict[str, dict[str, dict[str, FieldSource]]]


class HubSpotLimits(_Settings):
    """What the account's edition allows. The defaults are those of Professional, a little below."""

    requests_per_10_seconds: int = Field(default=190, gt=0)
    searches_per_second: int = Field(default=4, gt=0)
    requests_per_day: int = Field(default=650_000, gt=0)


class SalesforceLimits(_Settings):
    """What the org's apps may use a day together (none: what the org itself says), and the share of it left to others."""

    requests_per_day: int | None = Field(default=None, gt=0)
    reserve_for_others: float = Field(default=0.2, ge=0, lt=1)


class _Connection(_Settings):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    url: Annotated[str, AfterValidator(checked_url)]
    start: date
    record_url: str
    # A record may appear in the CRM's index an hour after its time stamp: each window reaches back this far.
    overlap_minutes: int = Field(default=60, ge=0)
    workers: int = Field(default=4, ge=1, le=8)
    # Records purged from the CRM leave no trace: all ids are compared this often. 0: never.
    id_check_days: int = Field(default=7, ge=0)
    # Read the CRM's own dated exchange rates, too: team.yaml says whether they count. Few accounts have any, so off by default.
    exchange_rates: bool = False
    fields: FieldChanges = {}
    field_map: Mapping[
        str, tuple[ObjectMap, ...]
    ] = {}  # the CRM's own map with `fields` laid over it; filled by load_connections

    @property
    def is_sandbox(self) -> bool:
        """The built-in demo company: it has neither rate limits nor a lagging index."""
        return self.url == SANDBOX

    @property
    def overlap(self) -> timedelta:
        """How far each incremental window reaches back before the cursor."""
        return timedelta(minutes=self.overlap_minutes)

    def sources_of(self, object_name: str) -> Iterable[tuple[str, FieldSource]]:
        """All (canonical field, source) pairs that read this CRM object."""
        for entity, maps in self.field_map.items():
            for item in maps:
                if item.object == object_name:
                    yield from ((f"{entity}.{field}", source) for field, source in item.fields.items())

    def filters_of(self, object_name: str) -> frozenset[str]:
        """The CRM fields that a `where` of this object reads."""
        return frozenset(field for item in self._maps_of(object_name) for field in item.where)

    def exclusions_of(self, object_name: str) -> frozenset[str]:
        """The CRM fields that an `unless` of this object reads."""
        return frozenset(field for item in self._maps_of(object_name) for field in item.unless)

    def _maps_of(self, object_name: str) -> Iterable[ObjectMap]:
        return (item for maps in self.field_map.values() for item in maps if item.object == object_name)


class _WithoutHistory(_Connection):
    """A source that hands out no history of fields."""

    @model_validator(mode="after")
    def _asks_for_no_history(self) -> Self:
        own = ((entity, fields) for entity, objects in self.fields.items() for fields in objects.values())
        given = ((entity, item.fields) for entity, items in self.field_map.items() for item in items)
        for entity, fields in (*own, *given):
            for name in (name for name, source in fields.items() if source.first):
                raise ValueError(
                    f"{entity}.{name} from a field that keeps the first value: only HubSpot hands its history out"
                )
        return self


class HubSpotConnection(_Connection):
    """A HubSpot account. `token_env` is the name of the environment variable, never the token."""

    crm: Literal[Crm.HUBSPOT]
    token_env: str = "HUBSPOT_ACCESS_TOKEN"  # noqa: S105 - a variable's name
    limits: HubSpotLimits = HubSpotLimits()
    lag_seconds: int = Field(default=60, ge=0)  # search may take "a few moments" to know a change
    # A changed association does not touch its record: those of meetings and deals changed this many days ago are read again.
    association_days: int = Field(default=30, ge=0)
    # Family of paths: HubSpot retires v3/v4 in 2027 for dated ones.
    api_version: Literal["v3", "2026-09"] = "v3"

    @property
    def lag(self) -> timedelta:
        """How far a window's end stays behind the clock."""
        return timedelta(0) if self.is_sandbox else timedelta(seconds=self.lag_seconds)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the environment variables that it may need."""
        return (self.token_env,)


class SalesforceConnection(_WithoutHistory):
    """A Salesforce org. The `_env` fields are names of environment variables, never secrets."""

    crm: Literal[Crm.SALESFORCE]
    client_id_env: str = "SALESFORCE_CLIENT_ID"
    client_secret_env: str = "SALESFORCE_CLIENT_SECRET"  # noqa: S105 - a variable's name
    username_env: str = "SALESFORCE_USERNAME"
    private_key_file_env: str = "SALESFORCE_PRIVATE_KEY_FILE"
    password_env: str = "SALESFORCE_PASSWORD"  # noqa: S105 - a variable's name
    security_token_env: str = "SALESFORCE_SECURITY_TOKEN"  # noqa: S105 - a variable's name
    limits: SalesforceLimits = SalesforceLimits()
    lag_seconds: int = Field(default=300, ge=0)  # rows may be committed minutes after their SystemModstamp
    api_version: str = Field(default="59.0", pattern=r"^\d+\.0$")
    # From how many records on an object is read through Bulk API 2.0 instead of REST. 0: always by REST.
    bulk_from: int = Field(default=50_000, ge=0)
    # Formula fields and parents' fields change without a trace on the record: objects with a mapped one are read as a
    # whole this often. 0: mapping such a field is an error.
    formula_refresh_days: int = Field(default=1, ge=0)

    @property
    def lag(self) -> timedelta:
        """How far a window's end stays behind the clock."""
        return timedelta(0) if self.is_sandbox else timedelta(seconds=self.lag_seconds)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the environment variables that it may need."""
        return (
            self.client_id_env,
            self.client_secret_env,
            self.username_env,
            self.private_key_file_env,
            self.password_env,
            self.security_token_env,
        )


def checked_zone(name: str) -> str:
    """Return the name of a time zone; refuse what is none."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone such as Asia/Tokyo") from error
    return name


class FilesConnection(_WithoutHistory):
    """Exports in a folder. `zone` is that of times written without one; a relative folder counts from connections.yaml."""

    crm: Literal[Crm.FILES]
    url: Literal["files"] = "files"
    start: date = date(1970, 1, 1)
    record_url: str = ""
    folder: Path
    zone: Annotated[str, AfterValidator(checked_zone)]
    workers: int = Field(default=1, ge=1, le=8)
    field_map: Mapping[str, tuple[FileObject, ...]]

    @model_validator(mode="after")
    def _reads_an_object_in_one_way(self) -> Self:
        for item in (item for items in self.field_map.values() for item in items):
            first = self.exports[item.object]
            if (item.reading, item.complete) != (first.reading, first.complete):
                raise ValueError(f"the same files, id, modified_at, complete and form wherever object is {item.object}")
        return self

    @property
    def exports(self) -> dict[str, FileObject]:
        """How each object is read; it may give rows of several entities."""
        found: dict[str, FileObject] = {}
        for items in self.field_map.values():
            for item in items:
                found.setdefault(item.object, item)
        return found

    @property
    def lag(self) -> timedelta:
        """A file is known at once."""
        return timedelta(0)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """None are needed."""
        return ()


Connection = HubSpotConnection | SalesforceConnection | FilesConnection


def load_connections(path: Path) -> tuple[Connection, ...]:
    """Read the connections in the file's order, each with its whole field map. The field maps lie beside this module."""
    document = load_yaml(path)
    entries = _entries(path, document)
    connections = tuple(_connection(path, document, index) for index in range(len(entries)))
    _check_names_differ(path, document, connections)
    return connections


def merge_field_maps(standard: FieldMap, changes: FieldChanges) -> FieldMap:
    """Lay an organisation's own fields over the standard ones: field by field; new objects and entities are added."""
    merged = dict(standard)
    for entity, objects in changes.items():
        known = {item.object: item for item in merged.get(entity, ())}
        for name, fields in objects.items():
            base = known.get(name, ObjectMap(object=name, fields={}))
            known[name] = base.model_copy(update={"fields": {**base.fields, **fields}})
        merged[entity] = tuple(known.values())
    return merged


@cache  # a part of this program: an organisation's own fields stand in connections.yaml
def load_field_map(crm: Crm) -> FieldMap:
    """Read the standard field map of a CRM."""
    path = Path(__file__).parent / crm.value / "field_map.yaml"
    document = load_yaml(path)
    prepared = {
        entity: [
            {**item, "fields": with_origin(path, document, item["fields"], (entity, i, "fields"))}
            for i, item in enumerate(items)
        ]
        for entity, items in as_plain(document).items()
    }
    return validated(TypeAdapter(FieldMap), prepared, file=path, document=document, prefix=())


def _entries(path: Path, document: Any) -> list[Any]:
    entries = document.get("connections") if isinstance(document, Mapping) else None
    if isinstance(entries, list) and entries and set(document) == {"connections"}:
        return entries
    raise SettingsError(
        path, line=1, key="connections", found=shown(entries), allowed="a list of connections, and nothing beside it"
    )


def _connection(path: Path, document: Any, index: int) -> Connection:
    prefix: tuple[str | int, ...] = ("connections", index)
    raw = as_plain(document["connections"][index])
    crm = raw.get("crm") if isinstance(raw, dict) else None
    if crm not in set(Crm):
        line = line_of(document, (*prefix, "crm"))
        raise SettingsError(path, line=line, key="crm", found=shown(crm), allowed="hubspot, salesforce or files")
    if crm == Crm.FILES:
        return _files_connection(path, document, prefix, raw)
    raw["fields"] = {
        entity: {
            name: with_origin(path, document, fields, (*prefix, "fields", entity, name))
            for name, fields in objects.items()
        }
        for entity, objects in (raw.get("fields") or {}).items()
    }
    model: type[HubSpotConnection] | type[SalesforceConnection] = (
        HubSpotConnection if crm == Crm.HUBSPOT else SalesforceConnection
    )
    connection: Connection = validated(TypeAdapter(model), raw, file=path, document=document, prefix=prefix)
    return connection.model_copy(update={"field_map": merge_field_maps(load_field_map(Crm(crm)), connection.fields)})


def _files_connection(path: Path, document: Any, prefix: tuple[str | int, ...], raw: dict[str, Any]) -> FilesConnection:
    """Exports have no standard field map: the whole of it stands in the connection."""
    raw["field_map"] = {
        entity: [
            _file_object(path, document, item, (*prefix, "field_map", entity, i)) if isinstance(item, dict) else item
            for i, item in enumerate(items or ())
        ]
        for entity, items in (raw.get("field_map") or {}).items()
    }
    connection = validated(TypeAdapter(FilesConnection), raw, file=path, document=document, prefix=prefix)
    return connection.model_copy(update={"folder": (path.parent / connection.folder).resolve()})


def _file_object(path: Path, document: Any, item: dict[str, Any], place: tuple[str | int, ...]) -> dict[str, Any]:
    fields = with_origin(path, document, item.get("fields") or {}, (*place, "fields"))
    origin = f"{path.parent.name}/{path.name}:{line_of(document, (*place, 'id'))}"
    return {**item, "fields": fields, "origin": origin}


def _check_names_differ(path: Path, document: Any, connections: tuple[Connection, ...]) -> None:
    names = [connection.name for connection in connections]
    for index, name in enumerate(names):
        if name in names[:index]:
            line = line_of(document, ("connections", index, "name"))
            raise SettingsError(
                path, line=line, key="name", found=f"'{name}' a second time", allowed="a name for each connection"
            )
