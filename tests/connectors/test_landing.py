"""Records to files and back; what counts as landed."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import LandingError
from connectors.landing import (
    MANIFEST,
    LandingWriter,
    Window,
    as_utc,
    pending,
    read_manifest,
    read_records,
    remove_leftovers,
)
from connectors.records import Landed, Record, RejectedRecord
from connectors.sink import FILE_ROWS

START = datetime(2026, 4, 1, tzinfo=UTC)
END = datetime(2026, 4, 2, tzinfo=UTC)


def a_record(record_id: str = "1", **changes: object) -> Record:
    fields = {
        "connection": "crm",
        "object": "calls",
        "id": record_id,
        "modified_at": START,
        "is_deleted": False,
        "extracted_at": END,
        "payload": "{}",
    }
    return Record(**{**fields, **changes})


def land(landing: Path, sync_id: str, records: list[Record], *, started_at: datetime = START) -> Landed:
    writer = LandingWriter(landing, connection="crm", crm="hubspot", sync_id=sync_id)
    writer.sink("calls", Window(None, END)).add(records)
    return writer.commit(is_full=True, started_at=started_at, extracted_at=END)


@settings(deadline=None)  # the first file of a process loads Parquet's writer
@given(
    payload=st.text(st.characters(exclude_categories=["Cs"])),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    is_deleted=st.booleans(),
)
def test_a_record_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, payload: str, moment: datetime, is_deleted: bool
) -> None:
    record = a_record(payload=payload, modified_at=moment, is_deleted=is_deleted)

    landed = land(tmp_path_factory.mktemp("landing"), "s1", [record])

    assert list(read_records(landed.windows[0])) == [record]


def test_the_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    writer = LandingWriter(tmp_path, connection="crm", crm="hubspot", sync_id="s1")
    sink = writer.sink("calls", Window(START, END))
    sink.add([a_record("1"), a_record("2"), a_record("1", is_deleted=True)])
    sink.crm_count = 2
    writer.sink("notes", Window(None, END))
    writer.reject(RejectedRecord("calls", "it has no id", "{}"))

    landed = writer.commit(is_full=False, started_at=START, extracted_at=END)

    assert read_manifest(tmp_path / "crm" / "s1" / MANIFEST) == landed
    assert [(window.object, window.crm_count, window.landed_count) for window in landed.windows] == [
        ("calls", 2, 2),
        ("notes", None, 0),
    ]


def test_many_records_go_to_several_files_in_order(tmp_path: Path) -> None:
    landed = land(tmp_path, "s1", [])
    writer = LandingWriter(tmp_path, connection="crm", crm="hubspot", sync_id="s2")
    sink = writer.sink("calls", Window(None, END))

    for batch in range(3):
        sink.add([a_record(f"{batch}-{number}") for number in range(FILE_ROWS // 2)])
    landed = writer.commit(is_full=True, started_at=START, extracted_at=END)

    files = landed.windows[0].files
    assert [file.name for file in files] == ["001.parquet", "002.parquet"]
    assert [pq.read_metadata(file).num_rows for file in files] == [FILE_ROWS, FILE_ROWS // 2]


def test_what_waits_in_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    def peak_mb(name: str, *, batches: int) -> float:
        sink = LandingWriter(tmp_path, connection="crm", crm="hubspot", sync_id=name).sink("calls", Window(None, END))
        tracemalloc.start()
        for batch in range(batches):
            sink.add([a_record(f"{batch}-{number}", payload=f"{number:01000}") for number in range(500)])
        sink.finish()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 2**20

    few, many = peak_mb("few", batches=10), peak_mb("many", batches=60)

    assert few < 6  # 5,000 records of 1 kB, of which a row group waits
    assert many < few + 1  # 30,000 of them; their ids take eight bytes each


def test_without_a_manifest_nothing_is_pending_and_the_next_run_removes_it(tmp_path: Path) -> None:
    land(tmp_path, "whole", [a_record()])
    killed = LandingWriter(tmp_path, connection="crm", crm="hubspot", sync_id="killed")
    killed.sink("calls", Window(None, END)).add([a_record(str(number)) for number in range(FILE_ROWS)])

    before = [path.parent.name for path in pending(tmp_path, "crm", set())]
    remove_leftovers(tmp_path, "crm")

    assert before == ["whole"]
    assert not killed.folder.exists()
    assert (tmp_path / "crm" / "whole" / MANIFEST).exists()


def test_pending_syncs_come_oldest_first_without_those_done(tmp_path: Path) -> None:
    for sync_id in ("20260403", "20260401", "20260402"):
        land(tmp_path, sync_id, [a_record()])

    waiting = pending(tmp_path, "crm", {"20260402"})

    assert [path.parent.name for path in waiting] == ["20260401", "20260403"]
    assert pending(tmp_path, "another", set()) == []


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(lambda file: file.unlink(), "missing", id="file missing"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-1]), "SHA-256", id="file cut off"),
        pytest.param(lambda file: (file.parents[1] / MANIFEST).write_text("{"), "manifest", id="manifest cut off"),
        pytest.param(lambda file: (file.parents[1] / MANIFEST).write_text("{}"), "manifest", id="manifest empty"),
    ],
)
def test_a_damaged_sync_is_refused(tmp_path: Path, damage: object, expected: str) -> None:
    landed = land(tmp_path, "s1", [a_record()])

    damage(landed.windows[0].files[0])

    with pytest.raises(LandingError, match=expected):
        read_manifest(pending(tmp_path, "crm", set())[0])


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    land(tmp_path, "s1", [])
    manifest = tmp_path / "crm" / "s1" / MANIFEST
    manifest.write_bytes(orjson.dumps({**orjson.loads(manifest.read_bytes()), "version": 99}))

    with pytest.raises(LandingError):
        read_manifest(manifest)


def test_a_landed_sync_is_never_written_again(tmp_path: Path) -> None:
    land(tmp_path, "s1", [a_record()])

    with pytest.raises(LandingError, match="landed already"):
        land(tmp_path, "s1", [a_record()])


@pytest.mark.parametrize(
    ("moment", "is_inside"),
    [
        pytest.param(START - timedelta(milliseconds=1), False, id="before"),
        pytest.param(START, True, id="start counts"),
        pytest.param(END - timedelta(milliseconds=1), True, id="last millisecond"),
        pytest.param(END, False, id="end does not count"),
    ],
)
def test_a_window_is_half_open(moment: datetime, is_inside: bool) -> None:
    assert Window(START, END).has(moment) is is_inside
    assert Window(None, END).has(moment) is (moment < END)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-04-01T00:00:00.000Z", id="HubSpot"),
        pytest.param("2026-04-01T00:00:00Z", id="without milliseconds"),
        pytest.param("2026-04-01T00:00:00.000+0000", id="Salesforce"),
        pytest.param("2026-04-01T09:00:00+09:00", id="another offset"),
        pytest.param("1775001600000", id="epoch milliseconds"),
    ],
)
def test_every_form_of_a_time_stamp_is_one_moment(text: str) -> None:
    assert as_utc(text) == START


@pytest.mark.parametrize("text", ["", "soon", "None", "2026-04-01T00:00:00"])
def test_a_time_stamp_without_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        as_utc(text)
