"""Great Expectations finds as many bad rows as the SQL of the data checks, check by check."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models import tables
from models.ops import data_checks
from models.ops.row_checks import ROW_CHECKS
from pipelines.data_expectations import differences, run_row_checks
from pipelines.warehouse import Warehouse, insert_rows
from tests.models.factories import AS_OF, a_call, a_context, a_deal, a_meeting, a_raw, an_email, at, row_of
from tests.models.kpi.conftest import calendar_rows

TWICE: dict[str, Any] = {"contact_id": "c1", "starts_at": at("2026-09-10T01:00")}


@pytest.fixture
def bad_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse in which every check of single records finds something, and something that is right."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.create_tables()
    usual = [
        a_call(call_id=f"{week}-{n}", called_date=AS_OF - timedelta(weeks=week))
        for week in range(1, 9)
        for n in range(30)
    ]
    person = {"connection": "hs", "email": "a@a.example"}
    rows = {
        tables.calendar: calendar_rows(),
        tables.calls: [*usual, a_call(call_id="bad", disposition="unknown", called_date=AS_OF)],
        tables.emails: [an_email(), an_email(email_id="bad", rep_id=None)],
        tables.deals: [
            a_deal(),
            a_deal(deal_id="no source", lead_source="unknown"),
            a_deal(deal_id="no rate", agreed_amount=None),
            a_deal(deal_id="no amount", amount=None),
        ],
        tables.raw_deals: [a_raw(tables.raw_deals, "1"), a_raw(tables.raw_deals, "2", currency="USD")],
        tables.contacts: [row_of(tables.contacts, contact_id=n, **person) for n in ("a", "b")],
        tables.companies: [
            row_of(tables.companies, company_id=n, connection="hs", domain="www.a.example") for n in ("a", "b")
        ],
        tables.meetings: [
            a_meeting(meeting_id="open", outcome="unknown", held_date=date(2026, 9, 1), ends_at=None),
            a_meeting(meeting_id="one", **TWICE),
            a_meeting(meeting_id="two", **TWICE),
        ],
        tables.meeting_verdicts: [
            row_of(tables.meeting_verdicts, meeting_id=n, counted_date=date(2026, 9, 1), definition_version=version)
            for n, version in (("one", 1), ("two", None))
        ],
    }
    with warehouse.transaction() as connection:
        for table, some in rows.items():
            insert_rows(connection, table, some)
    yield warehouse
    warehouse.engine.dispose()


def test_both_evaluations_find_the_same_bad_rows_in_every_check(bad_warehouse: Warehouse) -> None:
    context = a_context()
    bad_warehouse.write(data_checks.MODEL, context)

    found = run_row_checks(bad_warehouse.engine, context)

    with bad_warehouse.transaction() as connection:
        assert list(differences(connection, context, found)) == []
        connection.execute(sa.update(tables.check_results).values(failed_count=7))
        told = list(differences(connection, context, found))
    assert found.keys() == {check.name for check in ROW_CHECKS}
    assert [name for name, one in found.items() if not one.failing_ids] == []
    assert found["meetings_are_there_once"].failing_ids == ("two",)
    assert "emails_have_a_rep: 7 by SQL, 1 by Great Expectations" in told


def test_the_checks_look_at_every_table_that_they_say_they_read() -> None:
    asked = {
        table.fullname
        for check in ROW_CHECKS
        for table in sa.sql.visitors.iterate(check.rows(a_context()))
        if isinstance(table, sa.Table)
    }

    assert asked - {table.fullname for table in data_checks.READS} == set()
