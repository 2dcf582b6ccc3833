"""The rules that are compared: ours, night by night, and four that teams use today."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.alerts.simulate import DEPARTMENT, VERDICT_LAG, Department, Floats, ScopeKey, business_days
from benchmarks.alerts.targets import TARGETS, first_judged, month_target, target_nights
from benchmarks.alerts.watched import Watched, definition_scores, nightly_scores, pace_weights
from models.kpi.change_alerts import ScopedChange
from models.statistics.alert_life import Alert, Silence, replay_all
from models.statistics.change_life import CALM, Signal, follow
from models.statistics.changes import Series

Scoped = dict[ScopeKey, list[Watched]]
OPENED, WORSENED, RESOLVED = "opened", "worsened", "resolved"


@dataclass(frozen=True, slots=True)
class Fired:
    """One message of one rule; `day` is the business day of the night, `cause` what it names first, as split:part:effect."""

    day: int
    scope: ScopeKey
    stage: str
    cause: str | None
    is_down: bool
    event: str = OPENED


# --- ours -------------------------------------------------------------------------------------------------------------


def ours(department: Department, series: Scoped) -> list[Fired]:
    """Live through the judged year with the rules of models/statistics: what is heard, not what is found."""
    changes = [change for scope in series for change in _changes(department, scope, series[scope])]
    stories = [change.story for change in changes]
    parents = {scope: (DEPARTMENT,) for scope in series if scope != DEPARTMENT}
    for scope in list(parents):
        for rep in department.scopes[scope].reps:
            parents["rep", str(rep)] = (scope, DEPARTMENT)
    nights = target_nights(department, pace_weights(department), stories, parents)
    told = replay_all(nights, stories, (), parents)
    causes = {(night.kpi_id, night.scope, night.evaluated_date): night.cause for night in nights}
    fired = [row for alert in told.alerts for row in _of_target(alert, causes)]
    return fired + [row for change in changes for row in _of_change(change, told.silences.get(change.alert_id))]


def _of_target(alert: Alert, causes: Mapping[object, str | None]) -> Iterator[Fired]:
    if alert.heard_since is None:
        return
    days, opening = business_days(), alert.opening
    events = {OPENED: alert.heard_since, WORSENED: alert.worsened_date, RESOLVED: alert.resolved_date}
    for event, day in events.items():
        if day is None or (event != OPENED and (alert.silenced_by is not None or day <= alert.heard_since)):
            continue
        cause = causes[opening.kpi_id, opening.scope, day]
        yield Fired(days.index(day), opening.scope, opening.kpi_id, cause, not alert.is_ahead, event)


def _of_change(change: ScopedChange, silence: Silence | None) -> Iterator[Fired]:
    days, alert = business_days(), change.alert
    events = {OPENED: alert.opening.evaluated_date, WORSENED: alert.worsened_date, RESOLVED: alert.resolved_date}
    first = ScopedChange(change.scope, replace(alert, cause=alert.opening))
    for event, day in events.items():
        if day is not None and (silence is None or day < silence.since):
            told = first if event == OPENED else change
            stage, is_down = told.alert.cause.stage, alert.opening.is_down
            yield Fired(days.index(day), change.scope, stage, told.cause, is_down, event)


def _changes(department: Department, scope: ScopeKey, series: Sequence[Watched]) -> Iterator[ScopedChange]:
    change = department.change
    definition_day = change.day + VERDICT_LAG if change and change.kind == "definition" else None
    rows = [(item, nightly_scores(item, definition_day)) for item in series]
    if definition_day is not None:
        rate = next(item for item in series if (item.stage, item.split) == ("valid_rate", "team"))
        item = Watched("valid_rate", "definition", "v2", rate.series, "definition")
        rows.append((item, definition_scores(rate.series, definition_day)))
    days, matrix = business_days(), np.stack([scores for _, scores in rows])
    nights = [
        (days[day], [_signal(*rows[place], day) for place in np.flatnonzero(np.abs(matrix[:, day]) >= CALM)])
        for day in range(first_judged(), len(days))
    ]
    for alert in follow(nights):
        yield ScopedChange(scope, alert)


def _signal(item: Watched, scores: Floats, day: int) -> Signal:
    score, before = float(scores[day]), float(scores[day - 1])
    return Signal(business_days()[day], item.kind, item.stage, item.split, item.part, score, before)


# --- theirs -----------------------------------------------------------------------------------------------------------


def straight_line(department: Department, _: Scoped) -> list[Fired]:
    """Below 90 % of the target by calendar days gone, from the fifth calendar day on; once a month, scope and KPI."""
    days, start, fired = business_days(), first_judged(), []
    for scope, team in department.scopes.items():
        for stage, name in TARGETS.items():
            counts = getattr(team, name).sum(axis=(1, 2))
            target = month_target(counts, department.target_factor)
            told, so_far = None, 0.0
            for day in range(start, len(days)):
                so_far = counts[day] if days[day].month != days[day - 1].month else so_far + counts[day]
                is_behind = days[day].day >= 5 and so_far < 0.9 * target * days[day].day / 30.4
                if is_behind and told != days[day].month:
                    told = days[day].month
                    fired.append(Fired(day, scope, stage, None, is_down=True))
    return fired


def last_month(_: Department, series: Scoped) -> list[Fired]:
    """This month against the last one, at 5 %, as if counts were Poisson and rates binomial."""
    days, fired = business_days(), []
    ends = [i for i in range(first_judged(), len(days) - 1) if days[i].month != days[i + 1].month]
    for scope, item in _each(series):
        for end in ends:
            months = [_month_sums(item.series, end, back) for back in (0, 1)]
            score = _two_sample(item.series.kind, *months)
            if abs(score) > 1.96:
                fired.append(_fired(end, scope, item, is_down=score < 0))
    return fired


def poisson_chart(_: Department, series: Scoped) -> list[Fired]:
    """Weekly counts (rates: p-chart) outside three sigma of the half year before."""
    return [fired for scope, item in _each(series) for fired in _weekly(scope, item, is_xmr=False)]


def xmr_chart(_: Department, series: Scoped) -> list[Fired]:
    """Weekly values outside 2.66 mean moving ranges of the half year before."""
    return [fired for scope, item in _each(series) for fired in _weekly(scope, item, is_xmr=True)]


def _each(series: Scoped) -> Iterator[tuple[ScopeKey, Watched]]:
    return ((scope, item) for scope, items in series.items() for item in items)


def _fired(day: int, scope: ScopeKey, item: Watched, *, is_down: bool) -> Fired:
    split, part = ("funnel", item.stage) if item.split == "team" else (item.split, item.part)
    return Fired(day, scope, item.stage, f"{split}:{part}:rate", is_down)


def _month_sums(series: Series, end: int, back: int) -> tuple[float, float]:
    days = business_days()
    month = (days[end].year * 12 + days[end].month) - back
    chosen = [i for i in range(max(end - 60, 0), end + 1) if days[i].year * 12 + days[i].month == month]
    return float(series.observed[chosen].sum()), float(series.exposure[chosen].sum())


def _two_sample(kind: str, now: tuple[float, float], before: tuple[float, float]) -> float:
    if kind == "count":
        return (now[0] - before[0]) / max(now[0] + before[0], 1) ** 0.5
    rate = (now[0] + before[0]) / max(now[1] + before[1], 1)
    noise = rate * (1 - rate) * (1 / max(now[1], 1) + 1 / max(before[1], 1))
    return (now[0] / max(now[1], 1) - before[0] / max(before[1], 1)) / max(noise, 1e-9) ** 0.5


def _weekly(scope: ScopeKey, item: Watched, *, is_xmr: bool) -> Iterator[Fired]:
    start, length = first_judged(), len(item.series.observed)
    ends = range(start % 5 + 4, length, 5)
    hits = np.array([item.series.observed[end - 4 : end + 1].sum() for end in ends])
    cases = np.array([item.series.exposure[end - 4 : end + 1].sum() for end in ends])
    is_rate = item.series.kind == "rate"
    values = hits / np.maximum(cases, 1) if is_rate else hits
    was_out = False
    for week, end in enumerate(ends):
        if end < start or week < 26:
            continue
        past = values[week - 26 : week]
        centre = hits[week - 26 : week].sum() / max(cases[week - 26 : week].sum(), 1) if is_rate else past.mean()
        if is_xmr:
            width = 2.66 * np.abs(np.diff(past)).mean()
        else:
            width = 3 * (centre * (1 - centre) / max(cases[week], 1) if is_rate else centre) ** 0.5
        is_out = abs(values[week] - centre) > width
        if is_out and not was_out:
            yield _fired(end, scope, item, is_down=bool(values[week] < centre))
        was_out = bool(is_out)
