"""Whether a target is met for good, and what that proposes."""

import pytest

from models.statistics.gate import (
    PastPeriod,
    Proposal,
    count_met,
    probability_truly_met,
    propose,
    reachable_target,
)


def periods(*actuals: float, target: float = 100) -> list[PastPeriod]:
    return [PastPeriod(actual, target) for actual in actuals]


def test_a_period_is_met_at_its_target() -> None:
    assert count_met(periods(99, 100, 101)) == 2


def test_a_low_rate_is_met_from_below() -> None:
    assert PastPeriod(0.10, 0.10, cases=50, is_higher_better=False).is_met
    assert not PastPeriod(0.11, 0.10, cases=50, is_higher_better=False).is_met


def test_the_same_excess_is_surer_over_more_periods() -> None:
    one, six = probability_truly_met(periods(110)), probability_truly_met(periods(*[110] * 6))

    assert one is not None
    assert six is not None
    assert 0.5 < one < six


def test_a_rate_is_surer_with_more_cases() -> None:
    few, many = (probability_truly_met([PastPeriod(0.6, 0.5, cases=cases)]) for cases in (20, 500))

    assert few is not None
    assert many is not None
    assert 0.5 < few < many


def test_no_periods_have_no_probability() -> None:
    assert probability_truly_met([]) is None


@pytest.mark.parametrize(
    ("actuals", "is_gate_met", "proposal"),
    [
        pytest.param([110] * 6, True, Proposal.ADVANCE, id="gate met"),
        pytest.param(
            [140] * 6, False, Proposal.RESET_TARGET, id="met without strain, the gate waits for something else"
        ),
        pytest.param([140] * 5 + [105], False, Proposal.STAY, id="one month took strain"),
        pytest.param([60] * 6, False, Proposal.SMALLER_GOAL, id="out of reach"),
        pytest.param([60] * 5 + [101], False, Proposal.STAY, id="reached once"),
        pytest.param([95, 105, 98, 104, 90, 101], False, Proposal.STAY, id="a normal run"),
        pytest.param([140] * 5, False, Proposal.STAY, id="too few periods"),
        pytest.param([], False, Proposal.STAY, id="no periods"),
    ],
)
def test_what_is_proposed(actuals: list[float], is_gate_met: bool, proposal: Proposal) -> None:
    assert propose(periods(*actuals), is_gate_met=is_gate_met, is_trusted=True, of_periods=6) == proposal
    assert propose(periods(*actuals), is_gate_met=is_gate_met, is_trusted=False, of_periods=6) == Proposal.STAY


def test_money_is_as_noisy_as_the_deals_behind_it() -> None:
    money = [PastPeriod(value * 1e6, 28e6, unit=2e6) for value in (26, 33, 29, 35, 24, 31)]
    deals = [PastPeriod(value / 2, 14) for value in (26, 33, 29, 35, 24, 31)]

    assert probability_truly_met(money) == pytest.approx(probability_truly_met(deals))
    assert 0.5 < (probability_truly_met(money) or 0) < 0.9


def test_a_mean_has_the_noise_of_its_own_months() -> None:
    steady, wild = (
        [PastPeriod(40 + swing, 45, cases=20, is_higher_better=False, is_share=False) for swing in (-s, s, 0, -s, s)]
        for s in (1.0, 20.0)
    )

    assert (probability_truly_met(steady) or 0) > 0.99 > 0.9 > (probability_truly_met(wild) or 1)
    assert probability_truly_met(steady[:1]) is None


@pytest.mark.parametrize("is_higher_better", [True, False])
def test_a_smaller_goal_lies_on_the_easy_side_of_the_level(is_higher_better: bool) -> None:
    past = [PastPeriod(0.3, 0.5, cases=100, is_higher_better=is_higher_better)] * 4

    target = reachable_target(past, least_probability=0.8)

    assert target is not None
    assert (target < 0.3) is is_higher_better
    again = [PastPeriod(0.3, target, cases=100, is_higher_better=is_higher_better)] * 4
    assert probability_truly_met(again) == pytest.approx(0.8, abs=0.01)
    assert reachable_target([], least_probability=0.8) is None
