"""Does running the night again change anything? Nothing: no row of core or kpi, no published table, no message."""

import pytest

from tests.night.homes import Home, digests

GROWING = {"ops.sync_runs", "ops.reconciliation"}  # one row more for every sync
DATABASE = "inside_sales.duckdb"


@pytest.fixture(scope="module", params=["only what changed", "everything"])
def again(request: pytest.FixtureRequest, night_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home after a second night, asked for what changed, or for everything once more."""
    home = night_home.copy_to(tmp_path_factory.mktemp("again") / "home")
    result = home.night(full_refresh=request.param == "everything")
    assert result.is_done, result.failures
    return home


def test_a_second_night_changes_no_row(night_home: Home, again: Home) -> None:
    before = digests(night_home.warehouse, "core", "kpi", "ops", "raw")

    after = digests(again.warehouse, "core", "kpi", "ops", "raw")

    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert sum(count for count, _ in before.values()) > 20_000
    assert changed <= GROWING | {"ops.cursors", "ops.source_fields"}  # these two note when a sync last looked
    assert changed >= GROWING


def test_a_second_night_publishes_the_same_tables(night_home: Home, again: Home) -> None:
    before = digests(night_home.published / DATABASE, "core", "kpi")

    after = digests(again.published / DATABASE, "core", "kpi")

    assert before == after
    assert night_home.published.resolve().name != again.published.resolve().name


def test_a_second_night_takes_nothing_in(again: Home) -> None:
    rows = again.rows("SELECT connection, changed_count FROM ops.sync_runs ORDER BY sync_id DESC LIMIT 2")

    assert sorted(rows) == [("hubspot", 0), ("salesforce", 0)]
