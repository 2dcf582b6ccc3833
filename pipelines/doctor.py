"""Is everything in order before the night: logins, mapped fields, agreement, the last sync. Each finding says what to do."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.errors import ConnectorError
from connectors.extract import check
from connectors.sandbox.credentials import SANDBOX_SECRETS
from connectors.settings import Connection, Crm, FieldSource, FilesConnection, ObjectMap
from connectors.sync import Finding
from definitions_contract.errors import ContractError
from definitions_contract.loader import load_agreement
from models.raw.rules import ENTITY_TABLES
from models.tables import source_changes, source_fields, sync_runs
from pipelines.errors import SettingsError
from pipelines.recipients import load_recipients
from pipelines.sandbox import sandbox_addresses
from pipelines.settings import Settings
from pipelines.sources import configured_connections, sandbox_day, secrets_of
from pipelines.warehouse import Warehouse

STALE_AFTER = timedelta(hours=36)  # a nightly sync that is a day and a half old has been missed once


def examine(settings: Settings, *, now: datetime) -> list[Finding]:
    """Look at everything and go on after each fault; no record is changed."""
    if settings.warehouse.exists():
        Warehouse(settings.warehouse).create_tables()  # one of an older version lacks tables that are looked at below
    findings = [_agreement(settings), *recipients_findings(settings)]
    connections = configured_connections(settings)
    with ExitStack() as stack:
        addresses: dict[str, str] = {}
        if any(connection.is_sandbox for connection in connections):
            sandbox = stack.enter_context(sandbox_addresses(settings.sandbox, sandbox_day(settings)))
            addresses = {Crm.HUBSPOT: sandbox.hubspot_url, Crm.SALESFORCE: sandbox.salesforce_url}
        for connection in connections:
            base_url = addresses.get(connection.crm) if connection.is_sandbox else None
            last_sync = _last_sync_at(settings, connection)
            findings += _source(settings, connection, base_url, with_sample=last_sync is None)
            findings.append(_last_sync(connection, last_sync, now))
            findings += _fill_rates(settings, connection)
            findings += _schema_changes(settings, connection)
    return findings


def _agreement(settings: Settings) -> Finding:
    try:
        agreement = load_agreement(settings.agreement_folder)
    except ContractError as error:
        return Finding("agreement", "files", is_ok=False, detail=str(error))
    readable = f"definition versions: {len(agreement.definitions)}, all readable"
    return Finding("agreement", "files", is_ok=True, detail=readable)


def recipients_findings(settings: Settings) -> list[Finding]:
    """Tell whether everybody whom messages go to has an address; nothing where KPI_NOTIFY is not set."""
    try:
        recipients, _ = load_recipients(settings)
    except SettingsError as error:
        return [Finding("messages", "recipients", is_ok=False, detail=str(error))]
    if not recipients:
        return []
    return [Finding("messages", "recipients", is_ok=True, detail=f"{len(recipients)} with an address")]


def _source(settings: Settings, connection: Connection, base_url: str | None, *, with_sample: bool) -> list[Finding]:
    secrets = SANDBOX_SECRETS if connection.is_sandbox else secrets_of(settings, connection)
    try:
        return check(connection, secrets=secrets, base_url=base_url, with_sample=with_sample)
    except ConnectorError as error:
        return [Finding(connection.name, "login", is_ok=False, detail=str(error))]


def _last_sync_at(settings: Settings, connection: Connection) -> datetime | None:
    if not settings.warehouse.exists():
        return None
    newest = sa.select(sa.func.max(sync_runs.c.extracted_at)).where(sync_runs.c.connection == connection.name)
    with Warehouse(settings.warehouse).transaction() as reading:
        return reading.execute(newest).scalar_one_or_none()


def _last_sync(connection: Connection, extracted_at: datetime | None, now: datetime) -> Finding:
    if extracted_at is None:
        return Finding(connection.name, "last sync", is_ok=True, detail="none yet; `kpi nightly` makes the first")
    is_fresh = now - extracted_at <= STALE_AFTER
    advice = "" if is_fresh else "; look at the last runs in the Dagster UI and run `kpi nightly`"
    return Finding(connection.name, "last sync", is_ok=is_fresh, detail=f"{extracted_at:%Y-%m-%d %H:%M} UTC{advice}")


def _fill_rates(settings: Settings, connection: Connection) -> list[Finding]:
    """Each mapped field with its type in the CRM and how many of the last sync's living records have a value in it."""
    if not settings.warehouse.exists():
        return []
    findings = []
    with Warehouse(settings.warehouse).transaction() as reading:
        for entity, maps in connection.field_map.items():
            for part in maps:
                findings += _filled(reading, connection, entity, part)
    return findings


def _filled(reading: sa.Connection, connection: Connection, entity: str, part: ObjectMap) -> list[Finding]:
    table = ENTITY_TABLES[entity]
    here = (table.c.connection == connection.name, table.c.object == part.object, table.c.is_deleted.is_(False))
    counts = [sa.func.count(table.c[name]).label(name) for name in part.fields]
    row = dict(reading.execute(sa.select(sa.func.count().label("all_rows"), *counts).where(*here)).mappings().one())
    if not row["all_rows"]:
        return []
    known = sa.select(source_fields.c.field, source_fields.c.type).where(
        source_fields.c.connection == connection.name, source_fields.c.object == part.object
    )
    types = {one.field: one.type for one in reading.execute(known)}
    empty = [name for name in part.fields if not row[name]]
    described = ", ".join(_described(name, source, types, row) for name, source in part.fields.items())
    own = _own_fields(connection, entity, part)
    subject = f"{entity} <- {part.object}"
    findings = [Finding(connection.name, subject, is_ok=True, detail=described)]
    if unfilled := [name for name in empty if name in own]:
        detail = f"no record has a value in {', '.join(unfilled)}; check the field map, or that people fill it in"
        findings.append(Finding(connection.name, subject, is_ok=False, detail=detail))
    if unused := [name for name in empty if name not in own]:
        detail = (
            f"no record has a value in {', '.join(unused)}, which the standard field map reads: not used in this CRM"
        )
        findings.append(Finding(connection.name, subject, is_ok=True, detail=detail))
    return findings


def _own_fields(connection: Connection, entity: str, part: ObjectMap) -> Collection[str]:
    """The fields that somebody mapped on purpose: of exports all, of a CRM those that connections.yaml adds."""
    if isinstance(connection, FilesConnection):
        return part.fields
    return connection.fields.get(entity, {}).get(part.object, {})


def _described(name: str, source: FieldSource, types: Mapping[str, str], row: Mapping[str, Any]) -> str:
    fields = (" and " if source.parts else " or ").join(
        f"{one} ({types[one]})" if one in types else one for one in source.crm_fields
    )
    return f"{name} <- {fields or 'constant'} {row[name] / row['all_rows']:.0%}"


def _schema_changes(settings: Settings, connection: Connection) -> list[Finding]:
    """What changed in the CRM's schema with the last sync."""
    if not settings.warehouse.exists():
        return []
    last = sa.select(sa.func.max(sync_runs.c.sync_id)).where(sync_runs.c.connection == connection.name)
    query = sa.select(source_changes).where(source_changes.c.sync_id == last.scalar_subquery())
    with Warehouse(settings.warehouse).transaction() as reading:
        changes = [f"{row.object}.{row.field} {row.detail}" for row in reading.execute(query)]
    if not changes:
        return []
    detail = f"changed since the sync before: {'; '.join(changes)}; look whether the field map needs another field"
    return [Finding(connection.name, "schema", is_ok=False, detail=detail)]
