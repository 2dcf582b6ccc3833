"""Landing files as connectors write them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.models.factories import at

LANDING = pa.schema(
    {
        "connection": pa.string(),
        "object": pa.string(),
        "id": pa.string(),
        "modified_at": pa.timestamp("us", tz="UTC"),
        "is_deleted": pa.bool_(),
        "extracted_at": pa.timestamp("us", tz="UTC"),
        "payload": pa.string(),
    }
)
Land = Callable[..., Path]


def a_version(record_id: str = "1", payload: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """One version of a record as landed."""
    values: dict[str, Any] = {
        "connection": "hs",
        "object": "calls",
        "id": record_id,
        "modified_at": at("2026-09-01T00:00"),
        "is_deleted": False,
        "extracted_at": at("2026-09-02T00:00"),
        "payload": json.dumps(payload or {}, ensure_ascii=False),
    }
    return values | changes
