"""A page says the same in each format, and what comes from a CRM can break none of them."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pipelines.pages import Bullets, Cell, Heading, Sentence, grid, write_page

HOSTILE = "<script>alert(1)</script>|`*[x](javascript:y)"


class Reader(HTMLParser):
    """Collects the text and the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_text_stays_text() -> None:
    blocks = [Heading(HOSTILE, 1), Sentence(HOSTILE), Bullets((HOSTILE,)), grid([HOSTILE], [[HOSTILE]])]
    reader = Reader()

    reader.feed(write_page(blocks, "html", "en"))
    markdown = write_page(blocks, "md", "en")

    assert "script" not in reader.tags
    assert reader.text.count(HOSTILE) == 6  # the title, too
    assert "<script>" not in markdown
    assert "[x](" not in markdown


@pytest.mark.parametrize(
    ("link", "is_kept"),
    [
        pytest.param("https://crm.example/1", True, id="https"),
        pytest.param("javascript:alert(1)", False, id="script"),
        pytest.param(None, False, id="none"),
    ],
)
def test_only_web_links_lead_somewhere(link: str | None, is_kept: bool) -> None:
    reader = Reader()

    reader.feed(write_page([grid(["a"], [[Cell("m1", link)]])], "html", "en"))

    assert reader.links == ([link] if is_kept else [])
    assert "m1" in reader.text


@settings(deadline=None)
@given(cells=st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_markdown_table_keeps_its_cells(cells: list[list[str]]) -> None:
    lines = write_page([grid(["a", "b"], cells)], "md", "en").rstrip("\n").split("\n")

    assert len(lines) == len(cells) + 2
    assert all(line.replace("\\\\", "").replace("\\|", "").count("|") == 3 for line in lines)


def test_japanese_columns_line_up() -> None:
    table = write_page([grid(["規則", "件数"], [["実施済み", "7"], ["held", "12"]], figures=(1,))], "text", "ja")

    assert table == "規則      件数\n──────────────\n実施済み     7\nheld        12\n"


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=60), min_size=2, max_size=6))
def test_no_line_is_wider_than_the_terminal(texts: list[str]) -> None:
    text = write_page(
        [Heading("h"), Bullets(tuple(texts)), Sentence(" ".join(texts)), grid(texts, [texts])], "text", "ja"
    )

    assert max(cell_len(line) for line in text.splitlines()) <= 80
