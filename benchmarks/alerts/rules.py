"""The rules that are compared: ours, night by night, and four that teams use today."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.alerts.simulate import JUDGED_FROM, Floats, Team, business_days
from benchmarks.alerts.watched import Watched, pace_exposure
from models.statistics.change_life import CALM, ChangeAlert, Signal, follow
from models.statistics.changes import Series, scan, scan_since, score_against
from models.statistics.forecast import History, Standing, Week, forecast_count

TARGETS = {"meetings_booked": "booked", "valid_meetings": "valid"}
MONTH_DAYS = 245 / 12
STATE_P_REACH = 0.40


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert of one rule; `day` is the business day of the night."""

    day: int
    stage: str
    split: str
    part: str
    is_down: bool


def first_judged() -> int:
    return next(index for index, day in enumerate(business_days()) if day >= JUDGED_FROM)


# --- ours -------------------------------------------------------------------------------------------------------------


def ours(team: Team, series: Sequence[Watched]) -> list[Fired]:
    """Live through the judged year with the rules of models/statistics."""
    rows = [(item, *_scores(item)) for item in series]
    rows += _definition_rows(team, series)
    rows += list(_target_rows(team))
    fired = []
    for alert in follow(_nights(rows)):
        fired += _as_fired(alert)
    return fired


def _as_fired(alert: ChangeAlert) -> Iterator[Fired]:
    days = business_days()
    yield Fired(days.index(alert.opening.evaluated_date), *alert.opening.key, alert.opening.is_down)
    if alert.worsened_date is not None:
        yield Fired(days.index(alert.worsened_date), *alert.cause.key, alert.cause.is_down)


def _scores(item: Watched) -> tuple[str, Floats]:
    found = scan(item.series)
    kind = "pace" if item.stage == "deals_won" else item.series.kind
    low, high = np.nan_to_num(found.low), np.nan_to_num(found.high)
    if item.split != "team" or kind == "pace":
        return kind, np.minimum(low, 0)  # more of one source or rep is nobody's alarm
    return kind, np.where(-low >= high, low, high)


def _definition_rows(team: Team, series: Sequence[Watched]) -> list[tuple[Watched, str, Floats]]:
    if team.change is None or team.change.kind != "definition":
        return []
    rate = next(item for item in series if item.stage == "valid_rate" and item.split == "team")
    scores = np.nan_to_num(scan_since(rate.series, team.change.day))
    scores[team.change.day + 60 :] = 0.0
    return [(Watched("valid_rate", "definition", "v2", rate.series), "definition", np.minimum(scores, 0))]


def _target_rows(team: Team) -> Iterator[tuple[Watched, str, Floats]]:
    for stage, name in TARGETS.items():
        counts = getattr(team, name).sum(axis=(1, 2))
        weights = pace_exposure(counts)
        target = month_target(counts, team.target_factor)
        series = Series("count", counts, weights)
        score = np.nan_to_num(score_against(series, due_by_day(weights, target)))
        for day in np.flatnonzero(np.abs(score) > CALM):
            if day < first_judged() or not _is_state(counts, weights, target, int(day), is_down=score[day] < 0):
                score[day] = 0.0
        yield Watched(stage, "target", "target", series), "target", score


def month_target(counts: Floats, factor: float) -> float:
    """A month's target: what the year before gave, times how ambitious the team is."""
    start = first_judged()
    return float(counts[40:start].sum() / (start - 40) * MONTH_DAYS * factor)


def due_by_day(weights: Floats, target: float) -> Floats:
    months = np.array([day.year * 12 + day.month for day in business_days()])
    totals = np.bincount(months - months[0], weights)
    return np.asarray(target * weights / totals[months - months[0]])


def _is_state(counts: Floats, weights: Floats, target: float, day: int, *, is_down: bool) -> bool:
    """Is the target at risk (or as good as reached) by the forecast of that night?"""
    days = business_days()
    month = [i for i, other in enumerate(days) if (other.year, other.month) == (days[day].year, days[day].month)]
    so_far, left = counts[month[0] : day + 1].sum(), weights[day + 1 : month[-1] + 1].sum()
    starts = range(day - 5 * 44 + 1, day + 1, 5)
    weeks = tuple(Week(float(counts[max(i, 0) : i + 5].sum()), float(weights[max(i, 0) : i + 5].sum())) for i in starts)
    history = History(recent=weeks[-8:], earlier=weeks[:-8])
    reach = forecast_count(Standing(numerator=float(so_far), target=target, weight_left=float(left)), history).p_reach
    return reach < STATE_P_REACH if is_down else reach > 0.95


def _nights(rows: Sequence[tuple[Watched, str, Floats]]) -> Iterator[tuple[object, list[Signal]]]:
    days, start = business_days(), first_judged()
    matrix = np.stack([scores for _, _, scores in rows])
    for day in range(start, len(days)):
        near = np.flatnonzero(np.abs(matrix[:, day]) >= CALM)
        yield days[day], [_signal(rows[i], day) for i in near]


def _signal(row: tuple[Watched, str, Floats], day: int) -> Signal:
    item, kind, scores = row
    split = "team" if kind == "target" else item.split
    return Signal(business_days()[day], kind, item.stage, split, item.part, float(scores[day]), float(scores[day - 1]))


# --- theirs -----------------------------------------------------------------------------------------------------------


def straight_line(team: Team, _: Sequence[Watched]) -> list[Fired]:
    """Below 90 % of the target by calendar days gone, from the fifth calendar day on; once a month and KPI."""
    days, start, fired = business_days(), first_judged(), []
    for stage, name in TARGETS.items():
        counts = getattr(team, name).sum(axis=(1, 2))
        target = month_target(counts, team.target_factor)
        told, so_far = None, 0.0
        for day in range(start, len(days)):
            so_far = counts[day] if days[day].month != days[day - 1].month else so_far + counts[day]
            is_behind = days[day].day >= 5 and so_far < 0.9 * target * days[day].day / 30.4
            if is_behind and told != days[day].month:
                told = days[day].month
                fired.append(Fired(day, stage, "team", "target", is_down=True))
    return fired


def last_month(team: Team, series: Sequence[Watched]) -> list[Fired]:
    """This month against the last one, at 5 %, as if counts were Poisson and rates binomial."""
    del team
    days, fired = business_days(), []
    ends = [i for i in range(first_judged(), len(days) - 1) if days[i].month != days[i + 1].month]
    for item in series:
        for end in ends:
            months = [_month_sums(item.series, end, back) for back in (0, 1)]
            score = _two_sample(item.series.kind, *months)
            if abs(score) > 1.96:
                fired.append(Fired(end, item.stage, item.split, item.part, is_down=score < 0))
    return fired


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


def poisson_chart(team: Team, series: Sequence[Watched]) -> list[Fired]:
    """Weekly counts (rates: p-chart) outside three sigma of the half year before."""
    del team
    return [fired for item in series for fired in _weekly(item, is_xmr=False)]


def xmr_chart(team: Team, series: Sequence[Watched]) -> list[Fired]:
    """Weekly values outside 2.66 mean moving ranges of the half year before."""
    del team
    return [fired for item in series for fired in _weekly(item, is_xmr=True)]


def _weekly(item: Watched, *, is_xmr: bool) -> Iterator[Fired]:
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
            yield Fired(end, item.stage, item.split, item.part, is_down=bool(values[week] < centre))
        was_out = bool(is_out)
