"""Is every sentence that a night writes told in both languages? One that the board cannot tell stays English: none may."""

from pathlib import Path

import pytest

from definitions_contract.loader import load_agreement
from pipelines.board.names import names_of
from pipelines.board.phrases import tell
from pipelines.settings import PROJECT
from tests.night.homes import Home

SENTENCES = (
    ("kpi.causes", "evidence"),
    ("kpi.period_changes", "evidence"),
    ("kpi.alerts", "evidence"),
    ("kpi.plan", "assumptions"),
    ("kpi.phase_status", "figure"),
    ("ops.check_results", "detail"),
)


@pytest.mark.parametrize(("table", "column"), SENTENCES)
def test_no_sentence_of_a_night_stays_english_in_japanese(night_home: Home, table: str, column: str) -> None:
    names = names_of(load_agreement(Path(PROJECT) / "definitions_contract" / "agreement"), {})
    written = [row[0] for row in night_home.rows(f"SELECT DISTINCT {column} FROM {table} WHERE {column} != ''")]  # noqa: S608 - our own names

    told = {sentence: tell(sentence, names.ids) for sentence in written}

    assert written
    assert [text.en for text in told.values() if text.ja == text.en] == []
