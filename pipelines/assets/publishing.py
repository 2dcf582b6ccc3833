"""What leaves the warehouse: the agreement as it stands, the published copy, and the messages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)

from definitions_contract.resolve import versions_in_words
from pipelines.agreement import current_agreement
from pipelines.alerts import deliver
from pipelines.assets.divergence import morning_freshness
from pipelines.assets.night import Night, build_context
from pipelines.assets.tables import AGREEMENT_KEY, OWNERS, WRITER_POOL
from pipelines.publish import DATABASE_NAME, publish
from pipelines.recipients import load_recipients
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

DATABASE_KEY = AssetKey(["published", "inside_sales_duckdb"])
PARQUET_KEY = AssetKey(["published", "parquet"])
BOARD_KEY = AssetKey(["published", "board"])


def agreement_asset(settings: Settings) -> AssetsDefinition:
    """The agreement: a broken one stops the night here, before any number is made of it."""

    @asset(
        key=AGREEMENT_KEY,
        group_name="agreement",
        description="What was agreed and signed: definitions in force, KPIs, targets, phases",
        owners=OWNERS,
        kinds={"yaml"},
    )
    def agreement(night: Night) -> MaterializeResult[None]:
        agreed = current_agreement(settings)
        as_of = build_context(settings, night).as_of
        lines = "\n".join(f"- {line}" for line in versions_in_words(agreed, as_of))
        return MaterializeResult(metadata={"in_force": MetadataValue.md(lines), "digests": dict(agreed.digests)})

    return agreement


def published_assets(settings: Settings, table_keys: list[AssetKey]) -> list[AssetsDefinition]:
    """Database, Parquet and board (swapped in together), and the messages that go out after them."""
    return [_published_asset(settings, table_keys), _notifications_asset(settings)]


def _published_asset(settings: Settings, table_keys: list[AssetKey]) -> AssetsDefinition:
    descriptions = {
        DATABASE_KEY: ("DuckDB file for BI tools, readable by DuckDB 1.0 and later", "duckdb"),
        PARQUET_KEY: ("One Parquet file per table", "parquet"),
        BOARD_KEY: ("The board: one HTML file", "html"),
    }
    fresh = morning_freshness(settings)
    specs = [
        AssetSpec(
            key,
            deps=table_keys,
            description=text,
            kinds={kind},
            group_name="published",
            owners=OWNERS,
            freshness_policy=fresh,
        )
        for key, (text, kind) in descriptions.items()
    ]

    @multi_asset(name="published", specs=specs, pool=WRITER_POOL)
    def published(context: AssetExecutionContext, night: Night) -> Iterator[MaterializeResult[None]]:
        built = build_context(settings, night)
        with Warehouse(settings.warehouse).reading() as connection:
            done = publish(
                connection, built.agreement, target=settings.published, as_of=built.as_of, built_at=datetime.now(UTC)
            )
        context.log.info("published %s", done.folder)
        rows = sum(done.rows.values())
        yield MaterializeResult(
            asset_key=DATABASE_KEY, metadata={**_file(settings.published / DATABASE_NAME), "dagster/row_count": rows}
        )
        yield MaterializeResult(asset_key=PARQUET_KEY, metadata=_file(settings.published / "parquet"))
        yield MaterializeResult(asset_key=BOARD_KEY, metadata=_file(settings.published / "board.html"))

    return published


def _file(path: Path) -> dict[str, MetadataValue | int]:
    return {"path": MetadataValue.path(path), "bytes": path.stat().st_size if path.is_file() else 0}


def _notifications_asset(settings: Settings) -> AssetsDefinition:
    @asset(
        key=AssetKey(["alerts", "notifications"]),
        deps=[BOARD_KEY, AssetKey(["kpi", "alerts"])],
        group_name="published",
        description="Messages about alerts that opened, worsened or resolved, to the addresses in KPI_NOTIFY; each is sent once",
        owners=OWNERS,
        kinds={"python"},
        pool=WRITER_POOL,
    )
    def notifications(night: Night) -> MaterializeResult[None]:
        built = build_context(settings, night)
        recipients, link = load_recipients(settings)
        sent = deliver(
            Warehouse(settings.warehouse),
            built.agreement,
            channels=recipients,
            as_of=built.as_of,
            now=datetime.now(UTC),
            link=link,
        )
        return MaterializeResult(metadata={"sent": sent, "channels": len(recipients)})

    return notifications
