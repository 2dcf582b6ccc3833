"""What docs/agreement.md shows passes and fails as a reader would think: by SQL, and by the plain reading."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ruamel.yaml import YAML

from definitions_contract.evaluate import evaluate
from definitions_contract.schema import Rule
from models import tables
from models.kpi import meeting_rule_results
from pipelines.warehouse import write_model
from tests.models.factories import AS_OF, a_context, a_deal, a_meeting, insert, row_of
from tests.models.kpi.agreements import a_definition, a_rule, agreed
from tests.models.kpi.conftest import CALENDAR

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "agreement.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| [^|]+ \| `(expect_\w+?)`(?:, `\.\.\._to_(\w+)`)? \| `(\{.*\})` \|$", PAGE, re.MULTILINE)
LINKED = {"contact_title", "deal_status", "employee_count"}
Row = Mapping[str, Any]


def _rules() -> dict[str, Rule]:
    """Give the page's examples by their expectation; two that share a line share the arguments."""
    made = {}
    for first, second, kwargs in EXAMPLES:
        for name in (first, f"expect_column_values_to_{second}" if second else None):
            if name:
                made[name] = a_rule(id="r", expectation=name, kwargs=YAML(typ="safe").load(kwargs))
    return made


RULES = _rules()
# the records that pass, fail, and have no answer; by expectation
TRIED: dict[str, tuple[list[Row], list[Row], list[Row]]] = {
    "expect_column_values_to_not_be_null": ([{"deal_id": "hs:1"}], [], [{"deal_id": None}]),
    "expect_column_values_to_be_null": ([{"deal_id": None}], [{"deal_id": "hs:1"}], []),
    "expect_column_values_to_be_in_set": ([{"outcome": "held"}], [{"outcome": "no_show"}], [{"outcome": None}]),
    "expect_column_values_to_not_be_in_set": ([{"outcome": "no_show"}], [{"outcome": "held"}], [{"outcome": None}]),
    "expect_column_values_to_be_between": (
        [{"minutes": 15}, {"minutes": 89}],
        [{"minutes": 14}, {"minutes": 90}],  # strict_max: 90 is too long
        [{"minutes": None}],
    ),
    "expect_column_value_lengths_to_be_between": (
        [{"reject_reason": "予算外"}],
        [{"reject_reason": "予算"}],
        [{"reject_reason": None}],
    ),
    "expect_column_values_to_match_regex": (
        [{"contact_title": "営業部長"}, {"contact_title": "部長代理"}],
        [{"contact_title": "課長"}],
        [{"contact_title": None}],
    ),
    "expect_column_values_to_not_match_regex": (
        [{"contact_title": "課長"}],
        [{"contact_title": "営業部長"}],
        [{"contact_title": None}],
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        [{"booked_date": date(2026, 9, 7)}, {"booked_date": date(2026, 9, 8)}],  # or_equal: the same day will do
        [{"booked_date": date(2026, 9, 9)}],
        [{"booked_date": None}],
    ),
    "expect_column_pair_values_to_be_equal": (
        [{"lead_source": "web", "lead_source_first": "web"}],
        [{"lead_source": "web", "lead_source_first": "event"}],
        [{"lead_source": "web", "lead_source_first": None}],
    ),
    "expect_column_pair_values_to_be_in_set": (
        [{"outcome": "held", "response_method": "call"}],
        [{"outcome": "held", "response_method": "form"}, {"outcome": "no_show", "response_method": "call"}],
        [{"outcome": "held", "response_method": None}],
    ),
    "expect_column_pair_days_between_to_be_between": (
        [{"feedback_date": date(2026, 9, 8)}, {"feedback_date": date(2026, 9, 13)}],
        [{"feedback_date": date(2026, 9, 14)}, {"feedback_date": date(2026, 9, 7)}],
        [{"feedback_date": None}],
    ),
    "expect_sql_condition_to_hold": (
        [{"minutes": 30, "deal_status": "lost"}, {"minutes": None, "deal_status": "won"}, {"minutes": 45}],
        [{"minutes": 29, "deal_status": "lost"}],
        [{"minutes": None, "deal_status": "lost"}, {"minutes": 29, "deal_status": None}],
    ),
}
CASES = [
    pytest.param(RULES[name], row, expected, id=f"{name}-{expected}-{number}")
    for name, groups in TRIED.items()
    for expected, rows in zip(("pass", "fail", "missing"), groups, strict=True)
    for number, row in enumerate(rows)
]


def by_sql(connection: sa.Connection, rule: Rule, row: Row, as_of: date) -> str:
    """Judge one meeting with what it is linked to."""
    insert(connection, tables.contacts, row_of(tables.contacts, contact_id="hs:c1", title=row.get("contact_title")))
    insert(
        connection,
        tables.companies,
        row_of(tables.companies, company_id="hs:o1", employee_count=row.get("employee_count")),
    )
    insert(connection, tables.deals, a_deal(status=row.get("deal_status")))
    own = {name: value for name, value in row.items() if name not in LINKED}
    links = {} if "deal_id" in own else {"deal_id": "hs:1"}
    insert(connection, tables.meetings, a_meeting(**links, **own))
    write_model(
        connection,
        meeting_rule_results.MODEL,
        a_context(agreement=agreed(definitions=(a_definition(rule),)), as_of=as_of),
    )
    return str(connection.execute(sa.select(tables.meeting_rule_results.c.outcome)).scalar_one())


def plainly(rule: Rule, row: Row, as_of: date) -> str:
    flat = a_meeting(**{name: value for name, value in row.items() if name not in LINKED}) | dict(row)
    judged = evaluate(a_definition(rule), flat, as_of=as_of, add_business_days=CALENDAR.add_business_days)
    return judged.results[0].outcome.value


def test_every_example_of_the_page_is_tried() -> None:
    assert TRIED.keys() == RULES.keys()


@pytest.mark.parametrize(("rule", "row", "expected"), CASES)
def test_an_example_of_the_page_judges_as_it_reads(
    with_calendar: sa.Connection, rule: Rule, row: Row, expected: str
) -> None:
    expected = "fail" if expected == "missing" else expected

    assert (by_sql(with_calendar, rule, row, AS_OF), plainly(rule, row, AS_OF)) == (expected, expected)


MISSING = [case for case in CASES if case.values[2] == "missing"]


@pytest.mark.parametrize(("rule", "row", "_expected"), MISSING)
@pytest.mark.parametrize(
    ("changes", "as_of", "expected"),
    [
        pytest.param({"wait_business_days": 5}, date(2026, 9, 15), "waiting", id="waits"),
        pytest.param({"wait_business_days": 5}, date(2026, 9, 16), "fail", id="then fails"),
        pytest.param({"missing": "passes"}, date(2026, 9, 16), "pass", id="may be missing"),
    ],
)
def test_a_missing_answer_waits_then_fails_or_may_pass(
    with_calendar: sa.Connection,
    rule: Rule,
    row: Row,
    _expected: str,
    changes: dict[str, Any],
    as_of: date,
    expected: str,
) -> None:
    changed = rule.model_copy(update=changes)

    assert (by_sql(with_calendar, changed, row, as_of), plainly(changed, row, as_of)) == (expected, expected)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"employee_count": 100, "minutes": 5}, "fail", id="asked: a large company"),
        pytest.param({"employee_count": 99, "deal_id": "hs:1", "minutes": 5}, "fail", id="asked: a deal"),
        pytest.param({"employee_count": 99, "deal_id": None, "minutes": 5}, "pass", id="not asked: small, no deal"),
        pytest.param({"employee_count": None, "deal_id": None, "minutes": 5}, "pass", id="not asked: size not known"),
        pytest.param({"employee_count": 100, "outcome": "no_show", "minutes": 5}, "pass", id="not asked: not held"),
        pytest.param({"employee_count": 100, "minutes": 15}, "pass", id="asked, and long enough"),
    ],
)
def test_the_row_condition_of_the_page_asks_whom_it_names(
    with_calendar: sa.Connection, row: Row, expected: str
) -> None:
    (condition,) = re.findall(r"such as `(col.*?)`\.", PAGE)
    between = RULES["expect_column_values_to_be_between"]
    rule = between.model_copy(update={"kwargs": {**between.kwargs, "row_condition": condition}})
    linked = {"deal_id": None} | dict(row)

    assert (by_sql(with_calendar, rule, linked, AS_OF), plainly(rule, linked, AS_OF)) == (expected, expected)
