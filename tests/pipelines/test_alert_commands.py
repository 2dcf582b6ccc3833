"""What `kpi alerts` and `kpi explain alert` say, on the demo company's night written to a file."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckSeverity, AssetKey
from rich.cells import cell_len
from ruamel.yaml import YAML
from typer.testing import CliRunner

from definitions_contract.loader import load_agreement
from definitions_contract.words import Lang
from models import tables
from models.statistics.change_life import THRESHOLDS
from pipelines.alert_actions import active_alerts, as_handled
from pipelines.alert_list import gap_cell
from pipelines.assets.divergence import divergence_results, divergence_specs
from pipelines.cli import app
from pipelines.errors import UnknownAlertError
from pipelines.settings import PROJECT, Settings
from pipelines.warehouse import Warehouse, insert_rows
from pipelines.wiring import build_definitions
from tests.models.kpi.demo_night import AS_OF, context, night, rows_of

SHOWN = (
    tables.alerts,
    tables.alert_events,
    tables.causes,
    tables.changes,
    tables.divergence,
    tables.period_changes,
    tables.reps,
)
KEY = AssetKey(["kpi", "divergence"])
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
NAMES_IN_LATIN = {"Emma Miller"}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """What alerts are shown from, of the demo company's night."""
    warehouse = Warehouse(tmp_path_factory.mktemp("alerts") / "warehouse.duckdb")
    warehouse.create_tables()
    with night() as demo, warehouse.transaction() as connection:
        for table in SHOWN:
            insert_rows(connection, table, rows_of(demo, table))
    return warehouse


def kpi(warehouse: Warehouse, *words: str) -> Any:
    environ = {"KPI_HOME": str(Path(warehouse.path).parent), "COLUMNS": "80", "TERM": "dumb"}
    return CliRunner().invoke(app, words, env=environ)


def settings_of(warehouse: Warehouse) -> Settings:
    return Settings.from_env({"KPI_HOME": str(Path(warehouse.path).parent)})


def the_alert(warehouse: Warehouse) -> dict[str, Any]:
    with warehouse.transaction() as connection:
        (row,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")
    return row


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Valid meetings", "Off track", "Purchased list", "lead source", "Act on")),
        ("ja", ("有効商談数", "届かない見込み", "購入リスト", "流入経路", "対処")),
    ],
)
def test_open_alerts_are_listed_by_name_within_eighty_columns(
    warehouse: Warehouse, lang: str, words: tuple[str, ...]
) -> None:
    done = kpi(warehouse, "alerts", "--lang", lang)

    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in words), done.output
    assert the_alert(warehouse)["alert_id"] in done.output
    ids = {row["alert_id"] for row in active_alerts(settings_of(warehouse), AS_OF)}
    assert ids <= {line.strip() for line in done.output.splitlines()}
    assert max(cell_len(line.rstrip()) for line in done.output.splitlines() if line not in ids) <= 80


@pytest.mark.parametrize(
    ("kpi_id", "gap", "expected"),
    [
        pytest.param("valid_meetings", -0.4, {"en": "−0.4", "ja": "−0.4"}, id="less than one meeting is no share"),
        pytest.param("valid_meetings", -46.7, {"en": "−47", "ja": "−47"}, id="meetings"),
        pytest.param("valid_rate", -0.213, {"en": "−21.3 pt", "ja": "−21.3pt"}, id="points of a rate"),
        pytest.param("won_amount", -12_340_000.0, {"en": "−12.3M", "ja": "−1,234万"}, id="money"),
        pytest.param("won_amount", None, {"en": "-", "ja": "-"}, id="none"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_gap_is_told_in_the_kpis_unit(kpi_id: str, gap: float | None, expected: dict[str, str], lang: Lang) -> None:
    agreement = load_agreement(PROJECT / "definitions_contract" / "agreement")

    told = gap_cell({"kpi_id": kpi_id, "gap": gap}, agreement, lang)

    assert told == expected[lang]
    assert cell_len(told) <= 8  # the width of its column


def test_open_alerts_are_json_and_csv_for_programs(warehouse: Warehouse) -> None:
    done = kpi(warehouse, "alerts", "--format", "json")

    rows = {row["alert_id"]: row for row in json.loads(done.output)}
    lines = csv.DictReader(io.StringIO(kpi(warehouse, "alerts", "--format", "csv").output))
    alert = the_alert(warehouse)
    assert [line["alert_id"] for line in lines] == list(rows)
    assert rows[alert["alert_id"]] == json.loads(json.dumps(alert, default=str))
    assert not {row["state"] for row in rows.values()} & {"resolved", "closed"}


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            (
                "Valid meetings: Off track (Inside sales)",
                "1. Lead source Purchased list (rate):",
                f"It opens at {THRESHOLDS['target', 'team']} standard errors",
                "Reject reasons: Wrong contact",
                "Cause: lead source “Purchased list”, rate.",
                "Guide: docs/guides/when-an-alert-comes.md#target-off",
            ),
        ),
        (
            "ja",
            (
                "有効商談数: 届かない見込み（インサイドセールス）",
                "1. 流入経路 購入リスト（率）:",
                f"標準誤差の {THRESHOLDS['target', 'team']} 倍以上",
                "却下理由: 担当者が違う",
                "原因: 流入経路「購入リスト」の率。",
                "手順: docs/guides/when-an-alert-comes.md#target-off",
            ),
        ),
    ],
)
def test_an_alert_is_explained_with_nights_causes_and_history(
    warehouse: Warehouse, lang: str, words: tuple[str, ...]
) -> None:
    alert = the_alert(warehouse)
    done = kpi(warehouse, "explain", "alert", alert["alert_id"], "--lang", lang)

    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    expected = (alert["alert_id"], alert[f"proposal_{lang}"], *words)
    assert [word for word in expected if word.casefold() not in text.casefold()] == []


def test_every_sentence_of_an_explanation_is_japanese_when_asked(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        ids = [row["alert_id"] for row in rows_of(connection, tables.alerts)]
        codes = {str(value) for row in rows_of(connection, tables.causes) for value in (row["part"], row["kpi_id"])}

    for alert_id in ids:
        page = kpi(warehouse, "explain", "alert", alert_id, "--lang", "ja").output
        plain = page.replace(alert_id, "")
        foreign = set(re.findall(r"[A-Za-z][a-z]+(?: [a-z]+)+", plain)) - codes
        assert foreign <= NAMES_IN_LATIN, alert_id


def test_an_explanation_is_json_for_programs(warehouse: Warehouse) -> None:
    alert = the_alert(warehouse)

    found = json.loads(kpi(warehouse, "explain", "alert", alert["alert_id"], "--format", "json").output)

    assert found["alert"]["alert_id"] == alert["alert_id"]
    assert [row["rank"] for row in found["causes"]] == sorted(row["rank"] for row in found["causes"])
    assert found["nights"][-1]["state"] == alert["divergence_state"]


def test_an_alert_is_set_beside_the_last_month_part_by_part(warehouse: Warehouse) -> None:
    alert = the_alert(warehouse)
    with warehouse.transaction() as connection:
        of_alert = {name: alert[name] for name in ("kpi_id", "scope_id", "period_kind")}
        rows = rows_of(connection, tables.period_changes, **of_alert)
    ranked = sorted((row for row in rows if row["rank"]), key=lambda row: row["rank"])

    text = " ".join(kpi(warehouse, "explain", "alert", alert["alert_id"], "--lang", "en").output.split())

    beside = text[text.index("Against the same share of the last month") :]
    previous, gap = rows[0]["previous"], rows[0]["gap"]
    assert f"{previous:,.1f} then, {previous + gap:,.1f} now" in beside
    assert all(f"{row['rank']}. " in beside for row in ranked[:5])
    assert ("No part of it is more than noise" in beside) is (not ranked)


def test_what_a_person_does_shows_at_once_with_who_why_and_until_when(warehouse: Warehouse) -> None:
    alert_id = the_alert(warehouse)["alert_id"]
    later = (date.today() + timedelta(days=9)).isoformat()  # noqa: DTZ011 - any day well ahead

    states = []
    for command in (
        ("ack", alert_id, "--by", "Sato", "--why", "new list ordered"),
        ("snooze", alert_id, "--by", "Sato", "--until", later),
        ("snooze", alert_id, "--by", "Suzuki", "--until", later, "--why", "fair"),  # twice a day is allowed
    ):
        assert kpi(warehouse, "alerts", *command).exit_code == 0
        rows = {row["alert_id"]: row for row in json.loads(kpi(warehouse, "alerts", "--format", "json").output)}
        states.append(rows[alert_id]["state"])

    listed = " ".join(kpi(warehouse, "alerts", "--lang", "ja").output.split())
    history = " ".join(kpi(warehouse, "explain", "alert", alert_id, "--lang", "ja").output.split())
    assert states == ["acknowledged", "snoozed", "snoozed"]
    assert f"保留中: {later}" in listed
    assert "確認済み: Sato: new list ordered" in listed
    assert "確認（Sato: new list ordered）" in history
    assert "保留（Suzuki: fair）" in history
    assert the_alert(warehouse)["state"] == "open"  # the table is the night's: a re-run of the night gives the same


def test_a_snooze_that_is_over_leaves_the_alert_open(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_id="is_west", kind="target")
        done = {"alert_id": alert["alert_id"], "acted_at": NOON, "action": "snooze", "by": "Sato", "why": ""}
        insert_rows(connection, tables.alert_actions, [done | {"until_date": AS_OF}])
        day_before, on_the_day = (
            as_handled(connection, [alert], day)[0]["state"] for day in (AS_OF - timedelta(days=1), AS_OF)
        )

    assert (day_before, on_the_day) == ("snoozed", "open")


@pytest.mark.parametrize("command", [("ack", "--why", "x"), ("snooze", "--until", "2099-01-01")])
def test_nobody_can_act_on_an_alert_that_is_not_open(warehouse: Warehouse, command: tuple[str, ...]) -> None:
    done = kpi(warehouse, "alerts", command[0], "nothing", "--by", "Sato", *command[1:])

    assert isinstance(done.exception, UnknownAlertError)
    assert the_alert(warehouse)["alert_id"] in str(done.exception)


def test_a_day_that_is_over_cannot_be_waited_for(warehouse: Warehouse) -> None:
    done = kpi(warehouse, "alerts", "snooze", the_alert(warehouse)["alert_id"], "--by", "Sato", "--until", "2026-01-05")

    assert done.exit_code == 2
    assert "2026-01-05 is not after today" in " ".join(done.output.replace("│", " ").split())


def test_a_change_is_explained_with_its_series_and_thresholds(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        change = rows_of(connection, tables.alerts, kind="change", scope_kind="department")[0]

    done = kpi(warehouse, "explain", "alert", change["alert_id"], "--lang", "en")

    text = " ".join(done.output.split())
    assert "Threshold" in text
    assert f"Told by {change['silenced_by']}" in text


def test_an_alert_that_is_not_there_is_an_error_of_ours(warehouse: Warehouse) -> None:
    done = kpi(warehouse, "explain", "alert", "nothing")

    assert isinstance(done.exception, UnknownAlertError)


def test_targets_that_are_off_track_warn_in_the_catalogue(warehouse: Warehouse) -> None:
    results = {result.check_name: result for result in divergence_results(warehouse, context(), KEY)}

    assert set(results) == {spec.name for spec in divergence_specs(KEY)}
    department = results["targets_on_track_department"]
    assert (department.passed, department.severity) == (False, AssetCheckSeverity.WARN)
    (line,) = [row for row in str(department.metadata["targets"].value).splitlines() if "(valid_meetings)" in row]
    assert line.startswith("| Valid meetings (valid_meetings) | Inside sales | ")
    assert " | off | " in line
    assert "data:image/png;base64" in str(department.metadata["chart_of_the_worst"].value)


def test_targets_that_are_on_track_pass(warehouse: Warehouse, tmp_path: Path) -> None:
    calm = Warehouse(tmp_path / "calm.duckdb")
    calm.create_tables()
    with warehouse.transaction() as connection:
        rows = rows_of(connection, tables.divergence)
    with calm.transaction() as connection:
        insert_rows(connection, tables.divergence, [row | {"state": "on_track"} for row in rows])

    assert all(result.passed for result in divergence_results(calm, context(), KEY))


def test_what_must_be_new_each_morning_has_a_freshness_policy(tmp_path: Path) -> None:
    definitions = build_definitions(Settings.from_env({"KPI_HOME": str(tmp_path)}))

    found = {
        spec.key.to_user_string(): spec.freshness_policy
        for spec in definitions.resolve_all_asset_specs()
        if spec.freshness_policy is not None
    }

    assert found.keys() == {
        "kpi/divergence",
        "published/inside_sales_duckdb",
        "published/parquet",
        "published/board",
    }
    for policy in found.values():
        assert (policy.deadline_cron, policy.timezone) == ("0 6 * * *", "Asia/Tokyo")  # four hours after the night
    instance = YAML(typ="safe").load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    assert instance["freshness"] == {"enabled": True}  # without it the daemon judges no policy
