"""Can the numbers of a night be trusted? Not when a sync is missing or lost something, or a check failed as an error."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, func, select

from models.context import BuildContext
from models.tables import check_results, reconciliation, sync_runs


def distrust_reason(connection: Connection, context: BuildContext) -> str | None:
    """Say in a few words why the numbers of as_of are not to be trusted, or None when they are."""
    return next(_reasons(connection, context), None)


def stale_connections(connection: Connection, context: BuildContext) -> list[str]:
    """Name the connections whose records of the day are not all here."""
    return [name for name, _ in _stale(connection, context)]


def _reasons(connection: Connection, context: BuildContext) -> Iterator[str]:
    yield from _stale_connections(connection, context)
    yield from _lost_records(connection)
    failed = select(check_results.c.check_name).where(
        check_results.c.as_of == context.as_of,
        check_results.c.is_passed.is_(False),
        check_results.c.severity == "error",
    )
    for check_name in connection.execute(failed.order_by(check_results.c.check_name)).scalars():
        yield f"check {check_name} failed"


def _stale_connections(connection: Connection, context: BuildContext) -> Iterator[str]:
    """Name connections whose newest sync ended before the day was over: what happened after it is not counted."""
    for name, reason in _stale(connection, context):
        yield f"connection {name} {reason}"


def _stale(connection: Connection, context: BuildContext) -> Iterator[tuple[str, str]]:
    day_over = datetime.combine(context.as_of + timedelta(days=1), time(), tzinfo=context.agreement.team.tz).astimezone(
        UTC
    )
    newest = func.max(sync_runs.c.extracted_at).label("newest_at")
    rows = connection.execute(select(sync_runs.c.connection, newest).group_by(sync_runs.c.connection)).all()
    synced = {row.connection: row.newest_at for row in rows}
    if not synced:
        return  # nothing was ever synced here: numbers came some other way
    for name in (facts.name for facts in context.connections):
        if name not in synced:
            yield name, "has never been synced"
        elif synced[name] is None or synced[name] < day_over:
            yield name, "was last synced before the day was over"


def _lost_records(connection: Connection) -> Iterator[str]:
    newest = (
        select(sync_runs.c.connection, func.max(sync_runs.c.started_at).label("started_at"))
        .group_by(sync_runs.c.connection)
        .cte("newest")
    )
    mismatched = (
        select(reconciliation.c.connection, reconciliation.c.object)
        .join_from(reconciliation, sync_runs, reconciliation.c.sync_id == sync_runs.c.sync_id)
        .join(newest, (newest.c.connection == sync_runs.c.connection) & (newest.c.started_at == sync_runs.c.started_at))
        .where(reconciliation.c.is_matched.is_(False))
        .order_by(reconciliation.c.connection, reconciliation.c.object)
    )
    for row in connection.execute(mismatched):
        yield f"{row.connection} {row.object}: fewer records arrived than the CRM has"
