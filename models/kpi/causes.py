"""Of what does each gap consist? One row per part of a gap: funnel factors, lead sources, response methods, reps.

Compares the running period with an own earlier one under the same definition, scaled by the business-day weights.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from definitions_contract.schema import Kpi
from models.context import BuildContext, Model
from models.kpi.cause_facts import (
    SPLITS,
    Fact,
    in_scope,
    inner_rate,
    read_daily_facts,
    read_meeting_facts,
    segments_of,
)
from models.kpi.daily_history import (
    Awaiting,
    DailyFacts,
    awaits_verdict,
    definition_since,
    kpis_by_id,
    read_awaiting,
    read_daily,
    read_weights,
)
from models.statistics.causes import (
    FIXED_PARTS,
    Noise,
    Part,
    merge_small,
    rank_parts,
    split_count,
    split_funnel,
    split_rate,
)
from models.statistics.dispersion import estimate_dispersion
from models.tables import causes, divergence, kpi_daily, meeting_verdicts, meetings, pace_weights

EXPLAINED_STATES = ("at_risk", "off", "ahead")
EXPLAINED_SCOPES = ("department", "team")
BASELINE_DAYS = 90  # three months: each weekday and month end often enough
BASELINE_GAP_DAYS = 60  # a change of the last two months must not be part of what it is compared with
LEAST_BASELINE_DAYS = 30  # with less under the present definition, the days under the former are better than none
SHOWN_SEGMENTS = {
    "lead_source": 8,
    "response_method": 6,
    "rep": 8,
}  # the rest stands as one: a list that is read to its end
EVIDENCE_IDS = 20  # enough to look at, few enough to be looked at
RATE_DISPERSION = 1.5  # weekly rates vary a little more than binomial: lists and campaigns come in lumps

# Stage by stage: the name of the factor that leads to it, the KPI that counts it, and the side of that KPI.
ACTIVITY_FUNNEL = (
    ("calls_made", "calls_made"),
    ("connects_per_call", "connect_rate"),
    ("booked_per_connect", "meetings_booked"),
    ("held_per_booked", "meetings_held"),
    ("valid_per_held", "valid_meetings"),
)
FUNNELS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "meetings_booked": ACTIVITY_FUNNEL[:3],
    "meetings_held": ACTIVITY_FUNNEL[:4],
    "valid_meetings": ACTIVITY_FUNNEL,
    "deals_won": (("valid_meetings", "valid_meetings"), ("won_per_valid", "deals_won")),
    "won_amount": (("deals_won", "deals_won"), ("amount_per_deal", "won_amount")),
}


@dataclass(frozen=True, slots=True)
class _Material:
    """Everything that was read for the night."""

    context: BuildContext
    kpis: Mapping[str, Kpi]
    facts: Mapping[tuple[str, tuple[str, str]], DailyFacts]
    weights: Mapping[str, Mapping[date, float]]
    awaiting: Awaiting
    meetings: Sequence[Fact]
    daily: Mapping[str, Sequence[Fact]]


@dataclass(frozen=True, slots=True)
class _Gap:
    """One gap to explain: its row of kpi.divergence, the two spans compared and the noise."""

    row: Any
    kpi: Kpi
    scope: tuple[str, str]
    teams: frozenset[str]
    now: tuple[date, date]
    before: tuple[date, date]
    noise: Noise

    @property
    def size(self) -> float:
        return float(self.row.actual - self.row.expected_to_date)


def build_causes(connection: Connection, context: BuildContext) -> Iterator[Mapping[str, Any]]:
    """Explain tonight's gaps of departments and teams."""
    is_wanted = (
        (divergence.c.evaluated_date == context.as_of)
        & divergence.c.state.in_(EXPLAINED_STATES)
        & divergence.c.scope_kind.in_(EXPLAINED_SCOPES)
        & divergence.c.actual.is_not(None)
    )
    kpis = kpis_by_id(context.agreement)
    found = connection.execute(select(divergence).where(is_wanted).order_by(*divergence.primary_key.columns)).all()
    rows = [row for row in found if row.kpi_id in kpis]
    if not rows:
        return
    earliest = min(context.as_of - timedelta(days=BASELINE_GAP_DAYS), *(row.period_start for row in rows))
    since = earliest - timedelta(days=BASELINE_DAYS)
    material = _read(connection, context, {row.kpi_id for row in rows}, since=since)
    for row in rows:
        yield from _explain(row, material)


def _read(connection: Connection, context: BuildContext, kpi_ids: set[str], *, since: date) -> _Material:
    kpis = kpis_by_id(context.agreement)
    stages = {stage for kpi_id in kpi_ids for _, stage in FUNNELS.get(kpi_id, ())} & set(kpis)
    has_awaiting = any(awaits_verdict(kpis[kpi_id]) for kpi_id in kpi_ids)
    daily = {
        kpi_id: read_daily_facts(
            connection, kpis[kpi_id], inner_rate(kpis[kpi_id], context.agreement), since=since, as_of=context.as_of
        )
        for kpi_id in sorted(kpi_ids)
        if not awaits_verdict(kpis[kpi_id])
    }
    return _Material(
        context=context,
        kpis=kpis,
        facts=read_daily(connection, kpi_ids | stages, as_of=context.as_of),
        weights=read_weights(connection),
        awaiting=read_awaiting(connection, context.agreement, as_of=context.as_of),
        meetings=read_meeting_facts(connection, since=since, as_of=context.as_of) if has_awaiting else (),
        daily=daily,
    )


def _explain(row: Any, material: _Material) -> Iterator[Mapping[str, Any]]:
    gap = _gap_of(row, material)
    facts = material.meetings if awaits_verdict(gap.kpi) else material.daily[gap.kpi.id]
    now = in_scope(facts, gap.teams, *gap.now)
    before = in_scope(facts, gap.teams, *gap.before)
    parts = _funnel_parts(gap, material)
    for split in SPLITS:
        parts += _segment_parts(split, gap, now, before, has_cases=any(fact.cases for fact in facts))
    for part in rank_parts(parts, gap=gap.size):
        yield _row(part, gap, now, before)


def _gap_of(row: Any, material: _Material) -> _Gap:
    kpi = material.kpis[row.kpi_id]
    teams = material.context.agreement.team.teams
    chosen = (
        {row.scope_id} if row.scope_kind == "team" else {team.id for team in teams if team.department == row.scope_id}
    )
    now = (row.period_start, material.context.as_of + timedelta(days=1))
    before = _baseline(row.period_start, kpi, material)
    weights = material.weights.get(kpi.id, {})
    gone, base = (sum(weight for day, weight in weights.items() if span[0] <= day < span[1]) for span in (now, before))
    scope = (row.scope_kind, row.scope_id)
    return _Gap(
        row=row,
        kpi=kpi,
        scope=scope,
        teams=frozenset(chosen),
        now=now,
        before=before,
        noise=Noise(
            scale=gone / base if base > 0 else 0.0,
            dispersion=_dispersion(material, kpi, scope, before),
            rate_dispersion=RATE_DISPERSION,
        ),
    )


def _baseline(period_start: date, kpi: Kpi, material: _Material) -> tuple[date, date]:
    """Choose the span to compare with: before the period and before the last two months, under the same definition."""
    as_of = material.context.as_of
    since = definition_since(material.context.agreement, kpi, as_of=as_of) or date.min
    least = timedelta(days=LEAST_BASELINE_DAYS)
    latest = as_of - timedelta(days=BASELINE_GAP_DAYS)
    before_period = min(period_start, latest)
    end = before_period if before_period - least >= since else latest
    start = end - timedelta(days=BASELINE_DAYS)
    return (max(start, since), end) if end - least >= since else (start, end)


def _dispersion(material: _Material, kpi: Kpi, scope: tuple[str, str], span: tuple[date, date]) -> float:
    """Estimate the noise of weekly volumes in the baseline; sums are noisy by their events, taken as of the prior."""
    if kpi.kind == "sum":
        return estimate_dispersion([], []).value
    facts = material.facts.get((kpi.id, scope), DailyFacts())
    weights = material.weights.get(kpi.id, {})
    starts = [span[0] + timedelta(days=7 * week) for week in range((span[1] - span[0]).days // 7)]
    week = timedelta(days=7)
    totals = [facts.total(start, start + week) for start in starts]
    counts = [denominator if kpi.denominator is not None else numerator for numerator, denominator in totals]
    shares = [sum(weights.get(start + timedelta(days=day), 0.0) for day in range(7)) for start in starts]
    return estimate_dispersion(counts, shares).value


def _funnel_parts(gap: _Gap, material: _Material) -> list[Part]:
    stages = FUNNELS.get(gap.kpi.id, ())
    if not stages or any(kpi_id not in material.kpis for _, kpi_id in stages):
        return []
    now, before = (
        {name: material.facts.get((kpi_id, gap.scope), DailyFacts()).total(*span)[0] for name, kpi_id in stages}
        for span in (gap.now, gap.before)
    )
    awaiting = 0.0
    if awaits_verdict(gap.kpi):
        awaiting = material.awaiting.total(gap.scope, *gap.now) * material.awaiting.rate
    return split_funnel(now, before, gap=gap.size, noise=gap.noise, awaiting=awaiting)


def _segment_parts(
    split: str, gap: _Gap, now: Sequence[Fact], before: Sequence[Fact], *, has_cases: bool
) -> list[Part]:
    unit = _unit(gap.kpi, before)
    segments = merge_small(segments_of(now, before, SPLITS[split], unit=unit), keep=SHOWN_SEGMENTS[split])
    if not segments or gap.kpi.kind == "product":
        return []
    if gap.kpi.denominator is not None:
        return split_rate(split, segments, gap=gap.size, dispersion=RATE_DISPERSION)
    parts = split_count(
        split, segments, gap=gap.size / unit, noise=gap.noise, has_rate=has_cases and gap.kpi.kind == "count"
    )
    return [_in_unit(part, unit) for part in parts]


def _unit(kpi: Kpi, before: Sequence[Fact]) -> float:
    """Give the mean size of a day's amount of one rep and segment: close to one event, so that its noise is known."""
    amounts = [fact.hits for fact in before if fact.hits > 0]
    return sum(amounts) / len(amounts) if kpi.kind == "sum" and amounts else 1.0


def _in_unit(part: Part, unit: float) -> Part:
    error = None if part.standard_error is None else part.standard_error * unit
    return replace(part, contribution=part.contribution * unit, standard_error=error)


def _row(part: Part, gap: _Gap, now: Sequence[Fact], before: Sequence[Fact]) -> dict[str, Any]:
    row = gap.row
    missed = _missed_meetings(part, now)
    return {
        **{name: getattr(row, name) for name in ("kpi_id", "period_kind", "period_start", "period_end")},
        "scope_kind": row.scope_kind,
        "scope_id": row.scope_id,
        "evaluated_date": row.evaluated_date,
        "split": part.split,
        "part": part.part,
        "effect": part.effect,
        "contribution": part.contribution,
        "gap": gap.size,
        "lower": part.lower,
        "upper": part.upper,
        "is_significant": part.is_significant,
        "rank": part.rank,
        "evidence_ids": ",".join(str(fact.meeting_id) for fact in missed[:EVIDENCE_IDS]) or None,
        "evidence": _evidence(part, gap, now, before, missed),
    }


def _missed_meetings(part: Part, now: Sequence[Fact]) -> list[Fact]:
    """Give the meetings of a segment that did not count, newest first; only where the rate is the matter."""
    if part.effect != "rate" or part.split not in SPLITS:
        return []
    key = SPLITS[part.split]
    missed = [
        fact for fact in now if key(fact) == part.part and fact.meeting_id and not fact.hits and not fact.awaiting
    ]
    return sorted(missed, key=lambda fact: (fact.day, fact.meeting_id or ""), reverse=True)


def _evidence(part: Part, gap: _Gap, now: Sequence[Fact], before: Sequence[Fact], missed: Sequence[Fact]) -> str | None:
    if part.part in FIXED_PARTS:
        return _fixed_evidence(part.part, gap)
    if part.split not in SPLITS:
        return None
    key = SPLITS[part.split]
    chosen = segments_of(
        [fact for fact in now if key(fact) == part.part],
        [fact for fact in before if key(fact) == part.part],
        lambda _: part.part,
    )
    if not chosen:
        return None
    segment = chosen[0]
    if part.effect == "mix" or segment.cases <= 0:
        cases, past = (segment.cases, segment.past_cases) if segment.cases else (segment.hits, segment.past_hits)
        return f"{cases:,.0f} so far, {past * gap.noise.scale:,.0f} by the level of {_span(gap)}."
    reasons = _leading_reasons(missed)
    return (
        f"{segment.hits:,.0f} of {segment.cases - segment.awaiting:,.0f} counted ({segment.rate:.0%}), "
        f"{segment.past_rate:.0%} in {_span(gap)}{reasons}."
    )


def _fixed_evidence(name: str, gap: _Gap) -> str:
    if name == FIXED_PARTS[0]:
        return f"What the target asks beyond the level of {_span(gap)}; not a change in the work."
    return "Expected from meetings that wait for an answer; not a change in the work."


def _leading_reasons(missed: Sequence[Fact]) -> str:
    rules = Counter(rule for fact in missed for rule in (fact.failed_rules or "").split(",") if rule)
    rejections = Counter(fact.reject_reason for fact in missed if fact.reject_reason)
    texts = [
        f"; {what}: " + ", ".join(f"{name} {count}" for name, count in found.most_common(3))
        for what, found in (("failed rules", rules), ("reject reasons", rejections))
        if found
    ]
    return "".join(texts)


def _span(gap: _Gap) -> str:
    return f"{gap.before[0]} to {gap.before[1] - timedelta(days=1)}"


MODEL = Model(
    table=causes,
    reads=(divergence, kpi_daily, meeting_verdicts, meetings, pace_weights),
    rows=build_causes,
    write="replace_day",
    day_column="evaluated_date",
    group="kpi",
)
