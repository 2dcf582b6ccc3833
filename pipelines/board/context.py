"""What does the board say? Facts and the agreement in, everything the templates show out; nothing is read here."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from definitions_contract.schema import Agreement
from pipelines.board import formats
from pipelines.board.explore import explore_data
from pipelines.board.findings import Finding, Findings, findings_of
from pipelines.board.funnel import Step as FunnelStep
from pipelines.board.funnel import funnel_of
from pipelines.board.labels import ACTIONS, STATES
from pipelines.board.names import Chip, Names, anchor_of, chip, names_of
from pipelines.board.outlook import Outlook, outlook_of
from pipelines.board.pace import Pace, pace_of
from pipelines.board.provenance import Glossary, Provenance, glossary_of, provenance_of
from pipelines.board.reviews import Reviews, reviews_of
from pipelines.board.rows import Facts, Rows
from pipelines.board.sections import (
    Breakdown,
    PhaseBlock,
    Trend,
    breakdown_of,
    phases_of,
    trend_of,
)
from pipelines.board.verdicts import Verdicts, verdicts_of
from pipelines.board.words import WORDS, Text, look_up
from pipelines.terminal import to_copy

CHANGES_SHOWN = 4  # more than a reader takes in at a glance


@dataclass(frozen=True, slots=True)
class Step:
    """One phase of the way, in order."""

    label: Text
    is_current: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A number that moved since the record before."""

    label: Text
    before: Text
    now: Text
    delta: Text


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved, and since when; `since` is None when there is no earlier record."""

    since: Text | None
    numbers: tuple[Change, ...]
    events: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Gauge:
    """The bar under the big number, in percent of its track."""

    actual: float
    expected: float | None
    lower: float | None
    upper: float | None
    target: float


@dataclass(frozen=True, slots=True)
class Head:
    """The answer in ten seconds."""

    steps: tuple[Step, ...]
    kpi: Text
    anchor: str | None
    verdict: str | None
    period: Text
    whose: Text
    chip: Chip
    actual: Text
    target: Text
    has_target: bool
    attainment: Text
    expected: Text
    gap: Text
    forecast: Text
    band: Text | None
    p_reach: Text
    days_left: int
    days_total: int
    gauge: Gauge | None
    answer: Text
    changes: Changes
    cause: Text
    has_cause: bool
    actions: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the page. `head` is None as long as there are no numbers."""

    language: str
    as_of: Text
    built_at: Text
    head: Head | None
    pace: Pace | None
    funnel: tuple[FunnelStep, ...]
    findings: Findings
    verdicts: Verdicts
    phases: tuple[PhaseBlock, ...]
    breakdown: Breakdown
    trend: Trend | None
    outlook: Outlook
    provenance: Provenance
    glossary: tuple[Glossary, ...]
    explore: Markup | None
    reviews: Reviews


def build_board(facts: Facts, agreement: Agreement, *, built_at: datetime) -> Board:
    """Work out all that the board shows."""
    focus = facts.focus
    names = names_of(agreement, facts.reps)
    now = _standing(facts)
    findings = findings_of(facts, names)
    verdicts = verdicts_of(facts, agreement, names)
    return Board(
        language="ja" if agreement.team.country == "JP" else "en",
        as_of=formats.day(focus.as_of),
        built_at=formats.moment(built_at, agreement.team.tz),
        head=_head(facts, agreement, names, now, findings, verdicts) if facts.has_data else None,
        pace=pace_of(facts, agreement, names, now) if facts.has_data and facts.days else None,
        funnel=funnel_of(facts, names) if facts.has_data else (),
        findings=findings,
        verdicts=verdicts,
        phases=phases_of(facts, agreement, names),
        breakdown=breakdown_of(facts, names),
        trend=trend_of(facts, names),
        outlook=outlook_of(facts, agreement, names),
        provenance=provenance_of(facts, agreement, built_at=built_at),
        glossary=glossary_of(agreement, focus.as_of),
        explore=explore_data(facts, agreement, names) if facts.has_data else None,
        reviews=reviews_of(facts, agreement),
    )


def _standing(facts: Facts) -> dict[str, Any]:
    """Where the current KPI stands: the night's divergence, or without a target what was counted."""
    focus = facts.focus
    blank = dict.fromkeys(
        ("actual", "target", "expected_to_date", "forecast_lower", "forecast", "forecast_upper", "p_reach", "state")
    )
    for row in facts.divergence:
        key = (row["kpi_id"], row["period_kind"], row["period_start"], row["scope_kind"], row["scope_id"])
        if key == (focus.kpi_id, "month", focus.month, "department", focus.department):
            return blank | dict(row)
    for row in facts.trend:
        if row["kpi_id"] == focus.kpi_id and row["period_start"] == focus.month:
            kept = {name: row[name] for name in ("actual", "target", "expected_to_date")}
            return blank | kept | {"state": row["status"]}
    return blank


def _head(
    facts: Facts, agreement: Agreement, names: Names, now: dict[str, Any], findings: Findings, verdicts: Verdicts
) -> Head:
    focus = facts.focus
    business = [row["day"] for row in facts.days if row["business_day"]]
    lower, upper = now["forecast_lower"], now["forecast_upper"]
    expected, actual = now["expected_to_date"], now["actual"]
    return Head(
        steps=tuple(
            Step(Text(phase.label.ja, phase.label.en), phase.id == agreement.phases.current_phase)
            for phase in agreement.phases.phases
        ),
        kpi=names.label(focus.kpi_id),
        anchor=anchor_of(focus.kpi_id) if focus.kpi_id in names.kpis else None,
        verdict=_verdict_behind(names, focus.kpi_id),
        period=formats.period("month", focus.month, focus.next_month),
        whose=names.scope("department", focus.department),
        chip=chip(now["state"]),
        actual=names.figure(focus.kpi_id, actual or 0),
        target=names.figure(focus.kpi_id, now["target"]),
        has_target=now["target"] is not None,
        attainment=formats.percent((actual or 0) / now["target"] if now["target"] else None),
        expected=names.figure(focus.kpi_id, expected, digits=1),
        gap=names.gap(focus.kpi_id, (actual or 0) - expected if expected is not None else None),
        forecast=names.figure(focus.kpi_id, now["forecast"]),
        band=_band(names, focus.kpi_id, lower, upper),
        p_reach=formats.probability(now["p_reach"]),
        days_left=sum(day > focus.as_of for day in business),
        days_total=len(business),
        gauge=_gauge(now),
        answer=_answer(names, focus.kpi_id, now),
        changes=_changes(facts, names, now),
        cause=findings.first_cause or WORDS["no_cause"],
        has_cause=findings.first_cause is not None,
        actions=_actions(now, findings.first, verdicts),
    )


def _verdict_behind(names: Names, kpi_id: str) -> str | None:
    """Name the verdict of the meetings that a KPI counts; None where it does not count judged meetings."""
    numerator = names.kpis[kpi_id].numerator if kpi_id in names.kpis else None
    counted = numerator.where.get("verdict") if numerator and numerator.event == "meetings" else None
    return counted if isinstance(counted, str) else None


def _band(names: Names, kpi_id: str, lower: float | None, upper: float | None) -> Text | None:
    if lower is None or upper is None:
        return None
    return Text("{lower}〜{upper}", "{lower}–{upper}").fill(
        lower=names.figure(kpi_id, lower), upper=names.figure(kpi_id, upper)
    )


def _gauge(now: dict[str, Any]) -> Gauge | None:
    target = now["target"]
    if not target:
        return None
    top = max(target, now["actual"] or 0, now["forecast_upper"] or 0)

    def share(value: float | None) -> float | None:
        return None if value is None else 100 * float(value) / top

    return Gauge(
        actual=share(now["actual"] or 0) or 0,
        expected=share(now["expected_to_date"]),
        lower=share(now["forecast_lower"]),
        upper=share(now["forecast_upper"]),
        target=share(target) or 100,
    )


def _answer(names: Names, kpi_id: str, now: dict[str, Any]) -> Text:
    values = {
        "actual": names.figure(kpi_id, now["actual"] or 0),
        "expected": names.figure(kpi_id, now["expected_to_date"], digits=1),
        "forecast": names.figure(kpi_id, now["forecast"]),
        "lower": names.figure(kpi_id, now["forecast_lower"]),
        "upper": names.figure(kpi_id, now["forecast_upper"]),
        "target": names.figure(kpi_id, now["target"]),
        "p": formats.probability(now["p_reach"]),
    }
    if now["target"] is None:
        return WORDS["answer_no_target"].fill(**values)
    if now["forecast"] is None or now["p_reach"] is None:
        return WORDS["answer_no_forecast"].fill(**values)
    return WORDS["answer_behind"].fill(**values)


def _changes(facts: Facts, names: Names, now: dict[str, Any]) -> Changes:
    nights = sorted({row["known_date"] for row in facts.snapshots}, reverse=True)
    numbers = _moved(facts, names, nights)
    events = []
    for before in facts.divergence_before:
        if before["state"] != now["state"]:
            events.append(
                WORDS["state_changed"].fill(before=look_up(STATES, before["state"]), now=look_up(STATES, now["state"]))
            )
        was, is_now = formats.probability(before["p_reach"]), formats.probability(now["p_reach"])
        if was != is_now:
            events.append(WORDS["p_changed"].fill(before=was, now=is_now))
    as_of = facts.focus.as_of
    opened = sum(row["opened_date"] == as_of for row in facts.alerts)
    resolved = sum(row["resolved_date"] == as_of for row in facts.alerts)
    events += [WORDS["alerts_opened"].fill(count=opened)] if opened else []
    events += [WORDS["alerts_resolved"].fill(count=resolved)] if resolved else []
    since = WORDS["since"].fill(day=formats.short_day(nights[1])) if len(nights) > 1 else None
    return Changes(since=since, numbers=numbers, events=tuple(events))


def _moved(facts: Facts, names: Names, nights: list[date]) -> tuple[Change, ...]:
    """KPIs of the phase whose value moved between the last two nights; the current KPI first, also when it stood still."""
    if len(nights) < 2:
        return ()
    now = _values(facts.snapshots, nights[0])
    before = _values(facts.snapshots, nights[1])
    moved = [kpi_id for kpi_id in now if kpi_id in before and now[kpi_id] != before[kpi_id] and kpi_id in names.kpis]
    phase = names.kpis[facts.focus.kpi_id].phase if facts.focus.kpi_id in names.kpis else None
    shown = [kpi_id for kpi_id in moved if names.kpis[kpi_id].phase == phase]
    current = facts.focus.kpi_id
    if shown and current not in shown and current in now and current in before:
        shown.append(current)
    shown.sort(key=lambda kpi_id: kpi_id != current)
    return tuple(
        Change(
            label=names.kpi(kpi_id),
            before=names.figure(kpi_id, before[kpi_id]),
            now=names.figure(kpi_id, now[kpi_id]),
            delta=_delta(names, kpi_id, now[kpi_id] - before[kpi_id]),
        )
        for kpi_id in shown[:CHANGES_SHOWN]
    )


def _values(rows: Rows, night: date) -> dict[str, float]:
    return {
        row["kpi_id"]: float(row["value"]) for row in rows if row["known_date"] == night and row["value"] is not None
    }


def _delta(names: Names, kpi_id: str, value: float) -> Text:
    if names.unit(kpi_id) in {"calls", "emails", "meetings", "deals", "count"}:
        return formats.signed(names.figure(kpi_id, value), value)
    return names.gap(kpi_id, value)


def _actions(now: dict[str, Any], first: Finding | None, verdicts: Verdicts) -> tuple[Text, ...]:
    """What to do first. Proposals from the place of the gap; nothing is decided here."""
    if now["state"] == "untrusted":
        return (ACTIONS["untrusted"],)
    actions = []
    if now["target"] is None:
        actions.append(ACTIONS["no_target"])
    elif first is not None:
        actions.append(ACTIONS[first.effect_id].fill(part=first.part, kpi=to_copy()))
    if verdicts.next_deadline is not None:
        actions.append(ACTIONS["pending"].fill(count=verdicts.pending_count, day=verdicts.next_deadline))
    elif verdicts.pending_count:
        actions.append(ACTIONS["pending_over"].fill(count=verdicts.pending_count))
    return tuple(actions) or (ACTIONS["none"],)
