"""Does a change in a CRM arrive on the next night, and nothing beside it? One of each kind, in both CRMs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.sandbox.company import Company
from tests.night.homes import Home, assert_same, changed_rows, tables_of
from tests.truth.changes import change_everything
from tests.truth.kpis import numbers, verdicts
from tests.truth.rows import TABLES

TOUCHED = {"calls", "contacts", "meetings", "deals", "deal_stage_changes", "deal_owner_changes", "links"}


@dataclass(frozen=True, slots=True)
class NextNight:
    """A home after the changes and a second night, and what is true then."""

    home: Home
    company: Company


@pytest.fixture(scope="module")
def next_night(night_home: Home, company: Company, tmp_path_factory: pytest.TempPathFactory) -> NextNight:
    home = night_home.copy_to(tmp_path_factory.mktemp("changes") / "home")
    with home.store() as store:
        changed = change_everything(store, company)
    result = home.night()
    assert result.is_done, result.failures
    assert result.shortfalls == ()
    return NextNight(home, changed)


@pytest.mark.parametrize("table", TABLES)
def test_core_is_what_the_crms_hold_after_the_changes(next_night: NextNight, table: str) -> None:
    columns, expected = TABLES[table]

    assert_same(
        next_night.home.rows(f"SELECT {columns} FROM core.{table}"),  # noqa: S608 - names from the table above
        expected(next_night.company),
    )


@pytest.mark.parametrize("table", sorted(TOUCHED))
def test_every_kind_of_change_is_seen(night_home: Home, next_night: NextNight, table: str) -> None:
    gone, come = changed_rows(night_home.warehouse, next_night.home.warehouse, f"core.{table}")

    assert gone or come


def test_other_tables_of_core_stay_as_they_were(night_home: Home, next_night: NextNight) -> None:
    core = set(tables_of(next_night.home.warehouse, "core"))
    others = core - {f"core.{name}" for name in TOUCHED}

    changed = [name for name in others if any(changed_rows(night_home.warehouse, next_night.home.warehouse, name))]

    assert len(others) > 5
    assert changed == []


def test_verdicts_and_numbers_follow(night_home: Home, next_night: NextNight, company: Company) -> None:
    found = next_night.home.rows("SELECT meeting_id, verdict FROM kpi.meeting_verdicts")
    sums = next_night.home.rows(
        "SELECT kpi_id, period_kind, period_start, scope_kind, scope_id, numerator, denominator FROM kpi.kpi_periods"
        " WHERE numerator IS NOT NULL AND kpi_id <> 'pipeline_velocity'"
    )
    by_hand = {key: number for key, number in numbers(next_night.company).items() if key.kpi_id != "pipeline_velocity"}

    assert_same(found, ((one.meeting_id, one.verdict) for one in verdicts(next_night.company)))
    assert_same(sums, ((*key, number.numerator, number.denominator) for key, number in by_hand.items()))
    assert by_hand != {key: number for key, number in numbers(company).items() if key.kpi_id != "pipeline_velocity"}


def test_snapshots_keep_what_was_known(night_home: Home, next_night: NextNight) -> None:
    gone, _ = changed_rows(night_home.warehouse, next_night.home.warehouse, "kpi.snapshots")

    assert gone == []


def test_only_what_changed_was_taken_in(next_night: NextNight) -> None:
    rows = next_night.home.rows(
        "SELECT connection, landed_count, changed_count, is_full FROM ops.sync_runs ORDER BY sync_id DESC LIMIT 2"
    )

    assert {row[0] for row in rows} == {"hubspot", "salesforce"}
    assert all(not is_full and 0 < changed < 60 and changed <= landed < 500 for _, landed, changed, is_full in rows), (
        rows
    )


def test_every_sync_proves_that_nothing_was_lost(next_night: NextNight) -> None:
    rows = next_night.home.rows("SELECT object, crm_count, landed_count, is_matched FROM ops.reconciliation")

    assert len(rows) > 40
    assert [row for row in rows if not row[3] or (row[1] is not None and row[1] != row[2])] == []


def test_the_published_copy_is_of_the_new_night(next_night: NextNight, tmp_path: Path) -> None:
    database = next_night.home.published / "inside_sales.duckdb"

    gone, come = changed_rows(next_night.home.warehouse, database, "kpi.kpi_periods")

    assert gone == come == []
