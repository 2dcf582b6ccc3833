"""What must be true inside kpis.yaml that no schema of one key can say: parts of each kind, columns, values, definitions behind."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from definitions_contract import advice
from definitions_contract.checks import check_signing
from definitions_contract.documents import Document, Location
from definitions_contract.draft import Draft, check_known, check_unique
from definitions_contract.errors import Issue
from definitions_contract.schema import Kpi, Measure
from definitions_contract.vocabulary import (
    UNSUMMABLE,
    allowed_values,
    credit_columns,
    is_allowed_value,
    is_of_kind,
    measure_columns,
)

WHERE_OPERATORS = ("not", "at_least", "at_most", "is_missing")


class Shape(NamedTuple):
    """Which parts a kind of KPI is made of."""

    numerator: bool
    denominator: bool
    sums: bool  # the numerator names a column to add up
    multiplies: bool


SHAPES: Mapping[str, Shape] = {
    "count": Shape(numerator=True, denominator=False, sums=False, multiplies=False),
    "sum": Shape(numerator=True, denominator=False, sums=True, multiplies=False),
    "rate": Shape(numerator=True, denominator=True, sums=False, multiplies=False),
    "mean": Shape(numerator=True, denominator=True, sums=True, multiplies=False),
    "product": Shape(numerator=False, denominator=False, sums=False, multiplies=True),
}


def check_kpis(draft: Draft) -> Iterator[Issue]:
    """Check kpis.yaml against itself and the files that it names."""
    if draft.kpis is None:
        return
    document, model = draft.kpis.document, draft.kpis.model
    yield from check_signing(draft, document, model.agreed_between, model.signatures)
    yield from check_unique(document, [(("kpis", number, "id"), kpi.id) for number, kpi in enumerate(model.kpis)])
    for number, kpi in enumerate(model.kpis):
        place: Location = ("kpis", number)
        yield from _check_kpi_names(draft, document, place, kpi)
        yield from _check_shape(document, place, kpi)
        for side in ("numerator", "denominator"):
            measure = getattr(kpi, side)
            if measure is not None:
                yield from _check_measure(document, (*place, side), measure)
                yield from _check_judged(draft, document, (*place, side), kpi, measure)


def _check_kpi_names(draft: Draft, document: Document, place: Location, kpi: Kpi) -> Iterator[Issue]:
    others = (draft.kpi_ids() or frozenset()) - {kpi.id}
    products = {other.id for other in draft.kpis.model.kpis if other.kind == "product"} if draft.kpis else set()
    phases = {phase.id for phase in draft.phases.model.phases} if draft.phases else None
    definitions = {loaded.model.name for loaded in draft.definitions}
    yield from check_known(document, (*place, "guard"), kpi.guard, others)
    yield from check_known(document, (*place, "owner"), kpi.owner, draft.departments())
    yield from check_known(document, (*place, "phase"), kpi.phase, phases)
    yield from check_known(document, (*place, "definition"), kpi.definition, definitions)
    yield from check_known(document, (*place, "divide_by"), kpi.divide_by, others - products)
    for number, factor in enumerate(kpi.multiply):
        yield from check_known(document, (*place, "multiply", number), factor, others - products)


def _check_shape(document: Document, place: Location, kpi: Kpi) -> Iterator[Issue]:
    """Check that a KPI has the parts of its kind, and no other."""
    shape = SHAPES[kpi.kind]
    sums = kpi.numerator is not None and kpi.numerator.sum is not None
    parts = (
        ("numerator", kpi.numerator is not None, shape.numerator),
        ("denominator", kpi.denominator is not None, shape.denominator),
        ("multiply", bool(kpi.multiply), shape.multiplies),
        ("numerator.sum", sums, shape.sums),
    )
    for name, is_there, is_wanted in parts:
        if is_there != is_wanted:
            found, allowed = (name, f"no {name}") if is_there else (None, name)
            step = advice.REMOVE_KEY if is_there else advice.ADD_KEY
            allowed = f"{allowed} with kind {kpi.kind}"
            yield document.issue((*place, *name.split(".")), found=found, allowed=allowed, advice=step)


def _check_measure(document: Document, place: Location, measure: Measure) -> Iterator[Issue]:
    columns = measure_columns(measure.event)
    dates = [name for name, kind in columns.items() if kind == "date"]
    numbers = [name for name, kind in columns.items() if kind in ("integer", "number")]
    yield from check_known(document, (*place, "date"), measure.date, dates)
    yield from check_known(document, (*place, "credit"), measure.credit, credit_columns(measure.event))
    yield from _check_sum(document, (*place, "sum"), measure.sum, numbers)
    for column, wanted in measure.where.items():
        unknown = list(check_known(document, (*place, "where", column), column, columns))
        yield from unknown or _check_wanted(document, (*place, "where", column), measure.event, column, wanted)


def _check_sum(document: Document, place: Location, column: str | None, numbers: list[str]) -> Iterator[Issue]:
    """Only what is told in one unit may be added up: an amount in each deal's own currency is not."""
    summable = [name for name in numbers if name not in UNSUMMABLE]
    if column in UNSUMMABLE:
        yield document.issue(place, found=column, allowed=", ".join(sorted(summable)), advice=advice.SUM_ONE_CURRENCY)
    else:
        yield from check_known(document, place, column, summable)


def _check_wanted(document: Document, place: Location, event: str, column: str, wanted: Any) -> Iterator[Issue]:
    if isinstance(wanted, Mapping):
        for operator, value in wanted.items():
            unknown = list(check_known(document, (*place, operator), operator, WHERE_OPERATORS))
            yield from unknown or _check_operand(document, (*place, operator), event, column, value)
        return
    yield from _check_values(document, place, event, column, wanted)


def _check_operand(document: Document, place: Location, event: str, column: str, value: Any) -> Iterator[Issue]:
    operator, kind = place[-1], measure_columns(event)[column]
    if operator == "not":
        yield from _check_values(document, place, event, column, value)
    elif operator == "is_missing":
        if not isinstance(value, bool):
            yield document.issue(place, found=value, allowed="true or false", advice=advice.USE_KIND)
    elif kind in ("text", "boolean") or not is_of_kind(value, kind):
        allowed = (
            allowed_values(event, column) if kind not in ("text", "boolean") else f"a column with an order, not {kind}"
        )
        yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_KIND)


def _check_values(document: Document, place: Location, event: str, column: str, wanted: Any) -> Iterator[Issue]:
    for value in wanted if isinstance(wanted, list) else [wanted]:
        if not is_allowed_value(event, column, value):
            allowed = allowed_values(event, column)
            yield document.issue(place, found=value, allowed=allowed, advice=advice.USE_ALLOWED)


def _check_judged(draft: Draft, document: Document, place: Location, kpi: Kpi, measure: Measure) -> Iterator[Issue]:
    """A verdict without its definition, or counted on another day than judges it, would mix versions in one number."""
    behind = [loaded.model for loaded in draft.definitions if loaded.model.name == kpi.definition]
    events = {definition.judges for definition in behind}
    if measure.event not in events:
        if {"verdict", "definition_version"} & set(measure.where) and (behind or kpi.definition is None):
            step, allowed = advice.NAME_DEFINITION, f"the name of a definition that judges {measure.event}"
            yield document.issue((*place[:-1], "definition"), found=kpi.definition, allowed=allowed, advice=step)
        return
    days = {definition.counted_on for definition in behind}
    if measure.date not in days:
        allowed, step = ", ".join(sorted(days)), advice.COUNT_ON_SAME_DAY
        yield document.issue((*place, "date"), found=measure.date, allowed=allowed, advice=step)
