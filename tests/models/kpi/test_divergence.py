"""Tonight's states of the demo company, and when they are not to be trusted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.kpi import divergence
from tests.models.factories import insert, row_of
from tests.models.kpi.demo_night import AS_OF, night, rows_of, write

SYNCED_AT = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 02:00 of the next day in Tokyo


def a_sync(**changes: Any) -> dict[str, Any]:
    values = {
        "sync_id": "s1",
        "connection": "hubspot",
        "status": "done",
        "started_at": SYNCED_AT,
        "extracted_at": SYNCED_AT,
    }
    return row_of(tables.sync_runs, **(values | changes))


def both_synced(**changes: Any) -> list[dict[str, Any]]:
    return [a_sync(**changes), a_sync(sync_id="s2", connection="salesforce")]


def a_check(**changes: Any) -> dict[str, Any]:
    values = {"check_name": "rules_agree", "as_of": AS_OF, "is_passed": False, "severity": "error"}
    return row_of(tables.check_results, **(values | changes))


def a_reconciliation(**changes: Any) -> dict[str, Any]:
    values = {"sync_id": "s1", "connection": "hubspot", "object": "meetings", "is_matched": False}
    return row_of(tables.reconciliation, **(values | changes))


def state_of(connection: sa.Connection, **wanted: Any) -> dict[str, Any]:
    defaults = {"kpi_id": "valid_meetings", "scope_kind": "department", "period_kind": "month", "evaluated_date": AS_OF}
    (row,) = rows_of(connection, tables.divergence, **(defaults | wanted))
    return row


def test_the_first_night_already_knows_that_valid_meetings_are_off() -> None:
    with night() as connection:
        row = state_of(connection)

    assert row["state"] == "off"
    assert row["actual"] < row["expected_to_date"] < row["target"]
    assert row["forecast_lower"] <= row["forecast"] <= row["forecast_upper"] < row["target"]
    assert row["definition_version"] == "2"
    assert "wait for a verdict" in row["reason"]


def test_every_running_target_is_evaluated_once() -> None:
    with night() as connection:
        running = [
            row for row in rows_of(connection, tables.targets) if row["period_start"] <= AS_OF < row["period_end"]
        ]
        evaluated = rows_of(connection, tables.divergence)

    assert len(evaluated) == len(running) > 20
    assert all(row["p_reach"] is None or 0 <= row["p_reach"] <= 1 for row in evaluated)
    assert all(row["reason"] for row in evaluated)


def test_the_actual_is_the_number_that_kpi_periods_shows() -> None:
    keys = ("kpi_id", "period_kind", "period_start", "scope_kind", "scope_id")
    with night() as connection:
        shown = {tuple(row[key] for key in keys): row["actual"] for row in rows_of(connection, tables.kpi_periods)}
        evaluated = rows_of(connection, tables.divergence)

    for row in evaluated:
        assert row["actual"] == pytest.approx(shown[tuple(row[key] for key in keys)] or 0), row


def test_a_newcomer_has_too_little_data() -> None:
    with night() as connection:
        newcomer = next(row for row in rows_of(connection, tables.reps) if row["started_date"] > date(2026, 8, 1))
        row = state_of(connection, scope_kind="rep", scope_id=newcomer["rep_id"])

    assert row["state"] == "too_little_data"
    assert "20 cases needed" in row["reason"]


def test_a_newcomer_is_held_to_the_target_of_the_ramp_and_not_to_that_of_a_whole_rep() -> None:
    with night() as connection:
        newcomer = next(row for row in rows_of(connection, tables.reps) if row["started_date"] > date(2026, 8, 1))
        new = state_of(connection, scope_kind="rep", scope_id=newcomer["rep_id"])
        others = rows_of(connection, tables.divergence, kpi_id="valid_meetings", scope_kind="rep", period_kind="month")
        ramped = [row for row in others if row["scope_id"] != newcomer["rep_id"]]

    whole = {(row["target"], row["expected_to_date"]) for row in ramped}
    assert len(whole) == 1
    ((target, due),) = whole
    # ten weeks of sixty business days are gone: between half and the whole, rising through the month
    assert 0.5 * target < new["target"] < target
    assert new["expected_to_date"] == pytest.approx(due * new["target"] / target)


def test_a_month_that_has_just_begun_is_not_judged() -> None:
    with night() as connection:
        write(connection, divergence.MODEL, as_of=date(2026, 11, 3))
        row = state_of(connection, evaluated_date=date(2026, 11, 3))

    assert row["state"] == "too_little_data"
    assert "of the period is gone" in row["reason"]


@pytest.mark.parametrize(
    ("syncs", "checks", "reconciliations", "is_trusted"),
    [
        pytest.param(both_synced(), [], [], True, id="synced after the day was over"),
        pytest.param(
            both_synced(extracted_at=datetime(2026, 11, 22, 14, 59, tzinfo=UTC)),
            [],
            [],
            False,
            id="a minute before its end",
        ),
        pytest.param([a_sync()], [], [], False, id="one connection was never synced"),
        pytest.param(both_synced(), [a_check()], [], False, id="a check failed as an error"),
        pytest.param(both_synced(), [a_check(severity="warning")], [], True, id="a warning decides nothing"),
        pytest.param(both_synced(), [a_check(as_of=AS_OF - timedelta(days=1))], [], True, id="yesterday's check"),
        pytest.param(both_synced(), [], [a_reconciliation()], False, id="records are missing"),
        pytest.param(both_synced(), [], [a_reconciliation(is_matched=True)], True, id="all records are there"),
        pytest.param(both_synced(), [], [a_reconciliation(sync_id="old")], True, id="an older sync was mended"),
    ],
)
def test_bad_data_holds_every_judgement_back(
    syncs: list[Mapping[str, Any]],
    checks: list[Mapping[str, Any]],
    reconciliations: list[Mapping[str, Any]],
    is_trusted: bool,
) -> None:
    with night() as connection:
        insert(connection, tables.sync_runs, *syncs)
        insert(connection, tables.check_results, *checks)
        insert(connection, tables.reconciliation, *reconciliations)
        write(connection, divergence.MODEL)
        states = {row["state"] for row in rows_of(connection, tables.divergence)}

    assert ("untrusted" not in states) if is_trusted else (states == {"untrusted"})


def test_a_day_off_brings_no_second_opinion() -> None:
    friday, saturday = date(2026, 11, 20), date(2026, 11, 21)
    with night() as connection:
        write(connection, divergence.MODEL, as_of=friday)
        connection.execute(
            sa.update(tables.divergence)
            .where(tables.divergence.c.evaluated_date == friday)
            .values(state="on_track", p_reach=0.3)
        )
        write(connection, divergence.MODEL, as_of=saturday)
        row = state_of(connection, evaluated_date=saturday)

    assert (row["raw_state"], row["state"]) == ("off", "on_track")


def test_the_next_business_day_goes_on_from_the_last_evaluation() -> None:
    thursday, friday = date(2026, 11, 19), date(2026, 11, 20)
    with night() as connection:
        write(connection, divergence.MODEL, as_of=thursday)
        connection.execute(
            sa.update(tables.divergence)
            .where(tables.divergence.c.evaluated_date == thursday)
            .values(state="on_track", p_reach=0.3)
        )
        write(connection, divergence.MODEL, as_of=friday)
        booked = state_of(connection, kpi_id="meetings_held", scope_kind="department", evaluated_date=friday)

    assert booked["state"] in ("at_risk", "off")


def test_building_a_night_again_changes_nothing() -> None:
    with night() as connection:
        before = rows_of(connection, tables.divergence)
        write(connection, divergence.MODEL)
        assert rows_of(connection, tables.divergence) == before
