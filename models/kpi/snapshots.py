"""What was known then? One row per KPI, period, scope and night: added once, changed never."""

from typing import Any

from sqlalchemy import Date, Select, cast, select

from models.context import BuildContext, Model
from models.tables import kpi_periods, record_history, snapshots


def build_snapshots(context: BuildContext) -> Select[Any]:
    """Keep tonight's numbers. A second run of the same night finds them there and adds nothing."""
    periods = kpi_periods.c
    return select(
        periods.kpi_id,
        periods.period_kind,
        periods.period_start,
        periods.period_end,
        periods.scope_kind,
        periods.scope_id,
        cast(context.as_of, Date).label("known_date"),
        periods.numerator,
        periods.denominator,
        periods.actual.label("value"),
        periods.definition_versions,
    )


MODEL = Model(
    table=snapshots,
    reads=(kpi_periods, record_history),  # after the records: a night's snapshots say that its records are kept
    statement=build_snapshots,
    write="append_missing",
    group="kpi",
)
