"""Which alerts are there, and what became of each? One row per alert, over its life.

A pure function of the nights in kpi.divergence and of what people did: a re-run gives the same alerts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, or_, select

from models.context import BuildContext, Model
from models.kpi.alert_proposals import read_tonight, with_change_proposal, with_target_proposal
from models.kpi.causes import STALE_SYNC
from models.kpi.change_alerts import read_change_alerts, rows_of_changes
from models.kpi.daily_history import ScopeKey
from models.kpi.lead_time import LeadTime, read_lead_time
from models.statistics.alert_life import Action, Alert, Night, replay_all
from models.tables import (
    alert_actions,
    alert_events,
    alerts,
    calendar,
    causes,
    changes,
    deals,
    divergence,
    meetings,
    pace_weights,
    reps,
)

ALERTED_PERIOD = "month"  # shorter ones are noise, longer ones say the same later


def build_alerts(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Live through all nights up to as_of for the KPIs of the current phase."""
    nightly_causes = _first_causes(connection, context)
    parents, actions = _parents(connection, context), _actions(connection, context)
    found = read_change_alerts(connection, context)
    ended = dict.fromkeys(_former_kpis(context) - _present_kpis(context), context.agreement.phases.since)
    nights, stories = _nights(connection, context, nightly_causes), [change.story for change in found]
    told = replay_all(nights, stories, actions, parents, ended=ended)
    tonight, lead = read_tonight(connection, context), read_lead_time(connection, context)
    newest_causes = {key[:-1]: cause for key, cause in nightly_causes.items()}  # in the order of their nights
    for alert in told.alerts:
        yield with_target_proposal(_row(alert, newest_causes), tonight) | {"leads_to": None, "lead_days": None}
    for row in rows_of_changes(found, told.silences, actions, context.as_of):
        yield with_change_proposal(row, tonight) | _lead(row, lead)


def _lead(row: Mapping[str, Any], lead: LeadTime) -> dict[str, Any]:
    """Say which target a fall will be missed by, and when; a rise is no warning."""
    days = lead.days.get(row["kpi_id"]) if row["worst_state"] != "ahead" else None
    return {"leads_to": None if days is None else lead.kpi_id, "lead_days": days}


def _nights(connection: Connection, context: BuildContext, nightly_causes: Mapping[Any, str]) -> list[Night]:
    since, night = context.agreement.phases.since, divergence.c.evaluated_date
    is_watched = or_(
        divergence.c.kpi_id.in_(_present_kpis(context)) & (night >= since),
        divergence.c.kpi_id.in_(_former_kpis(context)) & (night < since),
    )
    rows = connection.execute(
        select(divergence).where(
            is_watched,
            divergence.c.period_kind == ALERTED_PERIOD,
            divergence.c.evaluated_date <= context.as_of,
        )
    )
    return [
        Night(
            kpi_id=row.kpi_id,
            period_kind=row.period_kind,
            period_start=row.period_start,
            period_end=row.period_end,
            scope=(row.scope_kind, row.scope_id),
            evaluated_date=row.evaluated_date,
            state=row.state,
            gap=None if row.actual is None else row.actual - row.expected_to_date,
            p_reach=row.p_reach,
            evidence=row.evidence_score,
            target=row.target,
            cause=nightly_causes.get(
                (row.kpi_id, row.period_kind, row.period_start, (row.scope_kind, row.scope_id), row.evaluated_date)
            ),
        )
        for row in rows
    ]


def _present_kpis(context: BuildContext) -> frozenset[str]:
    phases = context.agreement.phases
    found = next((phase.kpis for phase in phases.phases if phase.id == phases.current_phase), (phases.current_kpi,))
    return frozenset(found)


def _former_kpis(context: BuildContext) -> frozenset[str]:
    """Give the KPIs that were watched before the team came to its phase: those of the phase before; what was told stays told."""
    phases = context.agreement.phases
    ids = [phase.id for phase in phases.phases]
    place = ids.index(phases.current_phase) if phases.current_phase in ids else 0
    return frozenset(phases.phases[place - 1].kpis) if place > 0 else _present_kpis(context)


def _actions(connection: Connection, context: BuildContext) -> list[Action]:
    rows = connection.execute(select(alert_actions).order_by(alert_actions.c.acted_at))
    return [
        Action(
            alert_id=row.alert_id,
            acted_date=row.acted_at.astimezone(context.agreement.team.tz).date(),
            action=row.action,
            by=row.by,
            why=row.why,
            until=row.until_date,
        )
        for row in rows
    ]


def _parents(connection: Connection, context: BuildContext) -> dict[ScopeKey, tuple[ScopeKey, ...]]:
    """Name the scopes above each team and rep, nearest first."""
    parents: dict[ScopeKey, tuple[ScopeKey, ...]] = {
        ("team", team.id): (("department", team.department),) for team in context.agreement.team.teams
    }
    for row in connection.execute(select(reps.c.rep_id, reps.c.team, reps.c.department)):
        above = (("team", row.team), ("department", row.department))
        parents["rep", row.rep_id] = tuple((kind, scope_id) for kind, scope_id in above if scope_id is not None)
    return parents


def _first_causes(connection: Connection, context: BuildContext) -> dict[Any, str]:
    """Give the first cause per KPI, period, scope and night, oldest first; a night without trust moves no alert, and so names none."""
    is_first = (causes.c.rank == 1) & (causes.c.evaluated_date <= context.as_of) & (causes.c.split != STALE_SYNC)
    rows = connection.execute(select(causes).where(is_first).order_by(causes.c.evaluated_date))
    return {
        (
            row.kpi_id,
            row.period_kind,
            row.period_start,
            (row.scope_kind, row.scope_id),
            row.evaluated_date,
        ): f"{row.split}:{row.part}:{row.effect}"
        for row in rows
    }


def _row(alert: Alert, first_causes: Mapping[Any, str]) -> dict[str, Any]:
    opening, newest = alert.opening, alert.newest
    key = (opening.kpi_id, opening.period_kind, opening.period_start, opening.scope)
    return {
        "alert_id": alert.alert_id,
        "kpi_id": opening.kpi_id,
        "period_kind": opening.period_kind,
        "period_start": opening.period_start,
        "scope_kind": opening.scope[0],
        "scope_id": opening.scope[1],
        "state": alert.state,
        "divergence_state": alert.divergence_state,
        "worst_state": alert.worst_state,
        "silenced_by": alert.silenced_by,
        "cause": first_causes.get(key),
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_why": alert.acknowledged_why,
        "gap": newest.gap,
        "p_reach": newest.p_reach,
        "opened_date": opening.evaluated_date,
        "worsened_date": alert.worsened_date,
        "notified_date": alert.notified_date,
        "snoozed_until_date": alert.snoozed_until_date,
        "reminded_date": alert.reminded_date,
        "resolved_date": alert.resolved_date,
        "evaluated_date": newest.evaluated_date,
        "closed_date": alert.closed_date,
        "closed_why": alert.closed_why,
        "kind": "target",
    }


def build_events(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """List what happened to each alert, from its row and from what people did."""
    tz = context.agreement.team.tz
    columns = {"opened": alerts.c.opened_date, "worsened": alerts.c.worsened_date, "notified": alerts.c.notified_date}
    columns["reminded"] = alerts.c.reminded_date
    rows = connection.execute(select(alerts).order_by(alerts.c.alert_id)).all()
    for row in rows:
        dates = {name: row._mapping[column.name] for name, column in columns.items()} | {"resolved": row.resolved_date}
        dates["closed"] = row.closed_date
        details = {"worsened": row.worst_state, "opened": row.cause, "closed": row.closed_why}
        for event, day in dates.items():
            if day is not None:
                yield _event(row.alert_id, day, event, detail=details.get(event))
    known = {row.alert_id for row in rows}
    numbers: Counter[Any] = Counter()
    for action in connection.execute(select(alert_actions).order_by(alert_actions.c.acted_at)).all():
        if action.alert_id in known:
            event = "snoozed" if action.action == "snooze" else "acknowledged"
            key = (action.alert_id, action.acted_at.astimezone(tz).date(), event)
            numbers[key] += 1
            yield _event(*key, number=numbers[key], by=action.by, detail=action.why)


def _event(
    alert_id: str, event_date: date, event: str, *, number: int = 1, by: str | None = None, detail: str | None = None
) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "event_date": event_date,
        "event": event,
        "number": number,
        "by": by,
        "detail": detail,
    }


MODEL = Model(
    table=alerts,
    reads=(calendar, divergence, causes, changes, pace_weights, reps, meetings, deals, alert_actions),
    rows=build_alerts,
    group="kpi",
)
EVENTS = Model(
    table=alert_events,
    reads=(alerts, alert_actions),
    rows=build_events,
    group="kpi",
)
