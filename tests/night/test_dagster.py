"""Is the Dagster project whole? Every asset says what it is and who owns it; what a night did stands in the catalogue."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    EventLogEntry,
    build_schedule_context,
    materialize,
)

from models.build import MODELS
from pipelines.assets.night import Night
from pipelines.settings import PROJECT
from pipelines.wiring import build_definitions
from tests.night.homes import AS_OF, Home, tables_of

SCHEMA, ROWS, LINEAGE = "dagster/column_schema", "dagster/row_count", "dagster/column_lineage"
# warnings: the demo's reps leave some of each out
FORGOTTEN = {"calls_have_a_disposition", "meetings_have_an_outcome", "won_deals_name_a_currency"}
DIVERGING = {"targets_on_track_department", "targets_on_track_team"}  # warnings: the story's bad source shows in both
GROUPS = {"agreement", "landing", "raw", "core", "kpi", "ops", "published"}


@pytest.fixture(scope="module")
def definitions(night_home: Home) -> Definitions:
    return build_definitions(night_home.settings)


@pytest.fixture(scope="module")
def specs(definitions: Definitions) -> dict[AssetKey, AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def history(night_home: Home) -> Iterator[DagsterInstance]:
    """What Dagster keeps of the night."""
    with (
        patch.dict(os.environ, {"KPI_LOGS": str(night_home.settings.logs)}),
        DagsterInstance.from_config(str(night_home.settings.dagster_home)) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def made(history: DagsterInstance, specs: dict[AssetKey, AssetSpec]) -> dict[AssetKey, EventLogEntry | None]:
    return {key: history.get_latest_materialization_event(key) for key in specs}


def test_every_asset_says_what_it_is(specs: dict[AssetKey, AssetSpec]) -> None:
    silent = [
        key.to_user_string()
        for key, spec in specs.items()
        if not (spec.description and spec.owners and spec.group_name and spec.kinds)
    ]

    assert silent == []
    assert {spec.group_name for spec in specs.values()} == GROUPS


def test_every_table_is_an_asset_with_its_columns(specs: dict[AssetKey, AssetSpec], night_home: Home) -> None:
    tables = {model.table.fullname: model.table for model in MODELS}

    assert set(tables_of(night_home.warehouse, "core", "kpi")) <= tables.keys()
    for name, table in tables.items():
        schema = specs[AssetKey(name.split("."))].metadata[SCHEMA]
        assert [column.name for column in schema.columns] == [column.name for column in table.columns]
        assert all(column.description for column in schema.columns)


def test_the_night_made_every_asset_and_counted_its_rows(
    made: dict[AssetKey, EventLogEntry | None], night_home: Home
) -> None:
    for model in MODELS:
        event = made[AssetKey(model.table.fullname.split("."))]
        assert event is not None
        assert event.asset_materialization is not None
        counted = event.asset_materialization.metadata[ROWS].value
        assert counted == night_home.rows(f"SELECT count(*) FROM {model.table.fullname}")[0][0]  # noqa: S608 - a table's name
    assert [key.to_user_string() for key, event in made.items() if event is None] == []


@pytest.mark.parametrize("name", ["kpi_periods", "divergence"])
def test_a_number_s_asset_shows_the_month_of_each_department(
    made: dict[AssetKey, EventLogEntry | None], night_home: Home, name: str
) -> None:
    entry = made[AssetKey(["kpi", name])]
    assert entry is not None
    assert entry.asset_materialization is not None
    shown = str(entry.asset_materialization.metadata["this_month"].value).splitlines()

    actual = night_home.rows(
        "SELECT actual FROM kpi.kpi_periods WHERE kpi_id = 'valid_meetings' AND scope_id = 'inside_sales' "
        "AND period_kind = 'month' AND period_start = DATE '2026-11-01'"
    )[0][0]
    assert any(line.startswith(f"| valid_meetings | inside_sales | {actual:.4g} |") for line in shown[2:])


def test_columns_know_where_they_come_from(made: dict[AssetKey, EventLogEntry | None]) -> None:
    event = made[AssetKey(["kpi", "meeting_verdicts"])]
    assert event is not None
    assert event.asset_materialization is not None

    lineage = event.asset_materialization.metadata[LINEAGE].value.deps_by_column

    sources = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["booked_date"]}
    assert sources == {("core/meetings", "booked_date")}
    with_lineage = [
        key
        for key, one in made.items()
        if one and one.asset_materialization and LINEAGE in one.asset_materialization.metadata
    ]
    assert len(with_lineage) >= sum(model.statement is not None for model in MODELS)


def test_every_check_ran_and_found_only_what_the_story_has(definitions: Definitions, history: DagsterInstance) -> None:
    graph = definitions.resolve_asset_graph()
    keys = list(graph.asset_check_keys)
    records = history.event_log_storage.get_latest_asset_check_execution_by_key(keys)

    failed = {key.name for key, record in records.items() if record.status.value != "SUCCEEDED"}

    names = {key.name for key in keys}
    assert len(keys) > 15
    assert records.keys() == set(keys)
    assert {"both_evaluations_agree", "source_was_read", "nothing_put_aside", "v2_decision_maker_present"} <= names
    assert failed == FORGOTTEN | DIVERGING


def test_the_graph_follows_the_way_of_the_data(specs: dict[AssetKey, AssetSpec]) -> None:
    order = {group: place for place, group in enumerate(("agreement", "landing", "raw", "core", "kpi", "published"))}
    backward = [
        (dep.asset_key.to_user_string(), key.to_user_string())
        for key, spec in specs.items()
        for dep in spec.deps
        if order.get(str(spec.group_name), 9) < order.get(str(specs[dep.asset_key].group_name), -1)
    ]

    assert backward == []
    assert all(dep.asset_key in specs for spec in specs.values() for dep in spec.deps)


def test_the_night_comes_at_two_in_the_teams_zone_and_is_on(definitions: Definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly")

    request = schedule.evaluate_tick(
        build_schedule_context(scheduled_execution_time=datetime(2026, 11, 20, 17, 0, tzinfo=UTC))  # 02:00 on the 21st
    ).run_requests

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Asia/Tokyo")
    assert schedule.default_status is DefaultScheduleStatus.RUNNING
    assert request is not None
    assert [one.run_config["resources"]["night"]["config"]["as_of"] for one in request] == ["2026-11-20"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["dagster", "definitions", "validate", "-w", "workspace.yaml"], id="dagster"),
        pytest.param(["dg", "check", "defs"], id="dg"),
    ],
)
def test_dagsters_own_tools_accept_the_project(an_untouched_home: Home, command: list[str]) -> None:
    dagster_home = an_untouched_home.path / "dagster"
    dagster_home.mkdir()
    environ = an_untouched_home.environ({"DAGSTER_HOME": str(dagster_home), "DG_CLI_DISABLE_TELEMETRY": "1"})
    tool = Path(sys.executable).with_name(command[0])

    done = subprocess.run(
        [str(tool), *command[1:]],
        env=environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_signed_rule_can_be_run_again_alone(a_home: Home) -> None:
    definitions = build_definitions(a_home.settings)
    graph = definitions.resolve_asset_graph()
    verdicts = AssetKey(["kpi", "meeting_verdicts"])
    one = AssetCheckKey(verdicts, "v2_long_enough")
    checks = [key for key in graph.asset_check_keys if key.asset_key == verdicts and "v2" in key.name]

    run = materialize(
        list(definitions.asset_checks or ()),
        selection=AssetSelection.checks(one),
        resources={"night": Night(as_of=AS_OF.isoformat())},
    )

    assert len(checks) > 3
    # a check that others have to run with has no button of its own in the web page
    assert {len(graph.get_execution_set_asset_and_check_keys(key)) for key in checks} == {1}
    (found,) = run.get_asset_check_evaluations()
    judged = a_home.rows("SELECT count(*) FROM kpi.meeting_verdicts WHERE definition_version = 2")[0][0]
    assert (found.check_name, found.passed, found.metadata["checked"].value) == ("v2_long_enough", True, judged)
