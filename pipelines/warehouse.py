"""The one opener of DuckDB: transactions on the warehouse, tables made from the models, models written whole or not at all."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import sqlalchemy as sa
from sqlalchemy.pool import NullPool, StaticPool
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from connectors.lock import name_process
from models.context import BuildContext, Model
from models.tables import SCHEMAS, metadata
from pipelines.errors import DiskFullError, WarehouseBusyError

# a publish or a rerun holds the file for seconds; a whole night waits in Dagster's queue instead
LOCK_WAIT_SECONDS = 60
# the disk, the user's quota, the largest file allowed; and DuckDB's own words, the last when its temporary files reach a limit
DISK_FULL = (
    *map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
    "Could not write all bytes",
    "max_temp_directory_size",
)
# 2,000,000 activities fit; with half of it e-mails and calls do not, and are built twice
BUILD_MEMORY_MB = 800
# what the limit on DuckDB's buffers does not cover; loading 250,000 records takes 540 MB without these and 375 MB with them
LITTLE_MEMORY = (
    "preserve_insertion_order = false",  # the order of rows would keep them in memory
    "threads = 1",  # each thread has buffers of its own
    "disabled_compression_methods = 'dictionary'",  # trying whether one pays copies a row group's texts
    "allocator_flush_threshold = '1MB'",  # what is no longer used goes back to the machine at once
    "allocator_bulk_deallocation_flush_threshold = '4MB'",
    "checkpoint_threshold = '1KB'",  # what is new goes to the file at once, not to a log before: the file is closed after each commit
)
ALL_CORES = tuple(one for one in LITTLE_MEMORY if "threads" not in one)  # a table is built by one big statement


class Warehouse:
    """A DuckDB file (or ":memory:") with the tables of models/tables.py. Each transaction opens and releases the file."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        if not read_only and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.engine = sa.create_engine(
            f"duckdb:///{path}",
            # NullPool gives the file lock back at once; in memory the one connection is the database
            poolclass=StaticPool if path == ":memory:" else NullPool,
            pool_reset_on_return=None,  # a transaction ends by itself; after a full disk nothing is left to roll back
            connect_args={"read_only": True} if read_only else {},
        )
        sa.event.listen(self.engine, "connect", _prepare)

    @contextmanager
    def transaction(self, *, memory_mb: int | None = None) -> Iterator[sa.Connection]:
        """Open one transaction: committed at the end, rolled back on an error.

        With `memory_mb` DuckDB's buffers stay below that, and what does not fit goes to a folder beside the file.
        Raises WarehouseBusyError when another process holds the file for longer than LOCK_WAIT_SECONDS, DiskFullError when
        there is no room left to write: nothing of the transaction was kept then.
        """
        with self._open() as connection, connection.begin():
            if memory_mb is not None:
                _spare_memory(connection, memory_mb, *LITTLE_MEMORY)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection without a transaction of its own: for reading, and for copying out of the warehouse."""
        with self._open() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def create_tables(self) -> None:
        """Make the schemas, tables and columns that are not there yet: a newer version works on an older warehouse.

        A column that is no longer declared stays, and is neither written nor read.
        """
        with self.with_tables():
            pass

    @contextmanager
    def with_tables(self) -> Iterator[sa.Connection]:
        """Open one transaction in which every table is there: opening the file for each has its price."""
        with self.transaction() as connection:
            there = _columns_there(connection)
            _create_missing_tables(connection, {table for table, _ in there})
            _add_missing_columns(connection, there)
            yield connection

    def write(self, model: Model, context: BuildContext) -> int:
        """Build one table in one transaction and return its number of rows; in little memory where that is enough."""
        try:
            with self.transaction() as connection:
                _spare_memory(connection, BUILD_MEMORY_MB, *ALL_CORES)
                return write_model(connection, model, context)
        except sa.exc.DBAPIError as error:
            if not is_out_of_memory(error):
                raise
        with self.transaction() as connection:
            return write_model(connection, model, context)

    @contextmanager
    def _open(self) -> Iterator[sa.Connection]:
        connection = self._connect()
        try:
            yield connection
        except sa.exc.DBAPIError as error:
            if not is_disk_full(error):
                raise
            raise DiskFullError(
                f"no room left on the disk of {Path(self.path).parent} to write the warehouse or its temporary files; "
                "make room there and run again: nothing of what was being written was kept, and nothing else was lost"
            ) from error
        finally:
            connection.close()

    def _connect(self) -> sa.Connection:
        waits = Retrying(
            retry=retry_if_exception(_is_lock_conflict),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(LOCK_WAIT_SECONDS),
            reraise=True,
        )
        try:
            return waits(self.engine.connect)
        except sa.exc.DBAPIError as error:
            if not _is_lock_conflict(error):
                raise
            pid = re.search(r"\(PID (\d+)\)", str(error.orig))
            holder = name_process(int(pid[1]), Path(self.path).parent) if pid else "another process"
            message = f"the warehouse {self.path} is in use by {holder}; wait until it ends, or end it, and run again"
            raise WarehouseBusyError(message) from error


def write_model(connection: sa.Connection, model: Model, context: BuildContext) -> int:
    """Write a model's rows by its mode (see models.context.Model) and return the table's number of rows."""
    table = model.table
    if model.write == "replace":
        connection.execute(sa.delete(table))
    elif model.write == "replace_day":
        connection.execute(sa.delete(table).where(table.c[str(model.day_column)] == context.as_of))
    if model.parts is not None:
        for part in model.parts(context):
            _insert(connection, table, part.subquery("built"))
    elif model.statement is not None:
        _insert_select(connection, model, model.statement(context))
    elif model.rows is not None:
        insert_rows(connection, table, [dict(row) for row in model.rows(connection, context)])
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def insert_rows(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows in one statement through Arrow: executemany takes a second for every 10,000 rows."""
    if not rows:
        return
    columns = [column.name for column in table.columns if column.name in rows[0]]
    batch = pyarrow.Table.from_pylist([{name: row[name] for name in columns} for row in rows])
    driver: Any = connection.connection.driver_connection
    driver.register("arriving_rows", batch)
    try:
        arriving = sa.table("arriving_rows", *(sa.column(name) for name in columns))
        connection.execute(sa.insert(table).from_select(columns, sa.select(*arriving.columns)))
    finally:
        driver.unregister("arriving_rows")


def _columns_there(connection: sa.Connection) -> set[tuple[str, str]]:
    known = connection.exec_driver_sql(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()"
    ).all()
    return {(table, column) for table, column in known}


def _create_missing_tables(connection: sa.Connection, there: set[str]) -> None:
    """Send one script: a thousand statements, most of them comments, take a second one by one and a fifth of it together."""
    missing = [table for table in metadata.tables.values() if table.fullname not in there]
    if not missing:
        return
    statements = [str(sa.schema.CreateSchema(schema, if_not_exists=True)) for schema in SCHEMAS]

    def write_down(statement: Any, *_: Any, **__: Any) -> None:
        statements.append(str(statement.compile(dialect=connection.dialect)))

    metadata.create_all(sa.create_mock_engine("duckdb://", write_down), tables=missing, checkfirst=False)
    connection.exec_driver_sql(";\n".join(statements))


def _add_missing_columns(connection: sa.Connection, there: set[tuple[str, str]]) -> None:
    present = {table for table, _ in there}
    preparer = connection.dialect.identifier_preparer
    for table in metadata.tables.values():
        for column in table.columns if table.fullname in present else ():
            if (table.fullname, column.name) not in there:
                kind = column.type.compile(dialect=connection.dialect)
                name = preparer.format_column(column)
                connection.exec_driver_sql(f"ALTER TABLE {preparer.format_table(table)} ADD COLUMN {name} {kind}")


def _insert_select(connection: sa.Connection, model: Model, statement: sa.Select[Any]) -> None:
    table = model.table
    source = statement.subquery("built")
    if model.write != "append_missing":
        _insert(connection, table, source)
        return
    same_key = sa.and_(*(table.c[key.name] == source.c[key.name] for key in table.primary_key))
    _insert(connection, table, source, ~sa.exists().where(same_key).correlate(source))


def _insert(connection: sa.Connection, table: sa.Table, source: sa.Subquery, *wanted: sa.ColumnElement[bool]) -> None:
    columns = [column.name for column in table.columns]
    rows = sa.select(*(source.c[name] for name in columns)).where(*wanted)
    connection.execute(sa.insert(table).from_select(columns, rows))


def _prepare(dbapi_connection: Any, _record: Any) -> None:
    """Times are UTC whatever the machine's zone is; a day in the team's zone is always asked for by name.

    DuckDB shows no progress of its own: in a process without a script file (`python -c`, a notebook) it would, on standard output, of
    any statement over two seconds, in the midst of what a program reads there.
    """
    dbapi_connection.execute("SET TimeZone = 'UTC'")
    dbapi_connection.execute("SET enable_progress_bar = false")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a statement needs more memory than it was given."""
    return (
        isinstance(error, sa.exc.DBAPIError)
        and isinstance(error.orig, duckdb.OutOfMemoryException)
        and not is_disk_full(error)
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether something could not be written for want of room; DuckDB tells it in words only, the system's among them."""
    return isinstance(error, sa.exc.DBAPIError) and any(words in str(error.orig) for words in DISK_FULL)


def _spare_memory(connection: sa.Connection, memory_mb: int, *settings: str) -> None:
    """Hold for as long as this process has the file open: the settings are the open file's, not the connection's.

    What does not fit goes to disk; a database in memory has none.
    """
    if connection.engine.url.database != ":memory:":
        for setting in (f"memory_limit = '{memory_mb:d}MB'", *settings):
            connection.execute(sa.text(f"SET {setting}"))


def _is_lock_conflict(error: BaseException) -> bool:
    return isinstance(error, sa.exc.DBAPIError) and "Could not set lock" in str(error.orig)
