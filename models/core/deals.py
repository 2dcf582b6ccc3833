"""Which deals are there, where do they stand, and which meeting did they come from? One row per deal."""

from datetime import date
from typing import Any

from sqlalchemy import CTE, Date, Numeric, Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.types import TypeEngine

from definitions_contract.schema import TeamAgreement
from models.context import BuildContext, Model
from models.core.activities import segments
from models.core.sources import rep_of, source_columns
from models.core.sourcing import deal_facts, first_meetings
from models.core.stages import is_stage, stage_names
from models.duckdb import days_between, local_date
from models.expressions import inline_rows, or_unknown
from models.tables import (
    MONEY,
    companies,
    contacts,
    deals,
    links,
    meetings,
    raw_deals,
    raw_links,
    raw_stages,
    rep_identities,
)

CLOSED = ("won", "lost")
WIDE = Numeric(
    20, 2
)  # with a rate of 18 digits the product has its 38: narrower ones overflow at a hundred million dollars
RATE: dict[str, TypeEngine[Any]] = {"currency": Text(), "rate": Numeric(18, 9), "since": Date(), "until": Date()}


def build_deals(context: BuildContext) -> Select[Any]:
    """Take the surviving deals over, with the rep credited: the booker of the first meeting before the deal."""
    team = context.agreement.team
    fact = deal_facts(context)
    first = first_meetings(meetings, fact)
    stage = stage_names()
    rate = _rates(team)
    currency = func.coalesce(raw_deals.c.currency, team.currency)
    created_date = local_date(raw_deals.c.created_at, team.zone)
    of_the_day = and_(
        rate.c.currency == currency,
        or_(rate.c.since.is_(None), raw_deals.c.close_date >= rate.c.since),
        or_(rate.c.until.is_(None), raw_deals.c.close_date < rate.c.until),
    )
    return (
        select(
            fact.c.deal_id,
            *source_columns(raw_deals, context.connections),
            meetings.c.rep_id,
            rep_identities.c.rep_id.label("owner_rep_id"),
            first.c.meeting_id,
            fact.c.contact_id,
            fact.c.company_id,
            *segments(response_method=meetings.c.response_method, lead_source=raw_deals.c.lead_source),
            raw_deals.c.name,
            func.coalesce(stage.c.label, raw_deals.c.stage).label("stage"),
            or_unknown(stage.c.status).label("status"),
            raw_deals.c.lost_reason,
            currency.label("currency"),
            raw_deals.c.amount,
            cast(cast(raw_deals.c.amount, WIDE) * rate.c.rate, MONEY).label("agreed_amount"),
            case((stage.c.status.in_(CLOSED), days_between(created_date, raw_deals.c.close_date))).label("cycle_days"),
            created_date.label("created_date"),
            raw_deals.c.close_date,
            raw_deals.c.created_at,
        )
        .select_from(fact)
        .join(raw_deals, and_(raw_deals.c.connection == fact.c.connection, raw_deals.c.crm_id == fact.c.crm_id))
        .outerjoin(rep_identities, rep_of(rep_identities, raw_deals.c.connection, raw_deals.c.owner_crm_id))
        .outerjoin(first, first.c.deal_id == fact.c.deal_id)
        .outerjoin(meetings, meetings.c.meeting_id == first.c.meeting_id)
        .outerjoin(contacts, contacts.c.contact_id == fact.c.contact_id)
        .outerjoin(companies, companies.c.company_id == fact.c.company_id)
        .outerjoin(stage, is_stage(stage, raw_deals))
        .outerjoin(rate, of_the_day)
    )


def _rates(team: TeamAgreement) -> CTE:
    """Give each agreed rate with the days that it holds on; the agreed currency is worth itself, always."""
    rows: list[tuple[Any, ...]] = [(team.currency, 1, None, None)]
    others = (one for one in team.exchange_rates if one.currency != team.currency)
    by_day = sorted(others, key=lambda one: (one.currency, one.since))
    for place, one in enumerate(by_day):
        following = by_day[place + 1] if place + 1 < len(by_day) else None
        until: date | None = following.since if following and following.currency == one.currency else None
        rows.append((one.currency, one.rate, one.since, until))
    return inline_rows("rates", RATE, rows)


MODEL = Model(
    table=deals,
    reads=(raw_deals, raw_stages, raw_links, rep_identities, meetings, links, contacts, companies),
    statement=build_deals,
)
