"""Who owned a deal on a day? One row per deal and owner, in order; deals whose CRM keeps no history have none.

Salesforce tells of changes only: who had the deal before the first one had it from the beginning.
"""

from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select, union_all

from models.context import BuildContext, Model
from models.core.sources import rep_of, survivors
from models.duckdb import local_date
from models.expressions import core_id
from models.tables import deal_owner_changes, raw_deals, raw_links, raw_owner_changes, rep_identities


def build_deal_owner_changes(context: BuildContext) -> Select[Any]:
    """Put the owners of each deal in order and leave out what changed nothing."""
    raw, surviving = raw_owner_changes, survivors("deal")
    in_order = (raw.c.changed_at, raw.c.crm_id, raw.c.position)
    place = func.row_number().over(partition_by=(raw.c.connection, raw.c.deal_crm_id), order_by=in_order)
    told = (
        select(*raw.c, place.label("place"))
        .join(
            surviving,
            and_(surviving.c.connection == raw.c.connection, surviving.c.crm_id == raw.c.deal_crm_id),
        )
        .cte("told")
    )
    before = (
        select(
            told.c.connection,
            told.c.deal_crm_id,
            told.c.former_owner_crm_id.label("owner_crm_id"),
            raw_deals.c.created_at.label("changed_at"),
            literal(0).label("place"),
        )
        .join(
            raw_deals,
            and_(raw_deals.c.connection == told.c.connection, raw_deals.c.crm_id == told.c.deal_crm_id),
        )
        .where(told.c.place == 1, told.c.former_owner_crm_id.is_not(None))
    )
    after = select(told.c.connection, told.c.deal_crm_id, told.c.owner_crm_id, told.c.changed_at, told.c.place)
    owned = union_all(before, after).subquery("owned")
    entry = (
        select(
            core_id(owned.c.connection, owned.c.deal_crm_id).label("deal_id"),
            rep_identities.c.rep_id.label("owner_rep_id"),
            owned.c.changed_at,
            owned.c.place,
        )
        .outerjoin(rep_identities, rep_of(rep_identities, owned.c.connection, owned.c.owner_crm_id))
        .cte("entries")
    )
    former = func.lag(entry.c.owner_rep_id).over(partition_by=entry.c.deal_id, order_by=entry.c.place)
    number = func.row_number().over(partition_by=entry.c.deal_id, order_by=entry.c.place)
    step = select(entry, former.label("former"), number.label("number")).cte("steps")
    return select(
        step.c.deal_id,
        func.row_number().over(partition_by=step.c.deal_id, order_by=step.c.place).label("position"),
        step.c.owner_rep_id,
        local_date(step.c.changed_at, context.agreement.team.zone).label("changed_date"),
        step.c.changed_at,
    ).where(or_(step.c.number == 1, step.c.owner_rep_id.is_distinct_from(step.c.former)))


MODEL = Model(
    table=deal_owner_changes,
    reads=(raw_owner_changes, raw_deals, raw_links, rep_identities),
    statement=build_deal_owner_changes,
)
