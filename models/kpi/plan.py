"""What must happen each month for the goal? One row per step of the chain from the KGI and remaining month.

Rates come from cases old enough to have converted; what is needed for a later month's revenue stands in the months before.
Where the own sample is too small the need stays empty, and the assumptions say how many cases more it takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isnan
from typing import Any

from sqlalchemy import Connection, func, select

from definitions_contract.periods import period_of
from definitions_contract.schema import PeriodKind, Target
from models.context import BuildContext, Model
from models.kpi.daily_history import (
    DailyFacts,
    ScopeKey,
    read_calendar,
    read_daily,
)
from models.kpi.plan_rates import Estimates, estimate_rates
from models.statistics.planning import (
    Begun,
    Need,
    Rate,
    Step,
    close_gap,
    realism_percentile,
    with_interval,
    work_back,
)
from models.tables import calendar, deals, kpi_daily, meeting_verdicts, meetings, plan, reps

PAST_MONTHS = 12  # own months that a need is compared with, and in which begun meetings may still win deals

# The chain below the goal, from the deal down: step, the KPI and side that count it.
ACTIVITIES = ("valid_meetings", "meetings_held", "meetings_booked", "connects", "calls_made")
COUNTED_BY: Mapping[str, str] = {"connects": "connect_rate"}  # connects are the numerator of that rate


@dataclass(frozen=True, slots=True)
class _Month:
    """A month of the plan. `share_left` is the part of its business days after as_of."""

    start: date
    end: date
    business_days: int
    days_left: int

    @property
    def share_left(self) -> float:
        return self.days_left / self.business_days if self.business_days else 0.0


@dataclass(frozen=True, slots=True)
class _Material:
    """Everything that was read for the night."""

    context: BuildContext
    goal: Target
    goal_scope: ScopeKey
    activity_scope: ScopeKey
    months: Sequence[_Month]
    facts: Mapping[tuple[str, ScopeKey], DailyFacts]
    estimates: Estimates
    rep_counts: Mapping[ScopeKey, int]
    own_months: Sequence[tuple[date, date, int]]  # before the running one, with their business days


def build_plan(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Work the running goal back; no rows without a goal that covers as_of."""
    goal = next((row for row in context.agreement.targets.targets if row.is_goal and _covers(row, context)), None)
    if goal is None or goal.kpi != "won_amount":  # the chain below starts from money
        return
    material = _read(connection, context, goal)
    if any(month.days_left for month in material.months):
        yield from _plan_rows(material)


def _covers(goal: Target, context: BuildContext) -> bool:
    start, _ = period_of(context.as_of, goal.every, context.agreement.team.fiscal_year_start_month)
    return goal.since <= start and (goal.until is None or start < goal.until)


def _read(connection: Connection, context: BuildContext, goal: Target) -> _Material:
    activity_scope = ("department", context.agreement.phases.department)
    calendar_days = read_calendar(connection)
    business_days = frozenset(row.day for row in calendar_days if row.is_business_day)
    kpi_ids = {"won_amount", "deals_won", *(COUNTED_BY.get(step, step) for step in ACTIVITIES)}
    facts = read_daily(connection, kpi_ids, as_of=context.as_of)
    months = _months(context, goal, business_days)
    return _Material(
        context=context,
        goal=goal,
        goal_scope=(goal.scope_kind.value, goal.scope_id),
        activity_scope=activity_scope,
        months=months,
        facts=facts,
        estimates=estimate_rates(connection, context, facts, activity_scope),
        rep_counts=_rep_counts(connection, context),
        own_months=_own_months(context, months[0].start, business_days),
    )


def _months(context: BuildContext, goal: Target, business_days: frozenset[date]) -> list[_Month]:
    """Give the goal's months from the running one on."""
    first_month = context.agreement.team.fiscal_year_start_month
    _, goal_end = period_of(context.as_of, goal.every, first_month)
    start, months = context.as_of, []
    while start < goal_end:
        start, end = period_of(start, PeriodKind.MONTH, first_month)
        days = [day for day in business_days if start <= day < end]
        left = sum(day > context.as_of for day in days)
        months.append(_Month(start, end, business_days=len(days), days_left=left))
        start = end
    return months


def _rep_counts(connection: Connection, context: BuildContext) -> dict[ScopeKey, int]:
    is_here = reps.c.is_active.is_(True) & (reps.c.left_date.is_(None) | (reps.c.left_date > context.as_of))
    rows = connection.execute(
        select(reps.c.department, func.count().label("people")).where(is_here).group_by(reps.c.department)
    )
    return {("department", row.department): row.people for row in rows}


# --- the chain --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Link:
    """One step of the chain as planned: what is still to do per month, the rate used, all rates so far, and words for it."""

    step: str
    left: Sequence[float]
    rate: Rate
    rates: tuple[Rate, ...]
    words: str


def _plan_rows(material: _Material) -> Iterator[Mapping[str, Any]]:
    broken: str | None = None
    for link in _chain(material):
        broken = broken or link.rate.reason
        for position, month in enumerate(material.months):
            if broken is not None:
                yield _refusal(material, link, month, broken)
            else:
                yield _need_row(material, link, month, link.left[position])


def _chain(material: _Material) -> Iterator[_Link]:
    """Give the steps from the goal down; once a rate is refused, the steps below carry no figures."""
    known = material.estimates
    amount_left = _amount_left(material)
    certain = Rate(1.0, 1.0, 1.0, known.amount.sample_size)
    yield _Link("won_amount", amount_left, certain, (), "the goal's rest by business days left")
    deals_left = work_back(amount_left, Step("deals_won", known.amount))
    rates: tuple[Rate, ...] = (known.amount,)
    yield _Link("deals_won", deals_left, known.amount, rates, f"{_words(known.amount, '{:,.0f}')} per deal won")
    from_valid = [value / known.other_deals for value in deals_left]
    valid = Step("valid_meetings", known.deals.rate, known.deals.month_shares)
    left = _closed(material, from_valid, valid)
    rates = (*rates, known.deals.rate)
    words = (
        f"{_words(known.deals.rate)} of valid meetings become a deal won, half of them within {known.deals.median_days} days; "
        f"{known.other_deals:.2f} deals won in all per deal from a valid meeting"
    )
    yield _Link("valid_meetings", left, known.deals.rate, rates, words)
    yield from _activity_links(material, left, rates)


def _activity_links(material: _Material, valid: Sequence[float], rates: tuple[Rate, ...]) -> Iterator[_Link]:
    known = material.estimates
    left = work_back(valid, Step("meetings_held", known.valid_per_held))
    rates = (*rates, known.valid_per_held)
    yield _Link("meetings_held", left, rates[-1], rates, f"{_words(rates[-1])} of held meetings are valid")
    left = _closed(material, left, Step("meetings_booked", known.held.rate, known.held.month_shares))
    rates = (*rates, known.held.rate)
    words = f"{_words(rates[-1])} of booked meetings are held, half of them within {known.held.median_days} days"
    yield _Link("meetings_booked", left, rates[-1], rates, words)
    left = work_back(left, Step("connects", known.booked_per_connect))
    rates = (*rates, known.booked_per_connect)
    yield _Link("connects", left, rates[-1], rates, f"{_words(rates[-1], '{:.2f}')} meetings booked per connect")
    left = work_back(left, Step("calls_made", known.connects_per_call))
    rates = (*rates, known.connects_per_call)
    yield _Link("calls_made", left, rates[-1], rates, f"{_words(rates[-1])} of calls connect")


def _amount_left(material: _Material) -> list[float]:
    """Spread what the goal still lacks over the business days left."""
    as_of = material.context.as_of
    start, _ = period_of(as_of, material.goal.every, material.context.agreement.team.fiscal_year_start_month)
    lacking = max(float(material.goal.value) - _done(material, "won_amount", start), 0.0)
    days_left = sum(month.days_left for month in material.months)
    return [lacking * month.days_left / days_left for month in material.months]


def _closed(material: _Material, needed: Sequence[float], step: Step) -> list[float]:
    """Work back and close against what is already begun."""
    if step.rate.reason is not None:
        return [0.0] * len(needed)
    first = material.months[0]
    past = tuple(_between(material, step.name, start, end) for start, end, _ in material.own_months)
    begun = Begun(past=past, first_done=_done(material, step.name, first.start), first_share=first.share_left)
    return close_gap(needed, step, begun)


def _own_months(context: BuildContext, first: date, business_days: frozenset[date]) -> list[tuple[date, date, int]]:
    """Give the months before the running one, oldest first."""
    months: list[tuple[date, date, int]] = []
    for _ in range(PAST_MONTHS):
        start, end = period_of(
            first - timedelta(days=1), PeriodKind.MONTH, context.agreement.team.fiscal_year_start_month
        )
        months.append((start, end, sum(start <= day < end for day in business_days)))
        first = start
    return months[::-1]


def _done(material: _Material, step: str, start: date) -> float:
    return _between(material, step, start, material.context.as_of + timedelta(days=1))


def _between(material: _Material, step: str, start: date, end: date) -> float:
    facts = material.facts.get((COUNTED_BY.get(step, step), _scope(material, step)), DailyFacts())
    return facts.total(start, end)[0]


def _scope(material: _Material, step: str) -> ScopeKey:
    return material.activity_scope if step in ACTIVITIES else material.goal_scope


# --- rows -------------------------------------------------------------------------------------------------------------


def _need_row(material: _Material, link: _Link, month: _Month, left: float) -> dict[str, Any]:
    done = _done(material, link.step, month.start) if month.start <= material.context.as_of else 0.0
    need = _shifted(with_interval(left, link.rates), done)
    people = material.rep_counts.get(_scope(material, link.step), 0)
    realism = realism_percentile(need.needed, _own_level(material, link.step, month.business_days))
    agreed = float(material.context.agreement.targets.realism_percentile)
    return _base_row(material, link, month) | {
        "needed": need.needed,
        "needed_lower": need.lower,
        "needed_upper": need.upper,
        "needed_per_rep_day": left / people / month.days_left if people and month.days_left else None,
        "realism_percentile": realism,
        "is_realistic": None if realism is None else realism <= agreed,
        "assumptions": f"{link.words}; {done:,.0f} done so far" if done else link.words,
    }


def _refusal(material: _Material, link: _Link, month: _Month, reason: str) -> dict[str, Any]:
    empty = ("needed", "needed_lower", "needed_upper", "needed_per_rep_day", "realism_percentile", "is_realistic")
    return _base_row(material, link, month) | dict.fromkeys(empty) | {"assumptions": f"No figure: {reason}"}


def _base_row(material: _Material, link: _Link, month: _Month) -> dict[str, Any]:
    scope_kind, scope_id = _scope(material, link.step)
    goal = material.goal
    goal_start, _ = period_of(
        material.context.as_of, goal.every, material.context.agreement.team.fiscal_year_start_month
    )
    return {
        "kpi_id": link.step,
        "period_kind": PeriodKind.MONTH.value,
        "period_start": month.start,
        "period_end": month.end,
        "scope_kind": scope_kind,
        "scope_id": scope_id,
        "goal_id": f"{goal.kpi}:{goal.scope_kind.value}:{goal.scope_id}:{goal_start}",
        "sample_size": link.rate.sample_size,
        "as_of": material.context.as_of,
    }


def _shifted(need: Need, done: float) -> Need:
    return Need(needed=need.needed + done, lower=need.lower + done, upper=need.upper + done)


def _own_level(material: _Material, step: str, business_days: int) -> list[float]:
    """Give what the own past months would have brought with as many business days as the planned one."""
    totals = ((_between(material, step, start, end), days) for start, end, days in material.own_months)
    return [total / days * business_days for total, days in totals if days and total]


def _words(rate: Rate, style: str = "{:.0%}") -> str:
    if isnan(rate.value):
        return "an unknown share"
    return f"{style.format(rate.value)} ({style.format(rate.lower)} to {style.format(rate.upper)})"


MODEL = Model(
    table=plan,
    reads=(kpi_daily, calendar, meetings, meeting_verdicts, deals, reps),
    rows=build_plan,
    group="kpi",
)
