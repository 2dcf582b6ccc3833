"""A folder of exports through sync and core: the same guarantees as for a CRM with an API."""

import csv
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from openpyxl import Workbook

from connectors.errors import ConnectorError, FileUnreadableError, MissingColumnError
from connectors.extract import check, extract
from connectors.files.reading import PAGE_ROWS
from connectors.settings import Connection, load_connections
from definitions_contract.loader import load_agreement
from models.build import CORE
from models.context import BuildContext, ConnectionFacts
from models.tables import calendar, calls, emails, quarantine, raw_calls, reconciliation, records, reps
from pipelines.doctor import examine
from pipelines.loading import Loaded, load_landed
from pipelines.settings import PROJECT, Settings
from pipelines.sources import configured_connections, sync_sources
from pipelines.warehouse import Warehouse, write_model

TEMPLATE = PROJECT / "connectors" / "files" / "template"
CALLS_MAP = """\
connections:
  - name: dialer
    crm: files
    folder: exports
    zone: Asia/Tokyo
    field_map:
      calls:
        - object: calls
          files: "{files}"
          id: id
          {more}
          fields: {{owner_crm_id: agent, called_at: at, duration_seconds: seconds}}
"""
HEADER = ("id", "agent", "at", "seconds")


@dataclass
class Folder:
    """A connections file with its exports, synced into a warehouse of its own."""

    place: Path
    nights: list[Loaded] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.place / "exports").mkdir(parents=True, exist_ok=True)

    @property
    def exports(self) -> Path:
        return self.place / "exports"

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.place / "warehouse.duckdb")

    def map(self, *, files: str = "calls.csv", more: str = "complete: false") -> None:
        (self.place / "connections.yaml").write_text(CALLS_MAP.format(files=files, more=more), encoding="utf-8")

    def write(self, rows: Sequence[Sequence[str]], name: str = "calls.csv", encoding: str = "utf-8") -> None:
        text = io.StringIO()
        csv.writer(text).writerows([HEADER, *rows])
        (self.exports / name).write_bytes(text.getvalue().encode(encoding))

    @property
    def connection(self) -> Connection:
        return load_connections(self.place / "connections.yaml")[0]

    def sync(self, *, is_full: bool = False) -> Loaded:
        cursors = sa.table("cursors", sa.column("object"), sa.column("cursor_at"), schema="ops")
        self.warehouse.create_tables()
        with self.warehouse.transaction() as reading:
            known = {row.object: row.cursor_at for row in reading.execute(sa.select(cursors))}
        extract(
            self.connection,
            secrets={},
            base_url=None,
            sync_id=f"night{len(self.nights):02d}",
            cursors=known,
            landing=self.place / "landing",
            is_full=is_full,
            now=datetime.now(UTC),
            on_progress=lambda _: None,
        )
        self.nights.append(load_landed(self.warehouse, self.place / "landing", self.connection, zone="Asia/Tokyo"))
        assert self.nights[-1].refused == ()
        return self.nights[-1]

    def build(self) -> None:
        agreement = load_agreement(PROJECT / "definitions_contract" / "agreement")
        facts = (ConnectionFacts("dialer", "files", self.connection.record_url),)
        context = BuildContext(agreement, date(2026, 5, 31), datetime(2026, 5, 31, 17, tzinfo=UTC), facts)
        with self.warehouse.transaction() as writing:
            for model in CORE:
                if model.table is not calendar:
                    write_model(writing, model, context)

    def rows(self, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction() as reading:
            found = reading.execute(sa.select(*(table.c[name] for name in columns)))
            return sorted((tuple(row) for row in found), key=str)

    def living(self) -> dict[str, str]:
        return {
            one: payload for one, payload, gone in self.rows(records, "record_id", "payload", "is_deleted") if not gone
        }


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def filled(tmp_path: Path) -> Folder:
    shutil.copytree(TEMPLATE, tmp_path, dirs_exist_ok=True)
    for export in (tmp_path / "exports").iterdir():  # a fresh clone's files have any order of times
        os.utime(export, (0, 0))
    return Folder(tmp_path)


def test_calls_of_the_template_have_their_rep_day_contact_and_segments(filled: Folder) -> None:
    loaded = filled.sync()
    filled.build()

    assert loaded.quarantined == 0
    who = (
        "call_id",
        "rep_id",
        "contact_id",
        "called_date",
        "disposition",
        "lead_source",
        "industry",
        "response_method",
    )
    assert filled.rows(calls, *who)[:4] == [
        ("dialer:K1", "dialer:hanako.sato@demo-company.example", "dialer:P1", date(2026, 4, 1), "connected", "webinar", "製造", "電話"),
        ("dialer:K2", "dialer:hanako.sato@demo-company.example", "dialer:P2", date(2026, 4, 1), "no_answer", "exhibition", "商社", "電話"),
        ("dialer:K3", "dialer:ken.ito@demo-company.example", "dialer:P2", date(2026, 4, 2), "left_message", "exhibition", "商社", "電話"),
        ("dialer:K4", "dialer:yui.mori@demo-company.example", "dialer:P1", date(2026, 4, 30), "connected", "webinar", "製造", "折り返し"),
    ]  # fmt: skip
    # 8:05 in Tokyo is still the day before in UTC: the zone of the export counts
    (second,) = [one[1] for one in filled.rows(calls, "call_id", "called_at") if one[0] == "dialer:K2"]
    assert second == datetime(2026, 3, 31, 23, 5, tzinfo=UTC)
    assert filled.rows(emails, "email_id", "rep_id", "contact_id") == [
        ("dialer:M1", "dialer:hanako.sato@demo-company.example", "dialer:P1"),
        ("dialer:M2", "dialer:yui.mori@demo-company.example", "dialer:P2"),
    ]
    assert {team for (team,) in filled.rows(reps, "team")} == {"is_east", "is_west"}


def test_a_second_run_reads_no_file_and_changes_nothing(filled: Folder) -> None:
    filled.sync()
    before = filled.rows(records, *records.columns.keys())

    second = filled.sync()
    third = filled.sync(is_full=True)

    assert (second.landed, second.changed) == (0, 0)
    assert (third.landed, third.changed) == (15, 0)
    assert filled.rows(records, *records.columns.keys()) == before


def test_only_the_changed_file_is_read_again(folder: Folder) -> None:
    folder.map(files="calls-*.csv")
    folder.write([("1", "a", "2026-04-01 09:00", "5")], "calls-04.csv")
    folder.write([("2", "a", "2026-05-01 09:00", "5")], "calls-05.csv")
    folder.sync()

    folder.write([("2", "a", "2026-05-01 09:00", "7"), ("3", "a", "2026-05-02 09:00", "7")], "calls-05.csv")
    loaded = folder.sync()

    assert (loaded.landed, loaded.changed) == (2, 2)
    assert sorted(folder.living()) == ["1", "2", "3"]


def test_a_file_that_becomes_what_it_was_before_is_read_again(folder: Folder) -> None:
    folder.map()
    old, new = [("1", "a", "2026-04-01 09:00", "5")], [("1", "a", "2026-04-01 09:00", "6")]
    for rows in (old, new, old):
        folder.write(rows)
        folder.sync()

    assert '"seconds":"5"' in folder.living()["1"]


@pytest.mark.parametrize(("complete", "left"), [("true", ["1"]), ("false", ["1", "2"])])
def test_what_left_a_complete_export_is_deleted_and_nothing_else_is(
    folder: Folder, complete: str, left: list[str]
) -> None:
    folder.map(more=f"complete: {complete}")
    rows = [("1", "a", "2026-04-01 09:00", "5"), ("2", "a", "2026-04-01 09:00", "5")]
    folder.write(rows)
    folder.sync()

    folder.write(rows[:1])
    folder.sync()

    assert sorted(folder.living()) == left


def test_a_row_that_cannot_be_read_is_not_taken_for_deleted(folder: Folder) -> None:
    folder.map(more="complete: true\n          modified_at: at")
    folder.write([("1", "a", "2026-04-01 09:00", "5"), ("2", "a", "2026-04-01 09:00", "5")])
    folder.sync()

    folder.write([("1", "a", "2026-04-01 09:00", "5"), ("2", "a", "yesterday", "5")])
    folder.sync()

    assert sorted(folder.living()) == ["1", "2"]


def test_bad_rows_are_put_aside_with_file_and_line_until_they_are_mended(folder: Folder) -> None:
    folder.map()
    good = ("1", "a", "2026-04-01 09:00", "5")
    folder.write(
        [good, ("", "a", "x", "1"), ("2", "a"), good, ("1", "b", "2026-04-01 09:00", "5"), ("3", "a", "noon", "5")]
    )  # type: ignore[list-item]
    folder.sync()

    found = folder.rows(quarantine, "record_id", "field", "reason")
    assert [(one, name) for one, name, _ in found] == [
        ("3", "called_at"),
        ("calls.csv#3", "*"),
        ("calls.csv#4", "*"),
        ("calls.csv#6", "*"),
    ]
    assert [reason for *_, reason in found[1:]] == [
        "calls.csv:3: no value in 'id'",
        "calls.csv:4: it has 2 cells, the header 4",
        "calls.csv:6: its id stands on line 2, too, with other values, and nothing says which is newer; line 2 counts",
    ]
    proof = [
        row
        for row in folder.rows(reconciliation, "object", "crm_count", "landed_count", "is_matched")
        if row[0].startswith("file.")
    ]
    assert [row[1:] for row in proof] == [(6, 6, True)]

    folder.write([good, ("2", "a", "2026-04-01 10:00", "5")])
    folder.sync()

    assert [one for one, *_ in folder.rows(quarantine, "record_id", "field", "reason")] == ["3"]  # it was never mended


def test_of_rows_with_one_id_the_newest_by_its_own_time_counts(folder: Folder) -> None:
    folder.map(more="modified_at: at")
    folder.write([("1", "new", "2026/4/2 9:00", "5"), ("1", "old", "2026/4/1 9:00", "5")])
    folder.sync()

    assert '"agent":"new"' in folder.living()["1"]
    assert folder.nights[-1].quarantined == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_the_declared_encoding_is_read(folder: Folder, encoding: str) -> None:
    folder.map(more=f"encoding: {encoding}")
    folder.write([("1", "髙橋 表示", "2026-04-01 09:00", "5")], encoding=encoding)
    folder.sync()

    assert "髙橋 表示" in folder.living()["1"]


@pytest.mark.parametrize(("declared", "written"), [("utf-8", "cp932"), ("cp932", "utf-8"), ("cp932", "utf-8-sig")])
def test_another_encoding_than_declared_stops_the_file_with_line_and_advice(
    folder: Folder, declared: str, written: str
) -> None:
    folder.map(more=f"encoding: {declared}")
    folder.write([("1", "a", "2026-04-01 09:00", "5"), ("2", "佐藤", "2026-04-01 09:00", "5")], encoding=written)

    advice = rf"calls.csv:\d: it cannot be read as {declared}; set `encoding: {written.removesuffix('-sig')}`"
    with pytest.raises(FileUnreadableError, match=advice):
        folder.sync()
    assert folder.living() == {}


def test_one_damaged_row_is_put_aside_and_the_rest_lands(folder: Folder) -> None:
    folder.map()
    folder.write([("1", "佐藤", "2026-04-01 09:00", "5"), ("2", "XX", "2026-04-01 09:00", "5")])
    export = folder.exports / "calls.csv"
    export.write_bytes(export.read_bytes().replace(b"XX", b"\xff\xfe"))
    folder.sync()

    assert sorted(folder.living()) == ["1"]
    assert folder.rows(quarantine, "record_id") == [("calls.csv#3",)]


def test_a_missing_id_column_names_file_line_and_key(folder: Folder) -> None:
    folder.map()
    (folder.exports / "calls.csv").write_text("number;agent;at;seconds\n1;a;2026-04-01;5\n", encoding="utf-8")

    with pytest.raises(
        MissingColumnError, match=r"calls.csv:1: no column 'id', which .*connections.yaml:10 names for 'id'"
    ) as error:
        folder.sync()

    assert (error.value.file, error.value.line, error.value.key) == ("calls.csv", 1, "id")
    assert [one.is_ok for one in check(folder.connection, secrets={}, base_url=None)] == [False]


def test_no_export_at_all_is_an_error_and_deletes_nothing(folder: Folder) -> None:
    folder.map(more="complete: true")
    folder.write([("1", "a", "2026-04-01 09:00", "5")])
    folder.sync()

    (folder.exports / "calls.csv").unlink()
    with pytest.raises(ConnectorError, match=r"no file of this name"):
        folder.sync()

    assert sorted(folder.living()) == ["1"]


def test_every_row_of_a_file_of_many_pages_lands(folder: Folder) -> None:
    folder.map()
    folder.write([(str(number), "a", "2026-04-01 09:00", "5") for number in range(PAGE_ROWS * 2 + 1)])

    assert folder.sync().landed == PAGE_ROWS * 2 + 1


def test_delimiters_workbooks_and_parquet_give_the_same_records(folder: Folder) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(["1", "a", datetime(2026, 4, 1, 9, 0), 5])  # noqa: DTZ001 - a spreadsheet's times have no zone
    book.save(folder.exports / "calls.xlsx")
    columns = {"id": ["1"], "agent": ["a"], "at": ["2026-04-01 09:00:00"], "seconds": [5]}
    pq.write_table(pa.table(columns), folder.exports / "calls.parquet")
    (folder.exports / "calls.tsv").write_text(
        "id\tagent\tat\tseconds\n1\ta\t2026-04-01 09:00:00\t5\n", encoding="utf-8"
    )
    seen = set()
    for name in ("calls.xlsx", "calls.parquet", "calls.tsv"):
        folder.map(files=name)
        folder.sync()
        seen.add(folder.living()["1"])

    assert seen == {'{"id":"1","agent":"a","at":"2026-04-01 09:00:00","seconds":"5"}'}


def test_doctor_says_how_many_files_and_rows_there_are(filled: Folder) -> None:
    found = {one.subject: one for one in check(filled.connection, secrets={}, base_url=None)}

    assert all(one.is_ok for one in found.values())
    assert found["calls"].detail == "files: 2, newest calls-2026-05.csv; rows: 6; every mapped column is there"


def test_a_connections_file_of_exports_alone_is_synced_without_a_sandbox(filled: Folder, tmp_path: Path) -> None:
    environ = {"KPI_CONNECTIONS": str(tmp_path / "connections.yaml"), "KPI_HOME": str(tmp_path / "home")}
    settings = Settings.from_env(environ)

    outcome = sync_sources(settings, as_of=date(2026, 5, 31))

    assert [one.name for one in configured_connections(settings)] == ["dialer"]
    assert isinstance(outcome["dialer"], Loaded)
    assert outcome["dialer"].landed == 15
    assert not (tmp_path / "home" / "sandbox").exists()


def test_doctor_looks_at_a_warehouse_of_an_older_version(filled: Folder, tmp_path: Path) -> None:
    environ = {"KPI_CONNECTIONS": str(tmp_path / "connections.yaml"), "KPI_HOME": str(tmp_path / "home")}
    settings = Settings.from_env(environ)
    old = Warehouse(settings.warehouse)
    old.create_tables()
    with old.transaction() as connection:
        connection.execute(sa.schema.DropTable(raw_calls))

    findings = examine(settings, now=datetime.now(UTC))

    assert filled.connection.name in {one.connection for one in findings}
