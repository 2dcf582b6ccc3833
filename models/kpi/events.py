"""The event tables that the measures of kpis.yaml count, and what their `where` means.

Calls, e-mails and deals are the core tables; meetings also know their verdict, the version that judged, and what became of their
deal. Columns are looked up by name in these tables and values are bound: nothing of an agreement is pasted into SQL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    case,
    cast,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
)

from definitions_contract.resolve import MEETING_DEFINITION
from definitions_contract.schema import Kpi, Measure
from definitions_contract.vocabulary import OWNER_THEN
from models.core.deals import CLOSED
from models.duckdb import days_between
from models.errors import UnknownColumnError
from models.expressions import or_unknown
from models.tables import calls, deal_owner_changes, deals, emails, kpi_daily, meeting_verdicts, meetings
from models.tables import verdicts as other_verdicts

AMOUNT = kpi_daily.c.numerator.type
RECORD_IDS: Mapping[str, str] = {
    "calls": "call_id",
    "emails": "email_id",
    "meetings": "meeting_id",
    "deals": "deal_id",
}


@dataclass(frozen=True, slots=True)
class DealEnd:
    """Columns of an event that tell how and when its deal ended."""

    status: str
    close_date: str
    days: str


DEAL_ENDS: Mapping[str, DealEnd] = {
    "deals": DealEnd("status", "close_date", "cycle_days"),
    "meetings": DealEnd("deal_status", "deal_close_date", "days_to_won"),
}


@dataclass(frozen=True, slots=True)
class Counting:
    """What a measure reads of its event, row by row. Sums, lists of records and medians are all made of it, so they agree."""

    event: FromClause
    record_id: ColumnElement[Any]
    day: ColumnElement[Any]
    rep_id: ColumnElement[Any]
    version: ColumnElement[Any]  # NULL when no definition is behind the KPI
    amount: ColumnElement[Any]  # 1, or the column to add up; never NULL
    is_counted: ColumnElement[bool]


def counting(kpi: Kpi, measure: Measure, event: FromClause, *, as_of: date) -> Counting:
    """Read one side of a KPI: which rows count up to as_of, on which day, for whom, with how much."""
    judged = _judged_by(kpi, measure, event)
    known = {**judged, **known_by(as_of, event, measure)}
    day = event_column(event, measure.date, measure)
    amount = literal_column("1") if measure.sum is None else func.coalesce(summed_column(event, measure, known), 0)
    return Counting(
        event=event,
        record_id=event.c[RECORD_IDS[measure.event]],
        day=day,
        rep_id=or_unknown(event_column(event, measure.credit, measure)),
        version=judged["definition_version"] if is_versioned(kpi, measure) else cast(null(), BigInteger),
        amount=cast(amount, AMOUNT),
        is_counted=and_(where_condition(event, measure, known), day <= as_of),
    )


def known_by(as_of: date, event: FromClause, measure: Measure) -> Mapping[str, ColumnElement[Any]]:
    """Give the columns that tell of a deal's end as they stood on as_of: one that closes later was open then."""
    names = DEAL_ENDS.get(measure.event)
    if names is None:
        return {}
    is_later = and_(event.c[names.status].in_(CLOSED), event.c[names.close_date] > as_of)
    return {
        names.status: case((is_later, "open"), else_=event.c[names.status]),
        names.days: case((is_later, null()), else_=event.c[names.days]),
    }


def learns_later(measure: Measure) -> bool:
    """Tell whether what a measure counts on a past day depends on how deals ended after it."""
    names = DEAL_ENDS.get(measure.event)
    if names is None or measure.date == names.close_date:
        return False
    return bool({names.status, names.days} & {*measure.where, measure.sum})


def summed_column(event: FromClause, measure: Measure, known: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """Give the column that a measure adds up; NULL where a record has none."""
    name = measure.sum or ""
    return known[name] if name in known else event_column(event, name, measure)


def is_versioned(kpi: Kpi, measure: Measure) -> bool:
    """Tell whether the version that judged is part of what is counted: of meetings always, of others where a verdict is asked."""
    asks = measure.event == "meetings" or bool({"verdict", "definition_version"} & set(measure.where))
    return kpi.definition is not None and asks


def _judged_by(kpi: Kpi, measure: Measure, event: FromClause) -> Mapping[str, ColumnElement[Any]]:
    """Give verdict and version by the KPI's definition: the event's own columns, or looked up in kpi.verdicts."""
    names = ("verdict", "definition_version")
    if measure.event == "meetings" and kpi.definition in (None, MEETING_DEFINITION):
        return {name: event.c[name] for name in names}
    mine = and_(
        other_verdicts.c.definition == kpi.definition, other_verdicts.c.record_id == event.c[RECORD_IDS[measure.event]]
    )
    found = {name: select(other_verdicts.c[name]).where(mine).scalar_subquery() for name in names}
    if measure.event != "meetings":
        return found
    # without rows there, it is the definition behind kpi.meeting_verdicts
    is_there = select(other_verdicts.c.definition).where(other_verdicts.c.definition == kpi.definition).exists()
    return {name: case((is_there, found[name]), else_=event.c[name]) for name in names}


@cache
def event_tables() -> Mapping[str, FromClause]:
    """Give each event a table; the meetings with verdict, version, deal status and days from the meeting to the win."""
    # the same steps in every place of a statement: two alike would be two
    return {"calls": calls, "emails": emails, "deals": deals, "meetings": meetings_with(meeting_verdicts)}


def meetings_with(verdicts: FromClause, name: str = "judged_meetings") -> FromClause:
    """Give the meetings with their verdicts (meeting_id, verdict, definition_version) and what became of their deals."""
    is_won = deals.c.status == "won"
    days_to_won = case((is_won, days_between(meetings.c.held_date, deals.c.close_date)))
    return (
        select(
            *meetings.c,
            verdicts.c.verdict,
            verdicts.c.definition_version,
            deals.c.status.label("deal_status"),
            deals.c.close_date.label("deal_close_date"),
            days_to_won.label("days_to_won"),
        )
        .join_from(meetings, verdicts, meetings.c.meeting_id == verdicts.c.meeting_id, isouter=True)
        .join(deals, meetings.c.deal_id == deals.c.deal_id, isouter=True)
        .cte(name)
    )


def event_of(measure: Measure) -> FromClause:
    """Give the rows that a measure counts; with the owner of its day where that is who gets the credit."""
    return _owned_deals(measure.date) if measure.credit == OWNER_THEN else event_tables()[measure.event]


@cache
def _owned_deals(day: str) -> FromClause:
    return with_owner_then(deals, day)


def with_owner_then(event: FromClause, day: str) -> FromClause:
    """Give deals with their owner at the end of a day; those without a history have the owner of today.

    Before the first owner that the CRM tells of there was no other one.
    """
    change = deal_owner_changes
    following = func.lead(change.c.changed_date).over(partition_by=change.c.deal_id, order_by=change.c.position)
    since = case((change.c.position > 1, change.c.changed_date))
    owned = select(
        change.c.deal_id, change.c.owner_rep_id, since.label("since"), following.label("until")
    ).cte(f"owners_by_{day}")  # fmt: skip
    held = event.c[day]
    is_owner_then = and_(
        owned.c.deal_id == event.c.deal_id,
        or_(owned.c.since.is_(None), owned.c.since <= held),
        or_(owned.c.until.is_(None), held < owned.c.until),
    )
    owner = case((owned.c.deal_id.is_not(None), owned.c.owner_rep_id), else_=event.c.owner_rep_id)
    return (
        select(*event.c, owner.label(OWNER_THEN))
        .join_from(event, owned, is_owner_then, isouter=True)
        .cte(f"deals_by_owner_on_{day}")
    )


def event_column(event: FromClause, name: str, measure: Measure) -> ColumnElement[Any]:
    """Look a column up in the event table, or say which there are."""
    if name not in event.c:
        raise UnknownColumnError(measure.event, name, tuple(event.c.keys()))
    return event.c[name]


def where_condition(
    event: FromClause, measure: Measure, judged: Mapping[str, ColumnElement[Any]] | None = None
) -> ColumnElement[bool]:
    """Turn `where` into one condition; all its parts must hold. A missing value equals nothing, so `not` lets it through.

    `judged` holds columns that stand in for the event's: the verdict by the KPI's own definition.
    """
    known = judged or {}
    columns = {name: known[name] if name in known else event_column(event, name, measure) for name in measure.where}
    parts = [_holds(columns[name], value) for name, value in measure.where.items()]
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
