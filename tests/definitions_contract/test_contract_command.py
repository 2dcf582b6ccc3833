"""`kpi contract` as people and programs run it."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from definitions_contract.loader import load_agreement
from definitions_contract.schema import SigningState
from definitions_contract.signing import sign, state
from pipelines.cli.contract import agreement_folder, app

Edit = Callable[[str, str, str], None]
V2 = "valid_meeting/v2.yaml"


def run(*arguments: str, environment: dict[str, str] | None = None, answer: str = "") -> Result:
    settings = {"KPI_AGREEMENT": "", "COLUMNS": "200", "LC_ALL": "C", **(environment or {})}
    return CliRunner().invoke(app, list(arguments), env=settings, input=answer)


def test_check_says_how_each_file_stands() -> None:
    result = run("check", "--on", "2026-05-31")

    assert result.exit_code == 0
    assert [line.split("│")[1].strip() for line in result.output.splitlines()[2:]] == [
        "signed",
        "signed",
        "signed",
        "active",
        "upcoming",
    ]


def test_check_speaks_japanese() -> None:
    assert "署名済み" in run("check", "--lang", "ja").output


def test_the_locales_language_is_spoken_unless_another_is_asked_for() -> None:
    japanese = {"LC_ALL": "ja_JP.UTF-8"}

    assert "署名済み" in run("check", environment=japanese).output
    assert "signed" in run("check", "--lang", "en", environment=japanese).output
    assert "決裁者" in run("diff", "1", "2", environment=japanese).output


@pytest.mark.parametrize(
    ("on", "is_told"),
    [
        pytest.param("2025-03-25", False, id="before it was signed"),
        pytest.param("2025-03-26", True, id="on the day"),
        pytest.param("2025-04-25", True, id="a month later"),
        pytest.param("2025-04-26", False, id="then no more"),
    ],
)
def test_targets_signed_after_their_first_day_are_told_for_a_month(
    on: str, is_told: bool, folder: Path, edit: Edit
) -> None:
    path = folder / "targets.yaml"
    text = path.read_text(encoding="utf-8").split("\nsignatures:")[0].replace("since: 2025-04-01", "since: 2025-03-01")
    path.write_text(text, encoding="utf-8")
    for department, name in (("inside_sales", "Demo A"), ("field_sales", "Demo B")):
        sign(path, department=department, name=name, day=date(2025, 3, 26))

    result = run("check", "--on", on, environment={"KPI_AGREEMENT": str(folder)})

    assert result.exit_code == 0
    assert ("targets.yaml, signed on 2025-03-26: what begins on 2025-03-01 was agreed on" in result.output) == is_told


def test_who_signs_targets_late_is_told_before_signing(folder: Path, edit: Edit) -> None:
    edit("targets.yaml", "value: 2900", "value: 3100")
    asked = ("sign", "targets", "--department", "inside_sales", "--name", "Demo Inside Sales Manager")

    result = run(*asked, environment={"KPI_AGREEMENT": str(folder)}, answer="n\n")

    assert "what begins on 2025-04-01 was agreed on after its first day" in result.output
    assert result.output.index("was agreed on after") < result.output.index("Sign targets.yaml")


def test_check_tells_what_a_text_changed_after_signing_means(folder: Path, edit: Edit) -> None:
    edit(V2, "why: Positive", "why: Good")

    result = run("check", environment={"KPI_AGREEMENT": str(folder)})

    assert result.exit_code == 1
    told = "valid_meeting/v2.yaml was changed after inside_sales, field_sales, marketing signed: this version is not applied"
    assert told in result.output


def test_check_names_every_mistake_and_exits_1(folder: Path, edit: Edit) -> None:
    edit(V2, "min_value: 15", "min_value: '15'")
    edit("targets.yaml", "value: 0.35", "value: 35")

    result = run("check", "--agreement", str(folder))

    assert result.exit_code == 1
    assert "valid_meeting/v2.yaml:27: rules[1].kwargs.min_value: found 15; allowed: a whole number" in result.output
    assert "targets[3].value" in result.output
    assert "2 mistake(s)." in result.output


def test_check_exits_1_when_a_signed_text_was_edited(folder: Path, edit: Edit) -> None:
    edit("targets.yaml", "value: 2900", "value: 3100")

    result = run("check", environment={"KPI_AGREEMENT": str(folder)})

    assert result.exit_code == 1
    assert "broken" in result.output
    assert "inside_sales (Demo Inside Sales Manager, 2025-03-26)" in result.output


def test_show_gives_the_version_of_the_day() -> None:
    old, new = run("show", "valid_meeting", "--on", "2026-05-31"), run("show", "valid_meeting", "--on", "2026-06-01")

    assert old.output.startswith("valid_meeting v1")
    assert new.output.startswith("valid_meeting v2")
    assert "decision_maker_present is true" in new.output
    assert "decision_maker_present" not in old.output


def test_show_before_the_first_version_exits_1() -> None:
    result = run("show", "valid_meeting", "--on", "2020-01-01")

    assert result.exit_code == 1
    assert "no signed definition" in result.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("valid_rate", "where outcome = held and verdict = valid", id="rate"),
        pytest.param("pipeline_velocity", "deals_won × average_deal ÷ sales_cycle_days", id="product"),
    ],
)
def test_show_tells_what_a_kpi_counts(name: str, said: str) -> None:
    assert said in run("show", name).output


def test_show_without_a_name_lists_all_kpis() -> None:
    output = run("show", "--lang", "ja").output

    assert "安定期" in output
    assert "架電数" in output
    assert "pipeline_velocity" in output


def test_show_of_an_unknown_name_says_which_there_are() -> None:
    result = run("show", "valid_meting")

    assert result.exit_code == 1
    assert "valid_meeting" in result.output


def test_sign_writes_after_a_yes(folder: Path, edit: Edit) -> None:
    edit("targets.yaml", "value: 2900", "value: 3100")

    for department in ("inside_sales", "field_sales"):
        run("sign", "targets", "--department", department, "--name", "Demo B", "--agreement", str(folder), answer="y\n")

    assert state(load_agreement(folder).targets).state is SigningState.SIGNED


def test_sign_without_a_yes_writes_nothing(folder: Path, edit: Edit) -> None:
    edit("targets.yaml", "value: 2900", "value: 3100")
    before = (folder / "targets.yaml").read_bytes()

    result = run(
        "sign", "targets", "--department", "field_sales", "--name", "Demo B", "--agreement", str(folder), answer="n\n"
    )

    assert result.exit_code == 1
    assert (folder / "targets.yaml").read_bytes() == before


def test_sign_takes_all_that_is_left_for_the_department(folder: Path, edit: Edit) -> None:
    edit("phases.yaml", "since: 2026-04-01", "since: 2026-05-01")
    edit("targets.yaml", "value: 2900", "value: 3100")

    result = run("sign", "--department", "field_sales", "--name", "Demo B", "--yes", "--agreement", str(folder))
    again = run("sign", "--department", "field_sales", "--name", "Demo B", "--yes", "--agreement", str(folder))

    assert result.exit_code == 0
    assert "targets.yaml: field_sales, Demo B" in result.output
    assert "phases.yaml: field_sales, Demo B" in result.output
    assert "Nothing left to sign." in again.output


def test_sign_refuses_a_change_of_what_holds_already(folder: Path, edit: Edit) -> None:
    edit(V2, "why: Positive", "why: Clear")
    before = (folder / V2).read_bytes()

    result = run("sign", "--department", "field_sales", "--name", "Demo B", "--yes", "--agreement", str(folder))

    assert result.exit_code == 1
    assert "add a new version" in result.output
    assert (folder / V2).read_bytes() == before


@pytest.mark.parametrize(
    ("what", "department"),
    [
        pytest.param("targets", "finance", id="department that does not exist"),
        pytest.param("targets", "marketing", id="department that does not sign it"),
        pytest.param("valid_meeting/v9", "field_sales", id="file that does not exist"),
    ],
)
def test_sign_refuses_what_means_nothing(what: str, department: str, folder: Path) -> None:
    result = run("sign", what, "--department", department, "--name", "Demo", "--yes", "--agreement", str(folder))

    assert result.exit_code == 1


@pytest.mark.parametrize("names", [("1", "2"), ("v1", "v2"), ("valid_meeting/v1", "valid_meeting/v2.yaml")])
def test_diff_says_what_changed(names: tuple[str, str]) -> None:
    assert "- effective from: 2024-04-01 -> 2026-06-01" in run("diff", *names).output


def test_diff_of_the_same_says_so() -> None:
    assert run("diff", "1", "1", "--lang", "ja").output == "違いはありません。\n"


def test_diff_of_an_unknown_version_exits_1() -> None:
    result = run("diff", "1", "9")

    assert result.exit_code == 1
    assert "valid_meeting/v2" in result.output


def test_the_default_folder_comes_with_the_product(default_folder: Path) -> None:
    assert agreement_folder(None) == default_folder


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output)))


def test_a_program_reads_how_each_file_stands(folder: Path, edit: Edit) -> None:
    edit(V2, "why: Positive", "why: Good")
    asked = ("check", "--agreement", str(folder), "--format")

    as_json, as_csv = run(*asked, "json"), run(*asked, "csv")

    assert (as_json.exit_code, as_csv.exit_code) == (1, 1)
    answer = json.loads(as_json.output)
    broken = next(file for file in answer["files"] if file["file"] == V2)
    assert (broken["state"], broken["open_signatures"]) == ("broken", ["inside_sales", "field_sales", "marketing"])
    assert [(finding["file"], finding["fault"]) for finding in answer["findings"]] == [(V2, "broken")]
    assert [row["file"] for row in rows(as_csv.output)] == [file["file"] for file in answer["files"]]


def test_a_program_reads_every_mistake_with_its_place(folder: Path, edit: Edit) -> None:
    edit(V2, "min_value: 15", "min_value: '15'")
    asked = ("check", "--agreement", str(folder), "--format")

    as_json, as_csv = run(*asked, "json"), run(*asked, "csv")

    assert (as_json.exit_code, as_csv.exit_code) == (1, 1)
    (mistake,) = json.loads(as_json.output)["mistakes"]
    (row,) = rows(as_csv.output)
    place = {"file": V2, "line": 27, "key": "rules[1].kwargs.min_value"}
    assert {name: mistake[name] for name in place} == place
    assert row["advice_ja"] == mistake["advice"]["ja"]


@pytest.mark.parametrize(
    ("asked", "listed", "key"),
    [
        pytest.param(("show",), "kpis", "kpi_id", id="all KPIs"),
        pytest.param(("show", "valid_meeting", "--on", "2026-06-01"), "rules", "rule_id", id="a definition"),
    ],
)
def test_a_program_reads_what_holds(asked: tuple[str, ...], listed: str, key: str) -> None:
    as_json, as_csv = (run(*asked, "--format", form).output for form in ("json", "csv"))

    ids = [entry[key] for entry in json.loads(as_json)[listed]]
    assert len(ids) > 3
    assert [row[key] for row in rows(as_csv)] == ids


def test_a_program_reads_one_kpi_and_the_differences_of_two_versions() -> None:
    kpi = json.loads(run("show", "valid_rate", "--format", "json").output)
    changes = json.loads(run("diff", "1", "2", "--format", "json").output)

    assert kpi["numerator"]["en"] == rows(run("show", "valid_rate", "--format", "csv").output)[0]["numerator_en"]
    assert changes == rows(run("diff", "1", "2", "--format", "csv").output)
    assert "effective from: 2024-04-01 -> 2026-06-01" in [change["en"] for change in changes]
    assert json.loads(run("diff", "1", "1", "--format", "json").output) == []
