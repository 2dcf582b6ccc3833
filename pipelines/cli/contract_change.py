"""`kpi contract impact`, `feedback` and `export`: what a change would do, why to make one, and the agreement for others."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import sqlalchemy as sa
import typer

from definitions_contract.errors import NoDefinitionError
from definitions_contract.loader import load_agreement
from definitions_contract.resolve import version_on, versions
from definitions_contract.schema import Agreement, Definition
from definitions_contract.words import Lang
from pipelines.cli.options import AgreementOption, LangOption
from pipelines.errors import NoSuchVersionError, NothingPublishedError
from pipelines.settings import Settings
from pipelines.terminal import csv_text

FEEDBACK_MONTHS = 6

Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of the meetings that are looked at.")
]
PageForm = Annotated[
    Literal["text", "md", "html", "json", "csv"],
    typer.Option("--format", help="How it is written; csv has the listed meetings only."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]


def impact(
    lang: LangOption,
    name: Annotated[str | None, typer.Argument(help="A definition; default: the only one.")] = None,
    old: Annotated[
        int | None, typer.Option("--from", help="Version to compare with; default: the one in force.")
    ] = None,
    new: Annotated[int | None, typer.Option("--to", help="The version to look at; default: the newest.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Take --from out of another folder: the agreement before a file was changed.")
    ] = None,
    since: Since = None,
    agreement: AgreementOption = None,
    form: PageForm = "text",
    out: Out = None,
) -> None:
    """Say what another version changes: moved meetings, counts, KPIs, targets, and what became of the moved ones.

    Works for signed, proposed and changed texts; the warehouse is only read. Without --since: the last two years.
    """
    from pipelines.impact import as_plain, read_impact
    from pipelines.impact_page import impact_page
    from pipelines.pages import write_page

    loaded = _load(agreement)
    before_agreement = load_agreement(against) if against else loaded
    name = _name(loaded, name)
    after = _version(loaded, name, new) if new else versions(loaded, name)[-1]
    before = _before(before_agreement, loaded, after, old, is_other_folder=against is not None)
    with reading() as connection:
        found = read_impact(connection, loaded, before, after, since=since.date() if since else None)
    if form == "json":
        write_out(json.dumps(as_plain(found), ensure_ascii=False, indent=2, default=str) + "\n", out)
    elif form == "csv":
        write_out(csv_text(found.moved), out)
    else:
        write_out(write_page(impact_page(found, loaded, (before, after), lang), form, lang), out)


def feedback(
    lang: LangOption,
    since: Since = None,
    agreement: AgreementOption = None,
    form: PageForm = "text",
    out: Out = None,
) -> None:
    """Show what field sales said of held meetings, and where people and the definition disagree: for the next review.

    Without --since: the last six months.
    """
    from definitions_contract.periods import months_before
    from pipelines.feedback import as_plain, feedback_page, read_feedback
    from pipelines.impact import known_day
    from pipelines.pages import write_page

    loaded = _load(agreement)
    with reading() as connection:
        first = since.date() if since else months_before(known_day(connection), FEEDBACK_MONTHS)
        found = read_feedback(connection, since=first)
    if form == "json":
        write_out(json.dumps(as_plain(found), ensure_ascii=False, indent=2, default=str) + "\n", out)
    elif form == "csv":
        write_out(csv_text(found.disagreements), out)
    else:
        write_out(write_page(feedback_page(found, loaded, lang), form, lang), out)


def export(
    form: Annotated[Literal["odcs", "gx"], typer.Option("--format", help="Open Data Contract, or Great Expectations.")],
    agreement: AgreementOption = None,
    out: Out = None,
) -> None:
    """Write the agreement in force for other tools: an ODCS data contract (YAML), or the rules as a suite (JSON)."""
    from pipelines.contract_export import odcs_text, suites_text

    loaded = _load(agreement)
    write_out(odcs_text(loaded) if form == "odcs" else suites_text(loaded), out)


def impact_before_signing(loaded: Agreement, definition: Definition, lang: Lang) -> str | None:
    """Give what somebody who signs has to know; None while there are no numbers, or nothing to compare with."""
    from pipelines.impact import read_impact
    from pipelines.impact_page import impact_summary
    from pipelines.pages import write_page

    try:
        before = _before(loaded, loaded, definition, None, is_other_folder=False)
        with reading() as connection:
            found = read_impact(connection, loaded, before, definition)
    except (NothingPublishedError, NoSuchVersionError, NoDefinitionError):
        return None
    return write_page(impact_summary(found, loaded, (before, definition), lang), "text", lang)


def write_out(text: str, out: Path | None) -> None:
    """Write to a file, or to the terminal."""
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(str(out))


@contextmanager
def reading() -> Iterator[sa.Connection]:
    """Open the published copy, or the warehouse when nothing was published; NothingPublishedError without either."""
    from pipelines.impact import readable_database
    from pipelines.warehouse import Warehouse

    database = readable_database(Settings.from_env(os.environ))
    try:
        with Warehouse(database, read_only=True).transaction() as connection:
            yield connection
    except sa.exc.ProgrammingError as error:
        reason = str(error.orig).splitlines()[0]
        raise NothingPublishedError(
            f"{database.name} was made by another release ({reason}); run `kpi nightly`"
        ) from error


def _load(folder: Path | None) -> Agreement:
    return load_agreement(folder or Settings.from_env(os.environ).agreement_folder)


def _name(agreement: Agreement, name: str | None) -> str:
    names = sorted({definition.name for definition in agreement.definitions})
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        raise NoSuchVersionError(f"no definition named {name}; one of {', '.join(names)}")
    return name


def _version(agreement: Agreement, name: str, number: int) -> Definition:
    found = {definition.version: definition for definition in versions(agreement, name)}
    if number not in found:
        raise NoSuchVersionError(f"no version {number} of {name}; one of {', '.join(map(str, found))}")
    return found[number]


def _before(
    source: Agreement, loaded: Agreement, after: Definition, number: int | None, *, is_other_folder: bool
) -> Definition:
    """Find what to compare with: the version asked for, the one in force today, or the one before."""
    if number is not None:
        return _version(source, after.name, number)
    if is_other_folder:
        return _version(source, after.name, min(after.version, len(versions(source, after.name))))
    in_force = version_on(source, after.name, datetime.now(loaded.team.tz).date())
    if in_force != after:
        return in_force
    if after.version == 1:
        raise NoSuchVersionError(f"{after.name} has one version; compare it with another folder by --against")
    return _version(source, after.name, after.version - 1)
