"""How many full working days of reps does each month have? A new rep counts for more every day until the ramp is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from definitions_contract.periods import BusinessCalendar, calendar_of, days_between
from models.context import BuildContext
from models.kpi.daily_history import ScopeKey
from models.kpi.plan_goal import PlanMonth
from models.kpi.plan_rates import rep_ids
from models.tables import reps


@dataclass(frozen=True, slots=True)
class RepTime:
    """A rep's time [start, end) in the team; None is open."""

    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True)
class Capacity:
    """People, the calendar and how long a new one ramps."""

    people: Sequence[RepTime]
    calendar: BusinessCalendar
    ramp_business_days: int

    def rep_days(self, start: date, end: date) -> float:
        """Count full rep days of the business days in [start, end): a day of a ramping rep is a part of one."""
        days = [day for day in days_between(start, end) if self.calendar.is_business_day(day)]
        return sum(self._of_rep(rep, days) for rep in self.people)

    def people_on(self, day: date) -> int:
        """Count who is there on a day."""
        return sum(_is_there(rep, day) for rep in self.people)

    def with_reps(self, count: int, start: date) -> "Capacity":
        """Add so many new reps who start on a day; take the newest away when it is negative."""
        if count >= 0:
            return Capacity([*self.people, *[RepTime(start, None)] * count], self.calendar, self.ramp_business_days)
        there = sorted((rep for rep in self.people if _is_there(rep, start)), key=lambda rep: rep.start or date.min)
        leaving = there[count:] if -count <= len(there) else there
        people = list(self.people)
        for rep in leaving:
            people.remove(rep)
        return Capacity(
            [*people, *(RepTime(rep.start, start) for rep in leaving)], self.calendar, self.ramp_business_days
        )

    def _of_rep(self, rep: RepTime, days: Sequence[date]) -> float:
        there = [day for day in days if _is_there(rep, day)]
        if not there or rep.start is None or self.ramp_business_days == 0:
            return float(len(there))
        if (there[0] - rep.start).days > 2 * self.ramp_business_days + 30:  # a ramp of n business days is over by then
            return float(len(there))
        before = self.calendar.business_days(rep.start, there[0])
        return sum(min(1.0, (before + position + 1) / self.ramp_business_days) for position in range(len(there)))


def read_capacity(connection: Connection, context: BuildContext, scope: ScopeKey) -> Capacity:
    """Read the reps of a scope, those who left too: past months had them."""
    columns = (reps.c.is_active, reps.c.started_date, reps.c.left_date)
    rows = connection.execute(select(*columns).where(reps.c.rep_id.in_(rep_ids(scope))).order_by(reps.c.rep_id)).all()
    people = [
        RepTime(
            row.started_date, row.left_date if row.is_active or row.left_date else date.min
        )  # gone, nobody knows when
        for row in rows
    ]
    return Capacity(people, calendar_of(context.agreement.team), context.agreement.team.ramp_business_days)


def rep_days_left(capacity: Capacity, months: Sequence[PlanMonth], as_of: date) -> list[float]:
    """Give the full rep days still to come in each month."""
    return [capacity.rep_days(max(month.start, as_of + timedelta(days=1)), month.end) for month in months]


def own_paces(capacity: Capacity, months: Sequence[PlanMonth], totals: Mapping[date, float]) -> list[float]:
    """Give what each past month brought per full rep day; months without people or figures are left out."""
    paces = ((totals.get(month.start, 0.0), capacity.rep_days(month.start, month.end)) for month in months)
    return [total / days for total, days in paces if days > 0 and total > 0]


def _is_there(rep: RepTime, day: date) -> bool:
    return (rep.start is None or rep.start <= day) and (rep.end is None or day < rep.end)
