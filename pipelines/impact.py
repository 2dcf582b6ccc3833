"""What another version of a definition changes, read off the warehouse: moves, counts, KPIs, targets, and what became of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.periods import months_before
from definitions_contract.resolve import differences
from definitions_contract.schema import Agreement, Definition, Label
from models.kpi.impact import SIDES, Comparison, conversion, counts, moved_records, moves
from models.statistics.comparison import Difference, Share, difference, share_of
from models.tables import kpi_periods, reps
from pipelines.errors import NothingPublishedError
from pipelines.impact_targets import TouchedTarget, touched_targets
from pipelines.publish import DATABASE_NAME
from pipelines.settings import Settings

HORIZON_DAYS = 180  # a deal is won within half a year of its first meeting, or counts as not won
MONTHS_BACK = (
    24  # a yearly target needs 17 months in which nothing waits; a year and a half is old enough to have become deals
)
MOST_UNRECORDED = 0.25  # where more of a month's meetings lack an answer, its counts say how well people record


@dataclass(frozen=True, slots=True)
class Move:
    """Meetings with the same two verdicts and the same rules that move them."""

    before: str | None
    after: str | None
    rules: tuple[str, ...]
    meetings: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Count:
    """Verdicts of one month, team, rep or lead source under both versions."""

    key: str
    valid_before: int
    valid_after: int
    pending_before: int
    pending_after: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group of meetings: deals won within the horizon."""

    group: str  # stays_valid, moved, moved_unanswered, becomes_valid, never_valid
    won: Share
    against_staying: Difference | None


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that is known of a change before it is made."""

    name: str
    before: int
    after: int
    since: date
    as_of: date
    horizon_days: int
    differences: tuple[Label, ...]
    moves: tuple[Move, ...]
    by_month: tuple[Count, ...]
    by_team: tuple[Count, ...]
    by_rep: tuple[Count, ...]
    by_lead_source: tuple[Count, ...]
    targets: tuple[TouchedTarget, ...]
    settled_months: tuple[date, ...]
    outcomes: tuple[Outcome, ...]
    moved: tuple[Mapping[str, Any], ...]

    @property
    def meetings(self) -> int:
        """Meetings that either version counts."""
        return sum(move.meetings for move in self.moves)

    @property
    def moved_moves(self) -> tuple[Move, ...]:
        """The moves that change a verdict, largest first."""
        changed = (move for move in self.moves if move.before != move.after)
        return tuple(sorted(changed, key=lambda move: -move.meetings))


def read_impact(
    connection: sa.Connection, agreement: Agreement, before: Definition, after: Definition, *, since: date | None = None
) -> Impact:
    """Compare two versions, signed or not, on a warehouse that is only read."""
    as_of = known_day(connection)
    start = since or months_before(as_of, MONTHS_BACK)
    comparison = Comparison(before, after, start, as_of, agreement.team.ramp_business_days)
    counted = connection.execute(counts(comparison)).mappings().all()
    first_day = connection.execute(sa.select(sa.func.min(comparison.table.c[after.counted_on]))).scalar_one_or_none()
    settled = _settled_months(counted, comparison, first_day)
    return Impact(
        name=after.name,
        before=before.version,
        after=after.version,
        since=comparison.since,
        as_of=as_of,
        horizon_days=HORIZON_DAYS,
        differences=differences(before, after),
        moves=tuple(_move(row) for row in connection.execute(moves(comparison))),
        by_month=_counts(counted, "month_start"),
        by_team=_counts(counted, "team"),
        by_rep=_counts(counted, "rep_id", names=_rep_names(connection)),
        by_lead_source=_counts(counted, "lead_source"),
        targets=touched_targets(connection, agreement, comparison, settled),
        settled_months=settled,
        outcomes=_outcomes(connection, comparison),
        moved=tuple(dict(row) for row in connection.execute(moved_records(comparison)).mappings()),
    )


def readable_database(settings: Settings) -> Path:
    """Give the published copy, else the warehouse itself. NothingPublishedError when there is neither."""
    for database in (settings.published / DATABASE_NAME, settings.warehouse):
        if database.exists():
            return database.resolve()
    raise NothingPublishedError(f"there is no {settings.warehouse} yet; run `kpi nightly` first")


def known_day(connection: sa.Connection) -> date:
    """Give the last whole day that the numbers know."""
    day: date | None = connection.execute(sa.select(sa.func.max(kpi_periods.c.as_of))).scalar_one_or_none()
    if day is None:
        raise NothingPublishedError("the warehouse has no numbers yet; run `kpi nightly` first")
    return day


def as_plain(impact: Impact) -> dict[str, Any]:
    """Give everything as plain values, for JSON."""
    plain = asdict(impact)
    plain["differences"] = [label.model_dump() for label in impact.differences]
    return plain


def _move(row: Any) -> Move:
    rules = tuple(row.moving_rules.split(",")) if row.moving_rules else ()
    return Move(row.before_verdict, row.after_verdict, rules, row.record_count, row.unanswered_count)


def _rep_names(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(sa.select(reps.c.rep_id, reps.c.name))
    return {row.rep_id: row.name for row in rows if row.name}


def _counts(rows: Iterable[Mapping[Any, Any]], key: str, names: Mapping[str, str] | None = None) -> tuple[Count, ...]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        found[str(row[key])][f"{row['verdict']}_{row['side']}"] += row["record_count"]
    columns = ("valid_before", "valid_after", "pending_before", "pending_after")
    named = {value: (names or {}).get(value, value) for value in found}
    ordered = sorted(found, key=lambda value: named[value])
    return tuple(Count(named[value], *(found[value][column] for column in columns)) for value in ordered)


def _settled_months(
    rows: Sequence[Mapping[Any, Any]], comparison: Comparison, first_day: date | None
) -> tuple[date, ...]:
    """Give the whole months that can be compared: nothing waits in them, and what the new rules look at was recorded.

    `first_day` is the first that the warehouse knows: its month has begun before, so it is not whole.
    """
    waiting = {row["month_start"] for row in rows if row["verdict"] == "pending"}
    end = min(waiting, default=comparison.as_of + timedelta(days=1))
    return tuple(
        month
        for month in sorted({row["month_start"] for row in rows})
        if max(comparison.since, first_day or comparison.since) <= month < end
        and months_before(month, -1) <= comparison.as_of + timedelta(days=1)
        and _unrecorded([row for row in rows if row["month_start"] == month]) <= MOST_UNRECORDED
    )


def _unrecorded(rows: Iterable[Mapping[Any, Any]]) -> float:
    """Give the share of a month's meetings that fail for want of an answer, under the version that lacks more."""
    sums: dict[str, list[int]] = {side: [0, 0] for side in SIDES}
    for row in rows:
        sums[row["side"]][0] += row["unanswered_count"]
        sums[row["side"]][1] += row["record_count"]
    return max(unanswered / records if records else 0.0 for unanswered, records in sums.values())


# --- what became of them ----------------------------------------------------------------------------------------------


def _outcomes(connection: sa.Connection, comparison: Comparison) -> tuple[Outcome, ...]:
    sums: dict[str, list[int]] = {}
    for row in connection.execute(conversion(comparison, HORIZON_DAYS)):
        entry = sums.setdefault(_group(row), [0, 0])
        entry[0] += row.won_count
        entry[1] += row.record_count
    staying = share_of(*sums.get("stays_valid", (0, 0)))
    order = ("stays_valid", "moved", "moved_unanswered", "becomes_valid", "never_valid")
    return tuple(
        Outcome(group, share := share_of(*sums[group]), None if group == "stays_valid" else difference(share, staying))
        for group in order
        if group in sums
    )


def _group(row: Any) -> str:
    match row.is_before_valid, row.is_after_valid:
        case True, True:
            return "stays_valid"
        case True, False:
            return "moved_unanswered" if row.is_unanswered else "moved"
        case False, True:
            return "becomes_valid"
    return "never_valid"
