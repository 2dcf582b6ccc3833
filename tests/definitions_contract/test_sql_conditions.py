"""The escape: what a SQL condition may say, what is refused, and SQL's three values."""

from datetime import date
from typing import Any

import pytest

from definitions_contract.sql_conditions import (
    SqlConditionError,
    check_sql_condition,
    holds_in_sql,
    parse_sql_condition,
    sql_columns,
)
from definitions_contract.vocabulary import rule_columns

COLUMNS = rule_columns("meetings")


@pytest.mark.parametrize(
    ("text", "row", "value"),
    [
        pytest.param("minutes >= 30", {"minutes": 30}, True, id="compared"),
        pytest.param("minutes >= 30", {}, None, id="missing is unknown"),
        pytest.param("minutes >= 30 or has_deal", {"has_deal": True}, True, id="or: one true is enough"),
        pytest.param("minutes >= 30 and has_deal", {"has_deal": False}, False, id="and: one false is enough"),
        pytest.param("minutes >= 30 and has_deal", {"has_deal": True}, None, id="and: unknown"),
        pytest.param("not has_deal", {"has_deal": False}, True, id="not"),
        pytest.param("not has_deal", {}, None, id="not unknown"),
        pytest.param("has_deal is true", {}, False, id="is true"),
        pytest.param("deal_id is not null", {}, False, id="is not null"),
        pytest.param("outcome in ('held', 'no_show')", {"outcome": "held"}, True, id="in"),
        pytest.param("outcome not in ('held')", {"outcome": "held"}, False, id="not in"),
        pytest.param("outcome in ('held')", {}, None, id="in unknown"),
        pytest.param("minutes between 15 and 60", {"minutes": 60}, True, id="between"),
        pytest.param("feedback_date - held_date <= 3", {"held_date": date(2026, 6, 1), "feedback_date": date(2026, 6, 4)}, True, id="days"),
        pytest.param("held_date >= date '2026-06-01'", {"held_date": date(2026, 5, 31)}, False, id="a day"),
        pytest.param("coalesce(employee_count, 0) >= 100 or minutes * 2 - 1 > 60", {"minutes": 31}, True, id="calculated"),
        pytest.param("length(lower(contact_title)) > 2", {"contact_title": "CEO"}, True, id="functions"),
        pytest.param("abs(-minutes) = 5.0", {"minutes": 5}, True, id="figures are one kind"),
    ],
)  # fmt: skip
def test_a_condition_has_the_three_values_of_sql(text: str, row: dict[str, Any], value: bool | None) -> None:
    condition = parse_sql_condition(text)
    check_sql_condition(condition, COLUMNS)

    assert holds_in_sql(condition, row) is value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1) or (1=1", id="closes the parenthesis"),
        pytest.param("minutes > 1; drop table core.meetings", id="a second statement"),
        pytest.param("minutes > 1 limit 3", id="another clause"),
        pytest.param("minutes > 1 union select 1", id="union"),
        pytest.param("minutes in (select 1)", id="subquery"),
        pytest.param("exists (select 1)", id="exists"),
        pytest.param("read_csv('x') = 1", id="a function that reads"),
        pytest.param("count(*) > 1", id="an aggregate"),
        pytest.param("minutes::text = '1'", id="a cast"),
        pytest.param("core.meetings.minutes = 1", id="a column of a table"),
        pytest.param("mood = 'good'", id="no such column"),
        pytest.param("minutes = '30'", id="a number with a text"),
        pytest.param("held_date > '2026-01-01'", id="a day with a text"),
        pytest.param("held_date > date 'soon'", id="no day"),
        pytest.param("held_date + 3 > feedback_date", id="days are only subtracted"),
        pytest.param("has_deal > decision_maker_present", id="true has no order"),
        pytest.param("minutes", id="a number is no condition"),
        pytest.param("minutes / 2 > 1", id="division"),
        pytest.param("outcome like 'h%'", id="like"),
        pytest.param("case when has_deal then true end", id="case"),
        pytest.param("minutes > $1", id="a parameter"),
        pytest.param("", id="nothing"),
        pytest.param(" and ".join(["minutes > 1"] * 100), id="endless"),
        pytest.param("(" * 5000 + "minutes > 1" + ")" * 5000, id="too deep"),
    ],
)
def test_what_is_not_on_the_list_is_refused(text: str) -> None:
    with pytest.raises(SqlConditionError):
        check_sql_condition(parse_sql_condition(text), COLUMNS)


def test_columns_are_named_in_the_order_of_the_text() -> None:
    assert sql_columns(parse_sql_condition("minutes > 1 or (outcome = 'held' and minutes < 9)")) == (
        "minutes",
        "outcome",
    )
