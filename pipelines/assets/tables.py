"""One asset per table that the models build: its rows, schema, lineage and row count in the catalogue."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    MaterializeResult,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableSchema,
    asset,
)

from models.build import MODELS
from models.context import BuildContext, Model
from models.ops.data_checks import ALL_CHECKS
from models.tables import check_results, divergence, snapshots
from pipelines.assets.divergence import divergence_results, divergence_specs, morning_freshness
from pipelines.assets.night import Night, build_context
from pipelines.assets.shown_numbers import shown_numbers
from pipelines.lineage import column_lineage
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

WRITER_POOL = "duckdb_writer"  # one step at a time opens the warehouse for writing
OWNERS = ["team:data"]
AGREEMENT_KEY = AssetKey("agreement")
PAST_KEY = AssetKey(["kpi", "past_snapshots"])


def table_key(table: sa.Table) -> AssetKey:
    """The asset of a table: schema and name, as in the warehouse."""
    return AssetKey([str(table.schema), table.name])


def table_assets(settings: Settings, raw_keys: list[AssetKey]) -> list[AssetsDefinition]:
    """Make the assets of all models; tables of `raw` are built by the connections' assets in `raw_keys`."""
    return [_table_asset(settings, model, raw_keys) for model in MODELS]


def _table_asset(settings: Settings, model: Model, raw_keys: list[AssetKey]) -> AssetsDefinition:
    key = table_key(model.table)
    is_checks = model.table is check_results
    is_divergence = model.table is divergence

    @asset(
        key=key,
        deps=_dependencies(model, raw_keys),
        group_name=model.group,
        description=model.table.comment,
        owners=OWNERS,
        kinds={"duckdb", "sql" if model.statement else "python"},
        pool=WRITER_POOL,
        metadata={"dagster/column_schema": table_schema(model.table), "dagster/table_name": model.table.fullname},
        check_specs=_data_check_specs(key) if is_checks else divergence_specs(key) if is_divergence else None,
        freshness_policy=morning_freshness(settings) if is_divergence else None,
    )
    def build(context: AssetExecutionContext, night: Night) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
        built = build_context(settings, night)
        warehouse = Warehouse(settings.warehouse)
        row_count = warehouse.write(model, built)
        context.log.info("%s: %d rows", model.table.fullname, row_count)
        metadata: dict[str, Any] = {
            "dagster/row_count": row_count,
            "as_of": built.as_of.isoformat(),
            **_lineage(model, built),
            **shown_numbers(warehouse, built, model.table),
        }
        yield MaterializeResult(metadata=metadata)
        if model.table is snapshots and _is_kept(
            warehouse, built
        ):  # it needs no adding: it stands green among the past ones
            context.log_event(AssetMaterialization(PAST_KEY, partition=built.as_of.isoformat()))
        if is_checks:
            yield from _data_check_results(warehouse, built, key)
        if is_divergence:
            yield from divergence_results(warehouse, built, key)

    return build


def _is_kept(warehouse: Warehouse, built: BuildContext) -> bool:
    """A past day that is run again is not: it is added by the asset of the past days only, and marked there."""
    kept = sa.select(sa.literal(1)).where(snapshots.c.known_date == built.as_of).exists()
    with warehouse.transaction() as connection:
        return bool(connection.execute(sa.select(kept)).scalar_one())


def _dependencies(model: Model, raw_keys: list[AssetKey]) -> list[AssetKey]:
    """The assets that a model reads: tables, the raw assets for any raw or sync table, the agreement at the start of a chain."""
    built = {other.table.fullname for other in MODELS}
    tables = [table for table in model.reads if table is not model.table]
    keys = [table_key(table) for table in tables if table.fullname in built]
    from_sources = any(table.schema == "raw" or table.name in {"sync_runs", "reconciliation"} for table in tables)
    agreement = [] if keys and model.group == "core" else [AGREEMENT_KEY]
    return [*dict.fromkeys(keys), *(raw_keys if from_sources else []), *agreement]


def table_schema(table: sa.Table) -> TableSchema:
    """A table's columns for the catalogue, with their comments."""
    columns = [
        TableColumn(
            name=column.name,
            type=str(column.type).lower(),
            description=column.comment,
            constraints=TableColumnConstraints(nullable=bool(column.nullable), unique=False),
        )
        for column in table.columns
    ]
    return TableSchema(columns=columns)


def _lineage(model: Model, built: BuildContext) -> dict[str, TableColumnLineage]:
    if model.statement is None:
        return {}
    deps = {
        column: [
            TableColumnDep(asset_key=AssetKey(table.split(".")), column_name=source)
            for table, source in sorted(sources)
        ]
        for column, sources in column_lineage(model.statement(built)).items()
        if sources
    }
    return {"dagster/column_lineage": TableColumnLineage(deps)}


def _data_check_specs(key: AssetKey) -> list[AssetCheckSpec]:
    return [
        AssetCheckSpec(check.name, asset=key, description=check.sentence.format(count="Fails when any"))
        for check in ALL_CHECKS
    ]


def _data_check_results(warehouse: Warehouse, built: BuildContext, key: AssetKey) -> Iterator[AssetCheckResult]:
    tonight = sa.select(check_results).where(check_results.c.as_of == built.as_of)
    with warehouse.transaction() as connection:
        rows = connection.execute(tonight).mappings().all()
    for row in rows:
        yield AssetCheckResult(
            check_name=row["check_name"],
            asset_key=key,
            passed=row["is_passed"],
            severity=AssetCheckSeverity.ERROR if row["severity"] == "error" else AssetCheckSeverity.WARN,
            metadata={"result": row["detail"], "failed_count": row["failed_count"]},
        )
