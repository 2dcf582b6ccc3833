"""Is everything in order before the night: logins, mapped fields, agreement, the last sync. Each finding says what to do."""

from contextlib import ExitStack
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.errors import ConnectorError
from connectors.extract import check
from connectors.sandbox.credentials import SANDBOX_SECRETS
from connectors.settings import Connection, Crm
from connectors.sync import Finding
from definitions_contract.errors import ContractError
from definitions_contract.loader import load_agreement
from models.tables import sync_runs
from pipelines.sandbox import sandbox_addresses
from pipelines.settings import Settings
from pipelines.sources import configured_connections, sandbox_day, secrets_of
from pipelines.warehouse import Warehouse

STALE_AFTER = timedelta(hours=36)  # a nightly sync that is a day and a half old has been missed once


def examine(settings: Settings, *, now: datetime) -> list[Finding]:
    """Look at everything and go on after each fault; nothing is changed."""
    findings = [_agreement(settings)]
    connections = configured_connections(settings)
    with ExitStack() as stack:
        addresses: dict[str, str] = {}
        if any(connection.is_sandbox for connection in connections):
            sandbox = stack.enter_context(sandbox_addresses(settings.sandbox, sandbox_day(settings)))
            addresses = {Crm.HUBSPOT: sandbox.hubspot_url, Crm.SALESFORCE: sandbox.salesforce_url}
        for connection in connections:
            base_url = addresses.get(connection.crm) if connection.is_sandbox else None
            findings += _source(settings, connection, base_url)
            findings.append(_last_sync(settings, connection, now))
    return findings


def _agreement(settings: Settings) -> Finding:
    try:
        agreement = load_agreement(settings.agreement_folder)
    except ContractError as error:
        return Finding("agreement", "files", is_ok=False, detail=str(error))
    return Finding(
        "agreement", "files", is_ok=True, detail=f"{len(agreement.definitions)} definition versions, all readable"
    )


def _source(settings: Settings, connection: Connection, base_url: str | None) -> list[Finding]:
    secrets = SANDBOX_SECRETS if connection.is_sandbox else secrets_of(settings, connection)
    try:
        return check(connection, secrets=secrets, base_url=base_url)
    except ConnectorError as error:
        return [Finding(connection.name, "login", is_ok=False, detail=str(error))]


def _last_sync(settings: Settings, connection: Connection, now: datetime) -> Finding:
    if not settings.warehouse.exists():
        return Finding(connection.name, "last sync", is_ok=True, detail="none yet; `kpi nightly` makes the first")
    newest = sa.select(sa.func.max(sync_runs.c.extracted_at)).where(sync_runs.c.connection == connection.name)
    with Warehouse(settings.warehouse).transaction() as reading:
        extracted_at = reading.execute(newest).scalar_one_or_none()
    if extracted_at is None:
        return Finding(connection.name, "last sync", is_ok=True, detail="none yet; `kpi nightly` makes the first")
    is_fresh = now - extracted_at <= STALE_AFTER
    advice = "" if is_fresh else "; look at the last runs in the Dagster UI and run `kpi nightly`"
    return Finding(connection.name, "last sync", is_ok=is_fresh, detail=f"{extracted_at:%Y-%m-%d %H:%M} UTC{advice}")
