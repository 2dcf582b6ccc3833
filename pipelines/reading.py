"""Where do answers come from? The published copy, opened for reading only."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from pipelines.errors import NothingPublishedError
from pipelines.publish import DATABASE_NAME
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse


@contextmanager
def published(settings: Settings) -> Iterator[sa.Connection]:
    """Open the published database. Raises NothingPublishedError before the first night."""
    database = settings.published / DATABASE_NAME
    if not database.exists():
        raise NothingPublishedError(f"there is no {database} yet; run `kpi nightly` (or `kpi demo`) first")
    with Warehouse(database, read_only=True).transaction() as connection:
        yield connection
