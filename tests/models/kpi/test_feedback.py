"""What field sales said of held meetings, and where people and the definition disagree."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.context import BuildContext, Model
from models.kpi import feedback, meeting_rule_results, meeting_verdicts
from tests.models.factories import a_context, a_meeting, insert
from tests.models.kpi.agreements import a_definition, a_rule, agreed

Build = Callable[[Model, BuildContext], list[dict[str, Any]]]
IN_SET, BETWEEN = "expect_column_values_to_be_in_set", "expect_column_values_to_be_between"
ACCEPTED = a_rule(
    id="accepted",
    expectation=IN_SET,
    kwargs={"column": "field_sales_feedback", "value_set": ["accepted"]},
    wait_business_days=5,
)
LONG = a_rule(id="long", expectation=BETWEEN, kwargs={"column": "minutes", "min_value": 30})
SOURCE = a_rule(
    id="source", expectation=IN_SET, kwargs={"column": "lead_source", "value_set": ["web"]}, severity="warning"
)
BOSS = a_rule(
    id="boss",
    expectation=IN_SET,
    kwargs={"column": "decision_maker_present", "value_set": [True]},
    wait_business_days=5,
)


def heard(build: Build, connection: sa.Connection, **changes: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    insert(connection, tables.meetings, a_meeting(**changes))
    context = a_context(agreement=agreed(definitions=(a_definition(a_rule(), ACCEPTED, LONG, SOURCE, BOSS),)))
    for model in (meeting_rule_results.MODEL, meeting_verdicts.MODEL):
        build(model, context)
    counted, listed = (build(model, context) for model in feedback.MODELS)
    return counted, listed


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        pytest.param({"field_sales_feedback": "accepted"}, "accepted", id="accepted"),
        pytest.param({"field_sales_feedback": "rejected"}, "rejected", id="rejected"),
        pytest.param({"field_sales_feedback": None}, "silent", id="time is over"),
        pytest.param({"field_sales_feedback": None, "held_date": date(2026, 9, 29)}, "waiting", id="time is not over"),
        pytest.param({"field_sales_feedback": None, "outcome": "no_show"}, None, id="not held"),
        pytest.param({"held_date": date(2026, 10, 1)}, None, id="after as_of"),
        pytest.param({"held_date": None}, None, id="no day"),
    ],
)
def test_a_held_meeting_has_one_answer(
    build: Build, with_calendar: sa.Connection, changes: dict[str, Any], answer: str | None
) -> None:
    counted, _ = heard(build, with_calendar, **changes)

    counts = {key: row[f"{key}_count"] for row in counted for key in ("accepted", "rejected", "silent", "waiting")}
    assert {key for key, count in counts.items() if count} == ({answer} if answer else set())


@pytest.mark.parametrize(
    ("changes", "kind", "failed"),
    [
        pytest.param({"field_sales_feedback": "rejected"}, "rejected_but_passes", None, id="rejected, all else passes"),
        pytest.param({"field_sales_feedback": "rejected", "minutes": 20}, None, None, id="rejected, a rule fails too"),
        pytest.param({"minutes": 20}, "accepted_but_fails", "long", id="accepted, a rule fails"),
        pytest.param(
            {"minutes": 20, "decision_maker_present": False}, "accepted_but_fails", "boss,long", id="accepted, two fail"
        ),
        pytest.param({}, None, None, id="accepted, all passes"),
        pytest.param({"lead_source": "phone"}, None, None, id="a warning is no disagreement"),
        pytest.param({"field_sales_feedback": None}, None, None, id="silence is no opinion"),
        pytest.param(
            {"field_sales_feedback": "rejected", "decision_maker_present": None, "held_date": date(2026, 9, 29)},
            None,
            None,
            id="rejected, a rule still waits",
        ),
    ],
)
def test_people_and_definition_disagree(
    build: Build, with_calendar: sa.Connection, changes: dict[str, Any], kind: str | None, failed: str | None
) -> None:
    _, listed = heard(build, with_calendar, **changes)

    assert [(row["kind"], row["failed_rules"]) for row in listed] == ([(kind, failed)] if kind else [])


def test_rejections_keep_their_reason(build: Build, with_calendar: sa.Connection) -> None:
    insert(with_calendar, tables.meetings, a_meeting(meeting_id="2", field_sales_feedback="rejected"))

    counted, _ = heard(build, with_calendar, field_sales_feedback="rejected", reject_reason="no_budget")

    assert {row["reject_reason"]: row["rejected_count"] for row in counted} == {"no_budget": 1, "none": 1}
