"""Cohorts are compared at equal ages: who is too young is at no risk; reasons are counted by code on their own day."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.context import BuildContext, Model
from models.kpi import cohorts, qualitative
from tests.models.factories import AS_OF, a_call, a_context, a_deal, a_meeting, insert, row_of

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]


def booked_days_ago(days: int, **changes: Any) -> dict[str, Any]:
    return a_meeting(
        **({"meeting_id": f"hs:{days}", "booked_date": AS_OF - timedelta(days=days), "held_date": AS_OF} | changes)
    )


def counts(rows: list[dict[str, Any]], **keys: Any) -> tuple[int, int, int]:
    these = [row for row in rows if all(row[name] == value for name, value in keys.items())]
    size, at_risk, converted = (sum(row[name] for row in these) for name in ("cohort_size", "at_risk", "converted"))
    return size, at_risk, converted


@pytest.mark.parametrize(
    ("age", "at_risk"),
    [pytest.param(29, 0, id="a day too young"), pytest.param(30, 1, id="just old enough")],
)
def test_only_who_is_old_enough_is_at_risk(build: Build, with_calendar: sa.Connection, age: int, at_risk: int) -> None:
    insert(with_calendar, tables.meetings, booked_days_ago(age, outcome="booked"))

    rows = build(cohorts.MODEL, a_context())

    assert counts(rows, cohort_kind="booking", step="held", age_days=30) == (1, at_risk, 0)


def test_a_win_after_160_days_is_none_at_120_and_one_at_180(build: Build, with_calendar: sa.Connection) -> None:
    meeting = booked_days_ago(200, deal_id="hs:1", held_date=AS_OF - timedelta(days=190))
    insert(with_calendar, tables.meetings, meeting)
    insert(with_calendar, tables.deals, a_deal(close_date=AS_OF - timedelta(days=40), created_date=AS_OF))

    rows = build(cohorts.MODEL, a_context())

    assert counts(rows, cohort_kind="booking", step="won", age_days=120) == (1, 1, 0)
    assert counts(rows, cohort_kind="booking", step="won", age_days=180) == (1, 1, 1)


def test_a_person_is_one_of_the_month_of_the_first_touch_in_any_crm(build: Build, with_calendar: sa.Connection) -> None:
    for contact in ("hs:c1", "sf:c1"):
        insert(with_calendar, tables.contacts, row_of(tables.contacts, contact_id=contact, person_id="hs:c1"))
    insert(
        with_calendar,
        tables.calls,
        a_call(call_id="1", contact_id="sf:c1", called_date=date(2026, 6, 30), lead_source_first="list"),
        a_call(call_id="2", contact_id="hs:c1", called_date=date(2026, 7, 1)),
    )
    insert(with_calendar, tables.meetings, a_meeting(booked_date=date(2026, 7, 20)))

    rows = [row for row in build(cohorts.MODEL, a_context()) if row["cohort_kind"] == "first_touch"]

    assert {(row["cohort_month"], row["lead_source_first"]) for row in rows} == {(date(2026, 6, 1), "list")}
    assert counts(rows, step="booked", age_days=14) == (1, 1, 0)
    assert counts(rows, step="booked", age_days=30) == (1, 1, 1)


def test_reasons_are_counted_by_code_on_the_day_of_each_figure(build: Build, with_calendar: sa.Connection) -> None:
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(
            booked_date=date(2026, 8, 31),
            held_date=date(2026, 9, 8),
            field_sales_feedback="rejected",
            reject_reason="no_budget",
        ),
        a_meeting(meeting_id="2", booked_date=date(2026, 8, 31), held_date=date(2026, 9, 8), outcome="no_show"),
    )
    lost = a_deal(status="lost", lost_reason=None, close_date=date(2026, 9, 30))
    insert(with_calendar, tables.deals, lost, lost | {"deal_id": "2", "close_date": AS_OF + timedelta(days=1)})

    rows = [r for r in build(qualitative.MODEL, a_context()) if (r["period_kind"], r["scope_kind"]) == ("month", "rep")]
    found = {
        (row["kind"], row["code"], row["period_start"].month): tuple(
            row[n] for n in ("booked", "held", "rejected", "lost")
        )
        for row in rows
    }

    assert found["response_method", "call", 8] == (2, 0, 0, 0)
    assert found["response_method", "call", 9] == (0, 1, 1, 1)
    assert found["reject_reason", "no_budget", 9] == (0, 1, 1, 0)
    assert found["lost_reason", "unknown", 9] == (0, 0, 0, 1)
