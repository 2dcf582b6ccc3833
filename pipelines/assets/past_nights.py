"""Nights that were missed: kpi.snapshots of past days, asked for by day in the Dagster UI. Green days are kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa
from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    DailyPartitionsDefinition,
    MaterializeResult,
    multi_asset,
)

from connectors.settings import Connection
from definitions_contract.schema import TeamAgreement
from models.core.calendar import YEARS_BACK
from models.kpi.snapshots import PAST
from models.tables import snapshots
from pipelines.assets.night import Night, build_context
from pipelines.assets.tables import OWNERS, PAST_KEY, WRITER_POOL, table_key
from pipelines.errors import NightMissingError
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

DESCRIPTION = """One partition per past day; a green one is kept in `kpi.snapshots`, by its own night or added here.

**Materialize**, choose the missing days: their numbers are worked out from the records as they stand now, and marked `is_backfilled`.
What a night has kept never changes; a KPI that was agreed on later is added to the nights that have nothing of it."""


def past_nights_asset(settings: Settings, team: TeamAgreement, connections: Sequence[Connection]) -> AssetsDefinition:
    """The asset for past days."""
    first_day = _first_day(connections, datetime.now(UTC).date())
    spec = AssetSpec(
        PAST_KEY,
        deps=[table_key(snapshots)],
        group_name="kpi",
        description=DESCRIPTION,
        owners=OWNERS,
        kinds={"duckdb", "sql"},
        partitions_def=DailyPartitionsDefinition(first_day.isoformat(), timezone=team.zone),
        metadata={"dagster/table_name": snapshots.fullname},
    )

    # all days in one run: one process holds the warehouse anyway, and to start one takes longer than a day does
    @multi_asset(name="past_snapshots", specs=[spec], pool=WRITER_POOL, backfill_policy=BackfillPolicy.single_run())
    def past_snapshots(context: AssetExecutionContext, night: Night) -> MaterializeResult[None]:
        warehouse = Warehouse(settings.warehouse)
        days = [date.fromisoformat(key) for key in context.partition_keys]
        before = _kept_rows(warehouse, newest=max(days))
        built = build_context(settings, night)
        for day in days:
            rows = warehouse.write(PAST, replace(built, as_of=day))
            context.log.info("%s: %d rows in kpi.snapshots", day, rows)
        return MaterializeResult(metadata={"days": len(days), "rows_added": rows - before, "dagster/row_count": rows})

    return past_snapshots


def _first_day(connections: Sequence[Connection], today: date) -> date:
    """No day before the records of the CRMs start, nor before those that the calendar knows."""
    known = date(today.year - YEARS_BACK, 1, 1)
    return max(known, min((connection.start for connection in connections), default=known))


def _kept_rows(warehouse: Warehouse, *, newest: date) -> int:
    """Rows kept so far. Raises NightMissingError for a day that a night has yet to come to: what is added here would stand before it."""
    with warehouse.transaction() as connection:
        rows, last = connection.execute(sa.select(sa.func.count(), sa.func.max(snapshots.c.known_date))).one()
    if last is None or newest >= last:
        raise NightMissingError(
            f"{newest} is not before the newest night that was kept ({last or 'none'}); run the job nightly for it, with as_of {newest}"
        )
    return int(rows)
