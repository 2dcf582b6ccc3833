"""Do the plan's 90 % intervals hold the truth? 1,000 simulated teams with known rates and lags, the naive calculator beside.

Truth: what each step would have to bring in all, so that at the true rates and lags the goal is reached on average, given
what is begun. A second truth is what happens when the plan is carried out: the interval of the money that it brings.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.plan.teams import (
    HISTORY_DAYS,
    Team,
    a_team,
    a_truth,
    begun_of,
    evidence_of,
    true_estimates,
    what_happens,
    whole_months,
)
from models.statistics.funnel import CHAIN, STEPS, Estimates, estimate, money_from, needs_for, reach_of
from models.statistics.planning import DAYS_PER_MONTH

LEAST_SAMPLE = 20  # as in the agreement that comes with the product


@dataclass
class Score:
    """What is counted over all teams."""

    held: dict[str, list[bool]] = field(default_factory=lambda: {step: [] for step in STEPS[1:]})
    rates: dict[str, list[bool]] = field(default_factory=dict)
    outcome: list[bool] = field(default_factory=list)
    attained: list[float] = field(default_factory=list)
    closure: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    same_month: list[float] = field(default_factory=list)
    cohort: list[float] = field(default_factory=list)
    refused: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    random, score, begin = np.random.default_rng(options.seed), Score(), time.perf_counter()
    for _ in range(options.teams):
        measure(a_team(a_truth(random), random), random, score)
    report(score, options.teams, time.perf_counter() - begin)


def measure(team: Team, random: np.random.Generator, score: Score) -> None:
    """Plan for one team, and compare with its truth."""
    months, begun = whole_months(), begun_of(team)
    known, true = estimate(evidence_of(team), least_sample=LEAST_SAMPLE), true_estimates(team.truth, random)
    for name, rate in known.rates.items():
        if rate.reason is None:
            value = true.rates[name].value
            score.rates.setdefault(name, []).append(rate.lower <= value <= rate.upper)
    if known.refused("calls_made"):
        score.refused += 1
        return
    goal = wished(team, random)
    needs, needed = needs_for(goal, known, months, begun), needs_for(goal, true, months, begun)
    for step in score.held:
        lower, upper = needs[step].interval()
        score.held[step].append(lower <= needed[step].middle.sum() <= upper)
    calls = needs["calls_made"].middle
    if calls.sum() > 0:
        score.closure.append(float(money_from(calls, "calls_made", known, months, begun)[0]) / goal - 1)
    reach = reach_of(calls, "calls_made", known, months, begun, goal=goal)
    money = what_happens(team, calls, random)
    score.outcome.append(reach.lower <= money <= reach.upper)
    if calls.sum() > 0:
        score.attained.append(money / goal)
    compare(team, known, true, score)


def wished(team: Team, random: np.random.Generator) -> float:
    """A goal between a tenth more and half as much again as the last year's pace."""
    recent = team.won_day[(team.won_day >= HISTORY_DAYS - 365) & (team.won_day < HISTORY_DAYS)]
    mean = team.truth.amount * float(np.exp(team.truth.amount_spread**2 / 2)) * (1 + team.truth.other_deals)
    return float(len(recent) * mean * 5 / 12 * random.uniform(1.1, 1.5))


def compare(team: Team, known: Estimates, true: Estimates, score: Score) -> None:
    """Calls for one more unit of money: what the naive calculators say, and what we say, over the truth."""
    truth = per_call(true)
    score.ours.append(truth / per_call(known))
    for errors, value in (
        (score.same_month, naive(team, is_cohort=False)),
        (score.cohort, naive(team, is_cohort=True)),
    ):
        if value > 0:
            errors.append(truth / value)


def per_call(known: Estimates) -> float:
    rates: Mapping[str, float] = {name: rate.value for name, rate in known.rates.items()}
    return float(np.prod([rates[name] for name in CHAIN.values()]) * rates["average_deal"] / known.from_valid.value)


def naive(team: Team, *, is_cohort: bool) -> float:
    """Multiply the newest month's point rates: money per call. By cohort: what became of that month's valid meetings."""
    start = HISTORY_DAYS - DAYS_PER_MONTH
    first = int(start)
    won = (team.won_day >= start) & (team.won_day < HISTORY_DAYS)
    valid = (team.valid_day >= start) & (team.valid_day < HISTORY_DAYS)
    held = (team.held_day >= start) & (team.held_day < HISTORY_DAYS)
    wins = (won & valid).sum() if is_cohort else won.sum()
    others = ((team.other_day >= start) & (team.other_day < HISTORY_DAYS)).sum()
    counts = (valid.sum(), held.sum(), team.booked[first:].sum(), team.connects[first:].sum(), team.calls[first:].sum())
    if wins == 0 or 0 in counts:
        return 0.0
    factor = 1 + others / won.sum()
    return float(
        team.amounts[won].mean()
        * factor
        * np.prod([up / low for up, low in zip((wins, *counts), counts, strict=False)])
    )


def report(score: Score, teams: int, seconds: float) -> None:
    print(f"{teams} teams, {score.refused} refused for too few cases, {seconds:.0f} s")
    if not score.closure:
        return
    print("\n| what | 90 % intervals that hold the truth |\n|---|---:|")
    for step, hits in score.held.items():
        print(f"| needed {step} | {np.mean(hits):.1%} |")
    for name, hits in score.rates.items():
        print(f"| rate {name} | {np.mean(hits):.1%} |")
    print(f"| money won when the plan is carried out | {np.mean(score.outcome):.1%} |")
    print("\n| calculator | bias, middle error | nine of ten within | says nothing |\n|---|---:|---:|---:|")
    for name, ratios in (
        ("ours", score.ours),
        ("newest month, wins of that month", score.same_month),
        ("newest month, wins of its own meetings", score.cohort),
    ):
        silent = 1 - len(ratios) / len(score.ours)
        if not ratios:
            continue
        off = np.abs(np.log(ratios))
        bias, middle, wide = (float(value) for value in (np.median(ratios), np.median(off), np.quantile(off, 0.9)))
        print(f"| {name} | {bias - 1:+.0%}, off by {np.expm1(middle):.0%} | factor {np.exp(wide):.2f} | {silent:.0%} |")
    closure = np.abs(score.closure)
    print(f"\nclosure: largest difference {closure.max():.1e} of the goal over {len(closure)} plans")
    print(f"carried out, the plans bring {np.mean(score.attained):.1%} of the goal on average")


if __name__ == "__main__":
    main()
