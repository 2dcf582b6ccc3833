"""What becomes of an alert, night by night."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.alert_life import Action, Alert, Night, ScopeKey, replay_all

FIRST = date(2026, 11, 2)
DEPARTMENT: ScopeKey = ("department", "inside_sales")
TEAM: ScopeKey = ("team", "is_east")
REP: ScopeKey = ("rep", "hs:r1")
PARENTS = {TEAM: (DEPARTMENT,), REP: (TEAM, DEPARTMENT)}
STATES = ("ahead", "on_track", "at_risk", "off", "too_little_data", "untrusted")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def nights(states: str, scope: ScopeKey = TEAM) -> list[Night]:
    """One night per word."""
    return [
        Night("valid_meetings", "month", date(2026, 11, 1), date(2026, 12, 1), scope, day(number), state, -5.0, 0.2)
        for number, state in enumerate(states.split())
    ]


def replayed(
    rows: Iterable[Night], actions: Iterable[Action] = (), ended: Mapping[str, date] | None = None
) -> list[Alert]:
    """The alerts of nights in which nothing but targets is watched."""
    return list(replay_all(rows, (), actions, PARENTS, ended=ended).alerts)


def only(alerts: list[Alert]) -> Alert:
    (alert,) = alerts
    return alert


@pytest.mark.parametrize("state", ["at_risk", "off", "ahead"])
def test_a_bad_or_a_very_good_state_opens_an_alert(state: str) -> None:
    alert = only(replayed(nights(f"on_track {state} {state}")))

    assert (alert.state, alert.opening.evaluated_date, alert.notified_date) == ("open", day(1), day(1))


def test_a_rep_who_is_ahead_needs_no_review() -> None:
    assert replayed(nights("ahead ahead", REP)) == []
    assert only(replayed(nights("off ahead", REP))).state == "resolved"


@pytest.mark.parametrize("state", ["on_track", "too_little_data", "untrusted"])
def test_other_states_open_none(state: str) -> None:
    assert replayed(nights(state)) == []


def test_staying_bad_is_told_once() -> None:
    assert only(replayed(nights("off off off off"))).notified_date == day(0)


def test_getting_worse_is_told_again_but_swinging_back_is_not() -> None:
    alert = only(replayed(nights("at_risk off at_risk off")))

    assert (alert.worsened_date, alert.notified_date, alert.worst_state) == (day(1), day(1), "off")


def test_back_on_track_resolves_and_is_told() -> None:
    alert = only(replayed(nights("off on_track on_track")))

    assert (alert.state, alert.resolved_date, alert.notified_date) == ("resolved", day(1), day(1))


def test_bad_data_holds_an_alert_as_it_is() -> None:
    alert = only(replayed(nights("at_risk untrusted untrusted at_risk")))

    assert (alert.state, alert.notified_date, alert.newest.evaluated_date) == ("open", day(0), day(3))


def test_a_relapse_is_a_new_alert() -> None:
    first, second = replayed(nights("off on_track off"))

    assert (first.state, second.state) == ("resolved", "open")
    assert first.alert_id != second.alert_id


def test_turning_from_behind_to_ahead_ends_one_alert_and_opens_another() -> None:
    behind, ahead = replayed(nights("at_risk ahead"))

    assert (behind.state, ahead.state, ahead.worst_state) == ("resolved", "open", "ahead")


def test_an_alert_is_closed_when_its_period_is_over() -> None:
    later = Night(
        "valid_meetings", "month", date(2026, 12, 1), date(2027, 1, 1), TEAM, date(2026, 12, 1), "on_track", 0, 1
    )

    alert = only(replayed([*nights("off"), later]))
    assert (alert.state, alert.closed_why) == ("closed", "period_over")


def test_the_departments_alert_silences_team_and_rep() -> None:
    rows = [*nights("off", DEPARTMENT), *nights("off", TEAM), *nights("off", REP)]

    department, rep, team = sorted(replayed(rows), key=lambda alert: alert.opening.scope)

    assert department.notified_date == day(0)
    assert team.silenced_by == rep.silenced_by == department.alert_id
    assert team.notified_date is None
    assert rep.notified_date is None


def test_a_parent_that_is_ahead_does_not_silence_a_child_that_is_behind() -> None:
    alerts = replayed([*nights("ahead", DEPARTMENT), *nights("off", TEAM)])

    assert all(alert.silenced_by is None for alert in alerts)


def test_a_child_is_told_when_its_parent_has_resolved() -> None:
    alerts = replayed([*nights("off on_track", DEPARTMENT), *nights("off off", TEAM)])

    team = next(alert for alert in alerts if alert.opening.scope == TEAM)
    assert (team.silenced_by, team.notified_date) == (None, day(1))


def test_what_nobody_heard_of_is_not_told_as_resolved() -> None:
    alerts = replayed([*nights("off off", DEPARTMENT), *nights("off on_track", TEAM)])

    team = next(alert for alert in alerts if alert.opening.scope == TEAM)
    assert (team.state, team.notified_date) == ("resolved", None)


def test_what_ends_with_its_parent_is_not_told_either() -> None:
    alerts = replayed([*nights("off on_track", DEPARTMENT), *nights("off on_track", TEAM)])

    assert [(alert.opening.scope, alert.notified_date) for alert in alerts] == [(DEPARTMENT, day(1)), (TEAM, None)]


def test_an_acknowledged_alert_says_who_and_why() -> None:
    alert_id = only(replayed(nights("off off"))).alert_id
    action = Action(alert_id, day(1), "acknowledge", by="manager", why="list is being replaced")

    alert = only(replayed(nights("off off"), [action]))

    assert (alert.state, alert.acknowledged_by, alert.acknowledged_why) == (
        "acknowledged",
        "manager",
        "list is being replaced",
    )


@pytest.mark.parametrize(
    ("until", "state", "notified"),
    [
        pytest.param(day(5), "snoozed", day(0), id="worse while snoozed is not told"),
        pytest.param(day(4), "snoozed", day(0), id="read the morning after, the snooze holds"),
        pytest.param(day(3), "open", day(2), id="the night before its last day is read on it"),
    ],
)
def test_a_snoozed_alert_is_silent(until: date, state: str, notified: date) -> None:
    alert_id = only(replayed(nights("at_risk"))).alert_id
    action = Action(alert_id, day(1), "snooze", until=until)

    alert = only(replayed(nights("at_risk at_risk off"), [action]))

    assert (alert.state, alert.notified_date) == (state, notified)


def test_the_end_of_a_snooze_reminds_once_of_an_alert_that_still_stands() -> None:
    alert_id = only(replayed(nights("off"))).alert_id
    snoozed = Action(alert_id, day(1), "snooze", until=day(3))

    told = [only(replayed(nights(" ".join(["off"] * count)), [snoozed])) for count in range(1, 7)]

    assert [alert.notified_date for alert in told] == [day(0), day(0), *[day(2)] * 4]
    assert [alert.reminded_date for alert in told] == [None, None, *[day(2)] * 4]


@pytest.mark.parametrize(
    ("states", "actions", "reminded"),
    [
        pytest.param("off off on_track off", [("snooze", day(3))], None, id="what is over needs none"),
        pytest.param("off off untrusted off", [("snooze", day(3))], day(3), id="the first night that judges"),
        pytest.param("off off off off", [("snooze", day(3)), ("acknowledge", None)], None, id="taken on meanwhile"),
        pytest.param("off off off off", [("acknowledge", None), ("snooze", day(3))], day(2), id="taken on before"),
        pytest.param("off off off off", [("snooze", day(3)), ("snooze", day(9))], None, id="put off again"),
    ],
)
def test_who_answered_a_snooze_is_not_reminded(states: str, actions: list[Any], reminded: date | None) -> None:
    alert_id = only(replayed(nights("off"))).alert_id
    done = [Action(alert_id, day(1), action, by="Sato", until=until) for action, until in actions]

    assert replayed(nights(states), done)[0].reminded_date == reminded


def test_a_second_snooze_has_a_reminder_of_its_own() -> None:
    alert_id = only(replayed(nights("off"))).alert_id
    done = [Action(alert_id, day(1), "snooze", until=day(3)), Action(alert_id, day(4), "snooze", until=day(7))]

    told = [only(replayed(nights(" ".join(["off"] * count)), done)).reminded_date for count in (3, 5, 6, 7, 8)]

    assert told == [day(2), day(2), day(2), day(6), day(6)]


def test_what_is_done_this_morning_shows_but_does_not_change_last_night() -> None:
    alert_id = only(replayed(nights("off"))).alert_id
    action = Action(alert_id, day(1), "snooze", until=day(9))

    alert = only(replayed(nights("off"), [action]))

    assert (alert.state, alert.notified_date) == ("snoozed", day(0))


histories = st.lists(st.sampled_from(STATES), min_size=1, max_size=15).map(" ".join)


@given(histories, histories, histories, st.randoms())
def test_the_same_nights_in_any_order_give_the_same_alerts(department: str, team: str, rep: str, random) -> None:  # type: ignore[no-untyped-def]
    rows = [*nights(department, DEPARTMENT), *nights(team, TEAM), *nights(rep, REP)]
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert replayed(shuffled) == replayed(rows, [])


@given(histories, histories)
def test_nothing_is_notified_that_later_nights_take_back(department: str, team: str) -> None:
    rows = [*nights(department, DEPARTMENT), *nights(team, TEAM)]
    cut = day(min(len(department.split()), len(team.split())) - 1)

    before = replayed([row for row in rows if row.evaluated_date <= cut])
    after = {alert.alert_id: alert for alert in replayed(rows)}

    for alert in before:
        assert after[alert.alert_id].opening == alert.opening
        assert alert.notified_date is None or (after[alert.alert_id].notified_date or date.min) >= alert.notified_date


def test_a_phase_move_closes_what_is_open_and_keeps_the_history() -> None:
    moved = {"valid_meetings": day(2)}

    (closed,) = replayed(nights("off off"))
    other = Night("deals_won", "month", date(2026, 11, 1), date(2026, 12, 1), TEAM, day(2), "on_track", 0.0, 0.9)
    (moved_on,) = replayed([*nights("off off"), other], ended=moved)

    assert closed.state == "open"
    assert (moved_on.state, moved_on.closed_date, moved_on.opening) == ("closed", day(2), closed.opening)
    assert moved_on.closed_why == "phase_moved"
