"""What is proposed when a level has changed stands in the KPI's own unit: a share of a rate, a number of a count."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from models.kpi.alert_proposals import Tonight, with_change_proposal
from models.kpi.daily_history import kpis_by_id
from pipelines.board.phrases import tell
from pipelines.messages import state_words
from tests.models.kpi.phase_teams import default_agreement

KPIS = kpis_by_id(default_agreement())
NIGHT = date(2026, 11, 27)


def told(kpi_id: str, *, observed: float, expected: float, cases: float | None) -> dict[str, Any]:
    """A change of a department's level, as the table of alerts has it."""
    seen = SimpleNamespace(
        kpi_id=kpi_id, split="team", observed=observed, expected=expected, cases=cases, score=-9.0,
        window_business_days=39, since_date=date(2026, 10, 1), evaluated_date=NIGHT,
    )  # fmt: skip
    scope = {"scope_kind": "department", "scope_id": "inside_sales", "kpi_id": kpi_id}
    key = (*scope.values(), "team", "inside_sales")
    next_week = (date(2026, 11, 30), *(date(2026, 12, day) for day in range(1, 5)))
    tonight = Tonight(KPIS, {}, {}, {key: seen}, {}, next_week, {})
    row = scope | {"kind": "change", "state": "open", "divergence_state": "at_risk"}
    return with_change_proposal(row | {"cause": f"funnel:{kpi_id}:factor"}, tonight)


@pytest.mark.parametrize(
    ("kpi_id", "cases", "gap", "value", "words"),
    [
        pytest.param("valid_rate", 145.0, -0.28, 0.88, "88.0% should be seen by 2026-12-04", id="a rate"),
        pytest.param(
            "no_show_rate", 145.0, 0.28, 0.12, "12.0% should be seen by 2026-12-04", id="one watched as its rest"
        ),
        pytest.param("calls_made", None, -40.6, 40.6, "41 more needed by 2026-12-04", id="a count"),
    ],
)
def test_what_is_needed_after_a_change_is_told_in_the_unit_of_the_kpi(
    kpi_id: str, cases: float | None, gap: float, value: float, words: str
) -> None:
    row = told(kpi_id, observed=0.6 * 145, expected=0.88 * 145, cases=cases)

    assert (row["gap"], row["proposal_value"]) == (pytest.approx(gap), pytest.approx(value))
    assert words in row["proposal_en"]


def test_a_rise_of_no_shows_is_told_as_one_in_both_languages() -> None:
    row = told("no_show_rate", observed=87, expected=127.6, cases=145.0)

    evidence = tell(row["evidence"], {})
    assert (
        evidence.en
        == "58 of 145 counted in 39 business days since 2026-10-01 (40%), 12% in the own past (+9.0 standard errors)"
    )
    assert "145 件中 58 件(40%)。過去の自チームは 12%(標準誤差の 9.0 倍)" in evidence.ja
    assert state_words(row, KPIS["no_show_rate"]) == ("水準の上昇", "level has risen")
    assert state_words(row, KPIS["valid_rate"]) == ("水準の低下", "level has fallen")
