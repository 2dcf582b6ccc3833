"""What is a KPI made of, by day, rep and segment? The cases behind a count or rate, in one shape for the split into causes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Double, cast, func, select

from definitions_contract.schema import Agreement, Kpi
from models.statistics.causes import Segment
from models.tables import kpi_daily, meeting_verdicts, meetings


@dataclass(frozen=True, slots=True)
class Fact:
    """Cases of one day, rep and segment; of a meeting also its id and why it did not count."""

    day: date
    team: str
    rep_id: str
    lead_source: str
    response_method: str
    hits: float
    cases: float
    awaiting: float = 0.0
    meeting_id: str | None = None
    failed_rules: str | None = None
    reject_reason: str | None = None


SPLITS: dict[str, Callable[[Fact], str]] = {
    "lead_source": lambda fact: fact.lead_source,
    "response_method": lambda fact: fact.response_method,
    "rep": lambda fact: fact.rep_id,
}


def read_meeting_facts(connection: Connection, *, since: date, as_of: date) -> list[Fact]:
    """Read every judged or waiting meeting that counts on a day in [since, as_of]: a case each, a hit when valid."""
    verdicts = meeting_verdicts.c
    rows = connection.execute(
        select(
            verdicts.counted_date,
            verdicts.team,
            verdicts.rep_id,
            meetings.c.lead_source,
            meetings.c.response_method,
            verdicts.verdict,
            verdicts.meeting_id,
            verdicts.failed_rules,
            meetings.c.reject_reason,
        )
        .join_from(meeting_verdicts, meetings, verdicts.meeting_id == meetings.c.meeting_id)
        .where(verdicts.counted_date >= since, verdicts.counted_date <= as_of, verdicts.verdict.is_not(None))
        .order_by(verdicts.counted_date, verdicts.meeting_id)
    )
    return [
        Fact(
            day=row.counted_date,
            team=row.team or "unknown",
            rep_id=row.rep_id or "unknown",
            lead_source=row.lead_source or "unknown",
            response_method=row.response_method or "unknown",
            hits=float(row.verdict == "valid"),
            cases=1.0,
            awaiting=float(row.verdict == "pending"),
            meeting_id=row.meeting_id,
            failed_rules=row.failed_rules,
            reject_reason=row.reject_reason,
        )
        for row in rows.all()
    ]


def read_daily_facts(connection: Connection, kpi: Kpi, cases_of: Kpi | None, *, since: date, as_of: date) -> list[Fact]:
    """Read a KPI's facts of [since, as_of]: hits are its numerators, cases the denominators of `cases_of` (0 without one)."""
    daily = kpi_daily.c
    wanted = [kpi.id] if cases_of is None else [kpi.id, cases_of.id]
    keys = [daily.kpi_id, daily.counted_date, daily.team, daily.rep_id, daily.lead_source, daily.response_method]
    sums = [cast(func.sum(daily[name]), Double).label(name) for name in ("numerator", "denominator")]
    rows = connection.execute(
        select(*keys, *sums)
        .where(daily.kpi_id.in_(wanted), daily.counted_date >= since, daily.counted_date <= as_of)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [
        Fact(
            day=row.counted_date,
            team=row.team,
            rep_id=row.rep_id,
            lead_source=row.lead_source or "unknown",
            response_method=row.response_method or "unknown",
            hits=(row.numerator or 0.0) if row.kpi_id == kpi.id else 0.0,
            cases=(row.denominator or 0.0) if cases_of is not None and row.kpi_id == cases_of.id else 0.0,
        )
        for row in rows.all()
    ]


def inner_rate(kpi: Kpi, agreement: Agreement) -> Kpi | None:
    """Find the rate whose numerator is what the KPI counts: its denominator says of how many. A rate is its own."""
    if kpi.denominator is not None:
        return kpi
    rates = (other for other in agreement.kpis.kpis if other.kind == "rate" and other.numerator == kpi.numerator)
    return next(rates, None)


def segments_of(
    now: Iterable[Fact], before: Iterable[Fact], key: Callable[[Fact], str], *, unit: float = 1.0
) -> list[Segment]:
    """Add facts up per segment; hits are measured in `unit` (the mean amount, for sums)."""
    sums: dict[str, list[float]] = {}
    for fact in now:
        row = sums.setdefault(key(fact), [0.0] * 5)
        row[0] += fact.hits / unit
        row[1] += fact.cases
        row[4] += fact.awaiting
    for fact in before:
        row = sums.setdefault(key(fact), [0.0] * 5)
        row[2] += fact.hits / unit
        row[3] += fact.cases
    return [Segment(name, *row) for name, row in sorted(sums.items())]


def in_scope(facts: Sequence[Fact], teams: frozenset[str], start: date, end: date) -> list[Fact]:
    """Keep the facts of some teams in [start, end)."""
    return [fact for fact in facts if fact.team in teams and start <= fact.day < end]
