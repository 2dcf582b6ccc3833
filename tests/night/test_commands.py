"""Do the commands do and say what they promise? Real processes, their exit codes, and what a person reads; faults too."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from connectors.sandbox.times import now_ms
from pipelines.settings import PROJECT
from tests.night.homes import AS_OF, KPI, Home, digests, processes_of

CLOSED = "http://127.0.0.1:{port}"
SECRETS = {  # any: nobody answers where they would be sent
    "HUBSPOT_ACCESS_TOKEN": "token",
    "SALESFORCE_CLIENT_ID": "id",
    "SALESFORCE_CLIENT_SECRET": "secret",
}
NIGHT = ("nightly", "--as-of", AS_OF.isoformat())


@dataclass(frozen=True, slots=True)
class Told:
    """What a finished command said, and the home that it ran in."""

    home: Home
    returncode: int
    text: str


@dataclass(slots=True)
class Running:
    """A command that runs beside others: a source that is down is asked again and again for half a minute."""

    home: Home
    process: "subprocess.Popen[str]"
    _told: Told | None = None

    def told(self) -> Told:
        if self._told is None:
            out, err = self.process.communicate(timeout=280)
            self._told = Told(self.home, self.process.returncode, out + err)
        return self._told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port that stays taken and never answers a connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.fixture(scope="module", autouse=True)
def nights_with_sources_down(night_home: Home, folder: Path, closed_port: int) -> Iterator[dict[str, Running]]:
    """Two nights, begun before the other tests: Salesforce cannot be reached, and none can."""
    started = {}
    for name, down in {"one": ["salesforce"], "all": ["hubspot", "salesforce"]}.items():
        home = night_home.copy_to(folder / f"down_{name}")
        if name == "one":
            _spoil_a_deal(home)
            _age_the_last_sync(home, "salesforce")
        settings = {"KPI_CONNECTIONS": str(_connections(folder, down, closed_port)), **SECRETS}
        if name == "one":
            del settings["HUBSPOT_ACCESS_TOKEN"]  # its connection stays at the sandbox
        command = [*KPI, "nightly"]  # for yesterday: a day that `one` has not read Salesforce for
        process = subprocess.Popen(
            command,
            env=home.environ(settings),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started[name] = Running(home, process)
    yield started
    for running in started.values():
        running.told()


@pytest.fixture(scope="module")
def demo(night_home: Home, folder: Path) -> Told:
    """`kpi demo`, a day or more after the last night."""
    home = night_home.copy_to(folder / "demo")
    done = home.kpi("demo")
    return Told(home, done.returncode, done.stdout + done.stderr)


def test_demo_shows_the_whole_way(demo: Told) -> None:
    assert demo.returncode == 0, demo.text
    for words in ("Valid meetings", "Alerts:", "Tables: ", "board.html", "inside_sales.duckdb", "kpi up"):
        assert words in demo.text
    assert "Traceback" not in demo.text


def test_demo_leaves_no_process_behind(demo: Told) -> None:
    assert list(processes_of(demo.home.path)) == []


def test_status_says_what_demo_said(demo: Told) -> None:
    done = demo.home.kpi("status")

    assert done.returncode == 0
    assert _without_space(done.stdout) in _without_space(demo.text)
    assert "Valid meetings" in done.stdout
    assert "有効商談数" in demo.home.kpi("status", "--lang", "ja").stdout


def test_explain_names_the_rules_that_failed(demo: Told) -> None:
    meeting_id, crm_id, failed = demo.home.rows(
        "SELECT meeting_id, crm_id, failed_rules FROM kpi.meeting_verdicts WHERE failed_rules = 'accepted_by_field_sales'"
        " AND definition_version = 2 LIMIT 1"
    )[0]

    done = demo.home.kpi("explain", "meeting", meeting_id)
    by_crm_id = demo.home.kpi("explain", "meeting", crm_id)

    assert done.returncode == 0
    assert "Invalid by valid_meeting v2" in done.stdout
    assert failed in done.stdout or "Accepted by field sales" in done.stdout
    assert by_crm_id.stdout == done.stdout


def test_explain_says_that_nothing_has_the_id(demo: Told) -> None:
    done = demo.home.kpi("explain", "meeting", "hubspot:0")

    assert (done.returncode, done.stdout) == (1, "")
    assert "hubspot:0" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_alerts_are_listed_and_taken_on(demo: Told) -> None:
    open_alerts = demo.home.rows("SELECT alert_id FROM kpi.alerts WHERE state IN ('open', 'acknowledged')")
    alert_id = open_alerts[0][0]

    listed = demo.home.kpi("alerts")
    taken = demo.home.kpi("alerts", "ack", alert_id, "--by", "Demo Manager", "--why", "known")
    unknown = demo.home.kpi("alerts", "ack", "nothing", "--by", "Demo Manager", "--why", "known")

    assert listed.returncode == 0
    assert open_alerts[0][0].split(":")[0] in listed.stdout
    assert taken.returncode == 0
    assert demo.home.rows('SELECT "by", why FROM ops.alert_actions WHERE alert_id = ?', alert_id) == [
        ("Demo Manager", "known")
    ]
    assert unknown.returncode == 1
    assert "nothing" in unknown.stderr


def test_doctor_finds_all_in_order(demo: Told) -> None:
    done = demo.home.kpi("doctor")

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok") >= 5
    assert "bad" not in done.stdout
    assert "every mapped field exists" in done.stdout


def test_contract_check_shows_who_signed(an_untouched_home: Home) -> None:
    done = an_untouched_home.kpi("contract", "check")

    assert done.returncode == 0
    for words in ("kpis.yaml", "targets.yaml", "valid_meeting/v2.yaml", "active", "superseded"):
        assert words in done.stdout


# --- faults -----------------------------------------------------------------------------------------------------------


def test_an_unknown_connection_is_wrong_usage(an_untouched_home: Home) -> None:
    done = an_untouched_home.kpi(*NIGHT, "--only", "pipedrive")

    assert done.returncode == 2
    assert "pipedrive" in done.stderr
    assert "hubspot, salesforce" in re.sub(r"[\s│]+", " ", done.stderr)
    assert not an_untouched_home.warehouse.exists()


def test_a_second_night_at_the_same_time_is_told_to_wait(an_untouched_home: Home) -> None:
    with FileLock(an_untouched_home.path / "nightly.lock"):  # what a night holds as long as it lives
        done = an_untouched_home.kpi(*NIGHT)

    assert done.returncode == 1
    assert "another night, or a part of one, is running" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_status_before_the_first_night_says_what_to_run(an_untouched_home: Home) -> None:
    done = an_untouched_home.kpi("status")

    assert done.returncode == 1
    assert "kpi nightly" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [NIGHT, ("contract", "check")], ids=lambda one: one[0])
def test_a_broken_agreement_is_told_by_file_and_line(
    an_untouched_home: Home, tmp_path: Path, command: tuple[str, ...]
) -> None:
    agreement = tmp_path / "agreement"
    shutil.copytree(PROJECT / "definitions_contract" / "agreement", agreement)
    team = agreement / "team.yaml"
    lines = team.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.startswith("zone:"))
    lines[line - 1] = "zone: Asia/Tokio"
    team.write_text("\n".join(lines), encoding="utf-8")

    done = an_untouched_home.kpi(*command, more={"KPI_AGREEMENT": str(agreement)})

    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"team.yaml:{line}" in text
    assert "Asia/Tokio" in text
    assert "Traceback" not in text


def test_a_setting_that_names_nothing_is_one_line(an_untouched_home: Home) -> None:
    done = an_untouched_home.kpi(*NIGHT, more={"KPI_CONNECTIONS": "/does/not/exist.yaml"})

    assert done.returncode == 1
    assert "KPI_CONNECTIONS" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_source_at_all_fails_and_the_published_copy_stands(
    nights_with_sources_down: dict[str, Running], night_home: Home
) -> None:
    told = nights_with_sources_down["all"].told()

    assert told.returncode == 1, told.text
    assert "no source could be read" in told.text
    assert "last good copy stands" in told.text
    assert "Traceback" not in told.text
    assert told.home.published.resolve().name == night_home.published.resolve().name
    assert digests(told.home.warehouse, "core", "kpi") == digests(night_home.warehouse, "core", "kpi")


def test_a_source_down_is_told_and_the_other_one_is_read(
    nights_with_sources_down: dict[str, Running], night_home: Home
) -> None:
    told = nights_with_sources_down["one"].told()
    newest = told.home.rows("SELECT connection, count(*) FROM ops.sync_runs GROUP BY ALL ORDER BY 1")

    assert told.returncode == 3, told.text
    assert "landing/salesforce" in told.text
    assert "Traceback" not in told.text
    assert newest == [("hubspot", 2), ("salesforce", 1)]
    assert told.home.published.resolve().name != night_home.published.resolve().name


def test_numbers_without_a_source_are_marked_untrusted(nights_with_sources_down: dict[str, Running]) -> None:
    told = nights_with_sources_down["one"].told()

    reasons = told.home.rows(
        "SELECT DISTINCT state, reason FROM kpi.divergence WHERE evaluated_date = (SELECT max(as_of) FROM kpi.kpi_periods)"
    )
    status = told.home.kpi("status")

    assert {state for state, _ in reasons} == {"untrusted"}
    assert all("salesforce" in reason for _, reason in reasons)
    assert "Data not trusted" in status.stdout


def test_a_bad_value_is_put_aside_and_the_rest_counts(
    nights_with_sources_down: dict[str, Running], night_home: Home
) -> None:
    told = nights_with_sources_down["one"].told()

    aside = told.home.rows("SELECT connection, object, record_id, field, value, payload FROM ops.quarantine")
    [(connection, object_name, record_id, field, value, payload)] = aside
    before = {one for (one,) in night_home.rows("SELECT deal_id FROM core.deals")}
    after = {one for (one,) in told.home.rows("SELECT deal_id FROM core.deals")}

    assert (connection, object_name, field, value) == ("hubspot", "deals", "amount", "about a million")
    assert json.loads(payload)["id"] == record_id
    assert before - after <= {f"hubspot:{record_id}"}
    assert len(after) >= len(before) - 1
    assert "ops.quarantine" in told.text
    assert "payload" not in told.text


def _spoil_a_deal(home: Home) -> None:
    """Somebody wrote words where a number belongs."""
    with home.store() as store:
        deal = next(one for one in store.all("hubspot", "deals") if not one.is_deleted)
        store.edit("hubspot", "deals", deal.id, {"amount": "about a million"}, now_ms() - 60_000)


def _age_the_last_sync(home: Home, connection: str) -> None:
    """As if the last night had been three days ago."""
    with closing(duckdb.connect(home.warehouse)) as writing:
        writing.execute(
            "UPDATE ops.sync_runs SET extracted_at = extracted_at - INTERVAL 3 DAY WHERE connection = ?", [connection]
        )


def _connections(folder: Path, down: list[str], port: int) -> Path:
    """connections.yaml with the addresses of some CRMs where nobody answers."""
    text = (PROJECT / "connectors" / "connections.yaml").read_text(encoding="utf-8")
    for crm in down:
        text = re.sub(rf"(crm: {crm}\n    url: )sandbox", rf"\g<1>{CLOSED.format(port=port)}", text)
    file = folder / f"{'_and_'.join(down)}_down.yaml"
    file.write_text(text, encoding="utf-8")
    assert text.count("127.0.0.1:" + str(port)) == len(down)
    return file


def _without_space(text: str) -> str:
    return re.sub(r"\s+", "", text)
