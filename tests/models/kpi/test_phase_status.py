"""The gate of each phase on small constructed histories: what passes, what fails, and what is proposed."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.kpi.phase_status import next_kpi, next_step
from tests.models.kpi.phase_teams import Case, agreement_of, evaluated

GOOD = [1.08, 1.12, 1.05, 1.1, 1.07, 1.11]
LAUNCH = Case("launch", "calls_made", GOOD[:4], following="email_open_rate")
LAUNCH_END = Case("launch", "email_open_rate", [1.1] * 4, following="meetings_booked")
STABLE = Case("stable", "meetings_booked", GOOD, following="valid_meetings")
STABLE_END = Case("stable", "valid_meetings", [1.3] * 6, following="deals_won")
MATURE = Case("mature", "won_amount", GOOD)


def only(rows: dict[str, dict[str, Any]], name: str) -> Any:
    """Give a column that is the same in every row."""
    (value,) = {row[name] for row in rows.values()}
    return value


@pytest.mark.parametrize(
    ("case", "proposal", "phase", "kpi"),
    [
        pytest.param(
            LAUNCH, "next_kpi", "launch", "email_open_rate", id="launch: the second KPI starts when the first is met"
        ),
        pytest.param(
            LAUNCH_END, "advance", "stable", "meetings_booked", id="launch: after the last KPI the next phase"
        ),
        pytest.param(STABLE, "next_kpi", "stable", "valid_meetings", id="stable: the next KPI"),
        pytest.param(
            STABLE_END, "advance", "mature", "deals_won", id="stable: the next phase, even if the target is easy"
        ),
    ],
)
def test_who_passes_every_condition_moves_one_step(case: Case, proposal: str, phase: str, kpi: str) -> None:
    rows = evaluated(case)

    assert all(row["is_met"] for row in rows.values()), rows
    assert (only(rows, "proposal"), only(rows, "proposed_phase"), only(rows, "proposed_kpi_id")) == (
        proposal,
        phase,
        kpi,
    )
    assert only(rows, "proposed_target") is None


@pytest.mark.parametrize("case", [LAUNCH, LAUNCH_END, STABLE, STABLE_END])
@pytest.mark.parametrize(
    ("change", "condition"),
    [
        pytest.param({"attained": [0.98, 1.3, 0.97, 1.3, 0.99, 0.97]}, "met_periods", id="met too seldom"),
        pytest.param({"attained": [1.2] * 2}, "met_periods", id="too few months"),
        pytest.param({"attained": [1.0, 1.0, 0.95, 1.0, 1.0, 1.0]}, "likely_met", id="met by luck"),
        pytest.param({"failed_check": True}, "data_checks", id="bad data"),
        pytest.param({"following_months": 2}, "next_kpi_history", id="the next KPI is too young"),
    ],
)
def test_each_condition_keeps_the_gate_shut(case: Case, change: dict[str, Any], condition: str) -> None:
    rows = evaluated(replace(case, **change))

    assert rows[condition]["is_met"] is False
    assert rows[condition]["figure"]
    assert only(rows, "proposal") in ("stay", "reset_target")
    assert only(rows, "proposed_kpi_id") == case.kpi
    assert condition in only(rows, "reason") or only(rows, "proposal") == "reset_target"


def test_the_next_definition_must_be_signed() -> None:
    signed, unsigned = (evaluated(replace(STABLE, is_signed=flag)) for flag in (True, False))

    assert (signed["next_definition_signed"]["is_met"], unsigned["next_definition_signed"]["is_met"]) == (True, False)
    assert unsigned["next_definition_signed"]["figure"] == "no signed version of valid_meeting"
    assert only(unsigned, "proposal") == "stay"


@pytest.mark.parametrize(
    ("case", "low", "high"),
    [
        pytest.param(Case("mature", "won_amount", [1.6] * 6), 40e6, 52e6, id="mature: money"),
        pytest.param(replace(STABLE_END, following_months=2), 150, 175, id="stable: the gate waits for history"),
    ],
)
def test_a_target_met_without_strain_is_set_anew_at_the_level(case: Case, low: float, high: float) -> None:
    rows = evaluated(case)

    assert only(rows, "proposal") == "reset_target"
    assert low <= only(rows, "proposed_target") <= high
    assert "without strain" in only(rows, "reason")


@pytest.mark.parametrize("case", [LAUNCH, LAUNCH_END, STABLE, STABLE_END, MATURE])
def test_a_target_out_of_reach_becomes_a_smaller_goal(case: Case) -> None:
    rows = evaluated(replace(case, attained=[0.5] * 6))

    target = 0.5 * {"calls_made": 2900, "email_open_rate": 0.35, "meetings_booked": 275, "valid_meetings": 125}.get(
        case.kpi, 29e6
    )
    assert only(rows, "proposal") == "smaller_goal"
    assert 0.6 * target < only(rows, "proposed_target") <= target * 1.01
    assert only(rows, "proposed_kpi_id") == case.kpi


def test_bad_data_proposes_no_other_target() -> None:
    rows = evaluated(replace(STABLE, attained=[0.5] * 6, failed_check=True))

    assert only(rows, "proposal") == "stay"
    assert "rules_agree failed" in only(rows, "reason")


def test_the_last_kpi_has_nothing_after_it() -> None:
    rows = evaluated(MATURE)

    assert rows["is_last_phase"]["is_met"] is False
    assert only(rows, "proposal") == "stay"


def test_the_last_phase_goes_through_its_kpis_too() -> None:
    rows = evaluated(Case("mature", "deals_won", [1.4] * 6, following="win_rate_by_close_date"))

    assert only(rows, "proposal") == "next_kpi"
    assert only(rows, "proposed_kpi_id") == "win_rate_by_close_date"


@pytest.mark.parametrize(
    ("pending", "figure"),
    [
        pytest.param(0, "5 of the last 6 months met", id="nothing waits: the month is missed"),
        pytest.param(1, "5 of the last 6 months met", id="too few wait to change it"),
        pytest.param(20, "5 of the last 5 months met", id="open: the month does not count yet"),
    ],
)
def test_right_after_a_month_its_waiting_meetings_leave_it_open(pending: int, figure: str) -> None:
    rows = evaluated(replace(STABLE_END, attained=[1.3] * 5 + [0.95], pending=pending))

    assert rows["met_periods"]["figure"].startswith(figure)
    assert ("wait for a verdict" in rows["met_periods"]["figure"]) is (pending == 20)


@pytest.mark.parametrize("day", [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2)])
def test_the_first_days_of_a_month_judge_the_same_whole_months(day: date) -> None:
    rows = evaluated(replace(LAUNCH, as_of=day))

    assert rows["met_periods"]["figure"].startswith("4 of the last 4 months met")
    assert only(rows, "proposal") == "next_kpi"


@pytest.mark.parametrize(
    ("phase", "kpi", "following"),
    [
        pytest.param("stable", "meetings_booked", ("stable", "valid_meetings"), id="the next of its phase"),
        pytest.param("stable", "valid_meetings", ("mature", "deals_won"), id="the first of the next phase"),
        pytest.param("mature", "won_amount", None, id="none after the last"),
        pytest.param("stable", "no_such_kpi", None, id="none after one that is not in the phases"),
    ],
)
def test_which_kpi_comes_next(phase: str, kpi: str, following: tuple[str, str] | None) -> None:
    agreed = agreement_of(Case(phase, kpi, ()))

    assert next_step(agreed) == following
    assert next_kpi(agreed) == (following and following[1])
