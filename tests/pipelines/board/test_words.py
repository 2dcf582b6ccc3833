import re
from pathlib import Path

import pytest

from pipelines.board import labels, render, words
from pipelines.board.explore import PAGE_WORDS
from pipelines.board.names import link
from pipelines.board.phrases import tell
from pipelines.board.words import WORDS, Text

PACKAGE = Path(render.__file__).parent
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("templates/*.j2"))}
MODULES = "".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py")) if path.name != "words.py")
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def _used_words() -> set[str]:
    in_templates = {word for text in TEMPLATES.values() for word in re.findall(r"\bw\.(\w+)", text)}
    in_modules = {word for form in (r'WORDS\["(\w+)"\]', r'_labelled\("(\w+)"') for word in re.findall(form, MODULES)}
    return in_templates | in_modules | set(PAGE_WORDS)


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    assert _used_words() == set(WORDS)


def _all_texts() -> dict[str, Text]:
    tables = {
        name: table for module in (words, labels) for name, table in vars(module).items() if isinstance(table, dict)
    }
    return {
        f"{name}.{key}": text for name, table in tables.items() for key, text in table.items() if isinstance(text, Text)
    }


@pytest.mark.parametrize(("key", "text"), _all_texts().items(), ids=_all_texts())
def test_both_languages_have_the_same_places_to_fill(key: str, text: Text) -> None:
    assert set(re.findall(r"{(\w+)}", text.ja)) == set(re.findall(r"{(\w+)}", text.en))
    assert not JAPANESE.search(text.en)


def test_a_sentence_fills_each_language_with_its_own_words() -> None:
    sentence = Text("{what}が増えた", "more {what}").fill(what=Text("商談", "meetings"))

    assert sentence == Text("商談が増えた", "more meetings")


def test_text_that_is_filled_in_is_escaped() -> None:
    assert "<b>" not in Text("{x}です", "is {x}").fill(x="<b>").__html__()


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        pytest.param("https://app.hubspot.com/contacts/1/record/0-47/2?x=1#y", True, id="https"),
        pytest.param("http://127.0.0.1:4180/meetings/1", True, id="sandbox"),
        pytest.param("HTTPS://Example.com", True, id="capitals"),
        pytest.param("https://", False, id="no host"),
        pytest.param(" https://example.com", False, id="space before"),
        pytest.param("//example.com", False, id="no scheme"),
        pytest.param("javascript://example.com/%0aalert(1)", False, id="script that looks like an address"),
        pytest.param(None, False, id="none"),
    ],
)
def test_what_counts_as_a_web_address(address: str | None, is_link: bool) -> None:
    assert (link("x", address).url is not None) == is_link


@pytest.mark.parametrize(
    ("sentence", "japanese"),
    [
        pytest.param(
            "3 of 50 counted (6%), 44% in 2026-06-26 to 2026-09-23; failed rules: held 25; reject reasons: wrong_contact 11.",
            "50 件中 3 件(6%)。2026-06-26〜2026-09-23 は 44%。不合格の条件: 実施 25。却下理由: 担当者が違う 11",
            id="evidence with rules and reasons",
        ),
        pytest.param(
            "56% (54% to 59%) of held meetings are valid; 132 done so far",
            "実施した商談の 56%(54%〜59%)が有効。これまでの実績 132",
            id="assumption of the plan",
        ),
        pytest.param(
            "likely_met: 52% likely that the target is truly met; 80% needed",
            "たまたまではなく達成している: 目標を真に達成している確率 52%。80% が必要",
            id="condition of a gate",
        ),
        pytest.param(
            "met_periods: 2 of the last 6 quarters met; 4 of 6 needed",
            "目標を続けて達成している: 直近 6 四半期のうち 2 四半期で達成。6 期間中 4 期間が必要",
            id="periods of a gate",
        ),
        pytest.param(
            "met without strain: a tenth or more to spare in each of the last 6 months; the level is 143.2",
            "余裕のある達成: 直近 6 か月のどの月も目標を 1 割以上超過。今の水準は 143.2",
            id="target to be raised",
        ),
        pytest.param(
            "out of reach: met in none of the last 4 weeks; the level is 1.2e+06, and 1e+06 would truly be met with 80%",
            "届かない目標: 直近 4 週で一度も未達。今の水準は 1.2e+06、1e+06 なら確率 80% で真に達成",
            id="target to be lowered",
        ),
        pytest.param(
            "No figure: 12 matured cases, 18 more are needed",
            "データ不足: 結果の出た件数 12。あと 18 件が必要",
            id="too few cases for a plan",
        ),
        pytest.param(
            "26% (25% to 26%) of calls connect; the department's rate: too few own cases",
            "架電の 26%(25%〜26%)が通電。自分の件数が少ないため部署の率",
            id="borrowed rate",
        ),
        pytest.param("0 rows repeat the key of another", "キーが重複する行 0 件", id="check"),
        pytest.param("a form that nobody knows; 80% needed", "a form that nobody knows; 80% needed", id="unknown form"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_the_tables_sentences_are_told_in_japanese(sentence: str | None, japanese: str) -> None:
    words = labels.PARTS | labels.CONDITIONS | {"held": Text("実施", "Held")}

    assert tell(sentence, words).ja == japanese
