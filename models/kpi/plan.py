"""What must happen each month for the goal? One row per step of the chain from the KGI and remaining month.

Rates come from cases old enough to have converted; what is needed for a later month's revenue stands in the months before.
Where the own sample is too small the need stays empty, and the assumptions say how many cases more it takes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from models.context import BuildContext, Model
from models.errors import PlanRequestError
from models.kpi.plan_goal import PlanMonth, agreed_goal
from models.kpi.plan_work import Plan, read_material, work_out
from models.statistics.funnel import CHAIN, STEPS
from models.statistics.planning import Rate, realism_percentile
from models.tables import calendar, deals, kpi_daily, meeting_verdicts, meetings, plan, reps

WORDS: Mapping[str, str] = {
    "deals_won": "{rate} per deal won",
    "valid_meetings": "{rate} of valid meetings become a deal won, half of them within {days} days; {part} of deals won begin with one",
    "meetings_held": "{rate} of held meetings are valid",
    "meetings_booked": "{rate} of booked meetings are held, half of them within {days} days",
    "connects": "{rate} meetings booked per connect",
    "calls_made": "{rate} of calls connect",
}
STYLES: Mapping[str, str] = {"average_deal": "{:,.0f}", "booked_per_connect": "{:.2f}"}


def build_plan(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Work the running goal back; no rows without a goal in money that has a business day left."""
    goal = agreed_goal(context.agreement, context.as_of)
    if goal is None:
        return
    try:
        worked = work_out(read_material(connection, context, goal))
    except PlanRequestError:
        return  # nothing is left of the period, or nobody to do it: there is no need to state
    yield from plan_rows(worked)


def plan_rows(worked: Plan) -> Iterator[dict[str, Any]]:
    """Give the rows of a plan: step by step, month by month."""
    for step in STEPS:
        reason = worked.estimates.refused(step)
        for position, month in enumerate(worked.material.months):
            row = _base_row(worked, step, month)
            yield row | (_refusal(reason) if reason else _figures(worked, step, position))


def rate_of_step(worked: Plan, step: str) -> Rate | None:
    """Give the rate that leads from a step to the one above it; None for the goal."""
    if step == "won_amount":
        return None
    return worked.estimates.rates["average_deal" if step == "deals_won" else CHAIN[step]]


def assumptions(worked: Plan, step: str) -> str:
    """Say in words at which rate and lag a step was worked back."""
    rate = rate_of_step(worked, step)
    if rate is None:
        season = worked.material.season
        shape = season.reason or "the own month-of-quarter pattern " + ", ".join(
            f"{value:.2f}" for value in season.factors
        )
        return (
            f"the goal's rest by business days left and {shape}"
            if not season.reason
            else f"the goal's rest by business days left ({shape})"
        )
    name = "average_deal" if step == "deals_won" else CHAIN[step]
    style = STYLES.get(name, "{:.0%}")
    figure = f"{style.format(rate.value)} ({style.format(rate.lower)} to {style.format(rate.upper)})"
    lag = worked.estimates.lags.get(step)
    days = round((lag.median_days or 0) * (worked.estimates.cycle if step == "valid_meetings" else 1)) if lag else 0
    words = WORDS[step].format(rate=figure, days=days, part=f"{worked.estimates.from_valid.value:.0%}")
    source = {
        "own": "",
        "department": "; the department's rate: too few own cases",
        "benchmark": "; the agreed benchmark",
    }
    return words + source[rate.source]


def _figures(worked: Plan, step: str, position: int) -> dict[str, Any]:
    material, month = worked.material, worked.material.months[position]
    need, done = worked.needs[step], material.done(step, month)
    left, (lower, upper) = float(need.middle[position]), need.interval(position)
    pace = left / worked.rep_days[position] if worked.rep_days[position] > 0 else None
    realism = None if pace is None else realism_percentile(pace, worked.paces[step])
    agreed = float(material.context.agreement.targets.realism_percentile)
    words = assumptions(worked, step)
    return {
        "needed": left + done,
        "needed_lower": lower + done,
        "needed_upper": upper + done,
        "needed_per_rep_day": pace,
        "realism_percentile": realism,
        "is_realistic": None if realism is None else realism <= agreed,
        "assumptions": f"{words}; {done:,.0f} done so far" if done else words,
    }


def _refusal(reason: str) -> dict[str, Any]:
    empty = ("needed", "needed_lower", "needed_upper", "needed_per_rep_day", "realism_percentile", "is_realistic")
    return dict.fromkeys(empty) | {"assumptions": f"No figure: {reason}"}


def _base_row(worked: Plan, step: str, month: PlanMonth) -> dict[str, Any]:
    material, rate = worked.material, rate_of_step(worked, step) or worked.estimates.rates["average_deal"]
    return {
        "kpi_id": step,
        "period_kind": "month",
        "period_start": month.start,
        "period_end": month.end,
        "scope_kind": material.goal.scope[0],
        "scope_id": material.goal.scope[1],
        "goal_id": material.goal.goal_id,
        "sample_size": rate.sample_size,
        "as_of": material.context.as_of,
    }


MODEL = Model(
    table=plan,
    reads=(kpi_daily, calendar, meetings, meeting_verdicts, deals, reps),
    rows=build_plan,
    group="kpi",
)
