"""A short pipeline now is a missed target in eight weeks: the leading KPI raises it while the target looks well."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from definitions_contract.periods import BusinessCalendar
from models import tables
from models.core import calendar
from models.kpi import alerts, changes, divergence, kpi_daily, meeting_verdicts, pace_weights, targets
from pipelines.alert_kinds import kind_of, lead_of
from pipelines.board.names import names_of
from pipelines.messages import due_messages
from pipelines.warehouse import Warehouse
from tests.models.factories import insert, row_of
from tests.models.kpi.demo_night import agreement, rows_of, write

LAST_NIGHT = date(2026, 10, 20)
FIRST_DAY = date(2025, 10, 1)
DAYS_TO_HELD, DAYS_TO_WON = 7, 56
REPS = tuple(f"r{number}" for number in range(6))
BOOKINGS_FALL = date(2026, 10, 2)  # to a third, 12 business days before the last night
MODELS = (calendar, meeting_verdicts, kpi_daily, targets, pace_weights, divergence, changes, alerts)


def booked_days() -> Iterator[tuple[date, str]]:
    """Each rep books a meeting a day, from October on every third of them."""
    is_open = BusinessCalendar("JP").is_business_day
    for number in range((LAST_NIGHT - FIRST_DAY).days + 1):
        day = FIRST_DAY + timedelta(days=number)
        if is_open(day):
            yield from ((day, rep) for rep in (REPS[:2] if day >= BOOKINGS_FALL else REPS))


def meetings_and_deals() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Meetings a week after their booking, all of them valid; one of a day becomes a deal, won eight weeks after it was booked."""
    meetings, deals = [], []
    for number, (day, rep) in enumerate(booked_days()):
        held, won = day + timedelta(days=DAYS_TO_HELD), day + timedelta(days=DAYS_TO_WON)
        is_held = held <= LAST_NIGHT
        answers = {"field_sales_feedback": "accepted", "decision_maker_present": True, "minutes": 45} if is_held else {}
        times = {"booked_date": day, "held_date": held, "outcome": "held" if is_held else "booked"}
        meetings.append(row_of(tables.meetings, meeting_id=f"m{number}", rep_id=rep, **times, **answers))
        if rep == REPS[0]:
            state = {"status": "won", "close_date": won} if won <= LAST_NIGHT else {"status": "open"}
            deal = {"deal_id": f"d{number}", "meeting_id": f"m{number}", "rep_id": rep, "created_date": held} | state
            deals.append(row_of(tables.deals, agreed_amount=Decimal(1_000_000), **deal))
    return meetings, deals


@pytest.fixture(scope="module")
def company() -> Iterator[Any]:
    """A mature team of six whose bookings fell twelve business days ago."""
    agreed = agreement()
    mature = {"current_phase": "mature", "current_kpi": "deals_won", "since": FIRST_DAY}
    agreed = agreed.model_copy(update={"phases": agreed.phases.model_copy(update=mature)})
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    place = {"team": "is_east", "department": "inside_sales"}
    meetings, deals = meetings_and_deals()
    with warehouse.transaction() as connection:
        insert(
            connection,
            tables.reps,
            *(row_of(tables.reps, rep_id=rep, name=rep, is_active=True, **place) for rep in REPS),
        )
        member = {"valid_from": FIRST_DAY - timedelta(days=400), **place}
        insert(connection, tables.rep_teams, *(row_of(tables.rep_teams, rep_id=rep, **member) for rep in REPS))
        insert(connection, tables.meetings, *meetings)
        insert(connection, tables.deals, *deals)
        write(connection, *(module.MODEL for module in MODELS), as_of=LAST_NIGHT, agreed=agreed)
        yield connection, agreed


def test_fewer_bookings_are_told_eight_weeks_before_the_deals_are_missed(company: Any) -> None:
    connection, _ = company
    (target,) = rows_of(
        connection, tables.divergence, kpi_id="deals_won", scope_kind="department", period_kind="month",
        evaluated_date=LAST_NIGHT,
    )  # fmt: skip
    heard = [
        row for row in rows_of(connection, tables.alerts) if row["notified_date"] and row["worst_state"] != "ahead"
    ]

    assert target["state"] in ("on_track", "ahead")
    (alert,) = heard
    assert (alert["kpi_id"], alert["scope_kind"], alert["kind"]) == ("meetings_booked", "department", "change")
    assert (alert["leads_to"], alert["lead_days"]) == ("deals_won", DAYS_TO_WON)
    assert kind_of(alert) == "leading"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Deals won will show it in about 56 days"), ("ja", "受注数には約 56 日後に表れます")],
)
def test_the_message_says_how_long_before(company: Any, language: str, words: str) -> None:
    connection, agreed = company
    (alert,) = [row for row in rows_of(connection, tables.alerts) if row["leads_to"] and not row["silenced_by"]]

    (message,) = [
        one for one in due_messages(connection, agreed, alert["notified_date"]) if one.alert_id == alert["alert_id"]
    ]

    assert words in message.in_language(language)[1]
    lead = lead_of(alert, names_of(agreed, {}))
    assert lead is not None
    assert words in getattr(lead, language)
