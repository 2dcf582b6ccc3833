"""Which person is a CRM user? One row per user; the same e-mail address, in one CRM or in two, is one person."""

from typing import Any

from sqlalchemy import Select, func, select

from models.context import BuildContext, Model
from models.core.sources import connection_rank, id_of
from models.expressions import core_id
from models.tables import raw_users, rep_identities

QUEUE = "queue"  # a mailbox or a round-robin queue: its records belong to nobody


def build_rep_identities(context: BuildContext) -> Select[Any]:
    """Name each person after the oldest user record in the first connection that has one."""
    person = func.coalesce(raw_users.c.email, id_of(raw_users))
    rank = connection_rank(raw_users.c.connection, context.connections)
    leads_by = (rank, raw_users.c.created_at.asc().nulls_last(), raw_users.c.crm_id)
    rep_id = func.first_value(core_id(raw_users.c.connection, raw_users.c.crm_id)).over(
        partition_by=person, order_by=leads_by
    )
    return select(raw_users.c.connection, raw_users.c.crm_id, rep_id.label("rep_id")).where(
        func.coalesce(raw_users.c.kind, "person") != QUEUE
    )


MODEL = Model(table=rep_identities, reads=(raw_users,), statement=build_rep_identities)
