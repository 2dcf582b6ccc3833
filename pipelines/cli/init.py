"""`kpi init`: a home of one's own - asks, writes the files, checks them, reads a month, and says where the board is."""

import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from definitions_contract.words import Lang
from pipelines.cli.night import Asked, Quiet, run_and_report
from pipelines.cli.options import LangOption
from pipelines.errors import InitError
from pipelines.settings import AGREEMENT_NAME, CONNECTIONS_NAME, PROJECT, Settings
from pipelines.terminal import as_called, say

WORDS: Mapping[str, Mapping[Lang, str]] = {
    "intro": {
        "en": "Enter takes the answer in brackets. Everything can be changed in the files afterwards.",
        "ja": "Enter で括弧内の答えになります。すべて後からファイルで変えられます。",
    },
    "fields": {
        "en": "Fields of a meeting that you made yourselves: the CRM's name of each, or Enter when there is none",
        "ja": "自社で追加した商談の項目: CRM での名前（なければ Enter）",
    },
    "sync?": {"en": "Read the CRMs now (minutes)?", "ja": "いま CRM を読みますか（数分）"},
    "made": {"en": "written", "ja": "作成"},
    "kept": {"en": "exists, left as it is", "ja": "既存のまま"},
    "other": {
        "en": "exists and says other than these answers, left as it is; change it there, or delete it and run this again:",
        "ja": "既存で、今回の回答とは異なるため変更なし（直接直すか、消してから実行）:",
    },
    "unset": {
        "en": "{name} is set and would be used instead of this home's own: unset {name}",
        "ja": "{name} が設定されており、このフォルダーより優先されます: unset {name}",
    },
    "secrets": {
        "en": "Not set yet: {names}. Fill in .env.example as .env, then:",
        "ja": "未設定の環境変数: {names}。.env.example を .env に写して記入し、次を実行します:",
    },
    "mend": {
        "en": "Not everything is in order, so nothing was read. Mend what stands above, then: `kpi doctor`, `kpi nightly`",
        "ja": "問題があるため読み込みません。上の項目を直し、`kpi doctor` と `kpi nightly` を実行してください。",
    },
    "board": {"en": "The board", "ja": "ボード"},
    "next": {"en": "What to do next", "ja": "次にすること"},
    "proposed": {
        "en": "The agreement is a proposal: until it is signed there are no verdicts and no targets.\n"
        "Read and change {folder}, then each department signs:",
        "ja": "合意は提案の状態です。署名まで、判定も目標もありません。{folder} を読んで直し、各部署が署名します:",
    },
    "guide": {
        "en": "A meeting agenda for it: docs/guides/writing-the-agreement.md",
        "ja": "打ち合わせの進め方: docs/guides/writing-the-agreement.md",
    },
}
SECTION = "Answers (asked for on a terminal when left out)"


def _answer(words: str) -> Any:
    return typer.Option(help=words, rich_help_panel=SECTION, show_default=False)


Text = str | None


def init(
    lang: LangOption,
    into: Annotated[
        Path | None, typer.Option(help="Folder of the home. Default: KPI_HOME, else var/own in the checkout.")
    ] = None,
    crm: Annotated[Text, _answer("hubspot, salesforce, files; several with commas, the leading one first.")] = None,
    hubspot_url: Annotated[Text, _answer("HubSpot's address, or `sandbox`: the demo company.")] = None,
    hubspot_token_env: Annotated[Text, _answer("NAME of the environment variable with its token.")] = None,
    salesforce_url: Annotated[Text, _answer("Salesforce's My Domain address, or `sandbox`.")] = None,
    salesforce_login: Annotated[Text, _answer("client_credentials, jwt or password.")] = None,
    salesforce_env: Annotated[Text, _answer("Beginning of the NAMES of its variables: SALESFORCE.")] = None,
    files_folder: Annotated[Text, _answer("Folder of exports; empty: a filled example.")] = None,
    field: Annotated[
        list[str] | None,
        _answer("A field of your own: hubspot.field_sales_feedback=your_field. Repeatable."),
    ] = None,
    zone: Annotated[Text, _answer("Time zone of the team.")] = None,
    country: Annotated[Text, _answer("Country whose public holidays count.")] = None,
    fiscal_year_start: Annotated[Text, _answer("Its first month, 1 to 12.")] = None,
    currency: Annotated[Text, _answer("Currency in which amounts are told.")] = None,
    departments: Annotated[Text, _answer("Who agrees: inside_sales, field_sales, marketing, operations.")] = None,
    inside_teams: Annotated[Text, _answer("Teams of inside sales, as the CRM names them.")] = None,
    field_teams: Annotated[Text, _answer("Teams of field sales, as the CRM names them.")] = None,
    start: Annotated[Text, _answer("First day: records changed before are not read.")] = None,
    goal: Annotated[Text, _answer("Amount to be won in a fiscal year; empty: later.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take the defaults for what is not given.")
    ] = False,
    sync: Annotated[bool, typer.Option("--sync/--no-sync", help="Read the CRMs once at the end.")] = True,
    quiet: Quiet = False,
) -> None:
    """Set up a home of your own: ask, write the files (never over existing ones), check them, read a month, show the board.

    The agreement that it writes is a proposal: it counts once the departments sign it. Exit codes as `kpi nightly`.
    """
    from pipelines.init_questions import read_yes

    console = Console(highlight=False, soft_wrap=True)
    home = _home(into)
    given = {
        "crm": crm,
        "hubspot_url": hubspot_url,
        "hubspot_token_env": hubspot_token_env,
        "salesforce_url": salesforce_url,
        "salesforce_login": salesforce_login,
        "salesforce_env": salesforce_env,
        "files_folder": files_folder,
        "zone": zone,
        "country": country,
        "fiscal_year_start": fiscal_year_start,
        "currency": currency,
        "departments": departments,
        "inside_teams": inside_teams,
        "field_teams": field_teams,
        "start": start,
        "goal": goal,
    }
    answers = _answers(console, given, is_asking=not yes, lang=lang)
    answers["fields"] = _own_fields(console, field or [], answers, is_asking=not yes, lang=lang)
    settings = _write(Console(quiet=True) if quiet else console, home, answers, lang)
    missing = _missing_secrets(settings)
    is_in_order = not missing and _is_in_order(settings, lang, is_quiet=quiet)
    code = 0
    if is_in_order and sync and (yes or _asked(console, WORDS["sync?"][lang], "y", read_yes, lang)):
        code = run_and_report(Console(), settings, Asked(), is_quiet=quiet)
    elif not missing and not is_in_order:
        code = 1
        say(console, WORDS["mend"][lang])
    _tell(console, settings, missing, lang)
    raise typer.Exit(code)


def _home(into: Path | None) -> Path:
    """The folder to write to; one that holds data of the demo, or of somebody else's files, is refused."""
    home = (PROJECT / (into or os.environ.get("KPI_HOME") or "var/own")).resolve()
    if home.is_file():
        raise InitError(f"{home} is a file; name a folder with --into")
    if (home / "warehouse.duckdb").exists() and not (home / CONNECTIONS_NAME).exists():
        raise InitError(
            f"{home} holds data already, of the demo or of other connections; name another folder with --into"
        )
    return home


# --- asking -----------------------------------------------------------------------------------------------------------


def _answers(console: Console, given: Mapping[str, Any], *, is_asking: bool, lang: Lang) -> dict[str, Any]:
    """Read every answer: as an option, from the terminal, or the default."""
    from pipelines.init_questions import QUESTIONS

    if is_asking:
        say(console, WORDS["intro"][lang])
    today = datetime.now(UTC).date()
    answers: dict[str, Any] = {}
    for question in QUESTIONS:
        if not question.is_asked(answers):
            continue
        text, default = given.get(question.name), question.default(answers, today)
        if text is None and is_asking:
            answers[question.name] = _asked(console, getattr(question.words, lang), default, question.read, lang)
        else:
            answers[question.name] = _read(question.name, default if text is None else text, question.read)
    return answers


def _own_fields(
    console: Console, given: Sequence[str], answers: Mapping[str, Any], *, is_asking: bool, lang: Lang
) -> dict[Any, dict[str, str]]:
    """Read which fields of their own the CRMs have; the demo company's are known."""
    from connectors.settings import Crm
    from pipelines.init_questions import OWN_FIELDS, own_fields, read_field, read_field_name

    found: dict[Any, dict[str, str]] = {}
    for text in given:
        crm, ours, theirs = _read("field", text, read_field)
        if crm not in answers["crm"]:
            raise typer.BadParameter(f"{crm} is not among the CRMs", param_hint="--field")
        found.setdefault(crm, {})[ours] = theirs
    asked = [crm for crm in answers["crm"] if crm != Crm.FILES and answers[f"{crm}_url"] != "sandbox"]
    if not is_asking or given or not asked:
        return found
    say(console, WORDS["fields"][lang])
    for crm in asked:
        for ours in own_fields(crm):
            label = f"{crm}: {getattr(OWN_FIELDS[ours], lang)}"
            theirs = _asked(console, label, "", read_field_name, lang)
            found.setdefault(crm, {}).update({ours: theirs} if theirs else {})
    return found


def _asked(console: Console, words: str, default: str, read: Any, lang: Lang) -> Any:
    """Ask until the answer is one."""
    from pipelines.init_questions import AnswerError

    while True:
        try:
            return read(_ask(console, words, default))
        except AnswerError as error:
            console.print(f"  [yellow]{escape(getattr(error.words, lang))}[/yellow]")


def _ask(console: Console, words: str, default: str) -> str:
    shown = f" [{default}]" if default else ""
    console.print(f"{words}{shown}: ", markup=False, end="")
    try:
        return input() or default
    except EOFError:
        console.print()
        raise InitError(
            "the answers ended before the questions; give them as options, or --yes for the defaults"
        ) from None


def _read(name: str, text: str, read: Any) -> Any:
    """Read an answer that nobody can be asked for again: a bad one is wrong usage."""
    from pipelines.init_questions import AnswerError

    try:
        return read(text)
    except AnswerError as error:
        raise typer.BadParameter(f"allowed: {error}", param_hint=f"--{name.replace('_', '-')}") from error


# --- writing and checking ---------------------------------------------------------------------------------------------


def _write(console: Console, home: Path, answers: Mapping[str, Any], lang: Lang) -> Settings:
    """Write the files, read them back as every command does, and say which names in the environment stand in the way."""
    from connectors.settings import load_connections
    from definitions_contract.loader import load_agreement
    from pipelines.init_files import write_home

    try:
        written = write_home(home, answers)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InitError(f"{home} cannot be written ({reason}); name another folder with --into") from error
    for word, paths in (("made", written.made), ("kept", written.kept), ("other", written.other)):
        for path in paths:
            say(console, f"{WORDS[word][lang]}  {path}")
    others = ("KPI_CONNECTIONS", "KPI_AGREEMENT")
    for name in others:
        if os.environ.pop(name, None):
            Console(stderr=True, soft_wrap=True).print(f"[yellow]{WORDS['unset'][lang].format(name=name)}[/yellow]")
    settings = Settings.from_env({**os.environ, "KPI_HOME": str(home)})
    load_connections(settings.connections_file)
    load_agreement(settings.agreement_folder)
    return settings


def _missing_secrets(settings: Settings) -> tuple[str, ...]:
    """Names of the variables that a connection needs and the environment does not have."""
    from pipelines.init_files import needed_variables
    from pipelines.sources import configured_connections

    needed = (name for one in configured_connections(settings) for name in needed_variables(one))
    return tuple(dict.fromkeys(name for name in needed if not settings.secret(name)))


def _is_in_order(settings: Settings, lang: Lang, *, is_quiet: bool) -> bool:
    from pipelines.doctor import examine
    from pipelines.doctor_page import print_findings

    findings = examine(settings, now=datetime.now(UTC))
    shown = [finding for finding in findings if not (is_quiet and finding.is_ok)]
    if shown:
        print_findings(Console(), shown, lang)
    return all(finding.is_ok for finding in findings)


def _tell(console: Console, settings: Settings, missing: tuple[str, ...], lang: Lang) -> None:
    """Say where the board is and what people do next."""
    from definitions_contract.loader import load_agreement

    kpi, board = as_called(), settings.published / "board.html"
    if board.exists():
        say(console, f"\n{WORDS['board'][lang]}: {board}")
    console.print(f"\n[bold]{WORDS['next'][lang]}[/bold]")
    say(console, f"  export KPI_HOME={shlex.quote(str(settings.home))}")
    if missing:
        say(console, WORDS["secrets"][lang].format(names=", ".join(missing)))
        variables = shlex.quote(str(settings.home / ".env"))
        say(console, f"  set -a; . {variables}; set +a\n  {kpi} doctor\n  {kpi} nightly")
    say(console, WORDS["proposed"][lang].format(folder=settings.home / AGREEMENT_NAME))
    for department in load_agreement(settings.agreement_folder).team.departments:
        say(console, f'  {kpi} contract sign --department {department.id} --name "..."')
    say(console, f"  {kpi} nightly\n{WORDS['guide'][lang]}")
