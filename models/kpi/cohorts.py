"""What became of those whom we first touched, or booked, in a month? One row per cohort, lead source, step and age.

A lead that takes 160 days is no failure of this month: a cohort is compared at equal ages, and only the members who are old enough are
at risk of having converted. Counts add up over lead sources; conversions do not.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from models.context import BuildContext, Model
from models.duckdb import days_between
from models.expressions import UNKNOWN, inline_rows, or_unknown, ratio
from models.tables import calls, cohorts, contacts, deals, emails, meeting_verdicts, meetings

AGES = (7, 14, 30, 60, 90, 120, 180, 270, 365)  # days: weeks while meetings are booked, months while deals close
STEPS = ("booked", "held", "valid", "deal", "won")
KEYS = ("cohort_kind", "cohort_month", "lead_source_first")


def build_cohorts(context: BuildContext) -> Select[Any]:
    """Follow people from their first activity and meetings from their booking, up to as_of."""
    members = union_all(_booked_meetings(), _touched_people()).cte("members")
    starts = _starts(members, context)
    reached = _reached(members, context)
    age = inline_rows("ages", {"age_days": BigInteger()}, [(age,) for age in AGES])
    step = inline_rows("steps", {"step": cohorts.c.step.type}, [(step,) for step in STEPS])
    keys = [starts.c[name] for name in KEYS]
    is_at_risk = days_between(starts.c.cohort_date, cast(context.as_of, Date)) >= age.c.age_days
    counted = (
        select(
            *keys,
            step.c.step,
            age.c.age_days,
            func.sum(starts.c.size).label("cohort_size"),
            func.sum(case((is_at_risk, starts.c.size), else_=0)).label("at_risk"),
        )
        .select_from(starts)
        .join(age, literal(True))
        .join(step, and_(literal(True), _can_reach(starts, step)))
        .group_by(*keys, step.c.step, age.c.age_days)
        .cte("counted")
    )
    is_in_time = and_(
        reached.c.days <= age.c.age_days,
        days_between(reached.c.cohort_date, cast(context.as_of, Date)) >= age.c.age_days,
    )
    reached_keys = [reached.c[name] for name in (*KEYS, "step")]
    converted = (
        select(*reached_keys, age.c.age_days, func.sum(reached.c.size).label("converted"))
        .join_from(reached, age, is_in_time)
        .group_by(*reached_keys, age.c.age_days)
        .cte("converted")
    )
    same = and_(*(counted.c[name] == converted.c[name] for name in (*KEYS, "step", "age_days")))
    in_time = func.coalesce(converted.c.converted, 0)
    return select(
        *counted.c,
        in_time.label("converted"),
        ratio(in_time, counted.c.at_risk).label("conversion"),
        (counted.c.at_risk == counted.c.cohort_size).label("is_matured"),
        cast(context.as_of, Date).label("as_of"),
    ).join_from(counted, converted, same, isouter=True)


def _can_reach(starts: CTE, step: CTE) -> ColumnElement[bool]:
    """A meeting is booked from the start: only people can still come to that."""
    return or_(starts.c.cohort_kind == "first_touch", step.c.step != "booked")


def _starts(members: CTE, context: BuildContext) -> CTE:
    """Count members per first day: cohorts are asked for their age in days."""
    keys = [members.c[name] for name in ("cohort_kind", "cohort_date", "lead_source_first")]
    return (
        select(*keys, _month(members.c.cohort_date).label("cohort_month"), func.count().label("size"))
        .where(members.c.cohort_date <= context.as_of)
        .group_by(*keys)
        .cte("starts")
    )


def _reached(members: CTE, context: BuildContext) -> CTE:
    """Count members per first day, step and days that it took them; what is dated after as_of has not happened."""
    by_step = [
        select(
            members.c.cohort_kind,
            members.c.cohort_date,
            members.c.lead_source_first,
            literal(step).label("step"),
            # a meeting booked for a person before the first logged touch was reached at once
            func.greatest(days_between(members.c.cohort_date, members.c[f"{step}_date"]), 0).label("days"),
        ).where(members.c[f"{step}_date"] <= context.as_of, members.c.cohort_date <= context.as_of)
        for step in STEPS
    ]
    steps = union_all(*by_step).subquery("steps_reached")
    keys = [steps.c[name] for name in ("cohort_kind", "cohort_date", "lead_source_first", "step", "days")]
    return (
        select(*keys, _month(steps.c.cohort_date).label("cohort_month"), func.count().label("size"))
        .group_by(*keys)
        .cte("reached")
    )


def _month(day: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.date_trunc(literal_column("'month'"), day), Date)


# --- members ------------------------------------------------------------------------------------------------------------


def _step_days() -> dict[str, ColumnElement[Any]]:
    """The day on which a meeting came to each step; a deal counts from the day it was made."""
    is_held = meetings.c.outcome == "held"
    return {
        "booked": meetings.c.booked_date,
        "held": case((is_held, meetings.c.held_date)),
        "valid": case((meeting_verdicts.c.verdict == "valid", meetings.c.held_date)),
        "deal": deals.c.created_date,
        "won": case((deals.c.status == "won", deals.c.close_date)),
    }


def _booked_meetings() -> Select[Any]:
    return (
        select(
            literal("booking").label("cohort_kind"),
            meetings.c.booked_date.label("cohort_date"),
            or_unknown(meetings.c.lead_source_first).label("lead_source_first"),
            *(
                (cast(null(), Date) if step == "booked" else day).label(f"{step}_date")
                for step, day in _step_days().items()
            ),
        )
        .join_from(meetings, meeting_verdicts, meeting_verdicts.c.meeting_id == meetings.c.meeting_id, isouter=True)
        .join(deals, deals.c.deal_id == meetings.c.deal_id, isouter=True)
        .where(meetings.c.booked_date.is_not(None))
    )


def _touched_people() -> Select[Any]:
    """One row per person: the first activity, and the first time they came to each step."""
    touch = union_all(
        *(
            select(table.c.contact_id, day.label("day"), or_unknown(table.c.lead_source_first).label("source"))
            for table, day in (
                (calls, calls.c.called_date),
                (emails, emails.c.sent_date),
                (meetings, meetings.c.booked_date),
            )
        )
    ).subquery("touches")
    person = (
        select(
            contacts.c.person_id,
            func.min(touch.c.day).label("cohort_date"),
            func.arg_min(touch.c.source, touch.c.day, type_=cohorts.c.step.type).label("lead_source_first"),
        )
        .join_from(touch, contacts, contacts.c.contact_id == touch.c.contact_id)
        .where(touch.c.day.is_not(None))
        .group_by(contacts.c.person_id)
        .cte("people")
    )
    steps = _steps_of_people()
    return select(
        literal("first_touch").label("cohort_kind"),
        person.c.cohort_date,
        func.coalesce(person.c.lead_source_first, UNKNOWN).label("lead_source_first"),
        *(steps.c[f"{step}_date"] for step in STEPS),
    ).join_from(person, steps, steps.c.person_id == person.c.person_id, isouter=True)


def _steps_of_people() -> CTE:
    of_meetings = (
        select(contacts.c.person_id, *(day.label(f"{step}_date") for step, day in _step_days().items()))
        .join_from(meetings, contacts, contacts.c.contact_id == meetings.c.contact_id)
        .join(meeting_verdicts, meeting_verdicts.c.meeting_id == meetings.c.meeting_id, isouter=True)
        .join(deals, deals.c.deal_id == meetings.c.deal_id, isouter=True)
    )
    nothing = [cast(null(), Date).label(f"{step}_date") for step in STEPS[:3]]
    won = case((deals.c.status == "won", deals.c.close_date))
    of_deals = select(
        contacts.c.person_id, *nothing, deals.c.created_date.label("deal_date"), won.label("won_date")
    ).join_from(deals, contacts, contacts.c.contact_id == deals.c.contact_id)
    both = union_all(of_meetings, of_deals).subquery("steps_of_records")
    return (
        select(both.c.person_id, *(func.min(both.c[f"{step}_date"]).label(f"{step}_date") for step in STEPS))
        .group_by(both.c.person_id)
        .cte("steps_of_people")
    )


MODEL = Model(
    table=cohorts,
    reads=(calls, emails, meetings, meeting_verdicts, deals, contacts),
    statement=build_cohorts,
    group="kpi",
)
