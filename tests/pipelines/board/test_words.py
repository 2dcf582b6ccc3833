import re
from pathlib import Path

import pytest

from pipelines.board import labels, render, words
from pipelines.board.explore import PAGE_WORDS
from pipelines.board.names import link
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
