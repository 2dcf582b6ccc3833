"""HubSpot's search: every id of a window, whatever the order and the pages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import IncompleteReadError
from connectors.hubspot.search import MOST_RESULTS, PAGE_SIZE, Search
from connectors.landing import Window


@dataclass
class FakeIndex:
    """id -> time of change (ms). Refuses what HubSpot refuses; `sorts_as_text` and empty pages are what it is suspected of."""

    changed: dict[int, int]
    sorts_as_text: bool = False
    empty_pages: set[int] = field(default_factory=set)  # numbers of the answers that come empty, with a next page
    answers: int = 0

    def post(self, _path: str, body: dict[str, Any], **_names: str) -> dict[str, Any]:
        filters = {
            (one["propertyName"], one["operator"]): int(one["value"]) for one in body["filterGroups"][0]["filters"]
        }
        start = filters.get(("hs_lastmodifieddate", "GTE"), 0)
        end = filters["hs_lastmodifieddate", "LT"]
        above = filters.get(("hs_object_id", "GT"), 0)
        ids = sorted(self.changed, key=str if self.sorts_as_text else None)
        found = [one for one in ids if start <= self.changed[one] < end and one > above]
        offset, limit = int(body.get("after", 0)), body["limit"]
        assert limit <= PAGE_SIZE
        assert offset + limit <= MOST_RESULTS
        self.answers += 1
        if self.answers in self.empty_pages:
            return {"total": len(found), "results": [], "paging": {"next": {"after": str(offset)}}}
        following = {"paging": {"next": {"after": offset + limit}}} if offset + limit < len(found) else {}
        page = [{"id": str(one)} for one in found[offset : offset + limit]]
        return {"total": len(found), "results": page, **following}


def searched(index: FakeIndex, start_ms: int, end_ms: int) -> set[str]:
    window = Window(datetime.fromtimestamp(start_ms / 1000, tz=UTC), datetime.fromtimestamp(end_ms / 1000, tz=UTC))
    return set(Search(index, "crm", "calls", "hs_lastmodifieddate").ids(window))


@given(
    changed=st.dictionaries(st.integers(1, 5_000), st.integers(1, 60), max_size=900),
    sorts_as_text=st.booleans(),
    empty_pages=st.sets(st.integers(1, 4), max_size=1),
    start=st.integers(1, 30),
    length=st.integers(1, 40),
)
def test_exactly_the_ids_of_the_window_are_found(
    changed: dict[int, int], sorts_as_text: bool, empty_pages: set[int], start: int, length: int
) -> None:
    index = FakeIndex(changed, sorts_as_text, empty_pages)

    found = searched(index, start, start + length)

    assert found == {str(one) for one, moment in changed.items() if start <= moment < start + length}


def test_ids_in_order_need_no_more_pages_than_they_fill() -> None:
    index = FakeIndex(dict.fromkeys(range(1, 25_001), 5))

    found = searched(index, 1, 10)

    assert len(found) == 25_000
    assert index.answers == 25_000 / PAGE_SIZE


def test_ids_out_of_order_are_found_by_halving_the_window() -> None:
    index = FakeIndex({one: one % 30 for one in range(95, 25_000)}, sorts_as_text=True)

    assert len(searched(index, 0, 30)) == 25_000 - 95


def test_a_pile_in_one_millisecond_without_order_is_an_error_not_a_loss() -> None:
    index = FakeIndex(dict.fromkeys(range(95, 10_200), 5), sorts_as_text=True)

    with pytest.raises(IncompleteReadError, match="one millisecond"):
        searched(index, 1, 10)


def test_empty_pages_without_end_are_an_error() -> None:
    index = FakeIndex(dict.fromkeys(range(1, 300), 5), empty_pages=set(range(1, 99)))

    with pytest.raises(IncompleteReadError, match="names itself"):
        searched(index, 1, 10)
