"""What was agreed to reach? One row per KPI, period and scope with an agreed target.

`each_rep` is the target of a rep who is in its team or department for the whole period. Who joins or leaves within it has the share
of its business days on which they were there, and who moves the shares of both; who was there on none has no target. Of a rate, which
is never shared out, who moves has the newer team's. A day of a new rep counts by the ramp of team.yaml: one part of it on the first
business day, whole when it is over, as in the plan (plan_capacity.py). A target agreed for one rep by name is not ramped.

Only signed targets count: a text that not all departments signed, or that was edited after signing, gives no row. The data
checks say so in words, because an empty table alone looks like "nothing was agreed".
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from definitions_contract.periods import periods_between
from definitions_contract.schema import Agreement, ScopeKind, Target
from definitions_contract.signing import signed_date
from models.context import BuildContext, Model, Rows
from models.tables import calendar, rep_teams, reps, targets

DAYS_BACK = 731  # two years: what a year-on-year comparison needs
DAYS_AHEAD = 366  # one year: what a plan needs
SPECIFIC = (
    ScopeKind.DEPARTMENT,
    ScopeKind.TEAM,
    ScopeKind.REP,
)  # a later one overrides an earlier one for the same rep


@dataclass(frozen=True, slots=True)
class TeamTime:
    """A rep's time [start, end) in a team, within the time that the rep was in the company at all."""

    rep_id: str
    team: str
    department: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Company:
    """What targets depend on besides their text: who was where, and which days are business days."""

    times: Sequence[TeamTime]
    started: Mapping[str, date]
    ramp_business_days: int
    business_days: Sequence[date]  # in order
    fiscal_month: int
    divided: frozenset[str]  # rates and the like: half a month's target of a rate is the whole rate

    def parts(self, target: Target, start: date, end: date) -> Iterator[tuple[str, float]]:
        """Give each rep who was in the target's scope in a period their part of `each_rep`."""
        if target.each_rep is None or target.scope_kind is ScopeKind.REP:
            return
        present = [time for time in self.times if time.start < end and time.end > start]
        is_divided = target.kpi in self.divided
        newest = {time.rep_id: time for time in present}
        inside = list(newest.values()) if is_divided else present
        for rep_id in dict.fromkeys(time.rep_id for time in inside if _is_in(time, target)):
            mine = [time for time in present if time.rep_id == rep_id and (is_divided or _is_in(time, target))]
            share = self.share_there(mine, start, end)
            if share > 0:
                yield rep_id, float(target.each_rep) * (1.0 if is_divided else share)

    def share_there(self, times: Sequence[TeamTime], start: date, end: date) -> float:
        """Share of a period's business days in a rep's times, new ones by their ramp; of its days, when it has no business day."""
        first, after = bisect_left(self.business_days, start), bisect_left(self.business_days, end)
        days = self.business_days[first:after] or [start + timedelta(days=n) for n in range((end - start).days)]
        there = [day for day in days if any(time.start <= day < time.end for time in times)]
        return sum(self._ramp(times[0].rep_id, day) for day in there) / len(days)

    def _ramp(self, rep_id: str, day: date) -> float:
        """How much a rep's day counts; who started before the calendar does has ramped up."""
        started = self.started.get(rep_id, date.min)
        if self.ramp_business_days == 0 or not self.business_days or started < self.business_days[0]:
            return 1.0
        gone = bisect_left(self.business_days, day) - bisect_left(self.business_days, started)
        return min(1.0, (gone + 1) / self.ramp_business_days)


def build_targets(connection: Connection, context: BuildContext) -> Rows:
    """Give a row for every period of every signed target that the calendar has, from two years back to one ahead."""
    agreed = context.agreement.targets
    agreed_date = signed_date(agreed)
    if agreed_date is None:
        return []
    first, last = connection.execute(select(func.min(calendar.c.day), func.max(calendar.c.day))).one()
    if first is None:
        return []
    start = max(first, context.as_of - timedelta(days=DAYS_BACK))
    end = min(last, context.as_of + timedelta(days=DAYS_AHEAD)) + timedelta(days=1)
    company = read_company(connection, context.agreement)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for target in sorted(agreed.targets, key=lambda target: (SPECIFIC.index(target.scope_kind), target.since)):
        for row in _rows_of(target, start, end, company):
            key = tuple(row[name.name] for name in targets.primary_key)
            is_part = row["scope_kind"] == ScopeKind.REP and target.scope_kind is not ScopeKind.REP
            before = rows[key]["value"] if is_part and key in rows else 0.0  # who moves has a part of each team's
            rows[key] = row | {"value": before + row["value"]}
    seal = {"agreed_by": ",".join(agreed.agreed_between), "agreed_date": agreed_date}
    return [row | seal for row in rows.values()]


def read_company(connection: Connection, agreement: Agreement) -> Company:
    """Read who was where and which days are business days."""
    business_days = select(calendar.c.day).where(calendar.c.business_day == 1).order_by(calendar.c.day)
    started = select(reps.c.rep_id, reps.c.started_date).where(reps.c.started_date.is_not(None))
    return Company(
        times=[TeamTime(*row) for row in connection.execute(_team_times())],
        started={row.rep_id: row.started_date for row in connection.execute(started)},
        ramp_business_days=agreement.team.ramp_business_days,
        business_days=list(connection.scalars(business_days)),
        fiscal_month=agreement.team.fiscal_year_start_month,
        divided=frozenset(kpi.id for kpi in agreement.kpis.kpis if kpi.kind not in ("count", "sum")),
    )


def _team_times() -> Select[Any]:
    """Cut each time in a team to the time in the company: a membership without dates outlives its member."""
    start = func.greatest(rep_teams.c.valid_from, func.coalesce(reps.c.started_date, rep_teams.c.valid_from))
    end = func.least(func.coalesce(rep_teams.c.valid_to, date.max), func.coalesce(reps.c.left_date, date.max))
    return (
        select(rep_teams.c.rep_id, rep_teams.c.team, rep_teams.c.department, start, end)
        .join_from(rep_teams, reps, rep_teams.c.rep_id == reps.c.rep_id, isouter=True)
        .where(start < end)
        .order_by(rep_teams.c.rep_id, rep_teams.c.valid_from)
    )


def _rows_of(target: Target, start: date, end: date, company: Company) -> Iterator[dict[str, Any]]:
    first = max(start, target.since)
    after = min(end, target.until or end)
    for period_start, period_end in periods_between(first, after, target.every, company.fiscal_month):
        period = {
            "kpi_id": target.kpi,
            "period_kind": target.every.value,
            "period_start": period_start,
            "period_end": period_end,
        }
        for rep_id, value in company.parts(target, period_start, period_end):
            yield period | {"scope_kind": "rep", "scope_id": rep_id, "value": value}
        yield period | {
            "scope_kind": target.scope_kind.value,
            "scope_id": target.scope_id,
            "value": float(target.value),
        }


def _is_in(time: TeamTime, target: Target) -> bool:
    return target.scope_id == (time.team if target.scope_kind is ScopeKind.TEAM else time.department)


MODEL = Model(table=targets, reads=(calendar, rep_teams, reps), rows=build_targets, group="kpi")
