"""Is text from a CRM only ever shown? Markup, quotes, formulas, words without end and writing from the right, in every text column."""

import html as markup
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page

from models import tables as t

Render = Callable[..., str]
HOSTILE = "</script></td><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}=HYPERLINK(1)"
RIGHT_TO_LEFT = "\u202eשלום\u2066"
LONG = "W" * 400
# Columns by which rows are chosen, joined or laid out: with another text in them the row would not be on the page.
CHOOSING = {
    *("kpi_id", "period_kind", "scope_kind", "scope_id", "department", "team", "sync_id", "connection", "state"),
    *("kind", "cohort_kind", "step", "effect", "split", "outcome", "verdict", "alert_id", "meeting_id", "rep_id"),
    *("guard_note", "field_sales_feedback", "object", "severity", "silenced_by", "evidence_ids", "divergence_state"),
}
SHOWN = {
    "causes": {"part", "evidence"},
    "alerts": {"acknowledged_by", "acknowledged_why"},
    "alert_events": {"event", "by"},
    "reps": {"name"},
    "calendar": {"holiday"},
    "meetings": {"lead_source", "response_method", "reject_reason"},
    "meeting_verdicts": {"failed_rules", "waiting_rules"},
    "meeting_rule_results": {"rule_id"},
    "kpi_daily": {"lead_source", "response_method"},
    "disagreements": {"failed_rules", "reject_reason"},
    "qualitative": {"code"},
    "phase_status": {"condition", "figure"},
    "plan": {"assumptions"},
    "quarantine": {"field", "reason"},
    "check_results": {"check_name", "detail"},
    "source_changes": {"field", "detail"},
}
TABLES = {table.name: table for table in t.metadata.tables.values() if table.name in SHOWN}


class Tags(HTMLParser):
    """Tags and attributes; text in attributes and elements is of no interest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def text_columns(table: sa.Table) -> list[sa.Column[str]]:
    return [column for column in table.columns if isinstance(column.type, sa.Text) and column.name not in CHOOSING]


def spoil(connection: sa.Connection, table: sa.Table, text: str) -> None:
    """Put a text behind what stands in every text column, keys included, so that keys stay keys."""
    spoilt = {column.name: column.concat(f"{text}[{column.name}]") for column in text_columns(table)}
    connection.execute(table.update().values(**spoilt))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_hostile_text_in_any_column_is_shown_and_never_run(
    connection: sa.Connection, render: Render, table: sa.Table
) -> None:
    spoil(connection, table, HOSTILE)

    html = render(connection)

    page = Tags(html)
    assert page.tags.count("script") == 2  # the page's data, and its own script
    assert page.tags.count("html") == page.tags.count("main") == page.tags.count("body") == 1
    assert "img" not in page.tags
    assert page.handlers == []
    shown = set(re.findall(r"=HYPERLINK\(1\)\[(\w+)\]", markup.unescape(html)))
    assert shown >= SHOWN[table.name]


@pytest.fixture
def page_of(browser: Browser, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    contexts, faults = [], []

    def page_of(html: str) -> Page:
        path = tmp_path / "board.html"
        path.write_text(html, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": 390, "height": 900}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield page_of
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.browser
@pytest.mark.parametrize("text", [HOSTILE, LONG, RIGHT_TO_LEFT], ids=["markup", "long", "right to left"])
def test_no_text_breaks_the_page_of_a_phone(
    connection: sa.Connection,
    render: Render,
    demo: ModuleType,
    page_of: Callable[[str], Page],
    text: str,
) -> None:
    for table in TABLES.values():
        spoil(connection, table, text)
    page = page_of(render(connection))

    for fragment in ("", "#rep=hubspot:103"):
        page.evaluate("(to) => { location.hash = to }", fragment)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        for language in ("ja", "en"):
            page.click(f"label[for=language-{language}]")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, (fragment, language)


@pytest.mark.parametrize("character", ["\u202e", "\u202d", "\u2066", "\u2069"])
def test_no_text_turns_the_direction_of_what_stands_beside_it(
    connection: sa.Connection, render: Render, character: str
) -> None:
    for table in TABLES.values():
        spoil(connection, table, f"{character}name")

    html = render(connection)

    assert character not in html
    assert rf"\u{ord(character):04x}" not in html.split('id="board-data"')[1].lower()


@pytest.mark.browser
@pytest.mark.parametrize("fragment", ["#rep=%", "#rep=%E0%A4", "#rep=__proto__"])
def test_an_address_that_names_nobody_shows_the_board(html: str, page_of: Callable[[str], Page], fragment: str) -> None:
    page = page_of(html)

    page.evaluate("(to) => { location.hash = to }", fragment)
    page.wait_for_timeout(50)

    assert page.is_visible("#breakdown")
    assert not page.is_visible("#rep-page")
