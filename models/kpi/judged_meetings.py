"""Which version judges which meeting, and until when may an answer be missing? Steps that the verdicts share, no table."""

from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Date, FromClause, and_, case, cast, func, null, select

from definitions_contract.resolve import InForce, in_force
from definitions_contract.schema import Definition
from models.context import BuildContext
from models.errors import UnknownColumnError
from models.tables import calendar, meetings

DEFINITION = "valid_meeting"  # the definition that judges meetings


def versions_in_force(context: BuildContext) -> tuple[InForce, ...]:
    """Give the signed versions of the definition that judges meetings, oldest first."""
    return in_force(context.agreement, DEFINITION)


def judged_meetings(versions: tuple[InForce, ...]) -> CTE:
    """One row per meeting: all its columns, the day that decides, and the version in force on it; NULL when none was.

    Where versions count on different days and two claim a meeting, the newer one judges it.
    """
    newest_first = [(_is_judged_by(version), version.definition) for version in reversed(versions)]
    number: ColumnElement[Any] = cast(null(), BigInteger)
    counted: ColumnElement[Any] = meetings.c.held_date
    if newest_first:
        counted_if_none = counted_column(meetings, newest_first[0][1])
        number = case(*((is_judged, definition.version) for is_judged, definition in newest_first))
        counted = case(
            *((is_judged, counted_column(meetings, definition)) for is_judged, definition in newest_first),
            else_=counted_if_none,
        )
    return select(
        *meetings.c, cast(number, BigInteger).label("definition_version"), cast(counted, Date).label("counted_date")
    ).cte("judged_meetings")


def deadlines(waits: tuple[int, ...]) -> CTE:
    """One row per day: for each number of business days, the last day on which an answer due by then still waits.

    The running number of business days makes it one join per number: the n-th business day after a day is the one whose
    number is n higher. Zero is the day itself. NULL where the calendar ends before it.
    """
    numbered = select(
        calendar.c.day,
        calendar.c.business_day,
        func.sum(calendar.c.business_day).over(order_by=calendar.c.day).label("number"),
    ).cte("numbered_days")
    joined: FromClause = numbered
    columns: list[ColumnElement[Any]] = [numbered.c.day.label(deadline_name(0))] if 0 in waits else []
    for wait in sorted(set(waits) - {0}):
        later = numbered.alias(f"after_{wait}")
        due = and_(later.c.business_day == 1, later.c.number == numbered.c.number + wait)
        joined = joined.outerjoin(later, due)
        columns.append(later.c.day.label(deadline_name(wait)))
    return select(numbered.c.day, *columns).select_from(joined).cte("deadlines")


def deadline_name(wait_business_days: int) -> str:
    """Name of the column of `deadlines` for a number of business days."""
    return f"deadline_{wait_business_days}"


def counted_column(rows: FromClause, definition: Definition) -> ColumnElement[Any]:
    """Look up the day that decides; it must be a date of core.meetings."""
    days = tuple(column.name for column in meetings.c if isinstance(column.type, Date))
    if definition.counted_on not in days:
        raise UnknownColumnError("meetings", definition.counted_on, days)
    return rows.c[definition.counted_on]


def _is_judged_by(version: InForce) -> ColumnElement[bool]:
    day = counted_column(meetings, version.definition)
    return and_(day >= version.start, day < version.end) if version.end else day >= version.start
