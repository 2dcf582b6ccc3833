"""One sync of both connections into a new or known warehouse, as the night does it. Prints one line of JSON.

Arguments: work folder, HubSpot address, Salesforce address, and "refresh" to read all of it again.
KPI_BENCH_RATE limits HubSpot's requests per ten seconds.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from connectors.extract import Caller, extract
from connectors.sandbox.server import SANDBOX_SECRETS
from connectors.settings import load_connections
from pipelines.loading import load_landed
from pipelines.settings import PROJECT
from pipelines.sources import _cursors
from pipelines.warehouse import Warehouse


def main() -> None:
    folder, addresses = Path(sys.argv[1]), {"hubspot": sys.argv[2], "salesforce": sys.argv[3]}
    is_full = "refresh" in sys.argv[4:]
    rate = int(os.environ.get("KPI_BENCH_RATE", "0"))
    callers: list[Caller] = []
    began_with = Caller.__init__

    def remembered(self: Caller, **settings: object) -> None:
        began_with(self, **settings)
        callers.append(self)

    Caller.__init__ = remembered
    warehouse = Warehouse(folder / "ours.duckdb")
    known = _cursors(warehouse)
    figures: dict[str, object] = {}
    for connection in load_connections(PROJECT / "connectors" / "connections.yaml"):
        if rate:
            if connection.crm != "hubspot":
                continue
            limits = connection.limits.model_copy(update={"requests_per_10_seconds": rate})
            changes = {"limits": limits, "url": addresses["hubspot"], "lag_seconds": 0}
            connection = connection.model_copy(update=changes)
        began = time.perf_counter()
        landed = extract(
            connection,
            secrets=SANDBOX_SECRETS,
            base_url=addresses[connection.name],
            sync_id=f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
            cursors=known.get(connection.name, {}),
            landing=folder / "landing",
            is_full=is_full,
            now=datetime.now(UTC),
            on_progress=lambda _: None,
        )
        read_at = time.perf_counter()
        loaded = load_landed(warehouse, folder / "landing", connection, zone="Asia/Tokyo")
        assert not loaded.refused, loaded.refused
        ended = time.perf_counter()
        own = [window for window in landed.windows if "." not in window.object]
        figures[connection.name] = {
            "records": sum(window.landed_count for window in own),
            "with_associations": loaded.landed,
            "seconds": ended - began,
            "read_seconds": read_at - began,
            "requests": callers[-1].request_count,
            "throttled": callers[-1].throttled_count,
        }
    # not ru_maxrss: a process starts with that of the one that started it
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({**figures, "peak_mb": peak}))


if __name__ == "__main__":
    main()
