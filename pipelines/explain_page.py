"""The explanation of a meeting in words, in either language."""

from collections.abc import Iterator, Mapping
from typing import Any

from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from models.kpi.lever_words import segment_word
from pipelines.board.names import Names, names_of
from pipelines.explain import SEGMENTS, Explanation, RuleSeen, Step
from pipelines.pages import Block, Bullets, Cell, Heading, Sentence, grid

WORDS: dict[str, dict[Lang, str]] = {
    "verdict": {
        "ja": "判定: {verdict}（{name} v{version}、{since} から適用）",
        "en": "{verdict} by {name} v{version}, in force from {since}",
    },
    "not_judged": {
        "ja": "判定なし: その日に適用される署名済みの版がありません。",
        "en": "Not judged: no signed version was in force on its day.",
    },
    "pending_until": {"ja": "{day} までは判定待ちです。", "en": "It stays pending until the end of {day}."},
    "signed": {"ja": "署名: {names}", "en": "Signed by {names}"},
    "valid": {"ja": "有効", "en": "Valid"},
    "invalid": {"ja": "無効", "en": "Invalid"},
    "pending": {"ja": "判定待ち", "en": "Pending"},
    "facts": {"ja": "商談", "en": "The meeting"},
    "booked_by": {"ja": "獲得した担当", "en": "Booked by"},
    "held_by": {"ja": "実施した担当", "en": "Held by"},
    "team": {"ja": "チーム", "en": "Team"},
    "company": {"ja": "会社", "en": "Company"},
    "outcome": {"ja": "結果", "en": "Outcome"},
    "minutes": {"ja": "予定の長さ（分）", "en": "Planned minutes"},
    "field_sales_feedback_first": {"ja": "フィールドセールスの最初の回答", "en": "Field sales' first feedback"},
    "field_sales_feedback": {"ja": "フィールドセールスの回答", "en": "Field sales' feedback"},
    "reject_reason": {"ja": "却下の理由", "en": "Reason of the rejection"},
    "lead_source_first": {"ja": "最初の流入経路", "en": "First lead source"},
    "lead_source": {"ja": "流入経路", "en": "Lead source"},
    "response_method": {"ja": "対応方法", "en": "Response method"},
    "industry": {"ja": "業種", "en": "Industry"},
    "company_size": {"ja": "会社の規模", "en": "Company size"},
    "what": {"ja": "項目", "en": "What"},
    "value": {"ja": "値", "en": "Value"},
    "rules": {"ja": "規則ごとの結果", "en": "What each rule saw"},
    "rule": {"ja": "規則", "en": "Rule"},
    "asks": {"ja": "条件", "en": "Asks for"},
    "seen": {"ja": "見た値", "en": "Saw"},
    "result": {"ja": "結果", "en": "Result"},
    "pass": {"ja": "合格", "en": "passes"},
    "fail": {"ja": "不合格", "en": "fails"},
    "waiting": {"ja": "回答待ち", "en": "waits"},
    "until": {"ja": "（{day} まで）", "en": " until {day}"},
    "nothing": {"ja": "記録なし", "en": "nothing"},
    "needed": {"ja": "有効になるには", "en": "What would make it valid"},
    "by": {"ja": "{day} までに: {label}（{asks}）", "en": "by {day}: {label} ({asks})"},
    "too_late": {
        "ja": "{label}（{asks}）: 期限を過ぎても記録がありません。記録されれば判定し直されます。",
        "en": "{label} ({asks}): nothing was recorded in time. It is judged anew once something is.",
    },
    "otherwise": {
        "ja": "{label}（{asks}）: 今は「{seen}」。CRM の記録が誤りなら、直せば判定し直されます。",
        "en": "{label} ({asks}): it is {seen}. If the CRM is wrong, correct it there: it is judged anew.",
    },
    "counts": {"ja": "すべての必須の規則に合格しています。", "en": "It passes every critical rule."},
    "timeline": {"ja": "経過", "en": "What happened when"},
    "day": {"ja": "日付", "en": "Day"},
    "detail": {"ja": "詳細", "en": "Detail"},
    "booked": {"ja": "商談を獲得", "en": "booked"},
    "meeting_day": {"ja": "商談の日", "en": "day of the meeting"},
    "feedback": {"ja": "フィールドセールスの回答", "en": "field sales answered"},
    "deal_created": {"ja": "案件を作成", "en": "deal made"},
    "stage": {"ja": "案件のステージ", "en": "deal stage"},
    "people": {"ja": "出席者", "en": "Who is linked to it"},
    "ours": {"ja": "自社", "en": "ours"},
    "theirs": {"ja": "先方", "en": "theirs"},
    "side": {"ja": "側", "en": "Side"},
    "person": {"ja": "人", "en": "Person"},
    "role": {"ja": "役割", "en": "Role"},
    "copies": {"ja": "CRM の記録", "en": "Its records in the CRMs"},
    "record": {"ja": "記録", "en": "Record"},
    "reason": {"ja": "なぜこの商談か", "en": "Why it is this meeting"},
    "leading": {"ja": "元の記録", "en": "leading record"},
    "invitee": {"ja": "招待された人の写し", "en": "an invitee's copy"},
    "other_crm": {"ja": "ほかの CRM の写し", "en": "copy in another CRM"},
    "warning": {"ja": "警告", "en": "warning"},
    "held": {"ja": "実施", "en": "held"},
    "no_show": {"ja": "無断欠席", "en": "no-show"},
    "cancelled": {"ja": "中止", "en": "cancelled"},
    "rescheduled": {"ja": "日程変更", "en": "rescheduled"},
    "unknown": {"ja": "不明", "en": "unknown"},
    "accepted": {"ja": "受け入れ", "en": "accepted"},
    "rejected": {"ja": "却下", "en": "rejected"},
}
WORDED = ("outcome", "field_sales_feedback_first", "field_sales_feedback")  # facts whose values have words above


def explanation_page(found: Explanation, agreement: Agreement, lang: Lang) -> list[Block]:
    """Write the page."""
    names = names_of(agreement, {})

    def word(key: str, **values: object) -> str:
        return WORDS[key][lang].format(**values) if key in WORDS else key

    return [
        *_opening(found, names, lang),
        *_needed(found, lang),
        Heading(word("rules")),
        grid([word(key) for key in ("rule", "asks", "seen", "result")], [_rule_row(r, lang) for r in found.rules]),
        Heading(word("timeline")),
        grid(
            [word(key) for key in ("day", "what", "detail")],
            [(str(event.day), word(event.what), event.detail or "") for event in found.timeline],
        ),
        Heading(word("facts")),
        grid(
            [word("what"), word("value")],
            [
                (word(name), _value(name, str(value), names, lang))
                for name, value in {**found.facts, **found.segments}.items()
                if value is not None
            ],
        ),
        Heading(word("people")),
        grid(
            [word(key) for key in ("side", "person", "detail", "role")],
            [(word(person.side), person.person_id, person.description or "", person.role) for person in found.people],
        ),
        Heading(word("copies")),
        grid(
            [word(key) for key in ("record", "reason")],
            [(Cell(_record(copy), copy["crm_url"]), word(copy["reason"])) for copy in found.copies],
        ),
    ]


def _value(name: str, value: str, names: Names, lang: Lang) -> str:
    if name == "team":
        return str(getattr(names.scope("team", value), lang))
    if name in WORDED and value in WORDS:
        return WORDS[value][lang]
    if name == "reject_reason":
        return str(getattr(names.part(name, value), lang))
    return segment_word(value, lang) if name in SEGMENTS else value


def _opening(found: Explanation, names: Names, lang: Lang) -> Iterator[Block]:
    yield Heading(f"{found.meeting_id}  {found.crm_url or ''}".strip(), level=1)
    if found.verdict is None:
        yield Sentence(WORDS["not_judged"][lang])
        return
    verdict = WORDS[found.verdict][lang]
    values = {"verdict": verdict, "name": found.definition, "version": found.version, "since": found.effective_from}
    yield Sentence(WORDS["verdict"][lang].format(**values))
    who = [
        (getattr(names.scope("department", s["department"]), lang), s["name"], s["signed_date"]) for s in found.signed
    ]
    signed = ", ".join(f"{department} ({name}, {day})" for department, name, day in who)
    yield Sentence(WORDS["signed"][lang].format(names=signed))
    if found.pending_until:
        yield Sentence(WORDS["pending_until"][lang].format(day=found.pending_until))


def _needed(found: Explanation, lang: Lang) -> Iterator[Block]:
    if found.verdict is None:
        return
    yield Heading(WORDS["needed"][lang])
    if not found.needed:
        yield Sentence(WORDS["counts"][lang])
        return
    yield Bullets(tuple(_step(step, lang) for step in found.needed))


def _step(step: Step, lang: Lang) -> str:
    key = "by" if step.by else "otherwise" if step.observed else "too_late"
    return WORDS[key][lang].format(day=step.by, label=step.label, asks=step.asks, seen=step.observed)


def _rule_row(rule: RuleSeen, lang: Lang) -> tuple[str, ...]:
    until = WORDS["until"][lang].format(day=rule.deadline) if rule.deadline else ""
    label = rule.label if rule.severity == "critical" else f"{rule.label} ({WORDS['warning'][lang]})"
    return label, rule.asks, rule.observed or WORDS["nothing"][lang], WORDS[rule.outcome][lang] + until


def _record(copy: Mapping[str, Any]) -> str:
    return f"{copy['connection']} {copy['crm_id']}  {copy['crm_url'] or ''}".strip()
