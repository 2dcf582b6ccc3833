"""What the history of a target lacks is told by the periods that count for it."""

from datetime import date

import pytest

from definitions_contract.words import Lang
from models.statistics.comparison import Equivalent
from pipelines.impact import Impact
from pipelines.impact_page import impact_page
from pipelines.impact_targets import TouchedTarget
from pipelines.pages import write_page
from tests.models.kpi.phase_teams import default_agreement

SETTLED = tuple(date(2026, month, 1) for month in (1, 2, 3, 5, 6))  # five, of which three follow on each other


@pytest.mark.parametrize(
    ("every", "lang", "words"),
    [
        pytest.param("month", "en", "by the month, settled months: 5 of 6", id="months need not follow on each other"),
        pytest.param("quarter", "en", "by the quarter, settled months in a row: 3 of 8", id="those of a quarter do"),
        pytest.param("month", "ja", "月の目標（実績のある月）：6 必要、現在 5", id="in Japanese"),
    ],
)
def test_a_target_s_history_is_counted_in_periods_like_its_own(every: str, lang: Lang, words: str) -> None:
    agreement = default_agreement()
    touched = TouchedTarget(
        "valid_meetings", "team", "is_east", every=every, is_each_rep=False, since=None, value_before=50.0, value_after=40.0,
        target=60.0, equivalent=Equivalent(None, None, len(SETTLED) if every == "month" else 1, 1),
    )  # fmt: skip
    impact = Impact(
        "valid_meeting", 1, 2, date(2026, 1, 1), date(2026, 7, 1), 180, differences=(), moves=(), by_month=(), by_team=(),
        by_rep=(), by_lead_source=(), targets=(touched,), settled_months=SETTLED, outcomes=(), moved=(),
    )  # fmt: skip

    assert words in write_page(impact_page(impact, agreement, (), lang), "text", lang)
