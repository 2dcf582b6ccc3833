"""What is a KPI made of, by day, rep and segment? The cases behind a count or rate, in one shape for the split into causes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Double, cast, func, or_, select

from definitions_contract.schema import Agreement, Kpi
from models.kpi.linked import with_linked
from models.statistics.causes import Segment
from models.tables import deals, kpi_daily, meeting_verdicts, meetings, rep_teams


@dataclass(frozen=True, slots=True)
class Fact:
    """Cases of one day, rep and segment; of a meeting or lost deal also its id and why it did not count.

    `redefined` is 1 when the definition of the baseline would have counted it and the present one does not, -1 the other way round.
    `answers` holds what rules that became others ask of it.
    """

    day: date
    team: str
    rep_id: str
    lead_source: str
    response_method: str
    hits: float
    cases: float
    awaiting: float = 0.0
    record_id: str | None = None
    failed_rules: str | None = None
    reject_reason: str | None = None
    lost_reason: str | None = None
    industry: str = "unknown"
    redefined: int = 0
    answers: Mapping[str, Any] = field(default_factory=dict)


SPLITS: dict[str, Callable[[Fact], str]] = {
    "lead_source": lambda fact: fact.lead_source,
    "response_method": lambda fact: fact.response_method,
    "rep": lambda fact: fact.rep_id,
    "industry": lambda fact: fact.industry,
}


def _segments_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) or "unknown" for name in ("lead_source", "response_method", "industry")}


def read_meeting_facts(
    connection: Connection, agreement: Agreement, *, since: date, as_of: date, asked: Sequence[str] = ()
) -> list[Fact]:
    """Read every judged or waiting meeting that counts on a day in [since, as_of]: a case each, a hit when valid.

    `asked` names what is kept as answers: columns of core.meetings, and of what a meeting is linked to.
    """
    verdicts = meeting_verdicts.c
    names = ("meeting_id", "counted_date", "team", "rep_id", "verdict", "failed_rules")
    judged = (
        select(*(verdicts[name] for name in names), *(column for column in meetings.c if column.name not in names))
        .join_from(meeting_verdicts, meetings, verdicts.meeting_id == meetings.c.meeting_id)
        .where(verdicts.counted_date >= since, verdicts.counted_date <= as_of, verdicts.verdict.is_not(None))
        .subquery("judged_meetings")
    )
    linked = with_linked(judged, asked, ramp_business_days=agreement.team.ramp_business_days)
    rows = connection.execute(linked.order_by(judged.c.counted_date, judged.c.meeting_id))
    return [
        Fact(
            day=row.counted_date,
            team=row.team or "unknown",
            rep_id=row.rep_id or "unknown",
            **_segments_of(row),
            hits=float(row.verdict == "valid"),
            cases=1.0,
            awaiting=float(row.verdict == "pending"),
            record_id=row.meeting_id,
            failed_rules=row.failed_rules,
            reject_reason=row.reject_reason,
            answers={name: row._mapping[name] for name in asked},
        )
        for row in rows.all()
    ]


def read_lost_deals(connection: Connection, *, since: date, as_of: date) -> list[Fact]:
    """Read the deals lost in [since, as_of] with their reasons: cases without a hit, of the team of their rep on that day."""
    is_member = (rep_teams.c.rep_id == deals.c.rep_id) & (rep_teams.c.valid_from <= deals.c.close_date)
    is_member &= or_(rep_teams.c.valid_to.is_(None), deals.c.close_date < rep_teams.c.valid_to)
    names = ("deal_id", "close_date", "rep_id", "lead_source", "response_method", "industry", "lost_reason")
    rows = connection.execute(
        select(rep_teams.c.team, *(deals.c[name] for name in names))
        .join_from(deals, rep_teams, is_member)
        .where(deals.c.status == "lost", deals.c.close_date >= since, deals.c.close_date <= as_of)
        .order_by(deals.c.close_date, deals.c.deal_id)
    )
    return [
        Fact(
            day=row.close_date,
            team=row.team,
            rep_id=row.rep_id,
            **_segments_of(row),
            hits=0.0,
            cases=1.0,
            record_id=row.deal_id,
            lost_reason=row.lost_reason or "unknown",
        )
        for row in rows.all()
    ]


def read_daily_facts(
    connection: Connection, kpi: Kpi, cases_of: Kpi | None, *, since: date, as_of: date, side: str = "denominator"
) -> list[Fact]:
    """Read a KPI's facts of [since, as_of]: hits are its numerators, cases a side of `cases_of` (0 without one)."""
    daily = kpi_daily.c
    wanted = [kpi.id] if cases_of is None else [kpi.id, cases_of.id]
    segments = (daily.lead_source, daily.response_method, daily.industry)
    keys = [daily.kpi_id, daily.counted_date, daily.team, daily.rep_id, *segments]
    sums = [
        cast(func.sum(daily[name]), Double).label(label) for label, name in (("hits", "numerator"), ("cases", side))
    ]
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
            **_segments_of(row),
            hits=(row.hits or 0.0) if row.kpi_id == kpi.id else 0.0,
            cases=(row.cases or 0.0) if cases_of is not None and row.kpi_id == cases_of.id else 0.0,
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
        row = sums.setdefault(key(fact), [0.0] * 6)
        row[0] += fact.hits / unit
        row[1] += fact.cases
        row[4] += fact.awaiting
        row[5] += fact.redefined
    for fact in before:
        row = sums.setdefault(key(fact), [0.0] * 6)
        row[2] += fact.hits / unit
        row[3] += fact.cases
    return [Segment(name, *row) for name, row in sorted(sums.items())]


def in_scope(facts: Sequence[Fact], teams: frozenset[str], start: date, end: date) -> list[Fact]:
    """Keep the facts of some teams in [start, end)."""
    return [fact for fact in facts if fact.team in teams and start <= fact.day < end]
