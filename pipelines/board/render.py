"""How does the board become one HTML file that needs nothing else?"""

import hashlib
from base64 import b64encode
from datetime import date, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection

from definitions_contract.periods import months_before
from definitions_contract.schema import Agreement
from pipelines.board.context import build_board
from pipelines.board.findings import BLOCKS_SHOWN
from pipelines.board.rows import Focus, read_facts
from pipelines.board.sections import compared_kpis
from pipelines.board.words import WORDS
from pipelines.terminal import to_copy

TEMPLATES = Path(__file__).parent / "templates"
# Characters that turn the direction of the text after them, beyond the name that they stand in.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
SCRIPTS = ("script.js", "elements.js", "explore.js", "rep.js")  # one element on the page, one digest in its policy


def render_board(connection: Connection, agreement: Agreement, *, as_of: date, built_at: datetime) -> str:
    """Write the board as it stood on `as_of`: one HTML page without any outside reference.

    An empty warehouse gives a page that says what to do. Text from a CRM is escaped everywhere, and the page's own policy lets
    no script run but the one whose digest it names; characters that turn the direction of the text around them are left out.
    """
    month = as_of.replace(day=1)
    focus = Focus(
        kpi_id=agreement.phases.current_kpi,
        department=agreement.phases.department,
        as_of=as_of,
        month=month,
        next_month=months_before(month, -1),
        teams=tuple(team.id for team in agreement.team.teams if team.department == agreement.phases.department),
        compared=compared_kpis(agreement),
    )
    board = build_board(read_facts(connection, focus), agreement, built_at=built_at)
    environment = _environment()
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    html = environment.get_template("board.html.j2").render(
        board=board,
        w=WORDS,
        kpi=to_copy(),
        blocks_shown=BLOCKS_SHOWN,
        script=Markup(script),  # noqa: S704 - our own file, not data
        script_hash=f"sha256-{digest}",
        style=Markup(environment.get_template("style.css.j2").render()),  # noqa: S704 - our own file, not data
    )
    return html.translate(TURNING)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
