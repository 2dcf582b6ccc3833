"""Who was in it, what is it about? One row per link between two records of core, whatever was merged, copied or converted.

An e-mail address or phone number in an export leads to the contact that has it, in whichever connection; a number that several
people share, such as a switchboard's, leads to nobody.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Table, and_, case, func, literal, select, union_all

from models.context import BuildContext, Model
from models.core.emails import is_told_by_another
from models.core.sources import MERGEABLE, connection_rank, file_connections, id_of, known_records
from models.duckdb import to_phone
from models.expressions import core_id
from models.raw.links import BY_EMAIL, BY_PHONE, MERGED_ROLE
from models.tables import (
    links,
    meeting_copies,
    raw_calls,
    raw_companies,
    raw_contacts,
    raw_deals,
    raw_emails,
    raw_links,
    raw_notes,
    rep_identities,
)

ACTIVITIES: dict[str, Table] = {"call": raw_calls, "email": raw_emails, "note": raw_notes}


def build_links(context: BuildContext) -> Select[Any]:
    """Bring both ends of every link to the records of core; a link to a deleted or unknown record is none."""
    people = _people(context) if file_connections(context.connections) else ()
    start, target = _core_ids("start"), _core_ids("target", *people)
    to_kind = case((raw_links.c.to_kind == "user", "rep"), else_=raw_links.c.to_kind)
    return (
        select(
            raw_links.c.from_kind,
            start.c.core_id.label("from_id"),
            to_kind.label("to_kind"),
            target.c.core_id.label("to_id"),
            raw_links.c.role,
        )
        .join(start, _is_end(start, raw_links.c.from_kind, raw_links.c.from_crm_id))
        .join(target, _is_end(target, raw_links.c.to_kind, raw_links.c.to_crm_id))
        .where(raw_links.c.role != MERGED_ROLE)
        .distinct()
    )


def _is_end(end: CTE, kind: ColumnElement[Any], crm_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(end.c.kind == kind, end.c.connection == raw_links.c.connection, end.c.crm_id == crm_id)


def _core_ids(name: str, *further: Select[Any]) -> CTE:
    """Give (kind, connection, crm_id, core_id) of every CRM record that has a place in core."""
    followed = [(kind, known_records(kind)) for kind in MERGEABLE]
    return union_all(
        *(_rows(kind, known, core_id(known.c.connection, known.c.survivor_crm_id)) for kind, known in followed),
        *(_rows(kind, table, id_of(table)).where(_counts(table)) for kind, table in ACTIVITIES.items()),
        _rows("meeting", meeting_copies, meeting_copies.c.meeting_id),
        _rows("user", rep_identities, rep_identities.c.rep_id),
        *further,
    ).cte(name)


def _people(context: BuildContext) -> tuple[Select[Any], ...]:
    """Give every contact under its address and its number, for the connections that read exports."""
    known = known_records("contact")
    rank = connection_rank(raw_contacts.c.connection, context.connections)
    contact = (
        select(
            core_id(known.c.connection, known.c.survivor_crm_id).label("core_id"),
            rank.concat(core_id(known.c.connection, known.c.survivor_crm_id)).label("place"),
            raw_contacts.c.email,
            to_phone(raw_contacts.c.phone).label("phone"),
        )
        .join(
            raw_contacts,
            and_(raw_contacts.c.connection == known.c.connection, raw_contacts.c.crm_id == known.c.crm_id),
        )
        .cte("known_people")
    )
    person = func.coalesce(contact.c.email, contact.c.core_id)
    names = file_connections(context.connections)
    return tuple(
        _under(contact, said, prefix, connection, person)
        for connection in names
        for said, prefix in ((contact.c.email, BY_EMAIL), (contact.c.phone, BY_PHONE))
    )


def _under(
    contact: CTE, said: ColumnElement[Any], prefix: str, connection: str, person: ColumnElement[Any]
) -> Select[Any]:
    """Of the same person's contacts the leading connection's comes first."""
    return (
        select(
            literal("contact").label("kind"),
            literal(connection).label("connection"),
            literal(prefix).concat(said).label("crm_id"),
            func.arg_min(contact.c.core_id, contact.c.place).label("core_id"),
        )
        .where(said.is_not(None))
        .group_by(said)
        .having(func.count(person.distinct()) == 1)
    )


def _counts(activity: Table) -> ColumnElement[bool]:
    is_here = ~activity.c.is_deleted
    return and_(is_here, ~is_told_by_another(activity)) if activity is raw_emails else is_here


def _rows(kind: str, table: Table | CTE, identity: ColumnElement[Any]) -> Select[Any]:
    return select(literal(kind).label("kind"), table.c.connection, table.c.crm_id, identity.label("core_id"))


MODEL = Model(
    table=links,
    reads=(
        raw_links,
        raw_contacts,
        raw_companies,
        raw_deals,
        *ACTIVITIES.values(),
        meeting_copies,
        rep_identities,
    ),
    statement=build_links,
)
