"""What happened? One row per KPI, day, rep, team and segment: the additive facts behind every number.

Every KPI of the agreement is compiled into one statement. Ratios appear nowhere here: numerators and denominators are added up, and
divided once, at the period. Measures that count on the same day for the same rep are counted in one pass over their event.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Select, cast, func, literal, null, or_, select, union_all

from definitions_contract.schema import Kpi, Measure
from models.context import BuildContext, Model
from models.expressions import no_rows, or_unknown
from models.kpi.events import AMOUNT, Counting, counting, event_of, is_versioned
from models.kpi.teams import is_team_on
from models.tables import (
    calls,
    deal_owner_changes,
    deals,
    emails,
    kpi_daily,
    meeting_verdicts,
    meetings,
    rep_teams,
    verdicts,
)

SEGMENTS = ("lead_source_first", "lead_source", "response_method", "industry", "company_size")
KEYS = ("counted_date", "rep_id", "team", "department", *SEGMENTS, "definition_version")


def build_kpi_daily(context: BuildContext) -> Select[Any]:
    """Count every KPI of the agreement, up to as_of; a record without its date counts on no day."""
    kpis = [kpi for kpi in context.agreement.kpis.kpis if kpi.numerator is not None]
    passes = _passes(kpis, as_of=context.as_of)
    facts = [fact for kpi in kpis for fact in _facts(kpi, passes)]
    return select(union_all(*facts or [no_rows(kpi_daily)]).subquery("facts"))


# --- one pass over an event for all measures that share day and credit -------------------------------------------------

PassKey = tuple[str, str, str, str | None]  # event, date column, credit column, definition if the version counts


@dataclass(frozen=True, slots=True)
class _Pass:
    """Sums of several measures side by side; `places` says in which columns a measure stands."""

    sums: CTE
    places: Sequence[Measure]

    def column(self, measure: Measure) -> ColumnElement[Any]:
        """The sum of a measure; NULL where nothing of it counts."""
        return self.sums.c[f"m{self.places.index(measure)}"]


def _pass_key(kpi: Kpi, measure: Measure) -> PassKey:
    definition = kpi.definition if is_versioned(kpi, measure) else None
    return measure.event, measure.date, measure.credit, definition


def _passes(kpis: Sequence[Kpi], *, as_of: date) -> dict[PassKey, _Pass]:
    measures: dict[PassKey, list[tuple[Kpi, Measure]]] = {}
    for kpi in kpis:
        for measure in _measures(kpi):
            known = measures.setdefault(_pass_key(kpi, measure), [])
            if all(measure != other for _, other in known):
                known.append((kpi, measure))
    return {
        key: _one_pass(f"pass_{place}", [counting(kpi, one, event_of(one), as_of=as_of) for kpi, one in asked], asked)
        for place, (key, asked) in enumerate(measures.items())
    }


def _measures(kpi: Kpi) -> Iterator[Measure]:
    yield from (measure for measure in (kpi.numerator, kpi.denominator) if measure is not None)


def _one_pass(name: str, countings: Sequence[Counting], asked: Sequence[tuple[Kpi, Measure]]) -> _Pass:
    """Add the measures up per day, rep and segment; then give each row the team of its rep on that day."""
    first = countings[0]
    keys: list[ColumnElement[Any]] = [
        first.day.label("counted_date"),
        first.rep_id.label("rep_id"),
        *(or_unknown(first.event.c[segment]).label(segment) for segment in SEGMENTS),
        first.version.label("definition_version"),
    ]
    sums = [
        cast(func.sum(one.amount).filter(one.is_counted), AMOUNT).label(f"m{place}")
        for place, one in enumerate(countings)
    ]
    counted = select(*keys, *sums).where(or_(*(one.is_counted for one in countings))).group_by(*keys).cte(name)
    teamed = (
        select(
            counted,
            or_unknown(rep_teams.c.team).label("team"),
            or_unknown(rep_teams.c.department).label("department"),
        )
        .join_from(counted, rep_teams, is_team_on(counted.c.rep_id, counted.c.counted_date), isouter=True)
        .cte(f"{name}_by_team")
    )
    return _Pass(sums=teamed, places=[measure for _, measure in asked])


# --- one KPI ------------------------------------------------------------------------------------------------------------


def _facts(kpi: Kpi, passes: Mapping[PassKey, _Pass]) -> Iterator[Select[Any]]:
    """Lay numerator and denominator side by side; where they are counted in two passes, one is 0 in the rows of the other."""
    sides = [(passes[_pass_key(kpi, measure)], measure) for measure in _measures(kpi)]
    if len(sides) == 1 or sides[0][0] is sides[1][0]:
        yield _side_by_side(kpi, sides[0][0])
        return
    apart = union_all(*(_side_by_side(kpi, counted, only=measure) for counted, measure in sides)).subquery("apart")
    keys = [apart.c[name] for name in ("kpi_id", *KEYS)]
    sums = [cast(func.sum(apart.c[name]), AMOUNT).label(name) for name in ("numerator", "denominator")]
    yield _in_order(select(*keys, *sums).group_by(*keys).subquery("together"))


def _side_by_side(kpi: Kpi, counted: _Pass, *, only: Measure | None = None) -> Select[Any]:
    sums = counted.sums.c
    asked = [measure for measure in _measures(kpi) if only is None or measure is only]
    amounts = {
        name: null()
        if measure is None
        else func.coalesce(counted.column(measure), 0)
        if measure in asked
        else literal(0)
        for name, measure in (("numerator", kpi.numerator), ("denominator", kpi.denominator))
    }
    rows = select(
        literal(kpi.id).label("kpi_id"),
        *(sums[name] for name in KEYS),
        *(cast(amount, AMOUNT).label(name) for name, amount in amounts.items()),
    ).where(or_(*(counted.column(measure).is_not(None) for measure in asked)))
    return _in_order(rows.subquery("side_by_side"))


def _in_order(rows: FromClause) -> Select[Any]:
    """Give the columns in the order of the table: a union goes by place."""
    return select(*(rows.c[column.name] for column in kpi_daily.columns))


MODEL = Model(
    table=kpi_daily,
    reads=(calls, emails, meetings, deals, deal_owner_changes, meeting_verdicts, verdicts, rep_teams),
    statement=build_kpi_daily,
    group="kpi",
)
