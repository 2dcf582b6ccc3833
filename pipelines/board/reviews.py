"""What came of each month's work, what field sales said of it, and why not: for the monthly review."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from definitions_contract.schema import Agreement
from pipelines.board import formats
from pipelines.board.labels import COHORT_STEPS, DISAGREEMENTS, PARTS, QUALITATIVE
from pipelines.board.names import Link, link
from pipelines.board.rows import TREND_MONTHS, Facts, Rows
from pipelines.board.words import WORDS, Text, look_up, same

# Which step is shown after how many days: about when most of those who reach it have.
COHORT_COLUMNS: dict[str, tuple[tuple[str, int], ...]] = {
    "booking": (("held", 30), ("valid", 30), ("deal", 60), ("won", 90), ("won", 180)),
    "first_touch": (("booked", 30), ("booked", 90), ("valid", 90), ("won", 180)),
}
COHORT_TITLES = {"booking": WORDS["cohort_booking"], "first_touch": WORDS["cohort_first_touch"]}
QUALITATIVE_COLUMNS: dict[str, tuple[str, ...]] = {
    "reject_reason": ("rejected",),
    "lost_reason": ("lost",),
    "response_method": ("booked", "held", "valid", "rejected", "deals", "won"),
    "lead_source": ("booked", "held", "valid", "rejected", "deals", "won"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A small table: its caption, headings, and rows of a label and figures; a muted figure is not final."""

    id: str
    title: Text
    label: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[Text, tuple[tuple[Text, bool], ...]], ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A meeting of which people and definition think differently."""

    link: Link
    held: Text
    kind: Text
    why: Text


@dataclass(frozen=True, slots=True)
class Reviews:
    """Cohorts, feedback, disagreements and reasons; each is empty as long as there is nothing to tell."""

    cohorts: tuple[Table, ...]
    feedback: Table | None
    kinds: tuple[tuple[Text, int], ...]
    disagreements: tuple[Disagreement, ...]
    reasons: tuple[Table, ...]


def reviews_of(facts: Facts, agreement: Agreement) -> Reviews:
    """Lay out what a review looks at."""
    labels = {rule.id: Text(rule.label.ja, rule.label.en) for one in agreement.definitions for rule in one.rules}
    counts = Counter({row["kind"]: row["kind_count"] for row in facts.disagreements})
    return Reviews(
        cohorts=tuple(_cohort(kind, rows) for kind, rows in facts.cohorts.items() if rows),
        feedback=_feedback(facts.feedback) if facts.feedback else None,
        kinds=tuple((look_up(DISAGREEMENTS, kind), count) for kind, count in counts.most_common()),
        disagreements=tuple(_disagreement(row, labels) for row in facts.disagreements),
        reasons=tuple(
            _reason(kind, rows)
            for kind in QUALITATIVE_COLUMNS
            if (rows := [row for row in facts.qualitative if row["kind"] == kind])
        ),
    )


def _cohort(kind: str, rows: Rows) -> Table:
    found = {(row["cohort_month"], row["step"], row["age_days"]): row for row in rows}
    months = sorted({row["cohort_month"] for row in rows})[-TREND_MONTHS:]
    sizes = {row["cohort_month"]: row["cohort_size"] for row in rows}
    columns = COHORT_COLUMNS[kind]
    return Table(
        id=f"cohort-{kind}",
        title=COHORT_TITLES[kind],
        label=WORDS["month"],
        head=(
            WORDS["cohort_size"],
            *(WORDS["within_days"].fill(step=look_up(COHORT_STEPS, step), days=days) for step, days in columns),
        ),
        rows=tuple(
            (
                _month(month),
                (
                    (formats.number(sizes[month]), False),
                    *(_conversion(found.get((month, step, days))) for step, days in columns),
                ),
            )
            for month in months
        ),
    )


def _month(month: date) -> Text:
    return Text(f"{month.year}年{month.month}月", f"{month:%b %Y}")


def _conversion(row: Mapping[str, Any] | None) -> tuple[Text, bool]:
    """Give the share of those old enough; muted while the cohort is not whole."""
    if row is None or not row["at_risk"]:
        return same("–"), True
    return formats.percent(row["converted"] / row["at_risk"]), not row["is_matured"]


def _feedback(rows: Rows) -> Table:
    names = ("accepted_count", "rejected_count", "silent_count", "waiting_count")

    def figures(row: Mapping[str, Any]) -> tuple[tuple[Text, bool], ...]:
        answered = row["accepted_count"] + row["rejected_count"]
        share = formats.percent(row["accepted_count"] / answered if answered else None)
        return (*((formats.number(row[name]), False) for name in names), (share, bool(row["waiting_count"])))

    head = (WORDS["fb_accepted"], WORDS["fb_rejected"], WORDS["fb_silent"], WORDS["fb_waiting"], WORDS["fb_share"])
    return Table(
        id="feedback-months",
        title=WORDS["feedback_caption"],
        label=WORDS["month"],
        head=head,
        rows=tuple((_month(row["month_start"]), figures(row)) for row in rows),
    )


def _disagreement(row: Mapping[str, Any], labels: dict[str, Text]) -> Disagreement:
    parts = [look_up(labels, rule) for rule in (row["failed_rules"] or "").split(",") if rule]
    if row["reject_reason"]:
        parts.append(look_up(PARTS, row["reject_reason"]))
    return Disagreement(
        link=link(row["meeting_id"], row["crm_url"]),
        held=formats.short_day(row["held_date"]),
        kind=look_up(DISAGREEMENTS, row["kind"]),
        why=Text("、".join(one.ja for one in parts) or "–", ", ".join(one.en for one in parts) or "–"),
    )


def _reason(kind: str, rows: list[Mapping[str, Any]]) -> Table:
    columns = QUALITATIVE_COLUMNS[kind]
    rows = sorted(rows, key=lambda row: (-(row[columns[0]] or 0), row["code"]))
    return Table(
        id=f"reasons-{kind}",
        title=look_up(QUALITATIVE, kind),
        label=WORDS[kind] if kind in ("lead_source", "response_method") else WORDS["reason"],
        head=tuple(look_up(COHORT_STEPS, column) for column in columns),
        rows=tuple(
            (look_up(PARTS, row["code"]), tuple((formats.number(row[column]), False) for column in columns))
            for row in rows
            if any(row[column] for column in columns)
        ),
    )
