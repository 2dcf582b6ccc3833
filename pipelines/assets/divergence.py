"""Divergence in the catalogue: a check per scope kind that warns, with table and picture, and what must be new each morning."""

import base64
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    FreshnessPolicy,
    MetadataValue,
)

from definitions_contract.errors import ContractError
from models.context import BuildContext
from models.tables import divergence
from pipelines.agreement import current_agreement
from pipelines.alert_chart import render_chart
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

MORNING = "0 6 * * *"  # who starts work at nine must find last night's numbers; six leaves time to repair
NIGHT = timedelta(hours=6)  # the night may run from midnight on
CHECKED = ("department", "team")
WARNED = ("off", "at_risk", "untrusted")


def divergence_specs(key: AssetKey) -> list[AssetCheckSpec]:
    """One check per kind of scope: are this month's targets on track?"""
    return [
        AssetCheckSpec(
            f"targets_on_track_{kind}",
            asset=key,
            description=f"Targets of each {kind} for the running month are on track",
        )
        for kind in CHECKED
    ]


def morning_freshness(settings: Settings) -> FreshnessPolicy:
    """What must be new each morning, in the team's zone."""
    try:
        zone = current_agreement(settings).team.tz.key
    except ContractError:  # the night itself says what is wrong with it; the catalogue must load
        zone = "UTC"
    return FreshnessPolicy.cron(deadline_cron=MORNING, lower_bound_delta=NIGHT, timezone=zone)


def divergence_results(warehouse: Warehouse, built: BuildContext, key: AssetKey) -> Iterator[AssetCheckResult]:
    """Warn of what is not on track, with figures and a picture of the worst."""
    is_tonight = (divergence.c.evaluated_date == built.as_of) & (divergence.c.period_kind == "month")
    with warehouse.transaction() as connection:
        rows = (
            connection.execute(sa.select(divergence).where(is_tonight).order_by(divergence.c.p_reach)).mappings().all()
        )
    for kind in CHECKED:
        found = [row for row in rows if row["scope_kind"] == kind and row["state"] in WARNED]
        yield AssetCheckResult(
            passed=not found,
            check_name=f"targets_on_track_{kind}",
            asset_key=key,
            severity=AssetCheckSeverity.WARN,
            metadata=_metadata(found),
        )


def _metadata(found: list[Any]) -> dict[str, Any]:
    if not found:
        return {"off": 0}
    lines = ["| KPI | scope | state | why |", "|---|---|---|---|"]
    lines += [f"| {row['kpi_id']} | {row['scope_id']} | {row['state']} | {row['reason']} |" for row in found]
    return {"off": len(found), "targets": MetadataValue.md("\n".join(lines)), **_picture(found[0])}


def _picture(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("actual", "expected_to_date", "forecast", "target")
    figures = {name: float(row[name]) for name in names if row[name] is not None}
    if len(figures) < len(names):
        return {}
    picture = base64.b64encode(render_chart(figures, f"{row['kpi_id']} · {row['scope_id']}")).decode()
    return {"chart": MetadataValue.md(f"![{row['kpi_id']}](data:image/png;base64,{picture})")}
