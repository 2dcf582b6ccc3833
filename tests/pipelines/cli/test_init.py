"""Does `kpi init` write a home that every other command accepts, from whatever it is told, and over nothing that is there?"""

import os
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from connectors.settings import Crm, load_connections
from definitions_contract.loader import load_agreement
from definitions_contract.schema import SigningState
from definitions_contract.signing import state
from pipelines.cli import app
from pipelines.errors import InitError, SettingsError
from pipelines.init_files import needed_variables, render_home, write_home
from pipelines.init_questions import (
    QUESTIONS,
    AnswerError,
    own_fields,
    read_crms,
    read_field,
    read_goal,
    read_variable,
)
from pipelines.night_run import prepare_home
from pipelines.settings import Settings
from tests.night.homes import FOREIGN

TODAY = date(2026, 11, 23)
SECRETS = {"HUBSPOT_ACCESS_TOKEN": "pat-na1-very-secret"}


def kpi(*arguments: str, answers: str = "") -> Result:
    """Run the command; `answers` is what is typed."""
    without = dict.fromkeys((name for name in os.environ if name.startswith(FOREIGN)), None)
    return CliRunner().invoke(
        app, ["init", *arguments], input=answers, env={**without, "COLUMNS": "200", "LANG": "C.UTF-8"}
    )


def answered(
    given: Mapping[str, str] | None = None, fields: Mapping[Crm, Mapping[str, str]] | None = None
) -> dict[str, object]:
    """The answers of `--yes` with some given."""
    answers: dict[str, object] = {"fields": fields or {}}
    for question in QUESTIONS:
        if question.is_asked(answers) if question.name != "crm" else True:
            text = (given or {}).get(question.name, question.default(answers, TODAY))
            answers[question.name] = question.read(text)
    return answers


REAL = {"crm": "hubspot, salesforce", "salesforce_url": "own.my.salesforce.com"}
CASES = [
    pytest.param({"crm": "hubspot", "hubspot_url": "sandbox"}, id="one CRM, the demo company"),
    pytest.param({"crm": "hubspot"}, id="a real HubSpot"),
    pytest.param({"crm": "salesforce", "salesforce_url": "sandbox"}, id="the demo company's Salesforce"),
    pytest.param({**REAL, "salesforce_login": "jwt"}, id="two real ones"),
    pytest.param({**REAL, "salesforce_login": "password", "salesforce_env": "SF_EU"}, id="names of their own"),
    pytest.param({"crm": "files"}, id="exports only"),
    pytest.param({**REAL, "crm": "salesforce, files, hubspot", "hubspot_url": "sandbox"}, id="all three"),
    pytest.param(
        {"crm": "hubspot", "goal": "350,000,000", "start": "2026-02-28", "fiscal_year_start": "4"}, id="a goal"
    ),
    pytest.param(
        {"crm": "hubspot", "inside_teams": "東日本, 西日本, Team: [x] # 1", "field_teams": "東日本"},
        id="any names of teams",
    ),
    pytest.param(
        {
            "crm": "hubspot",
            "zone": "Europe/Berlin",
            "country": "de",
            "currency": "eur",
            "departments": "field_sales, inside_sales, marketing, operations",
        },
        id="another country",
    ),
]


@pytest.mark.parametrize("given", CASES)
def test_what_is_written_is_read_without_a_mistake_and_signed_by_nobody(given: dict[str, str], tmp_path: Path) -> None:
    answers = answered(given)

    write_home(tmp_path, answers)
    agreement = load_agreement(tmp_path / "agreement")
    connections = load_connections(tmp_path / "connections.yaml")

    assert [connection.crm for connection in connections] == list(read_crms(given["crm"]))
    assert [d.id for d in agreement.team.departments] == list(answers["departments"])  # type: ignore[call-overload]
    texts = (agreement.kpis, agreement.targets, agreement.phases, *agreement.definitions)
    assert {state(text).state for text in texts} == {SigningState.PROPOSED}
    assert not any(text.signatures for text in texts)


def test_a_field_of_field_sales_answer_brings_the_rule_that_asks_it(tmp_path: Path) -> None:
    mapped = {Crm.SALESFORCE: {"field_sales_feedback": "Answer__c", "outcome": "Result__c"}}
    given = {"crm": "salesforce", "salesforce_url": "own.my.salesforce.com"}

    write_home(tmp_path / "with", answered(given, mapped))
    write_home(tmp_path / "without", answered(given))

    rules = {
        name: [rule.id for rule in load_agreement(tmp_path / name / "agreement").definitions[0].rules]
        for name in ("with", "without")
    }
    assert rules == {"with": ["held", "long_enough", "accepted_by_field_sales"], "without": ["held", "long_enough"]}
    [connection] = load_connections(tmp_path / "with" / "connections.yaml")
    event = connection.field_map["meetings"][0].fields
    assert event["field_sales_feedback"].sources == ("Answer__c",)
    assert event["outcome"].values is not None


@pytest.mark.parametrize(
    ("given", "teams"),
    [
        pytest.param({"crm": "files"}, ("Inside Sales East", "Inside Sales West"), id="the filled example"),
        pytest.param({"crm": "files", "files_folder": "/exports"}, ("Inside Sales",), id="exports of one's own"),
        pytest.param({"crm": "hubspot, files", "hubspot_url": "sandbox"}, ("Inside Sales East", "Inside Sales West"), id="demo"),
        pytest.param({"crm": "hubspot, files"}, ("Inside Sales",), id="a real CRM"),
    ],
)  # fmt: skip
def test_the_teams_taken_for_granted_are_those_of_the_records(given: dict[str, str], teams: tuple[str, ...]) -> None:
    assert answered(given)["inside_teams"] == teams


def test_a_folder_that_cannot_be_made_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"

    done = kpi("--yes", "--no-sync", "--into", str(home))

    assert isinstance(done.exception, InitError)
    assert f"{home} cannot be written (Not a directory)" in str(done.exception)
    with pytest.raises(SettingsError, match="cannot be written"):
        prepare_home(Settings.from_env({"KPI_HOME": str(home)}))


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "agreement" / "targets.yaml"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")

    first = write_home(tmp_path, answered())
    again = write_home(tmp_path, answered({"zone": "UTC"}))

    assert mine.read_text(encoding="utf-8") == "mine"
    assert first.other == (mine,)
    assert again.made == ()
    assert tmp_path / "agreement" / "team.yaml" in again.other
    assert tmp_path / "agreement" / "phases.yaml" in again.kept
    assert "Asia/Tokyo" in (tmp_path / "agreement" / "team.yaml").read_text(encoding="utf-8")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_of_a_team_breaks_the_files(inside: str, field: str) -> None:
    names = {"inside_teams": f"a{inside}", "field_teams": f"b{field}"}
    texts = render_home(Path("/home/own"), answered({"crm": "hubspot", **names}))

    team = YAML(typ="safe").load(texts["agreement/team.yaml"])

    wanted = {
        *QUESTIONS_BY_NAME["inside_teams"].read(names["inside_teams"]),
        *QUESTIONS_BY_NAME["field_teams"].read(names["field_teams"]),
    }
    assert {member["crm_team"] for member in team["members"]} == wanted
    assert len({entry["id"] for entry in team["teams"]}) == len(team["teams"])


QUESTIONS_BY_NAME = {question.name: question for question in QUESTIONS}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("crm", "pipedrive"),
        ("crm", ""),
        ("hubspot_url", "http://api.hubapi.com"),
        ("hubspot_url", "https://app-eu1.hubspot.com"),
        ("salesforce_url", ""),
        ("salesforce_url", "own"),
        ("salesforce_url", "https://own.lightning.force.com"),
        ("salesforce_url", "https://own.my.salesforce.com/lightning/page/home"),
        ("salesforce_url", "login.salesforce.com"),
        ("salesforce_login", "sso"),
        ("zone", "Tokyo"),
        ("country", "XX"),
        ("fiscal_year_start", "13"),
        ("currency", "YEN!"),
        ("departments", "inside_sales"),
        ("inside_teams", " , "),
        ("start", "2026-02-30"),
        ("start", "9999-01-01"),
        ("goal", "-5"),
        ("goal", "NaN"),
    ],
)
def test_a_bad_answer_is_refused_with_what_is_allowed_in_both_languages(name: str, bad: str) -> None:
    with pytest.raises(AnswerError, match=r"[a-z]") as refused:
        QUESTIONS_BY_NAME[name].read(bad)

    assert re.search(r"[ぁ-ん]", refused.value.words.ja)


def test_a_secret_typed_for_a_name_is_refused_and_not_repeated(tmp_path: Path) -> None:
    done = kpi("--yes", "--into", str(tmp_path / "home"), "--hubspot-token-env", SECRETS["HUBSPOT_ACCESS_TOKEN"])

    assert done.exit_code == 2
    assert "NAME of an environment variable" in done.output
    assert "very-secret" not in done.output
    with pytest.raises(ValueError, match="never the secret itself"):
        read_variable("pat-na1-x")


@pytest.mark.parametrize(
    "bad", ["hubspot.outcome=x", "hubspot.owner=x", "pipedrive.outcome=x", "hubspot.response_method", "x"]
)
def test_a_field_that_cannot_be_mapped_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"CRM\.OURS=THEIRS"):
        read_field(bad)


def test_every_own_field_can_be_given_as_an_option() -> None:
    for crm in (Crm.HUBSPOT, Crm.SALESFORCE):
        for ours in own_fields(crm):
            assert read_field(f"{crm}.{ours}=Some_Field__c") == (crm, ours, "Some_Field__c")


def test_a_goal_may_be_written_as_people_write_it() -> None:
    assert read_goal("350,000,000") == read_goal("350_000_000") == 350_000_000


def test_the_variables_that_are_asked_for_are_those_of_the_login(tmp_path: Path) -> None:
    write_home(tmp_path, answered({**REAL, "salesforce_login": "jwt", "salesforce_env": "SF_EU"}))
    example = (tmp_path / ".env.example").read_text(encoding="utf-8")

    needed = [name for one in load_connections(tmp_path / "connections.yaml") for name in needed_variables(one)]

    assert needed == ["HUBSPOT_ACCESS_TOKEN", "SF_EU_CLIENT_ID", "SF_EU_USERNAME", "SF_EU_PRIVATE_KEY_FILE"]
    assert all(f"\n{name}=\n" in example for name in needed)


# --- the command itself -----------------------------------------------------------------------------------------------


def test_without_secrets_it_writes_asks_nobody_and_says_what_to_set(tmp_path: Path) -> None:
    home = tmp_path / "home"

    done = kpi("--yes", "--into", str(home), "--crm", "hubspot", "--field", "hubspot.field_sales_feedback=answer")

    assert done.exit_code == 0, done.output
    for words in (
        "HUBSPOT_ACCESS_TOKEN",
        f"export KPI_HOME={home}",
        "kpi contract sign --department field_sales",
        "kpi nightly",
    ):
        assert words in done.output
    assert not (home / "landing").exists()


def test_the_next_commands_are_written_as_this_shell_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/kpi", "init"])
    monkeypatch.setenv("PATH", str(tmp_path))
    home = tmp_path / "my home"

    before = kpi("--yes", "--into", str(home)).output
    (tmp_path / "kpi").touch(mode=0o755)
    after = kpi("--yes", "--into", str(home)).output

    assert "\n  .venv/bin/kpi doctor\n" in before
    assert "\n  kpi doctor\n" in after
    assert f"\n  export KPI_HOME='{home}'\n" in after


def test_quiet_leaves_the_way_on_and_nothing_else(tmp_path: Path) -> None:
    loud, quiet = (kpi("--yes", "--into", str(tmp_path / name), *more) for name, more in (("a", ()), ("b", ("-q",))))

    assert "written" in loud.output
    assert "written" not in quiet.output
    assert "kpi contract sign" in quiet.output


def test_questions_are_asked_until_the_answer_is_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    typed = ["pipedrive", "hubspot", "", "MY_TOKEN", *[""] * 8, "booked by", "booked_by_user", "", "", ""]

    done = kpi("--into", str(home), "--goal", "", "--lang", "ja", answers="\n".join(typed) + "\n")

    assert done.exit_code == 0, done.output
    assert "複数はカンマ区切り" in done.output
    assert "項目の内部名" in done.output
    assert "チームのタイムゾーン [Asia/Tokyo]" in done.output
    [connection] = load_connections(home / "connections.yaml")
    assert connection.secret_names == ("MY_TOKEN",)
    assert connection.field_map["meetings"][0].fields["booked_by_crm_id"].sources == ("booked_by_user",)


def test_answers_that_end_early_are_an_error_and_write_nothing(tmp_path: Path) -> None:
    done = kpi("--into", str(tmp_path / "home"), answers="hubspot\n")

    assert isinstance(done.exception, InitError)
    assert "--yes" in str(done.exception)
    assert not (tmp_path / "home").exists()


def test_a_home_with_the_demos_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").touch()

    done = kpi("--yes", "--into", str(tmp_path))

    assert isinstance(done.exception, InitError)
    assert "--into" in str(done.exception)
    assert list(tmp_path.iterdir()) == [tmp_path / "warehouse.duckdb"]
