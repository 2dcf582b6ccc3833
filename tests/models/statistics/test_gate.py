"""Whether a target is met for good, and what that proposes."""

import pytest

from models.statistics.gate import PastPeriod, Proposal, count_met, probability_truly_met, propose


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
        pytest.param([140] * 6, False, Proposal.REVIEW, id="met without strain, the gate waits for something else"),
        pytest.param([60] * 6, False, Proposal.REVIEW, id="out of reach"),
        pytest.param([95, 105, 98, 104, 90, 101], False, Proposal.STAY, id="a normal run"),
        pytest.param([140] * 5, False, Proposal.STAY, id="too few periods"),
        pytest.param([], False, Proposal.STAY, id="no periods"),
    ],
)
def test_what_is_proposed(actuals: list[float], is_gate_met: bool, proposal: Proposal) -> None:
    assert propose(periods(*actuals), is_gate_met=is_gate_met, of_periods=6, least_probability=0.8) == proposal
