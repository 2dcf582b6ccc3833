"""Has everything come that HubSpot has in a window? Its lists give the records, its search the count; the search knows a change later."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.hubspot.search import Search
from connectors.id_set import IdSet
from connectors.records import Record
from connectors.sink import Window
from connectors.sync import settled_count


@dataclass
class Arrivals:
    """Ids that came and lie in the window. `index_lag`: a change that young may be missing in the search."""

    window: Window
    index_lag: timedelta
    ids: IdSet = field(default_factory=IdSet)
    _young: IdSet = field(default_factory=IdSet)

    def add(self, records: Iterable[Record]) -> None:
        """Note those of the records whose change lies in the window."""
        inside = [one for one in records if self.window.has(one.modified_at)]
        self.ids.update(one.id for one in inside)
        known_until = self._known_until
        self._young.update(one.id for one in inside if one.modified_at >= known_until)

    def crm_count(self, search: Search, *, before: int) -> int:
        """How many HubSpot has in the window, by its counts before and after reading."""
        landed = len(self.ids)
        after = before if landed == before else search.count(self.window)
        if landed > max(before, after) and landed - len(self._young) == self._settled(search):
            return landed  # the list is ahead of the index: what the index knows for sure has all come
        return settled_count(landed, before=before, after=after)

    @property
    def _known_until(self) -> datetime:
        return self.window.end - self.index_lag

    def _settled(self, search: Search) -> int:
        start = self.window.start or datetime.fromtimestamp(0, UTC)
        return search.count(Window(self.window.start, self._known_until)) if start < self._known_until else 0
