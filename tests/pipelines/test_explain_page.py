"""The page of a meeting names teams, departments and answers as people call them; ids are for programs."""

from datetime import date

import pytest

from definitions_contract.words import Lang
from pipelines.explain import Explanation
from pipelines.explain_page import explanation_page
from pipelines.pages import write_page
from tests.models.kpi.phase_teams import default_agreement

FACTS = {"team": "is_east", "outcome": "no_show", "field_sales_feedback": "rejected", "reject_reason": "wrong_contact"}


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        pytest.param("en", ("Inside sales East", "no-show", "rejected", "Wrong contact", "Signed by Field sales"), id="en"),
        pytest.param("ja", ("インサイドセールス東日本", "無断欠席", "却下", "担当者が違う", "署名: フィールドセールス"), id="ja"),
    ],
)  # fmt: skip
def test_a_meeting_is_explained_in_names_not_in_ids(lang: Lang, words: tuple[str, ...]) -> None:
    signed = ({"department": "field_sales", "name": "Sato", "signed_date": date(2026, 5, 26)},)
    found = Explanation(
        meeting_id="hubspot:1", crm_url=None, verdict="invalid", pending_until=None, definition="valid_meeting", version=2,
        effective_from=date(2026, 6, 1), signed=signed, facts=FACTS, segments={"lead_source": None}, rules=(), needed=(),
        timeline=(), people=(), copies=(),
    )  # fmt: skip

    page = write_page(explanation_page(found, default_agreement(), lang), "text", lang)

    assert [word for word in words if word not in page] == []
    assert [fact for fact in (*FACTS.values(), "field_sales") if f" {fact}" in page and fact not in words] == []
