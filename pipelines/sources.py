"""From the CRMs into the warehouse: extraction to landing files, then rows, cursors and proof in one transaction."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from connectors.errors import ConnectorError, UnknownFieldError
from connectors.extract import extract
from connectors.records import Landed
from connectors.sandbox.server import SANDBOX_SECRETS
from connectors.settings import Connection, Crm, FilesConnection
from connectors.sync import Progress
from models.tables import cursors, quarantine
from pipelines.agreement import current_agreement, current_connections
from pipelines.field_uses import uses_of
from pipelines.loading import WHOLE_SYNC, Loaded, load_landed
from pipelines.sandbox import sandbox_addresses
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

# where a connection leads once its secrets are set, though connections.yaml still says `sandbox`
REAL_ADDRESS_ENV = {Crm.HUBSPOT: "HUBSPOT_BASE_URL", Crm.SALESFORCE: "SALESFORCE_LOGIN_URL"}
PUBLIC_ADDRESS = {Crm.HUBSPOT: "https://api.hubapi.com"}


def configured_connections(settings: Settings) -> tuple[Connection, ...]:
    """The connections as they are asked tonight: an address in the environment wins over the file.

    A connection left at `sandbox` leads to its CRM as soon as one of its secrets is set.
    """
    return tuple(_addressed(settings, connection) for connection in current_connections(settings))


def _addressed(settings: Settings, connection: Connection) -> Connection:
    if isinstance(connection, FilesConnection):
        return connection
    url = settings.secret(REAL_ADDRESS_ENV[connection.crm])
    has_secrets = any(settings.secret(name) for name in connection.secret_names)
    if url is None and connection.is_sandbox and has_secrets:
        url = PUBLIC_ADDRESS.get(connection.crm)
    return connection.model_copy(update={"url": url.rstrip("/")}) if url else connection


def sandbox_day(settings: Settings) -> date:
    """The day up to which a new demo company works: the last whole day in the team's zone."""
    zone = current_agreement(settings).team.tz
    return datetime.now(UTC).astimezone(zone).date() - timedelta(days=1)


def extract_sources(
    settings: Settings,
    connections: Sequence[Connection],
    *,
    as_of: date,
    is_full: bool,
    report: Callable[[str], object],
) -> dict[str, Landed | ConnectorError]:
    """Read connections side by side; one that cannot be read gives its error and does not keep the others back.

    An interruption of the caller, such as Ctrl-C, ends all of them after the requests that are under way.
    """
    stop = threading.Event()
    warehouse = Warehouse(settings.warehouse)
    known, aside = _cursors(warehouse), put_aside(warehouse)
    with ExitStack() as stack:
        addresses: dict[str, str] = {}
        if any(connection.is_sandbox for connection in connections):
            sandbox = stack.enter_context(sandbox_addresses(settings.sandbox, as_of))
            addresses = {Crm.HUBSPOT: sandbox.hubspot_url, Crm.SALESFORCE: sandbox.salesforce_url}

        def read(connection: Connection) -> Landed | ConnectorError:
            try:
                return extract(
                    connection,
                    secrets=SANDBOX_SECRETS if connection.is_sandbox else secrets_of(settings, connection),
                    base_url=addresses.get(connection.crm) if connection.is_sandbox else None,
                    sync_id=_new_sync_id(),
                    cursors=known.get(connection.name, {}),
                    again=aside.get(connection.name, {}),
                    landing=settings.landing,
                    is_full=is_full,
                    now=datetime.now(UTC),
                    on_progress=_reporter(report),
                    stop=stop,
                )
            except UnknownFieldError as error:
                if "." not in error.key:  # an export's id or time of change: everything stands on it
                    return error
                return MappedFieldGoneError(error, uses_of(current_agreement(settings), error.key))
            except ConnectorError as error:
                return error

        with ThreadPoolExecutor(max_workers=max(1, len(connections))) as threads:
            try:
                outcomes = list(threads.map(read, connections))
            except BaseException:
                stop.set()  # the threads would be waited for, however long they read
                raise
    return {connection.name: outcome for connection, outcome in zip(connections, outcomes, strict=True)}


class MappedFieldGoneError(ConnectorError):
    """The CRM has lost a field that the map names, or hides it; says what stands on it."""

    def __init__(self, error: UnknownFieldError, uses: Sequence[str]) -> None:
        needed = f"; needed by {', '.join(uses)}" if uses else "; no rule and no KPI needs it"
        super().__init__(f"{error}{needed}")


def sync_sources(
    settings: Settings, *, as_of: date, is_full: bool = False, report: Callable[[str], object] = str
) -> dict[str, Loaded | ConnectorError]:
    """Read all connections and bring what landed into the warehouse, without building anything on it."""
    connections = configured_connections(settings)
    outcomes = extract_sources(settings, connections, as_of=as_of, is_full=is_full, report=report)
    warehouse = Warehouse(settings.warehouse)
    loaded = {connection.name: load_source(warehouse, settings, connection) for connection in connections}
    return {
        name: outcome if isinstance(outcome, ConnectorError) else loaded[name] for name, outcome in outcomes.items()
    }


def load_source(warehouse: Warehouse, settings: Settings, connection: Connection) -> Loaded:
    """Bring every landed sync of a connection that the warehouse does not have into raw; see `load_landed`."""
    zone = current_agreement(settings).team.zone
    return load_landed(warehouse, settings.landing, connection, zone=zone)


def _cursors(warehouse: Warehouse) -> dict[str, dict[str, datetime]]:
    with warehouse.with_tables() as connection:
        rows = connection.execute(sa.select(cursors.c.connection, cursors.c.object, cursors.c.cursor_at)).all()
    known: dict[str, dict[str, datetime]] = {}
    for name, object_name, cursor_at in rows:
        known.setdefault(name, {})[object_name] = cursor_at
    return known


def put_aside(warehouse: Warehouse) -> dict[str, dict[str, set[str]]]:
    """By connection and object, the ids of the records that could not be landed: they are asked for again."""
    query = sa.select(quarantine.c.connection, quarantine.c.object, quarantine.c.record_id)
    known: dict[str, dict[str, set[str]]] = {}
    with warehouse.transaction() as connection:
        for name, object_name, record_id in connection.execute(query.where(quarantine.c.field == WHOLE_SYNC)):
            if "#" not in record_id:  # else a place in a file or a page: it has no id to ask for it by
                known.setdefault(name, {}).setdefault(object_name, set()).add(record_id)
    return known


def secrets_of(settings: Settings, connection: Connection) -> dict[str, str]:
    """The secrets of a connection that are set, by the names of their environment variables."""
    found = {name: settings.secret(name) for name in connection.secret_names}
    return {name: value for name, value in found.items() if value}


def _new_sync_id() -> str:
    """Sortable by time, unique in a home."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}"


def _reporter(report: Callable[[str], object]) -> Callable[[Progress], None]:
    """Turn pages into a line every few thousand records: a line a page would drown the log."""
    told: dict[str, int] = {}

    def tell(progress: Progress) -> None:
        step = progress.record_count // 5000
        if told.get(progress.connection) != step:
            told[progress.connection] = step
            report(_told(progress))

    return tell


def _told(progress: Progress) -> str:
    rate = progress.record_count / progress.seconds if progress.seconds else 0.0
    left = progress.seconds_left
    rest = f", about {left:,.0f} s left of what was asked so far" if left is not None else ""
    return (
        f"{progress.connection}: {progress.record_count:,} records, {progress.request_count:,} requests, "
        f"{rate:,.0f} records/s{rest} ({progress.object})"
    )
