"""Simulated teams whose true rates and lags are known: a year and a half of calls, meetings and deals, day by day."""

from dataclasses import dataclass

import numpy as np

from models.statistics.chain import Begun, Months
from models.statistics.funnel import CHAIN, Estimates, Evidence
from models.statistics.planning import DAYS_PER_MONTH, Case, Floats, LagCurve, Rate

HISTORY_DAYS = 540  # cohorts of a year and a half, as models/kpi/plan_rates.py reads them
RATE_DAYS = 365
MONTHS = 5  # the goal's months
BIG = 200_000  # lags drawn for the true curves: their noise is far below any estimate's


@dataclass(frozen=True, slots=True)
class Truth:
    """What nobody in the team can know."""

    calls_per_day: float
    connect_rate: float
    booked_per_connect: float
    show_rate: float
    show_days: float
    valid_rate: float
    won_rate: float
    won_days: float
    won_spread: float
    amount: float
    amount_spread: float
    other_deals: float


@dataclass(frozen=True, slots=True)
class Team:
    """A team: its truth, and everything that happened. Days count from the start; day 540 is the first of the plan."""

    truth: Truth
    calls: Floats
    connects: Floats
    booked: Floats
    booked_day: Floats
    held_day: Floats
    valid_day: Floats
    won_day: Floats
    other_day: Floats
    amounts: Floats
    other_amounts: Floats


def a_truth(random: np.random.Generator) -> Truth:
    """Draw a team: from three callers with rare deals to twenty with many."""
    return Truth(
        calls_per_day=float(np.exp(random.uniform(np.log(30), np.log(300)))),
        connect_rate=float(random.uniform(0.08, 0.30)),
        booked_per_connect=float(random.uniform(0.15, 0.5)),
        show_rate=float(random.uniform(0.6, 0.9)),
        show_days=float(random.uniform(5, 14)),
        valid_rate=float(random.uniform(0.4, 0.8)),
        won_rate=float(random.uniform(0.06, 0.3)),
        won_days=float(random.uniform(20, 90)),
        won_spread=float(random.uniform(0.4, 0.8)),
        amount=float(np.exp(random.uniform(np.log(3e5), np.log(5e6)))),
        amount_spread=float(random.uniform(0.4, 1.0)),
        other_deals=float(random.uniform(0, 0.3)),
    )


def a_team(truth: Truth, random: np.random.Generator) -> Team:
    """Let the team work for a year and a half; weeks vary three times as much as chance alone would let them."""
    weeks = random.gamma(truth.calls_per_day * 5 / 2, 2 / truth.calls_per_day / 5, size=HISTORY_DAYS // 7 + 1)
    calls = random.poisson(truth.calls_per_day * np.repeat(weeks, 7)[:HISTORY_DAYS]).astype(float)
    calls[np.arange(HISTORY_DAYS) % 7 >= 5] = 0
    connects = random.binomial(calls.astype(int), truth.connect_rate).astype(float)
    booked = random.poisson(connects * truth.booked_per_connect).astype(float)
    booked_day = np.repeat(np.arange(HISTORY_DAYS, dtype=float), booked.astype(int))
    held_day, valid_day, won_day = happen(truth, booked_day, random)
    others = random.poisson(np.isfinite(won_day).sum() * truth.other_deals)
    return Team(
        truth,
        *(calls, connects, booked, booked_day, held_day, valid_day, won_day),
        other_day=random.uniform(0, HISTORY_DAYS, size=others),
        amounts=amounts(truth, len(won_day), random),
        other_amounts=amounts(truth, others, random),
    )


def happen(truth: Truth, booked_day: Floats, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Give for each booked meeting the day on which it is held, valid and won; never is infinite."""
    count = len(booked_day)
    held_day = np.where(random.random(count) < truth.show_rate, booked_day + show_lags(truth, count, random), np.inf)
    valid_day = np.where(random.random(count) < truth.valid_rate, held_day, np.inf)
    won_day = np.where(random.random(count) < truth.won_rate, valid_day + won_lags(truth, count, random), np.inf)
    return held_day, valid_day, won_day


def show_lags(truth: Truth, count: int, random: np.random.Generator) -> Floats:
    return np.floor(random.gamma(2.0, truth.show_days / 2, size=count))


def won_lags(truth: Truth, count: int, random: np.random.Generator) -> Floats:
    return np.floor(truth.won_days * np.exp(random.normal(0, truth.won_spread, size=count)))


def amounts(truth: Truth, count: int, random: np.random.Generator) -> Floats:
    return truth.amount * np.exp(random.normal(0, truth.amount_spread, size=count))


def evidence_of(team: Team) -> Evidence:
    """What the team can count on day 540."""
    today, year = HISTORY_DAYS, HISTORY_DAYS - RATE_DAYS
    recent = team.booked_day >= year
    judged = (team.held_day >= year) & (team.held_day < today)
    won = (team.won_day >= year) & (team.won_day < today)
    other = (team.other_day >= year) & (team.other_day < today)
    return Evidence(
        calls=float(team.calls[year:].sum()),
        connects=float(team.connects[year:].sum()),
        booked=float(team.booked[year:].sum()),
        booked_cases=_cases(team.booked_day[recent], team.held_day[recent]),
        judged=float(judged.sum()),
        judged_valid=float((judged & np.isfinite(team.valid_day)).sum()),
        valid_cases=_cases(*(day[team.valid_day < today] for day in (team.valid_day, team.won_day))),
        amounts=[*team.amounts[won], *team.other_amounts[other]],
        from_valid=int(won.sum()),
    )


def begun_of(team: Team) -> dict[str, Begun]:
    """Cases of each of the last eighteen months that may still convert."""
    edges = HISTORY_DAYS - DAYS_PER_MONTH * np.arange(17, -1, -1)
    counts = {
        "valid_meetings": np.histogram(team.valid_day[np.isfinite(team.valid_day)], bins=edges)[0],
        "meetings_booked": np.histogram(team.booked_day + 0.5, bins=edges)[0],
    }
    return {step: Begun(past=values.astype(float)) for step, values in counts.items()}


def true_estimates(truth: Truth, random: np.random.Generator) -> Estimates:
    """The rates and lags as they are, in the form of an estimate."""
    rates = {
        "average_deal": truth.amount * float(np.exp(truth.amount_spread**2 / 2)),
        "meeting_to_won": truth.won_rate,
        "valid_rate": truth.valid_rate,
        "show_rate": truth.show_rate,
        "booked_per_connect": truth.booked_per_connect,
        "connect_rate": truth.connect_rate,
    }
    assert set(CHAIN.values()) <= set(rates)
    return Estimates(
        rates={name: _known(value) for name, value in rates.items()},
        lags={
            "valid_meetings": _curve(won_lags(truth, BIG, random)),
            "meetings_booked": _curve(show_lags(truth, BIG, random)),
        },
        from_valid=_known(1 / (1 + truth.other_deals)),
    )


def whole_months() -> Months:
    """Five whole months, each the same part of the goal."""
    return Months(share_left=np.ones(MONTHS), goal_shares=np.full(MONTHS, 1 / MONTHS))


def what_happens(team: Team, calls: Floats, random: np.random.Generator) -> float:
    """Let the team make the planned calls of each month; give the money won in the plan's months."""
    truth, end = team.truth, HISTORY_DAYS + MONTHS * DAYS_PER_MONTH
    per_month = random.poisson(random.poisson(calls * truth.connect_rate) * truth.booked_per_connect)
    starts = HISTORY_DAYS + DAYS_PER_MONTH * np.repeat(np.arange(MONTHS), per_month)
    new_booked = starts + random.uniform(0, DAYS_PER_MONTH, size=len(starts))
    won_day = np.concatenate([team.won_day, happen(truth, new_booked, random)[2]])
    wins = int(((won_day >= HISTORY_DAYS) & (won_day < end)).sum())
    return float(amounts(truth, wins + random.poisson(wins * truth.other_deals), random).sum())


def _cases(start: Floats, converted: Floats) -> list[Case]:
    is_done = converted < HISTORY_DAYS
    days = np.where(is_done, converted, HISTORY_DAYS) - start
    return [Case(int(day), bool(done)) for day, done in zip(days, is_done, strict=True)]


def _known(value: float) -> Rate:
    return Rate(value, value, value, 0, draws=np.array([value]))


def _curve(lags: Floats) -> LagCurve:
    days, counts = np.unique(lags, return_counts=True)
    shares = counts / counts.sum()
    return LagCurve(_known(1.0), days, shares, shares[np.newaxis, :])
