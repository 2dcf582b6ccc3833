"""The event tables that the measures of kpis.yaml count, and what their `where` means.

Calls, e-mails and deals are the core tables; meetings also know their verdict, the version that judged, and what became of their
deal. Columns are looked up by name in these tables and values are bound: nothing of an agreement is pasted into SQL.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, not_, or_, select, true

from definitions_contract.schema import Measure
from models.duckdb import days_between
from models.errors import UnknownColumnError
from models.tables import calls, deals, emails, meeting_verdicts, meetings


def event_tables() -> dict[str, FromClause]:
    """Give each event a table; the meetings with verdict, version, deal status and days from the meeting to the win."""
    return {"calls": calls, "emails": emails, "deals": deals, "meetings": _judged_meetings()}


def event_column(event: FromClause, name: str, measure: Measure) -> ColumnElement[Any]:
    """Look a column up in the event table, or say which there are."""
    if name not in event.c:
        raise UnknownColumnError(measure.event, name, tuple(event.c.keys()))
    return event.c[name]


def where_condition(event: FromClause, measure: Measure) -> ColumnElement[bool]:
    """Turn `where` into one condition; all its parts must hold. A missing value equals nothing, so `not` lets it through."""
    parts = [_holds(event_column(event, name, measure), value) for name, value in measure.where.items()]
    return and_(true(), *parts)


def _holds(column: ColumnElement[Any], wanted: Any) -> ColumnElement[bool]:
    if isinstance(wanted, Mapping):
        return and_(*(_OPERATORS[operator](column, value) for operator, value in wanted.items()))
    if isinstance(wanted, list | tuple):
        return column.in_(wanted)
    equal: ColumnElement[bool] = column == wanted
    return equal


def _is_not(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    if isinstance(value, list | tuple):
        return or_(column.is_(None), not_(column.in_(value)))
    return column.is_distinct_from(value)


_OPERATORS: dict[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    "not": _is_not,
    "at_least": lambda column, value: column >= value,
    "at_most": lambda column, value: column <= value,
    "is_missing": lambda column, value: column.is_(None) if value else column.is_not(None),
}


def _judged_meetings() -> FromClause:
    is_won = deals.c.status == "won"
    days_to_won = case((is_won, days_between(meetings.c.held_date, deals.c.close_date)))
    return (
        select(
            *meetings.c,
            meeting_verdicts.c.verdict,
            meeting_verdicts.c.definition_version,
            deals.c.status.label("deal_status"),
            days_to_won.label("days_to_won"),
        )
        .join_from(meetings, meeting_verdicts, meetings.c.meeting_id == meeting_verdicts.c.meeting_id, isouter=True)
        .join(deals, meetings.c.deal_id == deals.c.deal_id, isouter=True)
        .cte("judged_meetings")
    )
