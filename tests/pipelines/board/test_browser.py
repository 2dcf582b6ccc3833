from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)
OpenPage = Callable[..., Page]


@pytest.fixture
def board_file(html: str, tmp_path: Path) -> Path:
    path = tmp_path / "board.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a file; whatever it asks of another place or complains about fails the test."""
    contexts, faults = [], []

    def open_page(path: Path, *, width: int = 1280, scripts: bool = True, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale="en-GB", java_script_enabled=scripts, color_scheme=scheme
        )
        contexts.append(context)

        def refuse(route: Route) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                faults.append(f"asked for {route.request.url}")
                route.abort()

        def hear(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                faults.append(message.text)

        def fail(error: Error) -> None:
            faults.append(str(error))

        context.route("**/*", refuse)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", fail)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_the_screen(open_page: OpenPage, board_file: Path, width: int, language: str) -> None:
    page = open_page(board_file, width=width)
    page.click(f"label[for=language-{language}]")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_reader_s_language_comes_first_and_can_be_switched(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)
    assert page.is_visible("text=What diverges, and why >> nth=0")
    assert page.title() == "Inside sales KPI board"

    page.focus("#language-en")
    page.keyboard.press("ArrowLeft")

    heading = page.inner_text("#diverges-title")
    assert heading == "ずれと原因"
    assert page.evaluate("document.documentElement.lang") == "ja"
    assert page.title() == "インサイドセールス KPI ボード"


def test_the_switches_work_without_scripts(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file, scripts=False)
    assert page.inner_text("#diverges-title") == "ずれと原因"  # the agreement's country decides

    page.click("label[for=language-en]")

    assert page.inner_text("#diverges-title") == "What diverges, and why"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_it_is_chosen(open_page: OpenPage, board_file: Path, scheme: str) -> None:
    page = open_page(board_file, scheme=scheme)

    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    followed = background()
    page.click("label[for=theme-light]")
    light = background()
    page.click("label[for=theme-dark]")
    dark = background()

    assert light != dark
    assert followed == (light if scheme == "light" else dark)


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b) };
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor);
    if (c.length === 3 || c[3] > 0.99) { return c } } return [255, 255, 255] };
  const found = [];
  for (const node of document.querySelectorAll("main *, header *, footer *")) {
    const isDrawn = !node.closest("svg") && node.getClientRects().length > 0;
    if (!isDrawn || ![...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${node.className || node.tagName}: ${ratio.toFixed(2)} ${node.textContent.slice(0, 20)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: OpenPage, board_file: Path, scheme: str) -> None:
    page = open_page(board_file, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    assert page.evaluate(CONTRAST) == []


def test_a_wide_table_scrolls_by_keyboard(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file, width=390)
    frame = page.locator(".frame:has(> .waterfall)").first
    frame.focus()

    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)

    assert frame.evaluate("(one) => one.scrollLeft") > 0


def test_the_first_night_s_page_opens(
    open_page: OpenPage, empty_connection: sa.Connection, render: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "empty.html"
    path.write_text(render(empty_connection), encoding="utf-8")

    page = open_page(path)

    assert page.inner_text("#empty-title") == "No numbers yet"
