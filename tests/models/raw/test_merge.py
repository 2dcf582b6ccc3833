import tempfile
from collections.abc import Sequence
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


def test_new_records_are_taken_in(warehouse: sa.Connection, land: Land) -> None:
    changed = merge_records(
        warehouse, sync_id="s1", source="hs", files=[land(a_version("1", {"a": 1}), a_version("2", {"a": "O'\"; --"}))]
    )

    assert changed == 2
    assert stored(warehouse) == [
        ("1", '{"a": 1}', False, "s1"),
        ("2", '{"a": "O\'\\"; --"}', False, "s1"),
    ]


def test_no_files_change_nothing(warehouse: sa.Connection) -> None:
    assert merge_records(warehouse, sync_id="s1", source="hs", files=[]) == 0


def test_a_second_run_with_nothing_new_changes_no_row(warehouse: sa.Connection, land: Land) -> None:
    merge_records(warehouse, sync_id="s1", source="hs", files=[land(a_version("1", {"a": 1}))])
    again = land(a_version("1", {"a": 1}, extracted_at=at("2026-09-03T00:00"), modified_at=at("2026-09-02T00:00")))

    changed = merge_records(warehouse, sync_id="s2", source="hs", files=[again])

    assert changed == 0
    assert stored(warehouse) == [("1", '{"a": 1}', False, "s1")]


def test_rows_of_another_connection_are_left_out(warehouse: sa.Connection, land: Land) -> None:
    changed = merge_records(
        warehouse, sync_id="s1", source="hs", files=[land(a_version("1"), a_version("2", connection="sf"))]
    )

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
    merge_records(warehouse, sync_id="s1", source="hs", files=[land(a_version("1", {"a": 1}))])

    changed = merge_records(warehouse, sync_id="s2", source="hs", files=[land(a_version("1", payload, **changes))])

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
    merge_records(warehouse, sync_id="s1", source="hs", files=[land(tombstone)])

    restored = a_version("1", modified_at=EARLIER, extracted_at=read_at)
    changed = merge_records(warehouse, sync_id="s2", source="hs", files=[land(restored)])

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


def _merged(batches: Sequence[Sequence[int]]) -> list[tuple[Any, ...]]:
    opened = Warehouse(":memory:")
    with tempfile.TemporaryDirectory() as folder, opened.transaction() as connection:
        connection.execute(sa.schema.CreateSchema("raw"))
        records.create(connection)
        for number, batch in enumerate(batches):
            path = Path(folder) / f"{number}.parquet"
            pq.write_table(pa.Table.from_pylist([VERSIONS[index] for index in batch], schema=LANDING), path)
            merge_records(connection, sync_id=f"s{number}", source="hs", files=[path])
        rows = [row[:3] for row in stored(connection)]
    opened.engine.dispose()
    return rows
