"""How long do `core` and `kpi` take from 200,000 and 2,000,000 activities, beside the plainest hand-written SQL?

    python -m benchmarks.kpi.run [--activities 200000 2000000] [--rounds 3]

Each size and side runs in a process of its own, so that peak memory is its own. Prints Markdown.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import definitions_contract
from benchmarks.kpi.company import write_company
from benchmarks.kpi.plain import statements
from definitions_contract.loader import load_agreement
from models.build import CORE, KPI
from models.context import BuildContext, ConnectionFacts
from pipelines.warehouse import Warehouse

AS_OF = date(2026, 10, 31)
AGREEMENT = Path(str(definitions_contract.__file__)).parent / "agreement"
Spent = tuple[float, float]  # seconds by the clock and of all cores: the second is steadier on a busy machine
# what the hand-written SQL answers too; the rest of `kpi` (statistics, history of records) is timed and shown apart
COMPARED = frozenset(
    {"rep_identities", "rep_teams", "companies", "contacts", "meeting_copies", "links", "calls", "emails", "meetings",
     "deals", "meeting_rule_results", "meeting_verdicts", "kpi_daily", "kpi_periods"}
)  # fmt: skip
# statistics work on some hundred rows of kpi_daily whatever the number of activities: only what statements read of them is built
NEEDED = frozenset({"calendar", "targets"})
CHECK = "SELECT kpi_id, sum(numerator), sum(denominator) FROM {} GROUP BY kpi_id ORDER BY kpi_id"
# meetings that wait for an answer are not told apart by the plain SQL, and its one dollar rate is today's
INEXACT = frozenset({"valid_rate", "won_amount", "average_deal"})


def main() -> None:
    """Run both sides for every size and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=["ours", "plain"], help="Internal: run one side in this process.")
    parser.add_argument("--file", help="Internal: the prepared database.")
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(run_side(asked.side, Path(asked.file), asked.rounds)))
        return
    results = [compare(size, asked.rounds) for size in asked.activities]
    report(results)


def compare(activities: int, rounds: int) -> dict[str, Any]:
    """Prepare one company and time both sides on copies of it."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "company.duckdb"
        warehouse = Warehouse(prepared)
        warehouse.create_tables()
        with warehouse.transaction() as connection:
            write_company(connection, activities)
        found = {side: _in_process(side, prepared, rounds) for side in ("plain", "ours")}
    _check_same(found["ours"]["sums"], found["plain"]["sums"])
    return {"activities": activities, **found}


def _in_process(side: str, prepared: Path, rounds: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.kpi.run",
        "--side",
        side,
        "--file",
        str(prepared),
        "--rounds",
        str(rounds),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_side(side: str, file: Path, rounds: int) -> dict[str, Any]:
    """Build every table `rounds` times; the median of each table's times counts."""
    warehouse = Warehouse(file)
    times: dict[str, list[Spent]] = {}
    for _ in range(rounds):
        for name, spent in (_ours(warehouse) if side == "ours" else _plain(warehouse)).items():
            times.setdefault(name, []).append(spent)
    with warehouse.reading() as connection:
        table = "kpi.kpi_daily" if side == "ours" else "p_kpi_daily"
        sums = {
            row[0]: [float(row[1] or 0), float(row[2] or 0)] for row in connection.exec_driver_sql(CHECK.format(table))
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = (
        {name: statistics.median(spent[place] for spent in all_) for name, all_ in times.items()} for place in (0, 1)
    )
    return {"times": wall, "cpu": cpu, "peak_mb": peak, "sums": sums}


def _ours(warehouse: Warehouse) -> dict[str, Spent]:
    context = BuildContext(
        agreement=load_agreement(AGREEMENT),
        as_of=AS_OF,
        known_at=datetime.now(UTC),
        connections=(ConnectionFacts("hubspot", "hubspot", "https://crm.example/{object}/{id}"),),
    )
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM kpi.record_history")
        connection.exec_driver_sql("DELETE FROM kpi.snapshots")
    times: dict[str, Spent] = {}
    for model in (*CORE, *KPI):
        if model.rows is not None and model.table.name not in NEEDED:
            continue
        start, cpu = time.perf_counter(), time.process_time()
        warehouse.write(model, context)
        times[model.table.name] = (time.perf_counter() - start, time.process_time() - cpu)
    return times


def _plain(warehouse: Warehouse) -> dict[str, Spent]:
    times: dict[str, Spent] = {}
    for name, statement in statements(AS_OF.isoformat()).items():
        start, cpu = time.perf_counter(), time.process_time()
        with warehouse.transaction() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
            connection.exec_driver_sql(statement)
        times[name] = (time.perf_counter() - start, time.process_time() - cpu)
    return times


def _check_same(ours: dict[str, list[float]], plain: dict[str, list[float]]) -> None:
    different = {
        kpi: (sums, plain.get(kpi)) for kpi, sums in ours.items() if kpi not in INEXACT and sums != plain.get(kpi)
    }
    if different:
        raise SystemExit(f"the two sides count differently: {different}")


def report(results: list[dict[str, Any]]) -> None:
    """Print the figures as Markdown."""
    print(
        "| activities | hand-written SQL | ours, same tables | ratio | CPU ratio | ours, all statements of `core` and `kpi` | peak memory |"
    )
    print("|---|---|---|---|---|---|---|")
    for one in results:
        (by_hand, same, whole), (cpu_by_hand, cpu_same, _) = _sums(one, "times"), _sums(one, "cpu")
        print(
            f"| {one['activities']:,} | {by_hand:.1f} s | {same:.1f} s | {same / by_hand:.2f} | {cpu_same / cpu_by_hand:.2f}"
            f" | {whole:.1f} s | {one['ours']['peak_mb']:,.0f} MB (by hand {one['plain']['peak_mb']:,.0f}) |"
        )
    for one in results:
        slow = sorted(one["ours"]["times"].items(), key=lambda item: -item[1])[:8]
        print(f"\n{one['activities']:,}, slowest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slow))
        slow = sorted(one["plain"]["times"].items(), key=lambda item: -item[1])[:6]
        print("by hand, slowest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slow))
    if len(results) > 1:
        first, last = results[0], results[-1]
        growth = sum(last["ours"]["times"].values()) / sum(first["ours"]["times"].values())
        print(f"\nData x {last['activities'] / first['activities']:.0f}, time x {growth:.1f}.")


def _sums(one: dict[str, Any], kind: str) -> tuple[float, float, float]:
    ours = one["ours"][kind]
    same = sum(seconds for name, seconds in ours.items() if name in COMPARED)
    return sum(one["plain"][kind].values()), same, sum(ours.values())


if __name__ == "__main__":
    main()
