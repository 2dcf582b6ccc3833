"""What `kpi doctor` found is told in the reader's language and fits 80 columns; an error is told as it is."""

import io
import unicodedata

import pytest
from rich.console import Console

from connectors.sync import Finding
from definitions_contract.words import Lang
from pipelines.doctor_page import as_rows, print_findings, told

FILLED = ", ".join(f"field_{n} <- a_property_with_a_long_name_{n} (string) 100%" for n in range(12))
FINDINGS = (
    Finding("agreement", "files", is_ok=True, detail="definition versions: 2, all readable"),
    Finding("hubspot", "login", is_ok=True, detail="works"),
    Finding("salesforce_of_a_long_name", "contacts <- Contact", is_ok=True, detail=FILLED),
    Finding("hubspot", "fields", is_ok=False, detail="hubspot: [deals] has no field 'x'; correct the field map"),
)


def printed(lang: Lang) -> str:
    stream = io.StringIO()
    print_findings(Console(file=stream, width=80), FINDINGS, lang)
    return stream.getvalue()


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_findings_fit_80_columns_and_lose_nothing(lang: Lang) -> None:
    text = printed(lang)

    assert max(map(width, text.splitlines())) <= 80
    together = "".join(text.split())
    assert all(f"field_{n}<-" in together for n in range(12))
    assert "[deals]" in together


@pytest.mark.parametrize(
    ("detail", "japanese"),
    [
        pytest.param("works", "できます", id="whole"),
        pytest.param("1,204 of 100,000 requests used today", "今日のリクエスト 100,000 回のうち 1,204 回を使用", id="figures"),
        pytest.param(
            "2026-11-20 17:04 UTC; look at the last runs in the Dagster UI and run `kpi nightly`",
            "2026-11-20 17:04 UTC。Dagster の画面で直近の実行を確かめ、`kpi nightly` を実行してください",
            id="with advice",
        ),
        pytest.param("LoginError: no such user", "LoginError: no such user", id="an error stays as docs/errors.md names it"),
    ],
)  # fmt: skip
def test_a_finding_is_told_in_japanese(detail: str, japanese: str) -> None:
    assert told(detail, "ja") == japanese
    assert told(detail, "en") == detail


def test_other_programs_get_every_finding() -> None:
    rows = as_rows(FINDINGS)

    assert [row["is_ok"] for row in rows] == [True, True, True, False]
    assert rows[1] == {"connection": "hubspot", "subject": "login", "is_ok": True, "detail": "works"}
