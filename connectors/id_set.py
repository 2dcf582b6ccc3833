"""How many different ids came by? Counted in eight bytes an id, so that millions of records do not fill the memory."""

import threading
from array import array
from collections.abc import Iterable

import numpy as np


class IdSet:
    """Ids as 64-bit hashes: among two million, two that share one are less likely than one in a million. Safe for threads.

    They are compared by sorting: numpy's own `unique` and Python's sets take five to ten times the memory.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._lock = threading.Lock()

    def update(self, ids: Iterable[str]) -> None:
        """Add ids; those already there change nothing."""
        hashes = [*map(hash, ids)]
        with self._lock:
            self._hashes.extend(hashes)

    def __len__(self) -> int:
        known = self._sorted()
        return len(known) and 1 + int(np.count_nonzero(known[1:] != known[:-1]))

    def without(self, ids: Iterable[str]) -> list[str]:
        """Which of these ids are not here."""
        known, asked = self._sorted(), [*ids]
        hashes = np.fromiter(map(hash, asked), np.int64, len(asked))
        is_known = np.searchsorted(known, hashes, "left") < np.searchsorted(known, hashes, "right")
        return [one for one, is_here in zip(asked, is_known.tolist(), strict=True) if not is_here]

    def _sorted(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        with self._lock:
            known = np.array(self._hashes, dtype=np.int64)
        known.sort()
        return known
