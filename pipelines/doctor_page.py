"""What `kpi doctor` found, on a terminal: a table of at most its width, in one language; errors stay as they were told."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from connectors.sync import Finding
from definitions_contract.words import Lang
from pipelines.board.phrases import forms, in_japanese
from pipelines.terminal import a_table, to_run

WORDS: Mapping[str, Mapping[Lang, str]] = {
    "what": {"ja": "対象", "en": "What"},
    "found": {"ja": "結果", "en": "Found"},
    "ok": {"ja": "良", "en": "ok"},
    "bad": {"ja": "要対応", "en": "bad"},
    "agreement": {"ja": "合意", "en": "agreement"},
    "messages": {"ja": "メッセージ", "en": "messages"},
    "recipients": {"ja": "宛先", "en": "recipients"},
    "files": {"ja": "ファイル", "en": "files"},
    "login": {"ja": "ログイン", "en": "login"},
    "fields": {"ja": "項目", "en": "fields"},
    "start": {"ja": "取得開始日", "en": "start"},
    "limits": {"ja": "利用上限", "en": "limits"},
    "clock": {"ja": "時計", "en": "clock"},
    "last sync": {"ja": "前回の同期", "en": "last sync"},
    "schema": {"ja": "CRM の項目構成", "en": "schema"},
}
# sentences of pipelines/doctor.py and connectors/extract.py, whole, and their Japanese
FORMS = forms(
    (
        (r"works", "できます"),
        (r"(\d+) with an address", r"アドレスのある宛先 \1 件"),
        (r"of (\d+) records looked at: (.+)", r"\1 件を見て値のあった割合: \2"),
        (r"definition versions: (\d+), all readable", r"定義 \1 版。すべて読めます"),
        (
            r"every mapped field exists, every object may be read",
            "対応づけた項目はすべてあり、どのオブジェクトも読めます",
        ),
        (
            r"files: (\d+), newest (.+); rows: ([\d,]+); every mapped column is there",
            r"ファイル \1 個（最新 \2）、\3 行。対応づけた列はすべてあります",
        ),
        (
            r"([\d,]+) of ([\d,]+) rows have no value in (.+) and would be put aside; mend the export",
            r"\2 行のうち \1 行は \3 に値がなく、隔離されます。エクスポートを直してください",
        ),
        (r"start is (\S+); older and not asked for: nothing", r"\1 から。それより前の記録はありません"),
        (
            r"start is (\S+); older and not asked for: (.+); set an earlier start to have them",
            r"\1 から。それより前で取得しない記録: \2。必要なら start を早めてください",
        ),
        (r"([\d,]+) of ([\d,]+) requests used today", r"今日のリクエスト \2 回のうち \1 回を使用"),
        (
            r"([\d,]+) of ([\d,]+) requests used today; find out which .+",
            r"今日のリクエスト \2 回のうち \1 回を使用。他のアプリを確かめるか、同期の時刻を変えてください",
        ),
        (r"the CRM does not say how many requests are left today", "今日の残り回数を CRM は返しません"),
        (r"the CRM's clock is (\S+) s from this machine's", r"CRM の時計とこの機械との差 \1 秒"),
        (
            r"the CRM's clock is (\S+) s from this machine's; .+",
            r"CRM の時計とこの機械との差 \1 秒。この機械の時刻を NTP で合わせてください",
        ),
        (r"none yet; `kpi nightly` makes the first", "まだありません。`kpi nightly` で始まります"),
        (r"(\S+ \S+ UTC)", r"\1"),
        (
            r"(\S+ \S+ UTC); look at .+",
            r"\1。Dagster の画面で直近の実行を確かめ、`kpi nightly` を実行してください",
        ),
        (
            r"no record has a value in (.+); check the field map, or that people fill it in",
            r"値のある記録がない項目: \1。対応づけか、入力されているかを確かめてください",
        ),
        (
            r"no record has a value in (.+), which the standard field map reads: not used in this CRM",
            r"標準の対応で読むが、この CRM では使われていない項目: \1",
        ),
        (
            r"changed since the sync before: (.+); look whether .+",
            r"前回の同期からの変化: \1。対応づけを変える必要がないか確かめてください",
        ),
    )
)


def print_findings(console: Console, findings: Sequence[Finding], lang: Lang) -> None:
    """Print each finding with what it is about."""
    table = a_table("", WORDS["what"][lang], WORDS["found"][lang])
    for one in findings:
        mark = f"[green]{WORDS['ok'][lang]}[/green]" if one.is_ok else f"[red]{WORDS['bad'][lang]}[/red]"
        about = f"{_word(one.connection, lang)} · {_word(one.subject, lang)}"
        table.add_row(mark, escape(about), escape(to_run(told(one.detail, lang))))
    console.print(table)


def as_rows(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Give the findings for another program: in English, as they are named in docs/errors.md."""
    return [
        {"connection": one.connection, "subject": one.subject, "is_ok": one.is_ok, "detail": one.detail}
        for one in findings
    ]


def told(detail: str, lang: Lang) -> str:
    """Tell a finding in a language; what is not known here, an error above all, stays English."""
    return (in_japanese(detail, FORMS) or detail) if lang == "ja" else detail


def _word(name: str, lang: Lang) -> str:
    return WORDS[name][lang] if name in WORDS else name
