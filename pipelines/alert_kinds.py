"""Of what kind is an alert, and which part of the guide says what to do about it?"""

from collections.abc import Mapping
from typing import Any

from pipelines.board.names import Names
from pipelines.board.words import Text

GUIDE = "docs/guides/when-an-alert-comes.md"
LEADING_KPIS = ("calls_made", "connect_rate", "deals_won")  # seen weeks before a target is missed; deals by their age
LEAD = Text(
    "{kpi}には約 {days} 日後に表れます(これまでの中央値)。",
    "{kpi} will show it in about {days} days (own median).",
)

# What to do first, in one line. The guide has the same kinds as headings, with the rest.
FIRST_STEPS: dict[str, Text] = {
    "target-off": Text(
        "原因の記録を数件開いて確かめ、対処・目標の見直し・様子見のどれかを決めて確認済みにする。",
        "Open a few records behind the cause, then choose: act, reset the target, or wait; acknowledge it with the choice.",
    ),
    "change": Text(
        "いつから、どの経路や担当で変わったかを見て、思い当たる変更を担当者に確かめる。",
        "See since when, and in which source or with whom; ask the people there what they changed.",
    ),
    "leading": Text(
        "数週間先の目標に響く前に、活動の量と質のどちらが落ちたかを確かめて手を打つ。",
        "Find out whether volume or quality fell, and act before it reaches the target in some weeks.",
    ),
    "over-achievement": Text(
        "見張り役の KPI が落ちていないか確かめ、続くなら関係部門で目標を見直す。",
        "Check that the guard KPI did not fall; if it lasts, review the target with all departments.",
    ),
    "failed-check": Text(
        "不合格の検査の内容を見て記録を直す。数値は次の夜に判定し直される。",
        "Read what the failed check found and mend the records; the next night judges again.",
    ),
    "incomplete-sync": Text(
        "件数が合わない対象を CRM の権限と削除から確かめ、夜間処理をもう一度動かす。",
        "Check permissions and deletions of the object whose counts differ, then run the night again.",
    ),
    "stale": Text(
        "{kpi} doctor でログインと接続を確かめ、夜間処理をもう一度動かす。",
        "Check login and connection with {kpi} doctor, then run the night again.",
    ),
}


def kind_of(alert: Mapping[Any, Any]) -> str:
    """Name the kind of a row of kpi.alerts.

    >>> kind_of({"kind": "change", "kpi_id": "calls_made", "worst_state": "at_risk"})
    'leading'
    """
    is_ahead = alert["worst_state"] == "ahead"
    if alert["kind"] == "change":
        is_leading = alert["kpi_id"] in LEADING_KPIS or alert.get("leads_to") is not None
        return "leading" if is_leading and not is_ahead else "change"
    return "over-achievement" if is_ahead else "target-off"


def lead_of(alert: Mapping[Any, Any], names: Names) -> Text | None:
    """Say which KPI will show a change, and when; None when it is no leading one."""
    if alert["leads_to"] is None:
        return None
    return LEAD.fill(kpi=names.label(alert["leads_to"]), days=alert["lead_days"])


def kind_of_data(reason: str) -> str:
    """Name the kind of a night whose numbers are not judged, by the reason in kpi.divergence."""
    if "fewer records arrived" in reason:
        return "incomplete-sync"
    return "failed-check" if "check " in reason else "stale"


def guide_to(kind: str) -> str:
    """Give the place in the guide."""
    return f"{GUIDE}#{kind}"
