"""What becomes of an alert, night by night? A pure replay: the same nights and the same actions give the same alerts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from models.statistics.change_life import MORE_FOR_GOOD_NEWS, THRESHOLDS, explains
from models.statistics.stories import Head, ScopeKey, Story, first_head, is_one_cause

MORNING_AFTER = timedelta(days=1)  # a night's messages are read on the next day
EXPLAINED_EVIDENCE = 1.0  # what an open change explains needs no second proof, only the same direction

# How bad each judged state is; ahead is its own kind of news: time for a review.
SEVERITY: Mapping[str, int] = {"on_track": 0, "ahead": 1, "at_risk": 1, "off": 2}
# A team that is ahead may need a new target; a rep who reaches one is praised, not reviewed.
REVIEWED_SCOPES = ("department", "team")
SCOPE_ORDER: Mapping[str, int] = {"department": 0, "team": 1, "rep": 2}  # parents first: they silence their children


@dataclass(frozen=True, slots=True)
class Night:
    """One row of kpi.divergence."""

    kpi_id: str
    period_kind: str
    period_start: date
    period_end: date
    scope: ScopeKey
    evaluated_date: date
    state: str
    gap: float | None
    p_reach: float | None
    evidence: float | None = None  # standard errors of the last months against the target
    target: float | None = None
    cause: str | None = None  # first significant cause of the night, as split:part:effect


@dataclass(frozen=True, slots=True)
class Action:
    """What a person did to an alert, on a day in the team's zone."""

    alert_id: str
    acted_date: date
    action: Literal["acknowledge", "snooze"]
    by: str | None = None
    why: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as of its newest evaluation; see kpi.alerts."""

    alert_id: str
    opening: Night
    newest: Night
    divergence_state: str
    worst_state: str
    silenced_by: str | None = None
    acknowledged_by: str | None = None
    acknowledged_why: str | None = None
    worsened_date: date | None = None
    notified_date: date | None = None
    snoozed_until_date: date | None = None
    reminded_date: date | None = None
    resolved_date: date | None = None
    heard_since: date | None = None
    is_closed: bool = False
    closed_date: date | None = None
    closed_why: str | None = None

    @property
    def is_active(self) -> bool:
        """Still a matter: neither resolved nor its period over."""
        return self.resolved_date is None and not self.is_closed

    @property
    def is_ahead(self) -> bool:
        """Good news: the target is as good as reached."""
        return self.worst_state == "ahead"

    @property
    def is_snoozed(self) -> bool:
        """What the newest night says would be read on a day that the snooze still covers."""
        return is_covered(self.newest.evaluated_date, self.snoozed_until_date)

    @property
    def state(self) -> str:
        """open, acknowledged, snoozed, resolved or closed."""
        if self.resolved_date is not None:
            return "resolved"
        if self.is_closed:
            return "closed"
        if self.is_snoozed:
            return "snoozed"
        return "acknowledged" if self.acknowledged_by is not None else "open"


def is_covered(night: date, until: date | None) -> bool:
    """Tell whether a night's message would be read before a snooze ends.

    >>> is_covered(date(2026, 11, 5), date(2026, 11, 6)), is_covered(date(2026, 11, 5), date(2026, 11, 7))
    (False, True)
    """
    return until is not None and night + MORNING_AFTER < until


def snooze_to_remind_of(actions: Iterable[Action]) -> date | None:
    """Name the day on which a snooze ends that nobody answered since: who took the alert on needs no reminder."""
    until: date | None = None
    for action in actions:
        until = action.until if action.action == "snooze" else None
    return until


@dataclass(frozen=True, slots=True)
class Silence:
    """From which night on a change is told by another alert."""

    by: str
    since: date


@dataclass(frozen=True, slots=True)
class Told:
    """All alerts about targets, oldest first, and which changes are told by another alert."""

    alerts: Sequence[Alert]
    silences: Mapping[str, Silence]


def first_teller(silences: Mapping[str, Silence], alert_id: str) -> str:
    """Follow who tells whom to the alert that no other one tells. It ends: each was silenced by one that was heard then."""
    while alert_id in silences:
        alert_id = silences[alert_id].by
    return alert_id


@dataclass(slots=True)
class _Book:
    """Alerts by id, which one is active per KPI, period and scope, and the changes that others tell."""

    parents: Mapping[ScopeKey, tuple[ScopeKey, ...]]
    actions: Mapping[str, Sequence[Action]]
    ended: Mapping[str, date] = field(default_factory=dict)
    stories: Sequence[Story] = ()
    alerts: dict[str, Alert] = field(default_factory=dict)
    active: dict[tuple[str, str, date, ScopeKey], str] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)


def replay_all(
    nights: Iterable[Night],
    stories: Sequence[Story],
    actions: Iterable[Action],
    parents: Mapping[ScopeKey, tuple[ScopeKey, ...]],
    *,
    ended: Mapping[str, date] | None = None,
) -> Told:
    """Live through all nights in order. `parents` names the scopes above each scope, nearest first.

    `ended` gives the day from which a KPI is no longer watched, because the team moved to another phase: a review closes its alerts.
    """
    by_alert: dict[str, list[Action]] = {}
    for action in sorted(actions, key=lambda row: row.acted_date):  # within a day in the order given
        by_alert.setdefault(action.alert_id, []).append(action)
    book = _Book(parents=parents, actions=by_alert, ended=ended or {}, stories=stories)
    ordered = sorted(nights, key=lambda row: (row.evaluated_date, _key(row)))
    by_day = {day: list(rows) for day, rows in groupby(ordered, key=lambda row: row.evaluated_date)}
    for day in sorted({*by_day, *(story.opened_date for story in stories)}):
        _close_what_ended(book, day)
        for kind in SCOPE_ORDER:  # what is heard above silences what is below
            rows = [night for night in by_day.get(day, ()) if night.scope[0] == kind]
            for night in sorted(rows, key=lambda row: _precedence(book, row)):
                _live(book, night)
            _silence_changes(book, kind, day)
    shown = [_with_actions(book, alert, until=date.max) for alert in book.alerts.values()]
    return Told(sorted(shown, key=lambda alert: (alert.opening.evaluated_date, alert.alert_id)), book.silences)


def _precedence(book: _Book, night: Night) -> tuple[int, date]:
    """Put the worst first, then what was heard first: it tells what the others of its story would."""
    alert = _active(book, night, night.scope)
    severities = [SEVERITY.get(night.state, 0), SEVERITY[alert.worst_state] if alert else 0]
    return -max(severities), (alert.heard_since if alert else None) or date.max


def _live(book: _Book, night: Night) -> None:
    """Move the scope's active alert on by one night, or open one. Without a judgement nothing changes: alerts are held."""
    alert = _active(book, night, night.scope)
    if night.state not in SEVERITY:
        return
    if alert is not None and _is_reviewed(alert, night):
        _store(book, replace(alert, is_closed=True, closed_date=night.evaluated_date, closed_why="target_reset"))
        alert = None
    if alert is not None and _is_over(alert, night):
        _store(book, _notify(book, replace(_moved(alert, night), resolved_date=night.evaluated_date), is_event=True))
        alert = None
    if _severity(night) == 0:
        return
    if alert is None:
        if _is_news(book, night):
            _open(book, night)
        return
    is_worse = _severity(night) > SEVERITY[alert.worst_state]  # worse than ever: swinging back is no news
    alert = _moved(alert, night)
    if is_worse:
        alert = replace(alert, worsened_date=night.evaluated_date, worst_state=night.state)
    _store(book, _notify(book, alert, is_event=is_worse))


def _open(book: _Book, night: Night) -> None:
    alert_id = ":".join((night.kpi_id, *night.scope, night.period_start.isoformat(), night.evaluated_date.isoformat()))
    if alert_id in book.alerts:  # resolved and turned to the other side in one night: ids stay unique
        alert_id = f"{alert_id}:{night.state}"
    alert = Alert(alert_id, opening=night, newest=night, divergence_state=night.state, worst_state=night.state)
    book.active[_key(night)], book.alerts[alert_id] = alert_id, alert
    _store(book, _notify(book, alert, is_event=True))


def _severity(night: Night) -> int:
    is_good_news = night.state == "ahead" and night.scope[0] not in REVIEWED_SCOPES
    return 0 if is_good_news else SEVERITY[night.state]


def _is_news(book: _Book, night: Night) -> bool:
    """Tell whether a state is worth a message: more than the noise of the own months, or explained by a change that is."""
    if night.evidence is None:
        return True
    is_good = night.state == "ahead"
    bar = THRESHOLDS["target", "team"] + (MORE_FOR_GOOD_NEWS if is_good else 0.0)
    if not is_good and _is_explained(book, night):
        bar = EXPLAINED_EVIDENCE
    return (night.evidence if is_good else -night.evidence) >= bar


def _is_explained(book: _Book, night: Night) -> bool:
    """Tell whether less of something is open, in the scope or above, that leads to less of this KPI."""
    scopes = (night.scope, *book.parents.get(night.scope, ()))
    open_ones = [row for row in book.stories if row.is_down and row.is_open_on(night.evaluated_date)]
    return any(row.scope in scopes and row.tells(night.kpi_id, None, night.evaluated_date) for row in open_ones)


def _is_reviewed(alert: Alert, night: Night) -> bool:
    """Tell whether people agreed on another target since it opened: the matter was reviewed."""
    return None not in (alert.opening.target, night.target) and alert.opening.target != night.target


def _is_over(alert: Alert, night: Night) -> bool:
    return _severity(night) == 0 or (night.state == "ahead") != alert.is_ahead


def _moved(alert: Alert, night: Night) -> Alert:
    return replace(alert, newest=night, divergence_state=night.state)


def _notify(book: _Book, alert: Alert, *, is_event: bool) -> Alert:
    """Say whether a message is due tonight: at an event, or when a silence ends over an alert nobody has heard of."""
    alert = _with_actions(book, alert, until=alert.newest.evaluated_date)
    silenced_by = _parent_alert(book, alert) or _told_by(book, alert)
    heard_since = alert.heard_since or (None if silenced_by else alert.newest.evaluated_date)
    alert = replace(alert, silenced_by=silenced_by, heard_since=heard_since)
    is_unheard = alert.notified_date is None and alert.is_active
    is_reminder = _is_reminder(book, alert)
    if silenced_by is not None or alert.is_snoozed or not (is_event or is_unheard or is_reminder):
        return alert
    if alert.resolved_date is not None and alert.notified_date is None:
        return alert  # nobody heard that it began
    tonight = alert.newest.evaluated_date
    return replace(alert, notified_date=tonight, reminded_date=tonight if is_reminder else alert.reminded_date)


def _is_reminder(book: _Book, alert: Alert) -> bool:
    """Tell whether a snooze has ended over an alert that still stands, and nobody was reminded since."""
    tonight = alert.newest.evaluated_date
    done = [row for row in book.actions.get(alert.alert_id, ()) if row.acted_date <= tonight]
    until = snooze_to_remind_of(done)
    if until is None or not alert.is_active or is_covered(tonight, until):
        return False
    return alert.reminded_date is None or is_covered(alert.reminded_date, until)


def _parent_alert(book: _Book, alert: Alert) -> str | None:
    """Name what tells of the same target above that points the same way; of the highest scope."""
    for scope in reversed(book.parents.get(alert.opening.scope, ())):
        parent = _active(book, alert.opening, scope)
        if parent is not None and parent.is_ahead == alert.is_ahead:
            return parent.silenced_by or parent.alert_id
    return None


def _told_by(book: _Book, alert: Alert) -> str | None:
    """Name the alert that tells the same story of another KPI or of a change, in the scope or above; None when it is heard itself."""
    night = alert.newest
    heads = [*_target_heads(book, night, is_ahead=alert.is_ahead), *_change_heads(book, night, is_ahead=alert.is_ahead)]
    return first_head(heads, severity=SEVERITY[alert.worst_state], since=alert.heard_since, alert_id=alert.alert_id)


def _target_heads(book: _Book, night: Night, *, is_ahead: bool) -> Iterator[Head]:
    for alert_id in book.active.values():
        other = book.alerts[alert_id]
        height = _height(book, night.scope, other.opening.scope)
        is_story = explains(other.opening.kpi_id, night.kpi_id) and is_one_cause(other.newest.cause, night.cause)
        if height is not None and other.is_ahead == is_ahead and is_story and _is_heard(other):
            yield Head(alert_id, SEVERITY[other.worst_state], other.heard_since or date.max, height)


def _change_heads(book: _Book, night: Night, *, is_ahead: bool) -> Iterator[Head]:
    day = night.evaluated_date
    for story in book.stories:
        height = _height(book, night.scope, story.scope)
        is_heard = story.is_open_on(day) and story.alert_id not in book.silences
        if height == 0 and story.opened_date == day:
            continue  # the target tells it the same night
        if (
            height is not None
            and is_heard
            and story.is_down != is_ahead
            and story.tells(night.kpi_id, night.cause, day)
        ):
            yield Head(story.alert_id, SEVERITY["at_risk"], story.opened_date, height)


def _is_heard(alert: Alert) -> bool:
    return alert.heard_since is not None and alert.silenced_by is None


def _height(book: _Book, scope: ScopeKey, other: ScopeKey) -> int | None:
    """Give how many levels `other` is above a scope; None when it is neither the scope nor above it."""
    line = (scope, *book.parents.get(scope, ()))
    return line.index(other) if other in line else None


def _silence_changes(book: _Book, kind: str, day: date) -> None:
    """Note which changes of a kind of scope are told, from this night on, by a target's alert or by the same change above."""
    for story in book.stories:
        if story.scope[0] == kind and story.is_open_on(day) and story.alert_id not in book.silences:
            heads = [*_heads_of_targets(book, story, day), *_heads_of_changes(book, story, day)]
            since = None if story.opened_date == day else story.opened_date
            by = first_head(heads, severity=SEVERITY["at_risk"], since=since, alert_id=story.alert_id)
            if by is not None:
                book.silences[story.alert_id] = Silence(by, day)


def _heads_of_targets(book: _Book, story: Story, day: date) -> Iterator[Head]:
    for alert_id in book.active.values():
        alert = book.alerts[alert_id]
        height = _height(book, story.scope, alert.opening.scope)
        if height is None or alert.is_ahead == story.is_down or not _is_heard(alert):
            continue
        if story.tells(alert.opening.kpi_id, alert.newest.cause, day):
            yield Head(alert_id, SEVERITY[alert.worst_state], alert.heard_since or date.max, height)


def _heads_of_changes(book: _Book, story: Story, day: date) -> Iterator[Head]:
    for other in book.stories:
        height = _height(book, story.scope, other.scope)
        is_heard = other.is_open_on(day) and other.alert_id not in book.silences
        if (
            height and is_heard and story.is_same(other, day)
        ):  # two changes of one scope are two stories: they did not join
            yield Head(other.alert_id, SEVERITY["at_risk"], other.opened_date, height)


def _with_actions(book: _Book, alert: Alert, *, until: date) -> Alert:
    """Apply what was done up to a day: what people do today must not change what last night was told."""
    for action in book.actions.get(alert.alert_id, ()):
        if action.acted_date > until:
            continue
        if action.action == "snooze":
            alert = replace(alert, snoozed_until_date=action.until)
        else:
            alert = replace(alert, acknowledged_by=action.by, acknowledged_why=action.why)
    return alert


def _store(book: _Book, alert: Alert) -> None:
    book.alerts[alert.alert_id] = alert
    if not alert.is_active:
        book.active.pop(_key(alert.opening), None)


def _close_what_ended(book: _Book, evaluated_date: date) -> None:
    """Close alerts whose period is over, or whose phase."""
    for alert_id in list(book.active.values()):
        alert = book.alerts[alert_id]
        period_end, ended = alert.opening.period_end, book.ended.get(alert.opening.kpi_id, date.max)
        if min(period_end, ended) <= evaluated_date:
            why = "phase_moved" if ended < period_end else "period_over"
            _store(book, replace(alert, is_closed=True, closed_date=evaluated_date, closed_why=why))


def _active(book: _Book, night: Night, scope: ScopeKey) -> Alert | None:
    alert_id = book.active.get((night.kpi_id, night.period_kind, night.period_start, scope))
    return None if alert_id is None else book.alerts[alert_id]


def _key(night: Night) -> tuple[str, str, date, ScopeKey]:
    return night.kpi_id, night.period_kind, night.period_start, night.scope
