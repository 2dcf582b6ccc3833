"""Options that several commands share, so that they are called and explained alike."""

import os
from pathlib import Path
from typing import Annotated

import typer

from definitions_contract.words import Lang
from pipelines.terminal import OutputFormat, language_of


def locale_language() -> Lang:
    """Give the locale's language: the default of every --lang."""
    return language_of(os.environ)


LangOption = Annotated[
    Lang,
    typer.Option("--lang", default_factory=locale_language, help="Language of what is shown; default: the locale's."),
]
FormatOption = Annotated[OutputFormat, typer.Option("--format", help="How it is written.")]
AgreementOption = Annotated[
    Path | None,
    typer.Option(
        "--agreement",
        envvar="KPI_AGREEMENT",
        help="Folder of the agreement; default: the home's, or the demo company's.",
    ),
]
