"""The whole chain from calls to money, estimated, worked back and run forward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.chain import Begun, Months
from models.statistics.funnel import (
    CHAIN,
    STEPS,
    Estimates,
    Evidence,
    estimate,
    money_from,
    needs_for,
    reach_of,
    with_rate,
)
from models.statistics.planning import Case, shifted

MONTHS = Months(np.ones(5), np.full(5, 0.2))
BEGUN = {"valid_meetings": Begun(np.full(12, 40.0)), "meetings_booked": Begun(np.full(12, 90.0))}
GOAL = 40_000_000.0


def evidence(**changes: object) -> Evidence:
    """A year of a team: of 1,000 booked meetings 750 are held, half of those valid, a tenth of those won after 40 days."""
    values = {
        "calls": 12_000.0,
        "connects": 3000.0,
        "booked": 1000.0,
        "booked_cases": [Case(10, has_converted=True)] * 750 + [Case(300, has_converted=False)] * 250,
        "judged": 750.0,
        "judged_valid": 375.0,
        "valid_cases": [Case(40, has_converted=True)] * 60 + [Case(500, has_converted=False)] * 540,
        "amounts": [800_000.0, 1_000_000.0, 1_200_000.0] * 20,
        "from_valid": 60,
    }
    return Evidence(**(values | changes))


KNOWN = estimate(evidence(), least_sample=20)


def total(known: Estimates, step: str, goal: float = GOAL) -> float:
    return float(needs_for(goal, known, MONTHS, BEGUN)[step].middle.sum())


def test_every_step_is_worked_back_with_its_interval() -> None:
    needs = needs_for(GOAL, KNOWN, MONTHS, BEGUN)

    assert tuple(needs) == STEPS
    for step in STEPS[1:]:
        lower, upper = needs[step].interval()
        assert lower < needs[step].middle.sum() < upper


@pytest.mark.parametrize("step", CHAIN)
def test_every_step_run_forward_brings_the_goal(step: str) -> None:
    planned = needs_for(GOAL, KNOWN, MONTHS, BEGUN)[step].middle

    assert money_from(planned, step, KNOWN, MONTHS, BEGUN)[0] == pytest.approx(GOAL, rel=0.01)


@settings(max_examples=15)
@given(st.floats(1e6, 1e9), st.floats(1, 5), st.sampled_from(list(CHAIN)))
def test_no_need_falls_when_the_goal_grows(goal: float, growth: float, step: str) -> None:
    assert total(KNOWN, step, goal * growth) >= total(KNOWN, step, goal) * (1 - 1e-9)


@settings(max_examples=30)
@given(st.sampled_from(["average_deal", *CHAIN.values()]), st.floats(0.2, 1), st.sampled_from(list(CHAIN)))
def test_no_need_falls_when_a_rate_falls(name: str, fall: float, step: str) -> None:
    worse = with_rate(KNOWN, name, shifted(KNOWN.rates[name], factor=fall))

    assert total(worse, step) >= total(KNOWN, step) * (1 - 1e-9)


def test_a_plan_that_is_carried_out_reaches_the_goal_about_half_the_time() -> None:
    calls = needs_for(GOAL, KNOWN, MONTHS, BEGUN)["calls_made"].middle

    reach = reach_of(calls, "calls_made", KNOWN, MONTHS, BEGUN, goal=GOAL)

    assert reach.lower < GOAL < reach.upper
    assert reach.mean == pytest.approx(GOAL)
    assert 0.35 < reach.chance < 0.6
    assert reach_of(calls * 2, "calls_made", KNOWN, MONTHS, BEGUN, goal=GOAL).chance > reach.chance


@pytest.mark.parametrize(
    ("changes", "known_to", "reason"),
    [
        pytest.param({"amounts": [1e6] * 19, "from_valid": 19}, "won_amount", "average_deal: 19", id="19 amounts"),
        pytest.param({"valid_cases": []}, "deals_won", "meeting_to_won: 0", id="no valid meetings"),
        pytest.param(
            {"valid_cases": [Case(90, has_converted=False)] * 50},
            "deals_won",
            "meeting_to_won: none of 50",
            id="none won",
        ),
        pytest.param({"judged": 5.0, "judged_valid": 3.0}, "valid_meetings", "valid_rate: 5", id="5 judged"),
        pytest.param({"connects": 0.0}, "meetings_booked", "booked_per_connect", id="no connects logged"),
        pytest.param({"calls": 0.0, "connects": 3000.0}, "connects", "connect_rate: 0", id="no calls"),
    ],
)
def test_below_a_refused_rate_there_is_no_figure(changes: dict[str, object], known_to: str, reason: str) -> None:
    known = estimate(evidence(**changes), least_sample=20)

    needs = needs_for(GOAL, known, MONTHS, BEGUN)

    assert tuple(needs) == STEPS[: STEPS.index(known_to) + 1]
    assert str(known.refused("calls_made")).startswith(reason)


def test_deals_that_begin_otherwise_lessen_what_meetings_must_bring() -> None:
    mixed = estimate(evidence(from_valid=45), least_sample=20)

    assert total(mixed, "valid_meetings") < total(KNOWN, "valid_meetings")


def test_a_goal_that_is_nearly_in_the_pipeline_may_need_nothing() -> None:
    needs = needs_for(10.0, KNOWN, MONTHS, BEGUN)

    assert needs["calls_made"].middle.sum() == 0
    assert needs["calls_made"].interval() == (0, 0)


def test_the_same_cases_give_the_same_plan() -> None:
    again = needs_for(GOAL, estimate(evidence(), least_sample=20), MONTHS, BEGUN)

    assert np.array_equal(again["calls_made"].draws, needs_for(GOAL, KNOWN, MONTHS, BEGUN)["calls_made"].draws)
