"""Signed targets become one row per period and scope; unsigned ones become nothing, and say so."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.schema import Kpi, Target, TargetAgreement
from definitions_contract.signing import with_signatures
from models import tables
from models.context import BuildContext, Model
from models.kpi import targets
from tests.models.factories import BOTH, a_context, insert, row_of
from tests.models.kpi.agreements import a_kpi, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
SIGNED = dict.fromkeys(BOTH, "Somebody")


def a_target(**changes: Any) -> Target:
    values: dict[str, Any] = {
        "kpi": "valid_meetings",
        "scope_kind": "department",
        "scope_id": "inside_sales",
        "every": "month",
        "since": date(2026, 8, 1),
        "until": date(2026, 10, 1),
        "value": 125,
    }
    return Target(**(values | changes))


def text(*wanted: Target, signed_by: dict[str, str] = SIGNED) -> TargetAgreement:
    unsigned = TargetAgreement(agreed_between=BOTH, targets=wanted)
    signed = with_signatures(unsigned, signed_by, date(2026, 7, 1))
    assert isinstance(signed, TargetAgreement)
    return signed


def context(text: TargetAgreement, *kpis: Kpi) -> BuildContext:
    return a_context(agreement=agreed(*kpis, targets=text))


def values(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], float]:
    return {(row["period_start"], row["scope_kind"], row["scope_id"]): row["value"] for row in rows}


@pytest.fixture
def in_teams(with_calendar: sa.Connection) -> None:
    for rep_id, team, department, start, end in [
        ("stays", "is_east", "inside_sales", date(2026, 1, 1), None),
        ("moves", "is_east", "inside_sales", date(2026, 1, 1), date(2026, 9, 10)),
        ("moves", "is_west", "inside_sales", date(2026, 9, 10), None),
        ("left", "is_east", "inside_sales", date(2026, 1, 1), date(2026, 9, 1)),
        ("field", "fs", "field_sales", date(2026, 1, 1), None),
    ]:
        time = {"rep_id": rep_id, "team": team, "department": department, "valid_from": start, "valid_to": end}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **time))


def test_a_target_holds_for_every_period_that_starts_in_its_time(build: Build) -> None:
    rows = build(targets.MODEL, context(text(a_target())))

    assert values(rows) == {
        (date(2026, 8, 1), "department", "inside_sales"): 125,
        (date(2026, 9, 1), "department", "inside_sales"): 125,
    }
    assert {(row["period_kind"], row["agreed_by"], row["agreed_date"]) for row in rows} == {
        ("month", "inside_sales,field_sales", date(2026, 7, 1))
    }
    assert [row["period_end"] for row in rows] == [date(2026, 9, 1), date(2026, 10, 1)]


def test_a_target_without_end_reaches_one_year_ahead(build: Build) -> None:
    rows = build(targets.MODEL, context(text(a_target(every="fiscal_year", since=date(2020, 4, 1), until=None))))

    assert [row["period_start"] for row in rows] == [date(2025, 4, 1), date(2026, 4, 1), date(2027, 4, 1)]


@pytest.mark.usefixtures("in_teams")
def test_each_rep_of_the_scope_has_the_value_in_the_months_they_were_there(build: Build) -> None:
    rows = build(targets.MODEL, context(text(a_target(each_rep=10))))

    reps = {key[:1] + key[2:]: value for key, value in values(rows).items() if key[1] == "rep"}
    assert reps == {
        (date(2026, 8, 1), "stays"): 10,
        (date(2026, 8, 1), "moves"): 10,
        (date(2026, 8, 1), "left"): 10,
        (date(2026, 9, 1), "stays"): 10,
        (date(2026, 9, 1), "moves"): 10,
    }


@pytest.mark.usefixtures("in_teams")
@pytest.mark.parametrize(
    ("kind", "september"),
    [
        # of September's 19 business days the rep was in the East on 7, in the West on 12
        pytest.param("count", 10 * 7 / 19 + 20 * 12 / 19, id="a count: the days in each"),
        pytest.param("rate", 20, id="a rate is never shared out: the newer team's"),
    ],
)
def test_a_rep_who_moves_has_a_part_of_each_teams_target(build: Build, kind: str, september: float) -> None:
    east = a_target(scope_kind="team", scope_id="is_east", each_rep=10)
    west = a_target(scope_kind="team", scope_id="is_west", each_rep=20)

    found = values(build(targets.MODEL, context(text(east, west), a_kpi(id="valid_meetings", kind=kind))))

    assert found[date(2026, 8, 1), "rep", "moves"] == 10
    assert found[date(2026, 9, 1), "rep", "moves"] == pytest.approx(september)


def test_who_comes_from_another_department_within_a_month_has_the_target_of_the_days_since(
    build: Build, with_calendar: sa.Connection
) -> None:
    for team, department, start, end in [
        ("fs", "field_sales", date(2026, 1, 1), date(2026, 9, 10)),
        ("is_west", "inside_sales", date(2026, 9, 10), None),
    ]:
        time = {"rep_id": "comes", "team": team, "department": department, "valid_from": start, "valid_to": end}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **time))

    found = values(build(targets.MODEL, context(text(a_target(each_rep=19)))))

    assert {key[0]: value for key, value in found.items() if key[1] == "rep"} == {date(2026, 9, 1): pytest.approx(12)}


@pytest.mark.usefixtures("in_teams")
def test_a_reps_own_target_beats_that_of_each_rep(build: Build) -> None:
    own = a_target(scope_kind="rep", scope_id="stays", value=7)

    found = values(build(targets.MODEL, context(text(own, a_target(each_rep=10)))))

    assert found[date(2026, 9, 1), "rep", "stays"] == 7


def test_unsigned_targets_count_for_nothing(build: Build) -> None:
    proposed = text(a_target(), signed_by={"inside_sales": "Somebody"})

    assert build(targets.MODEL, context(proposed)) == []


def test_targets_changed_after_signing_count_for_nothing(build: Build) -> None:
    changed = text(a_target()).model_copy(update={"targets": (a_target(value=1),)})

    assert build(targets.MODEL, context(changed)) == []
