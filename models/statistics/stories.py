"""Which alerts tell one story? The same direction, a funnel that links their KPIs, and no two different causes.

Of all that tell one story one is heard: the one of the highest scope; within a scope the worst, then the one that was heard first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from models.statistics.change_life import explains

ScopeKey = tuple[str, str]  # scope kind and id
# What names no segment of the work contradicts no cause.
VAGUE_SPLITS = ("funnel", "definition", "connection", "data")


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a change: its KPI, the cause it names as split:part:effect, and the day it joined."""

    kpi_id: str
    cause: str
    joined_date: date


@dataclass(frozen=True, slots=True)
class Story:
    """A change of level, open from one night to another, with the series that joined it."""

    alert_id: str
    scope: ScopeKey
    is_down: bool
    opened_date: date
    resolved_date: date | None
    series: tuple[Series, ...]

    def is_open_on(self, day: date) -> bool:
        """Open on the night of `day`."""
        return self.opened_date <= day and (self.resolved_date is None or day < self.resolved_date)

    def known_on(self, day: date) -> Iterable[Series]:
        """Give what belonged to it that night: what joins later must not change what an earlier night was told."""
        return [row for row in self.series if row.joined_date <= day]

    def tells(self, kpi_id: str, cause: str | None, day: date) -> bool:
        """Tell whether what was known on `day` explains a KPI that names this cause itself."""
        return any(explains(row.kpi_id, kpi_id) and is_one_cause(row.cause, cause) for row in self.known_on(day))

    def is_same(self, other: "Story", day: date) -> bool:
        """Tell whether two changes are one: along the funnel, or in the same segment."""
        return self.is_down == other.is_down and any(
            explains(mine.kpi_id, theirs.kpi_id) or _is_same_segment(mine.cause, theirs.cause)
            for mine in self.known_on(day)
            for theirs in other.known_on(day)
        )


@dataclass(frozen=True, slots=True)
class Head:
    """An alert that is heard, as another one sees it."""

    alert_id: str
    severity: int
    since: date
    height: int  # levels above the other's scope

    def is_before(self, severity: int, since: date | None, alert_id: str) -> bool:
        """Tell whether it is heard instead of another of this severity, heard since (None: not yet)."""
        if self.height > 0:
            return True
        mine, other = (-self.severity, self.since, self.alert_id), (-severity, since or date.max, alert_id)
        return mine < other


def is_one_cause(cause: str | None, other: str | None) -> bool:
    """Tell whether two causes, as split:part:effect, may be one: nothing named is no contradiction.

    >>> is_one_cause("rep:r1:mix", "lead_source:list:rate"), is_one_cause("rep:r1:mix", "funnel:calls_made:factor")
    (False, True)
    """
    if cause is None or other is None:
        return True
    (split, part, effect), (other_split, other_part, other_effect) = (_parts(text) for text in (cause, other))
    if split in VAGUE_SPLITS or other_split in VAGUE_SPLITS:
        return True
    return part == other_part if split == other_split else effect == other_effect


def first_head(heads: Iterable[Head], *, severity: int, since: date | None, alert_id: str) -> str | None:
    """Name the alert that is heard instead of one of this severity; None when that one is heard itself."""
    found = [head for head in heads if head.alert_id != alert_id and head.is_before(severity, since, alert_id)]
    best = min(found, key=lambda head: (-head.height, -head.severity, head.since, head.alert_id), default=None)
    return None if best is None else best.alert_id


def _is_same_segment(cause: str, other: str) -> bool:
    split, part, _ = _parts(cause)
    return split != "funnel" and (split, part) == _parts(other)[:2]


def _parts(cause: str) -> tuple[str, str, str]:
    split, rest = cause.split(":", 1)
    part, effect = rest.rsplit(":", 1)
    return split, part, effect
