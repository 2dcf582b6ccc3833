from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route

from pipelines.terminal import to_copy

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

    def open_page(
        path: Path, *, width: int = 1280, scripts: bool = True, scheme: str = "light", fragment: str = ""
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale="en-GB", java_script_enabled=scripts, color_scheme=scheme
        )
        contexts.append(context)

        def refuse(route: Route) -> None:
            if route.request.url.split("#")[0] == path.as_uri():
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
        page.goto(path.as_uri() + fragment)
        page.locator("html.whole" if scripts else "html").wait_for()  # all of it is laid out, not what is near only
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
    frame = page.locator(".frame:has(> .funnel)").first
    frame.focus()

    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)

    assert frame.evaluate("(one) => one.scrollLeft") > 0


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_phone_shows_every_part_of_the_gap_and_why_a_meeting_did_not_count_without_scrolling_sideways(
    open_page: OpenPage, board_file: Path, language: str
) -> None:
    page = open_page(board_file, width=390)
    page.click(f"label[for=language-{language}]")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    frames = page.locator(".frame:has(> :is(.waterfall, .segment, .meetings)):visible")
    beyond = frames.evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText)"
    )

    assert frames.count() > 3
    assert beyond == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_alert_s_commands_are_reached_and_copied_by_keyboard(
    open_page: OpenPage, board_file: Path, language: str
) -> None:
    page = open_page(board_file)
    page.click(f"label[for=language-{language}]")
    page.locator("details.act > summary").first.focus()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    command = page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    copied = "document.querySelector('details.act [role=status]').textContent || getSelection().toString()"
    for _ in range(40):  # the page's policy lets no function of ours poll inside it
        if page.evaluate(copied):
            break
        page.wait_for_timeout(50)
    assert page.evaluate(copied)

    assert command.startswith(f"{to_copy()} alerts ack ")
    assert ("氏名" in command) == (language == "ja")
    assert ("NAME" in command) == (language == "en")


def test_the_first_night_s_page_opens(
    open_page: OpenPage, empty_connection: sa.Connection, render: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "empty.html"
    path.write_text(render(empty_connection), encoding="utf-8")

    page = open_page(path)

    assert page.inner_text("#empty-title") == "No numbers yet"


REP = "hubspot:103"
REP_NAME = "Emily Carter"


# each width, language, colours and kind of page once or twice: a look takes seconds
@pytest.mark.parametrize(
    ("width", "language", "scheme", "fragment"),
    [(390, "ja", "dark", ""), (1280, "en", "light", ""), (390, "en", "light", f"#rep={REP}")],
)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, board_file: Path, width: int, language: str, scheme: str, fragment: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(board_file, width=width, scheme=scheme, fragment=fragment)
    page.click(f"label[for=language-{language}]")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    found = Axe().run(page).response["violations"]

    assert [
        (one["id"], one["impact"], [node["html"][:150] for node in one["nodes"][:5]])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ] == []


def figures(page: Page, selector: str) -> list[int]:
    return [int(text.replace(",", "")) for text in page.locator(selector).all_inner_texts()]


def test_filters_narrow_the_numbers_and_their_meetings(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)
    whole = figures(page, "#explore-table tfoot td:nth-child(4)")[0]
    assert sum(figures(page, "#explore-table tbody td:nth-child(4)")) == whole == 71

    page.select_option("#explore [name=lead_source]", label="Purchased list")
    page.select_option("#explore [name=verdict]", label="Valid")

    narrowed = figures(page, "#explore-table tfoot td:nth-child(4)")[0]
    assert 0 < narrowed < whole
    assert page.locator("#explore-meetings tbody tr").count() == min(narrowed, 20)
    assert set(page.locator("#explore-meetings tbody td:nth-child(4)").all_inner_texts()) == {"Purchased list"}
    page.click("#explore [type=reset]")
    page.locator("#explore-table tfoot td:nth-child(4)", has_text=str(whole)).wait_for()


def test_a_number_leads_to_what_it_means_and_to_the_meetings_behind_it(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)
    page.select_option("#explore [name=lead_source]", label="Purchased list")

    page.click("#funnel a.term[href='#kpi-valid_meetings']")
    page.locator("#kpi-valid_meetings", has_text="Definition: valid_meeting, Version 2").wait_for()
    assert page.locator("#kpi-valid_meetings code", has_text="kpi explain kpi valid_meetings 2026-11").count() == 1
    page.click(".hero a[data-verdict]")

    page.locator("#explore-meetings caption", has_text="20 of 71 shown").wait_for()
    assert set(page.locator("#explore-meetings tbody td:nth-child(5)").all_inner_texts()) == {"Valid"}


def test_a_row_drills_down_to_its_parts(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)
    page.select_option("#explore [name=by]", "lead_source")
    row = page.locator("#explore-table tbody tr", has_text="Webinar")
    valid = row.locator("td:nth-child(4)").inner_text()

    row.locator("button").click()

    assert page.locator("#explore [name=lead_source] option:checked").inner_text() == "Webinar"
    assert page.locator("#explore-table tbody tr").count() > 1
    assert page.inner_text("#explore-table tfoot td:nth-child(4)") == valid


def test_segments_are_sorted_by_any_number_and_by_keyboard(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)
    page.select_option("#explore [name=by]", "lead_source")

    page.focus("#explore-table thead th:nth-child(2) button")
    page.keyboard.press("Enter")

    booked = figures(page, "#explore-table tbody td:nth-child(2)")
    assert booked == sorted(booked, reverse=True)
    assert page.get_attribute("#explore-table thead th:nth-child(2)", "aria-sort") == "descending"
    page.keyboard.press("Enter")  # the same heading has the focus still
    assert figures(page, "#explore-table tbody td:nth-child(2)") == booked[::-1]


def test_reps_cannot_be_ranked_by_noise(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file)

    rate = page.locator("#explore-table thead th:nth-child(5) button")

    assert rate.is_disabled()
    assert "within noise" in rate.inner_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_rep_s_own_page_shows_nobody_else(open_page: OpenPage, board_file: Path, width: int) -> None:
    page = open_page(board_file, width=width)
    page.click(f"#by-rep + thead + tbody a:text-is('{REP_NAME}')")

    assert page.inner_text("#rep-title") == REP_NAME
    shown = page.inner_text("main")
    assert "James Wilson" not in shown
    assert not page.is_visible("#breakdown")
    assert page.locator("#rep-tiles dd").count() == 4
    assert page.locator("#rep-meetings tbody tr").count() > 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#rep-page a[href='#breakdown']")
    page.locator("#breakdown").wait_for(state="visible")  # the address changes a moment after the click
    assert not page.is_visible("#rep-page")


A4_WIDTH = 794


@pytest.mark.parametrize("fragment", ["", f"#rep={REP}"])
def test_a_printed_page_holds_its_tables(open_page: OpenPage, board_file: Path, fragment: str) -> None:
    page = open_page(board_file, width=A4_WIDTH, fragment=fragment)
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    assert page.evaluate("document.documentElement.scrollWidth") <= A4_WIDTH


def test_an_unknown_rep_s_address_shows_the_board(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file, fragment="#rep=%3Cimg%20src=x%3E")

    assert page.is_visible("#breakdown")
    assert not page.is_visible("#rep-page")


def test_without_scripts_the_filters_are_not_offered(open_page: OpenPage, board_file: Path) -> None:
    page = open_page(board_file, scripts=False)

    assert not page.is_visible("#explore")
    assert page.is_visible("#breakdown")


@pytest.mark.parametrize("fragment", ["", f"#rep={REP}"])
def test_print_leaves_out_what_only_a_screen_can_use(open_page: OpenPage, board_file: Path, fragment: str) -> None:
    page = open_page(board_file, scheme="dark", fragment=fragment)
    page.emulate_media(media="print", color_scheme="dark")

    assert not page.is_visible(".switches")
    assert not page.is_visible(".filters")
    assert not page.is_visible(".more")
    assert page.is_visible("#rep-title" if fragment else "#head-actual")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
