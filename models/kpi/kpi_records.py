"""Which records are behind a number? The same measure that kpi_daily adds up, left as rows."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, cast, literal, select

from definitions_contract.schema import Kpi, Measure, ScopeKind
from models.expressions import in_period, or_unknown
from models.kpi.events import AMOUNT, Counting, counting, event_of, is_versioned
from models.kpi.teams import is_team_on
from models.tables import rep_teams


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose number of which half-open period."""

    scope_kind: ScopeKind
    scope_id: str
    start: date
    end: date


def measure_id(kpi: Kpi, measure: Measure) -> str:
    """Give the name under which a measure's records are kept: it changes when the measure's text does, and never else."""
    text = [measure.model_dump(mode="json"), kpi.definition if is_versioned(kpi, measure) else None]
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()[:16]


def record_statement(kpi: Kpi, measure: Measure, asked: Asked, *, as_of: date) -> Select[Any]:
    """Give the records that one side of a KPI counts in a period and scope, oldest first; their amounts add up to the side."""
    event = event_of(measure)
    one = counting(kpi, measure, event, as_of=as_of)
    scope = {
        ScopeKind.REP: one.rep_id,
        ScopeKind.TEAM: or_unknown(rep_teams.c.team),
        ScopeKind.DEPARTMENT: or_unknown(rep_teams.c.department),
    }[asked.scope_kind]
    return (
        with_teams(one, event.c.crm_url)
        .where(one.is_counted, in_period(one.day, asked.start, asked.end), scope == asked.scope_id)
        .order_by(one.day, one.record_id)
    )


def counted_records(kpi: Kpi, measure: Measure, *, as_of: date) -> Select[Any]:
    """Give every record that one side of a KPI counts up to as_of, under the measure's name."""
    one = counting(kpi, measure, event_of(measure), as_of=as_of)
    return with_teams(one, literal(measure_id(kpi, measure)).label("measure_id")).where(one.is_counted)


def with_teams(one: Counting, *more: Any) -> Select[Any]:
    """Give the rows of an event as a measure reads them, with the team and department of their rep on the day."""
    return select(
        *more,
        one.record_id.label("record_id"),
        one.day.label("counted_date"),
        one.rep_id.label("rep_id"),
        or_unknown(rep_teams.c.team).label("team"),
        or_unknown(rep_teams.c.department).label("department"),
        one.version.label("definition_version"),
        cast(one.amount, AMOUNT).label("amount"),
    ).join_from(one.event, rep_teams, and_(is_team_on(one.rep_id, one.day)), isouter=True)
