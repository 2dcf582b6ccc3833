"""Is the day's number of records far from usual? One row per connection and object on a business day.

The day is compared with the same weekdays of the last WEEKS weeks that were business days. Counts are compared by their square
roots, whose spread hardly depends on the level; the middle is the median and the spread the median deviation, so that one odd
week does not move the band. On the demo company's year nothing lies outside; a day that lost half of 75 calls does.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from models.context import BuildContext
from models.duckdb import median
from models.tables import calendar, calls, contacts, deals, emails, meetings

WEEKS = 8
LEAST_DAYS = 5  # fewer say too little of what is usual: a connection is new, or holidays lie between
BAND = 5.0  # standard deviations; 4 warns of the demo company about once a year without a cause, 3 every week
BUSY = 30  # more than usual: one person's busy day; what is imported twice is more
MEDIAN_TO_DEVIATION = 1.4826  # of a normal distribution
ZERO = (
    0.375  # Anscombe's correction: with it 2 * sqrt(n + 3/8) has a standard deviation of about 1 from small counts on
)

DAYS: tuple[tuple[str, sa.Table, str], ...] = (
    ("calls", calls, "called_date"),
    ("emails", emails, "sent_date"),
    ("meetings", meetings, "booked_date"),
    ("deals", deals, "created_date"),
    ("contacts", contacts, "created_date"),
)


def volumes(context: BuildContext) -> sa.Select[Any]:
    """Give each count of the day with the least and the greatest that are usual; without them where too few days are known."""
    counted = _counted(context)
    today = counted.c.day == context.as_of
    before = sa.select(counted).where(sa.not_(today)).cte("days_before")
    middle = (
        sa.select(before.c.connection, before.c.object, median(before.c.root).label("middle"))
        .group_by(before.c.connection, before.c.object)
        .having(sa.func.count() >= LEAST_DAYS)
        .cte("middles")
    )
    deviation = sa.func.abs(before.c.root - middle.c.middle)
    spread = (
        sa.select(
            middle.c.connection,
            middle.c.object,
            middle.c.middle,
            sa.func.greatest(1.0, MEDIAN_TO_DEVIATION * median(deviation), type_=sa.Double()).label("spread"),
        )
        .join_from(before, middle, _same(before, middle))
        .group_by(middle.c.connection, middle.c.object, middle.c.middle)
        .cte("spreads")
    )
    least, most = spread.c.middle - BAND * spread.c.spread, spread.c.middle + BAND * spread.c.spread
    low = sa.cast(sa.func.ceil(sa.case((least > 0, _squared(least)), else_=0.0)), sa.BigInteger())
    busy = _squared(spread.c.middle) + BUSY
    high = sa.cast(sa.func.floor(sa.func.greatest(_squared(most), busy, type_=sa.Double())), sa.BigInteger())
    usual = sa.func.concat("usually ", low, " to ", high)
    name = sa.func.concat_ws(" ", counted.c.connection, counted.c.object)
    return (
        sa.select(
            sa.func.concat_ws(" ", name, sa.cast(counted.c.day, sa.Text())).label("record_id"),
            sa.func.concat(name, ": ", counted.c.record_count, " (", usual, ")").label("shown"),
            counted.c.record_count,
            sa.func.greatest(low, 0, type_=sa.BigInteger()).label("usual_low"),
            high.label("usual_high"),
        )
        .select_from(counted.outerjoin(spread, _same(counted, spread)))
        .where(today)
    )


def _counted(context: BuildContext) -> sa.CTE:
    """Count the records of the day and of the same weekdays before, zero included, from a connection's first record on."""
    days = [context.as_of - timedelta(weeks=week) for week in range(WEEKS + 1)]
    per_day = sa.union_all(*(_per_day(name, table, day) for name, table, day in DAYS)).cte("records_per_day")
    sources = (
        sa.select(per_day.c.connection, per_day.c.object, sa.func.min(per_day.c.day).label("first_day"))
        .group_by(per_day.c.connection, per_day.c.object)
        .cte("counted_sources")
    )
    count = sa.func.coalesce(per_day.c.record_count, 0, type_=sa.BigInteger())
    return (
        sa.select(
            sources.c.connection,
            sources.c.object,
            calendar.c.day,
            count.label("record_count"),
            (2.0 * sa.func.sqrt(count + ZERO)).label("root"),
        )
        .join_from(sources, calendar, calendar.c.day >= sources.c.first_day)
        .join(
            per_day,
            sa.and_(_same(per_day, sources), per_day.c.day == calendar.c.day),
            isouter=True,
        )
        .where(calendar.c.day.in_(days), calendar.c.business_day == 1)
        .cte("counted")
    )


def _per_day(name: str, table: sa.Table, day: str) -> sa.Select[Any]:
    return (
        sa.select(
            table.c.connection,
            sa.literal(name, sa.Text()).label("object"),
            table.c[day].label("day"),
            sa.func.count().label("record_count"),
        )
        .where(table.c[day].is_not(None), table.c.connection.is_not(None))
        .group_by(table.c.connection, table.c[day])
    )


def _same(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(one.c.connection == other.c.connection, one.c.object == other.c.object)


def _squared(root: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """Turn a root back into a count."""
    return (root / 2.0) * (root / 2.0) - ZERO
