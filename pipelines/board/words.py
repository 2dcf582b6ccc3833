"""In which words does the board speak? Every label and sentence, Japanese and English, and the type that carries both.

A `Text` renders as two language-tagged spans; the style sheet shows one of them. It escapes what it carries, so text
from a CRM may be filled in.
"""

from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages."""

    ja: str
    en: str

    def __html__(self) -> Markup:
        """Both languages, escaped and tagged; once only when they are the same."""
        if self.ja == self.en:
            return escape(self.en)
        return Markup('<span lang="ja">{}</span><span lang="en">{}</span>').format(self.ja, self.en)

    def fill(self, **values: "Text | str | int") -> "Text":
        """Put values into the `{places}` of both languages."""
        ja = {name: value.ja if isinstance(value, Text) else str(value) for name, value in values.items()}
        en = {name: value.en if isinstance(value, Text) else str(value) for name, value in values.items()}
        return Text(self.ja.format(**ja), self.en.format(**en))


@dataclass(frozen=True, slots=True)
class Term(Text):
    """The name of something that the page explains: it leads to the explanation at `anchor`."""

    anchor: str

    def __html__(self) -> Markup:
        """The name as a link."""
        return Markup('<a class="term" href="#{}">{}</a>').format(self.anchor, Text(self.ja, self.en))


def same(text: str) -> Text:
    """Text that reads alike in both languages: a name, an id, a figure."""
    return Text(text, text)


def look_up(words: dict[str, Text], key: str | None) -> Text:
    """Give the words for an id, or the id itself when nobody named it."""
    if key is None:
        return same("–")
    return words.get(key, same(key))


WORDS: dict[str, Text] = {
    "title": Text("インサイドセールス KPI ボード", "Inside sales KPI board"),
    "skip": Text("本文へ", "Skip to content"),
    "as_of": Text("集計日", "As of"),
    "built_at": Text("作成", "Built"),
    "language": Text("表示言語", "Language"),
    "theme": Text("配色", "Theme"),
    "theme_auto": Text("自動", "Auto"),
    "theme_light": Text("ライト", "Light"),
    "theme_dark": Text("ダーク", "Dark"),
    "sections": Text("目次", "Sections"),
    "phase": Text("フェーズ", "Phase"),
    "current_kpi": Text("いま追う KPI", "The one KPI"),
    "target": Text("目標", "Target"),
    "actual": Text("実績", "Actual"),
    "attainment": Text("達成率", "Attainment"),
    "expected": Text("今日までの期待値", "Expected to date"),
    "expected_short": Text("期待値", "Expected"),
    "gap": Text("差", "Gap"),
    "gap_now": Text("期待値との差", "Gap to expected"),
    "forecast": Text("着地予測", "Forecast"),
    "forecast_band": Text("90% の幅", "90% band"),
    "p_reach": Text("目標到達の確率", "Chance to reach target"),
    "days_left": Text("残り営業日", "Business days left"),
    "of_days": Text("全 {total} 日中", "of {total}"),
    "status": Text("状態", "State"),
    "changed": Text("前回からの変化", "What changed"),
    "first_cause": Text("第一の原因", "First cause"),
    "to_do": Text("次にすること", "What to do"),
    "since": Text("{day} の記録との比較", "Compared with the record of {day}"),
    "no_change": Text("数字に変化はありません。", "No number moved."),
    "no_snapshot": Text("比べる過去の記録がまだありません。", "There is no earlier record to compare with yet."),
    "state_changed": Text("状態: {before} → {now}", "State: {before} → {now}"),
    "p_changed": Text("到達確率: {before} → {now}", "Chance to reach target: {before} → {now}"),
    "alerts_opened": Text("新しいアラート {count} 件", "{count} new alert(s)"),
    "alerts_resolved": Text("解消したアラート {count} 件", "{count} alert(s) resolved"),
    "answer_behind": Text(
        "今日までに {expected} のところ {actual}。このままでは {forecast}({lower}〜{upper})で終わり、目標 {target} に届く確率は{p}です。",
        "{actual} where {expected} was due. On current form the period ends at {forecast} ({lower} to {upper}); "
        "the chance to reach {target} is {p}.",
    ),
    "answer_no_target": Text(
        "実績は {actual}。この期間の目標はまだ合意されていません。",
        "Actual is {actual}. No target has been agreed for this period yet.",
    ),
    "answer_no_forecast": Text(
        "今日までに {expected} のところ {actual}。予測を出すにはデータが足りません。",
        "{actual} where {expected} was due. There is too little data for a forecast.",
    ),
    "no_cause": Text(
        "偶然を超える原因は見つかりません。「原因なし」も答えです。",
        "Nothing stands out from noise. “No significant cause” is an answer too.",
    ),
    "cause_funnel": Text(
        "ファネルの「{part}」の{way}が、差 {gap} のうち {contribution}。",
        "Funnel step “{part}” {way}: {contribution} of the gap of {gap}.",
    ),
    "cause_fixed": Text(
        "「{part}」が、差 {gap} のうち {contribution}。", "“{part}”: {contribution} of the gap of {gap}."
    ),
    "cause_segment": Text(
        "{split}「{part}」の{way}が、差 {gap} のうち {contribution}。",
        "{split} “{part}”, {way}: {contribution} of the gap of {gap}.",
    ),
    "pace": Text("ペース", "Pace"),
    "pace_caption": Text(
        "{kpi}の累計。実線は実績、破線は営業日と曜日のリズムによる期待値、帯は着地予測の 90% の幅、網かけは休日。",
        "{kpi}, running total. Solid: actual. Dashed: expected by business days and rhythm. Band: 90% of the forecast. Shaded: days off.",
    ),
    "holidays": Text("この期間の祝日・休業日", "Holidays in this period"),
    "day": Text("日", "Day"),
    "show_numbers": Text("数字を表で見る", "Show the numbers"),
    "no_pace": Text("この期間の記録がまだありません。", "There are no records in this period yet."),
    "funnel": Text("ファネルと見張り役", "The funnel and its guards"),
    "funnel_caption": Text(
        "{scope} · {period}: 各段階の件数と目標、前の段階からの率",
        "{scope}, {period}: each step beside its target, and the rates",
    ),
    "funnel_note": Text(
        "獲得は獲得日、実施と有効は実施日で数えるため、月の中の率は同じ商談を追ったものではない(それは下のコホート)。"
        "有効率に回答待ちは入らない。",
        "Booked counts on the day of booking, held and valid on the day of the meeting, so rates within a month do not follow "
        "the same meetings (the cohorts below do). The valid rate leaves out meetings that wait for an answer.",
    ),
    "step": Text("段階", "Step"),
    "this_month": Text("今月", "This month"),
    "rate_from_before": Text("前の段階からの率", "Rate from the step before"),
    "guard": Text("見張り役", "Guard"),
    "diverges": Text("ずれと原因", "What diverges, and why"),
    "alerts": Text("アラート", "Alerts"),
    "no_alerts": Text("開いているアラートはありません。", "No alert is open."),
    "opened": Text("発生", "Opened"),
    "kpi": Text("KPI", "KPI"),
    "covered": Text(
        "上位のアラートに含まれるもの {count} 件", "{count} covered by the alert of their team or department"
    ),
    "acknowledged": Text("{by}: {why}", "{by}: {why}"),
    "waterfall": Text("差の内訳(ファネル)", "Where the gap comes from (funnel)"),
    "waterfall_caption": Text(
        "期待値から実績まで。各段階の寄与を足すと差 {gap} になる。",
        "From expected to actual. The parts add up to the gap of {gap}.",
    ),
    "part": Text("内訳", "Part"),
    "contribution": Text("寄与", "Contribution"),
    "interval": Text("90% の幅", "90% interval"),
    "significance": Text("判定", "Verdict"),
    "significant": Text("偶然ではない", "More than noise"),
    "not_significant": Text("偶然の範囲", "Within noise"),
    "sum_of_parts": Text("合計", "Sum of parts"),
    "segments": Text("どこで起きたか", "Where it happened"),
    "segments_note": Text(
        "一度に多くの内訳を比べるため、「偶然ではない」には 90% の幅が 0 を外れるより強い証拠が要ります。",
        "Many parts are compared at once, so “more than noise” asks for more than a 90% interval without 0.",
    ),
    "nothing_certain": Text("偶然を超えるものなし", "nothing beyond noise"),
    "effect": Text("種類", "Effect"),
    "evidence": Text("根拠", "Evidence"),
    "records": Text("記録 {count} 件", "{count} record(s)"),
    "no_causes": Text("この期間の原因分析はまだありません。", "There is no analysis of causes for this period yet."),
    "verdicts": Text("有効商談の判定", "Verdicts"),
    "verdicts_caption": Text(
        "{period}に{until}までに行われた商談 {count} 件の判定。",
        "Verdicts on {count} meetings counted in {period} up to {until}.",
    ),
    "by_rule": Text("条件ごとの結果", "By rule"),
    "rule": Text("条件", "Rule"),
    "passed": Text("合格", "Pass"),
    "failed": Text("不合格", "Fail"),
    "waiting": Text("回答待ち", "Waiting"),
    "only_failed": Text("これだけが不合格", "Only this failed"),
    "warning": Text("警告のみ", "warning only"),
    "reject_reasons": Text("フィールドセールスの却下理由", "Field sales' reasons for rejecting"),
    "reason": Text("理由", "Reason"),
    "count": Text("件数", "Count"),
    "pending_list": Text("回答待ちの商談", "Meetings that wait for an answer"),
    "meeting": Text("商談", "Meeting"),
    "rep": Text("担当", "Rep"),
    "team": Text("チーム", "Team"),
    "held": Text("実施日", "Held"),
    "awaited": Text("待っている回答", "Awaited"),
    "until": Text("期限", "Until"),
    "more_pending": Text("ほか {count} 件", "and {count} more"),
    "no_pending": Text("回答待ちの商談はありません。", "No meeting waits for an answer."),
    "no_verdicts": Text("この期間に判定された商談はまだありません。", "No meeting has been judged in this period yet."),
    "phase_kpis": Text("フェーズの KPI と見張り役", "The phase's KPIs and their guards"),
    "guarded_by": Text("見張り役: {kpi}", "guarded by {kpi}"),
    "current_phase": Text("現在", "current"),
    "breakdown": Text("担当・流入経路・対応方法", "By rep, lead source and response method"),
    "by_rep": Text("担当ごと", "By rep"),
    "what_to_do": Text("することと、確認済み・保留のコマンド", "What to do, and commands to acknowledge or snooze"),
    "guide": Text("手順書", "Guide"),
    "say_explain": Text("判定の経過を見る", "See how it was judged"),
    "say_acknowledge": Text("引き受ける（確認済みにする）", "Take it on (acknowledge)"),
    "say_snooze": Text("この日まで知らせない（保留）", "Not before this day (snooze)"),
    "copy_command": Text("コピー", "Copy"),
    "copied": Text("コピーしました", "Copied"),
    "change_title": Text("先月の同じ時点との差", "Against the same share of last month"),
    "change_sentence": Text(
        "先月の同じ割合では {previous}、今月は {actual}(差 {change})。{cause}",
        "{previous} in the same share of last month, {actual} now ({change}). {cause}",
    ),
    "change_caption": Text(
        "先月の同じ割合から今月まで。各段階の寄与を足すと差 {gap} になる。",
        "From the same share of last month to now. The parts add up to the change of {gap}.",
    ),
    "last_month": Text("先月の同じ割合", "Same share of last month"),
    "main_alert_above": Text("内訳は上の表にあります。", "Its parts stand above."),
    "by_rep_note": Text(
        "名前順。少ない件数の差は偶然であることが多く、順位は付けません。",
        "In order of name. Differences of few cases are mostly noise; there is no ranking.",
    ),
    "lead_source": Text("流入経路", "Lead source"),
    "response_method": Text("対応方法", "Response method"),
    "by_lead_source": Text("流入経路ごと", "By lead source"),
    "by_response_method": Text("対応方法ごと", "By response method"),
    "counted_note": Text(
        "獲得は獲得日、実施と有効は実施日で数えます。",
        "Booked counts on the day of booking; held and valid on the day of the meeting.",
    ),
    "before_rate": Text("前 3 か月", "3 months before"),
    "trend": Text("12 か月の推移", "Twelve months"),
    "trend_caption": Text(
        "月ごとの獲得・実施・有効。段の線は月ごとの有効商談の目標、今月の縦棒は着地予測の 90% の幅、縦の点線は定義の変更。",
        "Booked, held and valid by month. Steps: each month's target of valid meetings. Bar on this month: 90% of the forecast. "
        "Dotted: a new definition took effect.",
    ),
    "month": Text("月", "Month"),
    "definition_version": Text("定義", "Definition"),
    "plan": Text("計画と次のフェーズ", "Plan and next phase"),
    "plan_table": Text("目標から逆算した必要数", "What the goal needs"),
    "plan_caption": Text("{period}に必要な数と実績", "Needed in {period}, and actual"),
    "needed": Text("必要数", "Needed"),
    "needed_per_day": Text("残りの 1 人 1 営業日あたり", "Left, per rep and day"),
    "realism": Text("必要数以下だった月", "Own months at or below"),
    "unrealistic": Text("過去の実績を超える", "Above the own past"),
    "sample": Text("根拠の件数", "Cases behind"),
    "too_little": Text("データ不足", "Too little data"),
    "no_plan": Text("計画はまだ計算されていません。", "No plan has been worked out yet."),
    "gate": Text("次のフェーズへの条件", "Gate to the next phase"),
    "met": Text("達成", "Met"),
    "not_met": Text("未達", "Not yet"),
    "gate_note": Text("決めるのは人です。phases.yaml に署名して移行します。", "People decide, by signing phases.yaml."),
    "no_gate": Text("条件はまだ評価されていません。", "The gate has not been evaluated yet."),
    "data": Text("データと定義", "Data and definition"),
    "sources": Text("取り込み元", "Sources"),
    "source": Text("取り込み元", "Source"),
    "synced_at": Text("最終同期", "Last sync"),
    "landed": Text("取得", "Landed"),
    "changed_rows": Text("変更", "Changed"),
    "quarantined": Text("隔離", "Quarantined"),
    "fresh": Text("最新", "Fresh"),
    "stale": Text("古い", "Stale"),
    "reconciliation": Text("CRM との件数照合", "Counts against the CRM"),
    "object": Text("対象", "Object"),
    "crm_count": Text("CRM 側", "In the CRM"),
    "landed_here": Text("こちら側", "Here"),
    "matched": Text("一致", "Match"),
    "mismatch": Text("不一致", "Differs"),
    "quarantine": Text("隔離された記録", "Records in quarantine"),
    "field": Text("項目", "Field"),
    "no_quarantine": Text("隔離された記録はありません。", "No record is in quarantine."),
    "checks": Text("データ検査", "Data checks"),
    "check": Text("検査", "Check"),
    "result": Text("結果", "Result"),
    "ok": Text("合格", "Passed"),
    "not_ok": Text("不合格", "Failed"),
    "warns": Text("注意", "Warning"),
    "counts_unknown": Text("CRM が件数を答えない対象 {count} 件", "{count} objects of which the CRM tells no count"),
    "no_syncs": Text("同期の記録がまだありません。", "No sync has run yet."),
    "definition": Text("有効な定義", "Definition in force"),
    "version_since": Text("第 {version} 版 · {day} から", "Version {version}, since {day}"),
    "why": Text("理由", "Why"),
    "requirement": Text("条件式", "Requirement"),
    "decides": Text("判定", "Role"),
    "critical": Text("判定を決める", "decides"),
    "waits": Text("回答を {days} 営業日待つ", "waits {days} business days"),
    "signatures": Text("署名", "Signatures"),
    "signed_by": Text("{department} {name}({day})", "{department}: {name}, {day}"),
    "rule_added": Text("この版で追加", "new in this version"),
    "differences": Text("前の版との違い", "Changes from the version before"),
    "no_definition": Text("署名のそろった定義がありません。", "No definition has all its signatures."),
    "glossary": Text("数字の定義", "What each number means"),
    "explain_all": Text("すべての KPI の説明を開く", "Open the explanation of every KPI"),
    "how_counted": Text("数え方", "How it is counted"),
    "its_records": Text("もとの記録と変化の経過", "The records behind it, and how it moved"),
    "its_definition": Text("定義: {name} {version}", "Definition: {name}, {version}"),
    "what_it_means": Text("この数字の意味", "What it means"),
    "meetings_behind": Text("もとの商談", "The meetings behind it"),
    "counted_on": Text("{date} の日に数える", "counted on {date}"),
    "owned_by": Text("責任部門: {department}", "Owner: {department}"),
    "reviews": Text("振り返り", "For the review"),
    "cohorts": Text("コホートの推移", "Cohorts over time"),
    "cohorts_note": Text(
        "その月に始まったもののうち、何日以内に次の段階へ進んだか。薄い数字は、まだ日数が足りない記録を除いた途中の値。",
        "Of what began in a month, the share that reached the step within so many days. Pale: not all are old enough yet.",
    ),
    "cohort_booking": Text("獲得月ごと(商談)", "By month of booking (meetings)"),
    "cohort_first_touch": Text("最初の接触月ごと(人)", "By month of first touch (people)"),
    "cohort_size": Text("母数", "Size"),
    "within_days": Text("{step}({days}日以内)", "{step} within {days} days"),
    "feedback": Text("フィールドセールスの回答", "Field sales' feedback"),
    "feedback_caption": Text("実施した商談への回答(月ごと)", "Answers on held meetings, by month"),
    "fb_accepted": Text("受け入れ", "Accepted"),
    "fb_rejected": Text("却下", "Rejected"),
    "fb_silent": Text("期限内に回答なし", "No answer in time"),
    "fb_waiting": Text("回答待ち", "Waiting"),
    "fb_share": Text("受け入れ率", "Accepted of answered"),
    "disagreements": Text("判断が食い違う商談(新しい順)", "Meetings they disagree on, newest first"),
    "qualitative": Text("対応と理由(今月)", "How and why not, this month"),
    "no_reviews": Text("まだ記録がありません。", "There are no records yet."),
    "would_be_valid": Text(
        "無効の商談が有効になるために足りなかった条件", "What would have made the invalid meetings valid"
    ),
    "conditions_missing": Text("満たす必要があった条件", "Conditions that were missing"),
    "history": Text("経過", "History"),
    "proposal": Text("提案", "Proposal"),
    "gate_missing": Text("足りない条件: {list}", "Missing: {list}"),
    "guard_later": Text(
        "結果が出るまで日数がかかるため、同じ古さの件だけで比べる", "its cases need time: compared at equal age only"
    ),
    "guard_fell": Text("見張り役が悪化", "its guard got worse"),
    "schema_changes": Text("CRM の項目の変化", "Changes of fields in the CRMs"),
    "explore": Text("絞り込み・並べ替え", "Filter and drill down"),
    "explore_caption": Text("選んだ条件での数字", "The numbers of this choice"),
    "explore_note": Text(
        "行を選ぶとその条件に絞り込み、下に商談を表示します。率の横の小さい数字は分子 / 分母です。",
        "Choose a row to narrow down to it; its meetings stand below. Small figures beside a rate: cases it is made of.",
    ),
    "group_by": Text("分け方", "Group by"),
    "period_filter": Text("期間", "Period"),
    "all": Text("すべて", "All"),
    "total": Text("合計", "Total"),
    "verdict": Text("判定", "Verdict"),
    "months_3": Text("直近 3 か月", "Last 3 months"),
    "months_12": Text("直近 12 か月", "Last 12 months"),
    "fails": Text("不合格: {rules}", "Not met: {rules}"),
    "waits_for": Text("回答待ち: {rules}", "Waiting for: {rules}"),
    "reason_given": Text("却下理由: {rules}", "Reason given: {rules}"),
    "shrunk_note": Text(
        "担当ごとの率は、件数が少ないほど全体の率に近づけた値です。小さい数字は実数です。",
        "A rep's rates are drawn towards the common rate, the more so the fewer cases; small figures are the counts.",
    ),
    "noise_order": Text(
        "この差は偶然の範囲なので、担当を並べ替えません。",
        "Reps are not ordered by this: the difference is within noise.",
    ),
    "meetings_below": Text("商談", "Meetings"),
    "meetings_note": Text("今月と前 2 か月の商談。", "Meetings of this month and the two before."),
    "shown_of": Text("{total} 件中 {count} 件を表示", "{count} of {total} shown"),
    "more": Text("さらに表示", "Show more"),
    "no_meetings": Text("条件に合う商談はありません。", "No meeting fits these filters."),
    "reset": Text("条件をクリア", "Clear filters"),
    "open_rep": Text("{rep}のページを開く", "Open the page of {rep}"),
    "rep_page": Text("担当のページ", "A rep's own page"),
    "rep_back": Text("← ボードに戻る", "← Back to the board"),
    "rep_numbers": Text("自分の数字", "Own numbers"),
    "rep_months": Text("月ごとの推移", "Month by month"),
    "rep_pending": Text("回答待ちと期限", "Waiting for an answer, and until when"),
    "rep_meetings": Text("自分の商談と判定の理由", "Own meetings, verdicts and reasons"),
    "empty_title": Text("まだ数字がありません", "No numbers yet"),
    "empty_why": Text(
        "最初の夜間処理が終わると、ここに今月の状況が出ます。",
        "After the first nightly run this page shows how the month stands.",
    ),
    "empty_doctor": Text("接続と合意を確かめる", "Check the connections and the agreement"),
    "empty_nightly": Text("夜間処理をいま実行する", "Run the nightly job now"),
    "footer": Text(
        "このファイルは単独で完結しています。外部への通信はありません。",
        "This file is complete in itself. It contacts no other host.",
    ),
}
