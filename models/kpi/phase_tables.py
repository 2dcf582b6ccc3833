"""How does a phase stand? One row per period and scope: the phase's KPIs side by side, as they stand in kpi_periods."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Date, Select, case, cast, func, select

from models.context import BuildContext, Model
from models.tables import PHASE_KPIS, PHASE_TABLES, kpi_periods

KEYS = ("period_kind", "period_start", "period_end", "scope_kind", "scope_id")
MEASURES = ("actual", "target", "attainment", "expected_to_date", "status")


def phase_statement(phase: str) -> Callable[[BuildContext], Select[Any]]:
    """Give the statement that lays the KPIs of a phase side by side; its columns follow PHASE_KPIS."""

    def build_phase_table(context: BuildContext) -> Select[Any]:
        """Turn the phase's rows of kpi_periods into columns."""
        keys = [kpi_periods.c[name] for name in KEYS]
        kpi_ids = PHASE_KPIS[phase]
        columns = [
            func.max(case((kpi_periods.c.kpi_id == kpi_id, kpi_periods.c[measure]))).label(f"{kpi_id}_{measure}")
            for kpi_id in kpi_ids
            for measure in MEASURES
        ]
        return (
            select(*keys, *columns, cast(context.as_of, Date).label("as_of"))
            .where(kpi_periods.c.kpi_id.in_(kpi_ids))
            .group_by(*keys)
        )

    return build_phase_table


MODELS = tuple(
    Model(table=table, reads=(kpi_periods,), statement=phase_statement(phase), group="kpi")
    for phase, table in PHASE_TABLES.items()
)
