"""A page of headings, sentences and tables, written as text for a terminal, as Markdown or as one HTML file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.control import strip_control_codes
from rich.table import Table
from rich.text import Text

from definitions_contract.words import Lang

PageFormat = Literal["text", "md", "html"]

WIDEST_FIGURE = 12  # a figure up to this is never broken; a longer one is a sentence
# one small sheet in the page itself: it is sent by mail and opened without a network
STYLE = """
body { font: 16px/1.6 system-ui, "Hiragino Sans", "Noto Sans CJK JP", sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #d4d4d4; text-align: left; vertical-align: top; }
th { word-break: keep-all; vertical-align: bottom; } td:not(.figure) { min-width: 5em; }
td.figure, th.figure { text-align: right; }
@media (max-width: 40rem) { body { margin: 1rem auto; } th, td { padding: 0.25rem 0.5rem; } }
@media (prefers-color-scheme: dark) { body { color: #eaeaea; background: #161616; } th, td { border-color: #444; } a { color: #8ab4f8; } }
@media print { body { margin: 0; max-width: none; } }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; with a link it leads there."""

    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. Columns whose number is in `figures` stand at the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    figures: frozenset[int] = frozenset()


Block = Heading | Sentence | Bullets | Grid


def grid(header: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, figures: Sequence[int] = ()) -> Grid:
    """Make a table of texts and cells."""
    cells = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Grid(tuple(header), cells, frozenset(figures))


def write_page(blocks: Sequence[Block], kind: PageFormat, lang: Lang) -> str:
    """Write a page in a format."""
    if kind == "html":
        return _html_page(blocks, lang)
    if kind == "text":
        return _text_page(blocks)
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_escaped(block.text)}"
        case Sentence():
            return _escaped(block.text)
        case Bullets():
            return "\n".join(f"- {_escaped(item)}" for item in block.items)
        case Grid():
            rule = ["---:" if number in block.figures else "---" for number in range(len(block.header))]
            lines = [map(_escaped, block.header), rule, *(map(_markdown_cell, row) for row in block.rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(cell: Cell) -> str:
    text = _escaped(cell.text)
    is_safe = cell.link is not None and not set(cell.link) & set("()<>| \n")
    return f"[{text}]({cell.link})" if is_safe else text


def _escaped(text: str) -> str:
    """Keep a text from being read as Markdown or HTML: names and links come from CRMs."""
    for sign in ("\\", "|", "*", "_", "`", "[", "]", "<", ">"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


# --- text ---------------------------------------------------------------------------------------------------------


def _text_page(blocks: Sequence[Block]) -> str:
    """Write as wide as the terminal, 80 columns where there is none; what does not fit is wrapped, never cut."""
    console = Console(file=StringIO(), color_system=None, legacy_windows=False)
    with console.capture() as written:
        for number, block in enumerate(blocks):
            console.print(*([""] if number else []), _text(block), sep="\n", highlight=False)
    return "".join(f"{line.rstrip()}\n" for line in written.get().splitlines())


def _text(block: Block) -> RenderableType:
    match block:
        case Heading():
            text = _plain(block.text)
            return Group(text, ("=" if block.level == 1 else "-") * text.cell_len)
        case Sentence():
            return _plain(block.text)
        case Bullets():
            items = Table.grid(padding=(0, 1, 0, 0))
            for item in block.items:
                items.add_row("-", _plain(item))
            return items
        case Grid():
            return _text_grid(block)


def _text_grid(grid: Grid) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(grid.header):
        widest = max((_plain(row[number].text).cell_len for row in grid.rows), default=0)
        is_figure = number in grid.figures
        table.add_column(
            _plain(heading),
            justify="right" if is_figure else "left",
            min_width=widest if is_figure and widest <= WIDEST_FIGURE else None,
        )
    for row in grid.rows:
        table.add_row(*(_plain(cell.text) for cell in row))
    return table


def _plain(text: str) -> Text:
    """Keep a text as it is: signs that steer a terminal are shown, and brackets are no markup."""
    return Text(strip_control_codes(text), overflow="fold")


# --- HTML -------------------------------------------------------------------------------------------------------------


def _html_page(blocks: Sequence[Block], lang: Lang) -> str:
    from markupsafe import Markup, escape

    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    head = Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{}</title>').format(
        title
    )
    body = Markup("\n").join(_html(block, escape) for block in blocks)
    # the style sheet is ours, and has nothing in it that comes from outside
    style = Markup(f"<style>{STYLE}</style>")  # noqa: S704 - see above
    page = Markup('<!doctype html>\n<html lang="{}">\n<head>{}{}</head>\n<body>\n{}\n</body>\n</html>\n')
    return str(page.format(lang, head, style, body))


def _html(block: Block, escape: Callable[[str], str]) -> str:
    from markupsafe import Markup

    match block:
        case Heading():
            return Markup("<h{0}>{1}</h{0}>").format(block.level, block.text)
        case Sentence():
            return Markup("<p>{}</p>").format(block.text)
        case Bullets():
            items = Markup("").join(Markup("<li>{}</li>").format(item) for item in block.items)
            return Markup("<ul>{}</ul>").format(items)
        case Grid():
            header = _html_row("th", [escape(text) for text in block.header], block.figures)
            rows = Markup("\n").join(
                _html_row("td", [_html_cell(cell) for cell in row], block.figures) for row in block.rows
            )
            return Markup('<div class="wide"><table><thead>{}</thead><tbody>\n{}\n</tbody></table></div>').format(
                header, rows
            )


def _html_row(tag: str, cells: Sequence[str], figures: frozenset[int]) -> str:
    from markupsafe import Markup

    inner = Markup("").join(
        Markup("<{0}{1}>{2}</{0}>").format(tag, Markup(' class="figure"') if number in figures else "", cell)
        for number, cell in enumerate(cells)
    )
    return Markup("<tr>{}</tr>").format(inner)


def _html_cell(cell: Cell) -> str:
    from markupsafe import Markup, escape

    if cell.link is None or not cell.link.startswith(("https://", "http://")):
        return escape(cell.text)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(cell.link, cell.text)
