"""Which changes of level are alerts? The nights of kpi.changes lived through, per scope; a parent's story silences its teams'."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from models.context import BuildContext
from models.statistics.alert_life import Action, Alert
from models.statistics.change_life import ChangeAlert, Signal, explains, follow
from models.tables import changes

Scope = tuple[str, str]
LESS = {"lead_source": "rate", "rep": "mix", "connection": "mix", "team": "factor", "definition": "rate"}


@dataclass(frozen=True, slots=True)
class ScopedChange:
    """A change alert and whose it is."""

    scope: Scope
    alert: ChangeAlert

    @property
    def alert_id(self) -> str:
        """KPI, scope, segment and the day it opened."""
        opening = self.alert.opening
        return ":".join(
            ("change", opening.stage, *self.scope, opening.split, opening.part, opening.evaluated_date.isoformat())
        )

    @property
    def cause(self) -> str:
        """The strongest signal as split:part:effect, as kpi.causes writes it."""
        signal = self.alert.cause
        effect = "mix" if signal.kind == "count" and signal.split != "team" else LESS.get(signal.split, "factor")
        return f"{'funnel' if signal.split == 'team' else signal.split}:{_part(signal)}:{effect}"

    def is_open_on(self, day: date) -> bool:
        """Open on the night of `day`."""
        resolved = self.alert.resolved_date
        return self.alert.opening.evaluated_date <= day and (resolved is None or day < resolved)


def read_change_alerts(connection: Connection, context: BuildContext) -> list[ScopedChange]:
    """Live through the nights up to as_of, departments before teams."""
    rows = connection.execute(
        select(changes).where(changes.c.evaluated_date <= context.as_of).order_by(*changes.primary_key.columns)
    ).all()
    nights: dict[Scope, dict[date, list[Signal]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        signal = Signal(row.evaluated_date, row.kind, row.kpi_id, row.split, row.part, row.score, row.score_before)
        nights[row.scope_kind, row.scope_id][row.evaluated_date].append(signal)
    return [ScopedChange(scope, alert) for scope in sorted(nights) for alert in follow(sorted(nights[scope].items()))]


def explained(found: Sequence[ScopedChange], kpi_id: str, scopes: Sequence[Scope], day: date) -> bool:
    """Tell whether a change is open, in the scope or above it, that explains less of a KPI."""
    return any(
        change.scope in scopes
        and change.alert.opening.is_down
        and change.is_open_on(day)
        and any(explains(stage, kpi_id) for stage, _, _ in change.alert.members)
        for change in found
    )


def silenced_by(
    change: ScopedChange,
    others: Sequence[ScopedChange],
    targets: Sequence[Alert],
    parents: Mapping[Scope, Sequence[Scope]],
) -> str | None:
    """Name the alert that tells the story already: a target's it explains, or the same one of a scope above."""
    day = change.alert.opening.evaluated_date
    scopes = (change.scope, *parents.get(change.scope, ()))
    for alert in targets:
        if alert.opening.scope in scopes and _is_open(alert, day) and _tells(change, alert):
            return alert.silenced_by or alert.alert_id
    for other in others:
        if other.scope in scopes[1:] and other.is_open_on(day) and _is_same(change.alert, other.alert):
            return other.alert_id
    return None


def change_row(change: ScopedChange, silence: str | None, actions: Sequence[Action], as_of: date) -> dict[str, Any]:
    """Give the row of kpi.alerts."""
    alert, opened = change.alert, change.alert.opening.evaluated_date
    newest = alert.cause
    done = {action.action: action for action in actions if action.alert_id == change.alert_id}
    taken, snoozed = done.get("acknowledge"), done.get("snooze")
    until = snoozed.until if snoozed else None
    state = "acknowledged" if taken else "open"
    state = "snoozed" if until is not None and as_of < until else state
    events = [day for day in (opened, alert.worsened_date, alert.resolved_date) if day is not None]
    direction = "at_risk" if alert.opening.is_down else "ahead"
    return {
        "alert_id": change.alert_id,
        "kpi_id": newest.stage,
        "period_kind": "month",
        "period_start": opened.replace(day=1),
        "scope_kind": change.scope[0],
        "scope_id": change.scope[1],
        "state": state if alert.is_active else "resolved",
        "divergence_state": direction if alert.is_active else "on_track",
        "worst_state": direction,
        "silenced_by": silence,
        "cause": change.cause,
        "acknowledged_by": taken.by if taken else None,
        "acknowledged_why": taken.why if taken else None,
        "p_reach": None,
        "opened_date": opened,
        "worsened_date": alert.worsened_date,
        "notified_date": None if silence else max(events),
        "snoozed_until_date": until,
        "resolved_date": alert.resolved_date,
        "evaluated_date": newest.evaluated_date,
        "kind": "change",
    }


def _part(signal: Signal) -> str:
    return signal.stage if signal.split == "team" else signal.part


def _is_open(alert: Alert, day: date) -> bool:
    end = alert.resolved_date or alert.closed_date
    return alert.opening.evaluated_date <= day and (end is None or day < end)


def _tells(change: ScopedChange, alert: Alert) -> bool:
    return alert.is_ahead != change.alert.opening.is_down and any(
        explains(stage, alert.opening.kpi_id) for stage, _, _ in change.alert.members
    )


def _is_same(alert: ChangeAlert, other: ChangeAlert) -> bool:
    if alert.opening.is_down != other.opening.is_down:
        return False
    return any(
        explains(mine[0], theirs[0]) or (mine[1] != "team" and mine[1:] == theirs[1:])
        for mine in alert.members
        for theirs in other.members
    )


def rows_of_changes(
    found: Sequence[ScopedChange],
    targets: Sequence[Alert],
    parents: Mapping[Scope, Sequence[Scope]],
    actions: Sequence[Action],
    as_of: date,
) -> Iterator[dict[str, Any]]:
    """Give the rows of all change alerts."""
    for change in found:
        yield change_row(change, silenced_by(change, found, targets, parents), actions, as_of)
