"""At which rates and lags does the chain convert? Estimated from cases old enough to have converted, for the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Double, and_, case, cast, func, select

from models.context import BuildContext
from models.kpi.daily_history import SETTLED_AFTER_DAYS, DailyFacts, ScopeKey, definition_since, kpis_by_id
from models.statistics.planning import Case, LagCurve, Rate, beta_rate, lag_curve, mean_rate, ratio_rate
from models.tables import deals, meeting_verdicts, meetings

RATE_DAYS = 365  # a year of cases: recent enough to be true, long enough for each season once
COHORT_DAYS = 540  # conversion takes up to half a year: a year and a half of cohorts, so that a year of them is mature


@dataclass(frozen=True, slots=True)
class Estimates:
    """Every rate of the chain, with the lag curves; `other_deals` is all deals won per deal from a valid meeting."""

    amount: Rate
    deals: LagCurve
    held: LagCurve
    valid_per_held: Rate
    booked_per_connect: Rate
    connects_per_call: Rate
    other_deals: float


def estimate_rates(
    connection: Connection, context: BuildContext, facts: Mapping[tuple[str, ScopeKey], DailyFacts], scope: ScopeKey
) -> Estimates:
    """Estimate every rate of the chain as known on as_of; `scope` is whose activity counts."""
    as_of, least = context.as_of, context.agreement.targets.least_sample
    start = as_of - timedelta(days=RATE_DAYS)
    calls, connects, booked = (
        facts.get((kpi_id, scope), DailyFacts()).total(start, as_of)[0]
        for kpi_id in ("calls_made", "connect_rate", "meetings_booked")
    )
    amounts, from_valid = _won_deals(connection, start, as_of)
    return Estimates(
        amount=mean_rate(amounts, least_sample=least),
        deals=lag_curve(_valid_cohort(connection, as_of), least_sample=least),
        held=lag_curve(_booked_cohort(connection, as_of), least_sample=least),
        valid_per_held=_valid_per_held(connection, context, least),
        booked_per_connect=ratio_rate(booked, connects, least_sample=least),
        connects_per_call=beta_rate(connects, calls, least_sample=least),
        other_deals=max(len(amounts) / from_valid, 1.0) if from_valid else 1.0,
    )


def _won_deals(connection: Connection, start: date, as_of: date) -> tuple[list[float], int]:
    """Give the amounts of the deals won since start, and how many of them came from a valid meeting."""
    rows = connection.execute(
        select(cast(deals.c.agreed_amount, Double).label("amount"), meeting_verdicts.c.verdict)
        .join_from(deals, meeting_verdicts, deals.c.meeting_id == meeting_verdicts.c.meeting_id, isouter=True)
        .where(deals.c.status == "won", deals.c.close_date > start, deals.c.close_date <= as_of)
        .where(deals.c.agreed_amount.is_not(None))
        .order_by(deals.c.deal_id)
    ).all()
    return [row.amount for row in rows], sum(row.verdict == "valid" for row in rows)


def _valid_cohort(connection: Connection, as_of: date) -> list[Case]:
    """Give each valid meeting of the cohorts: days to its first won deal, or its age."""
    is_won = and_(deals.c.status == "won", deals.c.close_date <= as_of)
    won = (
        select(deals.c.meeting_id, func.min(deals.c.close_date).label("won_date"))
        .where(is_won, deals.c.meeting_id.is_not(None))
        .group_by(deals.c.meeting_id)
        .cte("won")
    )
    verdicts = meeting_verdicts.c
    rows = connection.execute(
        select(verdicts.counted_date, won.c.won_date)
        .join_from(meeting_verdicts, won, verdicts.meeting_id == won.c.meeting_id, isouter=True)
        .where(verdicts.verdict == "valid", verdicts.counted_date <= as_of)
        .where(verdicts.counted_date > as_of - timedelta(days=COHORT_DAYS))
    )
    return [_case(row.counted_date, row.won_date, as_of) for row in rows]


def _booked_cohort(connection: Connection, as_of: date) -> list[Case]:
    """Give each booked meeting of the last year: days until it was held, or its age."""
    held_date = case((and_(meetings.c.outcome == "held", meetings.c.held_date <= as_of), meetings.c.held_date))
    rows = connection.execute(
        select(meetings.c.booked_date, held_date.label("held_date")).where(
            meetings.c.booked_date <= as_of, meetings.c.booked_date > as_of - timedelta(days=RATE_DAYS)
        )
    )
    return [_case(row.booked_date, row.held_date, as_of) for row in rows]


def _case(start: date, converted: date | None, as_of: date) -> Case:
    return Case(days=((converted or as_of) - start).days, has_converted=converted is not None)


def _valid_per_held(connection: Connection, context: BuildContext, least: int) -> Rate:
    """Estimate valid per held meeting under the present definition, from meetings whose every answer is in."""
    kpi = kpis_by_id(context.agreement).get("valid_meetings")
    since = None if kpi is None else definition_since(context.agreement, kpi, as_of=context.as_of)
    start = max(since or date.min, context.as_of - timedelta(days=RATE_DAYS))
    row = connection.execute(
        select(
            func.count().label("cases"),
            func.sum(case((meeting_verdicts.c.verdict == "valid", 1), else_=0)).label("hits"),
        )
        .join_from(meeting_verdicts, meetings, meeting_verdicts.c.meeting_id == meetings.c.meeting_id)
        .where(meetings.c.outcome == "held", meeting_verdicts.c.verdict.in_(["valid", "invalid"]))
        .where(meeting_verdicts.c.counted_date >= start)
        .where(meeting_verdicts.c.counted_date <= context.as_of - timedelta(days=SETTLED_AFTER_DAYS))
    ).one()
    return beta_rate(row.hits or 0, row.cases, least_sample=least)
