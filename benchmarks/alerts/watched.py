"""What is watched of a simulated scope: the same series, exposures and names as the product builds from its tables."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.alerts.simulate import (
    DEPARTMENT,
    VERDICT_LAG,
    Department,
    Floats,
    ScopeKey,
    Team,
    business_days,
    calendar_days,
)
from models.kpi.changes import (
    CONNECTION_WINDOWS,
    DEFINITION_WATCH,
    RAMP_DAYS,
    RAMP_START,
    REP_WINDOWS,
    VERDICT_BUSINESS_DAYS,
)
from models.statistics.changes import Series, scan, scan_since
from models.statistics.pace import day_weights

HISTORY_DAYS = 245  # business days of rhythm that the night knows
SLOW_WINDOWS = (10, 20, 40)
RATES = {"connect_rate": ("connects", "calls"), "no_show_rate": ("held", "due"), "valid_rate": ("valid", "judged")}
COUNTS = {"calls_made": "calls", "meetings_booked": "booked"}


@dataclass(frozen=True, slots=True)
class Watched:
    """One series with its place in the funnel. `delay` is how many business days after the event a night has it."""

    stage: str
    split: str
    part: str
    series: Series
    kind: str
    delay: int = 0


def pace_exposure(counts: Floats, dispersion: float = 4.0) -> Floats:
    """Weights of each business day as the product has them on that day: re-estimated every month from the year before."""
    days, calendar = business_days(), calendar_days()
    weights = np.ones(len(days))
    starts = [index for index, day in enumerate(days) if index == 0 or day.month != days[index - 1].month]
    for start, stop in zip(starts, [*starts[1:], len(days)], strict=True):
        if start < 45:
            continue
        history = {days[i]: float(counts[i]) for i in range(max(0, start - HISTORY_DAYS), start)}
        known = [row for row in calendar if row.day <= days[stop - 1]]
        found = day_weights(known, history, history_end=days[start - 1], dispersion=dispersion)
        weights[start:stop] = [found[day] for day in days[start:stop]]
    return weights


def pace_weights(department: Department) -> dict[str, Floats]:
    """Give the rhythm of each KPI that is counted; it is the department's."""
    return {
        name: pace_exposure(getattr(department.whole, name).sum(axis=(1, 2))) for name in ("calls", "booked", "valid")
    }


def ramps(team: Team) -> Floats:
    """Count each rep by the day: new ones by their ramp."""
    gone = np.arange(len(team.calls))[:, None] - np.array(team.started)[None, :]
    ramp = np.clip(RAMP_START + (1 - RAMP_START) * gone / RAMP_DAYS, RAMP_START, 1.0)
    return np.asarray(np.where(gone < 0, 0.0, np.where(np.array(team.started)[None, :] == 0, 1.0, ramp)))


def watched(department: Department, weights: dict[str, Floats]) -> dict[ScopeKey, list[Watched]]:
    """Build all series of the department and its teams."""
    found = {scope: [*_of_team(scope, team, weights)] for scope, team in department.scopes.items()}
    for scope, team in department.scopes.items():
        if scope != DEPARTMENT:
            found[scope] += _of_reps(team, weights["calls"])
            series = Series("count", team.calls.sum(axis=(1, 2)), weights["calls"], CONNECTION_WINDOWS)
            found[DEPARTMENT].append(Watched("calls_made", "connection", scope[1], series, "count"))
    return found


def _of_team(scope: ScopeKey, team: Team, weights: dict[str, Floats]) -> Iterator[Watched]:
    heads = ramps(team).sum(axis=1)
    sources = range(team.calls.shape[2] if scope == DEPARTMENT else 0)
    for stage, name in COUNTS.items():
        counts, exposure = getattr(team, name).sum(axis=1), weights[name] * heads
        yield Watched(stage, "team", scope[1], Series("count", counts.sum(axis=1), exposure), "count")
        for source in sources:
            yield Watched(stage, "lead_source", str(source), Series("count", counts[:, source], exposure), "count")
    for stage, (hits_name, cases_name) in RATES.items():
        hits, cases = (getattr(team, name).sum(axis=1) for name in (hits_name, cases_name))
        delay = VERDICT_BUSINESS_DAYS - VERDICT_LAG if stage == "valid_rate" else 0
        yield Watched(stage, "team", scope[1], Series("rate", hits.sum(axis=1), cases.sum(axis=1)), "rate", delay)
        for source in sources:
            yield Watched(
                stage, "lead_source", str(source), Series("rate", hits[:, source], cases[:, source]), "rate", delay
            )
    deals = team.deals
    hazard = deals.decided_by_age[40:245].sum(axis=0) / np.maximum(deals.open_by_age[40:245].sum(axis=0), 1)
    due = (deals.open_by_age * hazard).sum(axis=1)
    series = Series("count", deals.decided, np.maximum(due, 1e-9), SLOW_WINDOWS)
    yield Watched("deals_won", "team", scope[1], series, "pace")


def _of_reps(team: Team, pace: Floats) -> Iterator[Watched]:
    for place, rep in enumerate(team.reps):
        if team.started[place] == 0:
            series = Series("count", team.calls[:, place].sum(axis=1), pace, REP_WINDOWS)
            yield Watched("calls_made", "rep", str(rep), series, "count")


def nightly_scores(item: Watched, definition_day: int | None) -> Floats:
    """Score the series on each night as the product does: less of one source or rep, more or less of a team."""
    found = scan(item.series)
    low, high = np.nan_to_num(found.low), np.nan_to_num(found.high)
    if definition_day is not None and item.stage == "valid_rate":  # what the former definition judged is no past
        start = definition_day
        series = item.series
        own = scan(replace(series, observed=series.observed[start:], exposure=series.exposure[start:]))
        low[start:], high[start:] = np.nan_to_num(own.low), np.nan_to_num(own.high)
    is_whole = item.split == "team" and item.kind != "pace"
    scores = np.where(-low >= high, low, high) if is_whole else np.minimum(low, 0)
    return later(scores, item.delay)


def definition_scores(series: Series, day: int) -> Floats:
    """Score what followed a new definition."""
    scores = np.minimum(np.nan_to_num(scan_since(series, day)), 0)
    scores[day + DEFINITION_WATCH :] = 0.0
    return later(scores, VERDICT_BUSINESS_DAYS - VERDICT_LAG)


def later(scores: Floats, nights: int) -> Floats:
    """Move scores to the night that has them."""
    return np.concatenate([np.zeros(nights), scores[: len(scores) - nights]])
