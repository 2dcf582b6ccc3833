"""Which changes of level are alerts? The nights of kpi.changes lived through, per scope, and their rows beside those of targets."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from models.context import BuildContext
from models.statistics.alert_life import Action, Silence, first_teller, is_covered, snooze_to_remind_of
from models.statistics.change_life import ChangeAlert, Signal, follow
from models.statistics.stories import Series, Story
from models.tables import changes

Scope = tuple[str, str]
LESS = {"lead_source": "rate", "rep": "mix", "connection": "mix", "team": "factor", "definition": "rate"}


@dataclass(frozen=True, slots=True)
class ScopedChange:
    """A change alert and whose it is."""

    scope: Scope
    alert: ChangeAlert
    nights: Sequence[date] = ()  # on which changes were judged, in order

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
        return _cause(signal.kind, signal.key)

    @property
    def story(self) -> Story:
        """What it tells, and when, for alerts that may tell the same."""
        alert = self.alert
        series = tuple(
            Series(signal.stage, _cause(signal.kind, signal.key), alert.joined[key])
            for key, signal in alert.members.items()
        )
        opened, resolved = alert.opening.evaluated_date, alert.resolved_date
        return Story(self.alert_id, self.scope, alert.opening.is_down, opened, resolved, series)


def read_change_alerts(connection: Connection, context: BuildContext) -> list[ScopedChange]:
    """Live through the nights up to as_of, departments before teams."""
    rows = connection.execute(
        select(changes).where(changes.c.evaluated_date <= context.as_of).order_by(*changes.primary_key.columns)
    ).all()
    nights: dict[Scope, dict[date, list[Signal]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        signal = Signal(row.evaluated_date, row.kind, row.kpi_id, row.split, row.part, row.score, row.score_before)
        nights[row.scope_kind, row.scope_id][row.evaluated_date].append(signal)
    judged = sorted({row.evaluated_date for row in rows})
    return [
        ScopedChange(scope, alert, judged)
        for scope in sorted(nights)
        for alert in follow(sorted(nights[scope].items()))
    ]


def change_row(
    change: ScopedChange, silences: Mapping[str, Silence], actions: Sequence[Action], as_of: date
) -> dict[str, Any]:
    """Give the row of kpi.alerts."""
    alert, opened = change.alert, change.alert.opening.evaluated_date
    newest, silence = alert.cause, silences.get(change.alert_id)
    mine = [action for action in actions if action.alert_id == change.alert_id]
    done = {action.action: action for action in mine}
    taken, snoozed = done.get("acknowledge"), done.get("snooze")
    until = snoozed.until if snoozed else None
    state = "acknowledged" if taken else "open"
    state = "snoozed" if is_covered(as_of, until) else state
    reminded = _reminded_date(change, silence, mine)
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
        "silenced_by": None if silence is None else first_teller(silences, silence.by),
        "cause": change.cause,
        "acknowledged_by": taken.by if taken else None,
        "acknowledged_why": taken.why if taken else None,
        "p_reach": None,
        "opened_date": opened,
        "worsened_date": alert.worsened_date,
        "notified_date": _notified_date(alert, silence, mine, reminded),
        "snoozed_until_date": until,
        "reminded_date": reminded,
        "resolved_date": alert.resolved_date,
        "evaluated_date": newest.evaluated_date,
        "closed_date": None,
        "closed_why": None,
        "kind": "change",
    }


def _notified_date(
    alert: ChangeAlert, silence: Silence | None, actions: Sequence[Action], reminded: date | None
) -> date | None:
    """Give the last night of which a message was due: not of a night on which another alert told it, nor in a snooze."""
    events = (alert.opening.evaluated_date, alert.worsened_date, alert.resolved_date, reminded)
    days = [
        day
        for day in events
        if day is not None and (silence is None or day < silence.since) and not _is_snoozed(day, actions)
    ]
    return max(days, default=None)


def _is_snoozed(night: date, actions: Sequence[Action]) -> bool:
    """Tell whether a night fell into a snooze; the last thing that was done before it holds."""
    until: date | None = None
    for action in actions:
        if action.action == "snooze" and action.acted_date <= night:
            until = action.until
    return is_covered(night, until)


def _reminded_date(change: ScopedChange, silence: Silence | None, actions: Sequence[Action]) -> date | None:
    """Give the night on which the last snooze had ended and the change still stood, for all that nobody answered since."""
    until = snooze_to_remind_of(actions)
    if until is None:
        return None
    over = next((night for night in change.nights if not is_covered(night, until)), None)
    resolved = change.alert.resolved_date or date.max
    if over is None or over >= resolved or (silence is not None and over >= silence.since):
        return None
    return over


def _cause(kind: str, key: tuple[str, str, str]) -> str:
    """Write a series as split:part:effect, as kpi.causes does."""
    stage, split, part = key
    effect = "mix" if kind == "count" and split != "team" else LESS.get(split, "factor")
    return f"funnel:{stage}:{effect}" if split == "team" else f"{split}:{part}:{effect}"


def rows_of_changes(
    found: Sequence[ScopedChange], silences: Mapping[str, Silence], actions: Sequence[Action], as_of: date
) -> Iterator[dict[str, Any]]:
    """Give the rows of all change alerts."""
    for change in found:
        yield change_row(change, silences, actions, as_of)
