"""Which deals are there, where do they stand, and which meeting did they come from? One row per deal."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Numeric, Select, and_, case, cast, func, or_, select

from models.context import BuildContext, Model
from models.core.activities import segments
from models.core.exchange_rates import ALWAYS, EVERY_CONNECTION
from models.core.sources import rep_of, source_columns
from models.core.sourcing import deal_facts, first_meetings
from models.core.stages import is_stage, stage_names
from models.duckdb import days_between, local_date, to_type
from models.expressions import or_unknown
from models.tables import (
    MONEY,
    companies,
    contacts,
    deals,
    exchange_rates,
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


def build_deals(context: BuildContext) -> Select[Any]:
    """Take the surviving deals over, with the rep credited: the booker of the first meeting before the deal."""
    team = context.agreement.team
    fact = deal_facts(context)
    first = first_meetings(meetings, fact)
    stage = stage_names()
    rate = exchange_rates
    currency = func.coalesce(raw_deals.c.currency, team.currency)
    created_date = local_date(raw_deals.c.created_at, team.zone)
    of_the_day = and_(
        rate.c.currency == currency,
        or_(rate.c.connection == EVERY_CONNECTION, rate.c.connection == raw_deals.c.connection),
        # the agreed currency needs no day, an open deal may have none
        or_(rate.c.since_date == ALWAYS, raw_deals.c.close_date >= rate.c.since_date),
        or_(rate.c.until_date.is_(None), raw_deals.c.close_date < rate.c.until_date),
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
            _agreed_amount(rate).label("agreed_amount"),
            _cycle_days(stage, created_date).label("cycle_days"),
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


def _agreed_amount(rate: FromClause) -> ColumnElement[Any]:
    """Turn the amount into the agreed currency, in decimals; only a rate told the other way round needs a division.

    An amount beyond what money columns hold is none: a typing slip in one deal must not stop the night.
    """
    product = cast(raw_deals.c.amount, WIDE) * rate.c.rate
    return case((rate.c.divisor == 1, to_type(product, MONEY)), else_=to_type(product / rate.c.divisor, MONEY))


def _cycle_days(stage: FromClause, created_date: ColumnElement[Any]) -> ColumnElement[Any]:
    """Count the days from creation to close; a deal that was entered after it had closed took none, not fewer."""
    days = days_between(created_date, raw_deals.c.close_date)
    return case((stage.c.status.in_(CLOSED), case((days < 0, 0), else_=days)))


MODEL = Model(
    table=deals,
    reads=(raw_deals, raw_stages, raw_links, exchange_rates, rep_identities, meetings, links, contacts, companies),
    statement=build_deals,
)
