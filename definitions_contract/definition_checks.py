"""What must be true inside and between the versions of a definition: its examples, its dates; rule_checks.py has the rules."""

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

from definitions_contract import advice
from definitions_contract.checks import check_signing
from definitions_contract.documents import VERSION_FILE, Document, Location
from definitions_contract.draft import Draft, Loaded, check_known, check_unique
from definitions_contract.errors import Issue
from definitions_contract.evaluate import EXAMPLE_KEYS, LONG_AFTER, evaluate_example
from definitions_contract.rule_checks import check_rule, check_value
from definitions_contract.schema import Definition, Severity, Verdict
from definitions_contract.vocabulary import EVENT_COLUMNS, KIND_IN_WORDS, is_of_kind, rule_columns


def check_definitions(draft: Draft) -> Iterator[Issue]:
    """Check every version of every definition."""
    for loaded in draft.definitions:
        issues = list(_check_version(draft, loaded))
        yield from issues or _check_examples(loaded)
    ordered = sorted(draft.definitions, key=lambda loaded: (loaded.model.name, loaded.model.version))
    for _, versions in groupby(ordered, key=lambda loaded: loaded.document.file.split("/")[0]):
        yield from _check_succession(list(versions))


def _check_version(draft: Draft, loaded: Loaded[Definition]) -> Iterator[Issue]:
    document, model = loaded.document, loaded.model
    yield from _check_file_name(document, model)
    yield from check_signing(draft, document, model.agreed_between, model.signatures)
    dates = [name for name, kind in EVENT_COLUMNS[model.judges].items() if kind == "date"]
    yield from check_known(document, ("counted_on",), model.counted_on, dates)
    if not is_of_kind(model.effective_from, "date"):
        found, allowed = model.effective_from, KIND_IN_WORDS["date"]
        yield document.issue(("effective_from",), found=found, allowed=allowed, advice=advice.USE_KIND)
    yield from check_unique(document, [(("rules", n, "id"), rule.id) for n, rule in enumerate(model.rules)])
    if all(rule.severity is not Severity.CRITICAL for rule in model.rules):
        step = advice.ADD_CRITICAL
        yield document.issue(("rules",), found="no critical rule", allowed="one or more", advice=step)
    for number, rule in enumerate(model.rules):
        yield from check_rule(document, ("rules", number), rule, model.judges)
    for number, example in enumerate(model.examples):
        for key, value in example.items():
            yield from _check_example_entry(document, ("examples", number, key), value, model.judges)
        if "verdict" not in example:
            place = ("examples", number, "verdict")
            yield document.issue(place, found=None, allowed=_verdicts(), advice=advice.ADD_KEY)


def _check_file_name(document: Document, model: Definition) -> Iterator[Issue]:
    match = VERSION_FILE.match(document.file)
    if match is None:
        return
    for key, found, wanted in (
        ("name", model.name, match["name"]),
        ("version", str(model.version), match["version"]),
    ):
        if found != wanted:
            yield document.issue((key,), found=found, allowed=wanted, advice=advice.MATCH_FILE_NAME)


def _check_succession(versions: list[Loaded[Definition]]) -> Iterator[Issue]:
    """Versions count up from 1 without a gap, each from a later day, and all judge the same kind of record."""
    for wanted, loaded in enumerate(versions, start=1):
        if loaded.model.version != wanted:
            found, allowed = loaded.model.version, f"version {wanted} before it"
            yield loaded.document.issue(("version",), found=found, allowed=allowed, advice=advice.CLOSE_GAP)
            return
    for before, after in pairwise(versions):
        if after.model.effective_from <= before.model.effective_from:
            allowed = f"a day after {before.model.effective_from}, the start of version {before.model.version}"
            start, step = after.model.effective_from, advice.LATER_START
            yield after.document.issue(("effective_from",), found=start, allowed=allowed, advice=step)
        if after.model.judges != before.model.judges:
            allowed, kind = f"{before.model.judges}, as version {before.model.version} does", after.model.judges
            yield after.document.issue(("judges",), found=kind, allowed=allowed, advice=advice.JUDGE_THE_SAME)


# --- examples ---------------------------------------------------------------------------------------------------------


def _check_example_entry(document: Document, place: Location, value: Any, event: str) -> Iterator[Issue]:
    key = str(place[-1])
    match key:
        case "verdict":
            if value not in list(Verdict):
                yield document.issue(place, found=value, allowed=_verdicts(), advice=advice.USE_ALLOWED)
        case "business_days_after":
            if not is_of_kind(value, "integer") or abs(value) > LONG_AFTER:
                allowed = f"a whole number from -{LONG_AFTER} to {LONG_AFTER}"
                yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_KIND)
        case "note":
            if not isinstance(value, str):
                yield document.issue(place, found=value, allowed="text", advice=advice.USE_KIND)
        case _:
            unknown = list(check_known(document, place, key, (*rule_columns(event), *EXAMPLE_KEYS)))
            yield from unknown
            if not unknown and value is not None:
                yield from check_value(document, place, key, value, event)


def _check_examples(loaded: Loaded[Definition]) -> Iterator[Issue]:
    """Judge the signed examples; only asked when the rules themselves are in order."""
    for number, example in enumerate(loaded.model.examples):
        judgement = evaluate_example(loaded.model, example)
        if judgement.verdict != example["verdict"]:
            why = ", ".join((*judgement.failed_rules, *judgement.waiting_rules)) or "all rules pass"
            place = ("examples", number, "verdict")
            allowed = f"{judgement.verdict.value} by these rules ({why})"
            yield loaded.document.issue(place, found=example["verdict"], allowed=allowed, advice=advice.CORRECT_EXAMPLE)


def _verdicts() -> str:
    return ", ".join(Verdict)
