"""A deleted record is restored and keeps its time of change: no increment sees that, the comparison of ids does."""

import pytest
import sqlalchemy as sa

from connectors.sandbox.store import HUBSPOT, SALESFORCE
from models.tables import cursors
from pipelines.loading import load_landed
from pipelines.warehouse import Warehouse
from tests.connectors.cases.tables import empty
from tests.connectors.cases.truth import LATER_MS, Nights

OBJECTS = {HUBSPOT: "meetings", SALESFORCE: "Event"}


@pytest.fixture(params=OBJECTS)
def nights(request: pytest.FixtureRequest) -> Nights:
    """One of the two CRMs."""
    nights: Nights = request.getfixturevalue(request.param)
    return nights


def test_one_that_was_restored_without_a_trace_is_named_and_read_the_night_after(
    nights: Nights, warehouse: Warehouse
) -> None:
    name = OBJECTS[nights.crm]
    nights.night(0)
    record = nights.store.page(nights.crm, name, is_deleted=False)[0]
    nights.store.delete(nights.crm, name, record.id, LATER_MS)
    nights.night(1)
    nights.store.put(nights.crm, [record])
    empty(warehouse)

    nights.night(2, settings={"id_check_days": 1})
    refused = load_landed(warehouse, nights.crms.landing, nights.connection, zone="Asia/Tokyo").refused
    with warehouse.transaction() as reading:
        kept = reading.execute(sa.select(cursors.c.object, cursors.c.cursor_at)).all()
    nights.cursors, nights.refused = {row.object: row.cursor_at for row in kept}, 1
    nights.night(3)

    assert f"ids.{name}: 8 of 8, missing {record.id})" in refused[0]
