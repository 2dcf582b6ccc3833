"""The causes found in the demo company are those of its story."""

from collections import defaultdict

import pytest

from models import tables
from models.kpi import cause_evidence, causes
from tests.models.kpi.demo_night import night, rows_of, write

BAD_SOURCE = "purchased_list"


def test_the_list_that_went_bad_is_the_first_cause_of_missing_valid_meetings() -> None:
    with night() as connection:
        (first,) = rows_of(connection, tables.causes, kpi_id="valid_meetings", scope_kind="department", rank=1)

    assert (first["split"], first["part"], first["effect"]) == ("lead_source", BAD_SOURCE, "rate")
    assert first["is_significant"]
    assert first["lower"] < first["contribution"] < first["upper"] < 0
    assert "reject reasons" in first["evidence"]


def test_the_evidence_is_meetings_of_that_source_that_did_not_count() -> None:
    with night() as connection:
        (first,) = rows_of(connection, tables.causes, kpi_id="valid_meetings", scope_kind="department", rank=1)
        meetings = {row["meeting_id"]: row for row in rows_of(connection, tables.meetings)}
        verdicts = {row["meeting_id"]: row for row in rows_of(connection, tables.meeting_verdicts)}
    ids = first["evidence_ids"].split(",")

    assert 5 <= len(ids) <= cause_evidence.EVIDENCE_IDS
    assert {meetings[meeting_id]["lead_source"] for meeting_id in ids} == {BAD_SOURCE}
    assert {verdicts[meeting_id]["verdict"] for meeting_id in ids} == {"invalid"}
    assert all(verdicts[meeting_id]["counted_date"] >= first["period_start"] for meeting_id in ids)


def test_neither_the_leaver_nor_the_newcomer_is_the_first_cause() -> None:
    with night() as connection:
        moved = {row["rep_id"] for row in rows_of(connection, tables.reps) if row["left_date"]}
        firsts = rows_of(connection, tables.causes, kpi_id="valid_meetings", rank=1)

    assert firsts
    assert not {row["part"] for row in firsts} & moved


def test_parts_of_every_split_add_up_to_the_gap() -> None:
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    gaps: dict[tuple[str, ...], float] = {}
    with night() as connection:
        for row in rows_of(connection, tables.causes):
            key = (row["kpi_id"], row["period_kind"], row["scope_id"], row["split"])
            sums[key] += row["contribution"]
            gaps[key] = row["gap"]
        evaluated = {
            (row["kpi_id"], row["period_kind"], row["scope_id"]): row["actual"] - row["expected_to_date"]
            for row in rows_of(connection, tables.divergence)
            if row["actual"] is not None
        }

    assert len(sums) > 20
    for key, total in sums.items():
        assert total == pytest.approx(gaps[key], rel=1e-9)
        assert gaps[key] == pytest.approx(evaluated[key[:3]], rel=1e-9)


def test_only_departments_and_teams_that_diverge_are_explained_in_a_list_that_can_be_read() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.causes)
        states = {
            (row["kpi_id"], row["period_kind"], row["scope_id"]): row["state"]
            for row in rows_of(connection, tables.divergence)
        }

    sizes: dict[tuple[str, ...], int] = defaultdict(int)
    for row in rows:
        sizes[row["kpi_id"], row["period_kind"], row["scope_id"]] += 1
    assert {states[key] for key in sizes} <= {"at_risk", "off", "ahead"}
    assert {row["scope_kind"] for row in rows} == {"department", "team"}
    assert max(sizes.values()) <= 80


def test_nobody_is_named_others() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.causes, part="(others)")

    assert rows
    assert all(row["rank"] is None for row in rows)


def test_building_a_night_again_changes_nothing() -> None:
    with night() as connection:
        before = rows_of(connection, tables.causes)
        write(connection, causes.MODEL)
        assert rows_of(connection, tables.causes) == before
