"""How do the targets of a simulated department stand each night, and what is the first cause? As the product evaluates them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from benchmarks.alerts.simulate import JUDGED_FROM, VERDICT_LAG, Department, Floats, ScopeKey, Team, business_days
from models.kpi.cause_gaps import RATE_DISPERSION
from models.kpi.daily_history import BLOCK_DAYS, EARLIER_BLOCKS, RECENT_BLOCKS
from models.statistics.alert_life import EXPLAINED_EVIDENCE, Night
from models.statistics.causes import Noise, Part, Segment, rank_parts, split_count, split_funnel
from models.statistics.change_life import MORE_FOR_GOOD_NEWS, THRESHOLDS
from models.statistics.changes import Series, score_against
from models.statistics.dispersion import estimate_dispersion
from models.statistics.divergence import Evaluation, State, lack_of_data, next_state
from models.statistics.divergence import Standing as Seen
from models.statistics.forecast import Forecast, History, Standing, Week, forecast_count
from models.statistics.stories import Story

TARGETS = {"meetings_booked": "booked", "valid_meetings": "valid"}
REP_TARGETS = ("valid_meetings",)
MONTH_DAYS = 245 / 12
LEAST_SAMPLE = 20
BASELINE_DAYS, BASELINE_GAP = 62, 41  # three and two months of business days, as models/kpi/causes.py compares
FUNNEL = ("calls_made", "connects_per_call", "booked_per_connect", "held_per_booked", "valid_per_held")
Parents = Mapping[ScopeKey, tuple[ScopeKey, ...]]


@dataclass(frozen=True, slots=True)
class Watch:
    """One target: its counts, the rhythm, what is due each day, and the standard errors that the last months are away from it."""

    kpi_id: str
    scope: ScopeKey
    team: Team | None  # None for a rep: causes are those of the scopes above
    counts: Floats
    weights: Floats
    target: float
    evidence: Floats


def first_judged() -> int:
    """Give the index of the first night that counts."""
    return next(index for index, day in enumerate(business_days()) if day >= JUDGED_FROM)


def month_target(counts: Floats, factor: float) -> float:
    """A month's target: what the year before gave, times how ambitious the department is."""
    start = first_judged()
    return float(counts[40:start].sum() / (start - 40) * MONTH_DAYS * factor)


def target_nights(
    department: Department, weights: Mapping[str, Floats], stories: Sequence[Story], parents: Parents
) -> list[Night]:
    """Evaluate each night of the months in which a target could be told of; in all others none can."""
    return [night for watch in _watches(department, weights) for night in _nights(watch, department, stories, parents)]


def _watches(department: Department, weights: Mapping[str, Floats]) -> Iterator[Watch]:
    for scope, team in department.scopes.items():
        for kpi_id, name in TARGETS.items():
            by_rep = getattr(team, name).sum(axis=2)
            yield _watch(kpi_id, scope, team, by_rep.sum(axis=1), weights[name], department)
            if scope[0] == "team" and kpi_id in REP_TARGETS:
                for place, rep in enumerate(team.reps):
                    if team.started[place] == 0:
                        yield _watch(kpi_id, ("rep", str(rep)), None, by_rep[:, place], weights[name], department)


def _watch(
    kpi_id: str, scope: ScopeKey, team: Team | None, counts: Floats, weights: Floats, department: Department
) -> Watch:
    target = month_target(counts, department.target_factor)
    score = np.nan_to_num(score_against(Series("count", counts, weights), _due_by_day(weights, target)))
    return Watch(kpi_id, scope, team, counts, weights, target, score)


def _due_by_day(weights: Floats, target: float) -> Floats:
    months = _months()
    return np.asarray(target * weights / np.bincount(months, weights)[months])


def _months() -> np.ndarray:
    months = np.array([day.year * 12 + day.month for day in business_days()])
    return months - months[0]


def _nights(watch: Watch, department: Department, stories: Sequence[Story], parents: Parents) -> Iterator[Night]:
    months = _months()
    for month in range(int(months[first_judged()]), int(months[-1]) + 1):
        places = np.flatnonzero(months == month)
        if _can_be_told(watch, places, stories, parents):
            yield from _month(watch, places, department)


def _can_be_told(watch: Watch, places: np.ndarray, stories: Sequence[Story], parents: Parents) -> bool:
    """Tell whether the evidence suffices on any night, alone or with a change that explains it (see models/statistics/alert_life.py)."""
    bar = THRESHOLDS["target", "team"]
    evidence = watch.evidence[places]
    if (evidence <= -bar).any() or (watch.scope[0] != "rep" and (evidence >= bar + MORE_FOR_GOOD_NEWS).any()):
        return True
    scopes, days = (watch.scope, *parents.get(watch.scope, ())), business_days()
    return any(
        story.scope in scopes
        and story.is_down
        and story.is_open_on(days[place])
        and story.tells(watch.kpi_id, None, days[place])
        for place in places[evidence <= -EXPLAINED_EVIDENCE]
        for story in stories
    )


def _month(watch: Watch, places: np.ndarray, department: Department) -> Iterator[Night]:
    days, first, total = business_days(), int(places[0]), float(watch.weights[places].sum())
    start = days[first].replace(day=1)
    end = (start + timedelta(days=32)).replace(day=1)
    seen: Seen | None = None
    for place in map(int, places):
        gone = float(watch.weights[first : place + 1].sum())
        so_far = float(watch.counts[first : place + 1].sum())
        due = watch.target * gone / total
        forecast = _forecast(watch, place, so_far, total - gone)
        state, is_explained = "too_little_data", False
        if lack_of_data(forecast, share_gone=gone / total, least_sample=LEAST_SAMPLE) is None:
            evaluation = Evaluation(forecast.p_reach, is_on_pace=so_far >= due)
            before = seen or Seen(State.ON_TRACK, Evaluation(0.5, is_on_pace=True))
            seen = Seen(next_state(before, evaluation), evaluation)
            state = seen.state.value
            is_explained = seen.state in (State.AT_RISK, State.OFF, State.AHEAD) and watch.team is not None
        yield Night(
            watch.kpi_id,
            "month",
            start,
            end,
            watch.scope,
            days[place],
            state,
            so_far - due,
            forecast.p_reach,
            float(watch.evidence[place]),
            watch.target,
            _first_cause(watch, first, place, so_far - due, department) if is_explained else None,
        )


def _forecast(watch: Watch, place: int, so_far: float, left: float) -> Forecast:
    starts = range(place + 1 - BLOCK_DAYS * (RECENT_BLOCKS + EARLIER_BLOCKS), place + 1, BLOCK_DAYS)
    blocks = [slice(max(start, 0), start + BLOCK_DAYS) for start in starts if start >= 0]
    weeks = tuple(Week(float(watch.counts[block].sum()), float(watch.weights[block].sum())) for block in blocks)
    history = History(recent=weeks[-RECENT_BLOCKS:], earlier=weeks[:-RECENT_BLOCKS])
    return forecast_count(Standing(numerator=so_far, target=watch.target, weight_left=left), history)


def _first_cause(watch: Watch, first: int, place: int, gap: float, department: Department) -> str | None:
    """Name the first significant cause by the product's own split of the gap."""
    assert watch.team is not None
    now = slice(first, place + 1)
    end = min(first, place + 1 - BASELINE_GAP)
    before = slice(end - BASELINE_DAYS, end)
    weights = watch.weights
    weeks = [slice(start, start + 5) for start in range(before.start, before.stop - 4, 5)]
    dispersion = estimate_dispersion(
        [float(watch.counts[week].sum()) for week in weeks], [float(weights[week].sum()) for week in weeks]
    )
    noise = Noise(float(weights[now].sum() / weights[before].sum()), dispersion.value, RATE_DISPERSION)
    parts = _parts(watch, now, before, gap, noise, department)
    first_part = next((part for part in rank_parts(parts, gap=gap) if part.rank == 1), None)
    return None if first_part is None else f"{first_part.split}:{first_part.part}:{first_part.effect}"


def _parts(watch: Watch, now: slice, before: slice, gap: float, noise: Noise, department: Department) -> list[Part]:
    team = watch.team
    assert team is not None
    is_valid = watch.kpi_id == "valid_meetings"
    change = department.change
    is_new = is_valid and change is not None and change.kind == "definition" and before.start < change.day + VERDICT_LAG
    redefined = team.redefined * is_new
    stages = (team.calls, team.connects, team.booked, team.judged, team.valid)[: 5 if is_valid else 3]
    names = FUNNEL[: len(stages)]
    sums = [
        {name: float(stage[span].sum()) for name, stage in zip(names, stages, strict=True)} for span in (now, before)
    ]
    parts = split_funnel(*sums, gap=gap, noise=noise, redefined=float(redefined[now].sum()))
    hits, cases = (team.valid, team.judged) if is_valid else (team.booked, np.zeros_like(team.booked))
    for split, axis, labels in (("lead_source", 1, range(hits.shape[2])), ("rep", 2, team.reps)):
        figures = [values[span].sum(axis=0).sum(axis=axis - 1) for values in (hits, cases) for span in (now, before)]
        changed = redefined[now].sum(axis=0).sum(axis=axis - 1)
        segments = [
            Segment(str(label), *(float(row[place]) for row in _in_order(figures)), redefined=float(changed[place]))
            for place, label in enumerate(labels)
        ]
        parts += split_count(split, segments, gap=gap, noise=noise, has_rate=is_valid)
    return parts


def _in_order(figures: Sequence[Floats]) -> Sequence[Floats]:
    """Put hits and cases of now before those of the baseline."""
    hits_now, hits_before, cases_now, cases_before = figures
    return hits_now, cases_now, hits_before, cases_before
