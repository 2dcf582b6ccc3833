"""The alerts of the demo company's first night, and what people do to them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from models import tables
from models.kpi import alerts
from tests.models.factories import insert, row_of
from tests.models.kpi.demo_night import AS_OF, agreement, night, rows_of, write

MONDAY = date(2026, 11, 23)


def test_the_department_hears_of_valid_meetings_with_the_cause() -> None:
    with night() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")

    assert (alert["state"], alert["divergence_state"]) == ("open", "off")
    assert alert["cause"] == "lead_source:purchased_list:rate"
    assert alert["opened_date"] == alert["notified_date"] == AS_OF
    assert alert["silenced_by"] is None


def test_nobody_hears_of_anything_else() -> None:
    with night() as connection:
        heard = [row for row in rows_of(connection, tables.alerts) if row["notified_date"] is not None]

    assert [(row["kpi_id"], row["scope_id"], row["cause"]) for row in heard] == [
        ("valid_meetings", "inside_sales", "lead_source:purchased_list:rate")
    ]


def test_an_alert_ends_in_a_proposal_with_its_lever() -> None:
    with night() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")

    assert (alert["proposal"], alert["proposal_lever"]) == ("act", "lead_source:purchased_list:rate")
    assert alert["proposal_value"] > 0
    assert "Purchased list" in alert["proposal_en"]
    assert "購入リスト" in alert["proposal_ja"]


def test_the_source_itself_is_found_without_a_target_and_told_within_the_same_alert() -> None:
    with night() as connection:
        changed = rows_of(connection, tables.alerts, kind="change")
        (parent,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")

    of_department = {row["cause"] for row in changed if row["scope_kind"] == "department"}
    assert of_department == {"lead_source:purchased_list:rate"}
    assert {row["silenced_by"] for row in changed} == {parent["alert_id"]}


def test_its_teams_and_reps_are_silent() -> None:
    with night() as connection:
        (parent,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")
        children = [
            row
            for row in rows_of(connection, tables.alerts, kpi_id="valid_meetings")
            if row["scope_kind"] != "department" and row["divergence_state"] != "ahead"
        ]

    assert "team" in {row["scope_kind"] for row in children}
    assert {row["silenced_by"] for row in children} == {parent["alert_id"]}
    assert {row["notified_date"] for row in children} == {None}


def test_only_the_current_phases_kpis_alert_and_only_by_month() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.alerts)

    targets = [row for row in rows if row["kind"] == "target"]
    assert {row["kpi_id"] for row in targets} <= {"meetings_booked", "valid_meetings"}
    assert {row["period_kind"] for row in rows} == {"month"}


@pytest.mark.parametrize(
    ("action", "state"), [("acknowledge", "acknowledged"), ("snooze", "snoozed")], ids=["acknowledged", "snoozed"]
)
def test_what_a_person_did_shows_at_once(action: str, state: str) -> None:
    with night() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")
        done: dict[str, Any] = {
            "action": action,
            "by": "manager",
            "why": "new list ordered",
            "until_date": date(2026, 12, 1),
        }
        acted_at = datetime(2026, 11, 23, 1, tzinfo=UTC)
        insert(
            connection,
            tables.alert_actions,
            row_of(tables.alert_actions, alert_id=alert["alert_id"], acted_at=acted_at, **done),
        )
        write(connection, alerts.MODEL)
        (after,) = rows_of(connection, tables.alerts, alert_id=alert["alert_id"])

    assert after["state"] == state
    assert after["notified_date"] == alert["notified_date"]


def test_the_same_nights_give_the_same_alerts() -> None:
    with night() as connection:
        before = rows_of(connection, tables.alerts)
        write(connection, alerts.MODEL)
        assert rows_of(connection, tables.alerts) == before


def test_a_night_without_trust_changes_no_alert() -> None:
    with night() as connection:
        before = rows_of(connection, tables.alerts)
        rows = rows_of(connection, tables.divergence)
        insert(connection, tables.divergence, *(row | {"evaluated_date": MONDAY, "state": "untrusted"} for row in rows))
        write(connection, alerts.MODEL, as_of=MONDAY)

        assert rows_of(connection, tables.alerts) == before


def test_recovery_is_told_once_and_lets_the_teams_speak() -> None:
    with night() as connection:
        for row in rows_of(connection, tables.divergence, kpi_id="valid_meetings", period_kind="month"):
            state = "on_track" if row["scope_kind"] == "department" else row["state"]
            insert(connection, tables.divergence, row | {"evaluated_date": MONDAY, "state": state})
        write(connection, alerts.MODEL, as_of=MONDAY)
        rows = rows_of(connection, tables.alerts, kpi_id="valid_meetings")

    department = next(row for row in rows if row["scope_kind"] == "department")
    teams = [row for row in rows if row["scope_kind"] == "team"]
    assert (department["state"], department["resolved_date"], department["notified_date"]) == (
        "resolved",
        MONDAY,
        MONDAY,
    )
    assert [(row["silenced_by"], row["notified_date"]) for row in teams] == [(None, MONDAY)] * 2


def test_doing_the_same_twice_on_a_day_is_two_events_with_keys_of_their_own() -> None:
    with night() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")
        for hour in (1, 2):
            done = {"acted_at": datetime(2026, 11, 23, hour, tzinfo=UTC), "action": "acknowledge", "by": "Sato"}
            row = row_of(tables.alert_actions, alert_id=alert["alert_id"], why=f"{hour}", **done)
            insert(connection, tables.alert_actions, row)
        write(connection, alerts.MODEL, alerts.EVENTS)
        events = rows_of(connection, tables.alert_events, event="acknowledged")

    assert [(row["number"], row["detail"]) for row in events] == [(1, "1"), (2, "2")]


def test_moving_to_another_phase_closes_the_alerts_of_the_former_and_keeps_them() -> None:
    agreed = agreement()
    moved = agreed.phases.model_copy(update={"current_phase": "mature", "current_kpi": "deals_won", "since": MONDAY})
    with night() as connection:
        before = rows_of(connection, tables.alerts, kpi_id="valid_meetings", kind="target")
        rows = rows_of(connection, tables.divergence, period_kind="month")
        insert(connection, tables.divergence, *(row | {"evaluated_date": MONDAY} for row in rows))
        write(connection, alerts.MODEL, as_of=MONDAY, agreed=agreed.model_copy(update={"phases": moved}))
        write(connection, alerts.EVENTS, as_of=MONDAY)
        after = rows_of(connection, tables.alerts, kpi_id="valid_meetings", kind="target")
        closed = rows_of(connection, tables.alert_events, event="closed")

    assert [row["alert_id"] for row in after] == [row["alert_id"] for row in before]
    assert {row["state"] for row in after} == {"closed"}
    assert {(row["event_date"], row["detail"]) for row in closed} == {(MONDAY, "phase_moved")}


def test_a_proposal_names_the_lever_and_not_its_id() -> None:
    with night() as connection:
        (alert,) = rows_of(connection, tables.alerts, kpi_id="valid_meetings", scope_kind="department")

    assert "lead source “Purchased list”, rate" in alert["proposal_en"]
    assert "流入経路「購入リスト」の率" in alert["proposal_ja"]
