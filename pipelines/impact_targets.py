"""Which KPIs and targets does a change touch, and which target would be as hard as before?

A target is set against the own history in pieces of its own length: settled weeks or months, any 3 or 12 settled months in a row for a
quarter or a fiscal year, and for `each_rep` those of all reps who were there for the whole of them, new ones after their ramp.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa

from definitions_contract.periods import months_before
from definitions_contract.schema import Agreement, Kpi, PeriodKind, ScopeKind, Target
from models.kpi.impact import SIDES, Comparison, kpi_facts
from models.kpi.targets import Company, read_company
from models.statistics.comparison import Equivalent, equally_hard

MONTHS = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.FISCAL_YEAR: 12}
SCOPES = ("department", "team", "rep")

Fact = tuple[float, float]  # numerator and denominator
# kind of period, side, KPI, period's start, scope's kind and id
Facts = Mapping[tuple[PeriodKind, str, str, date, str, str], Fact]


@dataclass(frozen=True, slots=True)
class TouchedTarget:
    """A KPI of a scope in the settled time, and the target that would be as hard as the agreed one."""

    kpi: str
    scope_kind: str
    scope_id: str
    every: str
    is_each_rep: bool
    since: date | None  # where the target's first day is still to come
    value_before: float | None  # per period; a rate over all of them
    value_after: float | None
    target: float | None
    equivalent: Equivalent | None


@dataclass(frozen=True, slots=True)
class History:
    """What was counted under both versions in the settled time."""

    facts: Facts
    months: Sequence[date]
    weeks: Sequence[date]
    company: Company

    def pieces(self, every: PeriodKind) -> Iterator[tuple[PeriodKind, list[date], date]]:
        """Give each stretch as long as a period: the kind and starts of the facts to add up, and the day after it."""
        if every is PeriodKind.WEEK:
            yield from ((every, [week], week + timedelta(days=7)) for week in self.weeks)
            return
        length = MONTHS[every]
        for first in self.months:
            run = [months_before(first, -number) for number in range(length)]
            if set(run) <= set(self.months):
                yield PeriodKind.MONTH, run, months_before(first, -length)

    def counted(self, kpi: str, target: Target, *, is_each_rep: bool) -> Iterator[tuple[Fact, Fact]]:
        """Give what was counted before and after in each piece, of each rep when asked."""
        for kind, starts, end in self.pieces(target.every):
            scopes = [(target.scope_kind.value, target.scope_id)]
            if is_each_rep:
                whole = float(target.each_rep or 0)
                scopes = [("rep", rep) for rep, part in self.company.parts(target, starts[0], end) if part == whole]
            for scope in scopes:
                before, after = (self._sum([(kind, side, kpi, start, *scope) for start in starts]) for side in SIDES)
                yield before, after

    def _sum(self, keys: Sequence[tuple[PeriodKind, str, str, date, str, str]]) -> Fact:
        found = [self.facts.get(key, (0.0, 0.0)) for key in keys]
        return sum(fact[0] for fact in found), sum(fact[1] for fact in found)


def touched_targets(
    connection: sa.Connection, agreement: Agreement, comparison: Comparison, settled: Sequence[date]
) -> tuple[TouchedTarget, ...]:
    """Give the KPIs that rest on the definition with each of their targets; a scope without one by the month."""
    kpis = {kpi.id: kpi for kpi in agreement.kpis.kpis if kpi.definition == comparison.after.name}
    agreed = [
        target
        for target in agreement.targets.targets
        if target.kpi in kpis and (target.until is None or target.until > comparison.as_of)
    ]
    kinds = {PeriodKind.MONTH} | {target.every for target in agreed if target.every is PeriodKind.WEEK}
    facts = _facts(connection, comparison, tuple(kpis.values()), kinds)
    history = History(facts, settled, _settled_weeks(settled), read_company(connection, agreement))
    counted = {(key[2], *key[4:]) for key in facts}
    found: list[TouchedTarget] = []
    for kpi in kpis.values():
        for scope in _scopes(agreement, kpi, agreed):
            if (kpi.id, *scope) in counted:
                own = [
                    target for target in agreed if (target.kpi, target.scope_kind, target.scope_id) == (kpi.id, *scope)
                ]
                found += _touched(kpi, scope, own, history, comparison.as_of)
    return tuple(found)


def longest_run(months: Sequence[date]) -> int:
    """Give how many of these months follow on each other without a gap.

    >>> longest_run([date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1)])
    2
    """
    longest = run = 0
    for number, month in enumerate(months):
        run = run + 1 if number and months[number - 1] == months_before(month, 1) else 1
        longest = max(longest, run)
    return longest


def _facts(
    connection: sa.Connection, comparison: Comparison, kpis: tuple[Kpi, ...], kinds: set[PeriodKind]
) -> dict[tuple[PeriodKind, str, str, date, str, str], Fact]:
    """Add numerator and denominator up by period, side, KPI and scope."""
    sums: dict[tuple[PeriodKind, str, str, date, str, str], Fact] = defaultdict(lambda: (0.0, 0.0))
    for kind in kinds:
        statement = kpi_facts(comparison, kpis, kind)
        for row in connection.execute(statement).mappings() if statement is not None else ():
            for scope, column in zip(SCOPES, ("department", "team", "rep_id"), strict=True):
                key = (kind, row["side"], row["kpi_id"], row["period_start"], scope, row[column])
                old = sums[key]
                sums[key] = old[0] + (row["numerator"] or 0), old[1] + (row["denominator"] or 0)
    return dict(sums)


def _settled_weeks(months: Sequence[date]) -> list[date]:
    """Give the weeks all of whose days lie in settled months."""
    settled = set(months)
    days = (
        month + timedelta(days=number) for month in months for number in range((months_before(month, -1) - month).days)
    )
    mondays = (day for day in days if day.weekday() == 0)
    return [day for day in mondays if (day + timedelta(days=6)).replace(day=1) in settled]


def _scopes(agreement: Agreement, kpi: Kpi, agreed: Sequence[Target]) -> list[tuple[str, str]]:
    """Give the owner, its teams, and whoever else has a target of this KPI, in this order."""
    own = [("department", kpi.owner)]
    own += [("team", team.id) for team in agreement.team.teams if team.department == kpi.owner]
    own += [(target.scope_kind.value, target.scope_id) for target in agreed if target.kpi == kpi.id]
    return list(dict.fromkeys(own))


def _touched(
    kpi: Kpi, scope: tuple[str, str], agreed: Sequence[Target], history: History, as_of: date
) -> Iterator[TouchedTarget]:
    none_agreed = Target(
        kpi=kpi.id,
        scope_kind=ScopeKind(scope[0]),
        scope_id=scope[1],
        every=PeriodKind.MONTH,
        since=as_of,
        value=Decimal(0),
    )
    for target in agreed or (none_agreed,):
        for is_each_rep, value in ((False, target.value), (True, target.each_rep)):
            if value is None:
                continue
            counted = list(history.counted(kpi.id, target, is_each_rep=is_each_rep))
            befores, afters = ([pair[side] for pair in counted] for side in (0, 1))
            is_divided = kpi.denominator is not None
            yield TouchedTarget(
                kpi.id,
                *scope,
                every=target.every.value,
                is_each_rep=is_each_rep,
                since=target.since if target.since > as_of else None,
                value_before=_total(befores, is_divided),
                value_after=_total(afters, is_divided),
                target=float(value) if agreed else None,
                equivalent=_equivalent(kpi, float(value), befores, afters) if agreed else None,
            )


def _equivalent(kpi: Kpi, target: float, befores: Sequence[Fact], afters: Sequence[Fact]) -> Equivalent:
    is_divided = kpi.denominator is not None
    values = (
        (_value(before, is_divided), _value(after, is_divided)) for before, after in zip(befores, afters, strict=True)
    )
    both = [(before, after) for before, after in values if before is not None and after is not None]
    found = equally_hard(target, [pair[0] for pair in both], [pair[1] for pair in both])
    if found.value is None:
        return found
    digits = 3 if kpi.unit == "fraction" else 0
    return Equivalent(round(found.value, digits), found.percentile, found.periods)


def _value(fact: Fact, is_divided: bool) -> float | None:
    numerator, denominator = fact
    if not is_divided:
        return numerator
    return numerator / denominator if denominator else None


def _total(facts: Sequence[Fact], is_divided: bool) -> float | None:
    if not facts:
        return None
    numerator, denominator = (sum(fact[side] for fact in facts) for side in (0, 1))
    return _value((numerator, denominator if is_divided else float(len(facts))), is_divided=True)
