"""What was agreed to reach? One row per KPI, period and scope with an agreed target.

Only signed targets count: a text that not all departments signed, or that was edited after signing, gives no row. `check_signed`
says so in words, because an empty table alone looks like "nothing was agreed".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from definitions_contract.periods import periods_between
from definitions_contract.schema import ScopeKind, SigningState, Target, TargetAgreement
from definitions_contract.signing import signed_date, state
from models.context import BuildContext, Model, Rows
from models.tables import calendar, rep_teams, targets

DAYS_BACK = 731  # two years: what a year-on-year comparison needs
DAYS_AHEAD = 366  # one year: what a plan needs
SPECIFIC = (
    ScopeKind.DEPARTMENT,
    ScopeKind.TEAM,
    ScopeKind.REP,
)  # a later one overrides an earlier one for the same rep


@dataclass(frozen=True, slots=True)
class TeamTime:
    """A rep's time [start, end) in a team; end None while it lasts."""

    rep_id: str
    team: str
    department: str
    start: date
    end: date | None


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
    times = [TeamTime(*row) for row in connection.execute(_team_times())]
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for target in sorted(agreed.targets, key=lambda target: (SPECIFIC.index(target.scope_kind), target.since)):
        for row in _rows_of(target, start, end, times=times, month=context.agreement.team.fiscal_year_start_month):
            rows[tuple(row[key.name] for key in targets.primary_key)] = row
    seal = {"agreed_by": ",".join(agreed.agreed_between), "agreed_date": agreed_date}
    return [row | seal for row in rows.values()]


def check_signed(agreed: TargetAgreement) -> str | None:
    """Say why no target counts; None when they do."""
    report = state(agreed)
    match report.state:
        case SigningState.SIGNED:
            return None
        case SigningState.PROPOSED:
            return f"targets.yaml is not signed by {', '.join(report.missing)}: no target counts until they sign"
        case SigningState.BROKEN:
            names = ", ".join(signature.department for signature in report.broken)
            return f"targets.yaml was changed after {names} signed: no target counts until they sign the new text"


def _team_times() -> Any:
    return select(
        rep_teams.c.rep_id, rep_teams.c.team, rep_teams.c.department, rep_teams.c.valid_from, rep_teams.c.valid_to
    ).order_by(rep_teams.c.valid_from)


def _rows_of(
    target: Target, start: date, end: date, *, times: Sequence[TeamTime], month: int
) -> Iterator[dict[str, Any]]:
    first = max(start, target.since)
    after = min(end, target.until or end)
    for period_start, period_end in periods_between(first, after, target.every, month):
        period = {
            "kpi_id": target.kpi,
            "period_kind": target.every.value,
            "period_start": period_start,
            "period_end": period_end,
        }
        if target.each_rep is not None:
            for rep_id in _reps_of(target, period_start, period_end, times=times):
                yield period | {"scope_kind": "rep", "scope_id": rep_id, "value": float(target.each_rep)}
        yield period | {
            "scope_kind": target.scope_kind.value,
            "scope_id": target.scope_id,
            "value": float(target.value),
        }


def _reps_of(target: Target, start: date, end: date, *, times: Sequence[TeamTime]) -> list[str]:
    """Give the reps whose newest team in the period is in the target's scope: who changes teams has one target."""
    newest = {time.rep_id: time for time in times if time.start < end and (time.end is None or time.end > start)}
    if target.scope_kind is ScopeKind.REP:
        return []
    return [
        time.rep_id
        for time in newest.values()
        if target.scope_id == (time.team if target.scope_kind is ScopeKind.TEAM else time.department)
    ]


MODEL = Model(table=targets, reads=(calendar, rep_teams), rows=build_targets, group="kpi")
