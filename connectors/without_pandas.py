"""How does a sync do without pandas, which nothing in it uses?

DuckDB imports it at the first value that is bound, PyArrow at the first array that is made, if it is installed, only to ask whether
what they got is one of its objects: 0.3 s of processor time and 42 MB. Refused, they know that it is not.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType


@contextmanager
def without_pandas() -> Iterator[None]:
    """Refuse pandas while this lasts, unless it is there already; afterwards whoever asks for it gets it."""
    refusal = _Refusal()
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)


class _Refusal(MetaPathFinder):
    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas' while a sync runs", name=fullname)
