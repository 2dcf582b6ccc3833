"""`kpi status` and `kpi explain kpi`: one language, 80 columns, and records that add up to the number."""

import csv
import io
import json
import unicodedata
from decimal import Decimal

import pytest

from tests.night.homes import Home


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def is_japanese(text: str) -> bool:
    return any("HIRAGANA" in unicodedata.name(sign, "") for sign in text)


@pytest.mark.parametrize(("locale", "japanese"), [("ja_JP.UTF-8", True), ("en_US.UTF-8", False), ("", False)])
def test_status_fits_a_terminal_and_speaks_the_language_of_the_locale(
    night_home: Home, locale: str, japanese: bool
) -> None:
    shown = night_home.kpi("status", "--quiet", more={"COLUMNS": "80", "LC_ALL": locale})

    assert shown.returncode == 0, shown.stderr
    assert max(map(width, shown.stdout.splitlines())) <= 80
    assert is_japanese(shown.stdout) == japanese


def test_status_can_be_read_by_a_program(night_home: Home) -> None:
    rows = json.loads(night_home.kpi("status", "--format", "json").stdout)

    assert {row["kpi_id"] for row in rows} >= {"valid_meetings", "won_amount"}


@pytest.mark.parametrize("kpi", ["calls_made", "valid_rate", "won_amount", "win_rate_by_close_date"])
def test_the_records_of_a_number_add_up_to_it(night_home: Home, kpi: str) -> None:
    answer = json.loads(night_home.kpi("explain", "kpi", kpi, "FY2026", "--format", "json").stdout)

    for side in answer["measures"]:
        added = sum(Decimal(one["amount"]) for one in answer["records"] if one["side"] == side)
        assert added == Decimal(str(answer[side]))
        assert added > 0
    assert all(one["crm_url"] for one in answer["records"])


def test_records_are_given_as_csv_with_the_reps_name(night_home: Home) -> None:
    shown = night_home.kpi("explain", "kpi", "calls_made", "2026-10", "--team", "is_east", "--format", "csv").stdout

    rows = list(csv.DictReader(io.StringIO(shown)))
    assert {row["team"] for row in rows} == {"is_east"}
    assert all(":" not in row["rep"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "2026-10"), "no KPI 'nothing'"),
        (("calls_made", "2026-13"), "is no period"),
        (("calls_made", "2026-10", "--rep", "Nobody At All"), "nobody is called"),
        (("calls_made", "2026-10", "--team", "north"), "no team 'north'"),
        (("calls_made", "2019-01"), "no number of calls_made was kept"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line(night_home: Home, arguments: tuple[str, ...], said: str) -> None:
    shown = night_home.kpi("explain", "kpi", *arguments)

    assert shown.returncode == 1
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr
