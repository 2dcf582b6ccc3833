"""A KPI_HOME of a test: run a night in it, read its tables, change its CRMs."""

import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from connectors.sandbox.store import Store
from pipelines.night_run import NightResult, run_night
from pipelines.settings import Settings
from tests.commands import run_kpi

AS_OF = date(2026, 11, 20)
SCALE = 0.08  # of the demo company: about 5,000 activities
GROWING = {"ops.sync_runs", "ops.reconciliation"}  # one row more for every sync
LOOKED = {"ops.cursors", "ops.source_fields"}  # these note when a sync last looked
# never another home's, another CRM's, or a message to somebody
FOREIGN = ("KPI_", "DAGSTER_", "HUBSPOT_", "SALESFORCE_", "COV_", "PYTEST_", "FORCE_COLOR")


@dataclass(frozen=True, slots=True)
class Home:
    """One KPI_HOME with the demo company of AS_OF in its sandbox."""

    path: Path

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.path / "published"

    @property
    def settings(self) -> Settings:
        return Settings.from_env({"KPI_HOME": str(self.path)})

    def night(self, as_of: date = AS_OF, **asked: Any) -> NightResult:
        """Run the night in this process, and leave its environment as it was."""
        with patch.dict(os.environ), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries' own, raised in their threads; ours are met by the other tests
            return run_night(self.settings, as_of=as_of.isoformat(), **asked)

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a `kpi` process in this home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, "KPI_HOME": str(self.path), "COLUMNS": "200", **(more or {})}

    def kpi(self, *arguments: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the command line as a user does."""
        return run_kpi(*arguments, environ=self.environ(more))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the warehouse."""
        return read(self.warehouse, statement, *values)

    def store(self) -> Store:
        """The CRMs, to change something in them."""
        return Store(self.path / "sandbox" / "crm.sqlite")

    def copy_to(self, target: Path) -> "Home":
        """Copy everything; the link `published` stays one."""
        shutil.copytree(self.path, target, symlinks=True)
        return Home(target)


KPI = (sys.executable, "-c", "from pipelines.cli import main; main()")


def read(database: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a statement; times are in UTC. A sensor of a running service has the file for an instant, after a night above all."""
    waiting = Retrying(
        retry=retry_if_exception_type(duckdb.IOException), wait=wait_fixed(0.2), stop=stop_after_delay(20), reraise=True
    )
    with closing(waiting(duckdb.connect, database, read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement, list(values)).fetchall()


def tables_of(database: Path, *schemas: str) -> list[str]:
    """Full names of the tables in some schemas."""
    found = read(
        database,
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE list_contains(?, table_schema) ORDER BY 1",
        list(schemas),
    )
    return [name for (name,) in found]


def digests(database: Path, *schemas: str) -> dict[str, tuple[int, int]]:
    """Number of rows and a sum over the hashes of all rows, by table: equal only when the rows are, in whatever order."""
    return {
        name: read(database, f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {name} AS t")[0]  # noqa: S608 - names from the catalogue
        for name in tables_of(database, *schemas)
    }


def compared(before: Home, after: Home) -> tuple[int, set[str]]:
    """Number of rows in one home's warehouse, and the names of the tables whose rows are others in the other's."""
    one, other = (digests(home.warehouse, "core", "kpi", "ops", "raw") for home in (before, after))
    assert one.keys() == other.keys()
    return sum(count for count, _ in one.values()), {name for name in one if one[name] != other[name]}


def changed_rows(old: Path, new: Path, table: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of a table that only the old database has, and those that only the new one has."""
    return _only_in(old, new, table), _only_in(new, old, table)


def _only_in(one: Path, other: Path, table: str) -> list[dict[str, Any]]:
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, path in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        cursor = connection.execute(f"SELECT * FROM one.{table} EXCEPT SELECT * FROM other.{table}")  # noqa: S608 - as above
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def assert_same(found: Iterable[Any], expected: Iterable[Any]) -> None:
    """Compare rows as a multiset, and show a few that differ."""
    missing, extra = Counter(expected), Counter(found)
    missing, extra = missing - extra, extra - missing
    lines = [f"missing  {row}" for row in sorted(missing, key=repr)[:5]]
    lines += [f"too many {row}" for row in sorted(extra, key=repr)[:5]]
    assert not lines, f"{missing.total()} missing, {extra.total()} too many\n" + "\n".join(lines)


def processes_of(home: Path) -> Iterator[int]:
    """Process ids whose environment or command line names the home: all that a command left running there."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _names(entry, str(home).encode()):
            yield int(entry.name)


def _names(process: Path, text: bytes) -> bool:
    try:
        return any(text in (process / file).read_bytes() for file in ("environ", "cmdline"))
    except OSError:  # ended meanwhile, or not ours
        return False
