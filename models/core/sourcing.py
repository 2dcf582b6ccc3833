"""Which meeting did a deal come from? The first one booked before the deal was made, by the strongest tie between the two.

A link between them in the CRM is the strongest; then the same person, then the same company - those two only for meetings that
may have taken place.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Select, and_, func, literal, or_, select, union_all

from models.context import BuildContext
from models.core.activities import about, company_of
from models.core.sources import id_of, survives, survivors
from models.tables import contacts, links, raw_deals

NEVER_TOOK_PLACE = ("no_show", "cancelled", "rescheduled")


def deal_facts(context: BuildContext) -> CTE:
    """Give (deal_id, contact_id, company_id, created_at) of every deal of core."""
    surviving = survivors("deal")
    linked = about("deal", context.connections)
    return (
        select(
            id_of(raw_deals).label("deal_id"),
            raw_deals.c.connection,
            raw_deals.c.crm_id,
            contacts.c.contact_id,
            company_of(linked).label("company_id"),
            raw_deals.c.created_at,
        )
        .select_from(raw_deals)
        .join(surviving, survives(raw_deals, surviving))
        .outerjoin(linked, linked.c.from_id == id_of(raw_deals))
        .outerjoin(contacts, contacts.c.contact_id == linked.c.contact_id)
        .cte("deal_facts")
    )


def first_meetings(meeting: FromClause, deal: CTE) -> CTE:
    """Give (deal_id, meeting_id): at most one meeting per deal. `meeting` has meeting_id, company_id, outcome and booked_at."""
    tie = union_all(_linked(), _same_person(), _same_company(meeting, deal)).cte("ties")
    took_place = or_(tie.c.strength == 1, meeting.c.outcome.not_in(NEVER_TOOK_PLACE))
    place = func.row_number().over(
        partition_by=tie.c.deal_id, order_by=(tie.c.strength, meeting.c.booked_at, meeting.c.meeting_id)
    )
    ranked = (
        select(tie.c.deal_id, tie.c.meeting_id, place.label("place"))
        .join(meeting, meeting.c.meeting_id == tie.c.meeting_id)
        .join(deal, deal.c.deal_id == tie.c.deal_id)
        .where(meeting.c.booked_at <= deal.c.created_at, took_place)
        .cte("ranked_ties")
    )
    return select(ranked.c.deal_id, ranked.c.meeting_id).where(ranked.c.place == 1).cte("first_meetings")


def linked_deals() -> Select[Any]:
    """Give (meeting_id, deal_id) of every link between a meeting and a deal, whichever of the two carries it."""
    forth = select(links.c.from_id.label("meeting_id"), links.c.to_id.label("deal_id")).where(
        links.c.from_kind == "meeting", links.c.to_kind == "deal"
    )
    back = select(links.c.to_id.label("meeting_id"), links.c.from_id.label("deal_id")).where(
        links.c.from_kind == "deal", links.c.to_kind == "meeting"
    )
    both = union_all(forth, back).subquery("both_ways")
    return select(both.c.meeting_id, both.c.deal_id).distinct()


def _linked() -> Select[Any]:
    linked = linked_deals().subquery("linked_deals")
    return select(linked.c.meeting_id, linked.c.deal_id, literal(1).label("strength"))


def _same_person() -> Select[Any]:
    deal, meeting = links.alias("deal_link"), links.alias("meeting_link")
    buyer, guest = contacts.alias("buyer"), contacts.alias("guest")
    return (
        select(meeting.c.from_id.label("meeting_id"), deal.c.from_id.label("deal_id"), literal(2).label("strength"))
        .select_from(deal)
        .join(buyer, buyer.c.contact_id == deal.c.to_id)
        .join(guest, guest.c.person_id == buyer.c.person_id)
        .join(meeting, meeting.c.to_id == guest.c.contact_id)
        .where(_to_contact(deal, "deal"), _to_contact(meeting, "meeting"))
    )


def _to_contact(link: FromClause, kind: str) -> ColumnElement[bool]:
    return and_(link.c.from_kind == kind, link.c.to_kind == "contact")


def _same_company(meeting: FromClause, deal: CTE) -> Select[Any]:
    return select(meeting.c.meeting_id, deal.c.deal_id, literal(3).label("strength")).join(
        deal, deal.c.company_id == meeting.c.company_id
    )
