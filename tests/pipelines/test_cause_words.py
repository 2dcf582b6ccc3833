"""Every cause has words in both languages, and every kind of alert its part of the guide."""

import re
from typing import get_args

import pytest

from models import tables
from models.kpi.cause_facts import SPLITS as SEGMENTS
from models.kpi.causes import STALE_SYNC
from models.kpi.lever_words import lever_words
from models.statistics.causes import FIXED_PARTS, Effect
from pipelines.alert_kinds import FIRST_STEPS as FIRST_STEPS_BY_KIND
from pipelines.alert_kinds import GUIDE, kind_of, kind_of_data
from pipelines.board import labels
from pipelines.board.phrases import tell
from pipelines.settings import PROJECT
from tests.models.kpi.demo_night import night, rows_of

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
SPLITS = ("funnel", "connection", "definition", STALE_SYNC, *SEGMENTS)
FIRST_STEPS = {"definition": "definition", "calendar": "business_days"}  # effects that are one part


@pytest.mark.parametrize("effect", get_args(Effect))
def test_every_effect_has_words_and_a_first_step_on_the_board(effect: str) -> None:
    assert JAPANESE.search(labels.EFFECTS[effect].ja)
    assert FIRST_STEPS.get(effect, effect) in labels.ACTIONS


@pytest.mark.parametrize("part", FIXED_PARTS)
def test_every_fixed_part_has_words_and_a_first_step_on_the_board(part: str) -> None:
    assert part in labels.FIXED_PARTS
    assert JAPANESE.search(labels.PARTS[part].ja)
    assert part in labels.ACTIONS


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_words_on_the_board(split: str) -> None:
    assert JAPANESE.search(labels.SPLITS[split].ja)


@pytest.mark.parametrize(
    ("cause", "japanese", "english"),
    [
        ("industry:retail:rate", "業種「retail」の率", "industry “retail”, rate"),
        ("rep:r1:leaver", "担当「Emi Sato」の退職", "rep “Emi Sato”, who left"),
        ("lead_source:definition:definition", "定義の変更", "the new definition"),
        ("rep:business_days:calendar", "祝日・休業日", "holidays"),
        ("rep:target_level:mix", "目標の高さ", "the level of the target"),
        ("definition:2026-10-01:rate", "2026-10-01 からの定義", "the definition in force since 2026-10-01"),
        ("lead_source:purchased_list:rate", "流入経路「購入リスト」の率", "lead source “Purchased list”, rate"),
        ("data:hubspot:stale_sync", "同期「hubspot」の遅れ", "sync of “hubspot”, which is late"),
    ],
)
def test_messages_and_the_terminal_name_a_cause(cause: str, japanese: str, english: str) -> None:
    assert lever_words(cause, {}, {"r1": "Emi Sato"}) == (japanese, english)


def test_every_sentence_of_evidence_of_a_night_is_told_in_japanese() -> None:
    with night() as connection:
        rows = [row for table in (tables.causes, tables.period_changes) for row in rows_of(connection, table)]
        told = [row["evidence"] for row in rows_of(connection, tables.alerts, kind="change")]

    sentences = {row["evidence"] for row in rows if row["evidence"]} | set(told)
    assert len(sentences) > 100
    assert [one for one in sorted(sentences) if not JAPANESE.search(tell(one, labels.PARTS).ja)] == []


def test_a_night_that_is_not_judged_says_why_in_japanese() -> None:
    reason = "Not judged: connection hubspot was last synced before the day was over."

    assert "接続 hubspot" in tell(reason, {}).ja
    assert (
        "仕事の変化とは言えない"
        in tell(f"{reason} What happened since is not counted: no gap can be told from a missing sync.", {}).ja
    )


@pytest.mark.parametrize("kind", FIRST_STEPS_BY_KIND)
def test_every_kind_of_alert_has_its_section_in_the_guide(kind: str) -> None:
    guide = (PROJECT / GUIDE).read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.+?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL))
    by_anchor = {title.lower().replace(" ", "-"): text for title, text in sections.items()}

    assert by_anchor.keys() == set(FIRST_STEPS_BY_KIND)
    assert JAPANESE.search(by_anchor[kind])
    for part in ("**Means**", "**Heard by**", "**Check**", "**Do**", "**Ends**"):
        assert part in by_anchor[kind]


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        ({"kind": "target", "kpi_id": "valid_meetings", "worst_state": "off"}, "target-off"),
        ({"kind": "target", "kpi_id": "calls_made", "worst_state": "at_risk"}, "target-off"),
        ({"kind": "target", "kpi_id": "valid_meetings", "worst_state": "ahead"}, "over-achievement"),
        ({"kind": "change", "kpi_id": "valid_rate", "worst_state": "at_risk"}, "change"),
        ({"kind": "change", "kpi_id": "deals_won", "worst_state": "at_risk"}, "leading"),
        ({"kind": "change", "kpi_id": "calls_made", "worst_state": "ahead"}, "change"),
    ],
)
def test_an_alert_leads_to_its_section(alert: dict[str, str], kind: str) -> None:
    assert kind_of(alert) == kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Not judged: check keys_unique failed.", "failed-check"),
        ("Not judged: hubspot meetings: fewer records arrived than the CRM has.", "incomplete-sync"),
        ("Not judged: connection hubspot was last synced before the day was over.", "stale"),
    ],
)
def test_a_night_without_trust_leads_to_its_section(reason: str, kind: str) -> None:
    assert kind_of_data(reason) == kind
