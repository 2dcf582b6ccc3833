"""From calls to money: the chain of one team, estimated from its own cases, worked back from a goal and run forward again.

The middle figures come from the middle rates; the intervals from doing the same with every draw of all rates and lags together.
What is asked: how much must still happen, so that at these rates the goal is reached on average? `Reach` adds luck.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.statistics.chain import NOTHING_BEGUN, Begun, Months, Step, forward, needed_of, outcome, pipeline
from models.statistics.planning import (
    DRAWS,
    INTERVAL,
    Case,
    Floats,
    LagCurve,
    Rate,
    beta_rate,
    certain,
    lag_curve,
    mean_rate,
    ratio_rate,
)

# the chain below the deal, from the top down, each with the name of the rate that leads from it to the step above
CHAIN: Mapping[str, str] = {
    "valid_meetings": "meeting_to_won",
    "meetings_held": "valid_rate",
    "meetings_booked": "show_rate",
    "connects": "booked_per_connect",
    "calls_made": "connect_rate",
}
STEPS = ("won_amount", "deals_won", *CHAIN)
RATES = ("average_deal", *CHAIN.values())
SEED = 20_260_401  # any fixed number: the same cases give the same plan


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was counted: the sample behind every rate. `from_valid` of the deals won began with a valid meeting."""

    calls: float = 0.0
    connects: float = 0.0
    booked: float = 0.0
    booked_cases: Sequence[Case] = ()
    judged: float = 0.0
    judged_valid: float = 0.0
    valid_cases: Sequence[Case] = ()
    amounts: Sequence[float] = ()
    from_valid: int = 0


@dataclass(frozen=True, slots=True)
class Estimates:
    """Every rate of the chain by name, the two lag curves, and the part of deals won that begin with a valid meeting.

    `cycle` makes the way from valid meeting to deal so many times as long.
    """

    rates: Mapping[str, Rate]
    lags: Mapping[str, LagCurve]
    from_valid: Rate
    spread: float = 0.0
    cycle: float = 1.0

    def refused(self, step: str) -> str | None:
        """Say why a step has no figure: the first refused rate between it and the goal."""
        names = ["average_deal"] if step in STEPS[1:] else []
        names += [CHAIN[name] for name in STEPS[2 : STEPS.index(step) + 1]]
        return next((f"{name}: {self.rates[name].reason}" for name in names if self.rates[name].reason), None)


@dataclass(frozen=True, slots=True)
class Needs:
    """What one step must still bring in each month: middle (months,) and draws (DRAWS, months)."""

    middle: Floats
    draws: Floats

    def interval(self, month: int | None = None) -> tuple[float, float]:
        """Give the ends of the 90 % interval of one month, or of all together."""
        values, middle = (self.draws.sum(axis=1), self.middle.sum()) if month is None else self._of(month)
        lower, upper = (float(end) for end in np.quantile(values, INTERVAL))
        return min(lower, float(middle)), max(upper, float(middle))

    def _of(self, month: int) -> tuple[Floats, float]:
        return self.draws[:, month], float(self.middle[month])


@dataclass(frozen=True, slots=True)
class Reach:
    """What a course of activity brings in money by the goal's end: mean, 90 % interval, and the chance of the goal."""

    mean: float
    lower: float
    upper: float
    chance: float


def estimate(evidence: Evidence, *, least_sample: int, seed: int = SEED) -> Estimates:
    """Estimate every rate and lag; a rate with too few cases is refused and says how many more it takes."""
    random = np.random.default_rng(seed)
    won = lag_curve(evidence.valid_cases, least_sample=least_sample, random=random)
    held = lag_curve(evidence.booked_cases, least_sample=least_sample, random=random)
    all_deals, from_valid = len(evidence.amounts), evidence.from_valid
    is_mixed = 0 < from_valid < all_deals
    return Estimates(
        rates={
            "average_deal": mean_rate(evidence.amounts, least_sample=least_sample, random=random),
            "meeting_to_won": won.rate,
            "valid_rate": beta_rate(evidence.judged_valid, evidence.judged, least_sample=least_sample, random=random),
            "show_rate": held.rate,
            "booked_per_connect": ratio_rate(
                evidence.booked, evidence.connects, least_sample=least_sample, random=random
            ),
            "connect_rate": beta_rate(evidence.connects, evidence.calls, least_sample=least_sample, random=random),
        },
        lags={"valid_meetings": won, "meetings_booked": held},
        from_valid=beta_rate(from_valid, all_deals, least_sample=1, random=random) if is_mixed else certain(1.0),
        spread=_spread(evidence.amounts),
    )


def needs_for(goal: float, known: Estimates, months: Months, begun: Mapping[str, Begun]) -> dict[str, Needs]:
    """Work what is left of the goal (in money) back; steps below a refused rate are left out."""
    money = np.array([goal])
    needs = {"won_amount": Needs(goal * months.goal_shares, np.tile(goal * months.goal_shares, (DRAWS, 1)))}
    if known.refused("deals_won") is None:
        deals = [money / _figures(known.rates["average_deal"], of_draws=kind) for kind in (False, True)]
        needs["deals_won"] = Needs(*_squeezed(row[:, np.newaxis] * months.goal_shares for row in deals))
    for step in CHAIN:
        if known.refused(step) is None:
            needs[step] = Needs(*_squeezed(_needed(goal, known, months, begun, step, kind) for kind in (False, True)))
    return needs


def money_from(
    planned: Floats, step: str, known: Estimates, months: Months, begun: Mapping[str, Begun], *, of_draws: bool = False
) -> Floats:
    """Run planned cases of a step (months,) forward, with what is begun: money within the goal's months, (1 or draws,)."""
    steps, done = _steps(known, step, of_draws=of_draws), _begun(begun, step)
    cases = np.broadcast_to(planned, (len(steps[0].rate), months.count))
    deals = forward(cases, steps) + pipeline(steps, done, months, len(cases))
    return np.asarray((deals * months.in_goal).sum(axis=1) * _per_deal(known, of_draws=of_draws))


def reach_of(
    planned: Floats, step: str, known: Estimates, months: Months, begun: Mapping[str, Begun], *, goal: float
) -> Reach:
    """Say what planned cases of a step will bring: doubt about the rates and luck together."""
    per_deal = _figures(known.rates["average_deal"], of_draws=True)
    money = money_from(planned, step, known, months, begun, of_draws=True)
    drawn = outcome(money / per_deal, per_deal, known.spread, np.random.default_rng(SEED))
    lower, upper = (float(end) for end in np.quantile(drawn, INTERVAL))
    mean = float(money_from(planned, step, known, months, begun)[0])
    return Reach(mean, lower, upper, chance=float((drawn >= goal).mean()))


def with_rate(known: Estimates, name: str, rate: Rate) -> Estimates:
    """Give the estimates with one rate replaced."""
    return replace(known, rates={**known.rates, name: rate})


def _needed(
    goal: float, known: Estimates, months: Months, begun: Mapping[str, Begun], step: str, of_draws: bool
) -> Floats:
    deals = np.array([goal]) / _per_deal(known, of_draws=of_draws)
    return needed_of(deals, _steps(known, step, of_draws=of_draws), _begun(begun, step), months)


def _per_deal(known: Estimates, *, of_draws: bool) -> Floats:
    """Money that comes in all for each deal from a valid meeting: other deals come with it."""
    amount = _figures(known.rates["average_deal"], of_draws=of_draws)
    return amount / _figures(known.from_valid, of_draws=of_draws)


def _steps(known: Estimates, last: str, *, of_draws: bool) -> list[Step]:
    names = list(CHAIN)[: list(CHAIN).index(last) + 1]
    return [
        Step(name, _figures(known.rates[CHAIN[name]], of_draws=of_draws), _shares(known, name, of_draws=of_draws))
        for name in names
    ]


def _shares(known: Estimates, step: str, *, of_draws: bool) -> Floats:
    curve = known.lags.get(step)
    if curve is None or curve.rate.reason is not None:
        return np.ones((1, 1))
    return curve.month_shares(of_draws=of_draws, stretch=known.cycle if step == "valid_meetings" else 1.0)


def _begun(begun: Mapping[str, Begun], last: str) -> list[Begun]:
    """Give what is begun of each step down to `last`: held meetings and connects have no lag and wait for nothing."""
    names = list(CHAIN)[: list(CHAIN).index(last) + 1]
    return [begun.get(name, NOTHING_BEGUN) for name in names]


def _figures(rate: Rate, *, of_draws: bool) -> Floats:
    return rate.draws if of_draws else np.array([rate.value])


def _squeezed(pair: Iterable[Floats]) -> tuple[Floats, Floats]:
    middle, draws = pair
    return middle[0], draws


def _spread(amounts: Sequence[float]) -> float:
    values = np.asarray(amounts, dtype=float)
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 and values.mean() > 0 else 0.0
