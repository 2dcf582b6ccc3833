"""How are the tables' English sentences told in Japanese? Forms that the models write, clause by clause.

A sentence with a clause that is not known here stays English in both languages: better foreign than half a translation.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from pipelines.board.words import Text, look_up, same

Forms = tuple[tuple[re.Pattern[str], str], ...]


def forms(pairs: Iterable[tuple[str, str]]) -> Forms:
    """Make English forms and their Japanese (which may take groups over) ready to be looked up."""
    return tuple((re.compile(form, re.DOTALL), japanese) for form, japanese in pairs)


N = r"−?-?[\d.,]+"
DAY = r"\d{4}-\d\d-\d\d"
# Clauses as written by models/kpi: causes, changes, plan, phase_status, data_trust; and their Japanese.
CLAUSES = forms(
    (
        (rf"({N}) of ({N}) counted \((\d+%)\), (\d+%) in ({DAY}) to ({DAY})", r"\2 件中 \1 件(\3)。\5〜\6 は \4"),
        (rf"({N}) so far, ({N}) by the level of ({DAY}) to ({DAY})", r"これまで \1。\3〜\4 の水準では \2"),
        (
            rf"({N}) of ({N}) counted in (\d+) business days since ({DAY}) \((\d+%)\), (\d+%) in the own past"
            rf" \(\+?({N}) standard errors\)",
            r"\4 からの \3 営業日で \2 件中 \1 件(\5)。過去の自チームは \6(標準誤差の \7 倍)",
        ),
        (
            rf"({N}) in (\d+) business days since ({DAY}), ({N}) by the own past \(\+?({N}) standard errors\)",
            r"\3 からの \2 営業日で \1 件。過去の自チームの水準では \4(標準誤差の \5 倍)",
        ),
        (
            rf"Left on ({DAY}): ({N}) so far, ({N}) by the level of ({DAY}) to ({DAY})",
            r"\1 に退職。これまで \2。\4〜\5 の水準では \3",
        ),
        (rf"({N}) each over ({N}), ({N}) each in ({DAY}) to ({DAY})", r"\2 件で 1 件あたり \1。\4〜\5 は \3"),
        (
            rf"({N}) failed only what the definition asks since ({DAY}) and did not in ({DAY}) to ({DAY})",
            r"\2 からの定義で初めて求められる条件だけで無効になった商談 \1 件(\3〜\4 の定義では有効)",
        ),
        (
            rf"({N}) count only by the definition since ({DAY}) and did not in ({DAY}) to ({DAY})",
            r"\2 からの定義でだけ有効になった商談 \1 件(\3〜\4 の定義では無効)",
        ),
        (rf"({N}) business days so far on ({N}) weekdays", r"平日 \2 日のうち営業日 \1 日"),
        (rf"({N}) deals were lost in the period", r"この期間の失注 \1 件"),
        (
            rf"not a change in the work\. Holidays are no cause: what is due leaves out ({N}) of them",
            r"仕事の変化ではない。祝日は原因ではない: 期待値は祝日 \1 日を除いてある",
        ),
        (
            r"Not judged: connection (\S+) was last synced before the day was over",
            r"判定していない: 接続 \1 の最後の同期が集計日の終わりより前",
        ),
        (r"Not judged: connection (\S+) has never been synced", r"判定していない: 接続 \1 は一度も同期されていない"),
        (r"Not judged: check (\S+) failed", r"判定していない: 検査 \1 が不合格"),
        (
            r"Not judged: (\S+) (\S+): fewer records arrived than the CRM has",
            r"判定していない: \1 の \2 が CRM の件数より少ない",
        ),
        (
            r"Not judged: connection (\S+) (?:was last synced before the day was over|has never been synced)\."
            r" What happened since is not counted: no gap can be told from a missing sync",
            r"判定していない: 接続 \1 の同期がこの日に間に合っていない。それ以後の出来事は数えていないため、差は仕事の変化とは言えない",
        ),
        (
            rf"What the target asks beyond the level of ({DAY}) to ({DAY})",
            r"\1〜\2 の水準を超えて目標が求める分",
        ),
        (
            r"Expected from meetings that wait for an answer, valid at the share of all such meetings before",
            "回答待ちの商談から見込まれる分(これまで回答を待った商談全体の有効率で計算)",
        ),
        (
            r"Expected from meetings that wait for an answer, valid at each part's own share now",
            "回答待ちの商談から見込まれる分(内訳ごとの今期の有効率で計算)",
        ),
        (r"not a change in the work", "仕事の変化ではない"),
        (rf"({N}) done so far", r"これまでの実績 \1"),
        (rf"({N}) \(({N}) to ({N})\) per deal won", r"受注 1 件あたり \1(\2〜\3)"),
        (rf"({N}) \(({N}) to ({N})\) meetings booked per connect", r"通電 1 件あたりの獲得 \1(\2〜\3)"),
        (r"(\d+%) \((\d+%) to (\d+%)\) of calls connect", r"架電の \1(\2〜\3)が通電"),
        (
            r"(\d+%) \((\d+%) to (\d+%)\) of booked meetings are held, half of them within (\d+) days",
            r"獲得した商談の \1(\2〜\3)を実施。半数は \4 日以内",
        ),
        (r"(\d+%) \((\d+%) to (\d+%)\) of held meetings are valid", r"実施した商談の \1(\2〜\3)が有効"),
        (
            r"(\d+%) \((\d+%) to (\d+%)\) of valid meetings become a deal won, half of them within (\d+) days",
            r"有効商談の \1(\2〜\3)が受注。半数は \4 日以内",
        ),
        (r"(\d+%) of deals won begin with one", r"受注の \1 は有効商談から始まる"),
        (
            rf"the goal's rest by business days left and the own month-of-quarter pattern ((?:{N}(?:, )?)+)",
            r"目標の残りを残り営業日と四半期内の月の型(\1)で配分",
        ),
        (
            r"the goal's rest by business days left \((\d+) whole months with figures, (\d+) are needed\)",
            r"目標の残りを残り営業日で配分(数値のある月は \1 か月。季節の型には \2 か月が必要)",
        ),
        (r"the department's rate: too few own cases", "自分の件数が少ないため部署の率"),
        (r"the agreed benchmark", "合意したベンチマーク"),
        (
            r"(?:No figure: )?none of (\d+) cases has converted yet, 1 more is needed",
            r"データ不足: \1 件のうちまだ 1 件も次の段階に進んでいません。1 件あれば計算できます",
        ),
        (
            r"(?:No figure: )?(\d+) matured cases, (\d+) more are needed",
            r"データ不足: 結果の出た件数 \1。あと \2 件が必要",
        ),
        *(
            (pattern, japanese.format(word=word, own=own))
            for english, word, own in (
                ("week", "週", "週"),
                ("month", "か月", "月"),
                ("quarter", "四半期", "四半期"),
                ("fiscal_year", "年度", "年度"),
            )
            for pattern, japanese in (
                (rf"(\d+) of the last (\d+) {english}s met", r"直近 \2 {word}のうち \1 {word}で達成"),
                (
                    rf"met without strain: a tenth or more to spare in each of the last (\d+) {english}s",
                    r"余裕のある達成: 直近 \1 {word}のどの{own}も目標を 1 割以上超過",
                ),
                (
                    rf"out of reach: met in none of the last (\d+) {english}s",
                    r"届かない目標: 直近 \1 {word}で一度も未達",
                ),
            )
        ),
        (
            rf"the level is ({N}(?:e[+-]?\d+)?), and ({N}(?:e[+-]?\d+)?) would truly be met with (\d+%)",
            r"今の水準は \1、\2 なら確率 \3 で真に達成",
        ),
        (rf"the level is ({N}(?:e[+-]?\d+)?)", r"今の水準は \1"),
        (r"no period with a target yet", "目標のある期間がまだない"),
        (r"There is no KPI and no phase after this one", "この後の KPI もフェーズもない"),
        (r"every condition of the gate is met", "移行の条件をすべて満たしている"),
        (r"([a-z_]+) v(\d+) is signed", r"\1 v\2 は署名済み"),
        (r"no signed version of ([a-z_]+)", r"\1 に署名済みの版がない"),
        (r"(\d+) of (\d+) needed", r"\2 期間中 \1 期間が必要"),
        (r"(\d+%) likely that the target is truly met", r"目標を真に達成している確率 \1"),
        (r"([\d.]+%?) needed", r"\1 が必要"),
        (r"all data checks passed", "すべてのデータ検査に合格"),
        (rf"({N}) windows landed another number than the CRM says", r"CRM と件数が違う取り込み \1 件"),
        (r"(\d+) sources are older than (\d+) hours", r"\2 時間より古い取り込み元 \1 件"),
        (rf"({N}) rows repeat the key of another", r"キーが重複する行 \1 件"),
        (rf"({N}) meetings have no row in meeting_verdicts", r"判定のない商談 \1 件"),
        (rf"({N}) KPI rows lie after the night's day", r"集計日より後の KPI の行 \1 件"),
        (
            rf"({N}) meetings lie before the first signed version and are not judged",
            r"最初の署名済みの版より前で判定しない商談 \1 件",
        ),
        (rf"({N}) fields of records are kept aside", r"隔離中の項目 \1 件"),
        (
            rf"({N}) completed calls of the last (\d+) days have no disposition",
            r"直近 \2 日の完了した架電で結果が未記録 \1 件",
        ),
        (
            rf"({N}) meetings have no outcome (\d+) business days after their end",
            r"終了から \2 営業日たっても結果が未記録の商談 \1 件",
        ),
        (rf"({N}) deals have no lead source", r"流入経路のない案件 \1 件"),
        (rf"({N}) e-mails belong to no known rep", r"担当が不明なメール \1 件"),
        (
            rf"({N}) won deals are in no amount: no rate of their currency holds on their close day \(exchange_rates in team\.yaml\)",
            r"クローズ日の換算レートがなく、金額に入らない受注 \1 件(team.yaml の exchange_rates)",
        ),
        (
            rf"({N}) won deals have no amount: they are counted, and add nothing to the amount",
            r"金額のない受注 \1 件(件数には入り、金額には何も加わらない)",
        ),
        (
            rf"({N}) won deals name no currency, where others of their CRM do: their amounts are taken for the agreed currency's",
            r"通貨のない受注 \1 件(同じ CRM の他の案件には通貨がある。合意した通貨の金額として数えている)",
        ),
        (
            rf"({N}) deals are likely there twice: another has the same name, amount and close day",
            r"名前・金額・クローズ日が同じ別の案件がある案件 \1 件",
        ),
        (
            rf"({N}) people are likely there twice: one connection has another with the same e-mail, or name and phone",
            r"同じ接続に、メールまたは名前と電話が同じ別の人物がある人物 \1 件",
        ),
        (
            rf"({N}) companies are likely there twice: one connection has another with the same domain, or name and no domain",
            r"同じ接続に、ドメインが同じ（ドメインがなければ名前が同じ）別の会社がある会社 \1 件",
        ),
        (
            rf"({N}) meetings are likely there twice: another begins in the same minute with the same person",
            r"同じ人物と同じ時刻に始まる別の商談がある商談 \1 件",
        ),
        (
            rf"({N}) counts of the day are far from those of the same weekday",
            r"同じ曜日のいつもの件数と大きく違う集計 \1 件",
        ),
        (r"e\.g\. (.+)", r"例: \1"),
        (rf"({N}) files were changed after they were signed", r"署名後に変更されたファイル \1 件"),
        (rf"({N}) files are not signed by all", r"全部署の署名がそろわないファイル \1 件"),
        (rf"({N}) files were signed after the first day for which they hold", r"適用開始後に署名されたファイル \1 件"),
        (r"(\S+\.yaml) was changed after (.+) signed: .+", r"\1: \2 の署名後に変更"),
        (r"(\S+\.yaml) is not signed by (.+)", r"\1: 署名待ち \2"),
        (rf"(\S+\.yaml), signed on ({DAY}): .+", r"\1: 最後の署名は \2"),
    )
)
# Clauses that name ids: what they are called comes from the agreement and the labels.
NAMED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"lost reasons: (.+)"), "失注の理由: {list}", "lost reasons: {list}"),
    (re.compile(r"failed rules: (.+)"), "不合格の条件: {list}", "failed rules: {list}"),
    (re.compile(r"reject reasons: (.+)"), "却下理由: {list}", "reject reasons: {list}"),
    (
        re.compile(r"([a-z_]+) has (\d+) whole (?:weeks|months|quarters|fiscal_years)"),
        "{list}は締まった期間 {count} 個分の記録がある",
        "{list} has {count} whole periods",
    ),
    (
        re.compile(r"([a-z_]+) needs no definition of its own"),
        "{list}に独自の定義は不要",
        "{list} needs no definition of its own",
    ),
    (re.compile(r"([a-z_]+): (.+)"), "", ""),
)


def tell(sentence: str | None, words: Mapping[str, Text]) -> Text:
    """Tell a sentence of the tables in both languages; `words` names the ids that it may hold."""
    if not sentence:
        return same("")
    clauses = [_clause(clause, words) for clause in sentence.removesuffix(".").split("; ")]
    if any(one is None for one in clauses):
        return same(sentence)
    known = [one for one in clauses if one is not None]
    return Text("。".join(one.ja for one in known), "; ".join(one.en for one in known))


def in_japanese(sentence: str, known: Forms) -> str | None:
    """Tell a sentence that has one of these forms; None when it has none."""
    for form, japanese in known:
        if (found := form.fullmatch(sentence)) is not None:
            return found.expand(japanese)
    return None


def _clause(clause: str, words: Mapping[str, Text]) -> Text | None:
    if (japanese := in_japanese(clause, CLAUSES)) is not None:
        return Text(japanese, clause)
    for form, japanese, english in NAMED:
        if (found := form.fullmatch(clause)) is not None:
            return _named(found, japanese, english, words)
    return None


def _named(found: re.Match[str], japanese: str, english: str, words: Mapping[str, Text]) -> Text | None:
    if not japanese:  # a condition and its figure
        inner = _clause(found[2], words)
        label = look_up(dict(words), found[1])
        return inner and Text(f"{label.ja}: {inner.ja}", f"{label.en}: {inner.en}")
    if (found.re.groups == 1 and " " not in found[1]) or found.re.groups > 1:
        named, count = look_up(dict(words), found[1]), found[2] if found.re.groups > 1 else ""
        return Text(japanese.format(list=named.ja, count=count), english.format(list=named.en, count=count))
    return Text(
        japanese.format(list=_list(found[1], words, lambda text: text.ja, "、")),
        english.format(list=_list(found[1], words, lambda text: text.en, ", ")),
    )


def _list(text: str, words: Mapping[str, Text], language: Callable[[Text], str], comma: str) -> str:
    """Name the ids of a list such as `held 25, wrong_contact 11`."""
    pairs = [part.rpartition(" ") for part in text.split(", ")]
    return comma.join(f"{language(look_up(dict(words), name))} {count}" for name, _, count in pairs)
