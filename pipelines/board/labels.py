"""What are states, verdicts, steps of the funnel and usual segment values called? Ids in, words out."""

from models.kpi.lever_words import SEGMENTS
from pipelines.board.words import Text

STATES: dict[str, Text] = {
    "ahead": Text("先行", "Ahead"),
    "on_track": Text("順調", "On track"),
    "at_risk": Text("注意", "At risk"),
    "off": Text("届かない見込み", "Off track"),
    "too_little_data": Text("データ不足", "Too little data"),
    "untrusted": Text("データ要確認", "Data not trusted"),
    "no_target": Text("目標なし", "No target"),
}
# A shape for each state, so that no state is told by its colour alone.
STATE_ICONS: dict[str, str] = {
    "ahead": "▲",
    "on_track": "●",
    "at_risk": "◆",
    "off": "▼",
    "too_little_data": "○",
    "untrusted": "!",
    "no_target": "–",
}
ALERT_STATES: dict[str, Text] = {
    "open": Text("未対応", "Open"),
    "acknowledged": Text("確認済み", "Acknowledged"),
    "snoozed": Text("保留中", "Snoozed"),
    "resolved": Text("解消", "Resolved"),
    "closed": Text("終了", "Closed"),
}
VERDICTS: dict[str, Text] = {
    "valid": Text("有効", "Valid"),
    "invalid": Text("無効", "Invalid"),
    "pending": Text("回答待ち", "Pending"),
}
SPLITS: dict[str, Text] = {
    "funnel": Text("ファネル", "Funnel"),
    "lead_source": Text("流入経路", "Lead source"),
    "response_method": Text("対応方法", "Response method"),
    "rep": Text("担当", "Rep"),
    "team": Text("チーム", "Team"),
    "industry": Text("業種", "Industry"),
    "connection": Text("CRM 接続", "CRM connection"),
    "definition": Text("定義の変更", "New definition"),
    "data": Text("データの同期", "Sync of the data"),
}
EFFECTS: dict[str, Text] = {
    "factor": Text("段階", "step"),
    "mix": Text("件数", "volume"),
    "rate": Text("率", "rate"),
    "leaver": Text("退職", "left"),
    "definition": Text("定義の変更", "new definition"),
    "calendar": Text("祝日", "holidays"),
    "stale_sync": Text("同期の遅れ", "late sync"),
}
PROPOSALS: dict[str, Text] = {
    "stay": Text("このフェーズを続ける", "Stay in this phase"),
    "advance": Text("次のフェーズへ進むことを提案", "Proposal: move to the next phase"),
    "next_kpi": Text("次の KPI を始めることを提案", "Proposal: start the next KPI"),
    "smaller_goal": Text("小さい目標に戻すことを提案", "Proposal: go back to a smaller goal"),
    "reset_target": Text(
        "目標の再設定を提案（余裕をもって達成）", "Proposal: set a new target, this one takes no strain"
    ),
}
PROPOSAL_REASONS: dict[str, Text] = {
    "advance": Text(
        "条件をすべて満たしています。次は{phase}フェーズ、KPI は{kpi}です。",
        "Every condition is met. Next: the phase “{phase}” with {kpi}.",
    ),
    "next_kpi": Text("条件をすべて満たしています。次の KPI は{kpi}です。", "Every condition is met. Next KPI: {kpi}."),
    "smaller_goal": Text(
        "いまの目標に届いた期間がありません。目標が {target} なら、いまの水準で届きます。",
        "No period met the present target. On the present level {target} would truly be met.",
    ),
    "reset_target": Text(
        "どの期間も余裕をもって達成しています。いまの水準に合う目標は {target} です。",
        "Every period met it with room to spare. A target that fits the present level is {target}.",
    ),
}
# Factors of the funnels in models/kpi/causes.py, in the order of the funnel; the two last are no change in the work.
FUNNEL_STEPS: dict[str, Text] = {
    "calls_made": Text("架電数", "Calls made"),
    "connects_per_call": Text("通電率(架電 → 通電)", "Connect rate (call → connect)"),
    "booked_per_connect": Text("獲得率(通電 → 獲得)", "Booking rate (connect → booked)"),
    "held_per_booked": Text("実施率(獲得 → 実施)", "Show rate (booked → held)"),
    "valid_per_held": Text("有効率(実施 → 有効)", "Valid rate (held → valid)"),
    "valid_meetings": Text("有効商談数", "Valid meetings"),
    "won_per_valid": Text("受注率(有効 → 受注)", "Win rate (valid → won)"),
    "deals_won": Text("受注数", "Deals won"),
    "amount_per_deal": Text("平均受注単価", "Average deal"),
    "awaiting_verdict": Text("判定待ち(あとで数える)", "Awaiting a verdict (counted later)"),
    "target_level": Text("目標の高さ(過去の実績との差)", "Level of the target against the own past"),
    "definition": Text("定義の変更", "The new definition"),
    "business_days": Text("祝日・休業日", "Holidays"),
}
FIXED_PARTS = frozenset({"awaiting_verdict", "target_level", "definition", "business_days"})
# Parts and segment values that every team has.
PARTS: dict[str, Text] = {
    **{part: Text(*words) for part, words in SEGMENTS.items()},
    "connects": Text("通電数", "Connects"),
    "(rest)": Text("残り(偶然の範囲)", "The rest, within noise"),
    "awaiting_verdict": FUNNEL_STEPS["awaiting_verdict"],
    "target_level": FUNNEL_STEPS["target_level"],
    "definition": FUNNEL_STEPS["definition"],
    "business_days": FUNNEL_STEPS["business_days"],
    "no_need": Text("ニーズがない", "No need"),
    "bad_timing": Text("時期が合わない", "Bad timing"),
    "no_budget": Text("予算がない", "No budget"),
    "no_authority": Text("権限がない", "No authority"),
    "no_decision": Text("決まらなかった", "No decision"),
    "competitor": Text("競合", "Competitor"),
    "price": Text("価格", "Price"),
    "timing": Text("時期", "Timing"),
    "missing_feature": Text("機能不足", "Missing feature"),
    "wrong_contact": Text("担当者が違う", "Wrong contact"),
}
COHORT_STEPS: dict[str, Text] = {
    "booked": Text("獲得", "Booked"),
    "held": Text("実施", "Held"),
    "valid": Text("有効", "Valid"),
    "rejected": Text("却下", "Rejected"),
    "deal": Text("案件化", "Deal"),
    "deals": Text("案件", "Deals"),
    "won": Text("受注", "Won"),
    "lost": Text("失注", "Lost"),
}
DISAGREEMENTS: dict[str, Text] = {
    "rejected_but_passes": Text("却下されたが定義は満たす", "Rejected, but meets the definition"),
    "accepted_but_fails": Text("受け入れられたが定義を満たさない", "Accepted, but fails the definition"),
}
QUALITATIVE: dict[str, Text] = {
    "reject_reason": Text("却下の理由", "Why field sales rejected"),
    "lost_reason": Text("失注の理由", "Why deals were lost"),
    "response_method": Text("対応方法と結果", "Response methods, and what came of them"),
    "lead_source": Text("流入経路と結果", "Lead sources, and what came of them"),
}
ALERT_EVENTS: dict[str, Text] = {
    "opened": Text("発生", "Opened"),
    "notified": Text("通知", "Notified"),
    "acknowledged": Text("確認", "Acknowledged"),
    "snoozed": Text("保留", "Snoozed"),
    "reminded": Text("保留の終わり", "Snooze over"),
    "worsened": Text("悪化", "Got worse"),
    "resolved": Text("解消", "Resolved"),
    "closed": Text("終了", "Closed"),
}
CLOSED: dict[str, Text] = {
    "period_over": Text("期間の終了", "the period is over"),
    "target_reset": Text("見直しによる: 目標の変更", "by a review: the target was reset"),
    "phase_moved": Text("見直しによる: フェーズの移行", "by a review: the phase moved"),
}
# What an alert proposes; people decide.
ALERT_PROPOSALS: dict[str, Text] = {
    "act": Text("対処する: {lever}。{day}までにあと {value} 必要。", "Act on {lever}: {value} more needed by {day}."),
    "act_on_level": Text(
        "対処する: {lever}。目安は{day}までに {value}。", "Act on {lever}: {value} should be seen by {day}."
    ),
    "reset_target": Text(
        "目標を見直す: いまの水準は {value}。関係部門で検討する。",
        "Reset the target: the present level is {value}; review it with all departments.",
    ),
    "wait": Text("様子を見る: {day}までに {value} に届けば順調。", "Wait: {value} should be seen by {day}."),
}
CHECKS: dict[str, Text] = {
    "syncs_matched": Text("CRM との件数の一致", "Counts match the CRM"),
    "sources_fresh": Text("取り込みの新しさ", "Sources are fresh"),
    "keys_unique": Text("キーの一意性", "Keys are unique"),
    "every_meeting_judged": Text("全商談の判定", "Every meeting is judged"),
    "no_number_beyond_the_day": Text("集計日より後の数字がない", "No number beyond the day"),
    "every_meeting_has_a_version": Text("全商談に定義の版がある", "Every meeting has a version"),
    "nothing_in_quarantine": Text("隔離された記録がない", "Nothing in quarantine"),
    "calls_have_a_disposition": Text("架電の結果の記録", "Calls have a disposition"),
    "meetings_have_an_outcome": Text("商談の結果の記録", "Meetings have an outcome"),
    "deals_have_a_source": Text("案件の流入経路の記録", "Deals have a source"),
    "emails_have_a_rep": Text("メールの担当の記録", "E-mails have a rep"),
    "won_deals_have_a_rate": Text("受注案件の換算レート", "Won deals have an exchange rate"),
    "won_deals_have_an_amount": Text("受注案件の金額の記録", "Won deals have an amount"),
    "won_deals_name_a_currency": Text("受注案件の通貨の記録", "Won deals name a currency"),
    "people_are_there_once": Text("人物の重複がない", "People are there once"),
    "companies_are_there_once": Text("会社の重複がない", "Companies are there once"),
    "deals_are_there_once": Text("案件の重複がない", "Deals are there once"),
    "meetings_are_there_once": Text("商談の重複がない", "Meetings are there once"),
    "volumes_are_usual": Text("いつもどおりの件数", "Volumes are usual"),
    "agreement_is_unchanged": Text("署名後の変更がない", "Nothing was changed after signing"),
    "agreement_is_signed": Text("全部署の署名", "All departments signed"),
    "agreement_was_signed_in_time": Text("期日までの署名", "Signed in time"),
}
# Of all checks, and of all counts beside the CRM's, in one sentence.
SUMMARIES: dict[str, Text] = {
    "all_checks_ok": Text("{count} 件の検査すべてに合格。", "All {count} checks passed."),
    "checks_warn": Text(
        "不合格はなく、{total} 件の検査のうち {count} 件が注意。数字は使えます。",
        "None of {total} checks failed; {count} warn. The numbers can be used.",
    ),
    "checks_failed": Text("{total} 件の検査のうち {count} 件が不合格。", "{count} of {total} checks failed."),
    "no_checks": Text("検査の記録がまだありません。", "No check has run yet."),
    "counts_matched": Text(
        "件数を比べられる {count} 件の対象はすべて CRM と一致。",
        "All {count} objects that can be counted match the CRM.",
    ),
    "counts_differ": Text(
        "{total} 件の対象のうち {count} 件の件数が CRM と違う。", "{count} of {total} objects differ from the CRM."
    ),
}
# Which way an effect went, for a sentence: below and above what was expected.
EFFECT_WAYS: dict[tuple[str, bool], Text] = {
    ("factor", True): Text("低下", "fell"),
    ("factor", False): Text("上昇", "rose"),
    ("mix", True): Text("件数の減少", "fewer cases"),
    ("mix", False): Text("件数の増加", "more cases"),
    ("rate", True): Text("率の低下", "its rate fell"),
    ("rate", False): Text("率の上昇", "its rate rose"),
    ("leaver", True): Text("退職", "left"),
    ("leaver", False): Text("退職", "left"),
}
# What a manager can do first, by the place where the gap arose. Proposals: the decision stays with people.
ACTIONS: dict[str, Text] = {
    "rate": Text(
        "「{part}」の商談を根拠の記録から数件開き、却下理由をフィールドセールスと確かめる。直るまで配分を見直す。",
        "Open a few of the records from {part}, check the reasons with field sales, and reconsider its share until it is mended.",
    ),
    "mix": Text(
        "「{part}」の件数が変わった理由を確かめ、配分を決め直す。",
        "Find out why the volume of {part} changed, and decide the allocation anew.",
    ),
    "factor": Text(
        "ファネルの「{part}」から手を付ける。下の表で、どの経路と担当で起きたかを見る。",
        "Start with the funnel step “{part}”; the tables below show where it happened.",
    ),
    "target_level": Text(
        "目標と過去の実績の差を確かめ、必要なら目標を見直す。",
        "Compare the target with the own past, and review it if need be.",
    ),
    "awaiting_verdict": Text("回答待ちの商談に答えをもらう。", "Get answers for the meetings that wait."),
    "leaver": Text(
        "「{part}」の担当分を引き継ぐか、目標を人数に合わせて見直す。",
        "Hand over the work of {part}, or review the target with one person less.",
    ),
    "definition": Text(
        "新しい定義だけで無効になった商談を根拠で確かめ、目標が新しい定義で合意されたかを見直す。",
        "Look at the meetings that only the new definition refuses, and whether the target was agreed for it.",
    ),
    "business_days": Text(
        "祝日による差で、仕事の変化ではない。営業日あたりで見る。",
        "Holidays, no change in the work: look at it per business day.",
    ),
    "stale_sync": Text(
        "{part}の同期を先に直す。{kpi} doctor が何が止まっているかを示す。",
        "Mend the sync of {part} first: {kpi} doctor says what stands still.",
    ),
    "none": Text("いまの進め方を続ける。", "Carry on as you are."),
    "pending": Text(
        "回答待ち {count} 件への回答をフィールドセールスに依頼する。次の期限は {day}。",
        "Ask field sales to answer the {count} pending meetings; the next deadline is {day}.",
    ),
    "pending_over": Text(
        "回答待ち {count} 件への回答をフィールドセールスに今日中に依頼する。期限は過ぎており、回答がなければ次の集計で無効になる。",
        "Ask field sales today to answer the {count} pending meetings: their deadline is over, "
        "and without an answer the next night calls them invalid.",
    ),
    "untrusted": Text(
        "先にデータを直す。下の「データと定義」に不合格の検査があります。",
        "Mend the data first: failed checks stand under “Data and definition”.",
    ),
    "no_target": Text(
        "targets.yaml にこの期間の目標を書き、関係部門で署名する。",
        "Write a target for this period into targets.yaml and have it signed.",
    ),
}
# The conditions that models/kpi/phase_status.py evaluates; another one is shown by its id.
CONDITIONS: dict[str, Text] = {
    "met_periods": Text("目標を続けて達成している", "Target met often enough"),
    "likely_met": Text("たまたまではなく達成している", "Truly met, not by luck"),
    "data_checks": Text("データ検査に合格している", "Data checks passed"),
    "next_kpi_history": Text("次の KPI の履歴が足りている", "The next KPI has enough history"),
    "next_definition_signed": Text("次の KPI の定義に署名がそろっている", "The next KPI's definition is signed"),
    "is_last_phase": Text("最後のフェーズ", "The last phase"),
}
