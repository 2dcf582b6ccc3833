"""What must be true inside and between the versions of a definition: its rules, its examples, its dates."""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

from definitions_contract import advice
from definitions_contract.checks import check_signing
from definitions_contract.documents import VERSION_FILE, Document, Location
from definitions_contract.draft import Draft, Loaded, check_known, check_unique
from definitions_contract.errors import Issue
from definitions_contract.evaluate import EXAMPLE_KEYS, LONG_AFTER, evaluate_example
from definitions_contract.expectations import (
    EXPECTATIONS,
    ROW_CONDITION_FORM,
    TO_BE_NULL,
    Expectation,
    parse_row_condition,
)
from definitions_contract.schema import Definition, Rule, Severity, Verdict
from definitions_contract.vocabulary import (
    KIND_IN_WORDS,
    RULED_EVENT,
    allowed_values,
    is_allowed_value,
    is_of_kind,
    rule_columns,
)

# look-around, back references, atomic groups, conditionals: Python has them, RE2 does not
BEYOND_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]")


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
    dates = [name for name, kind in rule_columns().items() if kind == "date"]
    yield from check_known(document, ("counted_on",), model.counted_on, dates)
    if not is_of_kind(model.effective_from, "date"):
        found, allowed = model.effective_from, KIND_IN_WORDS["date"]
        yield document.issue(("effective_from",), found=found, allowed=allowed, advice=advice.USE_KIND)
    yield from check_unique(document, [(("rules", n, "id"), rule.id) for n, rule in enumerate(model.rules)])
    if all(rule.severity is not Severity.CRITICAL for rule in model.rules):
        step = advice.ADD_CRITICAL
        yield document.issue(("rules",), found="no critical rule", allowed="one or more", advice=step)
    for number, rule in enumerate(model.rules):
        yield from _check_rule(document, ("rules", number), rule)
    for number, example in enumerate(model.examples):
        for key, value in example.items():
            yield from _check_example_entry(document, ("examples", number, key), value)
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
    """Versions count up from 1 without a gap, each from a later day."""
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


# --- rules ------------------------------------------------------------------------------------------------------------


def _check_rule(document: Document, place: Location, rule: Rule) -> Iterator[Issue]:
    expectation = EXPECTATIONS.get(rule.expectation)
    if expectation is None:
        yield from check_known(document, (*place, "expectation"), rule.expectation, EXPECTATIONS)
        return
    missing_or_unknown = list(_check_argument_names(document, (*place, "kwargs"), rule, expectation))
    yield from missing_or_unknown
    if not missing_or_unknown:
        yield from _check_columns(document, place, rule, expectation)


def _check_argument_names(document: Document, place: Location, rule: Rule, expectation: Expectation) -> Iterator[Issue]:
    for name in rule.kwargs:
        yield from check_known(document, (*place, name), name, expectation.allowed)
    for name in sorted({*expectation.columns, *expectation.required} - set(rule.kwargs)):
        yield document.issue(
            (*place, name), found=None, allowed=f"{name} with {rule.expectation}", advice=advice.ADD_KEY
        )
    if expectation.one_of and not expectation.one_of & set(rule.kwargs):
        allowed = " or ".join(sorted(expectation.one_of))
        yield document.issue(place, found=sorted(rule.kwargs), allowed=allowed, advice=advice.ADD_KEY)


def _check_columns(document: Document, place: Location, rule: Rule, expectation: Expectation) -> Iterator[Issue]:
    columns = rule_columns()
    allowed = [name for name, kind in columns.items() if not expectation.kinds or kind in expectation.kinds]
    places = [(*place, "kwargs", name) for name in expectation.columns]
    unknown = [
        issue
        for name, location in zip(expectation.columns, places, strict=True)
        for issue in check_known(document, location, str(rule.kwargs[name]), allowed)
    ]
    yield from unknown
    if unknown:
        return
    kinds = {columns[str(rule.kwargs[name])] for name in expectation.columns}
    if len(kinds) > 1:
        found = " and ".join(sorted(kinds))
        yield document.issue(places[-1], found=found, allowed="two columns of one kind", advice=advice.USE_ALLOWED)
    yield from _check_arguments(document, (*place, "kwargs"), rule)
    yield from _check_waiting(document, place, rule)


def _check_arguments(document: Document, place: Location, rule: Rule) -> Iterator[Issue]:
    for name, value in rule.kwargs.items():
        location = (*place, name)
        match name:
            case "value_set":
                yield from _check_value_set(document, location, str(rule.kwargs["column"]), value)
            case "min_value" | "max_value":
                yield from _check_bound(document, location, rule, value)
            case "strict_min" | "strict_max" | "or_equal":
                if not isinstance(value, bool):
                    yield document.issue(location, found=value, allowed="true or false", advice=advice.USE_KIND)
            case "regex":
                yield from _check_regex(document, location, value)
            case "row_condition":
                yield from _check_row_condition(document, location, value)


def _check_value_set(document: Document, place: Location, column: str, values: Any) -> Iterator[Issue]:
    if not isinstance(values, list) or not values:
        yield document.issue(place, found=values, allowed="a list of values", advice=advice.USE_KIND)
        return
    for number, value in enumerate(values):
        yield from _check_value(document, (*place, number), column, value)


def _check_value(document: Document, place: Location, column: str, value: Any) -> Iterator[Issue]:
    if not is_allowed_value(RULED_EVENT, column, value):
        allowed = f"{allowed_values(RULED_EVENT, column)} ({column})"
        yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_ALLOWED)


def _check_bound(document: Document, place: Location, rule: Rule, value: Any) -> Iterator[Issue]:
    is_length = rule.expectation == "expect_column_value_lengths_to_be_between"
    column = "minutes" if is_length else str(rule.kwargs["column"])  # a length is a whole number, as minutes are
    wrong = list(_check_value(document, place, column, value))
    yield from wrong
    lowest, highest = rule.kwargs.get("min_value"), rule.kwargs.get("max_value")
    if place[-1] == "max_value" and not wrong and _is_below(highest, lowest):
        allowed = f"at least min_value ({lowest})"
        yield document.issue(place, found=highest, allowed=allowed, advice=advice.USE_ALLOWED)


def _is_below(highest: Any, lowest: Any) -> bool:
    return type(lowest) is type(highest) and lowest is not None and bool(highest < lowest)


def _check_regex(document: Document, place: Location, value: Any) -> Iterator[Issue]:
    try:
        re.compile(value, re.ASCII)
    except (re.error, TypeError) as error:
        found = f"{value} ({error})"
        yield document.issue(place, found=found, allowed="a regular expression", advice=advice.USE_KIND)
        return
    if BEYOND_RE2.search(value):
        yield document.issue(place, found=value, allowed="what RE2 knows", advice=advice.SIMPLE_REGEX)


def _check_row_condition(document: Document, place: Location, value: Any) -> Iterator[Issue]:
    condition = parse_row_condition(value) if isinstance(value, str) else None
    if condition is None:
        yield document.issue(place, found=value, allowed=ROW_CONDITION_FORM, advice=advice.USE_KIND)
        return
    comparable = [name for name, kind in rule_columns().items() if kind in ("text", "integer", "number")]
    unknown = list(check_known(document, place, condition.column, comparable))
    yield from unknown or _check_value(document, place, condition.column, condition.value)


def _check_waiting(document: Document, place: Location, rule: Rule) -> Iterator[Issue]:
    if rule.waiting_values and rule.expectation == TO_BE_NULL:
        location, found = (*place, "waiting_values"), list(rule.waiting_values)
        yield document.issue(location, found=found, allowed=f"none with {TO_BE_NULL}", advice=advice.UNNEEDED_HERE)
        return
    column = str(rule.kwargs[EXPECTATIONS[rule.expectation].columns[0]])
    for number, value in enumerate(rule.waiting_values):
        yield from _check_value(document, (*place, "waiting_values", number), column, value)


# --- examples ---------------------------------------------------------------------------------------------------------


def _check_example_entry(document: Document, place: Location, value: Any) -> Iterator[Issue]:
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
            unknown = list(check_known(document, place, key, (*rule_columns(), *EXAMPLE_KEYS)))
            yield from unknown
            if not unknown and value is not None:
                yield from _check_value(document, place, key, value)


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
