"""Can a night that was missed be filled in later from the Dagster UI, without touching what nights have kept?"""

import os
import warnings
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult

from pipelines.assets.tables import PAST_KEY
from pipelines.wiring import build_definitions
from tests.night.homes import AS_OF, Home

KEPT = "SELECT known_date, is_backfilled, count(*) FROM kpi.snapshots GROUP BY ALL ORDER BY ALL"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
MISSED = [AS_OF - timedelta(days=3), AS_OF - timedelta(days=2)]


@pytest.fixture
def history(night_home: Home) -> Iterator[DagsterInstance]:
    with (
        patch.dict(os.environ, {"KPI_LOGS": str(night_home.settings.logs)}),
        DagsterInstance.from_config(str(night_home.settings.dagster_home)) as opened,
    ):
        yield opened


def fill_in(home: Home, first: str, last: str) -> ExecuteInProcessResult:
    """What the dialog "Materialize" of the asset asks for, in this process."""
    with warnings.catch_warnings(), DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")  # libraries' own
        job = build_definitions(home.settings).resolve_implicit_global_asset_job_def()
        return job.get_subset(asset_selection={PAST_KEY}).execute_in_process(
            tags=dict(zip(RANGE, (first, last), strict=True)), instance=instance, raise_on_error=False
        )


def test_missed_days_are_filled_in_together_and_what_was_kept_stands(a_home: Home) -> None:
    before = a_home.rows("FROM kpi.snapshots ORDER BY ALL")

    done = fill_in(a_home, str(MISSED[0]), str(MISSED[-1]))

    assert done.success
    after = a_home.rows(KEPT)
    assert [(day, is_later) for day, is_later, _ in after] == [*((day, True) for day in MISSED), (AS_OF, False)]
    assert a_home.rows("FROM kpi.snapshots WHERE NOT is_backfilled ORDER BY ALL") == before
    made = done.asset_materializations_for_node("past_snapshots")  # one for each day
    assert [one.partition for one in made] == [str(day) for day in MISSED]
    assert made[0].metadata["rows_added"].value == sum(count for _, is_later, count in after if is_later) > 1000
    again = fill_in(a_home, str(MISSED[0]), str(MISSED[-1]))
    assert again.success
    assert a_home.rows(KEPT) == after


def test_a_day_whose_own_night_has_yet_to_run_is_refused(a_home: Home) -> None:
    before = a_home.rows(KEPT)

    done = fill_in(a_home, str(MISSED[-1]), str(AS_OF))

    (failed,) = [event for event in done.all_events if event.is_step_failure]
    assert f"{AS_OF} is not before the newest night that was kept" in str(failed.step_failure_data.error)
    assert a_home.rows(KEPT) == before


def test_a_night_s_own_day_stands_as_kept(history: DagsterInstance) -> None:
    assert history.get_materialized_partitions(PAST_KEY) == {AS_OF.isoformat()}
