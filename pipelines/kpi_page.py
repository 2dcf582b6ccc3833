"""The answer of `kpi explain kpi` on a terminal, in one language."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from pipelines.board.formats import figure, number
from pipelines.board.labels import STATES
from pipelines.explain_kpi import Explanation, Step, record_rows
from pipelines.terminal import a_table, say

WORDS: Mapping[str, Mapping[Lang, str]] = {
    "value": {"ja": "値", "en": "Value"},
    "numerator": {"ja": "分子", "en": "Numerator"},
    "denominator": {"ja": "分母", "en": "Denominator"},
    "target": {"ja": "目標", "en": "Target"},
    "expected": {"ja": "今日までの期待値", "en": "Expected to date"},
    "median": {"ja": "中央値", "en": "Median"},
    "state": {"ja": "状態", "en": "State"},
    "definition": {"ja": "定義", "en": "Definition"},
    "as_of": {"ja": "集計日", "en": "as of"},
    "records": {"ja": "もとの記録", "en": "Records behind it"},
    "more": {
        "ja": "ほか {count} 件（--limit、--format csv で全件）",
        "en": "{count} more (--limit, or --format csv for all)",
    },
    "day": {"ja": "日付", "en": "Day"},
    "rep": {"ja": "担当", "en": "Rep"},
    "amount": {"ja": "加算", "en": "Adds"},
    "record": {"ja": "記録", "en": "Record"},
    "first": {"ja": "初回報告", "en": "First reported"},
    "unchanged": {"ja": "その後の変化はありません。", "en": "It has not changed since."},
    "nothing_kept": {"ja": "夜間の記録はまだありません。", "en": "No night has kept it yet."},
    "night": {"ja": "判明した夜", "en": "Known on"},
    "why": {"ja": "理由（記録数）", "en": "Why (records)"},
    "not_kept": {"ja": "当時の記録は残っていません", "en": "the records of that night were not kept"},
    "product": {"ja": "他の KPI の積：{factors}", "en": "Made of other KPIs: {factors}"},
    "guard_fell": {
        "ja": "この数字は上がりましたが、ガード指標 {guard} は前の期間より悪くなっています。",
        "en": "This number rose, but its guard {guard} got worse than in the period before.",
    },
}
REASONS: Mapping[str, Mapping[Lang, str]] = {
    "new": {"ja": "新しい日の記録", "en": "of a later day"},
    "late": {"ja": "後からの入力", "en": "entered late"},
    "edited": {"ja": "修正", "en": "edited"},
    "new_version": {"ja": "定義の改版", "en": "new version of the definition"},
    "merged": {"ja": "統合", "en": "merged"},
    "gone": {"ja": "CRM での削除または統合", "en": "deleted or merged in the CRM"},
}


def print_explanation(console: Console, found: Explanation, agreement: Agreement, lang: Lang, *, limit: int) -> None:
    """Print value, definition, how it moved, and the first records of each side."""
    _print_value(console, found, agreement, lang)
    _print_history(console, found, agreement, lang)
    _print_records(console, found, lang, limit=limit)


def _word(key: str, lang: Lang, **values: object) -> str:
    return WORDS[key][lang].format(**values)


def _figure(found: Explanation, value: Any, agreement: Agreement, lang: Lang) -> str:
    return str(getattr(figure(value, found.kpi.unit, agreement.team.currency), lang))


def _print_value(console: Console, found: Explanation, agreement: Agreement, lang: Lang) -> None:
    row, kpi = found.row, found.kpi
    whose = f"[bold]{getattr(kpi.label, lang)}[/bold] · {found.scope_name} · {found.asked.start} – {found.asked.end}"
    console.print(f"{whose} ({_word('as_of', lang)} {found.as_of})", highlight=False)
    console.print(getattr(kpi.description, lang), highlight=False)
    table = a_table("", "", right=())
    for key, name in (
        ("value", "actual"),
        ("target", "target"),
        ("expected", "expected_to_date"),
        ("median", "median"),
    ):
        if row.get(name) is not None:
            table.add_row(_word(key, lang), _figure(found, row[name], agreement, lang))
    for side, text in found.measures.items():
        table.add_row(_word(side, lang), f"{_plain(row[side])} · {text}")
    for definition in found.definitions:
        table.add_row(_word("definition", lang), definition)
    if row.get("status"):
        table.add_row(_word("state", lang), str(getattr(STATES[row["status"]], lang)))
    table.show_header = False
    console.print(table)
    if kpi.multiply:
        say(
            console,
            _word("product", lang, factors=" × ".join(kpi.multiply) + (f" ÷ {kpi.divide_by}" if kpi.divide_by else "")),
        )
    if row.get("guard_note"):
        say(console, _word("guard_fell", lang, guard=row["guard_kpi_id"]))


def _print_history(console: Console, found: Explanation, agreement: Agreement, lang: Lang) -> None:
    if found.first is None:
        say(console, _word("nothing_kept", lang))
        return
    value = _figure(found, found.first["actual"], agreement, lang)
    say(console, f"{_word('first', lang)}: {found.first['known_date']} {value}")
    if not found.steps:
        say(console, _word("unchanged", lang))
        return
    table = a_table(_word("night", lang), _word("value", lang), _word("why", lang), right=(_word("value", lang),))
    for step in found.steps:
        table.add_row(str(step.night), _figure(found, step.value, agreement, lang), _why(step, lang))
    console.print(table)


def _why(step: Step, lang: Lang) -> str:
    if not step.is_kept:
        return _word("not_kept", lang)
    return ", ".join(f"{REASONS[reason][lang]} {count}" for reason, count in step.reasons.items())


def _print_records(console: Console, found: Explanation, lang: Lang, *, limit: int) -> None:
    records = list(record_rows(found))
    for side, measured in found.records.items():
        name = _word("records", lang) if len(found.records) == 1 else f"{_word('records', lang)}: {_word(side, lang)}"
        say(console, f"[bold]{name}[/bold] {len(measured):,}")
        if not measured:
            continue
        amount = _word("amount", lang)
        table = a_table(_word("day", lang), _word("rep", lang), amount, _word("record", lang), right=(amount,))
        for one in [row for row in records if row["side"] == side][:limit]:
            table.add_row(
                str(one["counted_date"]), one["rep"], _plain(one["amount"]), one["crm_url"] or one["record_id"]
            )
        console.print(table)
        if len(measured) > limit:
            say(console, _word("more", lang, count=len(measured) - limit))


def _plain(value: Any) -> str:
    return "–" if value is None else number(value, 0 if float(value).is_integer() else 2).en
