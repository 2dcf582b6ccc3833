"""Which person is a CRM user? One row per user; the same e-mail address, in one CRM or in two, is one person.

Exports name people as they please: what their columns say of an owner is looked up as an e-mail address, then as a name, among
the users of all connections. A name that two people have is nobody's.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Table, and_, case, func, select, union, union_all

from models.context import BuildContext, Model
from models.core.sources import connection_rank, file_connections, id_of
from models.duckdb import to_plain_name
from models.expressions import core_id
from models.tables import (
    raw_calls,
    raw_companies,
    raw_contacts,
    raw_deals,
    raw_emails,
    raw_meetings,
    raw_notes,
    raw_users,
    rep_identities,
)

QUEUE = "queue"  # a mailbox or a round-robin queue: its records belong to nobody
OWNED: tuple[Table, ...] = (raw_companies, raw_contacts, raw_calls, raw_emails, raw_meetings, raw_deals, raw_notes)


def build_rep_identities(context: BuildContext) -> Select[Any]:
    """Name each person after the oldest user record in the first connection that has one."""
    person = func.coalesce(raw_users.c.email, id_of(raw_users))
    rank = connection_rank(raw_users.c.connection, context.connections)
    leads_by = (rank, raw_users.c.created_at.asc().nulls_last(), raw_users.c.crm_id)
    rep_id = func.first_value(core_id(raw_users.c.connection, raw_users.c.crm_id)).over(
        partition_by=person, order_by=leads_by
    )
    is_person = func.coalesce(raw_users.c.kind, "person") != QUEUE
    files = file_connections(context.connections)
    if not files:
        return select(raw_users.c.connection, raw_users.c.crm_id, rep_id.label("rep_id")).where(is_person)
    user = (
        select(
            raw_users.c.connection,
            raw_users.c.crm_id,
            rep_id.label("rep_id"),
            raw_users.c.email,
            to_plain_name(raw_users.c.name).label("name"),
        )
        .where(is_person)
        .cte("users")
    )
    both = union_all(select(user.c.connection, user.c.crm_id, user.c.rep_id), _named(user, files)).subquery("both")
    return select(both)


def _named(user: CTE, files: tuple[str, ...]) -> Select[Any]:
    """Give the people whom the exports of these connections name by something else than a user's id of their own."""
    owner = _owners(files)
    is_own = (
        select(raw_users.c.crm_id)
        .where(raw_users.c.connection == owner.c.connection, raw_users.c.crm_id == owner.c.crm_id)
        .exists()
    )
    by_email = _the_one(user, user.c.email, "by_email")
    by_name = _the_one(user, user.c.name, "by_name")
    rep_id = func.coalesce(by_email.c.rep_id, by_name.c.rep_id)
    return (
        select(owner.c.connection, owner.c.crm_id, rep_id.label("rep_id"))
        .outerjoin(by_email, by_email.c.said == func.lower(owner.c.crm_id))
        .outerjoin(by_name, by_name.c.said == to_plain_name(owner.c.crm_id))
        .where(~is_own, rep_id.is_not(None))
    )


def _owners(files: tuple[str, ...]) -> CTE:
    columns = [(table, table.c.owner_crm_id) for table in OWNED]
    columns.append((raw_meetings, raw_meetings.c.booked_by_crm_id))
    return union(
        *(
            select(table.c.connection, column.label("crm_id")).where(
                and_(table.c.connection.in_(files), column.is_not(None))
            )
            for table, column in columns
        )
    ).cte("owners")


def _the_one(user: CTE, said: ColumnElement[Any], name: str) -> CTE:
    """Give what is said of one person only, and the person."""
    person = case((func.count(user.c.rep_id.distinct()) == 1, func.min(user.c.rep_id)))
    return select(said.label("said"), person.label("rep_id")).where(said.is_not(None)).group_by(said).cte(name)


MODEL = Model(table=rep_identities, reads=(raw_users, *OWNED), statement=build_rep_identities)
