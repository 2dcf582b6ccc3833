"""Which two spans does a gap compare, and of what parts does it consist? Shared by the gap to target and the change to the last period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Double, cast, func, select

from definitions_contract.schema import Kpi
from models.context import BuildContext
from models.kpi.cause_evidence import Behind
from models.kpi.cause_facts import (
    SPLITS,
    Fact,
    in_scope,
    inner_rate,
    read_daily_facts,
    read_lost_deals,
    read_meeting_facts,
    segments_of,
)
from models.kpi.cause_redefined import asked_by_changed_rules, redefinition
from models.kpi.daily_history import (
    Awaiting,
    DailyFacts,
    awaits_verdict,
    counted_with,
    definition_since,
    kpis_by_id,
    read_awaiting,
    read_calendar,
    read_daily,
    read_weights,
)
from models.statistics.causes import (
    Noise,
    Part,
    merge_small,
    named_leavers,
    split_count,
    split_funnel,
    split_rate,
)
from models.statistics.dispersion import estimate_dispersion
from models.tables import deals, reps

SHOWN_SEGMENTS = {
    "lead_source": 8,
    "response_method": 6,
    "rep": 8,
    "industry": 6,
}  # the rest stands as one: a list that is read to its end
RATE_DISPERSION = 1.5  # weekly rates vary a little more than binomial: lists and campaigns come in lumps
AMOUNT_VARIATION = (
    0.8  # deals of one company differ about so much (standard deviation over mean) until there are own ones
)
LEAST_AMOUNTS = 20  # fewer own amounts do not say how much they vary
AMOUNT_DAYS = 365

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
class Material:
    """Everything that was read for the night."""

    context: BuildContext
    kpis: Mapping[str, Kpi]
    facts: Mapping[tuple[str, tuple[str, str]], DailyFacts]
    weights: Mapping[str, Mapping[date, float]]
    awaiting: Awaiting
    meetings: Sequence[Fact]
    daily: Mapping[str, Sequence[Fact]]
    lost: Sequence[Fact]
    left: Mapping[str, date]
    amount_variation: float
    is_business_day: Mapping[date, bool]


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap to explain: its row of kpi.divergence, its size, the two spans compared and the noise."""

    row: Any
    kpi: Kpi
    size: float
    teams: frozenset[str]
    now: tuple[date, date]
    before: tuple[date, date]
    noise: Noise

    @property
    def scope(self) -> tuple[str, str]:
        """Whose gap."""
        return self.row.scope_kind, self.row.scope_id


def read_material(connection: Connection, context: BuildContext, kpi_ids: set[str], *, since: date) -> Material:
    """Read what the gaps of some KPIs are made of since a day."""
    kpis = kpis_by_id(context.agreement)
    as_of = context.as_of
    stages = {stage for kpi_id in kpi_ids for _, stage in FUNNELS.get(kpi_id, ())} & set(kpis)
    has_awaiting = any(awaits_verdict(kpis[kpi_id]) for kpi_id in kpi_ids)
    asked = asked_by_changed_rules(context.agreement, [kpis[kpi_id] for kpi_id in sorted(kpi_ids)])
    left = select(reps.c.rep_id, reps.c.left_date).where(reps.c.left_date.is_not(None), reps.c.left_date <= as_of)
    return Material(
        context=context,
        kpis=kpis,
        facts=read_daily(connection, kpi_ids | stages, as_of=as_of),
        weights=read_weights(connection),
        awaiting=read_awaiting(connection, context.agreement, as_of=as_of),
        meetings=read_meeting_facts(connection, context.agreement, since=since, as_of=as_of, asked=asked)
        if has_awaiting
        else (),
        daily={
            kpi_id: _read_facts(connection, context, kpis[kpi_id], since)
            for kpi_id in sorted(kpi_ids)
            if not awaits_verdict(kpis[kpi_id])
        },
        lost=read_lost_deals(connection, since=since, as_of=as_of),
        left={row.rep_id: row.left_date for row in connection.execute(left)},
        amount_variation=_amount_variation(connection, as_of),
        is_business_day={row.day: row.is_business_day for row in read_calendar(connection)},
    )


def gap_of(row: Any, material: Material, *, before: tuple[date, date]) -> Gap:
    """Lay out the gap of a row of kpi.divergence to its target against the span `before`."""
    kpi = material.kpis[row.kpi_id]
    teams = material.context.agreement.team.teams
    chosen = (
        {row.scope_id} if row.scope_kind == "team" else {team.id for team in teams if team.department == row.scope_id}
    )
    now = (row.period_start, material.context.as_of + timedelta(days=1))
    gone, base = (weight_between(material, kpi, span) for span in (now, before))
    noise = Noise(
        scale=gone / base if base > 0 else 0.0,
        dispersion=_dispersion(material, kpi, (row.scope_kind, row.scope_id), before),
        rate_dispersion=RATE_DISPERSION,
        amount_variation=material.amount_variation if kpi.kind == "sum" else None,
    )
    return Gap(row, kpi, float(row.actual - row.expected_to_date), frozenset(chosen), now, before, noise)


def weight_between(material: Material, kpi: Kpi, span: tuple[date, date]) -> float:
    """Add up the business-day weights of a KPI in a half-open span."""
    weights = material.weights.get(kpi.id, {})
    return sum(weight for day, weight in weights.items() if span[0] <= day < span[1])


def behind_of(gap: Gap, material: Material) -> Behind:
    """Collect the cases of both spans, and what evidence needs besides."""
    facts = material.meetings if awaits_verdict(gap.kpi) else material.daily[gap.kpi.id]
    now = in_scope(facts, gap.teams, *gap.now)
    as_of = material.context.as_of
    change = redefinition(material.context.agreement, gap.kpi, before=gap.before[0], as_of=as_of)
    weekdays = [day for day in _days(*gap.now) if day.weekday() < 5]
    return Behind(
        now=[replace(fact, redefined=change.effect_on(fact)) for fact in now] if change else now,
        before=in_scope(facts, gap.teams, *gap.before),
        span=gap.before,
        scale=gap.noise.scale,
        lost=in_scope(material.lost, gap.teams, *gap.now) if _is_of_deals(gap.kpi) else (),
        business_days=sum(material.is_business_day.get(day, False) for day in weekdays),
        weekdays=len(weekdays),
        left={rep_id: day for rep_id, day in material.left.items() if gap.before[0] < day},
        since=definition_since(material.context.agreement, gap.kpi, as_of=as_of),
    )


def parts_of(gap: Gap, behind: Behind, material: Material) -> list[Part]:
    """Split a gap over its funnel and its segments; the parts of each split add up to it."""
    parts = _funnel_parts(gap, behind, material)
    for split in SPLITS:
        parts += _segment_parts(split, gap, behind)
    return named_leavers(parts, behind.left or ())


def _read_facts(connection: Connection, context: BuildContext, kpi: Kpi, since: date) -> Sequence[Fact]:
    as_of = context.as_of
    if kpi.kind == "sum":  # a sum's cases are the events whose amounts it adds up
        events = counted_with(kpi, context.agreement.kpis.kpis)
        return read_daily_facts(connection, kpi, events, since=since, as_of=as_of, side="numerator")
    return read_daily_facts(connection, kpi, inner_rate(kpi, context.agreement), since=since, as_of=as_of)


def _amount_variation(connection: Connection, as_of: date) -> float:
    """Estimate how much single amounts vary: standard deviation over mean of the deals won in the last year."""
    amount = cast(deals.c.agreed_amount, Double)
    is_won = (deals.c.status == "won") & deals.c.close_date.between(as_of - timedelta(days=AMOUNT_DAYS), as_of)
    row = connection.execute(
        select(
            func.count(amount).label("cases"), func.avg(amount).label("mean"), func.stddev_samp(amount).label("sd")
        ).where(is_won, deals.c.agreed_amount.is_not(None))
    ).one()
    return float(row.sd / row.mean) if row.cases >= LEAST_AMOUNTS and row.mean and row.mean > 0 else AMOUNT_VARIATION


def _dispersion(material: Material, kpi: Kpi, scope: tuple[str, str], span: tuple[date, date]) -> float:
    """Estimate the noise of weekly volumes in the baseline; sums are noisy by their events, taken as of the prior."""
    if kpi.kind == "sum":
        return estimate_dispersion([], []).value
    facts = material.facts.get((kpi.id, scope), DailyFacts())
    weights = material.weights.get(kpi.id, {})
    starts = [span[0] + timedelta(days=7 * week) for week in range((span[1] - span[0]).days // 7)]
    week = timedelta(days=7)
    totals = [facts.total(start, start + week) for start in starts]
    counts = [denominator if kpi.denominator is not None else numerator for numerator, denominator in totals]
    shares = [sum(weights.get(day, 0.0) for day in _days(start, start + week)) for start in starts]
    return estimate_dispersion(counts, shares).value


def _funnel_parts(gap: Gap, behind: Behind, material: Material) -> list[Part]:
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
    redefined = float(sum(fact.redefined for fact in behind.now))
    return split_funnel(now, before, gap=gap.size, noise=gap.noise, awaiting=awaiting, redefined=redefined)


def _segment_parts(split: str, gap: Gap, behind: Behind) -> list[Part]:
    unit = _unit(gap.kpi, behind.before)
    found = segments_of(behind.now, behind.before, SPLITS[split], unit=unit)
    segments = merge_small(
        found, keep=SHOWN_SEGMENTS[split], named=set(behind.left or ()) if split == "rep" else frozenset()
    )
    if {segment.name for segment in segments} <= {"unknown"} or gap.kpi.kind == "product":
        return []  # nobody recorded it: nothing to compare
    if gap.kpi.denominator is not None:
        return split_rate(split, segments, gap=gap.size, dispersion=RATE_DISPERSION)
    has_rate = any(segment.cases or segment.past_cases for segment in segments) and gap.kpi.kind in ("count", "sum")
    parts = split_count(split, segments, gap=gap.size / unit, noise=gap.noise, has_rate=has_rate)
    return [_in_unit(part, unit) for part in parts]


def _unit(kpi: Kpi, before: Sequence[Fact]) -> float:
    """Give the mean amount of one event of a sum, so that its noise is known."""
    amount, events = sum(fact.hits for fact in before), sum(fact.cases for fact in before)
    return amount / events if kpi.kind == "sum" and amount > 0 and events > 0 else 1.0


def _in_unit(part: Part, unit: float) -> Part:
    error = None if part.standard_error is None else part.standard_error * unit
    return replace(part, contribution=part.contribution * unit, standard_error=error)


def _is_of_deals(kpi: Kpi) -> bool:
    return kpi.numerator is not None and kpi.numerator.event == "deals"


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=number) for number in range(max((end - start).days, 0))]
