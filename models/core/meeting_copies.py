"""Which CRM records are one real meeting? One row per CRM record of a meeting.

Salesforce writes a child event for every invited user: an invitee's copy. A meeting kept in two CRMs is recognised by its
calendar id, or else by start minute, booker and a person met; the connection that stands first in the list leads.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, literal, or_, select, union_all

from models.context import BuildContext, Model
from models.core.sources import connection_rank, crm_url, id_of, known_records, rep_of
from models.duckdb import minute_of
from models.expressions import core_id
from models.tables import contacts, meeting_copies, raw_contacts, raw_links, raw_meetings, rep_identities


def build_meeting_copies(context: BuildContext) -> Select[Any]:
    """Give each meeting record the real meeting that it belongs to, and why."""
    event = _events(context)
    copy = _leaders(event, _pairs(event))
    return select(
        copy.c.connection,
        copy.c.crm_id,
        copy.c.crm_url,
        copy.c.leader_id.label("meeting_id"),
        case((copy.c.leader_id == copy.c.event_id, "leading"), (copy.c.is_child, "invitee"), else_="other_crm").label(
            "reason"
        ),
    )


def _events(context: BuildContext) -> CTE:
    """Give the live meeting records with what recognises them. `occurrence` tells a series' meetings under one calendar id apart."""
    is_child = func.coalesce(raw_meetings.c.is_child, False)
    series = (raw_meetings.c.connection, is_child, raw_meetings.c.external_uid)
    booker = func.coalesce(raw_meetings.c.booked_by_crm_id, raw_meetings.c.owner_crm_id)
    return (
        select(
            id_of(raw_meetings).label("event_id"),
            raw_meetings.c.connection,
            raw_meetings.c.crm_id,
            crm_url(raw_meetings, context.connections).label("crm_url"),
            connection_rank(raw_meetings.c.connection, context.connections).label("rank"),
            is_child.label("is_child"),
            core_id(raw_meetings.c.connection, raw_meetings.c.parent_crm_id).label("parent_id"),
            raw_meetings.c.external_uid,
            func.dense_rank().over(partition_by=series, order_by=raw_meetings.c.starts_at).label("occurrence"),
            raw_meetings.c.title,
            raw_meetings.c.starts_at,
            minute_of(raw_meetings.c.starts_at).label("start_minute"),
            rep_identities.c.rep_id.label("booker_id"),
        )
        .select_from(raw_meetings)
        .outerjoin(rep_identities, rep_of(rep_identities, raw_meetings.c.connection, booker))
        .where(~raw_meetings.c.is_deleted)
        .cte("events")
    )


def _pairs(event: CTE) -> CTE:
    """Give (event_id, leader_id, strength): which record each copy may belong to, and how sure that is (1 is surest)."""
    leader = event.alias("leader")
    leads = and_(~leader.c.is_child, leader.c.event_id != event.c.event_id)
    same_uid = and_(
        event.c.external_uid == leader.c.external_uid,
        event.c.occurrence == leader.c.occurrence,
        or_(event.c.is_child, leader.c.rank < event.c.rank),
    )
    parent = and_(event.c.is_child, event.c.parent_id == leader.c.event_id)
    alike = and_(
        event.c.is_child,
        event.c.connection == leader.c.connection,
        event.c.starts_at == leader.c.starts_at,
        event.c.title == leader.c.title,
    )
    found = [
        select(
            event.c.event_id, leader.c.event_id.label("leader_id"), leader.c.rank, literal(strength).label("strength")
        ).join(leader, and_(leads, condition))
        for strength, condition in ((1, parent), (2, same_uid), (4, alike))
    ]
    return union_all(*found, _pairs_by_person(event)).cte("pairs")


def _pairs_by_person(event: CTE) -> Select[Any]:
    """Pair records of two CRMs that start in the same minute, were booked by the same person and meet the same person."""
    person = _people_met()
    met = (
        select(event, person.c.person_id)
        .join(person, person.c.event_id == event.c.event_id)
        .where(~event.c.is_child)
        .cte("met")
    )
    other = met.alias("other")
    same = and_(
        met.c.start_minute == other.c.start_minute,
        met.c.booker_id == other.c.booker_id,
        met.c.person_id == other.c.person_id,
        other.c.rank < met.c.rank,
    )
    return select(met.c.event_id, other.c.event_id.label("leader_id"), other.c.rank, literal(3).label("strength")).join(
        other, same
    )


def _people_met() -> CTE:
    known = known_records("contact")
    return (
        select(core_id(raw_links.c.connection, raw_links.c.from_crm_id).label("event_id"), contacts.c.person_id)
        .select_from(raw_links)
        .join(known, and_(known.c.connection == raw_links.c.connection, known.c.crm_id == raw_links.c.to_crm_id))
        .join(contacts, contacts.c.contact_id == core_id(known.c.connection, known.c.survivor_crm_id))
        .where(raw_links.c.from_kind == "meeting", raw_links.c.to_kind == "contact")
        .distinct()
        .cte("people_met")
    )


def _leaders(event: CTE, pair: CTE) -> CTE:
    """Choose the surest leader of each record, and follow it when that record is a copy itself."""
    place = func.row_number().over(
        partition_by=pair.c.event_id, order_by=(pair.c.strength, pair.c.rank, pair.c.leader_id)
    )
    ranked = select(pair.c.event_id, pair.c.leader_id, place.label("place")).cte("ranked_pairs")
    best = select(ranked.c.event_id, ranked.c.leader_id).where(ranked.c.place == 1).cte("best_pairs")
    second, third = (
        best.alias("second"),
        best.alias("third"),
    )  # an invitee's copy of a copy in another CRM takes two steps
    leader_id: ColumnElement[Any] = func.coalesce(
        third.c.leader_id, second.c.leader_id, best.c.leader_id, event.c.event_id
    )
    return (
        select(event, leader_id.label("leader_id"))
        .select_from(event)
        .outerjoin(best, best.c.event_id == event.c.event_id)
        .outerjoin(second, second.c.event_id == best.c.leader_id)
        .outerjoin(third, third.c.event_id == second.c.leader_id)
        .cte("led_events")
    )


MODEL = Model(
    table=meeting_copies,
    reads=(raw_meetings, raw_contacts, raw_links, contacts, rep_identities),
    statement=build_meeting_copies,
)
