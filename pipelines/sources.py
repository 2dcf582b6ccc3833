"""From the CRMs into the warehouse: extraction to landing files, then rows, cursors and proof in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from connectors.errors import ConnectorError
from connectors.extract import extract
from connectors.landing import pending
from connectors.records import Landed, LandedWindow
from connectors.sandbox.server import SANDBOX_SECRETS
from connectors.settings import Connection, Crm, ObjectMap, load_connections
from connectors.sync import Progress
from definitions_contract.loader import load_agreement
from models.raw.merge import merge_records
from models.raw.rules import SourceRules, field_rules
from models.raw.typed import type_records
from models.tables import cursors, quarantine, reconciliation, records, sync_runs
from pipelines.errors import ReconciliationError
from pipelines.sandbox import sandbox_addresses
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse, insert_rows

# where a connection leads once its secrets are set, though connections.yaml still says `sandbox`
REAL_ADDRESS_ENV = {Crm.HUBSPOT: "HUBSPOT_BASE_URL", Crm.SALESFORCE: "SALESFORCE_LOGIN_URL"}
PUBLIC_ADDRESS = {Crm.HUBSPOT: "https://api.hubapi.com"}
WHOLE_SYNC = "*"  # quarantine rows of records that never landed name no field


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the warehouse took in from one connection: syncs and records of this run, and what it holds now."""

    syncs: int
    landed: int
    changed: int
    quarantined: int
    records: int


def configured_connections(settings: Settings) -> tuple[Connection, ...]:
    """The connections as they are asked tonight: an address in the environment wins over the file.

    A connection left at `sandbox` leads to its CRM as soon as one of its secrets is set.
    """
    return tuple(_addressed(settings, connection) for connection in load_connections(settings.connections_file))


def _addressed(settings: Settings, connection: Connection) -> Connection:
    url = settings.secret(REAL_ADDRESS_ENV[connection.crm])
    has_secrets = any(settings.secret(name) for name in connection.secret_names)
    if url is None and connection.is_sandbox and has_secrets:
        url = PUBLIC_ADDRESS.get(connection.crm)
    return connection.model_copy(update={"url": url.rstrip("/")}) if url else connection


def sandbox_day(settings: Settings) -> date:
    """The day up to which a new demo company works: the last whole day in the team's zone."""
    zone = load_agreement(settings.agreement_folder).team.tz
    return datetime.now(UTC).astimezone(zone).date() - timedelta(days=1)


def extract_sources(
    settings: Settings,
    connections: Sequence[Connection],
    *,
    as_of: date,
    is_full: bool,
    report: Callable[[str], object],
) -> dict[str, Landed | ConnectorError]:
    """Read connections side by side; one that cannot be read gives its error and does not keep the others back."""
    known = _cursors(Warehouse(settings.warehouse))
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
                    landing=settings.landing,
                    is_full=is_full,
                    now=datetime.now(UTC),
                    on_progress=_reporter(report),
                )
            except ConnectorError as error:
                return error

        with ThreadPoolExecutor(max_workers=max(1, len(connections))) as threads:
            outcomes = list(threads.map(read, connections))
    return {connection.name: outcome for connection, outcome in zip(connections, outcomes, strict=True)}


def load_source(warehouse: Warehouse, settings: Settings, connection: Connection) -> Loaded:
    """Bring every landed sync of a connection that the warehouse does not have into raw, each in one transaction.

    Raises ReconciliationError when a window landed another number of records than the CRM says; nothing of that sync is kept then.
    """
    warehouse.create_tables()
    zone = load_agreement(settings.agreement_folder).team.zone
    with warehouse.transaction() as reading:
        done = set(reading.execute(sa.select(sync_runs.c.sync_id)).scalars())
    syncs = pending(settings.landing, connection.name, done)
    landed = changed = 0
    for sync in syncs:
        with warehouse.transaction() as writing:
            changed += _load_sync(writing, connection, zone, sync)
        landed += sum(window.landed_count for window in sync.windows)
    with warehouse.transaction() as reading:
        put_aside = sa.select(sa.func.count(sa.distinct(quarantine.c.object + quarantine.c.record_id)))
        held = sa.select(sa.func.count()).select_from(records)
        return Loaded(
            syncs=len(syncs),
            landed=landed,
            changed=changed,
            quarantined=reading.execute(put_aside.where(quarantine.c.connection == connection.name)).scalar_one(),
            records=reading.execute(held.where(records.c.connection == connection.name)).scalar_one(),
        )


def source_rules(connection: Connection, zone: str) -> SourceRules:
    """A connection's field map in the plain form that the models take."""
    plain = {entity: [_plain(part) for part in parts] for entity, parts in connection.field_map.items()}
    return SourceRules(connection.name, connection.crm, field_rules(connection.crm, plain), zone)


def _plain(part: ObjectMap) -> dict[str, Any]:
    fields = {
        name: source.model_dump(by_alias=True, exclude={"origin"}, exclude_defaults=True)
        for name, source in part.fields.items()
    }
    return {"object": part.object, "where": part.where, "fields": fields}


def _is_other_map(writing: sa.Connection, rules: SourceRules) -> bool:
    """Whether the last sync of the connection was typed by another field map."""
    last = sa.select(sync_runs.c.field_map_digest).where(sync_runs.c.connection == rules.connection)
    digest = writing.execute(last.order_by(sync_runs.c.sync_id.desc()).limit(1)).scalar_one_or_none()
    return digest is not None and digest != rules.digest


def _load_sync(writing: sa.Connection, connection: Connection, zone: str, sync: Landed) -> int:
    """One sync: records merged and typed, cursors moved, counts compared. The caller's transaction makes it one."""
    proof = [_reconcile(writing, connection, sync, window) for window in sync.windows]
    _refuse_mismatch(connection, proof)
    rules = source_rules(connection, zone)
    type_records(writing, sync_id=sync.sync_id, source=rules, rebuild=_is_other_map(writing, rules))
    _keep_rejected(writing, connection, sync)
    _move_cursors(writing, connection, sync)
    aside = sa.select(quarantine.c.object, sa.func.count(sa.distinct(quarantine.c.record_id)))
    here = (quarantine.c.connection == connection.name, quarantine.c.sync_id == sync.sync_id)
    counts = {row[0]: row[1] for row in writing.execute(aside.where(*here).group_by(quarantine.c.object))}
    for row in proof:
        row["quarantined_count"] = counts.get(row["object"], 0)
    insert_rows(writing, reconciliation, proof)
    changed = sum(row["changed_count"] for row in proof)
    put_aside = sum(counts.values())
    run = {
        "sync_id": sync.sync_id,
        "connection": connection.name,
        "status": "partial" if put_aside else "done",
        "is_full": sync.is_full,
        "landed_count": sum(row["landed_count"] for row in proof),
        "changed_count": changed,
        "quarantined_count": put_aside,
        "field_map_digest": rules.digest,
        "started_at": sync.started_at,
        "extracted_at": sync.extracted_at,
    }
    insert_rows(writing, sync_runs, [run])
    return int(changed)


def _reconcile(writing: sa.Connection, connection: Connection, sync: Landed, window: LandedWindow) -> dict[str, Any]:
    changed = merge_records(writing, sync_id=sync.sync_id, source=connection.name, files=window.files)
    return {
        "sync_id": sync.sync_id,
        "connection": connection.name,
        "object": window.object,
        "window_start": window.window_start,
        "window_end": window.window_end,
        "crm_count": window.crm_count,
        "landed_count": window.landed_count,
        "changed_count": changed,
        "quarantined_count": 0,
        "is_matched": window.crm_count is None or window.crm_count == window.landed_count,
    }


def _refuse_mismatch(connection: Connection, proof: Sequence[Mapping[str, Any]]) -> None:
    wrong = [f"{row['object']}: {row['landed_count']} of {row['crm_count']}" for row in proof if not row["is_matched"]]
    if wrong:
        raise ReconciliationError(
            f"{connection.name} landed another number of records than the CRM says ({', '.join(wrong)}); "
            "the sync was not kept and its cursor stays; run `kpi nightly` again"
        )


def _keep_rejected(writing: sa.Connection, connection: Connection, sync: Landed) -> None:
    rows = [
        {
            "connection": connection.name,
            "object": record.object,
            "record_id": f"{sync.sync_id}#{number}",
            "field": WHOLE_SYNC,
            "reason": record.reason,
            "value": None,
            "payload": record.payload,
            "sync_id": sync.sync_id,
        }
        for number, record in enumerate(sync.rejected, start=1)
    ]
    insert_rows(writing, quarantine, rows)


def _move_cursors(writing: sa.Connection, connection: Connection, sync: Landed) -> None:
    ends: dict[str, datetime] = {}
    for window in sync.windows:
        ends[window.object] = max(window.window_end, ends.get(window.object, window.window_end))
    moved = (cursors.c.connection == connection.name, cursors.c.object.in_(list(ends)))
    writing.execute(sa.delete(cursors).where(*moved))
    rows = [
        {"connection": connection.name, "object": name, "cursor_at": end, "sync_id": sync.sync_id}
        for name, end in ends.items()
    ]
    insert_rows(writing, cursors, rows)


def _cursors(warehouse: Warehouse) -> dict[str, dict[str, datetime]]:
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        rows = connection.execute(sa.select(cursors.c.connection, cursors.c.object, cursors.c.cursor_at)).all()
    known: dict[str, dict[str, datetime]] = {}
    for name, object_name, cursor_at in rows:
        known.setdefault(name, {})[object_name] = cursor_at
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
            report(
                f"{progress.connection}: {progress.record_count:,} records, {progress.request_count:,} requests ({progress.object})"
            )

    return tell
