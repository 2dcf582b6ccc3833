"""A level is held against its own past: steady noise stays silent, a real change is found, and the same nights say the same."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.change_life import CALM_NIGHTS, THRESHOLDS, Signal, follow
from models.statistics.changes import RUN_ENDS, WINDOWS, Series, scan, scan_since, score_against
from models.statistics.deal_pace import deal_pace
from models.statistics.proposals import Matter, propose

DAYS = 300
BAR = THRESHOLDS["rate", "lead_source"]
START = date(2026, 1, 1)


def poisson(seed: int, mean: float, *, days: int = DAYS, factor: float = 1.0, since: int = DAYS) -> Series:
    rng = np.random.default_rng(seed)
    level = np.where(np.arange(days) >= since, mean * factor, mean)
    return Series("count", rng.poisson(level).astype(float), np.ones(days))


def test_a_quarter_less_volume_is_found_within_two_weeks() -> None:
    low = scan(poisson(1, 100.0, factor=0.75, since=280)).low

    assert low[279] > -4
    assert low[289] < -4


@pytest.mark.parametrize("seed", range(5))
def test_steady_work_stays_below_every_threshold(seed: int) -> None:
    found = scan(poisson(seed, 60.0))

    assert np.nanmin(found.low) > -3.4
    assert np.nanmax(found.high) < 4.0


def test_days_without_any_past_are_not_judged() -> None:
    assert np.isnan(scan(poisson(1, 50.0, days=70)).low).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(200, DAYS - 1))
def test_only_days_up_to_the_night_enter(seed: int, night: int) -> None:
    whole = poisson(seed, 30.0, factor=0.5, since=250)
    cut = Series("count", whole.observed[: night + 1], whole.exposure[: night + 1])

    assert scan(cut).low[-1] == pytest.approx(scan(whole).low[night], rel=1e-12)


def test_empty_days_of_a_small_series_have_a_finite_score() -> None:
    series = Series("rate", np.zeros(DAYS), np.full(DAYS, 3.0))
    known = scan(series).low

    assert not np.isinf(known).any()


def test_a_known_day_needs_less_time() -> None:
    rng = np.random.default_rng(3)
    cases = np.full(DAYS, 12.0)
    hits = rng.binomial(12, np.where(np.arange(DAYS) >= 250, 0.33, 0.45)).astype(float)
    scores = scan_since(Series("rate", hits, cases), 250)

    assert np.isnan(scores[249])
    assert scores[270] < -1.8


def test_a_target_that_is_met_on_average_is_no_news_and_one_far_above_is() -> None:
    series = poisson(2, 20.0)

    assert abs(score_against(series, np.full(DAYS, 20.0))[-1]) < 3
    assert score_against(series, np.full(DAYS, 32.0))[-1] < -3.5


def test_deals_that_take_longer_show_before_wins_are_missing() -> None:
    rng = np.random.default_rng(4)
    created = np.repeat(np.arange(280), 4)
    age = rng.integers(5, 40, len(created))
    slow = np.where(created + age >= 270, age * 3, age)
    decided = [int(day) if day < 290 else None for day in created + slow]
    series = deal_pace([int(day) for day in created], decided, 290)

    assert series is not None
    assert scan(series).low[-1] < -2.6


def test_too_few_decisions_give_no_pace() -> None:
    assert deal_pace([1, 2, 3], [10, 11, None], 100) is None


def signal(day: int, score: float, before: float, **values: str) -> Signal:
    names = {"kind": "rate", "stage": "valid_rate", "split": "lead_source", "part": "list"} | values
    return Signal(START + timedelta(days=day), score=score, score_before=before, **names)  # type: ignore[arg-type]


def nights(*signals: list[Signal]) -> list[tuple[date, list[Signal]]]:
    return [(START + timedelta(days=day), found) for day, found in enumerate(signals)]


@pytest.mark.parametrize(
    ("score", "before", "count"),
    [
        pytest.param(-BAR, -BAR, 1, id="both nights at the threshold"),
        pytest.param(0.01 - BAR, -5.0, 0, id="tonight below it"),
        pytest.param(-5.0, 0.01 - BAR, 0, id="the night before below it"),
        pytest.param(-5.0, 5.0, 0, id="on two sides"),
    ],
)
def test_an_alert_needs_two_nights_beyond_the_threshold(score: float, before: float, count: int) -> None:
    assert len(follow(nights([signal(0, score, before)]))) == count


def test_a_week_of_calm_ends_it_and_less_does_not() -> None:
    loud = [signal(0, -5, -5)]
    (alert,) = follow(nights(loud, *[[] for _ in range(CALM_NIGHTS - 1)]))
    assert alert.is_active

    (alert,) = follow(nights(loud, *[[] for _ in range(CALM_NIGHTS)]))
    assert not alert.is_active


def test_what_lies_down_the_funnel_joins_and_the_strongest_is_the_cause() -> None:
    team = signal(1, -4.5, -4.5, kind="count", stage="meetings_booked", split="team", part="t")
    calls = signal(1, -12, -12, kind="count", stage="calls_made", split="rep", part="r1")
    (alert,) = follow(nights([], [team, calls]))

    assert alert.cause.part == "r1"
    assert len(alert.members) == 2


def test_another_story_is_another_alert() -> None:
    deals = signal(0, -4, -4, kind="pace", stage="deals_won", split="team", part="t")

    assert len(follow(nights([signal(0, -5, -5), deals]))) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=2, max_size=60))
def test_the_same_nights_give_the_same_alerts_and_none_flips_within_a_week(scores: list[float]) -> None:
    found = nights(*[[signal(day, score, scores[max(day - 1, 0)])] for day, score in enumerate(scores)])
    alerts = follow(found)

    assert follow(found) == alerts
    ends = [alert.resolved_date for alert in alerts if alert.resolved_date is not None]
    for alert in alerts:
        if alert.resolved_date is not None:
            assert (alert.resolved_date - alert.opening.evaluated_date).days >= CALM_NIGHTS
    assert len(ends) == len(set(ends)) or len({alert.opening.is_down for alert in alerts}) == 2


def matter(**values: object) -> Matter:
    known: dict[str, object] = {
        "is_ahead": False,
        "cause": None,
        "actual": 49.0,
        "expected": 90.0,
        "target": 125.0,
        "forecast": 78.0,
        "evidence": -1.0,
        "due_next": 110.0,
        "sign_date": date(2026, 11, 27),
        "period_end": date(2026, 11, 30),
    }
    return Matter(**(known | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "choice", "value"),
    [
        pytest.param({"cause": "lead_source:list:rate"}, "act", 47.0, id="a cause is worked on"),
        pytest.param(
            {"cause": "lead_source:list:rate", "is_level": True}, "act", 125.0, id="a rate has a level to reach"
        ),
        pytest.param({"cause": "rep:target_level:mix"}, "reset_target", 29 / 0.28, id="a target beyond the own level"),
        pytest.param({"evidence": -2.0}, "reset_target", 29 / 0.28, id="two months below without a cause"),
        pytest.param({"evidence": -1.9}, "wait", 110.0, id="luck is waited out"),
        pytest.param({"is_ahead": True}, "reset_target", 29 / 0.28, id="over-achievement is a review"),
    ],
)
def test_each_matter_has_its_proposal(values: dict[str, object], choice: str, value: float) -> None:
    proposal = propose(matter(**values))

    assert (proposal.choice, proposal.value) == (choice, pytest.approx(value))


def a_rate_that_falls(*, days_low: int, days_after: int = 0) -> Series:
    """Four cases a day, half of them hits; a third fewer for some days, and as before from then on."""
    rates = np.concatenate([np.full(300, 0.5), np.full(days_low, 0.35), np.full(days_after, 0.5)])
    return Series("rate", 4 * rates, np.full(len(rates), 4.0))


def test_a_slow_loss_is_found_by_its_run_where_no_window_is_long_enough() -> None:
    series = a_rate_that_falls(days_low=60)

    found = scan(series)

    (longest,) = {found.low_window[-1]}
    only_windows = scan(replace(series, kind="count", exposure=np.ones(360)))  # counts have no run
    assert found.low[-1] < -THRESHOLDS["rate", "lead_source"]
    assert abs(int(longest) - 60) <= 1  # it began when the rate fell
    assert set(only_windows.low_window) <= set(series.windows)


def test_a_run_is_over_a_month_after_the_rate_is_back() -> None:
    found = scan(a_rate_that_falls(days_low=60, days_after=RUN_ENDS + 1))

    assert int(found.low_window[-1]) in WINDOWS
    assert found.low[-1] > -THRESHOLDS["rate", "lead_source"]


@given(st.lists(st.integers(0, 8), min_size=250, max_size=250))
def test_later_days_never_change_what_a_run_said(hits: list[int]) -> None:
    series = Series("rate", np.array(hits, dtype=float), np.full(250, 8.0))
    cut = replace(series, observed=series.observed[:220], exposure=series.exposure[:220])

    np.testing.assert_allclose(scan(cut).low, scan(series).low[:220], atol=1e-9)
    assert (np.nan_to_num(scan(series).low) <= np.nan_to_num(scan(series).high)).all()
