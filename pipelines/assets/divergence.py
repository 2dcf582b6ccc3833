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
from pipelines.board.names import Names, names_of
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

MORNING = "0 6 * * *"  # who starts work at nine must find last night's numbers; six leaves time to repair
NIGHT = timedelta(hours=6)  # the night may run from midnight on
CHECKED = ("department", "team")
WARNED = ("off", "at_risk", "untrusted")
HEADING = ("| KPI | scope | actual | due by now | target | state | why |", "|---|---|---|---|---|---|---|")


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
            metadata=_metadata(found, names_of(built.agreement, {})),
        )


def _metadata(found: list[Any], names: Names) -> dict[str, Any]:
    if not found:
        return {"not_on_track": 0}
    table = MetadataValue.md("\n".join([*HEADING, *(_line(row, names) for row in found)]))
    return {"not_on_track": len(found), "targets": table, **_picture(found[0], names)}


def _line(row: Mapping[Any, Any], names: Names) -> str:
    kpi, scope = names.kpi(row["kpi_id"]), names.scope(row["scope_kind"], row["scope_id"])
    figures = [names.figure(row["kpi_id"], row[name]).en for name in ("actual", "expected_to_date", "target")]
    cells = (f"{kpi.en} ({row['kpi_id']})", scope.en, *figures, row["state"], row["reason"])
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def _picture(row: Mapping[Any, Any], known: Names) -> dict[str, Any]:
    names = ("actual", "expected_to_date", "forecast", "target")
    figures = {name: float(row[name]) for name in names if row[name] is not None}
    if len(figures) < len(names):
        return {}
    title = f"{known.kpi(row['kpi_id']).en} · {known.scope(row['scope_kind'], row['scope_id']).en}"
    png = render_chart(figures, title, is_rate=known.unit(row["kpi_id"]) == "fraction")
    return {
        "chart_of_the_worst": MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
    }
