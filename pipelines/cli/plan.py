"""`kpi plan`: the goal worked back to calls per rep and business day, what-if beside it, and a proposal to sign."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.options import FormatOption, LangOption
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat


def plan(
    lang: LangOption,
    goal: Annotated[
        float | None, typer.Option(min=0, help="Amount to be won. Default: the agreed goal or targets.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="2027-03, 2027Q1, FY2027 or FY2027Q1. Default: the goal's.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="department:ID, team:ID or rep:ID. Default: the goal's.")] = None,
    reps: Annotated[int, typer.Option(help="What if: so many more (+1) or fewer (-1) reps from tomorrow on.")] = 0,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="What if: valid_rate=+5pp, show_rate=-10%, average_deal==2000000. Repeatable."),
    ] = None,
    cycle: Annotated[
        str | None, typer.Option(help="What if: the way to a deal takes +20% or -20% of its time.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write a proposal in the form of targets.yaml, unsigned.")
    ] = False,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Work the goal back to calls per rep and business day, with 90 % intervals, and show what would change if."""
    from models.kpi.plan_changes import read_changes
    from pipelines.plan_page import WORDS, as_csv, as_json, print_plan
    from pipelines.planning import Question, plan_for, read_scope, write_targets

    settings, now = Settings.from_env(os.environ), datetime.now(UTC)
    changes = read_changes(reps=reps, rates=rate or [], cycle=cycle)
    base, changed = plan_for(settings, Question(goal, period, read_scope(scope)), changes, now)
    path = write_targets(settings, changed or base, now) if write else None
    if form is OutputFormat.JSON:
        typer.echo(as_json(base, changed, **({"proposal": str(path)} if path else {})))
        return
    if form is OutputFormat.CSV:
        typer.echo(as_csv(base, changed), nl=False)
        return
    print_plan(Console(highlight=False), base, changed, lang)
    if path:
        typer.echo(f"\n{WORDS['written'][lang]}: {path}")
