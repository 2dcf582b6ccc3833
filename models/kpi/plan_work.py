"""The plan itself: reads what is known on as_of, works the goal back, runs it forward again, and sets it beside the own past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from definitions_contract.periods import calendar_of
from models.context import BuildContext
from models.errors import PlanRequestError
from models.kpi.daily_history import DailyFacts, ScopeKey, read_awaiting, read_daily
from models.kpi.plan_capacity import Capacity, own_paces, read_capacity, rep_days_left
from models.kpi.plan_changes import Changes, changed
from models.kpi.plan_goal import Goal, PlanMonth, months_of, past_months, quarter_position, spread_of
from models.kpi.plan_rates import estimate_rates
from models.statistics.chain import Begun, Months
from models.statistics.funnel import STEPS, Estimates, Needs, Reach, money_from, needs_for, reach_of
from models.statistics.planning import Floats
from models.statistics.seasonality import Season, month_of_quarter

PAST_MONTHS = 12  # own months that a need is compared with, and in which begun meetings may still win deals
COUNTED_BY: Mapping[str, str] = {"connects": "connect_rate"}  # connects are the numerator of that rate
ACTIVITY = "calls_made"


@dataclass(frozen=True, slots=True)
class Material:
    """What was read once, for a plan and for what-if."""

    context: BuildContext
    goal: Goal
    facts: Mapping[tuple[str, ScopeKey], DailyFacts]
    estimates: Estimates
    capacity: Capacity
    months: Sequence[PlanMonth]
    past: Sequence[PlanMonth]
    season: Season
    spread: Months
    begun: Mapping[str, Begun]

    def between(self, step: str, start: date, end: date) -> float:
        """Count a step in [start, end)."""
        return self.facts.get((COUNTED_BY.get(step, step), self.goal.scope), DailyFacts()).total(start, end)[0]

    def done(self, step: str, month: PlanMonth) -> float:
        """Count what was done of a step in a month up to as_of."""
        return self.between(step, month.start, min(month.end, self.context.as_of + timedelta(days=1)))

    @property
    def won(self) -> float:
        """Money won so far in the goal's period."""
        return self.between("won_amount", self.goal.start, self.context.as_of + timedelta(days=1))

    @property
    def lacking(self) -> float:
        """Money that the goal still lacks."""
        return max(self.goal.amount - self.won, 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """One worked-out plan. `closure` is the money that it brings when run forward, over what was lacking, less 1.

    `reach` says what it brings with luck and doubt, `at_own_pace` what the calls of the own middle month bring instead.
    """

    material: Material
    changes: Changes
    estimates: Estimates
    needs: Mapping[str, Needs]
    rep_days: Sequence[float]
    paces: Mapping[str, Sequence[float]]
    people: int
    closure: float | None
    reach: Reach | None
    at_own_pace: Reach | None


def read_material(connection: Connection, context: BuildContext, goal: Goal) -> Material:
    """Read everything; PlanRequestError when no business day is left."""
    kpi_ids = {COUNTED_BY.get(step, step) for step in STEPS}
    facts = read_daily(connection, kpi_ids, as_of=context.as_of)
    months = months_of(goal, context.agreement, context.as_of)
    if not months:
        raise PlanRequestError(f"no day of the goal's period is left after {context.as_of}", "ask about a later period")
    past = past_months(context.agreement, months[0].start, PAST_MONTHS)
    season = _season(context, facts.get(("deals_won", goal.scope), DailyFacts()), past)
    spread = spread_of(goal, months, season, calendar_of(context.agreement.team))
    if spread is None:
        raise PlanRequestError(
            f"no business day of the goal's period is left after {context.as_of}", "ask about a later period"
        )
    capacity = read_capacity(connection, context, goal.scope)
    if not capacity.people:
        raise PlanRequestError(f"no rep belongs to {goal.scope[0]} {goal.scope[1]}", "name a scope that has reps")
    return Material(
        context=context,
        goal=goal,
        facts=facts,
        estimates=estimate_rates(connection, context, facts, goal.scope),
        capacity=capacity,
        months=months,
        past=past,
        season=season,
        spread=spread,
        begun=_begun(connection, context, facts, goal, months[0], past),
    )


def work_out(material: Material, changes: Changes | None = None) -> Plan:
    """Work the goal back with the changes on top, and run it forward again."""
    tried = changes or Changes()
    as_of = material.context.as_of
    known = changed(material.estimates, tried)
    capacity = material.capacity.with_reps(tried.reps, as_of + timedelta(days=1))
    needs = needs_for(material.lacking, known, material.spread, material.begun)
    rep_days = rep_days_left(capacity, material.months, as_of)
    paces = {step: own_paces(material.capacity, material.past, _totals(material, step)) for step in STEPS}
    plan = Plan(
        material,
        tried,
        known,
        needs,
        rep_days,
        paces,
        people=capacity.people_on(as_of + timedelta(days=1)),
        closure=None,
        reach=None,
        at_own_pace=None,
    )
    return plan if ACTIVITY not in needs else _run_forward(plan)


def steps_forward(plan: Plan, planned: Floats) -> Reach:
    """Say what so many calls in each month bring."""
    material = plan.material
    return reach_of(planned, ACTIVITY, plan.estimates, material.spread, material.begun, goal=material.lacking)


def _run_forward(plan: Plan) -> Plan:
    material, calls = plan.material, plan.needs[ACTIVITY].middle
    brings = float(money_from(calls, ACTIVITY, plan.estimates, material.spread, material.begun)[0])
    needs_nothing = calls.sum() == 0  # what is begun reaches the goal alone, and may bring more
    closure = None if needs_nothing or material.lacking == 0 else brings / material.lacking - 1
    paces = plan.paces[ACTIVITY]
    own = None
    if paces:
        own = steps_forward(plan, float(np.median(paces)) * np.asarray(plan.rep_days))
    return replace(plan, closure=closure, reach=steps_forward(plan, calls), at_own_pace=own)


def _totals(material: Material, step: str) -> dict[date, float]:
    return {month.start: material.between(step, month.start, month.end) for month in material.past}


def _season(context: BuildContext, deals: DailyFacts, past: Sequence[PlanMonth]) -> Season:
    """Estimate the quarter's rhythm from the months since the first deal."""
    first = min((day for day, count in deals.numerator.items() if count), default=None)
    known = [month for month in past if first is not None and month.end > first]
    calendar = calendar_of(context.agreement.team)
    counts = [deals.total(month.start, month.end)[0] for month in known]
    positions = [quarter_position(month.start, calendar) for month in known]
    return month_of_quarter(counts, [month.business_days for month in known], positions)


def _begun(
    connection: Connection,
    context: BuildContext,
    facts: Mapping[tuple[str, ScopeKey], DailyFacts],
    goal: Goal,
    first: PlanMonth,
    past: Sequence[PlanMonth],
) -> dict[str, Begun]:
    """Give what is begun of the steps that take time; meetings that wait for a verdict count by what became of such ones."""
    awaiting = read_awaiting(connection, context.agreement, as_of=context.as_of)
    begun = {}
    for step in ("valid_meetings", "meetings_booked"):
        counted = facts.get((step, goal.scope), DailyFacts())
        added = awaiting.rate if step == "valid_meetings" else 0.0
        sums = [
            counted.total(month.start, month.end)[0] + added * awaiting.total(goal.scope, month.start, month.end)
            for month in (*past, first)
        ]
        begun[step] = Begun(past=np.array(sums[:-1]), first_done=sums[-1])
    return begun
