"""`kpi contract`: check, show, sign and compare the agreement."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from definitions_contract.errors import AgreementError, ContractError
from definitions_contract.loader import load_agreement
from definitions_contract.resolve import VersionStatus, differences, status_on, version_on, versions
from definitions_contract.schema import Agreement, Definition, Kpi, SigningState
from definitions_contract.signing import Signed, sign, state
from definitions_contract.standing import Fault, file_of, findings, late_in_words, signed_texts
from definitions_contract.words import Lang, describe_measure, describe_rule
from pipelines.cli.contract_change import export, feedback, impact, impact_before_signing
from pipelines.cli.contract_plain import (
    status_of,
    write_definition,
    write_differences,
    write_kpi,
    write_kpis,
    write_mistakes,
    write_standing,
)
from pipelines.cli.options import AgreementOption, FormatOption, LangOption
from pipelines.settings import Settings
from pipelines.terminal import OutputFormat, to_run

app = typer.Typer(help="Check, show, sign, compare and export what was agreed.", no_args_is_help=True)
for command in (impact, feedback, export):
    app.command()(command)

DayOption = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Day to show it for; default: today.")
]

WORDS: dict[str, dict[Lang, str]] = {
    "file": {"ja": "ファイル", "en": "File"},
    "state": {"ja": "状態", "en": "State"},
    "since": {"ja": "適用開始", "en": "From"},
    "missing": {"ja": "未署名・不一致", "en": "Open signatures"},
    "rule": {"ja": "規則", "en": "Rule"},
    "condition": {"ja": "条件", "en": "Condition"},
    "why": {"ja": "理由", "en": "Why"},
    "department": {"ja": "部署", "en": "Department"},
    "name": {"ja": "署名者", "en": "Signed by"},
    "day": {"ja": "署名日", "en": "Signed on"},
    "kpi": {"ja": "KPI", "en": "KPI"},
    "phase": {"ja": "フェーズ", "en": "Phase"},
    "label": {"ja": "名称", "en": "Name"},
    "description": {"ja": "内容", "en": "What it is"},
    "numerator": {"ja": "分子", "en": "Numerator"},
    "denominator": {"ja": "分母", "en": "Denominator"},
    "definition": {"ja": "定義", "en": "Definition"},
    "counted_on": {"ja": "計上日", "en": "Counted on"},
    "guard": {"ja": "ガード指標", "en": "Guard"},
    "proposed": {"ja": "署名待ち", "en": "proposed"},
    "signed": {"ja": "署名済み", "en": "signed"},
    "upcoming": {"ja": "適用前", "en": "upcoming"},
    "active": {"ja": "適用中", "en": "active"},
    "superseded": {"ja": "旧版", "en": "superseded"},
    "broken": {"ja": "署名後に変更", "en": "broken"},
    "future": {"ja": "署名日が未来です", "en": "signed in the future"},
    "no_impact": {
        "ja": "影響はまだ計算できません（`kpi nightly` の数字か、比べる版がありません）。",
        "en": "No impact known: there are no numbers yet (`kpi nightly`), or no version to compare with.",
    },
    "no_difference": {"ja": "違いはありません。", "en": "No difference."},
    "all_signed": {"ja": "署名するものはありません。", "en": "Nothing left to sign."},
}
STYLES = {"active": "green", "signed": "green", "upcoming": "cyan", "proposed": "yellow", "broken": "red"}


def agreement_folder(given: Path | None) -> Path:
    """Give the folder that was asked for, the home's own, or the one that comes with the product."""
    return given or Settings.from_env(os.environ).agreement_folder


@app.command()
def check(
    lang: LangOption,
    agreement: AgreementOption = None,
    on: DayOption = None,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Read every file: mistakes with file and line, signing state of each. Exit 1 when it is not in order.

    What is not signed yet, or was signed late, is told and leaves 0: numbers are made without it, or by it from now on.
    """
    loaded = _load(agreement, lang, form)
    day = _day(loaded, on)
    future = _future_signatures(loaded)
    found = findings(loaded, day)
    if form is OutputFormat.TABLE:
        _show_standing(loaded, day, lang)
        for line in future:
            _line(f"{line}: {WORDS['future'][lang]}")
        for finding in found:
            _line(getattr(finding.text, lang))
    else:
        write_standing(loaded, day, found, future, form)
    is_broken = any(finding.fault is Fault.BROKEN for finding in found)
    if is_broken or loaded.refused or future:
        raise typer.Exit(1)


@app.command()
def show(
    lang: LangOption,
    name: Annotated[str | None, typer.Argument(help="A definition or a KPI; default: an overview.")] = None,
    agreement: AgreementOption = None,
    on: DayOption = None,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Show what holds on a day: the KPIs and phases, one KPI, or the rules of a definition and who signed them."""
    loaded = _load(agreement, lang, form)
    day = _day(loaded, on)
    is_table = form is OutputFormat.TABLE
    kpi = next((kpi for kpi in loaded.kpis.kpis if kpi.id == name), None)
    if name is None:
        _show_overview(loaded, lang) if is_table else write_kpis(loaded, form)
    elif kpi is not None:
        _show_kpi(kpi, lang) if is_table else write_kpi(kpi, form)
    elif versions(loaded, name):
        definition = _version_on(loaded, name, day)
        if is_table:
            _show_definition(loaded, definition, day=day, lang=lang)
        else:
            write_definition(loaded, definition, day, form)
    else:
        known = [kpi.id for kpi in loaded.kpis.kpis] + sorted({definition.name for definition in loaded.definitions})
        _stop(f"nothing named {name}; one of {', '.join(known)}")


@app.command(name="sign")
def sign_command(
    lang: LangOption,
    department: Annotated[str, typer.Option(help="Who signs, as in team.yaml.")],
    name: Annotated[str, typer.Option(help="Name of the person who signs.")],
    what: Annotated[
        str | None, typer.Argument(help="kpis, targets, phases or valid_meeting/v2; default: all left to sign.")
    ] = None,
    agreement: AgreementOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    key: Annotated[
        Path | None, typer.Option("--key", help="SSH key that seals it: private, or public with an agent.")
    ] = None,
) -> None:
    """Sign for a department: shows the text and what it changes, asks, writes the signature into the file."""
    loaded = _load(agreement, lang)
    day = datetime.now(loaded.team.tz).date()
    _check_signatory(loaded, department, name=name, day=day, has_key=key is not None)
    texts = signed_texts(loaded)
    chosen = _left_to_sign(texts, department) if what is None else [_file(texts, what)]
    if not chosen:
        _console().print(WORDS["all_signed"][lang])
    for file in chosen:
        _show_text(file, texts[file], lang)
        _show_consequences(loaded, texts[file], agreement_folder(agreement) / file, lang)
        if (late := late_in_words(file, texts[file], day)) is not None and not isinstance(texts[file], Definition):
            _line(getattr(late, lang))
        if not (yes or typer.confirm({"ja": f"{file} に署名しますか", "en": f"Sign {file}"}[lang])):
            _stop(f"{file} was not signed")
        path = agreement_folder(agreement) / file
        try:
            signature = sign(path, department=department, name=name, day=day, key=key)
        except ContractError as error:
            _stop(str(error))
        _console().print(f"{file}: {signature.department}, {signature.name}, {signature.signed_date}")
    _stop_if_refused(_load(agreement, lang), chosen, department, lang)


@app.command()
def diff(
    lang: LangOption,
    old: Annotated[str, typer.Argument(help="valid_meeting/v1; v1 or 1 when there is one definition.")],
    new: Annotated[str, typer.Argument(help="The version to compare it with.")],
    agreement: AgreementOption = None,
    form: FormatOption = OutputFormat.TABLE,
) -> None:
    """Say in words what differs between two versions of a definition."""
    loaded = _load(agreement, lang, form)
    changes = differences(_version(loaded, old), _version(loaded, new))
    if form is not OutputFormat.TABLE:
        write_differences(changes, form)
        return
    for change in changes:
        _line(f"- {getattr(change, lang)}")
    if not changes:
        _line(WORDS["no_difference"][lang])


# --- who may sign -----------------------------------------------------------------------------------------------------


def _check_signatory(agreement: Agreement, department: str, *, name: str, day: date, has_key: bool) -> None:
    found = next((known for known in agreement.team.departments if known.id == department), None)
    if found is None:
        _stop(f"no department {department}; one of {', '.join(known.id for known in agreement.team.departments)}")
    allowed = [signatory.name for signatory in found.signatories if signatory.may_sign_on(day)]
    if found.signatories and name not in allowed:
        _stop(f"{name} may not sign for {department}; by team.yaml may: {', '.join(allowed) or 'nobody today'}")
    if found.ssh_keys and not has_key:
        _stop(f"{department} has ssh_keys in team.yaml: a typed signature does not count; give --key")


def _stop_if_refused(agreement: Agreement, files: list[str], department: str, lang: Lang) -> None:
    for entry in agreement.refused:
        if entry.file in files and entry.signature.department == department:
            _stop(f"{entry.file}: {department}: {getattr(entry.why, lang)}")


def _future_signatures(agreement: Agreement) -> list[str]:
    today = datetime.now(agreement.team.tz).date()
    return [
        f"{file}: {signature.department} ({signature.name}, {signature.signed_date} > {today})"
        for file, text in signed_texts(agreement).items()
        for signature in text.signatures
        if signature.signed_date > today
    ]


# --- finding what is meant --------------------------------------------------------------------------------------------


def _load(folder: Path | None, lang: Lang, form: OutputFormat = OutputFormat.TABLE) -> Agreement:
    try:
        return load_agreement(agreement_folder(folder))
    except AgreementError as error:
        if form is not OutputFormat.TABLE:
            write_mistakes(error, form)
            raise typer.Exit(1) from error
        for issue in error.issues:
            _line(issue.text(lang))
        heading = {"ja": f"{len(error.issues)} 件の誤りがあります。", "en": f"{len(error.issues)} mistake(s)."}[lang]
        _stop(heading)


def _file(texts: dict[str, Signed], what: str) -> str:
    file = what if what.endswith(".yaml") else f"{what}.yaml"
    if file not in texts:
        _stop(f"nothing to sign named {what}; one of {', '.join(name.removesuffix('.yaml') for name in texts)}")
    return file


def _left_to_sign(texts: dict[str, Signed], department: str) -> list[str]:
    return [file for file, text in texts.items() if department in state(text).missing]


def _version(agreement: Agreement, text: str) -> Definition:
    """Find a version by valid_meeting/v2, or by v2 or 2 when there is one definition."""
    names = {definition.name for definition in agreement.definitions}
    name, _, number = text.rpartition("/")
    name = name or (min(names) if len(names) == 1 else "")
    wanted = number.removesuffix(".yaml").removeprefix("v")
    found = [definition for definition in versions(agreement, name) if str(definition.version) == wanted]
    if not found:
        known = [file_of(definition).removesuffix(".yaml") for definition in agreement.definitions]
        _stop(f"no version {text}; one of {', '.join(known)}")
    return found[0]


def _version_on(agreement: Agreement, name: str, day: date) -> Definition:
    try:
        return version_on(agreement, name, day)
    except ContractError as error:
        _stop(str(error))


def _day(agreement: Agreement, given: datetime | None) -> date:
    return given.date() if given else datetime.now(agreement.team.tz).date()


# --- showing it -------------------------------------------------------------------------------------------------------


def _show_standing(agreement: Agreement, day: date, lang: Lang) -> None:
    table = _table(lang, "file", "state", "since", "missing")
    for file, text in signed_texts(agreement).items():
        status, since = status_of(agreement, text, day)
        table.add_row(file, _word(status, lang), since, _open_signatures(text))
    _console().print(table)
    for entry in agreement.refused:
        _line(f"{entry.file}: {entry.signature.department}: {getattr(entry.why, lang)}")


def _show_overview(agreement: Agreement, lang: Lang) -> None:
    phases = agreement.phases
    current = next(phase for phase in phases.phases if phase.id == phases.current_phase)
    _line(f"{WORDS['phase'][lang]}: {getattr(current.label, lang)} ({phases.since}), {phases.current_kpi}")
    table = _table(lang, "kpi", "label", "phase", "guard", "description")
    for kpi in agreement.kpis.kpis:
        table.add_row(kpi.id, getattr(kpi.label, lang), kpi.phase, kpi.guard or "", getattr(kpi.description, lang))
    _console().print(table)


def _show_kpi(kpi: Kpi, lang: Lang) -> None:
    _line(f"{kpi.id}: {getattr(kpi.label, lang)}. {getattr(kpi.description, lang)}")
    for key in ("numerator", "denominator"):
        measure = getattr(kpi, key)
        if measure is not None:
            _line(f"  {WORDS[key][lang]}: {describe_measure(measure, lang)}")
    if kpi.multiply:
        _line(f"  {' × '.join(kpi.multiply)} ÷ {kpi.divide_by}")
    for key, value in (
        ("definition", kpi.definition),
        ("guard", kpi.guard),
        ("phase", kpi.phase),
        ("department", kpi.owner),
    ):
        if value is not None:
            _line(f"  {WORDS[key][lang]}: {value}")


def _show_definition(agreement: Agreement, definition: Definition, *, day: date, lang: Lang) -> None:
    status = status_on(agreement, definition, day)
    _line(f"{definition.name} v{definition.version}, {definition.effective_from}, {_word(status, lang).plain} ({day})")
    _show_text(file_of(definition), definition, lang)
    table = _table(lang, "department", "name", "day")
    for signature in definition.signatures:
        table.add_row(signature.department, signature.name, str(signature.signed_date))
    _console().print(table)


def _show_text(file: str, text: Signed, lang: Lang) -> None:
    """Show what is signed by its digest, a definition with its rules in words."""
    _line(f"{file}  {state(text).digest}")
    if not isinstance(text, Definition):
        return
    _line(f"{WORDS['since'][lang]}: {text.effective_from}, {WORDS['counted_on'][lang]}: {text.counted_on}")
    _line(f"{WORDS['why'][lang]}: {text.why}")
    table = _table(lang, "rule", "condition")
    for rule in text.rules:
        table.add_row(getattr(rule.label, lang), describe_rule(rule, lang))
    _console().print(table)


def _show_consequences(agreement: Agreement, text: Signed, path: Path, lang: Lang) -> None:
    """Show a definition's impact on the numbers, and any other file as it stands."""
    if not isinstance(text, Definition):
        typer.echo(_body(path))  # the text itself, to the letter
    elif state(text).state is not SigningState.SIGNED:
        _line(impact_before_signing(agreement, text, lang) or WORDS["no_impact"][lang])


def _body(path: Path) -> str:
    """Give a file as it stands, without comment lines and signatures."""
    text = path.read_text(encoding="utf-8").split("\nsignatures:")[0]
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def _open_signatures(text: Signed) -> str:
    report = state(text)
    not_fitting = [f"{signature.department} ({signature.name}, {signature.signed_date})" for signature in report.broken]
    return ", ".join(not_fitting or report.missing)


def _word(status: SigningState | VersionStatus, lang: Lang) -> Text:
    return Text(WORDS[status.value][lang], style=STYLES.get(status.value, ""))


def _table(lang: Lang, *columns: str) -> Table:
    table = Table(show_edge=False)
    for column in columns:
        table.add_column(WORDS[column][lang], overflow="fold")
    return table


def _console() -> Console:
    return Console(highlight=False)


def _line(text: str) -> None:
    typer.echo(to_run(text))


def _stop(message: str) -> NoReturn:
    typer.echo(to_run(message), err=True)
    raise typer.Exit(1)
