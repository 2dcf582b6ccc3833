"""From the CRMs to raw: what each connection said (landing), and the newest version of each of its records (raw)."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    asset,
    multi_asset,
)

from connectors.files.folder import file_of
from connectors.records import Landed
from connectors.settings import Connection
from pipelines.assets.night import Night, build_context
from pipelines.assets.tables import OWNERS, WRITER_POOL
from pipelines.errors import SettingsError, SourceMissingError
from pipelines.loading import Loaded
from pipelines.settings import Settings
from pipelines.sources import extract_sources, load_source
from pipelines.warehouse import Warehouse

SOURCE_READ = "source_was_read"
NOTHING_ASIDE = "nothing_put_aside"
SYNC_KEPT = "sync_was_kept"
FIELDS_SAME = "fields_as_before"
MOST_DRIFT = 30  # changes of a schema named in one check; all of them stand in ops.source_changes


def landing_key(connection: Connection) -> AssetKey:
    """The asset of a connection's landing files."""
    return AssetKey(["landing", connection.name])


def raw_key(connection: Connection) -> AssetKey:
    """The asset of a connection's records in the warehouse."""
    return AssetKey(["raw", connection.name])


def source_assets(settings: Settings, connections: tuple[Connection, ...]) -> list[AssetsDefinition]:
    """The landing asset of all connections (read side by side) and the raw asset of each."""
    return [_landing_asset(settings, connections), *(_raw_asset(settings, connection) for connection in connections)]


def _landing_asset(settings: Settings, connections: tuple[Connection, ...]) -> AssetsDefinition:
    by_key = {landing_key(connection): connection for connection in connections}
    specs = [
        AssetSpec(
            key,
            description=f"What {connection.name} said, as it said it: immutable files, one folder a sync",
            group_name="landing",
            kinds={connection.crm, "parquet"},
            owners=OWNERS,
        )
        for key, connection in by_key.items()
    ]
    checks = [
        AssetCheckSpec(SOURCE_READ, asset=key, description="The CRM was reached and read to the end") for key in by_key
    ]

    @multi_asset(name="landing", specs=specs, check_specs=checks, can_subset=True)
    def landing(context: AssetExecutionContext, night: Night) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
        _check_name(night.only, connections)
        chosen = [by_key[key] for key in sorted(context.selected_asset_keys, key=str)]
        asked = [connection for connection in chosen if night.only in ("", connection.name)]
        as_of = build_context(settings, night).as_of
        outcomes = extract_sources(settings, asked, as_of=as_of, is_full=night.full_refresh, report=context.log.info)
        for connection in chosen:
            outcome = outcomes.get(connection.name)
            key = landing_key(connection)
            yield MaterializeResult(asset_key=key, metadata=_landing_metadata(outcome))
            if outcome is not None:
                yield _source_read(key, outcome)
        if outcomes and all(isinstance(outcome, Exception) for outcome in outcomes.values()):
            reasons = "; ".join(f"{name}: {error}" for name, error in outcomes.items())
            raise SourceMissingError(f"no source could be read: {reasons}")

    return landing


def _check_name(only: str, connections: tuple[Connection, ...]) -> None:
    """A name that nobody has would ask no CRM, and nobody would hear of it. Raises SettingsError."""
    names = [connection.name for connection in connections]
    if only and only not in names:
        raise SettingsError(f"only is {only!r}; there are: {', '.join(names)}; empty asks all")


def _landing_metadata(outcome: Landed | Exception | None) -> dict[str, Any]:
    if outcome is None:
        return {"outcome": "not asked"}
    if isinstance(outcome, Exception):
        return {"outcome": f"failed: {outcome}"}
    return {
        "outcome": "landed",
        "sync": outcome.sync_id,
        "dagster/row_count": sum(window.landed_count for window in outcome.windows if file_of(window.object) is None),
        "seconds": round((outcome.extracted_at - outcome.started_at).total_seconds(), 1),
    }


def _source_read(key: AssetKey, outcome: Landed | Exception) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=SOURCE_READ,
        asset_key=key,
        passed=not isinstance(outcome, Exception),
        severity=AssetCheckSeverity.WARN,
        metadata={"result": str(outcome) if isinstance(outcome, Exception) else "read to the end"},
    )


def _raw_asset(settings: Settings, connection: Connection) -> AssetsDefinition:
    key = raw_key(connection)
    checks = [
        AssetCheckSpec(NOTHING_ASIDE, asset=key, description="Every record could be read by the field map"),
        AssetCheckSpec(SYNC_KEPT, asset=key, description="What landed is what the CRM says it has"),
        AssetCheckSpec(FIELDS_SAME, asset=key, description="The CRM's objects have the fields and types of last time"),
    ]

    @asset(
        key=key,
        deps=[landing_key(connection)],
        group_name="raw",
        description=f"Newest version of each record of {connection.name}, typed by the field map; rows, cursors and proof commit together",
        owners=OWNERS,
        kinds={"duckdb", "sql"},
        pool=WRITER_POOL,
        check_specs=checks,
    )
    def raw(context: AssetExecutionContext) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
        loaded = load_source(Warehouse(settings.warehouse), settings, connection)
        context.log.info("%s: %s records changed", connection.name, f"{loaded.changed:,}")
        yield MaterializeResult(metadata=_raw_metadata(loaded))
        aside = f"{loaded.quarantined} records in ops.quarantine"
        yield _warning(key, NOTHING_ASIDE, passed=loaded.quarantined == 0, result=aside)
        refused = "; ".join(loaded.refused) or "kept"
        yield _warning(key, SYNC_KEPT, passed=not loaded.refused, result=refused)
        drift = "; ".join(loaded.drift[:MOST_DRIFT]) or "as before"
        yield _warning(key, FIELDS_SAME, passed=not loaded.drift, result=drift)

    return raw


def _warning(key: AssetKey, name: str, *, passed: bool, result: str) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=passed,
        severity=AssetCheckSeverity.WARN,
        metadata={"result": result},
    )


def _raw_metadata(loaded: Loaded) -> dict[str, Any]:
    return {
        "dagster/row_count": loaded.records,
        "syncs_loaded": loaded.syncs,
        "landed": loaded.landed,
        "changed": loaded.changed,
        "in_quarantine": loaded.quarantined,
    }
