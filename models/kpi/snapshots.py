"""What was known then? One row per KPI, period, scope and night: added once, changed never.

A night is kept as a whole or not at all: when it is run again, or when a day before the newest kept night is, nothing is added. A rep
whose first call was entered late would stand there without being part of the team's number; and what a past day looks like today was
not known then.
"""

from typing import Any

from sqlalchemy import Date, Select, cast, literal, select

from models.context import BuildContext, Model
from models.tables import kpi_periods, record_history, snapshots


def build_snapshots(context: BuildContext) -> Select[Any]:
    """Keep tonight's numbers, if this night and all later ones are still to be kept."""
    periods = kpi_periods.c
    is_kept = select(literal(1)).where(snapshots.c.known_date >= context.as_of).exists()
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
    ).where(~is_kept)


MODEL = Model(
    table=snapshots,
    reads=(kpi_periods, record_history),  # after the records: a night's snapshots say that its records are kept
    statement=build_snapshots,
    write="append_missing",
    group="kpi",
)
