"""A won deal that adds nothing, or whose currency is only supposed, is warned of."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.ops import data_checks
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_deal, a_raw, insert

IN_FRANCS = {"currency": "CHF", "amount": Decimal(500), "agreed_amount": None}
Result = tuple[bool, str, int]


def result(warehouse: sa.Connection, name: str) -> Result:
    write_model(warehouse, data_checks.MODEL, a_context())
    checks = tables.check_results.c
    asked = sa.select(checks.is_passed, checks.severity, checks.failed_count).where(checks.check_name == name)
    found: Result = tuple(warehouse.execute(asked).one())  # type: ignore[assignment]  # three columns
    return found


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param(IN_FRANCS, 1, id="won, no agreed rate"),
        pytest.param(IN_FRANCS | {"status": "lost"}, 0, id="lost: no amount counts"),
        pytest.param(IN_FRANCS | {"amount": None}, 0, id="nothing to convert"),
        pytest.param(IN_FRANCS | {"agreed_amount": Decimal(85_000)}, 0, id="a rate is agreed"),
    ],
)
def test_a_won_deal_without_an_agreed_rate_is_warned_of(
    warehouse: sa.Connection, changes: dict[str, Any], count: int
) -> None:
    insert(warehouse, tables.deals, a_deal(**changes), a_deal(deal_id="hs:2"))

    assert result(warehouse, "won_deals_have_a_rate") == (count == 0, "warning", count)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"amount": None}, 1, id="won, no amount"),
        pytest.param({"amount": Decimal(0)}, 0, id="nothing is an amount"),
        pytest.param({"amount": None, "status": "open"}, 0, id="still open"),
    ],
)
def test_a_won_deal_without_an_amount_is_warned_of(
    warehouse: sa.Connection, changes: dict[str, Any], count: int
) -> None:
    insert(warehouse, tables.deals, a_deal(**changes), a_deal(deal_id="hs:2"))

    assert result(warehouse, "won_deals_have_an_amount") == (count == 0, "warning", count)


@pytest.mark.parametrize(
    ("changes", "of_the_others", "count"),
    [
        pytest.param({}, "USD", 1, id="others name one"),
        pytest.param({"status": "lost"}, "USD", 0, id="lost: no amount counts"),
        pytest.param({"amount": None}, "USD", 0, id="no amount"),
        pytest.param({}, None, 0, id="a CRM with one currency"),
        pytest.param({"connection": "sf", "deal_id": "sf:1"}, "USD", 0, id="others in another CRM name one"),
    ],
)
def test_a_won_deal_without_a_currency_is_warned_of_where_others_name_theirs(
    warehouse: sa.Connection, changes: dict[str, Any], of_the_others: str | None, count: int
) -> None:
    insert(warehouse, tables.deals, a_deal(**changes), a_deal(deal_id="hs:2", crm_id="2"))
    mine = a_raw(tables.raw_deals, "1", connection=changes.get("connection", "hs"))
    insert(warehouse, tables.raw_deals, mine, a_raw(tables.raw_deals, "2", currency=of_the_others))

    assert result(warehouse, "won_deals_name_a_currency") == (count == 0, "warning", count)
