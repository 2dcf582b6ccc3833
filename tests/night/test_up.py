"""Does `kpi up` serve what people do in the Dagster UI? The night and one asset alone, asked for over the webserver's GraphQL."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page

from pipelines.settings import PROJECT
from tests.night.homes import AS_OF, GROWING, KPI, LOOKED, Home, compared, processes_of

pytestmark = pytest.mark.timeout(280)
START_SECONDS, RUN_SECONDS, END_SECONDS, CLICK_SECONDS = 90, 150, 40, 30
LOCATION = {"repositoryLocationName": "inside_sales_kpi", "repositoryName": "__repository__"}
NIGHT_CONFIG = {"resources": {"night": {"config": {"as_of": AS_OF.isoformat()}}}}
LAUNCH = """
mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message stack }
  ... on RunConfigValidationInvalid { errors { message } } ... on InvalidSubsetError { message } } }
"""
RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status stepStats { stepKey status } } } }"
ALL_RUNS = "query { runsOrError { ... on Runs { results { runId } } } }"
HISTORY = 'query { runsOrError(filter: {pipelineName: "nightly"}) { ... on Runs { results { runId status tags { key value } } } } }'
RETRY = """
mutation ($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
INSTIGATORS = """
query ($at: RepositorySelector!) { repositoryOrError(repositorySelector: $at) { ... on Repository {
  schedules { name cronSchedule executionTimezone scheduleState { status } } sensors { name sensorState { status } } } } }
"""
ASSET = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(limit: 2) { runId metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }
"""


@dataclass(frozen=True, slots=True)
class Service:
    """A running `kpi up`."""

    home: Home
    url: str
    process: "subprocess.Popen[bytes]"

    def ask(self, query: str, **variables: Any) -> Any:
        """Send a query; errors of the query fail the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - our own address
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            told = json.load(answer)
        assert "errors" not in told, told["errors"]
        return told["data"]

    def launch(self, *assets: str) -> str:
        """Launch the nightly job, or some assets of it, and give the run's id."""
        chosen = {"assetSelection": [{"path": asset.split("/")} for asset in assets]} if assets else {}
        selector = {**LOCATION, "pipelineName": "nightly", **chosen}
        told = self.ask(LAUNCH, params={"selector": selector, "runConfigData": NIGHT_CONFIG, "mode": "default"})
        launched = told["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def end_of(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            run: dict[str, Any] = self.ask(RUN, id=run_id)["runOrError"]
            if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}:
                return run
            time.sleep(0.5)
        pytest.fail(f"run {run_id} did not end in {RUN_SECONDS} s, it is {run['status']}")


@pytest.fixture(scope="module")
def service(night_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = night_home.copy_to(tmp_path_factory.mktemp("up") / "home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home.path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*KPI, "up", "--port", str(port)], env=home.environ(), cwd=PROJECT, stdout=log, stderr=log
        )
    running = Service(home, f"http://127.0.0.1:{port}", process)
    try:
        _wait_until_it_answers(running)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(END_SECONDS)


@pytest.fixture(scope="module")
def night_run(service: Service) -> tuple[str, dict[str, Any]]:
    run_id = service.launch()
    return run_id, service.end_of(run_id)


def _wait_until_it_answers(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        try:
            with urlopen(f"{service.url}/server_info", timeout=5):  # noqa: S310 - our own address
                return
        except (URLError, OSError):
            time.sleep(0.3)
    pytest.fail((service.home.path / "up.log").read_text(encoding="utf-8"))


def test_the_night_launched_from_the_ui_succeeds(night_run: tuple[str, dict[str, Any]]) -> None:
    _, run = night_run

    failed = [step for step in run["stepStats"] if step["status"] != "SUCCESS"]
    assert (run["status"], failed) == ("SUCCESS", [])
    assert len(run["stepStats"]) > 35


def test_it_changes_nothing_that_kpi_nightly_has_done(
    service: Service, night_run: tuple[str, dict[str, Any]], night_home: Home
) -> None:
    _, changed = compared(night_home, service.home)

    assert changed >= GROWING
    assert changed <= GROWING | LOOKED
    assert service.home.published.resolve().name != night_home.published.resolve().name


def test_history_shows_the_night_of_the_command_line_and_that_of_the_ui(
    service: Service, night_run: tuple[str, dict[str, Any]]
) -> None:
    runs = service.ask(HISTORY)["runsOrError"]["results"]

    by_command = [run for run in runs if {"key": "started_by", "value": "kpi nightly"} in run["tags"]]
    assert night_run[0] in {run["runId"] for run in runs}
    assert [run["status"] for run in by_command] == ["SUCCESS"]


def test_the_schedule_and_the_sensors_are_on_without_a_click(service: Service) -> None:
    told = service.ask(INSTIGATORS, at=LOCATION)["repositoryOrError"]

    assert told["schedules"] == [
        {
            "name": "nightly",
            "cronSchedule": "0 2 * * *",
            "executionTimezone": "Asia/Tokyo",
            "scheduleState": {"status": "RUNNING"},
        }
    ]
    assert {one["name"]: one["sensorState"]["status"] for one in told["sensors"]} == {
        "alerts_due": "RUNNING",
        "alerts_outbox": "RUNNING",
        "night_failed": "RUNNING",
    }


def test_it_listens_on_this_machine_only(service: Service) -> None:
    port = int(service.url.rpartition(":")[2])
    wanted = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(wanted)}

    assert listening == {f"0100007F{wanted}"}


@pytest.fixture
def ui(browser: Browser) -> Iterator[Page]:
    """A reader's window on the Dagster UI; what the page itself complains about fails the test."""
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    page = context.new_page()
    page.set_default_timeout(CLICK_SECONDS * 1000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


@pytest.mark.browser
def test_the_graph_shows_the_groups_of_the_design(
    service: Service, night_run: tuple[str, dict[str, Any]], ui: Page
) -> None:
    ui.goto(f"{service.url}/asset-groups")

    for group in ("landing", "raw", "core", "kpi", "ops", "published", "agreement"):
        ui.get_by_text(group, exact=True).first.wait_for()


@pytest.mark.browser
def test_a_failed_check_says_what_fails_with_a_table_and_a_picture(
    service: Service, night_run: tuple[str, dict[str, Any]], ui: Page
) -> None:
    ui.goto(f"{service.url}/assets/kpi/divergence?view=checks&checkDetail=targets_on_track_department")
    ui.get_by_text("Targets of each department for the running month are on track").first.wait_for()
    ui.get_by_text("Failed").first.wait_for()

    ui.get_by_text("[Show Markdown]").first.click()

    picture = ui.locator("img[src^='data:image/png']").first
    picture.wait_for()
    assert picture.evaluate("(one) => one.naturalWidth") > 300


@pytest.mark.browser
def test_one_asset_is_made_again_alone_with_a_click(
    service: Service, night_run: tuple[str, dict[str, Any]], ui: Page
) -> None:
    before = {run["runId"] for run in service.ask(ALL_RUNS)["runsOrError"]["results"]}
    ui.goto(f"{service.url}/assets/kpi/targets")
    ui.get_by_role("button", name="Materialize").first.click()
    ui.get_by_role("link", name="View", exact=True).first.click()
    ui.wait_for_url("**/runs/*")

    run_id = ui.url.rpartition("/")[2].partition("?")[0]
    assert run_id not in before
    run = service.end_of(run_id)
    assert (run["status"], [step["stepKey"] for step in run["stepStats"]]) == ("SUCCESS", ["kpi__targets"])
    ui.get_by_text("Success", exact=True).first.wait_for()
    made = service.ask(ASSET, key={"path": ["kpi", "targets"]})["assetNodeOrError"]["assetMaterializations"]
    assert [one["runId"] for one in made] == [run_id, night_run[0]]
    counts = [
        entry["intValue"] for one in made for entry in one["metadataEntries"] if entry["label"] == "dagster/row_count"
    ]
    assert counts == [service.home.rows("SELECT count(*) FROM kpi.targets")[0][0]] * 2


def test_a_failed_run_is_retried_from_where_it_failed(service: Service, night_run: tuple[str, dict[str, Any]]) -> None:
    """What the menu item "From failure" of a run's page asks for."""
    versions = service.home.path / "published.versions"
    aside = versions.with_name("aside")
    versions.rename(aside)
    versions.write_text("a file where the copies belong", encoding="utf-8")
    failed = service.launch("kpi/targets", "published/board", "published/parquet", "published/inside_sales_duckdb")
    ended = service.end_of(failed)
    versions.unlink()
    aside.rename(versions)
    steps = {step["stepKey"]: step["status"] for step in ended["stepStats"]}
    assert steps == {"kpi__targets": "SUCCESS", "published": "FAILURE"}

    again = service.ask(RETRY, params={"parentRunId": failed, "strategy": "FROM_FAILURE"})["launchRunReexecution"]

    run = service.end_of(again["run"]["runId"])
    assert (run["status"], [step["stepKey"] for step in run["stepStats"]]) == ("SUCCESS", ["published"])


def test_ending_it_leaves_no_process_behind(service: Service, night_run: tuple[str, dict[str, Any]]) -> None:
    """The last test of the module: it ends the service."""
    before = list(processes_of(service.home.path))

    service.process.send_signal(signal.SIGINT)
    code = service.process.wait(END_SECONDS)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and list(processes_of(service.home.path)):
        time.sleep(0.2)

    assert len(before) >= 4  # ours, the webserver, the daemon, the sandbox, the code servers
    assert code == 0
    assert list(processes_of(service.home.path)) == []
