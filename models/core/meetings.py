"""Which meetings were booked, by whom, and what became of them? One row per real meeting.

The leading record's values count; what it lacks is filled from the other copies.
"""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    distinct,
    func,
    literal,
    select,
    union,
)

from models.context import BuildContext, Model
from models.core.activities import about, company_of, segments
from models.core.sources import an_identity, connection_rank, rep_of
from models.core.sourcing import deal_facts, first_meetings, linked_deals
from models.duckdb import first_known, local_date, minutes_between
from models.expressions import UNKNOWN
from models.tables import (
    TIMESTAMP,
    companies,
    contacts,
    links,
    meeting_copies,
    meetings,
    raw_deals,
    raw_links,
    raw_meetings,
    rep_identities,
)

TEXT = meetings.c.meeting_id.type
BOOKED = "booked"
FINAL = ("held", "no_show", "cancelled", "rescheduled")
COPIED = (
    "response_method",
    "field_sales_feedback",
    "field_sales_feedback_first",
    "reject_reason",
    "decision_maker_present",
    "feedback_at",
)
TIMES = ("booked_at", "starts_at", "ends_at")


def build_meetings(context: BuildContext) -> Select[Any]:
    """Bring a meeting's records together, find whom it met and which deal it led to."""
    meeting = _with_people(_collapsed(context), context)
    deal = _deals(meeting, context)
    zone = context.agreement.team.zone
    return (
        select(
            *(
                meeting.c[name]
                for name in ("meeting_id", "connection", "crm_id", "crm_url", "rep_id", "held_by_rep_id")
            ),
            meeting.c.contact_id,
            meeting.c.company_id,
            deal.c.deal_id,
            *segments(response_method=meeting.c.response_method),
            meeting.c.outcome,
            meeting.c.field_sales_feedback,
            func.coalesce(meeting.c.field_sales_feedback_first, meeting.c.field_sales_feedback).label(
                "field_sales_feedback_first"
            ),
            meeting.c.reject_reason,
            meeting.c.decision_maker_present,
            func.coalesce(deal.c.is_linked, False).label("has_deal"),
            minutes_between(meeting.c.starts_at, meeting.c.ends_at).label("minutes"),
            func.coalesce(meeting.c.attendee_count, 0).label("attendee_count"),
            func.coalesce(meeting.c.attendees_ours, 0).label("attendees_ours"),
            meeting.c.copy_count,
            local_date(meeting.c.booked_at, zone).label("booked_date"),
            local_date(meeting.c.starts_at, zone).label("held_date"),
            local_date(meeting.c.feedback_at, zone).label("feedback_date"),
            *(meeting.c[name] for name in TIMES),
        )
        .select_from(meeting)
        .outerjoin(contacts, contacts.c.contact_id == meeting.c.contact_id)
        .outerjoin(companies, companies.c.company_id == meeting.c.company_id)
        .outerjoin(deal, deal.c.meeting_id == meeting.c.meeting_id)
    )


def _collapsed(context: BuildContext) -> CTE:
    """Give one row per real meeting, every value from the first of its records that has it."""
    booker, holder = an_identity("booker"), an_identity("holder")
    leads = case((meeting_copies.c.reason == "leading", "0"), (meeting_copies.c.reason == "other_crm", "1"), else_="2")
    rank = connection_rank(raw_meetings.c.connection, context.connections)
    order = leads.concat(rank).concat(raw_meetings.c.crm_id)
    outcome = raw_meetings.c.outcome
    is_leading = meeting_copies.c.reason == "leading"
    known = {name: first_known(raw_meetings.c[name], order).label(name) for name in (*COPIED, *TIMES)}
    copied = (
        select(
            meeting_copies.c.meeting_id,
            *(
                func.max(meeting_copies.c[name]).filter(is_leading).label(name)
                for name in ("connection", "crm_id", "crm_url")
            ),
            first_known(func.coalesce(booker.c.rep_id, holder.c.rep_id, type_=TEXT), order).label("rep_id"),
            first_known(holder.c.rep_id, order).label("held_by_rep_id"),
            first_known(case((outcome.in_(FINAL), outcome)), order).label("final_outcome"),
            *known.values(),
            func.count().label("copy_count"),
        )
        .select_from(meeting_copies)
        .join(
            raw_meetings,
            and_(
                raw_meetings.c.connection == meeting_copies.c.connection,
                raw_meetings.c.crm_id == meeting_copies.c.crm_id,
            ),
        )
        .outerjoin(booker, rep_of(booker, raw_meetings.c.connection, raw_meetings.c.booked_by_crm_id))
        .outerjoin(holder, rep_of(holder, raw_meetings.c.connection, raw_meetings.c.owner_crm_id))
        .group_by(meeting_copies.c.meeting_id)
        .cte("collapsed")
    )
    return select(copied, _outcome(copied, context).label("outcome")).cte("decided")


def _outcome(meeting: CTE, context: BuildContext) -> ColumnElement[str]:
    """Without a recorded outcome a meeting is booked while it is still to come at the end of as_of, unknown once it is over."""
    end_of_day = datetime.combine(context.as_of + timedelta(days=1), time.min, tzinfo=context.agreement.team.tz)
    is_to_come = func.coalesce(meeting.c.ends_at, meeting.c.starts_at) > literal(end_of_day, TIMESTAMP)
    return case((meeting.c.final_outcome.is_not(None), meeting.c.final_outcome), (is_to_come, BOOKED), else_=UNKNOWN)


def _with_people(meeting: CTE, context: BuildContext) -> CTE:
    linked = about("meeting", context.connections)
    attendee = (
        select(links.c.from_id, func.count(distinct(contacts.c.person_id)).label("attendee_count"))
        .join(contacts, contacts.c.contact_id == links.c.to_id)
        .where(links.c.from_kind == "meeting", links.c.to_kind == "contact")
        .group_by(links.c.from_id)
        .cte("attendees")
    )
    ours = _ours(meeting)
    return (
        select(
            meeting,
            contacts.c.contact_id,
            company_of(linked).label("company_id"),
            attendee.c.attendee_count,
            ours.c.attendees_ours,
        )
        .select_from(meeting)
        .outerjoin(linked, linked.c.from_id == meeting.c.meeting_id)
        .outerjoin(contacts, contacts.c.contact_id == linked.c.contact_id)
        .outerjoin(attendee, attendee.c.from_id == meeting.c.meeting_id)
        .outerjoin(ours, ours.c.meeting_id == meeting.c.meeting_id)
        .cte("met_meetings")
    )


def _ours(meeting: CTE) -> CTE:
    """Count our people in each meeting, each once: who holds it, and the users who are linked to it."""
    invited = select(links.c.from_id.label("meeting_id"), links.c.to_id.label("rep_id")).where(
        links.c.from_kind == "meeting", links.c.to_kind == "rep"
    )
    holding = select(meeting.c.meeting_id, meeting.c.held_by_rep_id).where(meeting.c.held_by_rep_id.is_not(None))
    people = union(invited, holding).cte("our_people")
    return select(people.c.meeting_id, func.count().label("attendees_ours")).group_by(people.c.meeting_id).cte("ours")


def _deals(meeting: CTE, context: BuildContext) -> CTE:
    """Give each meeting its first deal: one that it is linked to, else one that it led to."""
    deal = deal_facts(context)
    linked = linked_deals().subquery("linked")
    led_to = first_meetings(meeting, deal)
    first = func.arg_min(deal.c.deal_id, deal.c.created_at, type_=TEXT)
    first_linked = (
        select(linked.c.meeting_id, first.label("deal_id"))
        .join(deal, deal.c.deal_id == linked.c.deal_id)
        .group_by(linked.c.meeting_id)
        .cte("first_linked")
    )
    first_led_to = (
        select(led_to.c.meeting_id, first.label("deal_id"))
        .join(deal, deal.c.deal_id == led_to.c.deal_id)
        .group_by(led_to.c.meeting_id)
        .cte("first_led_to")
    )
    return (
        select(
            meeting.c.meeting_id,
            func.coalesce(first_linked.c.deal_id, first_led_to.c.deal_id).label("deal_id"),
            first_linked.c.deal_id.is_not(None).label("is_linked"),
        )
        .select_from(meeting)
        .outerjoin(first_linked, first_linked.c.meeting_id == meeting.c.meeting_id)
        .outerjoin(first_led_to, first_led_to.c.meeting_id == meeting.c.meeting_id)
        .cte("meeting_deals")
    )


MODEL = Model(
    table=meetings,
    reads=(raw_meetings, raw_deals, raw_links, meeting_copies, links, contacts, companies, rep_identities),
    statement=build_meetings,
)
