"""A first read is stopped at any page, again and again, while people go on working: gone on with, it loses nothing of it."""

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from connectors.sandbox.plays import Stage
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from pipelines.warehouse import Warehouse
from tests.connectors.cases.people import CALL, CHANGES, COMPANY, DEAL, EMAIL, MEETING, NOTE, PERSON, People
from tests.connectors.cases.tables import compare, empty
from tests.connectors.cases.truth import DAY, DAY_MS, FIRST, FIRST_MS, HOUR_MS
from tests.connectors.conftest import StoppedError, small_pages, stopping_after

STOPS, RECORDS, CHANGES_BETWEEN = 5, 12, 6
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def _small_pages_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch, page=3, file=4)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("crm", "bulk_from"), [(HUBSPOT, None), (SALESFORCE, 0), (SALESFORCE, 1)])
def test_a_first_read_stopped_at_any_page_ends_with_what_the_crm_holds(
    crm: str,
    bulk_from: int | None,
    seed: int,
    crms: Any,
    stage: Stage,
    slept: list[float],
    warehouse: Warehouse,
) -> None:
    assert (stage.store, slept) == (crms.store, [])
    dice = random.Random(seed)  # noqa: S311 - a repeatable story, no secret
    people = People(crms.store, crm, dice)
    people.hire(FIRST_MS - DAY_MS)
    for number in range(RECORDS):
        for place in (PERSON, COMPANY, CALL, MEETING, DEAL, EMAIL, NOTE):
            people.add(place, FIRST_MS - DAY_MS + number * HOUR_MS + place)
    settings = {"id_check_days": 1} | ({"bulk_from": bulk_from} if bulk_from is not None else {})

    for stop in range(STOPS + 1):
        tell = stopping_after(dice.randrange(1, 12)) if stop < STOPS else lambda _: None
        with suppress(StoppedError):
            now = FIRST + stop * timedelta(hours=1)
            first = crms.extract(crm, f"read{stop}", now=now, settings=settings, on_progress=tell)
            break
        for number in range(CHANGES_BETWEEN):
            dice.choice(CHANGES)(people, FIRST_MS + stop * HOUR_MS + (number + 1) * MINUTE_MS)
    assert stop > 1
    crms.extract(crm, "read_later", now=FIRST + DAY, cursors=crms.cursors(first), settings=settings)

    empty(warehouse)
    connection = crms.connections[crm].model_copy(update=settings)
    compare(warehouse, crms.store, [connection], crms.landing, now=FIRST + DAY)
