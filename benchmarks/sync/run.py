"""Full backfill and increment of both CRMs from the sandbox, by us and by dlt's rest_api source: same records, same machine, one run.

    python -m benchmarks.sync.run [--records 100000] [--without-dlt] [--rate 190] [--links] [--refresh]

dlt is installed into a throw-away environment by this script and is no dependency of the project.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.sandbox.server import running
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord
from connectors.settings import load_connections
from models.raw.rules import ENTITY_TABLES
from pipelines.settings import PROJECT

HERE = Path(__file__).parent
SHARES = {
    HUBSPOT: {"calls": 0.28, "emails": 0.16, "contacts": 0.04, "meetings": 0.02},
    SALESFORCE: {"Task": 0.40, "Contact": 0.06, "Event": 0.03, "Opportunity": 0.01},
}
PREFIXES = {"Task": "00T", "Event": "00U", "Contact": "003", "Opportunity": "006"}
CLOCKS = {HUBSPOT: ("hs_lastmodifieddate",), SALESFORCE: ("Id", "CreatedDate", "SystemModstamp", "IsDeleted")}
CHANGED_SHARE = 100  # every hundredth record changes before the increment
TEXT = "Talked about the renewal, will send the offer until Friday. " * 4


def records(connection: Any, name: str, count: int, *, only_each: int, moment: int) -> Iterator[StoredRecord]:
    fields = {one: key for key, source in connection.sources_of(name) for one in source.crm_fields if "." not in one}
    picked = {one: source.values for _, source in connection.sources_of(name) for one in source.crm_fields}
    kinds = {one: ENTITY_TABLES[key.partition(".")[0]].c[key.partition(".")[2]].type for one, key in fields.items()}
    prefix = PREFIXES.get(name)
    for number in range(1, count + 1, only_each):
        record_id = f"{prefix}5g{number:010d}AAA" if prefix else str(number)
        changed_at = moment + number % 1_000 * 10  # within ten seconds: none lies in the future of an increment
        values = {one: value(one, kinds[one], picked[one], number, changed_at) for one in fields}
        values |= {"Description": TEXT, "hs_call_body": TEXT, "TaskSubtype": "Call"}
        yield StoredRecord(name, record_id, changed_at, changed_at, values)


def value(name: str, kind: Any, picked: dict[str, str] | None, number: int, moment: int) -> str:
    """Something that the field map can read."""
    if picked:
        return list(picked)[number % len(picked)]
    match kind:
        case sa.Boolean():
            return "false"
        case sa.DateTime() | sa.Date():
            return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
        case sa.BigInteger() | sa.Double() | sa.Numeric():
            return str(number % 1000)
        case _:
            return f"{name} {number}"


def link(path: Path, total: int) -> None:
    """Every call and e-mail of HubSpot is about a contact, every meeting about two."""
    count = {name: round(total * share) for name, share in SHARES[HUBSPOT].items()}
    types = {"calls": 194, "emails": 198, "meetings": 200}
    with Store(path) as store:
        for name, kind in types.items():
            for nth in range(2 if name == "meetings" else 1):
                contacts = (str(1 + (number + nth) % count["contacts"]) for number in range(count[name]))
                made = (
                    StoredAssociation(name, str(number), "contacts", contact, kind)
                    for number, contact in enumerate(contacts, start=1)
                )
                store.associate(made)


def fill(path: Path, total: int, *, only_each: int = 1, moment: int) -> None:
    with Store(path) as store:
        for connection in load_connections(PROJECT / "connectors" / "connections.yaml"):
            for objects in connection.fields.values():
                for name, fields in objects.items():  # one record each, so that the custom fields exist
                    if name not in SHARES[connection.crm] and only_each == 1:
                        custom = {one: None for source in fields.values() for one in source.crm_fields}
                        record_id = store.next_id(connection.crm, name)
                        store.put(connection.crm, [StoredRecord(name, record_id, moment, moment, custom)])
            for name, share in SHARES[connection.crm].items():
                made = records(connection, name, round(total * share), only_each=only_each, moment=moment)
                store.put(connection.crm, made)


def wanted() -> str:
    """Objects and fields that both sides ask for."""
    found: dict[str, dict[str, list[str]]] = {}
    for connection in load_connections(PROJECT / "connectors" / "connections.yaml"):
        objects = found.setdefault(connection.crm.value, {})
        for name in SHARES[connection.crm]:
            mapped = [one for _, source in connection.sources_of(name) for one in source.crm_fields]
            objects[name] = list(dict.fromkeys([*CLOCKS[connection.crm], *mapped]))
    return json.dumps(found)


def side(python: str, script: str, arguments: list[str], **environment: str) -> dict[str, Any]:
    command = [python, str(HERE / script), *arguments]
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )
    return json.loads(result.stdout.splitlines()[-1])


def cpu_seconds(process_id: int) -> float:
    """Processor time of a process that runs, from /proc."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child_id() -> int:
    """The one child that runs: the sandbox."""
    (found,) = (one for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split())
    return int(found)


def measured(what: str, name: str, sandbox: int, arguments: tuple[str, str, list[str]]) -> None:
    """Run one side and tell its figures, with the processor time that it and the sandbox took."""
    served, own = cpu_seconds(sandbox), resource.getrusage(resource.RUSAGE_CHILDREN)
    show(what, name, side(*arguments))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime
    print(f"{what:10} {name:5} processor time: client {client:.1f} s, sandbox {cpu_seconds(sandbox) - served:.1f} s")


def dlt_python(folder: Path) -> str:
    given = os.environ.get("KPI_BENCH_DLT_PYTHON")
    if given:
        return given
    subprocess.run([sys.executable, "-m", "venv", folder / "dlt"], check=True)
    python = str(folder / "dlt" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "dlt[duckdb]", "duckdb<1.6"], check=True)
    return python


def show(what: str, name: str, figures: dict[str, Any]) -> None:
    for crm in (HUBSPOT, SALESFORCE):
        if crm in figures:
            one = figures[crm]
            rate = one["records"] / one["seconds"]
            print(
                f"{what:10} {name:5} {crm:11} {one['records']:>9,} records {one['seconds']:>8.1f} s "
                f"{rate:>9,.0f} records/s {one['requests']:>6,} requests"
            )
    print(f"{what:10} {name:5} peak memory {figures['peak_mb']:,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--without-dlt", action="store_true")
    parser.add_argument("--links", action="store_true", help="activities of HubSpot are about contacts")
    parser.add_argument(
        "--refresh", action="store_true", help="then read all of it again, over what is known; without dlt"
    )
    parser.add_argument("--rate", type=int, default=0, help="requests per ten seconds; only HubSpot is read then")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = round(time.time() * 1000)
        fill(folder / "crm.sqlite", options.records, moment=now - 90 * 86_400_000)
        if options.links:
            link(folder / "crm.sqlite", options.records)
        python = "" if options.without_dlt or options.rate or options.refresh else dlt_python(folder)
        with running(folder / "crm.sqlite") as urls:
            arguments, sandbox = [name, urls.hubspot_url, urls.salesforce_url], child_id()
            environment = {"KPI_BENCH_RATE": str(options.rate)} if options.rate else {}
            if options.rate:
                limited(side(sys.executable, "our_side.py", arguments, **environment), options.rate)
                return
            for what in ("backfill", "increment"):
                measured(what, "ours", sandbox, (sys.executable, "our_side.py", arguments))
                if python:
                    measured(what, "dlt", sandbox, (python, "dlt_side.py", [*arguments, wanted(), what]))
                fill(
                    folder / "crm.sqlite",
                    options.records,
                    only_each=CHANGED_SHARE,
                    moment=round(time.time() * 1000) - 60_000,
                )
            if options.refresh:
                measured("refresh", "ours", sandbox, (sys.executable, "our_side.py", [*arguments, "refresh"]))


def limited(figures: dict[str, Any], rate: int) -> None:
    one = figures[HUBSPOT]
    used = one["requests"] / one["read_seconds"] * 10
    print(f"limited to {rate} requests in 10 s: {used:.1f} used ({used / rate:.1%}), {one['throttled']} answers 429")


if __name__ == "__main__":
    main()
