"""The warehouse: whole transactions or nothing, re-runs change nothing, and whoever holds the file is named."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import pipelines.warehouse
from definitions_contract.loader import load_agreement
from models.context import BuildContext, Model
from models.tables import alert_actions, calendar, check_results, companies, metadata, snapshots
from pipelines.errors import WarehouseBusyError
from pipelines.settings import PROJECT
from pipelines.warehouse import Warehouse, insert_rows

AS_OF = date(2026, 11, 20)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.create_tables()
    return warehouse


@pytest.fixture(scope="module")
def context() -> BuildContext:
    agreement = load_agreement(PROJECT / "definitions_contract" / "agreement")
    return BuildContext(agreement=agreement, as_of=AS_OF, known_at=datetime(2026, 11, 21, tzinfo=UTC), connections=())


def _company(**changes: Any) -> dict[str, Any]:
    row = {column.name: None for column in companies.columns}
    return row | {"company_id": "hubspot:1", "name": "Demo", "employee_count": 10} | changes


def _days(*days: date) -> Model:
    rows = [{column.name: None for column in calendar.columns} | {"day": day, "business_day": 1} for day in days]
    return Model(table=calendar, reads=(), rows=lambda _connection, _context: rows)


def _all(warehouse: Warehouse, table: sa.Table) -> list[Any]:
    with warehouse.transaction() as connection:
        return list(connection.execute(sa.select(table)).all())


def test_every_declared_table_is_made_with_its_comments(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        made = connection.exec_driver_sql("SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()").all()

    assert dict(made) == {table.fullname: table.comment for table in metadata.tables.values()}


def test_a_warehouse_of_an_older_version_gets_the_columns_that_it_lacks(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        insert_rows(connection, companies, [_company()])
        connection.exec_driver_sql("ALTER TABLE core.companies DROP COLUMN company_size")

    warehouse.create_tables()

    [row] = _all(warehouse, companies)
    assert (row.name, row.company_size) == ("Demo", None)


def test_an_error_inside_a_transaction_leaves_nothing(warehouse: Warehouse) -> None:
    def write_and_fail() -> None:
        with warehouse.transaction() as connection:
            insert_rows(connection, companies, [_company()])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()

    assert _all(warehouse, companies) == []


def test_a_model_written_twice_stands_there_once(warehouse: Warehouse, context: BuildContext) -> None:
    model = _days(date(2026, 11, 19), AS_OF)

    counts = [warehouse.write(model, context) for _ in range(2)]

    assert counts == [2, 2]


def test_a_failing_model_leaves_the_rows_of_the_night_before(warehouse: Warehouse, context: BuildContext) -> None:
    warehouse.write(_days(AS_OF), context)

    def broken(_connection: sa.Connection, _context: BuildContext) -> Iterator[Mapping[str, Any]]:
        yield {"day": AS_OF}
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        warehouse.write(Model(table=calendar, reads=(), rows=broken), context)

    assert len(_all(warehouse, calendar)) == 1


def _result(**changes: Any) -> dict[str, Any]:
    row = {"check_name": "a", "as_of": AS_OF, "is_passed": True, "severity": "error", "failed_count": 0, "detail": ""}
    return row | changes


def test_replace_day_keeps_other_nights(warehouse: Warehouse, context: BuildContext) -> None:
    with warehouse.transaction() as connection:
        insert_rows(connection, check_results, [_result(as_of=date(2026, 11, 19)), _result(detail="old")])
    model = Model(
        table=check_results, reads=(), rows=lambda *_: [_result(detail="new")], write="replace_day", day_column="as_of"
    )

    warehouse.write(model, context)

    assert sorted((row.as_of.day, row.detail) for row in _all(warehouse, check_results)) == [(19, ""), (20, "new")]


def test_append_missing_never_changes_what_stands_there(warehouse: Warehouse, context: BuildContext) -> None:
    row = {column.name: None for column in snapshots.columns}
    row |= {"kpi_id": "calls_made", "period_kind": "month", "period_start": date(2026, 11, 1), "scope_kind": "team"}
    row |= {"scope_id": "is_east", "known_date": AS_OF}
    with warehouse.transaction() as connection:
        insert_rows(connection, snapshots, [row | {"value": 1.0}])
    changed = sa.select(
        *(column for column in snapshots.columns if column.name != "value"), sa.literal(2.0).label("value")
    )
    model = Model(table=snapshots, reads=(), statement=lambda _context: changed, write="append_missing")

    warehouse.write(model, context)

    assert [found.value for found in _all(warehouse, snapshots)] == [1.0]


def test_rows_keep_hostile_text_as_it_is(warehouse: Warehouse) -> None:
    hostile = '\'); DROP TABLE core.companies; --\x00<script>\n"本日"'
    with warehouse.transaction() as connection:
        insert_rows(connection, companies, [_company(name=hostile)])

    assert [row.name for row in _all(warehouse, companies)] == [hostile]


def test_times_come_back_in_utc_whatever_the_machine_thinks(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    moment = datetime(2026, 11, 20, 14, 59, tzinfo=UTC)
    row = {"alert_id": "a", "acted_at": moment, "action": "snooze", "by": "b", "why": "", "until_date": None}
    with warehouse.transaction() as connection:
        insert_rows(connection, alert_actions, [row])

    [found] = _all(warehouse, alert_actions)

    assert found.acted_at == moment
    assert found.acted_at.utcoffset().total_seconds() == 0


def test_a_long_statement_writes_no_progress_where_programs_read() -> None:
    """DuckDB would: in a process that runs no script file, of a statement over two seconds."""
    program = """
import sqlalchemy as sa
from pipelines.warehouse import Warehouse
with Warehouse(":memory:").transaction() as connection:
    print(connection.scalar(sa.text("SELECT current_setting('enable_progress_bar')")))
"""

    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"


def test_who_holds_the_warehouse_is_named(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.warehouse, "LOCK_WAIT_SECONDS", 0.1)
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(warehouse.path), "token=hush"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"

        program = rf"in use by process {holder.pid} \(python[^)]*\); wait"  # never its arguments: they may hold secrets
        with pytest.raises(WarehouseBusyError, match=program), warehouse.transaction():
            pass
        note = Path(warehouse.path).with_name("nightly.lock.holder")
        note.write_text(
            f"process {holder.pid} (`kpi nightly`), since 2026-04-01 02:00:00 UTC, run r1", encoding="utf-8"
        )
        with (
            pytest.raises(WarehouseBusyError, match=r"\(`kpi nightly`\), since .*, run r1; wait"),
            warehouse.transaction(),
        ):
            pass
    finally:
        holder.communicate()


def test_the_file_is_free_again_after_each_transaction(warehouse: Warehouse) -> None:
    with warehouse.transaction():
        pass

    count = "import duckdb, sys; print(len(duckdb.connect(sys.argv[1]).execute('SELECT * FROM duckdb_tables()').fetchall()))"
    done = subprocess.run([sys.executable, "-c", count, str(warehouse.path)], capture_output=True, check=True)

    assert int(done.stdout) == len(metadata.tables)
