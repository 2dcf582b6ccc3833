"""How many hits has a search? Counted once for all its pages: a count of a million records a page would be all the time there is."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Select

from connectors.sandbox.sql import compiled
from connectors.sandbox.store import Store

KEPT_SEARCHES: Final = 50


@dataclass(frozen=True, slots=True)
class _Known:
    """A count, where its search began (`above` an id), and the count that is left above the last id of its page."""

    version: tuple[int, int]
    above: str
    total: int
    last: str
    left: int


class Totals:
    """Remembers counts until the store changes. A search that goes on above the last id of a page (keyset) needs no new count."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def total(self, object_name: str, body: Mapping[str, Any], ids: Sequence[str], count: Select[Any]) -> int:
        """The hits of this search, whose page has these ids."""
        key, above = _signature(object_name, body)
        total = self._remembered(key, above)
        if total is None:
            total = int(self._store.select(*compiled(count)).fetchone()[0])
        if not body.get("after"):  # the offset's later pages say nothing about what is left above an id
            last = ids[-1] if ids and _is_by_id(body.get("sorts")) else above
            self._known[key] = _Known(
                self._store.version(), above, total, last, total if last == above else total - len(ids)
            )
            self._known.move_to_end(key)
            if len(self._known) > KEPT_SEARCHES:
                self._known.popitem(last=False)
        return total

    def _remembered(self, key: bytes, above: str) -> int | None:
        known = self._known.get(key)
        if known is None or known.version != self._store.version():
            return None
        return {known.last: known.left, known.above: known.total}.get(above)


def _signature(object_name: str, body: Mapping[str, Any]) -> tuple[bytes, str]:
    """What the search is about without the id that it goes on above, and that id."""
    groups = body.get("filterGroups") or []
    filters = [one for one in groups[0].get("filters") or [] if isinstance(one, dict)] if len(groups) == 1 else []
    above = [one for one in filters if (one.get("propertyName"), one.get("operator")) == ("hs_object_id", "GT")]
    if len(above) != 1 or not _is_by_id(body.get("sorts")):
        return orjson.dumps([object_name, groups, body.get("query")]), ""
    rest = [one for one in filters if one is not above[0]]
    return orjson.dumps([object_name, [{"filters": rest}], body.get("query")]), str(above[0].get("value"))


def _is_by_id(sorts: Any) -> bool:
    """Whether pages come in the rising order of ids, so that what is left lies above the last one."""
    return bool(sorts == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}])
