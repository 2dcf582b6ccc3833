"""Which agreement stands in a folder: YAML files in, one Agreement out, or every mistake in them at once."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from definitions_contract import advice
from definitions_contract.checks import check_files
from definitions_contract.definition_checks import check_definitions
from definitions_contract.documents import (
    KPIS,
    PHASES,
    SINGLE_FILES,
    TARGETS,
    TEAM,
    VERSION_FILE,
    Document,
    model_for,
    read_document,
)
from definitions_contract.draft import Draft, Loaded
from definitions_contract.errors import AgreementError, Issue
from definitions_contract.kpi_checks import check_kpis
from definitions_contract.schema import (
    Agreement,
    Definition,
    KpiAgreement,
    Label,
    PhaseAgreement,
    RefusedSignature,
    TargetAgreement,
    TeamAgreement,
)
from definitions_contract.seals import is_sealed, seal_path
from definitions_contract.signing import Signed, digest_of

M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", Definition, KpiAgreement, TargetAgreement, PhaseAgreement)

# pydantic's error types, by their beginning -> what is allowed there
ALLOWED_BY_TYPE = (
    ("date", "a date such as 2026-10-01"),
    ("int", "a whole number"),
    ("decimal", "a number"),
    ("float", "a number"),
    ("bool", "true or false"),
    ("string_type", "text"),
    ("tuple", "a list"),
    ("model", "keys with values"),
    ("mapping", "keys with values"),
    ("dict", "keys with values"),
)


def load_agreement(folder: Path) -> Agreement:
    """Read and check every file of an agreement; AgreementError holds all mistakes of all files."""
    issues = list(_check_names(folder))
    draft = Draft(
        team=_load(folder, TEAM, TeamAgreement, issues),
        kpis=_load(folder, KPIS, KpiAgreement, issues),
        targets=_load(folder, TARGETS, TargetAgreement, issues),
        phases=_load(folder, PHASES, PhaseAgreement, issues),
        definitions=tuple(_load_definitions(folder, issues)),
    )
    issues += [*check_files(draft), *check_kpis(draft), *check_definitions(draft)]
    if issues or not (draft.team and draft.kpis and draft.targets and draft.phases):
        raise AgreementError(str(folder), tuple(issues))
    signed: tuple[tuple[str, Signed], ...] = (
        *((loaded.document.file, loaded.model) for loaded in (draft.kpis, draft.targets, draft.phases)),
        *((loaded.document.file, loaded.model) for loaded in draft.definitions),
    )
    refused = tuple(_refused(folder, draft.team.model, signed))

    def counted(loaded: Loaded[S]) -> S:
        """Leave out the signatures that do not count."""
        out = [entry.signature for entry in refused if entry.file == loaded.document.file]
        kept = tuple(signature for signature in loaded.model.signatures if signature not in out)
        return loaded.model.model_copy(update={"signatures": kept}) if out else loaded.model

    return Agreement(
        team=draft.team.model,
        kpis=counted(draft.kpis),
        targets=counted(draft.targets),
        phases=counted(draft.phases),
        definitions=tuple(map(counted, draft.definitions)),
        digests={file: digest_of(text) for file, text in signed},
        refused=refused,
    )


def _refused(folder: Path, team: TeamAgreement, signed: Iterable[tuple[str, Signed]]) -> Iterator[RefusedSignature]:
    """Find the signatures of departments with keys that none of those keys sealed."""
    keys = {department.id: department.ssh_keys for department in team.departments if department.ssh_keys}
    for file, text in signed:
        for signature in text.signatures:
            seal = seal_path(folder / file, signature.department)
            allowed = keys.get(signature.department)
            if allowed and not is_sealed(file, signature, seal, allowed):
                why = advice.SEAL_MISSING if not seal.is_file() else advice.SEAL_WRONG
                yield RefusedSignature(file=file, signature=signature, why=why)


def _check_names(folder: Path) -> Iterator[Issue]:
    """Report YAML files that nothing reads: a typing error in a name must not hide a file."""
    for path in sorted([*folder.glob("*.y*ml"), *folder.glob("*/*.y*ml")]):
        file = path.relative_to(folder).as_posix()
        if model_for(file) is None:
            allowed = ", ".join((*SINGLE_FILES, "<definition>/v1.yaml"))
            yield Issue(file, 1, "", path.name, allowed, advice.RENAME_FILE)


def _load_definitions(folder: Path, issues: list[Issue]) -> Iterator[Loaded[Definition]]:
    files = [path.relative_to(folder).as_posix() for path in folder.glob("*/*.yaml")]
    matches = [match for match in map(VERSION_FILE.match, files) if match]
    for match in sorted(matches, key=lambda match: (match["name"], int(match["version"]))):
        loaded = _load(folder, match[0], Definition, issues)
        if loaded:
            yield loaded


def _load(folder: Path, file: str, model: type[M], issues: list[Issue]) -> Loaded[M] | None:
    """Read one file; what is wrong with it is added to the issues."""
    path = folder / file
    if not path.is_file():
        issues.append(Issue(file, 1, "", "no such file", file, advice.ADD_FILE))
        return None
    document = read_document(path, file)
    if isinstance(document, Issue):
        issues.append(document)
        return None
    try:
        return Loaded(document, model.model_validate(document.data))
    except ValidationError as error:
        issues += [_schema_issue(document, model, detail) for detail in error.errors(include_url=False)]
        return None


def _schema_issue(document: Document, model: type[BaseModel], detail: ErrorDetails) -> Issue:
    location, kind = detail["loc"], detail["type"]
    match kind:
        case "missing":
            return document.issue(location, found=None, allowed=f"the key {location[-1]}", advice=advice.ADD_KEY)
        case "extra_forbidden":
            allowed = sorted(_model_at(model, location[:-1]).model_fields)
            step = _nearest(str(location[-1]), allowed)
            return document.issue(location, found=location[-1], allowed=", ".join(allowed), advice=step)
    allowed_here = _allowed(detail)
    step = advice.USE_ALLOWED if kind in ("enum", "literal_error") else advice.USE_KIND
    return document.issue(location, found=detail["input"], allowed=allowed_here, advice=step)


def _allowed(detail: ErrorDetails) -> str:
    """Say what a key takes, from pydantic's facts about the mistake."""
    context = detail.get("ctx", {})
    if "expected" in context:
        return str(context["expected"]).replace("'", "")
    if "pattern" in context:
        return f"text of the form {context['pattern']}"
    for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if name in context:
            return f"{words} {context[name]}"
    begins = (words for beginning, words in ALLOWED_BY_TYPE if detail["type"].startswith(beginning))
    return next(begins, detail["msg"])


def _nearest(name: str, allowed: list[str]) -> Label:
    close = get_close_matches(name, allowed, n=1)
    return advice.did_you_mean(close[0]) if close else advice.REMOVE_KEY


def _model_at(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    """Find the model whose keys stand at a place."""
    for part in location:
        if isinstance(part, str):
            model = _inner_model(model.model_fields[part].annotation) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner_model, get_args(annotation))), None)
