"""What else can be defined than a meeting: a valid call, a second definition of meetings; counted by KPIs, versions respected."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from definitions_contract.evaluate import evaluate
from definitions_contract.resolve import meeting_definition, other_definitions
from definitions_contract.schema import Definition
from models import tables
from models.context import BuildContext, Model
from models.errors import UnknownColumnError
from models.kpi import kpi_daily, meeting_rule_results, meeting_verdicts, rule_results, verdicts
from models.kpi.rule_shares import rule_shares
from pipelines.warehouse import write_model
from tests.models.factories import AS_OF, a_call, a_context, a_deal, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_kpi, a_rule, agreed
from tests.models.kpi.conftest import CALENDAR

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
CONNECTED = {
    "expectation": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "disposition", "value_set": ["connected"]},
    "waiting_values": ("unknown",),
    "wait_business_days": 2,
}
LONG = {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "duration_seconds", "min_value": 60}}


def a_call_definition(*rules: Any, **changes: Any) -> Definition:
    rules = rules or (a_rule(id="connected", **CONNECTED), a_rule(id="long", **LONG))
    return a_definition(*rules, name="valid_call", judges="calls", counted_on="called_date", **changes)


CALLS = [
    a_call(call_id="valid"),
    a_call(call_id="short", duration_seconds=59),
    a_call(call_id="nobody", disposition="no_answer"),
    a_call(call_id="no result yet", disposition="unknown", called_date=AS_OF),
    a_call(call_id="never a result", disposition="unknown"),
    a_call(call_id="before the agreement", called_date=date(2024, 3, 31)),
]


def test_calls_are_judged_as_meetings_are(warehouse: sa.Connection, build: Build) -> None:
    insert(warehouse, tables.calls, *CALLS)
    definition = a_call_definition()
    context = a_context(agreement=agreed(definitions=(definition,)))

    rows = {row["record_id"]: row for row in build(verdicts.MODEL, context)}

    assert {name: (row["verdict"], row["failed_rules"]) for name, row in rows.items()} == {
        "valid": ("valid", None),
        "short": ("invalid", "long"),
        "nobody": ("invalid", "connected"),
        "no result yet": ("pending", None),
        "never a result": ("invalid", "connected"),
        "before the agreement": (None, None),
    }
    assert {row["definition"] for row in rows.values()} == {"valid_call"}
    for call in CALLS[:-1]:
        plain = evaluate(definition, call, as_of=AS_OF, add_business_days=CALENDAR.add_business_days)
        assert rows[call["call_id"]]["verdict"] == plain.verdict
        assert rows[call["call_id"]]["pending_until_date"] == plain.pending_until


def test_every_rule_of_a_call_has_a_result(warehouse: sa.Connection, build: Build) -> None:
    insert(warehouse, tables.calls, *CALLS)

    rows = build(rule_results.MODEL, a_context(agreement=agreed(definitions=(a_call_definition(),))))

    assert len(rows) == 2 * (len(CALLS) - 1)
    assert {(row["rule_id"], row["observed"]) for row in rows if row["record_id"] == "short"} == {
        ("connected", "connected"),
        ("long", "59"),
    }


def test_a_kpi_counts_the_verdict_of_its_own_definition(warehouse: sa.Connection, build: Build) -> None:
    insert(warehouse, tables.calls, *CALLS)
    measure = {"event": "calls", "where": {"verdict": "valid"}, "date": "called_date", "credit": "rep_id"}
    everything = {**measure, "where": {"verdict": ["valid", "invalid"]}}
    kpi = a_kpi(
        id="valid_call_rate",
        kind="rate",
        unit="fraction",
        definition="valid_call",
        numerator=measure,
        denominator=everything,
    )
    any_call = a_call_definition(a_rule(id="long", **LONG), effective_from=date(2024, 4, 1))
    other = any_call.model_copy(update={"name": "long_call"})
    context = a_context(agreement=agreed(kpi, definitions=(a_call_definition(), other)))
    build(verdicts.MODEL, context)

    rows = build(kpi_daily.MODEL, context)

    assert sum(row["numerator"] for row in rows) == 1
    assert sum(row["denominator"] for row in rows) == 4
    assert {row["definition_version"] for row in rows} == {1}


def test_two_definitions_of_meetings_do_not_mix(warehouse: sa.Connection, build: Build) -> None:
    insert(
        warehouse, tables.meetings, a_meeting(meeting_id="a", minutes=10), a_meeting(meeting_id="b", outcome="no_show")
    )
    rule = {"expectation": "expect_column_values_to_be_between", "kwargs": {"column": "minutes", "min_value": 15}}
    long = a_definition(a_rule(id="long", **rule), name="long_meeting")
    measure = {"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"}
    kpis = [a_kpi(id=name, definition=name, numerator=measure) for name in ("valid_meeting", "long_meeting")]
    context = a_context(agreement=agreed(*kpis, definitions=(long, a_definition())))
    for model in (meeting_verdicts.MODEL, verdicts.MODEL):
        build(model, context)

    rows = build(kpi_daily.MODEL, context)

    assert {row["meeting_id"] for row in build(meeting_verdicts.MODEL, context) if row["verdict"] == "valid"} == {"a"}
    assert {row["record_id"] for row in build(verdicts.MODEL, context) if row["verdict"] == "valid"} == {"b"}
    assert {row["kpi_id"]: row["numerator"] for row in rows} == {"valid_meeting": 1, "long_meeting": 1}


def test_the_only_definition_of_meetings_is_the_one_shown_whatever_its_name(
    warehouse: sa.Connection, build: Build
) -> None:
    insert(warehouse, tables.meetings, a_meeting(meeting_id="a"))
    measure = {"event": "meetings", "where": {"verdict": "valid"}, "date": "held_date", "credit": "rep_id"}
    agreement = agreed(
        a_kpi(definition="first_talk", numerator=measure),
        definitions=(a_definition(name="first_talk"), a_call_definition()),
    )
    context = a_context(agreement=agreement)

    (verdict,) = build(meeting_verdicts.MODEL, context)
    build(verdicts.MODEL, context)
    (count,) = build(kpi_daily.MODEL, context)

    assert (meeting_definition(agreement), other_definitions(agreement)) == ("first_talk", ("valid_call",))
    assert verdict["verdict"] == "valid"
    assert count["numerator"] == 1


LINKED = {
    "contact_kind": "lead",
    "contact_title": "部長",
    "company_name": "Demo",
    "employee_count": 120,
    "deal_status": "open",
    "deal_stage": "Proposal",
    "deal_amount": 500,
    "rep_team": "is_east",
    "rep_department": "inside_sales",
    "held_by_team": "fs",
    "attendees_theirs": 2,
    "attendees_ours": 1,
    "field_sales_feedback_first": "rejected",
    "rep_is_ramping": True,
}


@pytest.mark.parametrize("column", sorted(LINKED))
def test_a_rule_sees_what_a_meeting_is_linked_to(warehouse: sa.Connection, build: Build, column: str) -> None:
    meeting = a_meeting(deal_id="hs:d1", attendee_count=2, attendees_ours=1, field_sales_feedback_first="rejected")
    insert(
        warehouse,
        tables.meetings,
        meeting,
        a_meeting(meeting_id="of nobody", rep_id=None, held_by_rep_id=None, contact_id=None, company_id=None),
    )
    insert(warehouse, tables.contacts, row_of(tables.contacts, contact_id="hs:c1", kind="lead", title="部長"))
    insert(warehouse, tables.companies, row_of(tables.companies, company_id="hs:o1", name="Demo", employee_count=120))
    insert(warehouse, tables.deals, a_deal(deal_id="hs:d1", status="open", stage="Proposal", agreed_amount=500))
    insert(warehouse, tables.reps, row_of(tables.reps, rep_id="hs:r1", started_date=date(2026, 8, 3)))
    teams = [
        ("hs:r1", "is_west", "inside_sales", date(2024, 4, 1), date(2026, 9, 8)),
        ("hs:r1", "is_east", "inside_sales", date(2026, 9, 8), None),
        ("hs:f1", "fs", "field_sales", date(2024, 4, 1), None),
    ]
    for rep_id, team, department, start, end in teams:
        values = {"rep_id": rep_id, "team": team, "department": department, "valid_from": start, "valid_to": end}
        insert(warehouse, tables.rep_teams, row_of(tables.rep_teams, **values))
    rule = a_rule(kwargs={"column": column, "value_set": [LINKED[column]]})

    rows = build(meeting_rule_results.MODEL, a_context(agreement=agreed(definitions=(a_definition(rule),))))

    assert {row["meeting_id"]: row["outcome"] for row in rows} == {"hs:1": "pass", "of nobody": "fail"}


@pytest.mark.parametrize(
    ("started", "ramping"),
    [
        pytest.param(date(2026, 6, 15), True, id="59 business days before"),
        pytest.param(date(2026, 6, 12), False, id="60 business days before"),
        pytest.param(date(2020, 4, 1), False, id="before the calendar"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_a_rep_ramps_for_the_agreed_business_days(
    warehouse: sa.Connection, build: Build, started: date | None, ramping: bool | None
) -> None:
    assert CALENDAR.business_days(date(2026, 6, 12), date(2026, 9, 8)) == 60
    insert(warehouse, tables.meetings, a_meeting())
    insert(warehouse, tables.reps, row_of(tables.reps, rep_id="hs:r1", started_date=started))
    rule = a_rule(kwargs={"column": "rep_is_ramping", "value_set": [True]})

    (row,) = build(meeting_rule_results.MODEL, a_context(agreement=agreed(definitions=(a_definition(rule),))))

    assert row["observed"] == (None if ramping is None else str(ramping).lower())


def test_a_linked_column_of_another_record_is_refused(warehouse: sa.Connection, build: Build) -> None:
    rule = a_rule(kwargs={"column": "held_by_team", "value_set": ["fs"]})

    with pytest.raises(UnknownColumnError):
        build(verdicts.MODEL, a_context(agreement=agreed(definitions=(a_call_definition(rule),))))


def test_a_share_counts_who_is_asked_and_has_answered(with_calendar: sa.Connection) -> None:
    kwargs = {
        "column": "field_sales_feedback",
        "value_set": ["accepted"],
        "row_condition": 'col("outcome")=="held"',
        "mostly": 0.7,
    }
    rule = a_rule(id="accepted", kwargs=kwargs, wait_business_days=5)
    insert(
        with_calendar,
        tables.meetings,
        a_meeting(meeting_id="accepted"),
        a_meeting(meeting_id="rejected", field_sales_feedback="rejected"),
        a_meeting(meeting_id="silent", field_sales_feedback=None),
        a_meeting(meeting_id="waiting", field_sales_feedback=None, held_date=AS_OF),
        a_meeting(meeting_id="not asked", outcome="no_show"),
        a_meeting(meeting_id="long ago", held_date=date(2026, 6, 1)),
        a_meeting(meeting_id="to come", held_date=date(2026, 10, 5)),
    )
    context = a_context(agreement=agreed(definitions=(a_definition(rule, a_rule()),)))
    write_model(with_calendar, meeting_rule_results.MODEL, context)

    (share,) = rule_shares(with_calendar, context)

    assert (share["rule_id"], share["mostly"], share["answered"]) == ("accepted", 0.7, 3)
    assert share["share"] == pytest.approx(1 / 3)


def test_several_definitions_with_waits_of_their_own_are_judged_in_one_night(
    warehouse: sa.Connection, build: Build
) -> None:
    insert(warehouse, tables.calls, a_call(disposition="unknown", called_date=AS_OF))
    insert(warehouse, tables.deals, a_deal(lead_source=None, close_date=AS_OF))
    in_set = "expect_column_values_to_be_in_set"
    kwargs = {"column": "rep_is_ramping", "value_set": [True]}
    ramping = a_rule(id="ramping", expectation=in_set, kwargs=kwargs, severity="warning")
    source = {"expectation": "expect_column_values_to_not_be_null", "kwargs": {"column": "lead_source"}}
    of_deals = a_definition(
        a_rule(id="source", **source, wait_business_days=7),
        ramping,
        name="won_deal",
        judges="deals",
        counted_on="close_date",
    )
    of_calls = a_call_definition(a_rule(id="connected", **CONNECTED), ramping)
    context = a_context(agreement=agreed(definitions=(of_calls, of_deals)))

    found = {row["definition"]: row for row in build(verdicts.MODEL, context)}

    assert {name: row["verdict"] for name, row in found.items()} == {"valid_call": "pending", "won_deal": "pending"}
    assert found["valid_call"]["pending_until_date"] < found["won_deal"]["pending_until_date"]
    assert {row["rule_id"] for row in build(rule_results.MODEL, context)} == {"connected", "ramping", "source"}
