"""`kpi status` and `kpi explain kpi`: how it stands, and why a number is what it is."""

import os
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.options import FormatOption, LangOption
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat, write_json, write_rows


def status(
    lang: LangOption,
    form: FormatOption = OutputFormat.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The figures only: no alerts, tables, paths.")] = False,
) -> None:
    """Show how the KPIs stand this month, what diverges and why, and where the published files are."""
    from pipelines.summary import print_summary, standings

    settings = Settings.from_env(os.environ)
    if form is not OutputFormat.TABLE:
        write_rows(standings(settings), form)
        return
    print_summary(Console(), settings, lang, is_quiet=quiet)


def explain_kpi_command(
    kpi: Annotated[str, typer.Argument(metavar="KPI", help="Id of the KPI, as in kpis.yaml.")],
    period: Annotated[str, typer.Argument(help="2026-11, 2026-W47, 2026Q4, FY2026Q3 or FY2026.")],
    lang: LangOption,
    rep: Annotated[str | None, typer.Option(help="Of one person: id, name or a part of it.")] = None,
    team: Annotated[str | None, typer.Option(help="Of one team: its id in team.yaml.")] = None,
    department: Annotated[str | None, typer.Option(help="Of one department; default: the one of phases.yaml.")] = None,
    form: FormatOption = OutputFormat.TABLE,
    limit: Annotated[int, typer.Option(min=0, help="Records to show of each side; json and csv have all.")] = 10,
) -> None:
    """Show a number with its definition, the CRM records behind it, and how and why it changed since it was first reported."""
    from definitions_contract.loader import load_agreement
    from pipelines.explain_kpi import Question, as_plain, explain_kpi, record_rows
    from pipelines.kpi_page import print_explanation
    from pipelines.reading import published

    settings = Settings.from_env(os.environ)
    agreement = load_agreement(settings.agreement_folder)
    with published(settings) as connection:
        found = explain_kpi(connection, agreement, Question(kpi, period, rep, team, department), lang)
    if form is OutputFormat.JSON:
        write_json(as_plain(found, lang))
    elif form is OutputFormat.CSV:
        write_rows(record_rows(found), form)
    else:
        print_explanation(Console(), found, agreement, lang, limit=limit)
