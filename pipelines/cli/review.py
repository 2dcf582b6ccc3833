"""`kpi review`: may the team move on, is the target still right, and what is there to sign?"""

import csv
import io
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from definitions_contract.words import Lang
from pipelines.cli.options import FormatOption, LangOption
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat, to_run

COLUMNS = ("phase", "kpi_id", "condition", "is_met", "figure", "evaluated_date")

WORDS: Mapping[str, Mapping[Lang, str]] = {
    "condition": {"ja": "条件", "en": "condition"},
    "met": {"ja": "判定", "en": "met"},
    "figure": {"ja": "根拠", "en": "figure"},
    "yes": {"ja": "達成", "en": "yes"},
    "no": {"ja": "未達", "en": "no"},
    "why": {"ja": "理由", "en": "Why"},
    "to": {"ja": "提案する目標", "en": "Proposed target"},
    "next": {"ja": "次", "en": "Next"},
    "sign": {
        "ja": "署名用の提案を書くには `kpi review --write`",
        "en": "`kpi review --write` writes the proposal, ready to be signed",
    },
    "written": {"ja": "署名前の提案を書きました", "en": "Proposal written, not signed"},
    "nothing": {"ja": "署名するものはありません。", "en": "Everything stays: there is nothing to sign."},
}


def review(
    lang: LangOption,
    write: Annotated[
        bool, typer.Option("--write", help="Write the proposal in the form of phases.yaml or targets.yaml, unsigned.")
    ] = False,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Show each condition of the phase's gate with its figure, and the proposal that follows. People decide, by signing."""
    from pipelines.review import read_review, write_review

    settings, now = Settings.from_env(os.environ), datetime.now(UTC)
    found = read_review(settings, now)
    path = write_review(settings, found, now) if write else None
    match form:
        case OutputFormat.JSON:
            written = {"proposal_file": str(path)} if path else {}
            typer.echo(json.dumps(_facts(found) | written, indent=2, ensure_ascii=False, default=str))
        case OutputFormat.CSV:
            typer.echo(_as_csv(found), nl=False)
        case OutputFormat.TABLE:
            _print(found, lang)
            _say_written(path, is_final=write or found.proposal.value == "stay", lang=lang)


def _facts(found: Any) -> dict[str, Any]:
    phases = found.agreement.phases
    return {
        "as_of": found.as_of,
        "phase": phases.current_phase,
        "kpi": phases.current_kpi,
        "conditions": [{name: row[name] for name in ("condition", "is_met", "figure")} for row in found.conditions],
        "proposal": found.proposal.value,
        "proposed_phase": found.phase,
        "proposed_kpi": found.kpi,
        "proposed_target": found.target,
        "reason": found.reason,
    }


def _as_csv(found: Any) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=[*COLUMNS, "proposal"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.conditions)
    return stream.getvalue()


def _print(found: Any, lang: Lang) -> None:
    from pipelines.board.labels import CONDITIONS, PROPOSALS
    from pipelines.board.names import names_of
    from pipelines.board.phrases import tell

    console, say = Console(highlight=False), {name: text[lang] for name, text in WORDS.items()}
    words = names_of(found.agreement, {}).ids
    phases = found.agreement.phases
    phase = next(row for row in phases.phases if row.id == phases.current_phase)
    console.print(
        f"[bold]{getattr(phase.label, lang)}[/bold]: {_kpi(found, phases.current_kpi, lang)}  ({found.as_of})"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("condition", "met", "figure"):
        table.add_column(say[name], overflow="fold")
    for row in found.conditions:
        label = CONDITIONS.get(row["condition"])
        mark = f"[green]{say['yes']}[/green]" if row["is_met"] else f"[yellow]{say['no']}[/yellow]"
        table.add_row(
            getattr(label, lang) if label else row["condition"], mark, getattr(tell(row["figure"], words), lang)
        )
    console.print(table)
    console.print(f"[bold]{getattr(PROPOSALS[found.proposal.value], lang)}[/bold]")
    if found.proposal.value in ("next_kpi", "advance"):
        console.print(f"{say['next']}: {found.phase}, {_kpi(found, found.kpi, lang)}")
    if found.target is not None:
        console.print(f"{say['to']}: {found.target:,.4g}" if found.target < 1 else f"{say['to']}: {found.target:,.0f}")
    console.print(f"{say['why']}: {getattr(tell(found.reason, words), lang)}")


def _say_written(path: Any, *, is_final: bool, lang: Lang) -> None:
    if path is not None:
        typer.echo(f"{WORDS['written'][lang]}: {path}")
    else:
        typer.echo(to_run(WORDS["nothing" if is_final else "sign"][lang]))


def _kpi(found: Any, kpi_id: str, lang: Lang) -> str:
    label = next((kpi.label for kpi in found.agreement.kpis.kpis if kpi.id == kpi_id), None)
    return kpi_id if label is None else getattr(label, lang)
