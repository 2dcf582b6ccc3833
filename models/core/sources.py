"""Steps that most core models begin with: which record a CRM id stands for today, who a CRM user is, how to open it.

Merged records and converted leads are followed to the survivor, over as many merges as there were. The steps are cached: a
statement that needs one in two places must have the same one in both.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    union,
    union_all,
)

from models.context import ConnectionFacts
from models.expressions import core_id
from models.raw.links import MERGED_ROLE
from models.tables import raw_companies, raw_contacts, raw_deals, raw_links, rep_identities

MERGEABLE: dict[str, Table] = {"contact": raw_contacts, "company": raw_companies, "deal": raw_deals}


@cache
def known_records(kind: str) -> CTE:
    """Give (connection, crm_id, survivor_crm_id) of every contact, company or deal that stands for a live one, itself included."""
    table = MERGEABLE[kind]
    moved = _moved(kind)
    live = select(table.c.connection, table.c.crm_id, table.c.crm_id.label("survivor_crm_id")).where(
        ~table.c.is_deleted, ~_has_moved(moved, table)
    )
    return union_all(live, select(moved.c.connection, moved.c.crm_id, moved.c.survivor_crm_id)).cte(f"known_{kind}")


@cache
def survivors(kind: str) -> CTE:
    """Give (connection, crm_id) of the live records that no other one stands for: the rows of core."""
    known = known_records(kind)
    return (
        select(known.c.connection, known.c.crm_id)
        .where(known.c.crm_id == known.c.survivor_crm_id)
        .cte(f"surviving_{kind}")
    )


@cache
def _moved(kind: str) -> CTE:
    """Give each loser with the live record that it ended in; merges that end nowhere, or in a circle, are not followed."""
    table = MERGEABLE[kind]
    step = _steps(kind)
    walk = select(step.c.connection, step.c.crm_id, step.c.next_crm_id).cte(f"{kind}_walk", recursive=True)
    further = select(walk.c.connection, walk.c.crm_id, step.c.next_crm_id).join(
        step, and_(step.c.connection == walk.c.connection, step.c.crm_id == walk.c.next_crm_id)
    )
    walk = walk.union(further)
    is_last = ~select(literal(1)).where(
        step.c.connection == walk.c.connection, step.c.crm_id == walk.c.next_crm_id
    ).exists()  # fmt: skip
    is_live = and_(table.c.connection == walk.c.connection, table.c.crm_id == walk.c.next_crm_id, ~table.c.is_deleted)
    return (
        select(walk.c.connection, walk.c.crm_id, func.min(walk.c.next_crm_id).label("survivor_crm_id"))
        .join(table, is_live)
        .where(is_last)
        .group_by(walk.c.connection, walk.c.crm_id)
        .cte(f"moved_{kind}")
    )


def _steps(kind: str) -> CTE:
    """Give every merge that a CRM names, and for contacts every conversion of a lead."""
    table = MERGEABLE[kind]
    named = [
        select(raw_links.c.connection, raw_links.c.from_crm_id, raw_links.c.to_crm_id).where(
            raw_links.c.role == MERGED_ROLE, raw_links.c.from_kind == kind
        ),
        select(table.c.connection, table.c.crm_id, table.c.merged_into_crm_id).where(
            table.c.merged_into_crm_id.is_not(None)
        ),
    ]
    if kind == "contact":
        became = raw_contacts.c.converted_contact_crm_id
        named.append(select(raw_contacts.c.connection, raw_contacts.c.crm_id, became).where(became.is_not(None)))
    found = union(*(query.with_only_columns(*_named(query)) for query in named)).subquery(f"{kind}_steps_found")
    return select(found).where(found.c.crm_id != found.c.next_crm_id).cte(f"{kind}_steps")


def _named(query: Select[Any]) -> Sequence[ColumnElement[Any]]:
    names = ("connection", "crm_id", "next_crm_id")
    return [column.label(name) for column, name in zip(query.selected_columns, names, strict=True)]


def _has_moved(moved: CTE, table: Table) -> ColumnElement[bool]:
    return select(literal(1)).where(moved.c.connection == table.c.connection, moved.c.crm_id == table.c.crm_id).exists()


def survives(table: Table, surviving: CTE) -> ColumnElement[bool]:
    """Join condition of a typed raw table and survivors()."""
    return and_(table.c.connection == surviving.c.connection, table.c.crm_id == surviving.c.crm_id)


def rep_of(identities: FromClause, connection: ColumnElement[Any], user: ColumnElement[Any]) -> ColumnElement[bool]:
    """Join condition of rep_identities (or an alias of it) and a CRM user on a record."""
    return and_(identities.c.connection == connection, identities.c.crm_id == user)


def an_identity(name: str) -> FromClause:
    """Give rep_identities under a name of its own, for a second user on the same record."""
    return rep_identities.alias(name)


def source_columns(table: Table, connections: Sequence[ConnectionFacts]) -> tuple[ColumnElement[Any], ...]:
    """Give the columns connection, crm_id and crm_url of a core row."""
    return table.c.connection, table.c.crm_id, crm_url(table, connections).label("crm_url")


def crm_url(table: Table, connections: Sequence[ConnectionFacts]) -> ColumnElement[Any]:
    """Give the address that opens the record in its CRM; NULL for a connection without one, or no longer configured."""
    template = _by_connection(table.c.connection, {one.name: one.record_url for one in connections})
    return func.nullif(func.replace(func.replace(template, "{object}", table.c.object), "{id}", table.c.crm_id), "")


def connection_rank(connection: ColumnElement[Any], connections: Sequence[ConnectionFacts]) -> ColumnElement[Any]:
    """Give the place of a connection in the list, as text that sorts; the first leads, one that is not listed comes last."""
    places = {one.name: f"{place:03d}" for place, one in enumerate(connections)}
    return func.coalesce(_by_connection(connection, places), "999")


def file_connections(connections: Sequence[ConnectionFacts]) -> tuple[str, ...]:
    """Give the connections that read exports: their records name others by what people know of them."""
    return tuple(one.name for one in connections if one.crm == "files")


def id_of(table: FromClause) -> ColumnElement[Any]:
    """Give the id in core of a row that has connection and crm_id."""
    return core_id(table.c.connection, table.c.crm_id)


def _by_connection(connection: ColumnElement[Any], values: dict[str, str]) -> ColumnElement[Any]:
    if not values:
        return func.nullif(connection, connection)
    return case(*((connection == name, literal(value)) for name, value in values.items()))
