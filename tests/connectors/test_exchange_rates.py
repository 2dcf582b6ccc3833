"""The CRMs' own dated rates, the whole way: asked for, landed, typed, and a deal's amount at the rate of its close day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.errors import RequestRefusedError
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from definitions_contract.schema import RateSource
from models import tables
from models.core import deals, exchange_rates
from pipelines.loading import load_landed
from pipelines.warehouse import Warehouse, write_model
from tests.models.factories import a_context, a_team, an_agreement

NOW = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
ASKED = {"exchange_rates": True}
CENT = Decimal("0.01")
# both companies tell their books in yen: HubSpot says yen for a dollar, Salesforce dollars for a yen
HUBSPOT_RATES = [("2026-01-01", "USD", "140.25"), ("2026-03-01", "USD", "150.5"), ("2026-03-01", "EUR", "160")]
SALESFORCE_RATES = [("2026-01-01", "2026-03-01", "0.0071"), ("2026-03-01", None, "0.0066")]
# amount, currency, close day in Tokyo
DEALS = [
    ("1000.10", "USD", "2026-02-28"),
    ("1000.10", "USD", "2026-03-01"),
    ("500", "JPY", "2026-03-05"),
    ("70", "USD", "2025-12-31"),
    ("70", "CHF", "2026-03-05"),
    ("70", "EUR", "2026-02-28"),
]


def fill(crms: Any) -> None:
    """Rates and deals of both CRMs."""
    crms.put(
        HUBSPOT,
        "exchange_rates",
        *(
            {
                "id": str(number),
                "fromCurrencyCode": currency,
                "toCurrencyCode": "JPY",
                "conversionRate": float(rate),
                "effectiveAt": f"{date.fromisoformat(since)}T00:00:00+09:00",
            }
            for number, (since, currency, rate) in enumerate(HUBSPOT_RATES, 1)
        ),
    )
    crms.put(
        SALESFORCE,
        "CurrencyType",
        {"id": "01L5g000000001AAA", "IsoCode": "JPY", "ConversionRate": 1.0, "IsCorporate": True},
        {"id": "01L5g000000002AAA", "IsoCode": "USD", "ConversionRate": 0.0066, "IsCorporate": False},
    )
    crms.put(
        SALESFORCE,
        "DatedConversionRate",
        *(
            {
                "id": f"04w5g00000000{number}AAA",
                "IsoCode": "USD",
                "ConversionRate": float(rate),
                "StartDate": since,
                "NextStartDate": until,
            }
            for number, (since, until, rate) in enumerate(SALESFORCE_RATES)
        ),
    )
    for number, (amount, currency, day) in enumerate(DEALS):
        crms.put(
            HUBSPOT,
            "deals",
            {"id": str(number + 1), "amount": amount, "deal_currency_code": currency, "closedate": f"{day}T10:00:00Z"},
        )
        crms.put(
            SALESFORCE,
            "Opportunity",
            {
                "id": f"0065g000000{number:03d}AAA",
                "Amount": float(amount),
                "Currency__c": currency,
                "CloseDate": day,
                "StageName": "Closed Won",
            },
        )


@pytest.fixture
def loaded(crms: Any) -> Warehouse:
    """Both CRMs in a warehouse, their rates too."""
    fill(crms)
    warehouse = Warehouse(crms.landing.parent / "warehouse.duckdb")
    for crm in (HUBSPOT, SALESFORCE):
        crms.extract(crm, f"s-{crm}", settings=ASKED)
        connection = crms.connections[crm].model_copy(update=ASKED)
        assert load_landed(warehouse, crms.landing, connection, zone="Asia/Tokyo").refused == ()
    return warehouse


def expected_amounts(crm: str) -> list[Decimal | None]:
    """The plain reading of the rules: the rate that holds on the close day, or nothing."""
    worth: dict[str, list[tuple[str, Decimal]]] = {}
    if crm == HUBSPOT:
        for since, currency, rate in HUBSPOT_RATES:
            worth.setdefault(currency, []).append((since, Decimal(rate)))
    else:
        worth["USD"] = [(since, 1 / Decimal(rate)) for since, _, rate in SALESFORCE_RATES]
    found: list[Decimal | None] = []
    for amount, currency, day in DEALS:
        rates = [rate for since, rate in worth.get(currency, []) if since <= day]
        rate = Decimal(1) if currency == "JPY" else rates[-1] if rates else None
        found.append(None if rate is None else (Decimal(amount) * rate).quantize(CENT, ROUND_HALF_UP))
    return found


def agreed_amounts(warehouse: Warehouse, changes: Mapping[str, Any]) -> dict[str, list[Decimal | None]]:
    """`core.deals.agreed_amount` of both CRMs, in the order of DEALS."""
    context = a_context(agreement=an_agreement(team=a_team(**changes)))
    with warehouse.transaction() as connection:
        for model in (exchange_rates.MODEL, deals.MODEL):
            write_model(connection, model, context)
        query = sa.select(tables.deals.c.connection, tables.deals.c.agreed_amount).order_by(tables.deals.c.crm_id)
        rows = connection.execute(query).all()
    return {crm: [amount for name, amount in rows if name == crm] for crm in (HUBSPOT, SALESFORCE)}


def test_a_deal_is_worth_what_the_agreed_source_says_on_its_close_day(crms: Any, loaded: Warehouse) -> None:
    found = agreed_amounts(loaded, {"exchange_rates_from": RateSource.CRM})

    assert found == {crm: expected_amounts(crm) for crm in (HUBSPOT, SALESFORCE)}
    assert found[HUBSPOT][3:] == [None, None, None]  # a day before the first rate, a currency without one: never 1

    from_agreement = agreed_amounts(loaded, {})
    assert from_agreement[HUBSPOT][0] == Decimal("140014.00")  # 140 since April 2025
    assert from_agreement[HUBSPOT] == from_agreement[SALESFORCE]

    for number in (1, 2):
        crms.store.purge(HUBSPOT, "exchange_rates", str(number))
    crms.extract(HUBSPOT, "s2", settings=ASKED, now=NOW + timedelta(days=1))
    load_landed(loaded, crms.landing, crms.connections[HUBSPOT].model_copy(update=ASKED), zone="Asia/Tokyo")
    without = agreed_amounts(loaded, {"exchange_rates_from": RateSource.CRM})
    assert without[HUBSPOT][:3] == [None, None, Decimal("500.00")]


def test_rates_are_not_asked_for_unless_the_connection_says_so(crms: Any) -> None:
    fill(crms)

    objects = {window.object for crm in (HUBSPOT, SALESFORCE) for window in crms.extract(crm, f"s-{crm}").windows}

    assert objects & {"exchange_rates", "CurrencyType", "DatedConversionRate"} == set()
    assert crms.asked("exchange-rates") == []


@pytest.mark.parametrize(
    ("crm", "address", "status", "named"),
    [
        pytest.param(HUBSPOT, "exchange-rates", 403, "exchange-rates", id="hubspot: no scope"),
        pytest.param(SALESFORCE, "sobjects/CurrencyType", 404, "CurrencyType", id="salesforce: one currency only"),
    ],
)
def test_rates_that_cannot_be_had_stop_the_sync_and_are_named(
    crms: Any, crm: str, address: str, status: int, named: str
) -> None:
    crms.play(address, status, b"{}")

    with pytest.raises(RequestRefusedError, match=named) as caught:
        crms.extract(crm, settings=ASKED)

    assert caught.value.status == status
