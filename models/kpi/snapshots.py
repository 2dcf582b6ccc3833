"""What was known then? One row per KPI, period, scope and night: added once, changed never.

A night is kept as a whole or not at all: when it is run again, or when a day before the newest kept night is, nothing is added. A rep
whose first call was entered late would stand there without being part of the team's number; and what a past day looks like today was
not known then.

A night that was missed, or a KPI that was agreed on later, can be added for past days on purpose: from the records as they stand now,
and marked so.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Boolean, Date, FromClause, Select, cast, literal, select, union_all

from models.context import BuildContext, Model
from models.kpi.events import learns_later
from models.kpi.kpi_daily import MODEL as DAILY
from models.kpi.kpi_daily import build_kpi_daily
from models.kpi.kpi_periods import MODEL as PERIODS
from models.kpi.kpi_periods import build_kpi_periods
from models.tables import kpi_daily, kpi_periods, record_history, snapshots


def build_snapshots(context: BuildContext) -> Select[Any]:
    """Keep tonight's numbers, if this night and all later ones are still to be kept."""
    is_kept = select(literal(1)).where(snapshots.c.known_date >= context.as_of).exists()
    return _numbers(kpi_periods, context, is_backfilled=False).where(~is_kept)


def build_past_snapshots(context: BuildContext) -> Select[Any]:
    """Work out what a past night would have kept, for each KPI that it kept nothing of."""
    periods = build_kpi_periods(context, _facts_then(context)).subquery("then")
    then = _numbers(periods, context, is_backfilled=True).subquery("missed")
    kept = select(snapshots.c.kpi_id).where(snapshots.c.known_date == context.as_of)
    return select(then).where(then.c.kpi_id.not_in(kept))


def _facts_then(context: BuildContext) -> FromClause:
    """Give the facts of a past day: tonight's, but for the KPIs that ask how deals ended, which are counted anew as of that day."""
    agreement = context.agreement
    late = tuple(
        kpi
        for kpi in agreement.kpis.kpis
        if any(measure is not None and learns_later(measure) for measure in (kpi.numerator, kpi.denominator))
    )
    if not late:
        return kpi_daily
    only_late = agreement.model_copy(update={"kpis": agreement.kpis.model_copy(update={"kpis": late})})
    anew = build_kpi_daily(replace(context, agreement=only_late)).subquery("counted_anew")
    rest = select(kpi_daily).where(kpi_daily.c.kpi_id.not_in([kpi.id for kpi in late]))
    return union_all(rest, select(anew)).cte("facts_then")


def _numbers(periods: Any, context: BuildContext, *, is_backfilled: bool) -> Select[Any]:
    c = periods.c
    return select(
        c.kpi_id,
        c.period_kind,
        c.period_start,
        c.period_end,
        c.scope_kind,
        c.scope_id,
        cast(context.as_of, Date).label("known_date"),
        c.numerator,
        c.denominator,
        c.actual.label("value"),
        c.definition_versions,
        cast(is_backfilled, Boolean).label("is_backfilled"),
    )


MODEL = Model(
    table=snapshots,
    reads=(kpi_periods, record_history),  # after the records: a night's snapshots say that its records are kept
    statement=build_snapshots,
    write="append_missing",
    group="kpi",
)
# no part of a night: asked for by day in the Dagster UI (pipelines/assets/past_nights.py)
PAST = Model(
    table=snapshots,
    reads=(*dict.fromkeys((*PERIODS.reads, *DAILY.reads)), snapshots),
    statement=build_past_snapshots,
    write="append_missing",
    group="kpi",
)
