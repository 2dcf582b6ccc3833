"""What was counted on each day, for each KPI and scope? Read once and shared by pace, divergence, causes, plan and phase gate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Double, case, cast, func, literal, select, union_all

from definitions_contract.resolve import in_force
from definitions_contract.schema import Agreement, Kpi
from models.statistics.changes import Floats
from models.statistics.forecast import History, Week
from models.statistics.pace import CalendarDay
from models.tables import calendar, kpi_daily, meeting_verdicts, meetings, pace_weights

HISTORY_DAYS = 400  # thirteen months: a year behind the current month
BLOCK_DAYS = 5  # a "week" of history is five business days, so that none is partial
RECENT_BLOCKS = 8  # the present level: 40 business days
EARLIER_BLOCKS = 36  # what steadies it: the 180 business days before
LEAST_BLOCKS = 4  # with fewer blocks under the present definition, the ones under the former are better than nothing
SETTLED_AFTER_DAYS = 21  # after three weeks every answer that the definitions wait for is there
SETTLED_WINDOW_DAYS = 150  # five months of answers say which share of waiting meetings becomes valid
UNDECIDED_OUTCOMES = ("held", "booked", "unknown")  # the others have failed at once and never wait

ScopeKey = tuple[str, str]  # scope kind and id
SCOPE_COLUMNS = {"department": kpi_daily.c.department, "team": kpi_daily.c.team, "rep": kpi_daily.c.rep_id}


@dataclass(slots=True)
class DailyFacts:
    """Numerators and denominators of one KPI and scope, by day."""

    numerator: dict[date, float] = field(default_factory=dict)
    denominator: dict[date, float] = field(default_factory=dict)

    def total(self, start: date, end: date) -> tuple[float, float]:
        """Add both up over [start, end)."""
        return _sum_between(self.numerator, start, end), _sum_between(self.denominator, start, end)


@dataclass(frozen=True, slots=True)
class Awaiting:
    """Meetings without a verdict yet, by scope and day, and the share of such meetings that became valid in the past."""

    counts: Mapping[ScopeKey, Mapping[date, float]]
    rate: float

    def total(self, scope: ScopeKey, start: date, end: date) -> float:
        """Count those of a scope in [start, end)."""
        return _sum_between(self.counts.get(scope, {}), start, end)


NOTHING_AWAITED = Awaiting(counts={}, rate=0.0)


def read_daily(
    connection: Connection, kpi_ids: Iterable[str], *, as_of: date
) -> dict[tuple[str, ScopeKey], DailyFacts]:
    """Read thirteen months of daily facts per KPI and scope."""
    wanted = sorted(set(kpi_ids))
    by_scope = []
    for kind, scope in SCOPE_COLUMNS.items():
        keys = [kpi_daily.c.kpi_id, scope.label("scope_id"), kpi_daily.c.counted_date]
        sums = [cast(func.sum(kpi_daily.c[name]), Double).label(name) for name in ("numerator", "denominator")]
        by_scope.append(
            select(literal(kind).label("scope_kind"), *keys, *sums)
            .where(kpi_daily.c.kpi_id.in_(wanted), kpi_daily.c.counted_date > as_of - timedelta(days=HISTORY_DAYS))
            .where(kpi_daily.c.counted_date <= as_of)
            .group_by(*keys)
        )
    facts: dict[tuple[str, ScopeKey], DailyFacts] = {}
    for row in connection.execute(union_all(*by_scope)).all():  # one by one takes three times as long
        found = facts.setdefault((row.kpi_id, (row.scope_kind, row.scope_id)), DailyFacts())
        found.numerator[row.counted_date] = row.numerator or 0.0
        if row.denominator is not None:
            found.denominator[row.counted_date] = row.denominator
    return facts


def by_business_day(values: Mapping[date, float], days: Sequence[date]) -> Floats:
    """Lay values on business days (oldest first): what falls between two counts on the later one, what comes before on none."""
    result = np.zeros(len(days))
    positions = np.searchsorted(np.array(days, dtype="datetime64[D]"), np.array(list(values), dtype="datetime64[D]"))
    for position, (day, value) in zip(positions, values.items(), strict=True):
        if position < len(days) and (position > 0 or day == days[0]):
            result[position] += value
    return result


def read_calendar(connection: Connection) -> list[CalendarDay]:
    """Read all days of the agreed calendar, in order."""
    columns = (calendar.c.day, calendar.c.month_start, calendar.c.business_day)
    rows = connection.execute(select(*columns).order_by(calendar.c.day))
    return [CalendarDay(row.day, row.month_start, is_business_day=bool(row.business_day)) for row in rows]


def read_weights(connection: Connection) -> dict[str, dict[date, float]]:
    """Read the pace weights per KPI and day."""
    weights: dict[str, dict[date, float]] = {}
    for row in connection.execute(select(pace_weights.c.kpi_id, pace_weights.c.day, pace_weights.c.weight)).all():
        weights.setdefault(row.kpi_id, {})[row.day] = row.weight
    return weights


def read_awaiting(connection: Connection, agreement: Agreement, *, as_of: date) -> Awaiting:
    """Read which meetings wait for a verdict, and estimate what will become of them."""
    columns = (meeting_verdicts.c.rep_id, meeting_verdicts.c.team, meeting_verdicts.c.counted_date)
    rows = connection.execute(
        select(*columns, func.count().label("cases"))
        .where(meeting_verdicts.c.verdict == "pending", meeting_verdicts.c.counted_date <= as_of)
        .group_by(*columns)
    )
    departments = {team.id: team.department for team in agreement.team.teams}
    counts: dict[ScopeKey, dict[date, float]] = {}
    for row in rows:
        scopes = (("rep", row.rep_id), ("team", row.team), ("department", departments.get(row.team, "unknown")))
        for scope in scopes:
            by_day = counts.setdefault(scope, {})
            by_day[row.counted_date] = by_day.get(row.counted_date, 0.0) + row.cases
    return Awaiting(counts=counts, rate=_awaiting_rate(connection, agreement, as_of))


def awaits_verdict(kpi: Kpi) -> bool:
    """Tell whether the KPI counts valid meetings, so that more may come from meetings that wait for a verdict."""
    measure = kpi.numerator
    return kpi.kind == "count" and measure is not None and measure.where.get("verdict") == "valid"


def definition_since(agreement: Agreement, kpi: Kpi, *, as_of: date) -> date | None:
    """Give the first day of the definition that judges on as_of, when the KPI has one."""
    if kpi.definition is None:
        return None
    return max((row.start for row in in_force(agreement, kpi.definition) if row.start <= as_of), default=None)


def history_blocks(
    facts: DailyFacts,
    weights: Mapping[date, float],
    *,
    business_days: Sequence[date],
    since: date | None = None,
    added: Mapping[date, float] | None = None,
) -> History:
    """Cut the business days (oldest first, up to the evaluated one) into blocks of five, from the newest back.

    It starts where the scope's own facts start, and not before `since` unless that leaves too little. `added` are
    expected counts that are not in the facts yet.
    """
    first = min((day for day, count in facts.numerator.items() if count), default=None)
    if first is None:
        return History(recent=())
    own = [day for day in business_days if day >= first]
    usable = own if since is None else [day for day in own if day >= since]
    if len(usable) < LEAST_BLOCKS * BLOCK_DAYS:
        usable = own
    kept = usable[-(RECENT_BLOCKS + EARLIER_BLOCKS) * BLOCK_DAYS :]
    start = len(kept) % BLOCK_DAYS if len(kept) > BLOCK_DAYS else 0
    blocks = [kept[index : index + BLOCK_DAYS] for index in range(start, len(kept), BLOCK_DAYS)]
    weeks = tuple(_week(facts, weights, block, added or {}) for block in blocks)
    return History(recent=weeks[-RECENT_BLOCKS:], earlier=weeks[:-RECENT_BLOCKS])


def rhythm_source(kpi: Kpi, kpis: Sequence[Kpi]) -> tuple[str, str]:
    """Say whose counts give a KPI its rhythm: rates follow their denominator, sums the count of the same events."""
    if kpi.denominator is not None:
        return kpi.id, "denominator"
    if kpi.kind == "sum":
        return (counted_with(kpi, kpis) or kpi).id, "numerator"
    return kpi.id, "numerator"


def counted_with(kpi: Kpi, kpis: Sequence[Kpi]) -> Kpi | None:
    """Find the KPI that counts the events whose amounts `kpi` adds up (won amount: deals won)."""
    if kpi.numerator is None:
        return None
    measure = kpi.numerator.model_copy(update={"sum": None})
    return next((other for other in kpis if other.kind == "count" and other.numerator == measure), None)


def _week(facts: DailyFacts, weights: Mapping[date, float], block: Sequence[date], added: Mapping[date, float]) -> Week:
    # weekends and holidays belong to the business day after them: nothing that was counted is lost
    start, end = block[0], block[-1] + timedelta(days=1)
    numerator, denominator = facts.total(start, end)
    return Week(
        numerator=numerator + _sum_between(added, start, end),
        weight=sum(weights.get(day, 1.0) for day in block),
        denominator=denominator if facts.denominator else None,
    )


def _sum_between(values: Mapping[date, float], start: date, end: date) -> float:
    day, total = start, 0.0
    for _ in range((end - start).days):
        total += values.get(day, 0.0)
        day += timedelta(days=1)
    return total


def _awaiting_rate(connection: Connection, agreement: Agreement, as_of: date) -> float:
    """Estimate the share of meetings that become valid among those that once could have waited.

    That is: those that took place or might have, and failed no rule but waiting ones.
    """
    is_settled = meeting_verdicts.c.counted_date.between(
        as_of - timedelta(days=SETTLED_WINDOW_DAYS), as_of - timedelta(days=SETTLED_AFTER_DAYS)
    )
    rows = connection.execute(
        select(
            meeting_verdicts.c.failed_rules,
            func.sum(case((meeting_verdicts.c.verdict == "valid", 1), else_=0)).label("valid_count"),
            func.count().label("cases"),
        )
        .join_from(meeting_verdicts, meetings, meeting_verdicts.c.meeting_id == meetings.c.meeting_id)
        .where(is_settled, meeting_verdicts.c.verdict.in_(["valid", "invalid"]))
        .where(meetings.c.outcome.in_(UNDECIDED_OUTCOMES))
        .group_by(meeting_verdicts.c.failed_rules)
    )
    waiting = {rule.id for row in agreement.definitions for rule in row.rules if rule.wait_business_days > 0}
    valid, cases = 0.5, 1.0  # Jeffreys' prior: half, until there are answers
    for row in rows:
        failed = set(filter(None, (row.failed_rules or "").split(",")))
        if failed <= waiting:
            valid += row.valid_count
            cases += row.cases
    return float(valid / cases)


def kpis_by_id(agreement: Agreement) -> dict[str, Kpi]:
    """Give the agreed KPIs by id."""
    return {kpi.id: kpi for kpi in agreement.kpis.kpis}


def as_key(row: Any) -> tuple[str, str, date, ScopeKey]:
    """Give what names a target: KPI, kind and start of the period, scope."""
    return row.kpi_id, row.period_kind, row.period_start, (row.scope_kind, row.scope_id)
