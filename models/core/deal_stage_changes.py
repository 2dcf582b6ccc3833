"""Which stages did a deal go through, and when? One row per deal and stage entered; the same stage twice in a row is once."""

from typing import Any

from sqlalchemy import Select, and_, func, select

from models.context import BuildContext, Model
from models.core.sources import known_records
from models.core.stages import is_stage, stage_names
from models.duckdb import local_date
from models.expressions import core_id, or_unknown
from models.tables import deal_stage_changes, raw_deals, raw_links, raw_stage_changes, raw_stages


def build_deal_stage_changes(context: BuildContext) -> Select[Any]:
    """Put the history of each deal in order and leave out what changed nothing."""
    known, stage = known_records("deal"), stage_names()
    record = raw_stage_changes
    entry = (
        select(
            core_id(record.c.connection, known.c.survivor_crm_id).label("deal_id"),
            func.coalesce(stage.c.label, record.c.stage).label("stage"),
            or_unknown(stage.c.status).label("status"),
            record.c.changed_at,
            record.c.crm_id,
            record.c.position,
        )
        .select_from(record)
        .join(known, and_(known.c.connection == record.c.connection, known.c.crm_id == record.c.deal_crm_id))
        .outerjoin(stage, is_stage(stage, record))
        .cte("entries")
    )
    in_order = (entry.c.changed_at, entry.c.crm_id, entry.c.position)
    from_stage = func.lag(entry.c.stage).over(partition_by=entry.c.deal_id, order_by=in_order)
    step = select(entry, from_stage.label("from_stage")).cte("steps")
    position = func.row_number().over(
        partition_by=step.c.deal_id, order_by=(step.c.changed_at, step.c.crm_id, step.c.position)
    )
    return select(
        step.c.deal_id,
        position.label("position"),
        step.c.from_stage,
        step.c.stage,
        step.c.status,
        local_date(step.c.changed_at, context.agreement.team.zone).label("changed_date"),
        step.c.changed_at,
    ).where(step.c.stage.is_distinct_from(step.c.from_stage))


MODEL = Model(
    table=deal_stage_changes,
    reads=(raw_stage_changes, raw_stages, raw_deals, raw_links),
    statement=build_deal_stage_changes,
)
