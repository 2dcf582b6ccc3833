"""What is a lever called? A cause, written split:part:effect, in Japanese and in English."""

from collections.abc import Mapping

from definitions_contract.schema import Kpi
from definitions_contract.words import Lang

Words = tuple[str, str]  # Japanese, English

SPLITS: Mapping[str, Words] = {
    "lead_source": ("流入経路", "lead source"),
    "response_method": ("対応方法", "response method"),
    "rep": ("担当", "rep"),
    "industry": ("業種", "industry"),
    "connection": ("CRM接続", "CRM connection"),
    "data": ("同期", "sync of"),
    "team": ("チーム", "team"),
}
EFFECTS: Mapping[str, Words] = {
    "mix": ("の件数", ", volume"),
    "rate": ("の率", ", rate"),
    "leaver": ("の退職", ", who left"),
    "stale_sync": ("の遅れ", ", which is late"),
}
# What is no segment and no step of the work, whatever split it was found in.
WHOLE: Mapping[str, Words] = {
    "definition": ("定義の変更", "the new definition"),
    "calendar": ("祝日・休業日", "holidays"),
}
FIXED: Mapping[str, Words] = {
    "target_level": ("目標の高さ", "the level of the target"),
    "awaiting_verdict": ("判定待ち", "meetings that wait for a verdict"),
}
# Values of segments that most teams have; others stay as the CRM has them.
SEGMENTS: Mapping[str, Words] = {
    "unknown": ("不明", "Unknown"),
    "(others)": ("その他", "Others"),
    "call": ("電話", "Call"),
    "email": ("メール", "E-mail"),
    "form": ("フォーム", "Form"),
    "event": ("イベント", "Event"),
    "form_reply": ("フォームへの返信", "Form reply"),
    "event_follow_up": ("イベント後のフォロー", "Event follow-up"),
    "web_form": ("Web フォーム", "Web form"),
    "website": ("Web サイト", "Website"),
    "webinar": ("ウェビナー", "Webinar"),
    "trade_show": ("展示会", "Trade show"),
    "referral": ("紹介", "Referral"),
    "purchased_list": ("購入リスト", "Purchased list"),
    "partner": ("パートナー", "Partner"),
}
# Steps of the funnels that are no KPI by themselves.
STEPS: Mapping[str, Words] = {
    "connects_per_call": ("通電率", "connects per call"),
    "booked_per_connect": ("通電からのアポ獲得率", "meetings booked per connect"),
    "held_per_booked": ("アポの実施率", "meetings held per booked"),
    "valid_per_held": ("有効率", "valid meetings per held"),
    "won_per_valid": ("有効商談からの受注率", "deals won per valid meeting"),
    "amount_per_deal": ("受注単価", "amount per deal"),
}


def segment_word(part: str, lang: Lang) -> str:
    """Name a value of a segment; one that is not known stays as the CRM has it.

    >>> segment_word("referral", "en")
    'Referral'
    """
    ja, en = SEGMENTS.get(part, (part, part))
    return ja if lang == "ja" else en


def lever_words(cause: str, kpis: Mapping[str, Kpi], names: Mapping[str, str]) -> Words:
    """Name a cause in both languages; `names` are those of the reps. A segment's value that is not known stays as the CRM has it.

    >>> lever_words("rep:hubspot:7:mix", {}, {"hubspot:7": "Emi Sato"})
    ('担当「Emi Sato」の件数', 'rep “Emi Sato”, volume')
    """
    split, rest = cause.split(":", 1)
    part, effect = rest.rsplit(":", 1)
    if effect in WHOLE or part in FIXED:
        return WHOLE.get(effect) or FIXED[part]
    if split == "funnel":
        kpi = kpis.get(part)
        return (kpi.label.ja, kpi.label.en) if kpi is not None else STEPS.get(part, (part, part))
    if split == "definition":  # the part is its first day
        return f"{part} からの定義", f"the definition in force since {part}"
    name_ja, name_en = (names[part],) * 2 if part in names else SEGMENTS.get(part, (part, part))
    (split_ja, split_en), (effect_ja, effect_en) = SPLITS.get(split, (split, split)), EFFECTS.get(effect, ("", ""))
    return f"{split_ja}「{name_ja}」{effect_ja}", f"{split_en} “{name_en}”{effect_en}"
