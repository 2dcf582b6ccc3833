"""The same cause under several KPIs, in several scopes, is one alert."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.alert_life import SEVERITY, Alert, Night, ScopeKey, Told, first_teller, replay_all
from models.statistics.change_life import explains
from models.statistics.stories import Series, Story, is_one_cause

FIRST = date(2026, 11, 2)
DEPARTMENT: ScopeKey = ("department", "inside_sales")
TEAM: ScopeKey = ("team", "is_east")
REP: ScopeKey = ("rep", "hs:r1")
PARENTS = {TEAM: (DEPARTMENT,), REP: (TEAM, DEPARTMENT)}
LIST, BOB = "lead_source:bought_list:rate", "rep:bob:mix"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def nights(states: str, scope: ScopeKey, kpi_id: str = "valid_meetings", cause: str | None = None) -> list[Night]:
    """One night per word; "-" is a night without this row."""
    start, end = date(2026, 11, 1), date(2026, 12, 1)
    return [
        Night(kpi_id, "month", start, end, scope, day(number), state, -5.0, 0.2, cause=cause)
        for number, state in enumerate(states.split())
        if state != "-"
    ]


def a_change(scope: ScopeKey, opened: int, stage: str = "valid_rate", cause: str = LIST, **changed: Any) -> Story:
    values: dict[str, Any] = {
        "alert_id": f"change:{stage}:{scope[1]}:{opened}",
        "is_down": True,
        "opened_date": day(opened),
        "resolved_date": None,
        "series": (Series(stage, cause, day(opened)),),
    }
    return Story(scope=scope, **(values | changed))


def tell(rows: Sequence[Night], *stories: Story) -> Told:
    return replay_all(rows, stories, [], PARENTS)


def alert_of(told: Told, scope: ScopeKey, kpi_id: str = "valid_meetings") -> Alert:
    return next(row for row in told.alerts if (row.opening.scope, row.opening.kpi_id) == (scope, kpi_id))


@pytest.mark.parametrize("opened", [0, 1], ids=["opened before", "opened the same night"])
def test_a_departments_change_silences_its_teams_target_of_the_same_cause(opened: int) -> None:
    change = a_change(DEPARTMENT, opened)

    team = alert_of(tell(nights("- off off", TEAM, cause=LIST), change), TEAM)

    assert (team.silenced_by, team.notified_date) == (change.alert_id, None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(a_change(DEPARTMENT, 0, cause="lead_source:fair:rate"), id="another source"),
        pytest.param(a_change(DEPARTMENT, 0, stage="calls_made", cause=BOB), id="the volume of one rep"),
        pytest.param(a_change(DEPARTMENT, 0, stage="deals_won"), id="elsewhere in the funnel"),
        pytest.param(a_change(DEPARTMENT, 0, is_down=False), id="the other direction"),
        pytest.param(a_change(DEPARTMENT, 0, resolved_date=day(1)), id="over"),
        pytest.param(a_change(("department", "field_sales"), 0), id="another department"),
    ],
)
def test_another_story_does_not_silence_it(change: Story) -> None:
    team = alert_of(tell(nights("- off", TEAM, cause=LIST), change), TEAM)

    assert (team.silenced_by, team.notified_date) == (None, day(1))


def test_a_target_at_risk_joins_the_change_that_was_told() -> None:
    change = a_change(TEAM, 0)

    told = tell(nights("- at_risk at_risk", TEAM, cause=LIST), change)

    assert alert_of(told, TEAM).silenced_by == change.alert_id
    assert told.silences == {}


def test_a_target_that_will_be_missed_is_worse_than_the_change_and_tells_from_then_on() -> None:
    change = a_change(TEAM, 0)

    told = tell(nights("- at_risk off at_risk", TEAM, cause=LIST), change)

    alert = alert_of(told, TEAM)
    assert (alert.silenced_by, alert.notified_date) == (None, day(2))
    assert (told.silences[change.alert_id].by, told.silences[change.alert_id].since) == (alert.alert_id, day(2))


def test_a_change_that_opens_after_its_target_was_told_is_silent() -> None:
    told = tell(nights("at_risk at_risk", TEAM, cause=LIST), a_change(TEAM, 1))

    assert {row.by for row in told.silences.values()} == {alert_of(told, TEAM).alert_id}
    assert alert_of(told, TEAM).notified_date == day(0)


def test_two_targets_along_the_funnel_are_one_alert_and_the_worse_one_is_heard() -> None:
    rows = [*nights("at_risk", TEAM, "meetings_booked"), *nights("off", TEAM, "valid_meetings")]

    told = tell(rows)

    assert alert_of(told, TEAM, "meetings_booked").silenced_by == alert_of(told, TEAM).alert_id
    assert alert_of(told, TEAM, "meetings_booked").notified_date is None


def test_two_targets_with_two_causes_are_two_alerts() -> None:
    rows = [
        *nights("off", TEAM, "meetings_booked", cause="rep:bob:leaver"),
        *nights("off", TEAM, "valid_meetings", cause=LIST),
    ]

    assert [row.silenced_by for row in tell(rows).alerts] == [None, None]


def test_what_joins_a_change_later_does_not_unsay_what_a_target_told() -> None:
    joined = (Series("deals_won", "funnel:deals_won:factor", day(0)), Series("valid_rate", LIST, day(2)))
    change = a_change(DEPARTMENT, 0, stage="deals_won", series=joined)

    team = alert_of(tell(nights("- off off off", TEAM, cause=LIST), change), TEAM)

    assert (team.notified_date, team.silenced_by) == (day(1), change.alert_id)


def test_the_chain_of_who_tells_whom_ends_at_the_one_that_is_heard() -> None:
    east, whole = a_change(TEAM, 0), a_change(DEPARTMENT, 1)

    told = tell(nights("- - off", DEPARTMENT, cause=LIST), east, whole)

    assert told.silences[east.alert_id].by == whole.alert_id
    assert first_teller(told.silences, whole.alert_id) == alert_of(told, DEPARTMENT).alert_id


scopes = st.sampled_from([DEPARTMENT, TEAM, REP])
causes = st.sampled_from([None, LIST, BOB, "funnel:calls_made:factor"])
words = st.lists(st.sampled_from(["at_risk", "off", "on_track", "ahead", "untrusted", "-"]), min_size=6, max_size=6)
targets = st.lists(
    st.builds(
        lambda states, scope, kpi_id, cause: (" ".join(states), scope, kpi_id, cause),
        words,
        scopes,
        st.sampled_from(["meetings_booked", "valid_meetings", "deals_won"]),
        causes,
    ),
    max_size=6,
    unique_by=lambda row: row[1:3],
)
changes = st.lists(
    st.builds(
        lambda scope, opened, stage, cause, is_down, nights: a_change(
            scope, opened, stage, cause, is_down=is_down, resolved_date=day(opened + nights)
        ),
        scopes,
        st.integers(0, 5),
        st.sampled_from(["calls_made", "valid_rate", "deals_won"]),
        st.sampled_from([LIST, BOB, "funnel:calls_made:factor"]),
        st.booleans(),
        st.integers(1, 6),
    ),
    max_size=4,
    unique_by=lambda row: row.alert_id,
)


@settings(max_examples=150)
@given(targets, changes)
def test_who_tells_a_story_first_is_the_only_one_to_tell_it(targets: Any, changes: list[Story]) -> None:
    rows = [night for row in targets for night in nights(*row)]

    for number in range(6):
        tonight = day(number)
        known = [change for change in changes if change.opened_date <= tonight]
        told = tell([row for row in rows if row.evaluated_date <= tonight], *known)
        heard = [row for row in told.alerts if row.is_active and row.heard_since and row.silenced_by is None]
        for new in (row for row in heard if row.heard_since == tonight):
            for other in heard:
                if other is not new and _tells_too(other, new):
                    assert other.opening.scope == new.opening.scope
                    assert SEVERITY[other.worst_state] < SEVERITY[new.worst_state]
            for change in known:
                is_heard = change.is_open_on(tonight) and change.alert_id not in told.silences
                if is_heard and _line(change.scope, new.opening.scope) and change.is_down != new.is_ahead:
                    is_told = change.tells(new.opening.kpi_id, new.newest.cause, tonight)
                    assert not is_told or (change.scope == new.opening.scope and new.worst_state == "off")


@settings(max_examples=100)
@given(targets, changes)
def test_a_later_night_takes_nothing_back_that_was_told(targets: Any, changes: list[Story]) -> None:
    rows = [night for row in targets for night in nights(*row)]
    whole = {row.alert_id: row for row in tell(rows, *changes).alerts}

    for number in range(5):
        known = [change for change in changes if change.opened_date <= day(number)]
        for alert in tell([row for row in rows if row.evaluated_date <= day(number)], *known).alerts:
            assert whole[alert.alert_id].heard_since == alert.heard_since or alert.heard_since is None


def _tells_too(other: Alert, new: Alert) -> bool:
    """Tell whether another alert is about the same, in the scope of the new one or above."""
    is_near = _line(other.opening.scope, new.opening.scope) and other.is_ahead == new.is_ahead
    is_funnel = explains(other.opening.kpi_id, new.opening.kpi_id)
    return is_near and is_funnel and is_one_cause(other.newest.cause, new.newest.cause)


def _line(scope: ScopeKey, of: ScopeKey) -> bool:
    return scope in (of, *PARENTS.get(of, ()))
