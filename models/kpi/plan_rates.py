"""At which rates and lags does the chain convert? Read from cases old enough to have converted, for the plan.

A team or rep with too few cases borrows the department's rate; a department with too few takes the agreed benchmark, if there is
one. Both are said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Double, Select, and_, case, cast, func, select

from definitions_contract.schema import Benchmark
from models.context import BuildContext
from models.errors import PlanRequestError
from models.kpi.daily_history import SETTLED_AFTER_DAYS, DailyFacts, ScopeKey, definition_since, kpis_by_id
from models.statistics.funnel import CHAIN, RATES, SEED, Estimates, Evidence, estimate
from models.statistics.planning import DRAWS, Case, LagCurve, Rate, beta_rate, rate_of
from models.tables import deals, meeting_verdicts, meetings, reps

RATE_DAYS = 365  # a year of cases: recent enough to be true, long enough for each season once
COHORT_DAYS = 540  # conversion takes up to half a year: a year and a half of cohorts, so that a year of them is mature
LAG_STEPS = 40  # points of a benchmark's curve: it is known by its median only

Facts = Mapping[tuple[str, ScopeKey], DailyFacts]


def estimate_rates(connection: Connection, context: BuildContext, facts: Facts, scope: ScopeKey) -> Estimates:
    """Estimate every rate of the chain as known on as_of; `scope` is whose activity counts."""
    least = context.agreement.targets.least_sample
    known = estimate(read_evidence(connection, context, facts, scope), least_sample=least)
    department = ("department", context.agreement.phases.department)
    if scope[0] != "department" and any(known.rates[name].reason for name in RATES):
        larger = estimate(read_evidence(connection, context, facts, department), least_sample=least)
        known = _borrowed(known, larger)
    return with_benchmarks(known, context.agreement.targets.benchmarks)


def with_benchmarks(known: Estimates, benchmarks: Iterable[Benchmark]) -> Estimates:
    """Put the agreed benchmark in the place of every refused rate that has one."""
    random = np.random.default_rng(SEED)
    for row in benchmarks:
        if known.rates[row.rate].reason is None:
            continue
        rate = _benchmark_rate(row, known.rates[row.rate], random)
        step = next((step for step, name in CHAIN.items() if name == row.rate), "")
        lags = dict(known.lags)
        if step in lags:
            lags[step] = _benchmark_curve(rate, row.median_days or 0)
        known = replace(known, rates={**known.rates, row.rate: rate}, lags=lags)
    return known


def read_evidence(connection: Connection, context: BuildContext, facts: Facts, scope: ScopeKey) -> Evidence:
    """Read the sample behind every rate."""
    as_of, people = context.as_of, rep_ids(scope)
    start = as_of - timedelta(days=RATE_DAYS - 1)
    calls, connects, booked = (
        facts.get((kpi_id, scope), DailyFacts()).total(start, as_of + timedelta(days=1))[0]
        for kpi_id in ("calls_made", "connect_rate", "meetings_booked")
    )
    amounts, from_valid = _won_deals(connection, start, as_of, people)
    judged, judged_valid = _judged(connection, context, people)
    return Evidence(
        calls=calls,
        connects=connects,
        booked=booked,
        booked_cases=_booked_cohort(connection, as_of, people),
        judged=judged,
        judged_valid=judged_valid,
        valid_cases=_valid_cohort(connection, as_of, people),
        amounts=amounts,
        from_valid=from_valid,
    )


def rep_ids(scope: ScopeKey) -> Select[Any]:
    """Select the reps of a scope: those who left, too."""
    columns = {"department": reps.c.department, "team": reps.c.team, "rep": reps.c.rep_id}
    if scope[0] not in columns:
        raise PlanRequestError(f"{scope[0]!r} is no kind of scope", f"use one of {', '.join(columns)}")
    return select(reps.c.rep_id).where(columns[scope[0]] == scope[1])


def _won_deals(connection: Connection, start: date, as_of: date, people: Select[Any]) -> tuple[list[float], int]:
    """Give the amounts of the deals won since start, and how many of them came from a valid meeting."""
    rows = connection.execute(
        select(cast(deals.c.agreed_amount, Double).label("amount"), meeting_verdicts.c.verdict)
        .join_from(deals, meeting_verdicts, deals.c.meeting_id == meeting_verdicts.c.meeting_id, isouter=True)
        .where(deals.c.status == "won", deals.c.close_date >= start, deals.c.close_date <= as_of)
        .where(deals.c.agreed_amount > 0, deals.c.rep_id.in_(people))
        .order_by(deals.c.deal_id)
    ).all()
    return [row.amount for row in rows], sum(row.verdict == "valid" for row in rows)


def _valid_cohort(connection: Connection, as_of: date, people: Select[Any]) -> list[Case]:
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
        .where(verdicts.verdict == "valid", verdicts.counted_date <= as_of, verdicts.rep_id.in_(people))
        .where(verdicts.counted_date > as_of - timedelta(days=COHORT_DAYS))
    ).all()
    return [_case(row.counted_date, row.won_date, as_of) for row in rows]


def _booked_cohort(connection: Connection, as_of: date, people: Select[Any]) -> list[Case]:
    """Give each booked meeting of the last year: days until it was held, or its age."""
    held_date = case((and_(meetings.c.outcome == "held", meetings.c.held_date <= as_of), meetings.c.held_date))
    rows = connection.execute(
        select(meetings.c.booked_date, held_date.label("held_date")).where(
            meetings.c.booked_date <= as_of,
            meetings.c.booked_date > as_of - timedelta(days=RATE_DAYS),
            meetings.c.rep_id.in_(people),
        )
    ).all()
    return [_case(row.booked_date, row.held_date, as_of) for row in rows]


def _case(start: date, converted: date | None, as_of: date) -> Case:
    return Case(days=((converted or as_of) - start).days, has_converted=converted is not None)


def _judged(connection: Connection, context: BuildContext, people: Select[Any]) -> tuple[float, float]:
    """Count held meetings judged by the present definition and valid ones among them, once every answer is in."""
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
        .where(meeting_verdicts.c.counted_date >= start, meeting_verdicts.c.rep_id.in_(people))
        .where(meeting_verdicts.c.counted_date <= context.as_of - timedelta(days=SETTLED_AFTER_DAYS))
    ).one()
    return float(row.cases), float(row.hits or 0)


def _borrowed(known: Estimates, larger: Estimates) -> Estimates:
    """Take the refused rates, with their lags, from a larger scope."""
    refused = {name for name in RATES if known.rates[name].reason}
    rates = {
        name: replace(larger.rates[name], source="department") if name in refused else known.rates[name]
        for name in RATES
    }
    lags = {step: larger.lags[step] if CHAIN[step] in refused else curve for step, curve in known.lags.items()}
    mixed = larger if "average_deal" in refused else known
    return replace(known, rates=rates, lags=lags, from_valid=mixed.from_valid, spread=mixed.spread)


def _benchmark_rate(row: Benchmark, own: Rate, random: np.random.Generator) -> Rate:
    """Make a rate of a benchmark, as doubtful as the number of cases that it counts for."""
    value, cases = float(row.value), float(row.cases)
    if row.rate in ("average_deal", "booked_per_connect"):
        draws = value * random.gamma(cases, 1 / cases, size=DRAWS)
        rate = rate_of(value, draws, own.sample_size)
    else:
        rate = replace(beta_rate(value * cases, cases, least_sample=0, random=random), sample_size=own.sample_size)
    return replace(rate, source="benchmark", missing=own.missing)


def _benchmark_curve(rate: Rate, median_days: int) -> LagCurve:
    quantiles = (np.arange(LAG_STEPS) + 0.5) / LAG_STEPS
    days = -np.log1p(-quantiles) / np.log(2) * median_days  # exponential: most soon, some late
    shares = np.full(LAG_STEPS, 1 / LAG_STEPS)
    return LagCurve(rate, days, shares, np.tile(shares, (len(rate.draws), 1)))
