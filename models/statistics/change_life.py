"""Which signals make an alert, and which belong to one that is open already? A pure replay, night by night.

A signal opens an alert when it is beyond its threshold two nights in a row; it ends when every signal of the alert has been calm for a
week. What lies up or down the funnel of an open alert joins it: one story is one alert, and its strongest signal is its first cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

# Standard errors that a signal must be away from its expectation, by kind of series and split. Chosen on the tuning seeds of
# benchmarks/alerts so that a manager hears about one false alert a year, of the department and the own team together.
THRESHOLDS: Mapping[tuple[str, str], float] = {
    ("count", "team"): 4.4,
    ("count", "lead_source"): 5.2,
    ("count", "connection"): 6.0,  # two days of nothing, not one slow day
    ("count", "rep"): 7.3,  # people take leave: a week away must not look like a rep who stopped
    ("rate", "team"): 4.0,
    ("rate", "lead_source"): 4.0,
    ("pace", "team"): 3.0,
    ("definition", "definition"): 1.8,  # a known day: one question, not thousands
    ("target", "team"): 4.6,
}
MORE_FOR_GOOD_NEWS = 1.2  # more than expected needs no hurry
CALM = 2.0  # below it a signal is part of the everyday
CALM_NIGHTS = 5  # a week of calm ends an alert

# What a change at one stage explains, besides itself: its shadow further down the funnel.
EXPLAINS: Mapping[str, frozenset[str]] = {
    "calls_made": frozenset({"meetings_booked", "valid_meetings"}),
    "connect_rate": frozenset({"meetings_booked", "valid_meetings"}),
    "meetings_booked": frozenset({"valid_meetings"}),
    "valid_rate": frozenset({"valid_meetings"}),
    "no_show_rate": frozenset({"valid_meetings", "meetings_held"}),
    "deals_won": frozenset({"won_amount"}),
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One series on one night: how far it is from what is expected, and how far it was the business day before."""

    evaluated_date: date
    kind: str
    stage: str
    split: str
    part: str
    score: float
    score_before: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the series within its scope."""
        return self.stage, self.split, self.part

    @property
    def is_down(self) -> bool:
        """Less than expected."""
        return self.score < 0

    @property
    def threshold(self) -> float:
        """Standard errors that open an alert."""
        bar = THRESHOLDS[self.kind, self.split]
        return bar if self.is_down else bar + MORE_FOR_GOOD_NEWS

    @property
    def strength(self) -> float:
        """Score in units of its threshold: comparable between series."""
        return abs(self.score) / self.threshold

    @property
    def is_loud(self) -> bool:
        """Beyond the threshold on two nights in a row, on the same side."""
        return min(abs(self.score), abs(self.score_before)) >= self.threshold and self.score * self.score_before > 0


@dataclass(slots=True)
class ChangeAlert:
    """One story: the signals that belong to it and its life."""

    opening: Signal
    cause: Signal
    members: dict[tuple[str, str, str], Signal] = field(default_factory=dict)
    joined: dict[tuple[str, str, str], date] = field(default_factory=dict)
    worsened_date: date | None = None
    resolved_date: date | None = None
    calm_nights: int = 0

    @property
    def is_active(self) -> bool:
        """Not over."""
        return self.resolved_date is None


def follow(nights: Iterable[tuple[date, Sequence[Signal]]]) -> list[ChangeAlert]:
    """Live through the nights of one scope, oldest first. Signals that are missing from a night are calm."""
    alerts: list[ChangeAlert] = []
    for evaluated_date, signals in nights:
        active = [alert for alert in alerts if alert.is_active]
        if not active and not any(signal.is_loud for signal in signals):
            continue
        _move_on(active, signals, evaluated_date)
        for signal in sorted(signals, key=lambda row: (-row.strength, row.key)):
            if signal.is_loud:
                _join_or_open(alerts, signal)
    return alerts


def _move_on(active: Sequence[ChangeAlert], signals: Sequence[Signal], evaluated_date: date) -> None:
    known = {signal.key: signal for signal in signals}
    for alert in active:
        tonight = [known[key] for key in alert.members if key in known]
        is_calm = all(abs(signal.score) < CALM or signal.is_down != alert.opening.is_down for signal in tonight)
        alert.calm_nights = alert.calm_nights + 1 if is_calm else 0
        if alert.calm_nights >= CALM_NIGHTS:
            alert.resolved_date = evaluated_date
            continue
        for signal in tonight:
            alert.members[signal.key] = signal


def _join_or_open(alerts: list[ChangeAlert], signal: Signal) -> None:
    for alert in alerts:
        if alert.is_active and alert.opening.is_down == signal.is_down and _is_same_story(alert, signal):
            is_new = signal.key not in alert.members
            alert.members[signal.key] = signal
            alert.joined.setdefault(signal.key, signal.evaluated_date)
            if signal.strength > alert.cause.strength or signal.key == alert.cause.key:
                if is_new:
                    alert.worsened_date = signal.evaluated_date
                alert.cause = signal
            return
    joined = {signal.key: signal.evaluated_date}
    alerts.append(ChangeAlert(opening=signal, cause=signal, members={signal.key: signal}, joined=joined))


def explains(stage: str, other: str) -> bool:
    """Tell whether two stages tell one story: the same, or one up the funnel of the other."""
    return stage == other or other in EXPLAINS.get(stage, ()) or stage in EXPLAINS.get(other, ())


def _is_same_story(alert: ChangeAlert, signal: Signal) -> bool:
    segment = signal.key[1:]
    return any(
        explains(stage, signal.stage) or (split != "team" and (split, part) == segment)
        for stage, split, part in alert.members
    )
