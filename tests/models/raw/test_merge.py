import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.raw.merge import merge_records
from models.tables import records
from pipelines.warehouse import Warehouse
from tests.models.factories import at
from tests.models.raw.landing import LANDING, Land, a_version


def stored(connection: sa.Connection) -> list[tuple[Any, ...]]:
    query = sa.select(records.c.record_id, records.c.payload, records.c.is_deleted, records.c.sync_id)
    return [tuple(row) for row in connection.execute(query.order_by(records.c.record_id))]


def merge(connection: sa.Connection, sync_id: str, *files: Path) -> int:
    """Merge files of calls and say how many records the sync changed."""
    merge_records(connection, sync_id=sync_id, source="hs", files={"calls": files})
    return sum(1 for row in stored(connection) if row[3] == sync_id)


def test_new_records_are_taken_in(warehouse: sa.Connection, land: Land) -> None:
    changed = merge(warehouse, "s1", land(a_version("1", {"a": 1}), a_version("2", {"a": "O'\"; --"})))

    assert changed == 2
    assert stored(warehouse) == [
        ("1", '{"a": 1}', False, "s1"),
        ("2", '{"a": "O\'\\"; --"}', False, "s1"),
    ]


def test_no_files_change_nothing(warehouse: sa.Connection) -> None:
    assert merge(warehouse, "s1") == 0


def test_a_second_run_with_nothing_new_changes_no_row(warehouse: sa.Connection, land: Land) -> None:
    merge(warehouse, "s1", land(a_version("1", {"a": 1})))
    again = land(a_version("1", {"a": 1}, extracted_at=at("2026-09-03T00:00"), modified_at=at("2026-09-02T00:00")))

    changed = merge(warehouse, "s2", again)

    assert changed == 0
    assert stored(warehouse) == [("1", '{"a": 1}', False, "s1")]


def test_rows_of_another_connection_are_left_out(warehouse: sa.Connection, land: Land) -> None:
    changed = merge(warehouse, "s1", land(a_version("1"), a_version("2", connection="sf")))

    assert changed == 1
    assert [row[0] for row in stored(warehouse)] == ["1"]


LATER = at("2026-09-05T00:00")
EARLIER = at("2026-08-01T00:00")


@pytest.mark.parametrize(
    ("changes", "payload", "expected"),
    [
        pytest.param({"modified_at": LATER}, {"a": 2}, 1, id="a newer version replaces"),
        pytest.param({"modified_at": LATER}, {"a": 1}, 0, id="newer without a difference does not"),
        pytest.param({"modified_at": LATER, "is_deleted": True}, {"a": 1}, 1, id="a deletion replaces"),
        pytest.param({"modified_at": EARLIER}, {"a": 2}, 0, id="an older version does not"),
        pytest.param({"extracted_at": LATER}, {"a": 2}, 1, id="same time, read later replaces"),
        pytest.param({"extracted_at": EARLIER}, {"a": 2}, 0, id="same time, read earlier does not"),
    ],
)
def test_a_stored_record_changes_only_for_a_newer_different_version(
    warehouse: sa.Connection, land: Land, changes: dict[str, Any], payload: dict[str, Any], expected: int
) -> None:
    merge(warehouse, "s1", land(a_version("1", {"a": 1})))

    changed = merge(warehouse, "s2", land(a_version("1", payload, **changes)))

    assert changed == expected
    assert stored(warehouse)[0][3] == ("s2" if expected else "s1")


@pytest.mark.parametrize(
    ("read_at", "is_living"),
    [pytest.param(LATER, True, id="read later"), pytest.param(EARLIER, False, id="read before it was deleted")],
)
def test_a_restored_record_lives_again_though_its_time_of_change_is_that_of_before(
    warehouse: sa.Connection, land: Land, read_at: Any, is_living: bool
) -> None:
    tombstone = a_version("1", is_deleted=True, modified_at=LATER)
    merge(warehouse, "s1", land(tombstone))

    restored = a_version("1", modified_at=EARLIER, extracted_at=read_at)
    changed = merge(warehouse, "s2", land(restored))

    assert changed == int(is_living)
    assert stored(warehouse)[0][2] is not is_living


VERSIONS = [
    a_version(record_id, {"value": step}, modified_at=EARLIER + timedelta(days=step), is_deleted=step == 3)
    for record_id in ("1", "2")
    for step in range(4)
]


@settings(max_examples=25, deadline=None)
@given(arrivals=st.lists(st.sampled_from(range(len(VERSIONS))), max_size=12), batches=st.integers(1, 3))
def test_order_and_repetition_of_versions_do_not_matter(arrivals: list[int], batches: int) -> None:
    everything = [*arrivals, *range(len(VERSIONS))]
    shuffled = sorted(everything, key=lambda number: hash((number, tuple(arrivals))))

    assert _merged([shuffled[start::batches] for start in range(batches)]) == [
        ("1", '{"value": 3}', True),
        ("2", '{"value": 3}', True),
    ]


NIGHTS = st.lists(  # of each object its files, of each file the versions: record, value, modified, read, deleted
    st.dictionaries(
        st.sampled_from(["calls", "notes", "associations.calls.notes"]),
        st.lists(
            st.lists(
                st.tuples(
                    st.sampled_from("12"), st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.booleans()
                ),
                min_size=1,
                max_size=4,
            ),
            max_size=2,
        ),
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(nights=NIGHTS)
def test_objects_merged_together_end_as_one_version_after_the_other_would(
    nights: list[dict[str, list[list[tuple[str, int, int, int, bool]]]]],
) -> None:
    opened = Warehouse(":memory:")
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, opened.transaction() as connection:
        connection.execute(sa.schema.CreateSchema("raw"))
        records.create(connection)
        for night, objects in enumerate(nights):
            landed = {
                name: [[_version(name, night, *one) for one in file] for file in files]
                for name, files in objects.items()
            }
            paths = {name: [_written(folder, file) for file in files] for name, files in landed.items()}
            merge_records(connection, sync_id=f"s{night}", source="hs", files=paths)
            _merge_one_by_one(expected, landed, f"s{night}")
        rows = [
            {"id" if name == "record_id" else name: value for name, value in row.items()}
            for row in connection.execute(sa.select(records)).mappings()
        ]
    opened.engine.dispose()

    assert sorted(rows, key=_key) == sorted(expected.values(), key=_key)


def _version(
    name: str, night: int, record_id: str, value: int, modified: int, read: int, is_deleted: bool
) -> dict[str, Any]:
    return a_version(
        record_id,
        {"value": value},
        object=name,
        is_deleted=is_deleted,
        modified_at=EARLIER + timedelta(days=modified),
        extracted_at=LATER + timedelta(days=night, hours=read),
    )


def _written(folder: str, versions: Sequence[Mapping[str, Any]]) -> Path:
    path = Path(folder) / f"{len(list(Path(folder).iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist([dict(one) for one in versions], schema=LANDING), path)
    return path


def _merge_one_by_one(
    stored: dict[Any, dict[str, Any]], landed: Mapping[str, Sequence[Sequence[dict[str, Any]]]], sync_id: str
) -> None:
    """What is new is taken in at once, what is known a file at a time; of a record's versions in it the newest counts."""
    known = {name for name, _ in stored}
    for name, files in landed.items():
        for versions in files if name in known else [[one for file in files for one in file]]:
            for record_id in {one["id"] for one in versions}:
                newest = max((one for one in versions if one["id"] == record_id), key=_age)
                before = stored.get((name, record_id))
                if before is None or _replaces(newest, before):
                    stored[name, record_id] = {**newest, "sync_id": sync_id}


def _key(version: Mapping[str, Any]) -> tuple[str, str]:
    return version["object"], version["id"]


def _age(version: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        version["modified_at"],
        version["extracted_at"],
        version["is_deleted"],
        -json.loads(version["payload"])["value"],
    )


def _replaces(one: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    is_newer = (one["modified_at"], one["extracted_at"]) >= (before["modified_at"], before["extracted_at"])
    is_restored = before["is_deleted"] and not one["is_deleted"] and one["extracted_at"] > before["extracted_at"]
    is_different = (one["payload"], one["is_deleted"]) != (before["payload"], before["is_deleted"])
    return (is_newer or is_restored) and is_different


def _merged(batches: Sequence[Sequence[int]]) -> list[tuple[Any, ...]]:
    opened = Warehouse(":memory:")
    with tempfile.TemporaryDirectory() as folder, opened.transaction() as connection:
        connection.execute(sa.schema.CreateSchema("raw"))
        records.create(connection)
        for number, batch in enumerate(batches):
            path = Path(folder) / f"{number}.parquet"
            pq.write_table(pa.Table.from_pylist([VERSIONS[index] for index in batch], schema=LANDING), path)
            merge(connection, f"s{number}", path)
        rows = [row[:3] for row in stored(connection)]
    opened.engine.dispose()
    return rows
