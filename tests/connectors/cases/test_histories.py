"""The law of many nights: whatever people do in the CRMs and whatever goes wrong at night, core is what the CRMs hold.

Random histories, repeatable by their seed: edits, deletions, merges, purges, other people on meetings and deals, stages, owners,
e-mails, notes, and plays; after each night that ends well, every table is compared with rows read plainly from the sandbox's store.
"""

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.errors import DailyLimitError
from connectors.sandbox.plays import Stage
from connectors.sandbox.store import HUBSPOT, SALESFORCE
from pipelines.warehouse import Warehouse
from tests.connectors.cases.core_rows import NAMES
from tests.connectors.cases.people import CALL, COMPANY, DEAL, EMAIL, MEETING, NOTE, PERSON, People
from tests.connectors.cases.tables import compare, empty
from tests.connectors.cases.truth import DAY, DAY_MS, FIRST, FIRST_MS, HOUR_MS, Nights

NIGHTS, RECORDS = 4, 12
SURVIVED = {
    HUBSPOT: ("H3", "H4", "H6", "H8", "H9", "H10", "H13"),
    SALESFORCE: ("S3", "S7", "S8", "S9", "S14", "S15"),
}
LATE = {HUBSPOT: "H5", SALESFORCE: "S2"}  # what was done in the last hour shows the night after only
STOPPING = {HUBSPOT: ("H9", {"policy": "DAILY"}), SALESFORCE: ("S9", {"kind": "daily"})}
FEW = {"times": 5}  # one request may meet all of H9 and H10, and is tried eight times
# what no increment can see must be found by the comparison of ids, here every night
SETTINGS = {"id_check_days": 1}


@dataclass
class History:
    """Both CRMs, their people, their nights, and one warehouse."""

    warehouse: Warehouse
    nights: dict[str, Nights]
    dice: random.Random
    is_late: bool = False

    def run(self) -> Iterator[int]:
        """Night by night; those that end well, and so have been compared, are given."""
        people = [People(nights.store, crm, self.dice) for crm, nights in self.nights.items()]
        for one in people:
            one.hire(FIRST_MS - DAY_MS)
            for number in range(RECORDS):
                for place in (PERSON, COMPANY, CALL, MEETING, DEAL, EMAIL, NOTE):
                    one.add(place, FIRST_MS - DAY_MS + number * HOUR_MS + place)
        for day in range(NIGHTS):
            self.is_late = 0 < day < NIGHTS - 1 and self.dice.random() < 0.4
            ended_well = [self._night(crm, day) for crm in self.nights]
            if all(ended_well) and not self.is_late:
                self._compare(day)
                yield day
            for one in people:
                one.live(FIRST_MS + day * DAY_MS)

    def _night(self, crm: str, day: int) -> bool:
        """One CRM's sync under some plays; False when one of them stopped it."""
        nights, stage = self.nights[crm], self.nights[crm].stage
        for play_id in self.dice.sample(SURVIVED[crm], 3):
            stage.play(play_id, **{"H6": {"at_ms": FIRST_MS + day * DAY_MS + 1}, "H10": FEW}.get(play_id, {}))
        if self.is_late:
            stage.play(LATE[crm], from_ms=FIRST_MS + day * DAY_MS - HOUR_MS)
        is_bulk = crm == SALESFORCE and self.dice.random() < 0.5
        if is_bulk:
            stage.play("S10", variant="truncated")
        is_stopped = day not in {0, NIGHTS - 1} and self.dice.random() < 0.2
        if is_stopped:
            play_id, options = STOPPING[crm]
            stage.play(play_id, times=0, **options)
        with pytest.raises(DailyLimitError) if is_stopped else nullcontext():
            nights.night(day, settings=SETTINGS | ({"bulk_from": 1} if is_bulk else {}))
        stage.stop()
        return not is_stopped

    def _compare(self, day: int) -> None:
        nights = [*self.nights.values()]
        connections = [one.crms.connections[one.crm].model_copy(update=SETTINGS) for one in nights]
        landing, store = nights[0].crms.landing, nights[0].store
        compare(self.warehouse, store, connections, landing, now=FIRST + day * DAY)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_table_is_what_the_crms_hold_after_every_night(
    seed: int, crms: Any, stage: Stage, slept: list[float], warehouse: Warehouse
) -> None:
    assert slept == []
    dice = random.Random(seed)  # noqa: S311 - a repeatable story, no secret
    empty(warehouse)
    history = History(warehouse, {crm: Nights(crms, crm, stage) for crm in NAMES}, dice)

    compared = [*history.run()]

    assert len(compared) >= NIGHTS // 2
