"""Why is a number what it is? Its value, its definition, the records behind it, and how it moved since it was first reported.

The list of records is compiled from the same measure as the number (models/kpi/kpi_records.py), so both agree.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import Agreement, Kpi, Measure, ScopeKind
from definitions_contract.words import Lang, describe_measure
from models.kpi.kpi_records import Asked, record_statement
from models.kpi.value_changes import RecordChange, has_records, record_changes
from models.tables import kpi_periods, reps, snapshots
from pipelines.asked_period import asked_period, last_day
from pipelines.errors import UnknownKpiError, UnknownPeriodError

SIDES = ("numerator", "denominator")


@dataclass(frozen=True, slots=True)
class Question:
    """Which number: a KPI, a period as people write it, and whose; without a rep or team, the department's."""

    kpi_id: str
    period: str
    rep: str | None = None
    team: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A night on which the number became another one; `reasons` counts the records by side and reason."""

    night: date
    value: float | None
    reasons: Mapping[str, int]
    changes: tuple[Mapping[str, Any], ...]
    is_kept: bool  # False: the records of one of the two nights were not kept, so the reasons are not known


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one number."""

    kpi: Kpi
    period: str
    asked: Asked
    scope_name: str
    as_of: date
    row: Mapping[str, Any]
    definitions: tuple[str, ...]
    measures: Mapping[str, str]
    records: Mapping[str, tuple[Mapping[str, Any], ...]]
    first: Mapping[str, Any] | None
    steps: tuple[Step, ...]
    names: Mapping[str, str]


def explain_kpi(connection: sa.Connection, agreement: Agreement, question: Question, lang: Lang) -> Explanation:
    """Answer from the published tables. Raises UnknownKpiError and UnknownPeriodError."""
    kpi = _kpi(agreement, question.kpi_id)
    kind, start, end = asked_period(question.period, agreement.team.fiscal_year_start_month)
    people = {row.rep_id: row.name for row in connection.execute(sa.select(reps.c.rep_id, reps.c.name))}
    scope_kind, scope_id, scope_name = _scope(agreement, question, people, lang)
    asked = Asked(scope_kind=scope_kind, scope_id=scope_id, start=start, end=end)
    keys = {
        "kpi_id": kpi.id,
        "period_kind": kind.value,
        "period_start": start,
        "scope_kind": scope_kind.value,
        "scope_id": scope_id,
    }
    kept = connection.execute(_kept(keys)).mappings().all()
    known = [row for row in kept if not row["is_backfilled"]]  # a number worked out later was not reported then
    row = connection.execute(_row(keys)).mappings().first() or (kept[-1] if kept else None)
    if row is None:
        raise UnknownPeriodError(
            f"no number of {kpi.id} was kept for {question.period} and {scope_name}; `kpi status` shows which there are"
        )
    as_of = connection.execute(sa.select(sa.func.max(kpi_periods.c.as_of))).scalar_one()
    measures = {side: measure for side in SIDES if (measure := getattr(kpi, side)) is not None}
    first = _first_reported(known, end)
    return Explanation(
        kpi=kpi,
        period=question.period,
        asked=asked,
        scope_name=scope_name,
        as_of=as_of,
        row=dict(row),
        definitions=_definitions(agreement, kpi, row["definition_versions"]),
        measures={side: describe_measure(measure, lang) for side, measure in measures.items()},
        records={
            side: tuple(
                dict(one) for one in connection.execute(record_statement(kpi, measure, asked, as_of=as_of)).mappings()
            )
            for side, measure in measures.items()
        },
        first=first,
        steps=tuple(_steps(connection, agreement, kpi, measures, asked, known=known, first=first)),
        names=people,
    )


def as_plain(found: Explanation, lang: Lang) -> dict[str, Any]:
    """Give the answer for another program."""
    return {
        "kpi": found.kpi.id,
        "label": getattr(found.kpi.label, lang),
        "period": {"start": found.asked.start, "end": found.asked.end},
        "scope": {"kind": found.asked.scope_kind.value, "id": found.asked.scope_id, "name": found.scope_name},
        "as_of": found.as_of,
        **{name: value for name, value in found.row.items() if name not in {"kpi_id", "as_of"}},
        "definitions": found.definitions,
        "measures": found.measures,
        "first_reported": dict(found.first) if found.first else None,
        "changes": [asdict(step) for step in found.steps],
        "records": list(record_rows(found)),
    }


def record_rows(found: Explanation) -> Iterator[dict[str, Any]]:
    """Give every record of both sides, with the rep's name."""
    for side, records in found.records.items():
        for one in records:
            yield {"side": side, **one, "rep": found.names.get(one["rep_id"], one["rep_id"])}


# --- what was asked ---------------------------------------------------------------------------------------------------


def _kpi(agreement: Agreement, kpi_id: str) -> Kpi:
    known = {kpi.id: kpi for kpi in agreement.kpis.kpis}
    if kpi_id not in known:
        raise UnknownKpiError(f"the agreement has no KPI {kpi_id!r}; use one of {', '.join(known)}")
    return known[kpi_id]


def _scope(
    agreement: Agreement, question: Question, people: Mapping[str, str], lang: Lang
) -> tuple[ScopeKind, str, str]:
    if question.rep is not None:
        rep_id = find_rep(question.rep, people)
        return ScopeKind.REP, rep_id, people[rep_id]
    if question.team is not None:
        teams = {team.id: getattr(team.label, lang) for team in agreement.team.teams}
        return ScopeKind.TEAM, question.team, _named("team", question.team, teams)
    department = question.department or agreement.phases.department
    departments = {one.id: getattr(one.label, lang) for one in agreement.team.departments}
    return ScopeKind.DEPARTMENT, department, _named("department", department, departments)


def _named(what: str, scope_id: str, known: Mapping[str, str]) -> str:
    if scope_id not in known:
        raise UnknownKpiError(f"the agreement has no {what} {scope_id!r}; use one of {', '.join(known)}")
    return known[scope_id]


def find_rep(asked: str, people: Mapping[str, str]) -> str:
    """Find a person by id, by whole name or by a part of it that only one has. Raises UnknownKpiError."""
    if asked in people:
        return asked
    wanted = asked.casefold()
    whole = [rep_id for rep_id, name in people.items() if (name or "").casefold() == wanted]
    found = whole or [rep_id for rep_id, name in people.items() if wanted in (name or "").casefold()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{people[rep_id]} ({rep_id})" for rep_id in (found or people))
    what = "more than one person is" if found else "nobody is"
    raise UnknownKpiError(f"{what} called {asked!r}; use the id of one of: {names}")


def _row(keys: Mapping[str, Any]) -> sa.Select[Any]:
    columns = (
        "numerator", "denominator", "actual", "target", "attainment", "expected_to_date", "status", "previous",
        "median", "guard_kpi_id", "guard_note", "definition_versions",
    )  # fmt: skip
    return sa.select(*(kpi_periods.c[name] for name in columns)).where(
        *(kpi_periods.c[name] == value for name, value in keys.items())
    )


def _definitions(agreement: Agreement, kpi: Kpi, versions: str | None) -> tuple[str, ...]:
    asked = (versions or "").split(",") if kpi.definition else []
    return tuple(
        f"{one.name} v{one.version} ({', '.join(f'{s.department} {s.signed_date}' for s in one.signatures)})"
        for one in agreement.definitions
        if one.name == kpi.definition and str(one.version) in asked
    )


# --- how it moved -----------------------------------------------------------------------------------------------------


def _kept(keys: Mapping[str, Any]) -> sa.Select[Any]:
    columns = ("known_date", "numerator", "denominator", "definition_versions", "is_backfilled")
    return (
        sa.select(*(snapshots.c[name] for name in columns), snapshots.c.value.label("actual"))
        .where(*(snapshots.c[name] == value for name, value in keys.items()))
        .order_by(snapshots.c.known_date)
    )


def _first_reported(known: Sequence[Mapping[Any, Any]], end: date) -> Mapping[str, Any] | None:
    """Give the first number of the whole period; while it is open, the first one of it."""
    whole = [row for row in known if row["known_date"] >= last_day(end)]
    return dict((whole or known)[0]) if known else None


def _steps(
    connection: sa.Connection,
    agreement: Agreement,
    kpi: Kpi,
    measures: Mapping[str, Measure],
    asked: Asked,
    *,
    known: Sequence[Mapping[Any, Any]],
    first: Mapping[str, Any] | None,
) -> Iterator[Step]:
    since = [row for row in known if first is not None and row["known_date"] >= first["known_date"]]
    for before, after in pairwise(since):
        if all(before[side] == after[side] for side in ("actual", *SIDES)):
            continue
        nights = (before["known_date"], after["known_date"])
        changes = {
            side: record_changes(connection, agreement, kpi, measure, asked, nights=nights)
            for side, measure in measures.items()
        }
        yield Step(
            night=nights[1],
            value=after["actual"],
            reasons=_counted(changes),
            changes=tuple({"side": side, **asdict(one)} for side, ones in changes.items() for one in ones),
            is_kept=all(has_records(connection, kpi, measure, nights[0]) for measure in measures.values()),
        )


def _counted(changes: Mapping[str, Sequence[RecordChange]]) -> dict[str, int]:
    """Count records by reason; a record on both sides of a rate is one record."""
    records = {(one.record_id, one.reason.value) for ones in changes.values() for one in ones}
    return dict(sorted(Counter(reason for _, reason in records).items()))
