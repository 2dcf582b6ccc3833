"""What becomes of a number when its record changes in the CRM: moved, booked again, reopened, lost after all."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import definitions_contract
from definitions_contract.loader import load_agreement
from models import tables
from models.build import CORE
from models.kpi import kpi_daily, kpi_periods, meeting_rule_results, meeting_verdicts, snapshots
from pipelines.warehouse import write_model
from tests.models.factories import a_context, a_raw, a_raw_meeting, a_raw_user, at, insert

DEFAULT = load_agreement(Path(str(definitions_contract.__file__)).parent / "agreement")
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
AS_OF = date(2026, 4, 20)
LAST_MINUTES = {"starts_at": at("2026-03-31T14:30"), "ends_at": at("2026-03-31T15:30")}  # 23:30 to 00:30 in Tokyo
Numbers = Mapping[tuple[str, date], tuple[float, float | None, float | None]]


@pytest.fixture
def company(warehouse: sa.Connection) -> sa.Connection:
    """A booker, a holder, and the stages of a deal."""
    insert(warehouse, tables.raw_users, *(a_raw_user(user) for user in ("r1", "f1")))
    stages = [a_raw(tables.raw_stages, name, label=name, status=name) for name in ("open", "won", "lost")]
    insert(warehouse, tables.raw_stages, *stages)
    return warehouse


def night(warehouse: sa.Connection, as_of: date) -> Numbers:
    """Work a night out; give numerator, denominator and value by KPI and month."""
    context = a_context(agreement=DEFAULT, as_of=as_of)
    of_kpi = (meeting_rule_results, meeting_verdicts, kpi_daily, kpi_periods, snapshots)
    for model in (*CORE, *(module.MODEL for module in of_kpi)):
        write_model(warehouse, model, context)
    c = tables.kpi_periods.c
    asked = sa.select(c.kpi_id, c.period_start, c.numerator, c.denominator, c.actual).where(
        c.period_kind == "month", c.scope_kind == "department"
    )
    return {
        (row.kpi_id, row.period_start): (row.numerator, row.denominator, row.actual) for row in warehouse.execute(asked)
    }


def change(warehouse: sa.Connection, table: sa.Table, crm_id: str, **values: Any) -> None:
    warehouse.execute(sa.update(table).where(table.c.crm_id == crm_id).values(**values))


def kept(warehouse: sa.Connection, known: date) -> list[Any]:
    c = tables.snapshots.c
    asked = sa.select(tables.snapshots).where(c.known_date == known)
    return sorted(tuple(row) for row in warehouse.execute(asked))


def test_a_meeting_that_is_moved_over_midnight_of_the_fiscal_year_counts_there_and_what_was_kept_stands(
    company: sa.Connection,
) -> None:
    insert(company, tables.raw_meetings, a_raw_meeting("1", booked_at=at("2026-03-20T01:00"), **LAST_MINUTES))
    first = night(company, AS_OF)
    before = kept(company, AS_OF)

    later = {name: moment + timedelta(minutes=30) for name, moment in LAST_MINUTES.items()}
    change(company, tables.raw_meetings, "1", **later)
    second = night(company, AS_OF + timedelta(days=1))

    assert first["meetings_held", MARCH] == (1, None, 1)
    assert ("meetings_held", APRIL) not in first
    assert second["meetings_held", APRIL] == (1, None, 1)
    assert ("meetings_held", MARCH) not in second
    assert second["meetings_booked", MARCH] == (1, None, 1)  # the day of the booking did not move
    assert kept(company, AS_OF) == before


def test_a_meeting_that_is_called_off_and_booked_again_is_booked_twice_and_held_once(company: sa.Connection) -> None:
    insert(
        company,
        tables.raw_meetings,
        a_raw_meeting("1", outcome="cancelled", booked_at=at("2026-03-20T01:00"), **LAST_MINUTES),
        a_raw_meeting("2", booked_at=at("2026-04-01T01:00"), starts_at=at("2026-04-08T01:00"), ends_at=at("2026-04-08T01:30")),
    )  # fmt: skip

    found = night(company, AS_OF)

    assert found["meetings_booked", MARCH] == found["meetings_booked", APRIL] == (1, None, 1)
    assert found["meetings_held", APRIL] == (1, None, 1)
    assert found["no_show_rate", APRIL] == (0, 1, 0)  # what was called off is no no-show
    assert ("no_show_rate", MARCH) not in found


# what each month's only deal, won with 500, becomes; and the month's numbers then
WON = {"deals_won": 1, "win_rate_by_close_date": 1}
CHANGES: Mapping[date, tuple[str, int | None, Mapping[str, float | None]]] = {
    date(2025, 11, 1): ("won", 500, WON | {"won_amount": 500, "average_deal": 500}),
    date(2025, 12, 1): ("won", 0, WON | {"won_amount": 0, "average_deal": 0}),  # for nothing
    date(2026, 1, 1): ("won", -500, WON | {"won_amount": -500, "average_deal": -500}),  # a credit note
    date(2026, 2, 1): ("won", None, WON | {"won_amount": 0, "average_deal": None}),  # no amount
    MARCH: ("lost", 500, {"deals_won": None, "win_rate_by_close_date": 0, "win_rate_by_cohort": 0}),  # after all
    APRIL: ("open", 500, {"deals_won": None, "win_rate_by_close_date": None, "win_rate_by_cohort": 0}),  # reopened
}


def test_a_won_deal_that_changes_counts_as_it_stands(company: sa.Connection) -> None:
    for month in CHANGES:
        day = month + timedelta(days=8)
        deal = a_raw(tables.raw_deals, f"{month}", owner_crm_id="f1", stage="won", amount=Decimal(500), currency="JPY",
                     close_date=day, created_at=at(f"{day}T01:00"))  # fmt: skip
        insert(company, tables.raw_deals, deal)
    before = night(company, AS_OF)

    for month, (stage, amount, _) in CHANGES.items():
        change(company, tables.raw_deals, f"{month}", stage=stage, amount=amount)
    found = night(company, AS_OF + timedelta(days=1))

    def value(kpi_id: str, month: date) -> float | None:
        return found.get((kpi_id, month), (None, None, None))[2]

    assert {before["won_amount", month] for month in CHANGES} == {(500, None, 500)}
    shown = {month: {kpi_id: value(kpi_id, month) for kpi_id in wanted} for month, (_, _, wanted) in CHANGES.items()}
    assert shown == {month: wanted for month, (_, _, wanted) in CHANGES.items()}
    # a cycle of no days divides nothing
    assert {value("pipeline_velocity", month) for month in CHANGES} == {None}
