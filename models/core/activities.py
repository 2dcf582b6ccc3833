"""What do a call, an e-mail, a meeting and a deal have in common? Whom and what they are about, and what they are split by."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, case, func, select

from models.context import ConnectionFacts
from models.core.sources import connection_rank
from models.expressions import or_unknown
from models.tables import companies, contacts, links

# of several people the one the CRM puts first: Salesforce's WhoId and HubSpot's plain association, then the addressee
LEADING_ROLES = {"default": "0", "ToAddress": "1"}


def about(kind: str, connections: Sequence[ConnectionFacts]) -> CTE:
    """Give (from_id, contact_id, company_id, deal_id) of every record of a kind that is linked to any of them.

    Of several the leading connection's comes first, then the leading role, then the smallest id: always the same one.
    """
    rank = connection_rank(func.split_part(links.c.to_id, ":", 1), connections)
    order = rank.concat(case(*((links.c.role == role, place) for role, place in LEADING_ROLES.items()), else_="9"))
    first = {
        to_kind: func.substr(func.min(order.concat(links.c.to_id)).filter(links.c.to_kind == to_kind), 5)
        for to_kind in ("contact", "company", "deal")
    }
    return (
        select(links.c.from_id, *(value.label(f"{to_kind}_id") for to_kind, value in first.items()))
        .where(links.c.from_kind == kind)
        .group_by(links.c.from_id)
        .cte(f"about_{kind}")
    )


def company_of(linked: FromClause) -> ColumnElement[Any]:
    """Give the company that a record is linked to, else that of its contact."""
    return func.coalesce(linked.c.company_id, contacts.c.company_id)


def segments(
    *, response_method: ColumnElement[Any], lead_source: ColumnElement[Any] | None = None
) -> tuple[ColumnElement[Any], ...]:
    """Give the five columns that numbers are split by, from the joined contact and company; unknown where none is recorded.

    `lead_source` is the record's own: it stands in where the contact has none.
    """
    own = () if lead_source is None else (lead_source,)
    return (
        or_unknown(func.coalesce(contacts.c.lead_source_first, *own)).label("lead_source_first"),
        or_unknown(func.coalesce(contacts.c.lead_source, *own)).label("lead_source"),
        or_unknown(response_method).label("response_method"),
        or_unknown(companies.c.industry).label("industry"),
        or_unknown(companies.c.company_size).label("company_size"),
    )
