"""What becomes of a change of level in the hands of people: snoozed, taken on, reminded of."""

from datetime import date, timedelta
from typing import Any

import pytest

from models.kpi.change_alerts import ScopedChange, change_row
from models.statistics.alert_life import Action, Silence
from models.statistics.change_life import CALM_NIGHTS, Signal, follow

FIRST = date(2026, 11, 2)
SCOPE = ("team", "is_east")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def change(loud: int, nights: int) -> ScopedChange:
    """A valid rate that is loud for some nights and calm afterwards, on so many nights."""
    signals = [
        Signal(day(number), "rate", "valid_rate", "team", "is_east", score, score)
        for number in range(nights)
        for score in [-5.0 if number < loud else -0.5]
    ]
    (alert,) = follow((signal.evaluated_date, [signal]) for signal in signals)
    return ScopedChange(SCOPE, alert, [signal.evaluated_date for signal in signals])


def row(found: ScopedChange, *actions: Action, silence: Silence | None = None) -> dict[str, Any]:
    silences = {} if silence is None else {found.alert_id: silence}
    return change_row(found, silences, actions, found.nights[-1])


def snoozed(found: ScopedChange, until: int) -> Action:
    return Action(found.alert_id, day(1), "snooze", by="Sato", until=day(until))


@pytest.mark.parametrize("nights", range(2, 8))
def test_a_change_that_still_stands_is_told_again_when_its_snooze_is_over(nights: int) -> None:
    found = change(9, nights)

    told = row(found, snoozed(found, until=5))

    is_over = nights >= 5  # the night of day 4 is read on day 5
    assert told["state"] == ("open" if is_over else "snoozed")
    assert (told["reminded_date"], told["notified_date"]) == ((day(4),) * 2 if is_over else (None, day(0)))


@pytest.mark.parametrize(
    ("loud", "silence", "is_taken_on"),
    [
        pytest.param(1, None, False, id="over before the snooze is"),
        pytest.param(20, Silence("parent", day(3)), False, id="another alert tells it since"),
        pytest.param(20, None, True, id="taken on since"),
    ],
)
def test_nobody_is_reminded_without_need(loud: int, silence: Silence | None, is_taken_on: bool) -> None:
    until = loud + CALM_NIGHTS + 1
    found = change(loud, until + 3)
    taken = [Action(found.alert_id, day(2), "acknowledge", by="Sato", why="known")] if is_taken_on else []

    assert row(found, snoozed(found, until), *taken, silence=silence)["reminded_date"] is None
