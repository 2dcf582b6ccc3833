"""Where do answers come from? The published copy, opened for reading only."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import sqlalchemy as sa

from pipelines.errors import NothingPublishedError
from pipelines.publish import DATABASE_NAME
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse


@contextmanager
def published(settings: Settings) -> Iterator[sa.Connection]:
    """Open the published database. Raises NothingPublishedError before the first night, and for a copy that lacks what is asked."""
    database = settings.published / DATABASE_NAME
    if not database.exists():
        raise NothingPublishedError(f"there is no {database} yet; run `kpi nightly` (or `kpi demo`) first")
    try:
        with Warehouse(database, read_only=True).transaction() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, duckdb.CatalogException | duckdb.BinderException):
            raise
        reason = "was published by another release, which has other tables"
        raise NothingPublishedError(f"{database} {reason}; run `kpi nightly` once") from error
