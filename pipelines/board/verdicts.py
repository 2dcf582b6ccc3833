"""What was judged of the month's meetings: verdicts, results by rule, reasons, and answers that are awaited."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from definitions_contract.schema import Agreement, Rule
from pipelines.board import formats
from pipelines.board.labels import PARTS, VERDICTS
from pipelines.board.names import Link, Names, link
from pipelines.board.rows import Facts, Rows
from pipelines.board.words import WORDS, Text, look_up, same

MISSING_SHOWN = 8  # rarer sets of conditions teach little


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """Meetings of one verdict; `share` in percent."""

    id: str
    label: Text
    count: int
    share: float
    percent: Text


@dataclass(frozen=True, slots=True)
class RuleRow:
    """How the meetings did under one rule; `only` would be valid without it."""

    label: Text
    version: str
    is_warning: bool
    passed: int
    failed: int
    waiting: int
    only: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A meeting that waits for an answer."""

    link: Link
    rep: Text
    team: Text
    held: Text
    awaited: tuple[Text, ...]
    until: Text


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The month's verdicts, and what is awaited."""

    caption: Text
    total: int
    counts: tuple[VerdictCount, ...]
    rules: tuple[RuleRow, ...]
    reasons: tuple[tuple[Text, int], ...]
    missing: tuple[tuple[Text, int], ...]
    pending: tuple[Pending, ...]
    pending_count: int
    next_deadline: Text | None


def verdicts_of(facts: Facts, agreement: Agreement, names: Names) -> Verdicts:
    """Lay out the verdicts."""
    focus = facts.focus
    by_verdict = _sum_by(facts.verdicts, "verdict")
    total = sum(by_verdict.values())
    labels = {
        rule.id: Text(rule.label.ja, rule.label.en) for definition in agreement.definitions for rule in definition.rules
    }
    next_deadline = facts.pending[0]["next_deadline"] if facts.pending else None
    return Verdicts(
        caption=WORDS["verdicts_caption"].fill(
            period=formats.period("month", focus.month, focus.next_month),
            until=formats.short_day(focus.as_of),
            count=total,
        ),
        total=total,
        counts=tuple(
            VerdictCount(
                id=name, label=label, count=count, share=100 * count / total, percent=formats.percent(count / total)
            )
            for name, label in VERDICTS.items()
            if (count := by_verdict.get(name, 0))
        ),
        rules=_rule_rows(facts, _rules(agreement)),
        reasons=tuple((look_up(PARTS, row["reject_reason"]), row["meeting_count"]) for row in facts.reject_reasons),
        missing=_missing(facts.verdicts, labels),
        pending=tuple(
            Pending(
                link=link(row["meeting_id"], row["crm_url"]),
                rep=names.rep(row["rep_id"]),
                team=names.scope("team", row["team"] or "unknown"),
                held=formats.short_day(row["held_date"]),
                awaited=tuple(look_up(labels, rule) for rule in (row["waiting_rules"] or "").split(",") if rule),
                until=formats.short_day(row["pending_until_date"]),
            )
            for row in facts.pending
        ),
        pending_count=facts.pending[0]["pending_count"] if facts.pending else 0,
        next_deadline=formats.short_day(next_deadline) if next_deadline else None,
    )


def _missing(rows: Rows, labels: dict[str, Text]) -> tuple[tuple[Text, int], ...]:
    """Sets of conditions that would have made invalid meetings valid, the most frequent first."""
    found = [row for row in rows if row["verdict"] == "invalid" and row["failed_rules"]]
    found.sort(key=lambda row: (-row["meeting_count"], row["failed_rules"]))
    sets = [([look_up(labels, rule) for rule in row["failed_rules"].split(",")], row["meeting_count"]) for row in found]
    return tuple(
        (Text(" + ".join(one.ja for one in rules), " + ".join(one.en for one in rules)), count)
        for rules, count in sets[:MISSING_SHOWN]
    )


def _sum_by(rows: Rows, column: str) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row[column]] += row["meeting_count"]
    return counts


def _rules(agreement: Agreement) -> dict[tuple[str, int], Rule]:
    return {(rule.id, one.version): rule for one in agreement.definitions for rule in one.rules}


def _rule_rows(facts: Facts, rules: Mapping[tuple[str, int], Rule]) -> tuple[RuleRow, ...]:
    """One line per rule and version, in the definition's order."""
    counts: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    severity = {}
    for row in facts.rule_results:
        key = (row["rule_id"], row["definition_version"])
        counts[key][row["outcome"]] += row["meeting_count"]
        severity[key] = row["severity"]
    only = {row["failed_rules"]: row["meeting_count"] for row in facts.verdicts if row["verdict"] == "invalid"}
    order = {key: place for place, key in enumerate(rules)}
    return tuple(
        RuleRow(
            label=Text(rules[key].label.ja, rules[key].label.en) if key in rules else same(key[0]),
            version=f"v{key[1]}",
            is_warning=severity[key] == "warning",
            passed=counts[key]["pass"],
            failed=counts[key]["fail"],
            waiting=counts[key]["waiting"],
            only=only.get(key[0], 0),
        )
        for key in sorted(counts, key=lambda key: (-(key[1] or 0), order.get(key, len(order)), key[0]))
    )
