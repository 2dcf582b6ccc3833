"""`credit: owner_then_rep_id`: a deal counts for whoever owned it at the end of its day, whatever became of it since."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions_contract.schema import ScopeKind
from models import tables
from models.kpi import kpi_daily
from models.kpi.kpi_records import Asked, counted_records, record_statement
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_deal, insert, row_of
from tests.models.kpi.agreements import a_kpi, agreed

DAY = date(2026, 9, 10)
SIDES = {
    "numerator": {"event": "deals", "where": {"status": "won"}, "date": "close_date", "credit": "owner_then_rep_id"},
    "denominator": {"event": "deals", "date": "created_date", "credit": "owner_then_rep_id"},
}
WON = a_kpi(id="won_then", kind="rate", unit="fraction", **SIDES)


def a_change(deal_id: str, position: int, rep: str | None, day: date) -> dict[str, Any]:
    return row_of(tables.deal_owner_changes, deal_id=deal_id, position=position, owner_rep_id=rep, changed_date=day)


def sums(connection: sa.Connection) -> dict[str, tuple[Decimal, Decimal]]:
    """Numerator and denominator of each rep."""
    write_model(connection, kpi_daily.MODEL, a_context(agreement=agreed(WON)))
    fact = tables.kpi_daily.c
    query = sa.select(fact.rep_id, sa.func.sum(fact.numerator), sa.func.sum(fact.denominator)).group_by(fact.rep_id)
    return {rep: (won, made) for rep, won, made in connection.execute(query)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param([], "hs:now", id="no history: the owner of today"),
        pytest.param([("hs:a", 0)], "hs:a", id="on the day itself"),
        pytest.param([("hs:a", -5), ("hs:b", 1)], "hs:a", id="handed over a day later"),
        pytest.param([("hs:a", -5), ("hs:b", 0)], "hs:b", id="handed over on the day"),
        pytest.param([("hs:a", -5), ("hs:b", 0), ("hs:c", 0)], "hs:c", id="twice on the day: the last"),
        pytest.param([("hs:a", -5), (None, -1)], "unknown", id="nobody's"),
        pytest.param([("hs:a", 3), ("hs:b", 9)], "hs:a", id="before the history begins: its first owner"),
    ],
)  # fmt: skip
def test_the_owner_at_the_end_of_the_day_gets_the_credit(
    warehouse: sa.Connection, changes: list[tuple[str | None, int]], expected: str
) -> None:
    insert(warehouse, tables.deals, a_deal(owner_rep_id="hs:now", close_date=DAY, created_date=DAY))
    rows = [a_change("hs:1", n, rep, DAY + timedelta(days=days)) for n, (rep, days) in enumerate(changes, 1)]
    insert(warehouse, tables.deal_owner_changes, *rows)

    assert sums(warehouse) == {expected: (1, 1)}


REPS = st.sampled_from(["hs:a", "hs:b", "hs:c", None])
DAYS = st.integers(-9, 9).map(lambda number: DAY + timedelta(days=number))
HISTORIES = st.lists(st.tuples(REPS, DAYS), max_size=4).map(lambda changes: sorted(changes, key=lambda one: one[1]))
DEALS = st.lists(st.tuples(DAYS, DAYS, st.sampled_from(["won", "lost"]), REPS, HISTORIES), max_size=5)


def owner_then(owner: str | None, history: list[tuple[str | None, date]], day: date) -> str:
    """The plain reading."""
    if not history:
        return owner or "unknown"
    before = [rep for rep, changed in history if changed <= day]
    return (before[-1] if before else history[0][0]) or "unknown"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS)
def test_plain_python_credits_the_same_reps_and_no_deal_is_lost_or_doubled(
    warehouse: sa.Connection, deals: list[tuple[date, date, str, str | None, list[tuple[str | None, date]]]]
) -> None:
    for table in (tables.deals, tables.deal_owner_changes):
        warehouse.execute(sa.delete(table))
    expected: dict[str, list[int]] = {}
    for number, (made, closed, status, owner, history) in enumerate(deals):
        deal = a_deal(
            deal_id=f"hs:{number}", status=status, owner_rep_id=owner, created_date=made, close_date=closed
        )  # fmt: skip
        insert(warehouse, tables.deals, deal)
        rows = [a_change(f"hs:{number}", n, rep, day) for n, (rep, day) in enumerate(history, 1)]
        insert(warehouse, tables.deal_owner_changes, *rows)
        expected.setdefault(owner_then(owner, history, made), [0, 0])[1] += 1
        if status == "won":
            expected.setdefault(owner_then(owner, history, closed), [0, 0])[0] += 1

    found = sums(warehouse)

    assert found == {rep: tuple(sides) for rep, sides in expected.items()}
    assert sum((made for _, made in found.values()), Decimal(0)) == len(deals)


def test_the_records_behind_the_number_are_of_the_same_rep(warehouse: sa.Connection) -> None:
    insert(warehouse, tables.deals, a_deal(owner_rep_id="hs:now", close_date=DAY))
    insert(
        warehouse, tables.deal_owner_changes, a_change("hs:1", 1, "hs:a", DAY), a_change("hs:1", 2, "hs:now", date.max)
    )
    assert WON.numerator is not None

    found = {}
    for rep in ("hs:a", "hs:now"):
        asked = Asked(ScopeKind.REP, rep, DAY, DAY + timedelta(days=1))
        statement = record_statement(WON, WON.numerator, asked, as_of=DAY)
        found[rep] = [row["record_id"] for row in warehouse.execute(statement).mappings()]
    kept = warehouse.execute(counted_records(WON, WON.numerator, as_of=DAY)).mappings().all()

    assert found == {"hs:a": ["hs:1"], "hs:now": []}
    assert [row["rep_id"] for row in kept] == ["hs:a"]
