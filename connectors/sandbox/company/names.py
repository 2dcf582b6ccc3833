"""Invented names: people with their romaji, organisations, titles. Nobody and no firm is meant; every domain ends in .example."""

from typing import Final

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Written form and romaji, as `form/romaji` with blanks between."""
    parts = (word.partition("/") for word in text.split())
    return tuple((form, romaji) for form, _, romaji in parts)


JAPANESE_FAMILIES: Final = _pairs(
    "佐藤/sato 鈴木/suzuki 高橋/takahashi 田中/tanaka 伊藤/ito 渡辺/watanabe 山本/yamamoto 中村/nakamura 小林/kobayashi 加藤/kato "
    "吉田/yoshida 山田/yamada 佐々木/sasaki 山口/yamaguchi 松本/matsumoto 井上/inoue 木村/kimura 林/hayashi 清水/shimizu 斎藤/saito "
    "山崎/yamazaki 森/mori 池田/ikeda 橋本/hashimoto 阿部/abe 石川/ishikawa 前田/maeda 藤田/fujita 小川/ogawa 岡田/okada "
    "後藤/goto 長谷川/hasegawa 村上/murakami 近藤/kondo 石井/ishii 坂本/sakamoto 遠藤/endo 青木/aoki 藤井/fujii 西村/nishimura"
)
JAPANESE_GIVENS: Final = _pairs(
    "翔太/shota 健/ken 美咲/misaki 陽子/yoko 大輔/daisuke 直樹/naoki 愛/ai 恵子/keiko 拓也/takuya 誠/makoto 裕子/yuko 亮/ryo "
    "舞/mai 智子/tomoko 浩/hiroshi 学/manabu 彩/aya 由美/yumi 剛/tsuyoshi 隆/takashi 千尋/chihiro 健太/kenta 麻衣/mai 光/hikaru "
    "葵/aoi 悠斗/yuto 結衣/yui 蓮/ren 真一/shinichi 久美子/kumiko 修/osamu 和也/kazuya 優/yu 香織/kaori 淳/jun 早紀/saki"
)
ENGLISH_FAMILIES: Final = _words(
    "Anderson Baker Carter Davies Edwards Fischer Garcia Harris Ivanov Johnson Kelly Lopez Miller Nguyen O'Brien Patel Quinn Roberts "
    "Schmidt Taylor Underwood Vargas Williams Young"
)
ENGLISH_GIVENS: Final = _words(
    "Alice Brian Clara David Emma Frank Grace Henry Irene James Karen Liam Maria Nathan Olivia Peter Rachel Samuel Tina Victor"
)
ENGLISH_SHARE: Final = 0.22

FIRM_STEMS: Final = _pairs(
    "さくら/sakura みなと/minato あおば/aoba ひかり/hikari 富士見/fujimi 東和/towa 北斗/hokuto 大和田/owada 日和/hiyori 青海/aomi "
    "新川/shinkawa 松風/matsukaze 緑川/midorikawa 星野/hoshino 三葉/mitsuba 白樺/shirakaba "
    "朝日丘/asahioka 若葉/wakaba 天神/tenjin 千早/chihaya"
)
FIRM_KINDS: Final = _pairs(
    "製作所/seisakusho システム/systems 商事/shoji 物流/logistics 建設/kensetsu 電機/denki ソフト/soft 食品/foods 化学/kagaku "
    "メディカル/medical 不動産/fudosan 教育/kyoiku"
)
ENGLISH_STEMS: Final = _words(
    "Alder Birch Cedar Delta Ember Fjord Granite Harbor Iris Juniper Keystone Larch Maple North Orchid Pioneer"
)
ENGLISH_KINDS: Final = _words("Systems Trading Foods Logistics Software Medical Works Partners")

INDUSTRIES: Final = (
    "Manufacturing",
    "Software",
    "Retail",
    "Finance",
    "Healthcare",
    "Logistics",
    "Construction",
    "Education",
    "Real Estate",
    "Professional Services",
)
TITLES: Final = (
    "部長",
    "課長",
    "代表取締役",
    "情報システム部",
    "営業部長",
    "Manager",
    "Director",
    "Head of IT",
    "主任",
    "経営企画",
)


def person(random: np.random.Generator) -> tuple[str, str, str]:
    """A family name, a given name, and the local part of an e-mail address for them."""
    if random.random() < ENGLISH_SHARE:
        family, given = str(random.choice(ENGLISH_FAMILIES)), str(random.choice(ENGLISH_GIVENS))
        return family, given, f"{given}.{family}".lower().replace("'", "")
    family, family_romaji = JAPANESE_FAMILIES[random.integers(len(JAPANESE_FAMILIES))]
    given, given_romaji = JAPANESE_GIVENS[random.integers(len(JAPANESE_GIVENS))]
    return family, given, f"{given_romaji}.{family_romaji}"


def firm(random: np.random.Generator, number: int) -> tuple[str, str]:
    """Name and domain of an organisation; the number keeps domains apart."""
    if random.random() < ENGLISH_SHARE:
        stem, kind = str(random.choice(ENGLISH_STEMS)), str(random.choice(ENGLISH_KINDS))
        return f"{stem} {kind} K.K.", f"{stem}-{kind}-{number}.example".lower()
    stem, stem_romaji = FIRM_STEMS[random.integers(len(FIRM_STEMS))]
    kind, kind_romaji = FIRM_KINDS[random.integers(len(FIRM_KINDS))]
    return f"株式会社{stem}{kind}", f"{stem_romaji}-{kind_romaji}-{number}.example"
