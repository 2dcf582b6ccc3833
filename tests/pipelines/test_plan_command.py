"""`kpi plan` and `kpi review` as people run them: a process, a published copy, files."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from definitions_contract.documents import read_document
from definitions_contract.loader import load_agreement
from definitions_contract.schema import PhaseAgreement, SigningState, Target, TargetAgreement
from definitions_contract.signing import state
from models import tables
from models.kpi import phase_status
from models.statistics.gate import Proposal
from pipelines.publish import DATABASE_NAME
from pipelines.review import Review, proposed_text
from pipelines.settings import Settings
from pipelines.summary import print_summary
from pipelines.warehouse import Warehouse, write_model
from tests.commands import run_kpi
from tests.models.factories import a_context
from tests.models.kpi import phase_teams, plan_teams

AGREEMENT = Path("definitions_contract/agreement")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def plan_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("plan")
    with _published(home).transaction() as connection:
        plan_teams.fill(connection)
    return home


def _published(home: Path) -> Warehouse:
    (home / "published").mkdir()
    warehouse = Warehouse(home / "published" / DATABASE_NAME)
    warehouse.create_tables()
    return warehouse


def kpi(home: Path, *arguments: str, agreement: Path = AGREEMENT, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KPI_", "LC_", "LANG"))}
    environment = {**kept, "KPI_HOME": str(home), "KPI_AGREEMENT": str(agreement.resolve()), "COLUMNS": "80", **environ}
    return run_kpi(*arguments, environ=environment)


def test_a_plan_shows_each_step_within_80_columns(plan_home: Path) -> None:
    done = kpi(plan_home, "plan", "--goal", "40000000", "--period", "2026Q4", "--reps", "+1", "--lang", "en")

    assert done.returncode == 0, done.stderr
    assert "Calls made" in done.stdout
    assert "changed" in done.stdout
    assert "differs from what is lacking by 0.00%" in done.stdout
    table = done.stdout.split("Worked out from")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert not [line for line in table if re.match(r"\s+[\d,.]+\s*$", line)]  # the rest of a broken number
    assert "…" not in done.stdout


@pytest.mark.parametrize(
    ("environ", "arguments", "word"),
    [
        pytest.param({"LANG": "ja_JP.UTF-8"}, (), "架電数", id="from the locale"),
        pytest.param({"LANG": "ja_JP.UTF-8"}, ("--lang", "en"), "Calls made", id="asked for"),
    ],
)
def test_the_language_is_that_of_the_locale(
    plan_home: Path, environ: dict[str, str], arguments: tuple[str, ...], word: str
) -> None:
    assert word in kpi(plan_home, "plan", *arguments, **environ).stdout


def test_json_and_csv_say_the_same(plan_home: Path) -> None:
    asked = ("plan", "--goal", "40000000", "--period", "2026Q4", "--rate", "valid_rate=+5pp")
    facts = json.loads(kpi(plan_home, *asked, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(kpi(plan_home, *asked, "--format", "csv").stdout)))

    assert facts["goal"]["lacking"] == 40_000_000
    assert abs(facts["base"]["closure"]) < 0.01
    for variant in ("base", "changed"):
        summed = sum(float(row["needed"]) for row in rows if (row["variant"], row["kpi_id"]) == (variant, "calls_made"))
        (step,) = [step for step in facts[variant]["steps"] if step["step"] == "calls_made"]
        assert summed == pytest.approx(step["needed"])
    assert facts["changed"]["steps"][-1]["needed"] < facts["base"]["steps"][-1]["needed"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("--period", "soon"), 1, "is no period", id="no period"),
        pytest.param(("--goal", "0"), 1, "needs no plan", id="no goal"),
        pytest.param(("--goal", "-5"), 2, "Usage", id="negative"),
        pytest.param(("--scope", "everybody"), 1, "is no scope", id="no scope"),
        pytest.param(("--rate", "luck=+5pp"), 1, "names no rate", id="no rate"),
        pytest.param(("--format", "xml"), 2, "xml", id="no format"),
    ],
)
def test_what_is_wrong_is_told_in_words(plan_home: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = kpi(plan_home, "plan", *arguments)

    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_night_there_is_no_plan(tmp_path: Path) -> None:
    for command in ("plan", "review"):
        done = kpi(tmp_path, command)

        assert (done.returncode, "run `kpi nightly`" in done.stderr) == (1, True)


def test_a_proposal_loads_as_targets_and_is_signed_by_nobody(plan_home: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in AGREEMENT.glob("*.yaml")}
    asked = ("plan", "--goal", "40000000", "--period", "2026Q4", "--write", "--format", "json")

    first, second = (Path(json.loads(kpi(plan_home, *asked).stdout)["proposal"]) for _ in range(2))

    assert first != second
    assert first.parent == plan_home / "proposals"
    assert {path.name: path.read_bytes() for path in AGREEMENT.glob("*.yaml")} == before
    agreed = _with(tmp_path, "targets.yaml", first)
    assert state(agreed.targets).state is SigningState.PROPOSED
    calls = [row for row in agreed.targets.targets if (row.kpi, row.scope_id) == ("calls_made", "inside_sales")]
    assert [str(row.since) for row in calls] == ["2025-04-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"]
    assert (calls[0].until, calls[-1].value) == (calls[1].since, calls[0].value)
    for row in calls[1:-1]:  # what each rep has moves with the target
        assert row.each_rep is not None
        assert float(row.each_rep) == pytest.approx(float(row.value) * 240 / 2900, abs=0.5)


def test_no_target_falls_before_the_period_that_is_planned_for(plan_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "agreement"
    shutil.copytree(AGREEMENT, folder)
    text = (folder / "targets.yaml").read_text(encoding="utf-8").split("signatures:")[0]
    old = "scope_id: inside_sales, every: month, since: 2025-04-01, value: 2900, each_rep: 240}"
    ends = old.replace("value", "until: 2027-06-01, value")
    follows = old.replace("2025-04-01", "2027-06-01").replace("2900", "3300")
    line = f"  - {{kpi: calls_made, scope_kind: department, {follows}"
    (folder / "targets.yaml").write_text(text.replace(old, f"{ends}\n{line}"), encoding="utf-8")
    asked = ("plan", "--goal", "4000000", "--period", "2027-01", "--write", "--format", "json")

    facts = json.loads(kpi(plan_home, *asked, agreement=folder).stdout)
    agreed = _with(tmp_path, "targets.yaml", Path(facts["proposal"]))

    for month in (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)):
        for name, value in (("calls_made", 2900), ("valid_meetings", 125), ("won_amount", 29_000_000)):
            (row,) = [
                row
                for row in agreed.targets.targets
                if (row.kpi, row.scope_id, row.every) == (name, "inside_sales", "month")
                and row.since <= month and (row.until is None or month < row.until)
            ]  # fmt: skip
            assert row.value >= value
    (january,) = [row for row in agreed.targets.targets if row.kpi == "won_amount" and row.since == date(2027, 1, 1)]
    assert january.value == 4_000_000
    calls = [row for row in agreed.targets.targets if (row.kpi, row.scope_id) == ("calls_made", "inside_sales")]
    assert (str(calls[-1].since), calls[-1].value) == ("2027-06-01", 3300)  # what was agreed for later stays


def test_in_launch_the_agreed_activity_leads(plan_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "agreement"
    shutil.copytree(AGREEMENT, folder)
    text = (folder / "phases.yaml").read_text(encoding="utf-8")
    text = text.replace("current_phase: stable", "current_phase: launch").replace(
        "current_kpi: valid_meetings", "current_kpi: calls_made"
    )
    (folder / "phases.yaml").write_text(text.split("signatures:")[0], encoding="utf-8")

    asked = ("plan", "--goal", "40000000", "--period", "2026Q4", "--write", "--format", "json")
    launch = json.loads(kpi(plan_home, *asked, agreement=folder).stdout)
    stable = json.loads(kpi(plan_home, *asked).stdout)

    roles = [{step["step"]: step["role"] for step in facts["base"]["steps"]} for facts in (launch, stable)]
    assert (roles[0]["calls_made"], roles[1]["calls_made"]) == ("leads", "derived")
    assert roles[0]["valid_meetings"] == "derived"
    proposed = TargetAgreement.model_validate(_data(Path(launch["proposal"])))
    assert [row.value for row in proposed.targets if row.kpi == "calls_made" and row.scope_id == "inside_sales"] == [
        2900
    ]


# --- review -----------------------------------------------------------------------------------------------------------

GOOD = (1.08, 1.12, 1.05, 1.1, 1.07, 1.11)


@pytest.mark.parametrize(
    ("case", "proposal", "file", "now"),
    [
        pytest.param(
            phase_teams.Case("launch", "calls_made", GOOD[:4], following="email_open_rate"),
            "next_kpi",
            "phases",
            ("launch", "email_open_rate"),
            id="launch passes",
        ),
        pytest.param(
            phase_teams.Case("launch", "calls_made", (0.5,) * 4), "smaller_goal", "targets", 1450, id="launch fails"
        ),
        pytest.param(
            phase_teams.Case("stable", "valid_meetings", (1.0, 0.95, 1.0, 1.01, 1.0, 0.98), following="deals_won"),
            "stay",
            None,
            None,
            id="stable stays: met, but not surely",
        ),
        pytest.param(
            phase_teams.Case("stable", "valid_meetings", (1.3,) * 6, following="deals_won"),
            "advance",
            "phases",
            ("mature", "deals_won"),
            id="stable passes",
        ),
        pytest.param(
            phase_teams.Case("mature", "won_amount", (1.6,) * 6),
            "reset_target",
            "targets",
            46e6,
            id="mature, no strain",
        ),
    ],
)
def test_a_review_ends_in_a_file_to_sign(
    case: phase_teams.Case, proposal: str, file: str | None, now: Any, tmp_path: Path
) -> None:
    agreement = _reviewed(case, tmp_path)

    text = kpi(tmp_path, "review", "--lang", "en", agreement=agreement)
    facts = json.loads(kpi(tmp_path, "review", "--write", "--format", "json", agreement=agreement).stdout)

    assert text.returncode == 0, text.stderr
    assert "Target met often enough" in text.stdout
    status = Console(file=io.StringIO(), width=80)
    print_summary(
        status, Settings.from_env({"KPI_HOME": str(tmp_path), "KPI_AGREEMENT": str(agreement)}), is_quiet=True
    )
    assert ("Proposal: " in status.file.getvalue()) is (proposal != "stay")  # type: ignore[attr-defined]
    assert facts["proposal"] == proposal
    assert (file is None) is ("proposal_file" not in facts)
    if file == "phases":
        moved = PhaseAgreement.model_validate(_data(Path(facts["proposal_file"])))
        assert (moved.current_phase, moved.current_kpi, str(moved.since), moved.signatures) == (*now, "2026-12-01", ())
    elif file == "targets":
        changed = TargetAgreement.model_validate(_data(Path(facts["proposal_file"])))
        rows = [
            row for row in changed.targets if (row.kpi, row.scope_id, row.every) == (case.kpi, "inside_sales", "month")
        ]
        assert [str(row.since) for row in rows] == ["2025-04-01", "2026-12-01"]
        assert float(rows[1].value) == pytest.approx(now, rel=0.15)
        assert rows[0].until == rows[1].since


@pytest.mark.parametrize(
    ("until", "targets"),
    [
        pytest.param(None, [("2025-04-01", 0.5, 0.25), ("2026-12-01", 0.6, 0.3)], id="what each has of a rate stays a rate"),
        pytest.param(date(2026, 12, 1), [("2025-04-01", 0.5, 0.25), ("2026-12-01", 0.6, None)], id="none follows yet"),
    ],
)  # fmt: skip
def test_a_proposed_target_follows_the_agreed_one(
    until: date | None, targets: list[tuple[str, float, float | None]]
) -> None:
    agreement = load_agreement(AGREEMENT)
    phases = agreement.phases.model_copy(update={"current_kpi": "valid_rate"})
    row = Target(kpi="valid_rate", scope_kind="department", scope_id="inside_sales", every="month",
                 since=date(2025, 4, 1), until=until, value="0.5", each_rep="0.25")  # fmt: skip
    text = agreement.targets.model_copy(update={"targets": (row,)})
    asked = Review(
        agreement=agreement.model_copy(update={"targets": text, "phases": phases}),
        as_of=date(2026, 11, 20), conditions=(), proposal=Proposal.RESET_TARGET, phase="stable", kpi="valid_rate",
        target=0.6, reason="",
    )  # fmt: skip

    proposed, file = proposed_text(asked)

    assert file == "targets"
    assert isinstance(proposed, TargetAgreement)
    found = [(str(row.since), float(row.value), row.each_rep and float(row.each_rep)) for row in proposed.targets]
    assert found == targets


def test_a_review_speaks_japanese(tmp_path: Path) -> None:
    agreement = _reviewed(phase_teams.Case("launch", "calls_made", GOOD[:4], following="email_open_rate"), tmp_path)

    assert "次の KPI を始めることを提案" in kpi(tmp_path, "review", agreement=agreement, LANG="ja_JP.UTF-8").stdout
    assert kpi(tmp_path, "review", "--format", "csv", agreement=agreement).stdout.startswith("phase,kpi_id,condition,")


def _reviewed(case: phase_teams.Case, home: Path) -> Path:
    """Publish one night of a team; give its agreement's folder."""
    with _published(home).transaction() as connection:
        phase_teams.fill(connection, case)
        agreed = phase_teams.agreement_of(case)
        write_model(connection, phase_status.MODEL, a_context(agreement=agreed, as_of=case.as_of))
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.phase_status)).scalar_one()
    folder = home / "agreement"
    shutil.copytree(AGREEMENT, folder)
    text = (folder / "phases.yaml").read_text(encoding="utf-8").split("signatures:")[0]
    text = text.replace("current_phase: stable", f"current_phase: {case.phase}")
    (folder / "phases.yaml").write_text(
        text.replace("current_kpi: valid_meetings", f"current_kpi: {case.kpi}"), encoding="utf-8"
    )
    return folder


def _with(tmp_path: Path, name: str, proposal: Path) -> Any:
    """Load the default agreement with one file replaced by a proposal."""
    folder = tmp_path / "with"
    shutil.copytree(AGREEMENT, folder)
    shutil.copy(proposal, folder / name)
    return load_agreement(folder)


def _data(path: Path) -> Any:
    document = read_document(path, path.name)
    assert hasattr(document, "data")
    return document.data


@pytest.mark.parametrize("command", [("status",), ("plan",), ("review",), ("explain", "kpi", "calls_made", "2026-10")])
def test_a_copy_that_another_release_published_is_named_and_no_bug(tmp_path: Path, command: tuple[str, ...]) -> None:
    with _published(tmp_path).transaction() as connection:
        for table in (tables.kpi_periods, tables.divergence):
            connection.execute(sa.schema.DropTable(table))

    done = kpi(tmp_path, *command)

    assert done.returncode == 1
    assert "published by another release" in done.stderr
    assert "Traceback" not in done.stderr
