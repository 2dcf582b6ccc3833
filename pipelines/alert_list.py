"""Which alerts are open? A table of names that fits a terminal of 80 columns, with cause, proposal and id below each."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from definitions_contract.errors import ContractError
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from definitions_contract.words import Lang
from models.kpi.lever_words import lever_words
from models.tables import reps
from pipelines.board import formats
from pipelines.board.labels import ALERT_STATES
from pipelines.messages import state_words
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

HEADS = {
    "ja": ("状態", "KPI", "対象", "差", "確率", "開始"),
    "en": ("state", "KPI", "whose", "gap", "chance", "since"),
}
NO_CAUSE = {"ja": "有意な原因なし", "en": "no significant cause"}
NONE_OPEN = {"ja": "未解決のアラートはありません。", "en": "No alert is open."}
TOLD = {"ja": "上のアラートに含まれるもの: {count}件", "en": "Told by those above: {count}"}
WIDTHS = (14, 17, 18, 8, 6, 10)  # with a space after each they fit 80 columns
MILLION = 1_000_000  # longer figures do not fit their column
TENS = 10  # below, halves count
Row = Mapping[Any, Any]


def print_alerts(console: Console, settings: Settings, rows: Sequence[Row], lang: Lang) -> None:
    """Print the alerts that are not over."""
    if not rows:
        console.print(NONE_OPEN[lang])
        return
    agreement, names = _agreement(settings), _rep_names(settings)
    told = [row for row in rows if row["silenced_by"] is None]
    for row in told:
        table = Table(*HEADS[lang], box=None, padding=(0, 1, 0, 0), show_header=row is told[0])
        for column, width in zip(table.columns, WIDTHS, strict=True):
            column.width, column.overflow = width, "fold"
        table.add_row(*_cells(row, agreement, names, lang))
        console.print(table)
        for line in _below(row, agreement, names, lang):
            console.print(Padding(line, (0, 0, 0, 2)), highlight=False)
        _print_id(console, row["alert_id"])
    silent = [row["alert_id"] for row in rows if row["silenced_by"] is not None]
    if silent:
        console.print(TOLD[lang].format(count=len(silent)))
    for alert_id in silent:
        _print_id(console, alert_id)


def _print_id(console: Console, alert_id: str) -> None:
    """Print an id to be copied whole; a long one takes the whole line."""
    indent = "  " if len(alert_id) + 2 <= console.width else ""
    console.print(f"{indent}{alert_id}", style="dim", highlight=False, markup=False, soft_wrap=True)


def _cells(row: Row, agreement: Agreement | None, names: Mapping[str, str], lang: Lang) -> tuple[str, ...]:
    index = ("ja", "en").index(lang)
    kpi = next((kpi for kpi in agreement.kpis.kpis if kpi.id == row["kpi_id"]), None) if agreement else None
    chance = "-" if row["p_reach"] is None else getattr(formats.probability(row["p_reach"]), lang)
    return (
        state_words(row, kpi)[index],
        str(row["kpi_id"]) if kpi is None else getattr(kpi.label, lang),
        _whose(row, agreement, names, lang),
        gap_cell(row, agreement, lang),
        chance,
        str(row["opened_date"]),
    )


def _below(row: Row, agreement: Agreement | None, names: Mapping[str, str], lang: Lang) -> list[str]:
    kpis = {kpi.id: kpi for kpi in agreement.kpis.kpis} if agreement else {}
    cause = lever_words(row["cause"], kpis, names)[("ja", "en").index(lang)] if row["cause"] else NO_CAUSE[lang]
    lines = [cause, *([f"→{row[f'proposal_{lang}']}"] if row[f"proposal_{lang}"] else [])]
    return [*lines, *_handling(row, lang)]


def _handling(row: Row, lang: Lang) -> list[str]:
    """Say who took it on and until when it waits."""
    found = []
    if row["acknowledged_by"]:
        found.append(
            f"{getattr(ALERT_STATES['acknowledged'], lang)}: {row['acknowledged_by']}: {row['acknowledged_why']}"
        )
    if row["state"] == "snoozed":
        found.append(f"{getattr(ALERT_STATES['snoozed'], lang)}: {row['snoozed_until_date']}")
    return found


def _whose(row: Row, agreement: Agreement | None, names: Mapping[str, str], lang: Lang) -> str:
    if row["scope_kind"] == "rep" or agreement is None:
        return names.get(row["scope_id"], str(row["scope_id"]))
    known = {team.id: team.label for team in agreement.team.teams}
    known |= {department.id: department.label for department in agreement.team.departments}
    return getattr(known[row["scope_id"]], lang) if row["scope_id"] in known else str(row["scope_id"])


def gap_cell(row: Row, agreement: Agreement | None, lang: Lang) -> str:
    """Write a gap in the KPI's unit; a share in points."""
    gap = row["gap"]
    if gap is None:
        return "-"
    unit = next((kpi.unit for kpi in agreement.kpis.kpis if kpi.id == row["kpi_id"]), "") if agreement else ""
    if unit == "fraction":
        text = formats.gap(gap, unit, "")
    elif abs(gap) >= MILLION:
        text = formats.signed(formats.short_amount(gap, 1), gap)
    else:
        text = formats.signed(formats.number(gap, 0 if abs(gap) >= TENS else 1), gap)
    return text.ja if lang == "ja" else text.en


def _agreement(settings: Settings) -> Agreement | None:
    """Read the names; a broken agreement must not hide the alerts."""
    try:
        return load_agreement(settings.agreement_folder)
    except ContractError:
        return None


def _rep_names(settings: Settings) -> dict[str, str]:
    with Warehouse(settings.warehouse).transaction() as connection:
        return {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))}
