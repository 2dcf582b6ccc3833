"""Which records changed in a time window? HubSpot's search, read so that neither ties nor its 10,000-row limit lose one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import IncompleteReadError
from connectors.hubspot.client import HubSpotClient, next_after
from connectors.landing import Window
from connectors.sync import whole_milliseconds

PAGE_SIZE = 200
MOST_RESULTS = 10_000  # HubSpot answers 400 to anything beyond
MILLISECOND = timedelta(milliseconds=1)

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """The changes of one object; `cursor_property` is its time of change."""

    client: HubSpotClient
    connection: str
    object: str
    cursor_property: str

    def count(self, window: Window) -> int:
        """How many living records the CRM has in the window."""
        return self._whole_count(window, self._page(window, above=0, after=None, limit=1))

    def changes(self, window: Window) -> tuple[int, Iterator[Result]]:
        """How many living records the CRM has in the window, and these, each with its id and times at least.

        Pages are asked for by id (`hs_object_id` above the last one seen): a record that leaves the window meanwhile shifts
        nothing. Where HubSpot's order turns out not to be that of the numbers, the window is halved until it fits into
        10,000 rows and is paged by offset; some records come twice then.
        """
        page = self._page(window, above=0, after=None)
        return self._whole_count(window, page), self._by_id(window, page)

    def ids(self, window: Window) -> Iterator[str]:
        """Ids of the living records in the window."""
        _, results = self.changes(window)
        yield from (str(result["id"]) for result in results)

    def _whole_count(self, window: Window, page: Mapping[str, Any]) -> int:
        """The page's total; where that stops at the most rows that search gives, the sum over smaller windows."""
        total = int(page["total"])
        if total != MOST_RESULTS or window.end - _start(window) <= MILLISECOND:
            return total
        return sum(self.count(half) for half in self._halves(window))

    def _by_id(self, window: Window, page: Mapping[str, Any]) -> Iterator[Result]:
        last, count, total = 0, 0, int(page["total"])
        while True:
            ids = [int(result["id"]) for result in page["results"]]
            if ids != sorted(ids) or (ids and ids[0] <= last):
                yield from self._by_offset(window)
                return
            yield from page["results"]
            count += len(ids)
            after = next_after(page)
            if after is None:
                if count < total:  # numbers that happened to rise, in an order that was not theirs
                    yield from self._by_offset(window)
                return
            if not ids:  # an empty page with a next one: something is withheld, the offset tells how to get at it
                yield from self._by_offset(window)
                return
            last = ids[-1]
            page = self._page(window, above=last, after=None)

    def _by_offset(self, window: Window) -> Iterator[Result]:
        if self.count(window) > MOST_RESULTS:
            for half in self._halves(window):
                yield from self._by_offset(half)
            return
        after: str | None = None
        while True:
            page = self._page(window, above=0, after=after)
            yield from page["results"]
            following = next_after(page)
            if following is None:
                return
            if following == after:
                reason = "a page of the search names itself as the next one"
                raise IncompleteReadError(self.connection, object_name=self.object, reason=reason)
            after = following

    def _halves(self, window: Window) -> tuple[Window, Window]:
        start = _start(window)
        if window.end - start <= MILLISECOND:
            reason = f"more than {MOST_RESULTS} records share one millisecond and come in no order of ids"
            raise IncompleteReadError(self.connection, object_name=self.object, reason=reason)
        middle = whole_milliseconds(start + (window.end - start) / 2)
        return Window(start, middle), Window(middle, window.end)

    def _page(self, window: Window, *, above: int, after: str | None, limit: int = PAGE_SIZE) -> Mapping[str, Any]:
        filters = [{"propertyName": self.cursor_property, "operator": "LT", "value": _epoch(window.end)}]
        if window.start is not None:
            filters.append({"propertyName": self.cursor_property, "operator": "GTE", "value": _epoch(window.start)})
        if above:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(above)})
        body: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": [self.cursor_property],
            "limit": limit,
        }
        page: Mapping[str, Any] = self.client.post(
            "search", body if after is None else {**body, "after": after}, object=self.object
        )
        return page


def _start(window: Window) -> datetime:
    return window.start or datetime.fromtimestamp(1, tz=UTC)


def _epoch(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))
