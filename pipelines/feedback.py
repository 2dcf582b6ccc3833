"""What field sales said of held meetings over time, and which meetings the definition and the people see differently."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from models.kpi.feedback import NONE
from models.tables import disagreements, feedback, reps
from pipelines.pages import Block, Cell, Heading, Sentence, grid

ANSWERS = ("accepted", "rejected", "silent", "waiting")
SHOWN = 30  # disagreements on the page; JSON has all
WORDS: dict[str, dict[Lang, str]] = {
    "title": {"ja": "フィールドセールスの回答（{since} 以降）", "en": "What field sales said since {since}"},
    "about": {
        "ja": "実施した商談への回答。"
        "「定義と食い違い」は、却下されたが他の必須の規則にはすべて合格した商談と、受け入れられたが他の規則に不合格の商談です。",
        "en": "Answers to held meetings. People and definition disagree on those that were rejected but pass every other critical rule, "
        "and on those that were accepted but fail one.",
    },
    "by_month": {"ja": "月別", "en": "By month"},
    "by_rep": {"ja": "獲得した担当別", "en": "By who booked it"},
    "by_holder": {"ja": "フィールドセールス担当別", "en": "By who held it"},
    "by_reason": {"ja": "却下の理由", "en": "Reasons of rejections"},
    "by_rule": {"ja": "受け入れられたが不合格の規則", "en": "Rules that accepted meetings fail"},
    "list": {"ja": "次の見直しで話す商談", "en": "Meetings for the next review"},
    "month": {"ja": "月", "en": "Month"},
    "rep": {"ja": "担当者", "en": "Rep"},
    "reason": {"ja": "理由", "en": "Reason"},
    "rule": {"ja": "規則", "en": "Rule"},
    "meetings": {"ja": "件数", "en": "Meetings"},
    "accepted": {"ja": "受け入れ", "en": "Accepted"},
    "rejected": {"ja": "却下", "en": "Rejected"},
    "silent": {"ja": "無回答", "en": "Silent"},
    "waiting": {"ja": "回答待ち", "en": "Waiting"},
    "share": {"ja": "受け入れ率", "en": "Accepted of answered"},
    "rejected_but_passes": {"ja": "却下だが合格", "en": "Rejected, but passes"},
    "accepted_but_fails": {"ja": "受け入れだが不合格", "en": "Accepted, but fails"},
    "meeting": {"ja": "商談", "en": "Meeting"},
    "day": {"ja": "日付", "en": "Day"},
    "kind": {"ja": "食い違い", "en": "What disagrees"},
    "why": {"ja": "規則・理由", "en": "Rules or reason"},
    "more": {"ja": "ほか {count} 件は --format json にあります。", "en": "{count} more are in --format json."},
    "none": {"ja": "食い違いはありません。", "en": "They agree on every meeting."},
    "no_reason": {"ja": "理由なし", "en": "none given"},
}


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one month, rep or field-sales rep, and the disagreements among them."""

    key: str
    accepted: int
    rejected: int
    silent: int
    waiting: int
    rejected_but_passes: int
    accepted_but_fails: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """Everything field sales said since a day."""

    since: date
    by_month: tuple[Answers, ...]
    by_rep: tuple[Answers, ...]
    by_holder: tuple[Answers, ...]
    reasons: Mapping[str, int]
    failed_rules: Mapping[str, int]  # how many accepted meetings fail each rule
    disagreements: tuple[Mapping[str, Any], ...]


def read_feedback(connection: sa.Connection, *, since: date) -> Feedback:
    """Read the answers of the months from that of `since` on."""
    month = since.replace(day=1)
    rows = connection.execute(sa.select(feedback).where(feedback.c.month_start >= month)).mappings().all()
    listed = sa.select(disagreements).where(disagreements.c.held_date >= month)
    ordered = listed.order_by(disagreements.c.held_date.desc(), disagreements.c.meeting_id)
    differing = [dict(row) for row in connection.execute(ordered).mappings()]
    names = {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name)) if row.name}
    return Feedback(
        since=month,
        by_month=_answers(rows, differing, "month_start", {}),
        by_rep=_answers(rows, differing, "rep_id", names),
        by_holder=_answers(rows, differing, "held_by_rep_id", names),
        reasons=_summed((row["reject_reason"], row["rejected_count"]) for row in rows),
        failed_rules=_summed(
            (rule, row["accepted_count"])
            for row in rows
            if row["failed_rules"] != NONE
            for rule in row["failed_rules"].split(",")
        ),
        disagreements=tuple(differing),
    )


def as_plain(found: Feedback) -> dict[str, Any]:
    """Give everything as plain values, for JSON."""
    return asdict(found)


def feedback_page(found: Feedback, agreement: Agreement, lang: Lang) -> list[Block]:
    """Write the page for the next review."""

    def word(key: str, **values: object) -> str:
        return WORDS[key][lang].format(**values)

    labels = {rule.id: getattr(rule.label, lang) for version in agreement.definitions for rule in version.rules}
    columns = [word(answer) for answer in (*ANSWERS, "share", "rejected_but_passes", "accepted_but_fails")]
    page: list[Block] = [Heading(word("title", since=found.since), level=1), Sentence(word("about"))]
    for title, key, rows in (
        ("by_month", "month", found.by_month),
        ("by_rep", "rep", found.by_rep),
        ("by_holder", "rep", found.by_holder),
    ):
        page += [
            Heading(word(title)),
            grid([word(key), *columns], [_row(row, is_month=key == "month") for row in rows], figures=range(1, 8)),
        ]
    for title, key, counts in (("by_reason", "reason", found.reasons), ("by_rule", "rule", found.failed_rules)):
        shown = [
            (labels.get(name, word("no_reason") if name == NONE else name), f"{n:,}") for name, n in counts.items()
        ]
        page += [Heading(word(title)), grid([word(key), word("meetings")], shown, figures=(1,))]
    page.append(Heading(word("list")))
    if not found.disagreements:
        return [*page, Sentence(word("none"))]
    listed = [
        (
            Cell(row["meeting_id"], row["crm_url"]),
            str(row["held_date"]),
            word(row["kind"]),
            _why(row, labels) or word("no_reason"),
        )
        for row in found.disagreements[:SHOWN]
    ]
    page.append(grid([word(key) for key in ("meeting", "day", "kind", "why")], listed))
    if (more := len(found.disagreements) - SHOWN) > 0:
        page.append(Sentence(word("more", count=f"{more:,}")))
    return page


def _answers(
    rows: Iterable[Mapping[Any, Any]], differing: Iterable[Mapping[str, Any]], key: str, names: Mapping[str, str]
) -> tuple[Answers, ...]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        for answer in ANSWERS:
            sums[str(row[key])][answer] += row[f"{answer}_count"]
    for meeting in differing:
        whose = meeting["held_date"].replace(day=1) if key == "month_start" else meeting[key] or "unknown"
        sums[str(whose)][meeting["kind"]] += 1
    named = sorted((names.get(value, value), counts) for value, counts in sums.items())
    columns = (*ANSWERS, "rejected_but_passes", "accepted_but_fails")
    return tuple(Answers(name, *(counts[column] for column in columns)) for name, counts in named)


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for name, count in pairs:
        sums[name] += count
    return dict(sorted(((name, count) for name, count in sums.items() if count), key=lambda pair: -pair[1]))


def _row(row: Answers, *, is_month: bool) -> tuple[str, ...]:
    answered = row.accepted + row.rejected
    share = f"{row.accepted / answered:.0%}" if answered else "-"
    counts = (row.accepted, row.rejected, row.silent, row.waiting)
    differing = (row.rejected_but_passes, row.accepted_but_fails)
    key = row.key[:7] if is_month else row.key
    return (key, *(f"{count:,}" for count in counts), share, *(f"{count:,}" for count in differing))


def _why(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    if row["failed_rules"]:
        return ", ".join(labels.get(rule, rule) for rule in row["failed_rules"].split(","))
    return row["reject_reason"] or ""
