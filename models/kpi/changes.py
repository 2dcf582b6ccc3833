"""Has the level of anything that is watched changed against its own past? One row per series and night, without any target.

Watched are the leading KPIs of each team and department: calls, connections, meetings booked, valid and attended meetings, the
department's by lead source, a team's calls by rep; the pace of deals, and what each CRM delivers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from definitions_contract.schema import Kpi
from models.context import BuildContext, Model
from models.kpi.cause_facts import Fact, read_daily_facts
from models.kpi.daily_history import definition_since, kpis_by_id, read_calendar, read_weights
from models.kpi.data_trust import distrust_reason
from models.statistics.changes import GAP, Floats, Series, scan, scan_since, window_of
from models.statistics.deal_pace import deal_pace
from models.tables import (
    calendar,
    calls,
    changes,
    check_results,
    deals,
    kpi_daily,
    pace_weights,
    reconciliation,
    rep_teams,
    reps,
    sync_runs,
)

HISTORY_DAYS = 400  # thirteen months: the baseline, the window after it, and a reserve for holidays
RAMP_DAYS = 60  # business days until a new rep counts as a whole one
RAMP_START = 0.3  # share of a whole one on the first day
REP_WINDOWS = (10, 20, 40)  # a rep on leave for a week has not stopped
CONNECTION_WINDOWS = (2, 3, 5)  # a CRM that delivers nothing shows in two days
VERDICT_BUSINESS_DAYS = 6  # younger meetings wait for answers: those that came first are no fair sample
DEFINITION_WATCH = 60  # business days in which a new definition is the first suspect
COUNTS = ("calls_made", "meetings_booked")
RATES = ("connect_rate", "valid_rate", "no_show_rate")
SETTLING = ("valid_rate",)
NEGATED = ("no_show_rate",)  # watched as the share of those who came, so that less is always worse
DEAL_KPI = "deals_won"
Scope = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Item:
    """One watched series."""

    scope: Scope
    kpi_id: str
    split: str
    part: str
    kind: str
    series: Series
    since: int | None = None


@dataclass(frozen=True, slots=True)
class _Days:
    """Business days up to as_of; what falls between two counts on the later one."""

    days: Sequence[date]
    position: Mapping[date, int]

    def zeros(self) -> Floats:
        return np.zeros(len(self.days))


def build_changes(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Score every watched series on the night; nothing while the data are not to be trusted."""
    if distrust_reason(connection, context) is not None:
        return
    days = _days(connection, context.as_of)
    if len(days.days) < GAP:
        return
    for item in _items(connection, context, days):
        row = _row(item, days, context.as_of)
        if row is not None:
            yield row


def in_unit(kpi_id: str, hits: float, cases: float | None) -> float:
    """Give what was counted in the KPI's own unit: a count as it is, of a rate the share of its cases.

    >>> in_unit("valid_rate", 30, 40), in_unit("no_show_rate", 30, 40)
    (0.75, 0.25)
    """
    if cases is None:
        return float(hits)
    share = float(hits) / max(float(cases), 1.0)
    return 1 - share if kpi_id in NEGATED else share


def _days(connection: Connection, as_of: date) -> _Days:
    start = as_of - timedelta(days=HISTORY_DAYS)
    days = [row.day for row in read_calendar(connection) if row.is_business_day and start < row.day <= as_of]
    position: dict[date, int] = {}
    day, index = start, 0
    while index < len(days):
        position[day] = index
        index += day == days[index]
        day += timedelta(days=1)
    return _Days(days, position)


def _items(connection: Connection, context: BuildContext, days: _Days) -> Iterator[_Item]:
    weights, heads = read_weights(connection), _heads(connection, days)
    kpis = kpis_by_id(context.agreement)
    departments = {team.id: team.department for team in context.agreement.team.teams}
    for kpi_id in (*COUNTS, *RATES):
        if kpi_id not in kpis:
            continue
        kpi, pace = kpis[kpi_id], _pace(weights.get(kpi_id, {}), days)
        inner = kpi if kpi_id in RATES else None
        facts = read_daily_facts(connection, kpi, inner, since=days.days[0], as_of=context.as_of)
        for scope, teams in _scopes(departments):
            chosen = [fact for fact in facts if fact.team in teams]
            head = sum((ramp for (_, team), ramp in heads.items() if team in teams), days.zeros())
            yield from _of_kpi(kpi_id, scope, _by_present_rules(chosen, kpi, context), days, pace * head)
            if kpi_id == "calls_made" and scope[0] == "team":
                yield from _of_reps(scope, chosen, days, pace, heads)
            if kpi.definition is not None and kpi_id in RATES:
                yield from _of_definition(context, kpi, scope, chosen, days)
    yield from _of_deals(connection, departments, days)
    yield from _of_connections(connection, context, days, _pace(weights.get("calls_made", {}), days))


def _by_present_rules(facts: Sequence[Fact], kpi: Kpi, context: BuildContext) -> Sequence[Fact]:
    """Leave out what was judged by a former definition: it is no past to compare with."""
    since = definition_since(context.agreement, kpi, as_of=context.as_of)
    return facts if since is None else [fact for fact in facts if fact.day >= since]


def _scopes(departments: Mapping[str, str]) -> list[tuple[Scope, frozenset[str]]]:
    teams = [(("team", team), frozenset({team})) for team in departments]
    above = [
        (("department", name), frozenset(team for team, department in departments.items() if department == name))
        for name in sorted(set(departments.values()))
    ]
    return [*above, *teams]


def _of_kpi(kpi_id: str, scope: Scope, facts: Sequence[Fact], days: _Days, exposure: Floats) -> Iterator[_Item]:
    kind = "rate" if kpi_id in RATES else "count"
    yield _Item(scope, kpi_id, "team", scope[1], kind, _series(kpi_id, facts, days, exposure))
    if scope[0] != "department":
        return  # a source is the department's: its teams' shares of it say the same, with more noise
    by_source: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_source[fact.lead_source].append(fact)
    for source, chosen in sorted(by_source.items()):
        yield _Item(scope, kpi_id, "lead_source", source, kind, _series(kpi_id, chosen, days, exposure))


def _of_reps(
    scope: Scope, facts: Sequence[Fact], days: _Days, pace: Floats, heads: Mapping[Scope, Floats]
) -> Iterator[_Item]:
    """Watch those who still belong to the team; new ones once they have ramped up and worked on."""
    for (rep_id, team), ramp in sorted(heads.items()):
        if team != scope[1] or ramp[-1] < 1.0:
            continue
        chosen = [fact for fact in facts if fact.rep_id == rep_id]
        series = _series("calls_made", chosen, days, pace * (ramp >= 1.0))
        yield _Item(scope, "calls_made", "rep", rep_id, "count", replace(series, windows=REP_WINDOWS))


def _of_definition(
    context: BuildContext, kpi: Kpi, scope: Scope, facts: Sequence[Fact], days: _Days
) -> Iterator[_Item]:
    """A new definition is a known day: what followed it is asked about by itself for some months."""
    since = definition_since(context.agreement, kpi, as_of=context.as_of)
    index = None if since is None else days.position.get(since)
    series = _series(kpi.id, facts, days, days.zeros())
    if index is None or not 0 < len(series.observed) - index <= DEFINITION_WATCH:
        return
    yield _Item(scope, kpi.id, "definition", str(since), "definition", series, index)


def _of_deals(connection: Connection, departments: Mapping[str, str], days: _Days) -> Iterator[_Item]:
    columns = (deals.c.created_date, deals.c.close_date, deals.c.status, reps.c.team)
    rows = connection.execute(
        select(*columns).join_from(deals, reps, deals.c.rep_id == reps.c.rep_id).order_by(deals.c.deal_id)
    ).all()
    for scope, teams in _scopes(departments):
        known = [row for row in rows if row.team in teams and row.created_date in days.position]
        created = [days.position[row.created_date] for row in known]
        decided = [days.position.get(row.close_date) if row.status in ("won", "lost") else None for row in known]
        series = deal_pace(created, decided, len(days.days))
        if series is not None:
            yield _Item(scope, DEAL_KPI, "team", scope[1], "pace", series)


def _of_connections(connection: Connection, context: BuildContext, days: _Days, pace: Floats) -> Iterator[_Item]:
    """Watch what each CRM delivers: calls that stop arriving from one of them are missing, not unmade."""
    scope = ("department", context.agreement.phases.department)
    rows = connection.execute(
        select(calls.c.connection, calls.c.called_date, func.count().label("cases"))
        .where(
            calls.c.called_date > days.days[0], calls.c.called_date <= context.as_of, calls.c.connection.is_not(None)
        )
        .group_by(calls.c.connection, calls.c.called_date)
    ).all()
    counted: dict[str, Floats] = {}
    for row in rows:
        if (index := days.position.get(row.called_date)) is not None:
            counted.setdefault(row.connection, days.zeros())[index] += row.cases
    for name, counts in sorted(counted.items()):
        series = Series("count", counts, pace, CONNECTION_WINDOWS)
        yield _Item(scope, "calls_made", "connection", name, "count", series)


def _series(kpi_id: str, facts: Sequence[Fact], days: _Days, exposure: Floats) -> Series:
    hits, cases = days.zeros(), days.zeros()
    for fact in facts:
        index = days.position.get(fact.day)
        if index is not None:
            hits[index] += fact.hits
            cases[index] += fact.cases
    if kpi_id in NEGATED:
        hits = cases - hits
    if kpi_id not in RATES:
        return Series("count", hits, exposure)
    if kpi_id in SETTLING:
        hits, cases = hits[:-VERDICT_BUSINESS_DAYS], cases[:-VERDICT_BUSINESS_DAYS]
    return Series("rate", hits, cases)


def _pace(weights: Mapping[date, float], days: _Days) -> Floats:
    return np.array([weights.get(day, 1.0) for day in days.days])


def _heads(connection: Connection, days: _Days) -> dict[Scope, Floats]:
    """Give per rep and team who was there on each day; new reps count as much as their ramp."""
    columns = (rep_teams.c.rep_id, rep_teams.c.team, rep_teams.c.valid_from, rep_teams.c.valid_to, reps.c.left_date)
    rows = connection.execute(
        select(*columns).join_from(rep_teams, reps, rep_teams.c.rep_id == reps.c.rep_id).order_by(*columns[:3])
    ).all()
    calendar_days = np.array(days.days)
    heads: dict[Scope, Floats] = {}
    for row in rows:
        end = min((day for day in (row.valid_to, row.left_date) if day is not None), default=date.max)
        is_there = (calendar_days >= row.valid_from) & (calendar_days < end)
        ramp = np.ones(len(calendar_days))
        if row.valid_from > days.days[0]:
            gone = np.arange(len(calendar_days)) - int((calendar_days < row.valid_from).sum())
            ramp = np.clip(RAMP_START + (1 - RAMP_START) * gone / RAMP_DAYS, RAMP_START, 1.0)
        key = (row.rep_id, row.team)
        heads[key] = heads.get(key, days.zeros()) + np.where(is_there, ramp, 0.0)
    return heads


def _row(item: _Item, days: _Days, as_of: date) -> dict[str, Any] | None:
    scores, windows = _scores(item)
    if len(scores) < 2 or not np.isfinite(scores[-1]):
        return None
    last = len(scores) - 1
    seen = window_of(item.series, last, int(windows[-1]))
    return {
        "evaluated_date": as_of,
        "scope_kind": item.scope[0],
        "scope_id": item.scope[1],
        "kpi_id": item.kpi_id,
        "split": item.split,
        "part": item.part,
        "kind": item.kind,
        "score": float(scores[-1]),
        "score_before": float(scores[-2]) if np.isfinite(scores[-2]) else 0.0,
        "window_business_days": int(windows[-1]),
        "observed": seen.observed,
        "expected": seen.expected,
        "cases": seen.exposure if item.series.kind == "rate" else None,
        "since_date": days.days[max(last - int(windows[-1]) + 1, 0)],
    }


def _scores(item: _Item) -> tuple[Floats, Any]:
    if item.since is not None:
        scores = np.minimum(scan_since(item.series, item.since), 0.0)
        return scores, np.full(len(scores), len(scores) - item.since)
    found = scan(item.series)
    if item.split != "team" or item.kind == "pace":
        return np.minimum(found.low, 0.0), found.low_window  # more of one source or rep is nobody's alarm
    is_low = -found.low >= found.high
    return np.where(is_low, found.low, found.high), np.where(is_low, found.low_window, found.high_window)


MODEL = Model(
    table=changes,
    reads=(
        kpi_daily,
        calendar,
        pace_weights,
        rep_teams,
        reps,
        calls,
        deals,
        check_results,
        reconciliation,
        sync_runs,
    ),
    rows=build_changes,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
