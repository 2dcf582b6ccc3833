"""A CRM's rates become rates into the agreed currency: through its home currency, day by day, and never made up."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions_contract.schema import RateSource
from models import tables
from models.core.exchange_rates import ALWAYS, MODEL
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_raw, a_team, an_agreement, insert

Rows = Callable[..., list[tuple[Any, ...]]]
FROM_CRM = a_context(agreement=an_agreement(team=a_team(exchange_rates_from=RateSource.CRM)))
YEAR = date(2026, 1, 1)


def a_rate(crm_id: str, currency: str, **changes: Any) -> dict[str, Any]:
    return a_raw(tables.raw_exchange_rates, crm_id, currency=currency, **changes)


def test_a_home_currency_that_is_not_the_agreed_one_is_gone_through(warehouse: sa.Connection, rows: Rows) -> None:
    insert(
        warehouse,
        tables.raw_exchange_rates,
        a_rate("1", "EUR", units_per_home=Decimal("0.9"), since=YEAR),
        a_rate("2", "JPY", units_per_home=Decimal(150), since=date(2026, 2, 1), until=date(2026, 3, 1)),
        a_rate("3", "JPY", units_per_home=Decimal(155), since=date(2026, 3, 1)),
        a_rate("4", "USD", units_per_home=Decimal(1)),
    )

    write_model(warehouse, MODEL, FROM_CRM)

    assert rows(tables.exchange_rates, "currency", "since_date", "until_date", "rate", "divisor") == [
        ("EUR", date(2026, 2, 1), date(2026, 3, 1), Decimal(150), Decimal("0.9")),
        ("EUR", date(2026, 3, 1), None, Decimal(155), Decimal("0.9")),
        ("JPY", ALWAYS, None, Decimal(1), Decimal(1)),
        ("USD", date(2026, 2, 1), date(2026, 3, 1), Decimal(150), Decimal(1)),
        ("USD", date(2026, 3, 1), None, Decimal(155), Decimal(1)),
    ]


@pytest.mark.parametrize(
    "rate",
    [
        pytest.param(a_rate("1", "USD", home_per_unit=Decimal(0), home_currency="JPY", since=YEAR), id="nought"),
        pytest.param(a_rate("1", "USD", home_currency="JPY", since=YEAR), id="no figure"),
        pytest.param(
            a_rate("1", "USD", home_per_unit=Decimal(150), home_currency="JPY", since=YEAR, is_deleted=True),
            id="deleted",
        ),
        pytest.param(a_rate("1", "USD", home_per_unit=Decimal(1), home_currency="GBP", since=YEAR), id="no way back"),
    ],
)
def test_no_rate_is_made_up(warehouse: sa.Connection, rows: Rows, rate: dict[str, Any]) -> None:
    insert(warehouse, tables.raw_exchange_rates, rate)

    write_model(warehouse, MODEL, FROM_CRM)

    assert rows(tables.exchange_rates, "connection", "currency") == [("*", "JPY")]


DAYS = st.integers(0, 20).map(lambda number: YEAR + timedelta(days=number))
RATES = st.lists(st.tuples(DAYS, st.sampled_from(["USD", "EUR"]), st.integers(1, 200)), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=RATES)
def test_on_each_day_the_last_rate_told_before_it_holds_and_no_other(
    warehouse: sa.Connection, told: list[tuple[date, str, int]]
) -> None:
    warehouse.execute(sa.delete(tables.raw_exchange_rates))
    insert(
        warehouse,
        tables.raw_exchange_rates,
        *(
            a_rate(f"{n:02d}", currency, home_per_unit=Decimal(rate), home_currency="JPY", since=since)
            for n, (since, currency, rate) in enumerate(told)
        ),
    )

    write_model(warehouse, MODEL, FROM_CRM)

    found = [row for row in warehouse.execute(sa.select(tables.exchange_rates)).mappings() if row["currency"] != "JPY"]
    for day in (YEAR + timedelta(days=number) for number in range(-1, 22)):
        by_day = sorted(told, key=lambda one: one[0])  # of one day the one told last counts
        last = {currency: rate for since, currency, rate in by_day if since <= day}
        holding = [
            (row["currency"], int(row["rate"]))
            for row in found
            if row["since_date"] <= day and (row["until_date"] is None or day < row["until_date"])
        ]
        assert sorted(holding) == sorted(last.items())
