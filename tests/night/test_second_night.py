"""Does running the night again change anything? Nothing: no row of core or kpi, no published table, no message.

Here everything is asked for once more; test_up.py holds the night that asks for what changed, started from the Dagster UI, to the same.
"""

import pytest

from tests.night.homes import GROWING, LOOKED, Home, compared, digests

DATABASE = "inside_sales.duckdb"


@pytest.fixture(scope="module")
def again(night_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home after a second night that asked for everything."""
    home = night_home.copy_to(tmp_path_factory.mktemp("again") / "home")
    result = home.night(full_refresh=True)
    assert result.is_done, result.failures
    return home


def test_a_second_night_changes_no_row(night_home: Home, again: Home) -> None:
    rows, changed = compared(night_home, again)

    assert rows > 20_000
    assert changed >= GROWING
    assert changed <= GROWING | LOOKED


def test_a_second_night_publishes_the_same_tables(night_home: Home, again: Home) -> None:
    before = digests(night_home.published / DATABASE, "core", "kpi")

    after = digests(again.published / DATABASE, "core", "kpi")

    assert before == after
    assert night_home.published.resolve().name != again.published.resolve().name


def test_a_second_night_takes_nothing_in(again: Home) -> None:
    rows = again.rows("SELECT connection, changed_count FROM ops.sync_runs ORDER BY sync_id DESC LIMIT 2")

    assert sorted(rows) == [("hubspot", 0), ("salesforce", 0)]
