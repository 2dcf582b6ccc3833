"""What happened? One row per KPI, day, rep, team and segment: the additive facts behind every number.

Every KPI of the agreement is compiled into one statement. Ratios appear nowhere here: numerators and denominators are added up, and
divided once, at the period.
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from definitions_contract.schema import Kpi, Measure
from models.context import BuildContext, Model
from models.expressions import no_rows, or_unknown
from models.kpi.events import event_column, event_tables, where_condition
from models.kpi.teams import is_team_on
from models.tables import calls, deals, emails, kpi_daily, meeting_verdicts, meetings, rep_teams

AMOUNT = kpi_daily.c.numerator.type
SEGMENTS = ("lead_source_first", "lead_source", "response_method", "industry", "company_size")


def build_kpi_daily(context: BuildContext) -> Select[Any]:
    """Count every KPI of the agreement, up to as_of; a record without its date counts on no day."""
    events = event_tables()
    measured = [
        _measured(kpi, measure, events[measure.event], as_of=context.as_of)
        for kpi in context.agreement.kpis.kpis
        for measure in (kpi.numerator, kpi.denominator)
        if measure is not None
    ]
    facts = union_all(*measured or [no_rows(kpi_daily)]).cte("facts")
    keys = [
        facts.c.kpi_id,
        facts.c.counted_date,
        facts.c.rep_id,
        or_unknown(rep_teams.c.team).label("team"),
        or_unknown(rep_teams.c.department).label("department"),
        *(facts.c[name] for name in SEGMENTS),
        facts.c.definition_version,
    ]
    numerator, denominator = (
        func.sum(facts.c[name]).cast(kpi_daily.c[name].type).label(name) for name in ("numerator", "denominator")
    )
    return (
        select(*keys, numerator, denominator)
        .join_from(facts, rep_teams, is_team_on(facts.c.rep_id, facts.c.counted_date), isouter=True)
        .group_by(*keys)
    )


def _measured(kpi: Kpi, measure: Measure, event: FromClause, *, as_of: date) -> Select[Any]:
    """Count one side of one KPI, grouped by everything that it may be split by; the other side is 0, or NULL if there is none."""
    day = event_column(event, measure.date, measure)
    keys: list[ColumnElement[Any]] = [
        day.label("counted_date"),
        or_unknown(event_column(event, measure.credit, measure)).label("rep_id"),
        *(or_unknown(event.c[name]).label(name) for name in SEGMENTS),
    ]
    is_versioned = kpi.definition is not None and "definition_version" in event.c
    version = event.c.definition_version if is_versioned else cast(null(), BigInteger)
    amount = _amount(event, measure)
    is_numerator = measure is kpi.numerator
    nothing = cast(null() if kpi.denominator is None else 0, AMOUNT)
    return (
        select(
            literal(kpi.id).label("kpi_id"),
            *keys,
            version.label("definition_version"),
            (amount if is_numerator else nothing).label("numerator"),
            (nothing if is_numerator else amount).label("denominator"),
        )
        .where(where_condition(event, measure), day <= as_of)
        .group_by(*keys, *([version] if is_versioned else []))
    )


def _amount(event: FromClause, measure: Measure) -> ColumnElement[Any]:
    counted = (
        func.count() if measure.sum is None else func.coalesce(func.sum(event_column(event, measure.sum, measure)), 0)
    )
    return cast(counted, AMOUNT)


MODEL = Model(
    table=kpi_daily,
    reads=(calls, emails, meetings, deals, meeting_verdicts, rep_teams),
    statement=build_kpi_daily,
    group="kpi",
)
