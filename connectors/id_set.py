"""How many different ids came by? Counted in eight bytes an id, so that millions of records do not fill the memory."""

import threading
from array import array
from collections.abc import Iterable

import numpy as np


class IdSet:
    """Ids as 64-bit hashes: among two million, two that share one are less likely than one in a million. Safe for threads."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._lock = threading.Lock()

    def update(self, ids: Iterable[str]) -> None:
        """Add ids; those already there change nothing."""
        hashes = [hash(one) for one in ids]
        with self._lock:
            self._hashes.extend(hashes)

    def __len__(self) -> int:
        return len(self._distinct())

    def without(self, ids: Iterable[str]) -> list[str]:
        """Which of these ids are not here."""
        known = set(self._distinct().tolist())
        return [one for one in ids if hash(one) not in known]

    def _distinct(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        with self._lock:
            return np.unique(np.array(self._hashes, dtype=np.int64))
