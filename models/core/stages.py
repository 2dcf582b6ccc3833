"""What is a deal's stage called, and is it won, lost or open? Stages by the id or name under which a deal names them."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, and_, func, literal, select, union_all

from models.tables import raw_stages


def stage_names() -> CTE:
    """Give (connection, name, label, status), one row per name: HubSpot's deals name a stage by id, Salesforce's by label.

    Stages deleted in the CRM are in it: deals and their history still name them.
    """
    by_id = select(raw_stages, raw_stages.c.crm_id.label("name"), literal(1).label("strength"))
    by_label = select(raw_stages, raw_stages.c.label.label("name"), literal(2).label("strength"))
    both = union_all(by_id, by_label).subquery("both_names")
    order = (both.c.strength, both.c.is_deleted, both.c.display_order, both.c.crm_id)
    place = func.row_number().over(partition_by=(both.c.connection, both.c.name), order_by=order)
    ranked = select(both.c.connection, both.c.name, both.c.label, both.c.status, place.label("place")).cte(
        "ranked_stages"
    )
    return (
        select(ranked.c.connection, ranked.c.name, ranked.c.label, ranked.c.status)
        .where(ranked.c.place == 1)
        .cte("stage_names")
    )


def is_stage(named: CTE, record: FromClause) -> ColumnElement[Any]:
    """Join condition of stage_names() and a row with connection and stage."""
    return and_(named.c.connection == record.c.connection, named.c.name == record.c.stage)
