"""The same records by dlt's rest_api source into DuckDB, configured as its documentation shows. Run inside its own environment.

Arguments: work folder, HubSpot address, Salesforce address, JSON of objects and fields, "full" or "increment". Prints one line of JSON.
"""

import json
import sys
import time
from pathlib import Path

import dlt
import requests
from dlt.sources.rest_api import rest_api_source

DATA = "/services/data/v59.0"


def hubspot(address: str, objects: dict[str, list[str]]) -> dict:
    """The object lists; HubSpot's lists know no time of change, so every run reads them whole."""
    return {
        "client": {
            "base_url": address,
            "auth": {"type": "bearer", "token": "sandbox"},
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {
                "name": f"hubspot_{name}",
                "endpoint": {
                    "path": f"crm/v3/objects/{name}",
                    "params": {"limit": 100, "properties": ",".join(fields)},
                    "data_selector": "results",
                },
            }
            for name, fields in objects.items()
        ],
    }


def salesforce(address: str, token: str, objects: dict[str, list[str]]) -> dict:
    """Queries that go on from the newest SystemModstamp."""
    return {
        "client": {
            "base_url": address,
            "auth": {"type": "bearer", "token": token},
            "paginator": {"type": "json_link", "next_url_path": "nextRecordsUrl"},
        },
        "resource_defaults": {"primary_key": "Id", "write_disposition": "merge"},
        "resources": [
            {
                "name": f"salesforce_{name}",
                "endpoint": {
                    "path": f"{DATA}/queryAll",
                    "params": {
                        "q": f"SELECT {', '.join(fields)} FROM {name} WHERE SystemModstamp >= {{incremental.start_value}} "  # noqa: S608 - names of the field map
                        "ORDER BY SystemModstamp"
                    },
                    "data_selector": "records",
                    "incremental": {"cursor_path": "SystemModstamp", "initial_value": "2000-01-01T00:00:00.000+0000"},
                },
            }
            for name, fields in objects.items()
        ],
    }


def main() -> None:
    folder, hubspot_url, salesforce_url, objects = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    count = 0
    send = requests.Session.send

    def counted(*args: object, **kwargs: object) -> object:
        nonlocal count
        count += 1
        return send(*args, **kwargs)

    requests.Session.send = counted
    login = requests.post(
        f"{salesforce_url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=("sandbox", "sandbox"),
        timeout=30,
    )
    sources = {
        "hubspot": hubspot(hubspot_url, objects["hubspot"]),
        "salesforce": salesforce(salesforce_url, login.json()["access_token"], objects["salesforce"]),
    }
    figures = {}
    for name, config in sources.items():
        database = dlt.destinations.duckdb(str(Path(folder) / f"dlt_{name}.duckdb"))
        pipeline = dlt.pipeline(f"bench_{name}", destination=database, dataset_name="crm", pipelines_dir=folder)
        before, began = count, time.perf_counter()
        pipeline.run(rest_api_source(config))
        seconds = time.perf_counter() - began
        rows = pipeline.last_trace.last_normalize_info.row_counts
        records = sum(rows[one] for one in rows if one.startswith(f"{name}_") and "__" not in one)
        figures[name] = {"records": records, "seconds": seconds, "requests": count - before}
    # not ru_maxrss: a process starts with that of the one that started it
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({**figures, "peak_mb": peak}))  # the last line is what the caller reads


if __name__ == "__main__":
    main()
