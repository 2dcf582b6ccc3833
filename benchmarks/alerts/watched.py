"""What is watched of a simulated team: the same series, exposures and names as the product builds from its tables."""

from dataclasses import dataclass

import numpy as np

from benchmarks.alerts.simulate import Floats, Team, business_days, calendar_days
from models.statistics.changes import Series
from models.statistics.pace import day_weights

HISTORY_DAYS = 245  # business days of rhythm that the night knows
RAMP_DAYS = 60
REP_WINDOWS = (10, 20, 40)  # a rep on leave for a week has not stopped
SLOW_WINDOWS = (10, 20, 40)


@dataclass(frozen=True, slots=True)
class Watched:
    """One series with its place in the funnel: what happens upstream explains what happens downstream."""

    stage: str
    split: str
    part: str
    series: Series

    @property
    def name(self) -> str:
        return f"{self.stage}|{self.split}|{self.part}"


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


def full_time(team: Team) -> Floats:
    """Reps at work by their start dates, new ones counted by their ramp."""
    gone = np.arange(len(team.calls))[:, None] - np.array(team.started)[None, :]
    ramp = np.where(np.array(team.started)[None, :] == 0, 1.0, np.clip(0.3 + 0.7 * gone / RAMP_DAYS, 0.3, 1.0))
    return np.asarray(np.where(gone < 0, 0.0, ramp))


def watched(team: Team) -> list[Watched]:
    """Build all series of a team."""
    ramp = full_time(team)
    heads = ramp.sum(axis=1)
    by_team = {
        name: getattr(team, name).sum(axis=(1, 2)) for name in ("calls", "connects", "booked", "held_due", "valid")
    }
    weights = {name: pace_exposure(by_team[name]) * heads for name in ("calls", "booked")}
    found = [
        Watched("calls_made", "team", "team", Series("count", by_team["calls"], weights["calls"])),
        Watched("meetings_booked", "team", "team", Series("count", by_team["booked"], weights["booked"])),
        Watched("connect_rate", "team", "team", Series("rate", by_team["connects"], by_team["calls"])),
        Watched("valid_rate", "team", "team", Series("rate", by_team["valid"], by_team["held_due"])),
    ]
    by_source = {name: getattr(team, name).sum(axis=1) for name in ("calls", "connects", "booked", "held_due", "valid")}
    for source in range(team.calls.shape[2]):
        part = str(source)
        found += [
            Watched(
                "calls_made", "lead_source", part, Series("count", by_source["calls"][:, source], weights["calls"])
            ),
            Watched(
                "meetings_booked",
                "lead_source",
                part,
                Series("count", by_source["booked"][:, source], weights["booked"]),
            ),
            Watched(
                "connect_rate",
                "lead_source",
                part,
                Series("rate", by_source["connects"][:, source], by_source["calls"][:, source]),
            ),
            Watched(
                "valid_rate",
                "lead_source",
                part,
                Series("rate", by_source["valid"][:, source], by_source["held_due"][:, source]),
            ),
        ]
    for rep in range(team.calls.shape[1]):
        calls = team.calls[:, rep].sum(axis=1)
        if team.started[rep] == 0:
            exposure = weights["calls"] / heads
            found.append(Watched("calls_made", "rep", str(rep), Series("count", calls, exposure, REP_WINDOWS)))
    hazard = team.decided_by_age[40:245].sum(axis=0) / np.maximum(team.open_by_age[40:245].sum(axis=0), 1)
    due = (team.open_by_age * hazard).sum(axis=1)
    found.append(
        Watched("deals_won", "team", "team", Series("count", team.decided, np.maximum(due, 1e-9), SLOW_WINDOWS))
    )
    return found
