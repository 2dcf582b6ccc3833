"""Day weights and what is due by a day."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.pace import CalendarDay, Pace, day_weights, month_places, pace

FIRST = date(2026, 1, 5)  # a Monday
HOLIDAY = date(2026, 2, 11)


def days(count: int = 200) -> list[CalendarDay]:
    found = [FIRST + timedelta(days=number) for number in range(count)]
    return [CalendarDay(day, day.replace(day=1), is_business_day=day.weekday() < 5 and day != HOLIDAY) for day in found]


def history(level: Callable[[date], float], until: date) -> dict[date, float]:
    return {row.day: level(row.day) for row in days() if row.is_business_day and row.day <= until}


def test_a_day_off_weighs_nothing() -> None:
    weights = day_weights(days(), history(lambda _: 10.0, FIRST + timedelta(days=150)), history_end=date(2026, 6, 1))

    assert weights[HOLIDAY] == 0
    assert weights[FIRST + timedelta(days=5)] == 0


def test_a_steady_team_has_flat_weights() -> None:
    weights = day_weights(days(), history(lambda _: 10.0, date(2026, 6, 1)), history_end=date(2026, 6, 1))

    assert all(weight == pytest.approx(1) for weight in weights.values() if weight)


def test_a_weekday_that_brings_more_weighs_more_but_is_shrunk_towards_flat() -> None:
    on_mondays = history(lambda day: 20.0 if day.weekday() == 0 else 10.0, date(2026, 6, 1))

    weights = day_weights(days(), on_mondays, history_end=date(2026, 6, 1))

    monday, tuesday = weights[date(2026, 6, 15)], weights[date(2026, 6, 16)]
    assert 1.2 < monday / tuesday < 2.0


@pytest.mark.parametrize(
    ("weeks", "is_flat"),
    [pytest.param(7, True, id="seven weeks are too few"), pytest.param(8, False, id="eight weeks are enough")],
)
def test_weights_are_flat_with_less_than_eight_weeks_of_history(weeks: int, is_flat: bool) -> None:
    first = date(2026, 3, 2)
    end = first + timedelta(days=7 * weeks - 1)
    counts = {
        row.day: 50.0 + 40 * (row.day.weekday() == 0)
        for row in days()
        if row.is_business_day and first <= row.day <= end
    }

    weights = day_weights(days(), counts, history_end=end)

    assert (len({weight for weight in weights.values() if weight}) == 1) is is_flat


def test_the_future_does_not_change_the_weights() -> None:
    known = history(lambda day: 10.0 + day.weekday(), date(2026, 4, 30))
    with_future = {**known, date(2026, 5, 8): 999.0}

    assert day_weights(days(), known, history_end=date(2026, 4, 30)) == day_weights(
        days(), with_future, history_end=date(2026, 4, 30)
    )


def test_places_are_the_first_and_last_five_business_days() -> None:
    places = month_places(days())

    march = [day for day in places if day.month == 3]
    assert [places[day] for day in march[:6]] == ["start"] * 5 + ["middle"]
    assert [places[day] for day in march[-6:]] == ["middle"] + ["end"] * 5


@pytest.mark.parametrize(
    ("gone", "total", "expected"),
    [
        pytest.param(0, 20, Pace(0, 0), id="nothing is due on the first day"),
        pytest.param(20, 20, Pace(100, 1), id="everything is due on the last"),
        pytest.param(0, 0, Pace(0, 0), id="a period without business days owes nothing"),
    ],
)
def test_what_is_due(gone: float, total: float, expected: Pace) -> None:
    assert pace(100, weight_gone=gone, weight_total=total) == expected


@given(st.floats(0, 1e6), st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_what_is_due_grows_to_the_target(target: float, weights: list[float]) -> None:
    total = sum(weights)
    due = [pace(target, weight_gone=sum(weights[:n]), weight_total=total).expected for n in range(len(weights) + 1)]

    assert due == sorted(due)
    assert due[-1] == pytest.approx(target if total else 0)
