"""What is watched without a target: what each CRM delivers, a new definition from its first day, the pace of deals."""

from datetime import date

import sqlalchemy as sa

from models import tables
from models.kpi import changes
from tests.models.kpi.demo_night import AS_OF, night, rows_of, write

SILENT_SINCE = date(2026, 11, 18)  # three business days before the night


def test_a_crm_that_delivers_nothing_is_seen_within_days_and_the_other_is_not() -> None:
    calls = tables.calls
    is_east = calls.c.rep_id.in_(sa.select(tables.reps.c.rep_id).where(tables.reps.c.team == "is_east"))
    with night() as connection:
        connection.execute(sa.update(calls).values(connection=sa.case((is_east, "hubspot"), else_="salesforce")))
        connection.execute(sa.delete(calls).where(is_east, calls.c.called_date >= SILENT_SINCE))
        write(connection, changes.MODEL)
        rows = {
            row["part"]: row for row in rows_of(connection, tables.changes, evaluated_date=AS_OF, split="connection")
        }

    assert set(rows) == {"hubspot", "salesforce"}
    assert rows["hubspot"]["score"] < -6
    assert rows["hubspot"]["observed"] == 0
    assert abs(rows["salesforce"]["score"]) < 6


def test_a_new_definition_is_asked_about_from_its_first_day_on_and_not_for_ever() -> None:
    with night() as connection:
        write(connection, changes.MODEL, as_of=date(2026, 7, 10))
        (young,) = rows_of(
            connection,
            tables.changes,
            evaluated_date=date(2026, 7, 10),
            split="definition",
            scope_kind="department",
            scope_id="inside_sales",
        )
        old = rows_of(connection, tables.changes, evaluated_date=AS_OF, split="definition")

    assert (young["kpi_id"], young["part"], young["kind"]) == ("valid_rate", "2026-06-01", "definition")
    assert young["score"] < 0
    assert old == []


def test_the_pace_of_deals_is_watched_and_calm_in_the_demo() -> None:
    with night() as connection:
        rows = rows_of(connection, tables.changes, evaluated_date=AS_OF, kind="pace", scope_id="inside_sales")

    assert [(row["kpi_id"], row["split"]) for row in rows] == [("deals_won", "team")]
    assert abs(rows[0]["score"]) < 2.6
