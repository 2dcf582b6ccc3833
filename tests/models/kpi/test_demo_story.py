"""Night after night, and in another company of the same story, the alerts heard are those of the story and no others.

Verdicts are those known on the last day: what a night knew less than that is tested where verdicts are. Alerts are about months, so
only the months' targets are evaluated here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.company import build_company
from models import tables
from models.kpi import alerts, causes, changes, divergence, pace_weights
from pipelines.warehouse import Warehouse
from tests.models.kpi.demo_night import AS_OF, FACTS, fill_core, night, rows_of, write

NIGHTS = (date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20))  # midweek to Friday, before the long weekend
STORY = "lead_source:purchased_list:rate"
OTHER_SEED = 21


@contextmanager
def company(seed: int) -> Iterator[sa.Connection]:
    """Open a company's facts; the default one is shared with the other tests."""
    if seed != OTHER_SEED:
        with night() as connection:
            yield connection
        return
    warehouse = Warehouse(":memory:")
    warehouse.create_tables()
    with warehouse.transaction() as connection:
        fill_core(connection, build_company(AS_OF, seed=seed))
        write(connection, *(module.MODEL for module in FACTS), pace_weights.MODEL)
        yield connection


def heard(connection: sa.Connection, nights: Sequence[date]) -> dict[str, list[Any]]:
    """Give what was told on each night: KPI, whose and the cause."""
    told: dict[str, list[Any]] = {}
    connection.execute(sa.delete(tables.targets).where(tables.targets.c.period_kind != alerts.ALERTED_PERIOD))
    for table in (tables.divergence, tables.causes, tables.changes):
        connection.execute(sa.delete(table))
    for as_of in nights:
        write(connection, divergence.MODEL, causes.MODEL, changes.MODEL, alerts.MODEL, as_of=as_of)
        told[str(as_of)] = [
            (row["kind"], row["kpi_id"], row["scope_kind"], row["scope_id"], row["cause"])
            for row in rows_of(connection, tables.alerts)
            if row["notified_date"] == as_of
        ]
    return told


# the second company from the 19th on: its department's change, a team's target and the department's target come one by one
@pytest.mark.parametrize(("seed", "nights"), [(20, NIGHTS), (OTHER_SEED, NIGHTS[1:])], ids=["demo", "another"])
def test_only_the_story_is_heard_and_once(seed: int, nights: Sequence[date]) -> None:
    with company(seed) as connection:
        told = heard(connection, nights)

    found = [row for rows in told.values() for row in rows]
    assert found, told
    assert {row[4] for row in found} == {STORY}, told
    assert {row[2] for row in found} == {"department"}, told
    assert len(found) == len(set(found)), told
