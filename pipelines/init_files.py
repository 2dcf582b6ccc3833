"""What does a home of one's own start with? The answers of `kpi init` as files: agreement (proposed), connections, names of secrets."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from connectors.settings import Connection, Crm, FilesConnection, HubSpotConnection
from pipelines.init_questions import own_fields
from pipelines.settings import AGREEMENT_NAME, CONNECTIONS_NAME, PROJECT

DEPARTMENT_WORDS = {
    "inside_sales": ("インサイドセールス", "Inside sales"),
    "field_sales": ("フィールドセールス", "Field sales"),
    "marketing": ("マーケティング", "Marketing"),
    "operations": ("営業企画", "Sales operations"),
}
# what the CRM's words mean, where a field has a list of them; an organisation replaces the left side by its own
FORMS = {
    "outcome": "values: {Booked: booked, Held: held, No Show: no_show, Cancelled: cancelled, Rescheduled: rescheduled}, default: unknown",
    "field_sales_feedback": "values: {Accepted: accepted, accepted: accepted, Rejected: rejected, rejected: rejected}",
}
SALESFORCE_NAMES = {
    "client_credentials": ("client_id", "client_secret"),
    "jwt": ("client_id", "username", "private_key_file"),
    "password": ("username", "password", "security_token"),
}
EXPORTS = "exports"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what stood there already and was left as it is, whether it says the same or not."""

    made: tuple[Path, ...]
    kept: tuple[Path, ...]
    other: tuple[Path, ...]


def write_home(home: Path, answers: Mapping[str, Any]) -> Written:
    """Write the files of a new home; a file that exists is never touched."""
    made: list[Path] = []
    kept: list[Path] = []
    other: list[Path] = []
    for name, text in render_home(home, answers).items():
        path = home / name
        if path.exists():
            is_same = path.is_file() and path.read_bytes() == text.encode()
            (kept if is_same else other).append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.append(path)
    if Crm.FILES in answers["crm"] and not answers["files_folder"]:
        target = home / EXPORTS
        (kept if target.exists() else made).append(target)
        if not target.exists():
            shutil.copytree(_template_folder() / EXPORTS, target)
    return Written(tuple(made), tuple(kept), tuple(other))


def render_home(home: Path, answers: Mapping[str, Any]) -> dict[str, str]:
    """Give every file of a new home as text, by its path in it."""
    words = _words(home, answers)
    environment = Environment(
        loader=PackageLoader("pipelines", "init_templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML and shell text, where `quoted` is the escaping
    )
    environment.filters["quoted"] = _quoted

    def rendered(template: str, **more: str) -> str:
        return environment.get_template(f"{template}.j2").render(**{**words, **more})

    agreement = Path(AGREEMENT_NAME)
    deep = _schemas_from(home / AGREEMENT_NAME / "valid_meeting")
    return {
        CONNECTIONS_NAME: rendered("connections.yaml"),
        str(agreement / "team.yaml"): rendered("team.yaml"),
        str(agreement / "kpis.yaml"): _kpis(words),
        str(agreement / "targets.yaml"): rendered("targets.yaml"),
        str(agreement / "phases.yaml"): rendered("phases.yaml"),
        str(agreement / "valid_meeting" / "v1.yaml"): rendered("v1.yaml", schemas=deep),
        ".env.example": rendered("env.example"),
        ".gitignore": rendered("gitignore"),
    }


def needed_variables(connection: Connection) -> tuple[str, ...]:
    """Names of the environment variables without which nobody can log in; of several logins the one that is begun."""
    if connection.is_sandbox or isinstance(connection, FilesConnection):
        return ()
    if isinstance(connection, HubSpotConnection):
        return (connection.token_env,)
    keys = SALESFORCE_NAMES["client_credentials"]
    for names in SALESFORCE_NAMES.values():
        if all(f"{name}_env" in connection.model_fields_set for name in names):
            keys = names
            break
    return tuple(getattr(connection, f"{name}_env") for name in keys)


def _words(home: Path, answers: Mapping[str, Any]) -> dict[str, Any]:
    crms = answers["crm"]
    mapped = {crm: dict(answers["fields"].get(crm, {})) for crm in crms}
    demo = {crm: _demo_fields(crm) if answers.get(f"{crm}_url") == "sandbox" else "" for crm in crms}
    return {
        "hubspot_token_env": "HUBSPOT_ACCESS_TOKEN",
        "salesforce_url": "",
        **answers,
        "crms": [str(crm) for crm in crms],
        "home_text": _shell(home),
        "schemas": _schemas_from(home / AGREEMENT_NAME),
        "departments": [
            {"id": name, "ja": DEPARTMENT_WORDS[name][0], "en": DEPARTMENT_WORDS[name][1]}
            for name in answers["departments"]
        ],
        "teams": list(_teams(answers)),
        "fiscal_start": _fiscal_start(answers["start"], answers["fiscal_year_start"]),
        "fields": {crm: list(_field_lines(crm, mapped[crm])) for crm in mapped if crm != Crm.FILES},
        "mapped": mapped,
        "demo_fields": demo,
        "has_feedback": any(demo.values()) or any("field_sales_feedback" in fields for fields in mapped.values()),
        "files_entry": _files_entry(answers) if Crm.FILES in crms else "",
        "hubspot_record_url": _record_url(answers, Crm.HUBSPOT),
        "salesforce_record_url": _record_url(answers, Crm.SALESFORCE),
        "salesforce_names": list(_salesforce_names(answers)),
        "variables": list(_variables(answers)),
    }


def _teams(answers: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Give each team an id made of its name; a name without Latin letters gets its number."""
    seen: set[str] = set()
    for department in ("inside_sales", "field_sales"):
        names = answers["inside_teams" if department == "inside_sales" else "field_teams"]
        for number, name in enumerate(names, start=1):
            plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
            team_id = plain if plain and plain not in seen | set(DEPARTMENT_WORDS) else f"{department}_team_{number}"
            seen.add(team_id)
            yield {"id": team_id, "name": name, "department": department}


def _fiscal_start(start: date, month: int) -> date:
    """The first day of the fiscal year that the first day lies in."""
    return date(start.year if start.month >= month else start.year - 1, month, 1)


def _field_lines(crm: Crm, mapped: Mapping[str, str]) -> Iterator[str]:
    """The mapped fields, and a comment for each that has no field yet; without any the whole block is one."""
    for ours in own_fields(crm):
        theirs = mapped.get(ours)
        form = FORMS.get(ours)
        text = f"{ours}: {{from: {theirs or 'YOUR_FIELD'}, {form}}}" if form else f"{ours}: {theirs or 'YOUR_FIELD'}"
        yield text if theirs or not mapped else f"# {text}"
        if crm is Crm.HUBSPOT and ours == "field_sales_feedback" and theirs:  # HubSpot keeps what was answered first
            yield f"{ours}_first: {{first: {theirs}, {form}}}"


def _demo_fields(crm: Crm) -> str:
    """The demo company's fields, as the shipped connections.yaml has them."""
    text = (PROJECT / "connectors" / "connections.yaml").read_text(encoding="utf-8")
    entry = next((part for part in re.split(r"^  - name: ", text, flags=re.M) if f"crm: {crm}\n" in part), "")
    _, _, fields = entry.partition("    fields:\n")
    return f"    fields:\n{fields.rstrip()}" if fields else ""


def _files_entry(answers: Mapping[str, Any]) -> str:
    """The filled example of a folder of exports, over the folder that was named."""
    text = (_template_folder() / CONNECTIONS_NAME).read_text(encoding="utf-8")
    entry = text.partition("connections:\n")[2].rstrip()
    entry = re.sub(r"^    folder: .*$", lambda _: f"    folder: {_quoted(_exports(answers))}", entry, flags=re.M)
    return re.sub(r"^    zone: \S+", f"    zone: {answers['zone']}", entry, flags=re.M)


def _exports(answers: Mapping[str, Any]) -> str:
    folder = answers["files_folder"]
    return str(Path(folder).expanduser().resolve()) if folder else EXPORTS


def _template_folder() -> Path:
    return PROJECT / "connectors" / "files" / "template"


def _record_url(answers: Mapping[str, Any], crm: Crm) -> str:
    url = str(answers.get(f"{crm}_url", ""))
    if url == "sandbox":
        return {Crm.HUBSPOT: "http://127.0.0.1:4180/{object}/{id}"}.get(crm, "http://127.0.0.1:4190/{object}/{id}")
    return {Crm.HUBSPOT: "https://app.hubspot.com/contacts/HUB_ID/record/{object}/{id}"}.get(crm, f"{url}/{{id}}")


def _salesforce_names(answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The `_env` keys of the chosen login, with the names of their variables."""
    if "salesforce_login" in answers:
        for name in SALESFORCE_NAMES[answers["salesforce_login"]]:
            yield f"{name}_env", f"{answers['salesforce_env']}_{name.upper()}"


def _variables(answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every environment variable that the connections name, with what belongs into it."""
    if "hubspot_token_env" in answers:
        yield answers["hubspot_token_env"], "HubSpot: the token of a service key or private app with read scopes"
    for key, name in _salesforce_names(answers):
        yield name, f"Salesforce: {key.removesuffix('_env').replace('_', ' ')}"


def _kpis(words: Mapping[str, Any]) -> str:
    """The shipped KPIs without signatures, agreed between the departments that there are."""
    text = (Path(str(files("definitions_contract"))) / "agreement" / "kpis.yaml").read_text(encoding="utf-8")
    text = text.partition("\nsignatures:")[0].rstrip() + "\n"
    names = ", ".join(department["id"] for department in words["departments"])
    text = re.sub(r"^agreed_between: .*$", f"agreed_between: [{names}]", text, flags=re.M)
    return text.replace("$schema=../schemas/", f"$schema={words['schemas']}/", 1)


def _schemas_from(folder: Path) -> str:
    """Where an editor finds the JSON Schemas, from a file in `folder`."""
    return Path(os.path.relpath(PROJECT / "definitions_contract" / "schemas", folder)).as_posix()


def _quoted(value: object) -> str:
    """Write text as a YAML scalar that nothing in it can end."""
    text = json.dumps(str(value), ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in text)


def _shell(path: Path) -> str:
    return shlex.quote(str(path))
