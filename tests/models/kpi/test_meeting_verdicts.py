"""Each meeting is judged by the version in force on its day, once, with the reasons in the definition's order."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import definitions_contract
from definitions_contract.evaluate import example_case
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Definition
from models import tables
from models.context import BuildContext, Model
from models.errors import UnknownColumnError
from models.kpi import meeting_rule_results, meeting_verdicts
from tests.models.factories import a_context, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_rule, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
DEFAULT = load_agreement(Path(str(definitions_contract.__file__)).parent / "agreement")
LONG = {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "minutes", "min_value": 60}}


def judge(build: Build, *definitions: Definition) -> dict[str, dict[str, Any]]:
    context = a_context(agreement=agreed(definitions=definitions))
    build(meeting_rule_results.MODEL, context)
    verdicts = build(meeting_verdicts.MODEL, context)
    assert len({row["meeting_id"] for row in verdicts}) == len(verdicts), "a meeting has one verdict"
    return {row["meeting_id"]: row for row in verdicts}


@pytest.mark.parametrize(
    ("held", "version"),
    [
        pytest.param(date(2024, 3, 31), None, id="before the first version"),
        pytest.param(date(2024, 4, 1), 1, id="first day of v1"),
        pytest.param(date(2026, 5, 31), 1, id="last day of v1"),
        pytest.param(date(2026, 6, 1), 2, id="first day of v2"),
        pytest.param(None, None, id="no day"),
    ],
)
def test_the_version_of_the_day_judges(
    with_calendar: sa.Connection, build: Build, held: date | None, version: int | None
) -> None:
    insert(with_calendar, tables.meetings, a_meeting(held_date=held, booked_date=date(2026, 7, 1)))

    row = judge(
        build, a_definition(), a_definition(a_rule(id="long", **LONG), version=2, effective_from=date(2026, 6, 1))
    )

    assert row["hs:1"]["definition_version"] == version
    assert row["hs:1"]["verdict"] == {None: None, 1: "valid", 2: "invalid"}[version]
    assert row["hs:1"]["failed_rules"] == ("long" if version == 2 else None)
    results = with_calendar.execute(sa.select(sa.func.count()).select_from(tables.meeting_rule_results)).scalar_one()
    assert results == (0 if version is None else 1)


def test_an_unsigned_version_judges_nothing(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.meetings, a_meeting())
    proposed = a_definition(version=2, effective_from=date(2026, 6, 1)).model_copy(update={"signatures": ()})

    assert judge(build, a_definition(), proposed)["hs:1"]["definition_version"] == 1


def test_without_a_signed_version_there_is_no_verdict(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.meetings, a_meeting())

    row = judge(build)["hs:1"]

    assert (row["verdict"], row["definition_version"], row["failed_rules"]) == (None, None, None)


def test_where_versions_count_on_different_days_the_newer_one_judges(
    with_calendar: sa.Connection, build: Build
) -> None:
    by_booking = a_definition(version=2, effective_from=date(2026, 9, 1), counted_on="booked_date")
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(meeting_id="both", booked_date=date(2026, 9, 1), held_date=date(2026, 8, 31)),
        a_meeting(meeting_id="neither", booked_date=date(2026, 8, 31), held_date=date(2026, 9, 1)),
    )

    rows = judge(build, a_definition(), by_booking)

    assert (rows["both"]["definition_version"], rows["both"]["counted_date"]) == (2, date(2026, 9, 1))
    assert (rows["neither"]["definition_version"], rows["neither"]["verdict"]) == (None, None)


def test_reasons_stand_in_the_order_of_the_definition(with_calendar: sa.Connection, build: Build) -> None:
    insert(with_calendar, tables.meetings, a_meeting(outcome="no_show", minutes=10, deal_id=None))
    missing = {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "deal_id"}}

    row = judge(
        build, a_definition(a_rule(id="z", **LONG), a_rule(id="b"), a_rule(id="a", severity="warning", **missing))
    )

    assert (row["hs:1"]["failed_rules"], row["hs:1"]["warned_rules"]) == ("z,b", "a")


def test_the_team_is_the_one_of_the_day(with_calendar: sa.Connection, build: Build) -> None:
    for team, start, end in (("is_east", date(2026, 1, 1), date(2026, 9, 8)), ("is_west", date(2026, 9, 8), None)):
        time = {"rep_id": "hs:r1", "team": team, "department": "inside_sales", "valid_from": start, "valid_to": end}
        insert(with_calendar, tables.rep_teams, row_of(tables.rep_teams, **time))
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(meeting_id="before", held_date=date(2026, 9, 7)),
        a_meeting(meeting_id="on", held_date=date(2026, 9, 8)),
        a_meeting(meeting_id="nobody", rep_id=None),
    )

    rows = judge(build, a_definition())

    assert {key: row["team"] for key, row in rows.items()} == {
        "before": "is_east",
        "on": "is_west",
        "nobody": "unknown",
    }


def test_a_day_that_is_no_date_of_a_meeting_is_refused(build: Build) -> None:
    with pytest.raises(UnknownColumnError, match="no column 'outcome'"):
        judge(build, a_definition(counted_on="outcome"))


@pytest.mark.parametrize(
    ("definition", "example"),
    [(definition, example) for definition in DEFAULT.definitions for example in definition.examples],
    ids=[f"v{d.version}-{number}" for d in DEFAULT.definitions for number in range(len(d.examples))],
)
def test_the_signed_examples_have_their_verdict_in_sql(
    with_calendar: sa.Connection, build: Build, definition: Definition, example: dict[str, Any]
) -> None:
    case = example_case(definition, example)
    # weekdays only count in an example: a holiday less would be another deadline
    with_calendar.execute(
        sa.update(tables.calendar).values(
            business_day=sa.case((sa.extract("isodow", tables.calendar.c.day) < 6, 1), else_=0)
        )
    )
    row = row_of(tables.meetings, meeting_id="m", **case.row)
    insert(with_calendar, tables.meetings, row)
    context = a_context(agreement=agreed(definitions=(definition,)), as_of=case.as_of)

    build(meeting_rule_results.MODEL, context)
    (judged,) = build(meeting_verdicts.MODEL, context)

    assert judged["verdict"] == case.expected
