"""Does core hold what the CRMs hold? Every row of every table against the demo company's own truth."""

import pytest

from connectors.sandbox.company import Company, truth
from models.tables import metadata
from tests.night.homes import Home, assert_same
from tests.truth.rows import TABLES

MADE_BY_US = {"calendar"}  # no CRM holds it


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_are_those_that_the_crms_hold(night_home: Home, company: Company, table: str) -> None:
    columns, expected = TABLES[table]

    found = night_home.rows(f"SELECT {columns} FROM core.{table}")  # noqa: S608 - names from the table above

    assert_same(found, expected(company))


def test_no_table_and_no_column_goes_unproved() -> None:
    declared = {
        table.name: {column.name for column in table.columns}
        for table in metadata.tables.values()
        if table.schema == "core" and table.name not in MADE_BY_US
    }

    assert {name: set(columns.split(", ")) for name, (columns, _) in TABLES.items()} == declared


def test_what_the_crms_call_deleted_is_in_the_story(company: Company) -> None:
    deleted = [company.calls, company.emails, company.contacts, company.deals, company.meetings]

    assert all(any(row.deleted_at is not None for row in rows) for rows in deleted)
    assert {copy.reason for meeting in company.meetings for copy in meeting.copies} == {
        "leading",
        "invitee",
        "other_crm",
    }
    assert truth.core_counts(company)["meetings"] < len(company.meetings)
