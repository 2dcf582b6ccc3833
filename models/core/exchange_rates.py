"""What is a deal's currency worth in the agreed one, on which days? One row per connection, currency and first day.

`exchange_rates_from` in team.yaml says whose rates count. Those of a CRM lead to its home currency; where that is not the agreed
one, the way goes through it: a day counts only when both rates are known. No rate is ever made up: without one there is no row.
"""

from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, Date, Select, Text, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.types import TypeEngine

from definitions_contract.schema import RateSource, TeamAgreement
from models.context import BuildContext, Model
from models.expressions import inline_rows
from models.tables import RATE, exchange_rates, raw_exchange_rates

EVERY_CONNECTION = "*"
ALWAYS = date(1, 1, 1)
AGREED: dict[str, TypeEngine[Any]] = {
    "connection": Text(),
    "currency": Text(),
    "since_date": Date(),
    "until_date": Date(),
    "rate": RATE,
    "divisor": RATE,
}


def build_exchange_rates(context: BuildContext) -> Select[Any]:
    """Give the agreed rates or the CRMs' own; the agreed currency is worth itself, always."""
    team = context.agreement.team
    agreed = inline_rows("agreed", AGREED, _agreed(team))
    if team.exchange_rates_from == RateSource.AGREEMENT:
        return select(agreed)
    return select(union_all(select(agreed), _from_crms(team.currency)).subquery("rates"))


def _agreed(team: TeamAgreement) -> list[tuple[Any, ...]]:
    """Give each agreed rate with the days that it holds on."""
    rows: list[tuple[Any, ...]] = [(EVERY_CONNECTION, team.currency, ALWAYS, None, 1, 1)]
    others = team.exchange_rates if team.exchange_rates_from == RateSource.AGREEMENT else ()
    by_day = sorted(others, key=lambda one: (one.currency, one.since))
    for place, one in enumerate(by_day):
        following = by_day[place + 1] if place + 1 < len(by_day) else None
        until = following.since if following and following.currency == one.currency else None
        rows.append((EVERY_CONNECTION, one.currency, one.since, until, one.rate, 1))
    return rows


def _from_crms(agreed_currency: str) -> Select[Any]:
    """Go from each currency to the CRM's home, and from there to the agreed currency, on the days that both rates hold on."""
    spans = _spans()
    away, back = spans.alias("away"), spans.alias("back")
    since = func.greatest(away.c.since_date, back.c.since_date)
    until = func.least(away.c.until_date, back.c.until_date)  # a NULL is left out of it
    return select(
        away.c.connection,
        away.c.currency,
        since.label("since_date"),
        until.label("until_date"),
        # worth of one unit: (home of it) / (home of one agreed), each told in one of two ways
        _product(away.c.home_per_unit, back.c.units_per_home).label("rate"),
        _product(away.c.units_per_home, back.c.home_per_unit).label("divisor"),
    ).where(
        away.c.currency != agreed_currency,
        back.c.currency == agreed_currency,
        away.c.connection == back.c.connection,
        away.c.home == back.c.home,
        or_(until.is_(None), since < until),
    )


def _product(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.coalesce(one, literal(1, RATE)) * func.coalesce(other, literal(1, RATE)), RATE)


def _spans() -> CTE:
    """Give each rate with its days; without a last day it holds until the same currency's next one."""
    rate = _rates()
    following = func.lead(rate.c.since_date).over(
        partition_by=(rate.c.connection, rate.c.home, rate.c.currency),
        order_by=(rate.c.since_date, rate.c.crm_id),
    )
    timed = select(*rate.c, func.coalesce(rate.c.until, following).label("until_date")).cte("timed_rates")
    # of two from the same day on, the newer one counts
    return select(timed).where(or_(timed.c.until_date.is_(None), timed.c.since_date < timed.c.until_date)).cte("spans")


def _rates() -> CTE:
    """Give the CRMs' rates as they tell them, and each home currency that one leads to as worth itself."""
    raw = raw_exchange_rates
    is_usable = and_(
        ~raw.c.is_deleted, func.coalesce(raw.c.home_per_unit, 1) > 0, func.coalesce(raw.c.units_per_home, 1) > 0
    )
    told = select(
        raw.c.connection,
        func.coalesce(raw.c.home_currency, "").label("home"),
        raw.c.currency,
        raw.c.crm_id,
        func.coalesce(raw.c.since, ALWAYS).label("since_date"),
        raw.c.until,
        raw.c.home_per_unit,
        raw.c.units_per_home,
    ).where(is_usable, or_(raw.c.home_per_unit.is_not(None), raw.c.units_per_home.is_not(None)))
    one = literal(1, RATE)
    homes = (
        select(
            raw.c.connection,
            raw.c.home_currency,
            raw.c.home_currency.label("currency"),
            raw.c.home_currency.label("crm_id"),
            cast(literal(ALWAYS), Date),
            cast(None, Date),
            cast(one, RATE),
            cast(None, RATE),
        )
        .where(~raw.c.is_deleted, raw.c.home_currency.is_not(None))
        .distinct()
    )
    return union_all(told, homes).cte("crm_rates")


MODEL = Model(table=exchange_rates, reads=(raw_exchange_rates,), statement=build_exchange_rates)
