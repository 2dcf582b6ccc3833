"""The gate of the demo company's phase."""

from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Agreement
from models import tables
from models.kpi import phase_status
from models.kpi.phase_status import next_kpi
from tests.models.factories import insert, row_of
from tests.models.kpi.demo_night import AS_OF, agreement, night, rows_of, write

CONDITIONS = {"met_periods", "likely_met", "data_checks", "next_kpi_history", "next_definition_signed"}


def in_phase(phase: str, kpi: str) -> Agreement:
    agreed = agreement()
    phases = agreed.phases.model_copy(update={"current_phase": phase, "current_kpi": kpi})
    return agreed.model_copy(update={"phases": phases})


def reached(connection: sa.Connection, factor: float) -> None:
    """Let every month of the current KPI end at so much of its target."""
    periods = tables.kpi_periods
    connection.execute(
        sa.update(periods)
        .where(periods.c.kpi_id == "valid_meetings", periods.c.period_kind == "month")
        .values(actual=periods.c.target * factor)
    )


def rows_after(connection: sa.Connection, agreed: Agreement | None = None) -> dict[str, dict[str, Any]]:
    write(connection, phase_status.MODEL, agreed=agreed)
    return {row["condition"]: row for row in rows_of(connection, tables.phase_status)}


def test_each_condition_stands_with_its_figure() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.phase_status)

    assert {row["condition"] for row in rows} == CONDITIONS
    assert {row["phase"] for row in rows} == {"stable"}
    assert all(row["figure"] and row["kpi_id"] == "valid_meetings" and row["is_current"] for row in rows)


@pytest.mark.parametrize(
    ("factor", "is_met", "proposal"),
    [
        pytest.param(1.2, True, "advance", id="met in every month"),
        pytest.param(0.5, False, "review", id="out of reach"),
        pytest.param(0.97, False, "stay", id="close"),
    ],
)
def test_what_past_months_propose(factor: float, is_met: bool, proposal: str) -> None:
    with night() as connection:
        reached(connection, factor)
        rows = rows_after(connection)

    assert rows["met_periods"]["is_met"] is is_met
    assert {row["proposal"] for row in rows.values()} == {proposal}


def test_a_running_month_is_not_counted() -> None:
    with night() as connection:
        reached(connection, 1.2)
        periods = tables.kpi_periods
        connection.execute(
            sa.update(periods)
            .where(periods.c.period_end > AS_OF, periods.c.kpi_id == "valid_meetings")
            .values(actual=0)
        )
        assert rows_after(connection)["met_periods"]["figure"].startswith("6 of the last 6 months met")


def test_a_failed_check_keeps_the_gate_shut() -> None:
    failed = row_of(tables.check_results, check_name="rules_agree", as_of=AS_OF, is_passed=False, severity="error")
    with night() as connection:
        reached(connection, 1.2)
        insert(connection, tables.check_results, failed)
        rows = rows_after(connection)

    assert rows["data_checks"]["is_met"] is False
    assert rows["data_checks"]["figure"] == "check rules_agree failed"
    assert rows["data_checks"]["proposal"] == "review"  # the target itself is met without strain


def test_an_unsigned_definition_keeps_the_gate_shut() -> None:
    agreed = in_phase("stable", "meetings_booked")
    unsigned = tuple(row.model_copy(update={"signatures": ()}) for row in agreed.definitions)
    with night() as connection:
        signed = rows_after(connection, agreed)["next_definition_signed"]
        broken = rows_after(connection, agreed.model_copy(update={"definitions": unsigned}))["next_definition_signed"]

    assert (signed["is_met"], signed["figure"]) == (True, "valid_meeting v2 is signed")
    assert (broken["is_met"], broken["figure"]) == (False, "no signed version of valid_meeting")


def test_the_last_phase_has_no_gate() -> None:
    with night() as connection:
        rows = rows_after(connection, in_phase("mature", "won_amount"))

    assert set(rows) >= {"is_last_phase"}
    assert rows["is_last_phase"]["proposal"] != "advance"


@pytest.mark.parametrize(
    ("phase", "kpi", "following"),
    [
        pytest.param("stable", "meetings_booked", "valid_meetings", id="the next of its phase"),
        pytest.param("stable", "valid_meetings", "deals_won", id="the first of the next phase"),
        pytest.param("mature", "won_amount", None, id="none after the last"),
        pytest.param("stable", "no_such_kpi", None, id="none after one that is not in the phases"),
    ],
)
def test_which_kpi_comes_next(phase: str, kpi: str, following: str | None) -> None:
    assert next_kpi(in_phase(phase, kpi)) == following
