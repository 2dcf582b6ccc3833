"""Rows for the parts of the board that a review looks at: cohorts, answers, disagreements, reasons, histories, proposals."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from models import tables as t

Row = dict[str, Any]
AS_OF = date(2026, 11, 20)
MONTH = date(2026, 11, 1)
FIRST_COHORT = date(2026, 4, 1)
SIZE = 240
# share that reaches a step in the end, and the days that half of them take
STEPS = {
    "booking": {"held": (0.74, 10), "valid": (0.53, 10), "deal": (0.29, 20), "won": (0.07, 60)},
    "first_touch": {"booked": (0.5, 6), "valid": (0.27, 16), "won": (0.03, 80)},
}
AGES = (30, 60, 90, 180)
COLD, COLD_FACTOR = date(2026, 10, 1), 0.5  # the list that went bad: of October's bookings half as many are valid


def review_rows(meetings: list[Row]) -> dict[sa.Table, list[Row]]:
    """Rows that agree with the demo month's meetings, cohorts apart: those tell a story of their own."""
    held = [one for one in meetings if one["outcome"] == "held"]
    return {
        t.cohorts: list(_cohorts()),
        t.feedback: _feedback(held),
        t.disagreements: list(_disagreements(held)),
        t.qualitative: list(_qualitative(meetings)),
        t.alert_events: _alert_events(),
        t.source_changes: _source_changes(),
    }


def _months(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first = (first + timedelta(days=32)).replace(day=1)


def _cohorts() -> Iterator[Row]:
    for kind, steps in STEPS.items():
        for month in _months(FIRST_COHORT, MONTH):
            for step, (share, half) in steps.items():
                cold = COLD_FACTOR if step == "valid" and month >= COLD else 1
                yield from (_cohort(kind, month, step, share * cold, half, age) for age in AGES)


def _cohort(kind: str, month: date, step: str, share: float, half: int, age: int) -> Row:
    """Half a month's cohort is old enough as soon as its first day is, all when its last day is."""
    last = (month + timedelta(days=32)).replace(day=1)
    is_matured = last + timedelta(days=age) <= AS_OF
    at_risk = SIZE if is_matured else SIZE // 2 if month + timedelta(days=age) <= AS_OF else 0
    converted = round(at_risk * share * (1 - 0.5 ** (age / half)))
    return {
        "cohort_kind": kind,
        "cohort_month": month,
        "lead_source_first": "web_form",
        "step": step,
        "age_days": age,
        "cohort_size": SIZE,
        "at_risk": at_risk,
        "converted": converted,
        "conversion": converted / at_risk if at_risk else None,
        "is_matured": is_matured,
        "as_of": AS_OF,
    }


def _feedback(held: list[Row]) -> list[Row]:
    keys = Counter((one["held_date"].replace(day=1), one["rep_id"], _answer(one), one["reject_reason"]) for one in held)
    found: dict[tuple[Any, ...], Row] = {}
    for (month, rep, answer, reason), count in keys.items():
        row = found.setdefault(
            (month, rep, reason),
            {"month_start": month, "rep_id": rep, "held_by_rep_id": "hubspot:201", "failed_rules": "none"}
            | {"reject_reason": reason or "none"}
            | dict.fromkeys(("accepted_count", "rejected_count", "silent_count", "waiting_count"), 0),
        )
        row[f"{answer}_count"] += count
    return list(found.values())


def _answer(one: Row) -> str:
    if one["field_sales_feedback"] is not None:
        return str(one["field_sales_feedback"])
    return "waiting" if one["held_date"] > AS_OF - timedelta(days=7) else "silent"


def _disagreements(held: list[Row]) -> Iterator[Row]:
    for one in held:
        others = [] if one["decision_maker_present"] else ["decision_maker_present"]
        others += ["long_enough"] if one["minutes"] < 15 else []
        answer = one["field_sales_feedback"]
        if (answer == "accepted" and others) or (answer == "rejected" and not others):
            names = ("meeting_id", "crm_url", "rep_id", "reject_reason", "held_date")
            yield {name: one[name] for name in names} | {
                "held_by_rep_id": "hubspot:201",
                "kind": "accepted_but_fails" if answer == "accepted" else "rejected_but_passes",
                "failed_rules": ",".join(others) or None,
                "definition_version": 2,
            }


def _qualitative(meetings: list[Row]) -> Iterator[Row]:
    current = [one for one in meetings if one["held_date"] >= MONTH]
    counted = {
        "booked": lambda one: one["booked_date"] is not None,
        "held": lambda one: one["outcome"] == "held",
        "rejected": lambda one: one["field_sales_feedback"] == "rejected",
    }
    kinds = {"lead_source": "lead_source", "response_method": "response_method", "reject_reason": "reject_reason"}
    for kind, column in kinds.items():
        for code in sorted({one[column] for one in current if one[column]}):
            own = [one for one in current if one[column] == code]
            yield _reason(kind, code, **{name: sum(map(is_one, own)) for name, is_one in counted.items()})
    yield _reason("lost_reason", "competitor", lost=4)
    yield _reason("lost_reason", "no_decision", lost=7)


def _reason(kind: str, code: str, **counts: int) -> Row:
    names = ("booked", "held", "valid", "rejected", "deals", "won", "lost", "notes")
    scope = {"period_kind": "month", "period_start": MONTH, "period_end": date(2026, 12, 1)}
    department = {"scope_kind": "department", "scope_id": "inside_sales", "as_of": AS_OF}
    return scope | department | {"kind": kind, "code": code} | dict.fromkeys(names, 0) | counts


def _alert_events() -> list[Row]:
    parent = "valid_meetings:month:2026-11-01:department:inside_sales:2026-11-13"
    events = (
        (parent, date(2026, 11, 13), "opened", None, "lead_source:purchased_list:rate"),
        (parent, date(2026, 11, 13), "notified", None, None),
        (parent, date(2026, 11, 18), "worsened", None, "off"),
        ("booked", date(2026, 11, 12), "opened", None, None),
        ("booked", date(2026, 11, 16), "acknowledged", "Demo Manager", "two reps at the exhibition this week"),
    )
    names = ("alert_id", "event_date", "event", "by", "detail")
    return [{**dict(zip(names, event, strict=True)), "number": 1} for event in events]


def _source_changes() -> list[Row]:
    return [
        {
            "sync_id": "b1",
            "connection": "salesforce",
            "object": "Event",
            "field": "Decision_Maker__c",
            "change": "type",
            "detail": "checkbox before, text now",
        }
    ]
