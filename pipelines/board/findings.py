"""What diverges, and why: alerts, and causes whose parts add up to their gap."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.kpi.lever_words import lever_words
from pipelines.alert_kinds import lead_of
from pipelines.board import formats
from pipelines.board.alert_help import Help, help_of
from pipelines.board.charts import Bar, waterfall_bars
from pipelines.board.labels import (
    ALERT_EVENTS,
    ALERT_PROPOSALS,
    ALERT_STATES,
    CLOSED,
    EFFECT_WAYS,
    EFFECTS,
    FIXED_PARTS,
    FUNNEL_STEPS,
    SPLITS,
    STATES,
)
from pipelines.board.names import Chip, Link, Names, chip, link
from pipelines.board.phrases import tell
from pipelines.board.rows import LIVE_ALERTS, Facts
from pipelines.board.words import WORDS, Text, look_up, same

LESSER_SHOWN = 3  # parts of a split that are within noise; what is left is one line, so that the parts still add up
SPLITS_WITHOUT_LESSER = frozenset({"rep"})  # a person is named for more than noise only
BLOCKS_SHOWN = 12  # alerts that are laid open with their causes

FUNNEL_ORDER = {step: place for place, step in enumerate(FUNNEL_STEPS)}

EVENT_ORDER = {event: place for place, event in enumerate(ALERT_EVENTS)}

REST = "(rest)"
WORST_FIRST = ("untrusted", "off", "at_risk", "ahead")

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a gap."""

    split: str
    part: Text
    effect: Text
    effect_id: str
    contribution: Text
    value: float
    interval: Text
    is_significant: bool
    is_fixed: bool
    is_negative: bool
    evidence: Text
    records: tuple[Link, ...]
    bar: Bar


@dataclass(frozen=True, slots=True)
class Split:
    """A gap taken apart one way; the parts add up to `total`."""

    title: Text
    findings: tuple[Finding, ...]
    total: Text
    is_funnel: bool
    has_finding: bool
    start: Text
    start_bar: Bar
    end: Text
    end_bar: Bar


@dataclass(frozen=True, slots=True)
class Change:
    """How this month stands beside the same share of the last one, taken apart; the parts of each split add up to the change."""

    sentence: Text
    total: Text
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, with the causes of its gap."""

    id: str
    kpi: Text
    scope: Text
    period: Text
    chip: Chip
    handling: Text
    gap: Text
    p_reach: Text
    opened: Text
    note: Text | None
    cause: Text
    proposal: Text | None
    evidence: Text | None
    history: tuple[Text, ...]
    is_covered: bool
    is_main: bool
    splits: tuple[Split, ...]
    change: Change | None
    help: Help


@dataclass(frozen=True, slots=True)
class Findings:
    """All that diverges; `splits` are those of the current KPI, alert or not; `covered` alerts have a parent's."""

    alerts: tuple[Alert, ...]
    covered: tuple[Alert, ...]
    splits: tuple[Split, ...]
    gap: Text
    first: Finding | None
    first_cause: Text | None


def findings_of(facts: Facts, names: Names) -> Findings:
    """Lay out alerts and causes."""
    histories = _histories(facts)
    groups: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in facts.causes:
        groups[_key(row)].append(row)
    changes: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in facts.period_changes:
        changes[_key(row)].append(row)
    due = {_key(row): row["expected_to_date"] for row in facts.divergence}
    focus = facts.focus
    key = (focus.kpi_id, "month", focus.month, "department", focus.department)
    rows = groups.get(key, [])
    first = _first(rows)
    splits = _splits(rows, due.get(key), facts, names)
    gap = float(rows[0]["gap"]) if rows else None
    alerts = [
        replace(
            _alert(row, groups, due, facts, names),
            proposal=_proposal(row, names),
            evidence=tell(row["evidence"], names.ids) if row["kind"] == "change" else None,
            history=tuple(histories[row["alert_id"]]),
            change=None if row["silenced_by"] else _change(changes.get(_key(row), []), facts, names),
        )
        for row in sorted(facts.alerts, key=lambda row: _urgency(row, facts))
        if row["state"] in LIVE_ALERTS
    ]
    return Findings(
        alerts=tuple(alert for alert in alerts if not alert.is_covered),
        covered=tuple(alert for alert in alerts if alert.is_covered),
        splits=splits,
        gap=names.gap(focus.kpi_id, gap),
        first=_finding(first, facts, names, Bar(0, 0)) if first else None,
        first_cause=_sentence(first, names) if first else None,
    )


def _urgency(row: Mapping[str, Any], facts: Facts) -> tuple[Any, ...]:
    """The current KPI's alert leads, then the worst state; among equals departments before teams before reps."""
    state = row["divergence_state"]
    place = WORST_FIRST.index(state) if state in WORST_FIRST else len(WORST_FIRST)
    return (not _is_main(row, facts), row["kpi_id"] != facts.focus.kpi_id, place, row["scope_kind"], row["alert_id"])


def _key(row: Mapping[str, Any]) -> Key:
    return (row["kpi_id"], row["period_kind"], row["period_start"], row["scope_kind"], row["scope_id"])


def _first(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The part that leads the ranking; None when no part is more than noise."""
    ranked = [row for row in rows if row["is_significant"] and row["rank"] is not None]
    return min(ranked, key=lambda row: row["rank"]) if ranked else None


def _action_for(row: Mapping[str, Any]) -> str:
    return str(row["part"] if row["part"] in FIXED_PARTS else row["effect"] or "factor")


def _sentence(row: Mapping[str, Any], names: Names) -> Text:
    words = WORDS["cause_funnel"] if row["split"] == "funnel" else WORDS["cause_segment"]
    words = WORDS["cause_fixed"] if row["part"] in FIXED_PARTS else words
    return words.fill(
        split=look_up(SPLITS, row["split"]),
        part=names.part(row["split"], row["part"]),
        way=EFFECT_WAYS.get((row["effect"], row["contribution"] < 0), look_up(EFFECTS, row["effect"])),
        gap=names.gap(row["kpi_id"], row["gap"]),
        contribution=names.gap(row["kpi_id"], row["contribution"]),
    )


def _alert(
    row: Mapping[str, Any], groups: Mapping[Key, Any], due: Mapping[Key, Any], facts: Facts, names: Names
) -> Alert:
    rows = groups.get(_key(row), [])
    first = _first(rows)
    end = next((one["period_end"] for one in facts.divergence if _key(one) == _key(row)), row["period_start"])
    by, why = row["acknowledged_by"], row["acknowledged_why"]
    return Alert(
        id=row["alert_id"],
        kpi=names.kpi(row["kpi_id"]),
        scope=names.scope(row["scope_kind"], row["scope_id"]),
        period=formats.period(row["period_kind"], row["period_start"], end),
        chip=chip(row["divergence_state"]),
        handling=look_up(ALERT_STATES, row["state"]),
        gap=names.gap(row["kpi_id"], row["gap"]),
        p_reach=formats.probability(row["p_reach"]),
        opened=formats.short_day(row["opened_date"]),
        note=WORDS["acknowledged"].fill(by=by, why=why or "–") if by else None,
        cause=_sentence(first, names) if first else WORDS["no_cause"],
        proposal=None,
        evidence=None,
        history=(),
        is_covered=bool(row["silenced_by"]),
        is_main=_is_main(row, facts),
        splits=() if _is_main(row, facts) else _splits(rows, due.get(_key(row)), facts, names),
        change=None,
        help=help_of(row, facts.focus.as_of),
    )


def _change(rows: Sequence[Mapping[str, Any]], facts: Facts, names: Names) -> Change | None:
    """Lay out the change to the last month; None where there was nothing to compare with."""
    if not rows:
        return None
    kpi_id, previous, gap = rows[0]["kpi_id"], float(rows[0]["previous"]), float(rows[0]["gap"])
    total = names.gap(kpi_id, gap)
    first = _first(rows)
    sentence = WORDS["change_sentence"].fill(
        previous=names.figure(kpi_id, previous, digits=1),
        actual=names.figure(kpi_id, previous + gap, digits=1),
        change=total,
        cause=_sentence(first, names) if first else WORDS["no_cause"],
    )
    return Change(sentence, total, _splits(rows, previous, facts, names))


def _proposal(row: Mapping[str, Any], names: Names) -> Text | None:
    """Say what the alert proposes, from its columns; None when it proposes nothing."""
    proposal, lever = row["proposal"] or "", row["proposal_lever"]
    is_level = proposal == "act" and names.kpis[row["kpi_id"]].denominator is not None
    words = ALERT_PROPOSALS.get("act_on_level" if is_level else proposal)
    if words is None:
        return None
    text = words.fill(
        lever=Text(*lever_words(lever, names.kpis, names.reps)) if lever else names.kpi(row["kpi_id"]),
        value=names.figure(row["kpi_id"], row["proposal_value"]),
        day=formats.short_day(row["proposal_date"]),
    )
    lead = lead_of(row, names)
    return text if lead is None else Text(text.ja + lead.ja, f"{text.en} {lead.en}")


def _histories(facts: Facts) -> dict[str, list[Text]]:
    """What happened to each alert, in order: the day, what, and by whom and why when a person did it."""
    found: dict[str, list[Text]] = defaultdict(list)
    for row in sorted(facts.alert_events, key=lambda row: (row["event_date"], _order(row["event"]))):
        what = look_up(ALERT_EVENTS, row["event"])
        text = Text("{day} {what}", "{day}: {what}").fill(day=formats.short_day(row["event_date"]), what=what)
        if row["by"]:
            who = f" ({row['by']}: {row['detail'] or '–'})"
            text = Text(text.ja + who, text.en + who)
        elif row["detail"] in STATES or row["detail"] in CLOSED:
            became = look_up(STATES | CLOSED, row["detail"])
            text = Text(f"{text.ja} → {became.ja}", f"{text.en} → {became.en}")
        found[row["alert_id"]].append(text)
    return found


def _order(event: str) -> int:
    """Within a day an alert is opened before it is told of, and closed last."""
    return EVENT_ORDER.get(event, len(EVENT_ORDER))


def _is_main(row: Mapping[str, Any], facts: Facts) -> bool:
    """Is it the alert of the current KPI, whose parts stand above the list?"""
    focus = facts.focus
    return _key(row) == (focus.kpi_id, "month", focus.month, "department", focus.department)


def _splits(rows: Sequence[Mapping[str, Any]], due: float | None, facts: Facts, names: Names) -> tuple[Split, ...]:
    by_split: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_split[row["split"]].append(row)
    ordered = sorted(by_split, key=lambda name: (name != "funnel", name))
    return tuple(_split(name, by_split[name], due or 0.0, facts, names) for name in ordered)


def _split(name: str, rows: list[Mapping[str, Any]], due: float, facts: Facts, names: Names) -> Split:
    rows = sorted(rows, key=lambda row: _place(row["part"])) if name == "funnel" else _telling(rows)
    kpi_id = rows[0]["kpi_id"]
    values = [float(row["contribution"]) for row in rows]
    start, *steps, end = waterfall_bars(due, values)
    return Split(
        title=look_up(SPLITS, name),
        findings=tuple(_finding(row, facts, names, bar) for row, bar in zip(rows, steps, strict=True)),
        total=names.gap(kpi_id, sum(values)),
        is_funnel=name == "funnel",
        has_finding=any(row["is_significant"] and row["part"] not in FIXED_PARTS for row in rows),
        start=names.figure(kpi_id, due, digits=1),
        start_bar=start,
        end=names.figure(kpi_id, due + sum(values), digits=1),
        end_bar=end,
    )


def _place(step: str) -> int:
    return FUNNEL_ORDER.get(step, len(FUNNEL_ORDER))


def _telling(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Keep the parts that are more than noise and the largest of the others, add up the rest; fixed parts come last."""
    changed = [row for row in rows if row["part"] not in FIXED_PARTS]
    fixed = [row for row in rows if row["part"] in FIXED_PARTS]
    ordered = sorted(changed, key=lambda row: (not row["is_significant"], -abs(row["contribution"])))
    lesser = 0 if rows[0]["split"] in SPLITS_WITHOUT_LESSER else LESSER_SHOWN
    count = sum(bool(row["is_significant"]) for row in changed) + lesser
    shown, rest = ordered[:count], ordered[count:]
    if not rest:
        return [*shown, *fixed]
    nothing = dict.fromkeys(("lower", "upper", "evidence_ids", "evidence", "rank", "effect"))
    others = {"part": REST, "contribution": sum(row["contribution"] for row in rest), "is_significant": False}
    return [*shown, dict(rest[0]) | nothing | others, *fixed]


def _finding(row: Mapping[str, Any], facts: Facts, names: Names, bar: Bar) -> Finding:
    value = float(row["contribution"])
    kpi_id = row["kpi_id"]
    is_told = row["is_significant"] or row["part"] in FIXED_PARTS or row["split"] == "funnel"
    interval = same("–")
    if row["part"] not in FIXED_PARTS and row["lower"] is not None and row["upper"] is not None:
        interval = Text("{low}〜{high}", "{low} to {high}").fill(
            low=names.gap(kpi_id, row["lower"]), high=names.gap(kpi_id, row["upper"])
        )
    ids = [one for one in (row["evidence_ids"] or "").split(",") if one]
    return Finding(
        split=row["split"],
        part=names.part(row["split"], row["part"]),
        effect=look_up(EFFECTS, row["effect"]),
        effect_id=_action_for(row),
        contribution=names.gap(kpi_id, value),
        value=value,
        interval=interval,
        is_significant=bool(row["is_significant"]),
        is_fixed=row["part"] in FIXED_PARTS,
        is_negative=value < 0,
        evidence=tell(row["evidence"] if is_told else None, names.ids),
        records=tuple(link(one, facts.evidence.get(one)) for one in ids if is_told),
        bar=bar,
    )
