"""Which records did a sync change? The condition and the deletion that every typed step begins with."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select

from models.raw.rules import SourceRules
from models.tables import records


def changed_records(source: SourceRules, sync_id: str, *, rebuild: bool) -> ColumnElement[bool]:
    """Tell whether a row of raw.records is to be typed: changed by this sync, or any of the connection when rebuilding."""
    of_connection = records.c.connection == source.connection
    return of_connection if rebuild else and_(of_connection, records.c.sync_id == sync_id)


def changed_objects(connection: Connection, changed: ColumnElement[bool]) -> dict[str, int]:
    """Say of which objects there are changed records, and how many: on most nights of few."""
    counted = select(records.c.object, func.count()).where(changed).group_by(records.c.object)
    return {row[0]: row[1] for row in connection.execute(counted)}


def batches(counts: Mapping[str, int], most: int) -> list[list[str]]:
    """Put objects together that have at most so many records in all, one with more alone: each statement has its price.

    >>> batches({"calls": 7, "deals": 1, "notes": 2, "users": 1}, most=3)
    [['calls'], ['deals', 'notes'], ['users']]
    """
    together: list[list[str]] = []
    room = 0
    for name, count in counts.items():
        if not together or count > room:
            together.append([])
            room = most
        together[-1].append(name)
        room -= count
    return together


def delete_changed(
    connection: Connection, table: Table, source: SourceRules, changed: ColumnElement[bool], *, record_id: str
) -> None:
    """Delete the rows of a table that came from changed records; `record_id` names the column with the CRM's id.

    A join, not EXISTS: that would group all rows of the table first, and hold them in memory. Named are the objects that the table has
    rows of: a table that has none is left alone, and the engine knows how few records it need look at.
    """
    objects = select(table.c.object).where(table.c.connection == source.connection).distinct()
    names = connection.execute(objects).scalars().all()
    if not names:
        return
    same_record = and_(
        records.c.connection == table.c.connection,
        records.c.object == table.c.object,
        records.c.record_id == table.c[record_id],
    )
    connection.execute(delete(table).where(same_record, changed, records.c.object.in_(names)))
