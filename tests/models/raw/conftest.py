"""A writer of landing files."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.models.raw.landing import LANDING, Land


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """Write versions into a landing file; its name has signs in it that SQL must not trip over."""
    numbers = count()

    def write(*versions: Mapping[str, Any]) -> Path:
        path = tmp_path / f"it's page {next(numbers)}; --.parquet"
        pq.write_table(pa.Table.from_pylist([dict(version) for version in versions], schema=LANDING), path)
        return path

    return write
