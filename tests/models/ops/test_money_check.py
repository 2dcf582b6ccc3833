"""A won deal that is in no amount, for want of an agreed rate, is warned of."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.ops import data_checks
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_deal, insert

IN_FRANCS = {"currency": "CHF", "amount": Decimal(500), "agreed_amount": None}


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

    write_model(warehouse, data_checks.MODEL, a_context())

    checks = tables.check_results.c
    asked = sa.select(checks.is_passed, checks.severity, checks.failed_count).where(
        checks.check_name == "won_deals_have_a_rate"
    )
    assert warehouse.execute(asked).one() == (count == 0, "warning", count)
