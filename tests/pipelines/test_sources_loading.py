"""What landed becomes rows, cursors and proof in one transaction; what does not fit is refused, and nothing is lost by it."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from dagster import DagsterInstance

from connectors.landing import MANIFEST, LandingWriter, Window
from connectors.records import Record, RejectedRecord
from connectors.settings import Connection, Crm, FieldSource, load_connections, merge_field_maps
from models.tables import (
    cursors,
    quarantine,
    raw_links,
    raw_notes,
    reconciliation,
    records,
    refused_syncs,
    source_changes,
    source_fields,
    sync_runs,
)
from pipelines import loading, warehouse
from pipelines.assets.sources import raw_key
from pipelines.errors import WarehouseBusyError
from pipelines.loading import Loaded, load_landed
from pipelines.night_run import shortfalls_of
from pipelines.settings import PROJECT, Settings
from pipelines.warehouse import Warehouse, is_out_of_memory
from pipelines.wiring import JOB_NAME, build_definitions

START = datetime(2026, 4, 1, tzinfo=UTC)
NAME = "hubspot"


@dataclass
class World:
    """A warehouse and a landing folder; syncs are landed by hand."""

    folder: Path
    connection: Connection
    night: int = 0
    warehouse: Warehouse = field(init=False)

    def __post_init__(self) -> None:
        self.warehouse = Warehouse(self.folder / "warehouse.duckdb")

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def land(
        self,
        notes: Mapping[str, str] | None = None,
        *,
        ids: Iterable[str] | None = None,
        is_full: bool = False,
        crm_count: int | None = None,
        missing: tuple[str, ...] = (),
        fields: Mapping[str, str] | None = None,
        extra: Mapping[str, Mapping[str, Any]] | None = None,
        rejected: Iterable[str] = (),
    ) -> Path:
        """One sync of notes (id -> text); `ids` lists what the CRM still has; a full one lists it by itself."""
        self.night += 1
        now = START + timedelta(days=self.night)
        window = Window(None if is_full else now - timedelta(days=1), now)
        writer = LandingWriter(self.landing, connection=NAME, crm=NAME, sync_id=f"night{self.night:02d}")
        sink = writer.sink("notes", window)
        sink.add([self.record("notes", one, _note(text), now) for one, text in (notes or {}).items()])
        sink.crm_count = len(notes or {}) if crm_count is None else crm_count
        sink.missing_ids = missing
        for name, payloads in (extra or {}).items():
            writer.sink(name, window).add([self.record(name, one, payload, now) for one, payload in payloads.items()])
        if ids is not None or is_full:
            listed = writer.sink("ids.notes", Window(None, now))
            if ids is not None:
                old = START - timedelta(days=9)
                listed.add([self.record("notes", one, {}, old) for one in ids])
                listed.crm_count = listed.record_count
        for one in rejected:
            writer.reject(RejectedRecord("notes", "withheld", "{}", one))
        if fields is not None:
            writer.note_fields("notes", fields)
        writer.commit(is_full=is_full, started_at=now, extracted_at=now + timedelta(minutes=5))
        return writer.folder

    def record(self, object_name: str, record_id: str, payload: Any, now: datetime) -> Record:
        text = orjson.dumps(payload).decode()
        modified_at = min(now - timedelta(hours=1), START + timedelta(days=self.night))
        return Record(NAME, object_name, record_id, modified_at, False, now + timedelta(minutes=1), text)

    def load(self) -> Loaded:
        return load_landed(self.warehouse, self.landing, self.connection, zone="Asia/Tokyo")

    def rows(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[Any]:
        with self.warehouse.transaction() as reading:
            return list(reading.execute(sa.select(table).where(*conditions)).mappings())

    def living(self) -> list[str]:
        rows = self.rows(records, records.c.object == "notes", records.c.is_deleted.is_(False))
        return sorted(row["record_id"] for row in rows)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        tables = (records, raw_notes, raw_links, cursors, quarantine, sync_runs, source_fields)
        return {table.fullname: sorted((tuple(row.values()) for row in self.rows(table)), key=repr) for table in tables}


def _note(text: str) -> dict[str, Any]:
    return {"id": "1", "properties": {"hs_note_body": text, "hs_timestamp": "2026-04-01T00:00:00Z"}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    connections = load_connections(PROJECT / "connectors" / "connections.yaml")
    return World(tmp_path, next(one for one in connections if one.name == NAME))


def test_a_full_read_forgets_the_cursors_of_what_it_did_not_bring(world: World) -> None:
    world.land({"1": "a"}, extra={"emails": {"7": {}}})
    world.load()
    assert {row["object"] for row in world.rows(cursors)} == {"notes", "emails"}

    world.land({"1": "a"}, is_full=True)
    world.load()

    assert {row["object"] for row in world.rows(cursors)} == {"notes", "ids.notes"}
    assert {row["object"] for row in world.rows(records)} == {"notes", "emails"}


def test_a_purged_record_becomes_a_tombstone_with_what_hung_on_it(world: World) -> None:
    associations = {"associations.notes.contacts": {"2": {"to": [{"toObjectId": 7, "associationTypes": []}]}}}
    world.land({"1": "a", "2": "b"}, is_full=True, extra=associations)
    world.load()
    assert len(world.rows(raw_links)) == 1

    world.land(ids=["1"])
    loaded = world.load()

    assert loaded.refused == ()
    assert world.living() == ["1"]
    assert {row["crm_id"]: row["is_deleted"] for row in world.rows(raw_notes)} == {"1": False, "2": True}
    assert world.rows(raw_links) == []
    (proof,) = world.rows(reconciliation, reconciliation.c.object == "ids.notes", reconciliation.c.changed_count > 0)
    assert (proof["crm_count"], proof["changed_count"], proof["is_matched"]) == (1, 1, True)


def test_a_full_read_finds_what_was_purged_without_a_list_of_its_own(world: World) -> None:
    world.land({"1": "a", "2": "b"}, is_full=True)
    world.land({"1": "a"}, is_full=True)
    world.load()

    assert world.living() == ["1"]


def test_a_record_that_comes_back_lives_again(world: World) -> None:
    world.land({"1": "a", "2": "b"}, is_full=True)
    world.land(ids=["1"])
    world.land({"2": "b"})
    world.load()

    assert world.living() == ["1", "2"]


def test_what_was_read_after_the_listing_began_is_not_taken_for_purged(world: World) -> None:
    world.land({"1": "a"}, is_full=True)
    world.load()

    world.land({"2": "new"}, ids=["1"])
    world.load()

    assert world.living() == ["1", "2"]


def test_so_many_gone_at_once_are_a_lost_right_and_nothing_is_buried(world: World) -> None:
    world.land({str(number): "a" for number in range(1_000)}, is_full=True)
    world.load()

    world.land(ids=[str(number) for number in range(850)])
    loaded = world.load()

    assert "150 of 1000 records of notes" in loaded.refused[0]
    assert "--full-refresh" in loaded.refused[0]
    assert len(world.living()) == 1_000


def test_ids_that_the_crm_has_and_the_warehouse_lacks_are_named(world: World) -> None:
    world.land({"1": "a"}, is_full=True)
    world.load()

    world.land(ids=["1", "8", "9"])
    loaded = world.load()

    assert "ids.notes: 3 of 3, missing 8, 9" in loaded.refused[0]
    assert "the next one reads all of notes" in loaded.refused[0]
    assert "notes" not in {row["object"] for row in world.rows(cursors)}, "an increment would never bring them"


def test_a_record_that_was_restored_without_a_trace_is_named_and_comes_with_the_whole_read_that_follows(
    world: World,
) -> None:
    world.land({"1": "a", "2": "b"}, is_full=True)
    world.load()
    world.land(ids=["1"])
    world.load()
    assert world.living() == ["1"]

    world.land(ids=["1", "2"])
    assert "ids.notes: 2 of 2, missing 2)" in world.load().refused[0]
    world.land({"1": "a", "2": "b"}, is_full=True)

    assert world.load().refused == ()
    assert world.living() == ["1", "2"]


def test_a_mismatch_keeps_cursor_and_rows_names_the_ids_and_does_not_block_the_next_night(world: World) -> None:
    world.land({"1": "a"}, is_full=True)
    world.load()
    before = world.everything()

    world.land({"2": "b"}, crm_count=3, missing=("3", "4"))
    loaded = world.load()

    assert "notes: 1 of 3, missing 3, 4" in loaded.refused[0]
    assert world.everything() == before
    world.land({"2": "b", "3": "c", "4": "d"})
    assert world.load().refused == ()
    assert world.living() == ["1", "2", "3", "4"]
    assert [row["sync_id"] for row in world.rows(refused_syncs)] == ["night02"]


@pytest.mark.parametrize("damage", ["missing", "cut off", "manifest"])
def test_a_damaged_sync_is_left_out_by_name_and_the_others_go_on(world: World, damage: str) -> None:
    world.land({"1": "a"}, is_full=True)
    damaged = world.land({"2": "b"})
    world.land({"3": "c"})
    (file,) = damaged.glob("notes/*.parquet")
    if damage == "missing":
        file.unlink()
    elif damage == "cut off":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        (damaged / MANIFEST).write_text("{", encoding="utf-8")

    loaded = world.load()

    assert world.living() == ["1", "3"]
    assert len(loaded.refused) == 1
    assert str(damaged) in loaded.refused[0]
    assert world.load().syncs == 0


def test_a_bad_record_is_kept_aside_and_tried_again_when_the_field_map_changes(world: World) -> None:
    bad = {"written": {"id": "1", "properties": {"hs_note_body": "x", "hs_timestamp": "yesterday"}}}
    world.land({"1": "a"}, is_full=True, extra={})
    world.load()
    world.land(extra={"notes": bad}, crm_count=1)
    assert world.load().quarantined == 1
    assert [row["crm_id"] for row in world.rows(raw_notes)] == ["1"]

    source = FieldSource.model_validate({"from": ["hs_createdate"]})
    other = merge_field_maps(world.connection.field_map, {"notes": {"notes": {"written_at": source}}})
    world.connection = world.connection.model_copy(update={"field_map": other})
    world.land()

    assert world.load().quarantined == 0
    assert sorted(row["crm_id"] for row in world.rows(raw_notes)) == ["1", "written"]


def test_a_bad_record_is_tried_again_when_it_changes(world: World) -> None:
    bad = {"id": "1", "properties": {"hs_note_body": "x", "hs_timestamp": "yesterday"}}
    world.land(extra={"notes": {"1": bad}}, crm_count=1)
    assert world.load().quarantined == 1

    world.land({"1": "mended"})

    assert world.load().quarantined == 0


@pytest.mark.parametrize(("crm", "left"), [(Crm.HUBSPOT, ["night01#2"]), (Crm.SALESFORCE, ["7", "night01#2"])])
def test_what_never_landed_stays_aside_until_it_was_asked_for_again(world: World, crm: Crm, left: list[str]) -> None:
    world.connection = world.connection.model_copy(update={"crm": crm})
    world.land(is_full=True, rejected=["7", ""])  # one without an id cannot be asked for
    world.load()
    world.land()
    world.load()

    assert sorted(row["record_id"] for row in world.rows(quarantine)) == left
    world.land(is_full=True)
    world.load()
    assert world.rows(quarantine) == []


def test_what_changed_in_the_crm_s_schema_is_named(world: World) -> None:
    world.land(is_full=True, fields={"a": "string", "b": "number", "c": "date"})
    assert world.load().drift == ()

    world.land(fields={"a": "string", "b": "string", "d": "bool"})
    loaded = world.load()

    assert loaded.drift == (
        "notes.c: is gone, or hidden from this user",
        "notes.b: was number, is string",
        "notes.d: is new",
    )
    assert {row["field"]: row["change"] for row in world.rows(source_changes)} == {"c": "gone", "b": "type", "d": "new"}
    gone = {row["field"]: row["gone_at"] is not None for row in world.rows(source_fields)}
    assert gone == {"a": False, "b": False, "c": True, "d": False}
    world.land(fields={"a": "string", "b": "string", "d": "bool"})
    assert world.load().drift == ()


def test_a_sync_that_does_not_fit_is_a_shortfall_of_the_night_and_no_failure(world: World) -> None:
    world.land({"1": "a"}, is_full=True)
    world.load()
    world.land({"2": "b"}, crm_count=2)
    settings = Settings.from_env({"KPI_HOME": str(world.folder)})
    job = build_definitions(settings).resolve_job_def(JOB_NAME)

    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(asset_selection=[raw_key(world.connection)], instance=instance)

    assert result.success
    (shortfall,) = shortfalls_of(result)
    assert shortfall.startswith(
        "raw/hubspot: hubspot landed another number of records than the CRM says (notes: 1 of 2)"
    )
    assert world.living() == ["1"]


def test_loading_twice_changes_nothing(world: World) -> None:
    world.land({"1": "a"}, is_full=True, fields={"a": "string"})
    world.load()
    before = world.everything()

    assert world.load().syncs == 0
    assert world.everything() == before


def test_a_sync_that_needs_more_memory_than_it_got_is_begun_again_and_gives_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = {str(number): "long " * 1_000 for number in range(1_000)}
    world.land(notes, is_full=True)
    world.load()
    poor = World(tmp_path / "poor", world.connection)
    poor.land(notes, is_full=True)
    refused: list[int] = []

    def noted(error: BaseException) -> bool:
        refused.append(1)
        return is_out_of_memory(error)

    monkeypatch.setattr(loading, "is_out_of_memory", noted)
    monkeypatch.setattr(loading, "MEMORY_STEPS_MB", (2,))

    poor.load()

    assert refused == [1]
    assert poor.everything() == world.everything()


def test_a_warehouse_in_use_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "LOCK_WAIT_SECONDS", 0.1)
    world.warehouse.create_tables()
    world.land({"1": "a"}, is_full=True)
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(world.warehouse.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseBusyError, match=f"process {holder.pid} "):
            world.load()
        holder.stdin.close()

    assert world.load().refused == ()
    assert world.living() == ["1"]


LOAD_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from connectors.settings import load_connections
from pipelines.errors import DiskFullError
from pipelines.loading import load_landed
from pipelines.warehouse import Warehouse
(connection,) = (one for one in load_connections(Path(sys.argv[1])) if one.name == "hubspot")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    load_landed(Warehouse(Path(sys.argv[2]) / "warehouse.duckdb"), Path(sys.argv[2]) / "landing", connection, zone="Asia/Tokyo")
except DiskFullError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_loses_nothing(world: World, tmp_path: Path) -> None:
    undisturbed = World(tmp_path / "undisturbed", world.connection)
    noise = {str(number): hashlib.shake_256(str(number).encode()).hexdigest(2_000) for number in range(1, 1_500)}
    for one in (world, undisturbed):
        one.land({"1": "a"}, is_full=True)
        one.load()
        one.land(noise)
    before = world.everything()
    size = Path(world.warehouse.path).stat().st_size
    arguments = [str(PROJECT / "connectors" / "connections.yaml"), str(world.folder), str(size + 65_536)]

    crowded = subprocess.run(
        [sys.executable, "-c", LOAD_ON_A_FULL_DISK, *arguments], capture_output=True, text=True, cwd=PROJECT
    )

    assert crowded.returncode == 1
    assert crowded.stderr.startswith(f"no room left on the disk of {world.folder}")
    assert "make room there and run again" in crowded.stderr
    assert world.everything() == before
    world.load()
    undisturbed.load()
    assert world.everything() == undisturbed.everything()
