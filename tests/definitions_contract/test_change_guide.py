"""docs/guides/changing-a-definition.md, done on a copy of the default agreement."""

from datetime import date, timedelta
from pathlib import Path

from typer.testing import CliRunner

from pipelines.cli.contract import app

DEPARTMENTS = ("inside_sales", "field_sales", "marketing")


def run(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"KPI_AGREEMENT": str(folder), "COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_guide_leads_to_a_signed_version(folder: Path) -> None:
    text = (folder / "valid_meeting" / "v2.yaml").read_text(encoding="utf-8").split("\nsignatures:")[0] + "\n"
    start = date.today() + timedelta(days=3)  # noqa: DTZ011 - later than today in every zone
    for old, new in (
        ("version: 2", "version: 3"),
        ("effective_from: 2026-06-01", f"effective_from: {start}"),
        ("min_value: 15", "min_value: 30"),
        ("minutes: 15,", "minutes: 30,"),
        ("minutes: 14,", "minutes: 29,"),
    ):
        text = text.replace(old, new)
    (folder / "valid_meeting" / "v3.yaml").write_text(text, encoding="utf-8")

    proposed = run(folder, "check")
    changes = run(folder, "diff", "2", "3")
    for department in DEPARTMENTS:
        run(folder, "sign", "valid_meeting/v3", "--department", department, "--name", "Demo Person", "--yes")
    signed = run(folder, "check")

    assert "proposed" in proposed
    assert "minutes is at least 15 -> minutes is at least 30" in changes
    assert "upcoming" in signed
    assert "proposed" not in signed
