"""The copy that readers open: DuckDB file, Parquet files and board, made aside and swapped in by one rename.

`published` is a link to a folder of its own version; replacing the link is the rename. A reader sees the old set or the new one,
never a mixture, and the warehouse never waits for a reader.
"""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from definitions_contract.schema import Agreement
from models.tables import metadata
from pipelines.board.render import render_board

DATABASE_NAME = "inside_sales.duckdb"
STORAGE_VERSION = "v1.0.0"  # the newest that every BI driver since DuckDB 1.0 opens; v1.2.0 is refused by 1.1
READABLE_FOLDER, READABLE_FILE = 0o755, 0o644
UNFINISHED = ".unfinished"  # the folder that a publish writes; a killed one leaves it to the next
# what the pipeline did, but neither raw records nor what people sent to which address
PRIVATE_TABLES = ("ops.cursors", "ops.notifications")
PUBLISHED_SCHEMAS = ("core", "kpi", "ops")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish made: the folder that `published` now leads to, and rows per table."""

    folder: Path
    rows: dict[str, int]


def publish(
    connection: sa.Connection, agreement: Agreement, *, target: Path, as_of: date, built_at: datetime
) -> Published:
    """Write database, Parquet and board to a new folder and swap it in.

    `connection` must be outside a transaction that it needs to keep: the new database is attached to it and detached again.
    Killed at any moment, readers keep the old set; what was left half-made is removed by the next publish.
    """
    versions = target.with_name(f"{target.name}.versions")
    folder, unfinished, before = versions / built_at.strftime("%Y%m%dT%H%M%S%f"), versions / UNFINISHED, _linked(target)
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "parquet").mkdir(parents=True)
    rows = _write_database(connection, unfinished, agreement.team.publish_personal_columns)
    board = render_board(connection, agreement, as_of=as_of, built_at=built_at)
    (unfinished / "board.html").write_text(board, encoding="utf-8")
    _open_to_readers(versions)
    unfinished.rename(folder)
    _swap(target, folder)
    _remove_all_but(versions, {folder.name, before})  # the one before stays for readers that are just opening it
    return Published(folder=folder, rows=rows)


def published_tables() -> list[sa.Table]:
    """The tables that leave the warehouse, in the order data flows."""
    return [
        table
        for table in metadata.tables.values()
        if table.schema in PUBLISHED_SCHEMAS and table.fullname not in PRIVATE_TABLES
    ]


def published_columns(table: sa.Table, allowed: Iterable[str]) -> list[sa.Column[Any]]:
    """The columns of a table that may leave the warehouse: personal ones only when the agreement names them."""
    return [
        column
        for column in table.columns
        if not column.info.get("personal") or f"{table.fullname}.{column.name}" in allowed
    ]


def _write_database(connection: sa.Connection, folder: Path, allowed: tuple[str, ...]) -> dict[str, int]:
    """Copy the tables into a new DuckDB file and into Parquet, with their comments."""
    quote = connection.dialect.identifier_preparer.quote
    rows: dict[str, int] = {}
    # file names and DDL cannot be bound: the paths are ours, identifiers come from Table objects and are quoted
    _run(connection, f"ATTACH {_text(folder / DATABASE_NAME)} AS published (STORAGE_VERSION {_text(STORAGE_VERSION)})")
    try:
        # one state of the warehouse, and one wait for the disk instead of hundreds
        _run(connection, "BEGIN TRANSACTION")
        for schema in PUBLISHED_SCHEMAS:
            _run(connection, f"CREATE SCHEMA IF NOT EXISTS published.{quote(schema)}")
        for table in published_tables():
            columns = published_columns(table, allowed)
            name = f"published.{quote(str(table.schema))}.{quote(table.name)}"
            names = ", ".join(quote(column.name) for column in columns)
            source = f"{quote(str(table.schema))}.{quote(table.name)}"
            _run(connection, f"CREATE TABLE {name} AS SELECT {names} FROM {source}")  # noqa: S608 - identifiers only
            comments = [f"COMMENT ON TABLE {name} IS {_text(table.comment)}"]
            comments += [f"COMMENT ON COLUMN {name}.{quote(c.name)} IS {_text(c.comment)}" for c in columns]
            _run(connection, ";\n".join(comments))
            file = folder / "parquet" / f"{table.fullname}.parquet"
            _run(connection, f"COPY {name} TO {_text(file)} (FORMAT parquet, COMPRESSION zstd)")
            rows[table.fullname] = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        _run(connection, "COMMIT")
    except BaseException:
        with suppress(sa.exc.DBAPIError):  # where the transaction had not begun, or was rolled back by its fault
            _run(connection, "ROLLBACK")
        raise
    finally:
        # without the detach the file stays locked, and its last rows in the write-ahead log
        _run(connection, "DETACH published")
    return rows


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _text(value: object) -> str:
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def _linked(target: Path) -> str | None:
    return target.readlink().name if target.is_symlink() else None


def _open_to_readers(versions: Path) -> None:
    """Let whoever may enter the home read what is published, and nothing else of it, however private the service's umask is."""
    for path in (versions, *versions.rglob("*")):
        path.chmod(READABLE_FOLDER if path.is_dir() else READABLE_FILE)


def _swap(target: Path, folder: Path) -> None:
    link = target.with_name(f".{target.name}.new")
    link.unlink(missing_ok=True)
    link.symlink_to(Path(folder.parent.name) / folder.name)
    link.replace(target)


def _remove_all_but(versions: Path, keep: set[str | None]) -> None:
    """Remove older sets; not by the order of their names, for a clock may be set back."""
    for old in versions.glob("*"):
        if old.name not in keep:
            shutil.rmtree(old)
