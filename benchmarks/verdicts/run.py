"""How much slower than hand-written SQL are signed rules, and what does Great Expectations need for the same?

Run `python benchmarks/verdicts/run.py [meetings] [meetings for Great Expectations]`; both default to 1,000,000.

Each case runs in a process of its own on the same file, three times (Great Expectations once); the least processor time of
all its threads counts, which other work on the machine disturbs little.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from definitions_contract.loader import load_agreement
from definitions_contract.periods import BusinessCalendar
from definitions_contract.schema import Definition, Label, Rule
from definitions_contract.signing import with_signatures
from models import tables
from models.context import BuildContext
from models.kpi.meeting_rule_results import build_meeting_rule_results
from models.kpi.meeting_verdicts import build_meeting_verdicts
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse, insert_rows

AS_OF = date(2026, 9, 30)
HELD = 'col("outcome")=="held"'
IN_SET, NOT_IN_SET = "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set"
BETWEEN, NOT_NULL = "expect_column_values_to_be_between", "expect_column_values_to_not_be_null"
SIZES = ["50-299", "300-999", "1000+"]
# id, expectation, arguments, business days to wait
RULES: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("held", IN_SET, {"column": "outcome", "value_set": ["held"]}, 5),
    ("long_enough", BETWEEN, {"column": "minutes", "min_value": 15}, 0),
    ("accepted", IN_SET, {"column": "field_sales_feedback", "value_set": ["accepted"], "row_condition": HELD}, 5),
    ("decision_maker", IN_SET, {"column": "decision_maker_present", "value_set": [True], "row_condition": HELD}, 5),
    ("source_known", NOT_IN_SET, {"column": "lead_source", "value_set": ["unknown"]}, 0),
    ("somebody_came", BETWEEN, {"column": "attendee_count", "min_value": 1, "max_value": 30}, 2),
    ("large_enough", IN_SET, {"column": "company_size", "value_set": SIZES}, 0),
    ("known_contact", NOT_NULL, {"column": "contact_id"}, 0),
    ("known_company", NOT_NULL, {"column": "company_id"}, 0),
    ("known_method", NOT_IN_SET, {"column": "response_method", "value_set": ["unknown"]}, 0),
    ("no_copies", BETWEEN, {"column": "copy_count", "max_value": 2}, 0),
    ("not_too_long", BETWEEN, {"column": "minutes", "max_value": 180}, 0),
)
MAKE_MEETINGS = """
INSERT INTO core.meetings BY NAME
SELECT 'm:' || i AS meeting_id, 'm' AS connection, i::VARCHAR AS crm_id, 'https://crm.example/' || i AS crm_url,
       'r:' || i % 40 AS rep_id, 'f:' || i % 20 AS held_by_rep_id,
       CASE WHEN (hash(i, 1) % 50)::INTEGER > 0 THEN 'c:' || i END AS contact_id,
       CASE WHEN (hash(i, 2) % 50)::INTEGER > 0 THEN 'o:' || i % 30000 END AS company_id,
       CASE hash(i, 3) % 20 WHEN 0 THEN 'unknown' ELSE 'web' END AS lead_source,
       CASE hash(i, 4) % 20 WHEN 0 THEN 'unknown' ELSE 'call' END AS response_method,
       CASE hash(i, 5) % 20 WHEN 0 THEN '1-49' ELSE '50-299' END AS company_size,
       CASE hash(i, 6) % 20 WHEN 0 THEN 'no_show' WHEN 1 THEN 'cancelled' WHEN 2 THEN NULL ELSE 'held' END AS outcome,
       CASE hash(i, 7) % 20 WHEN 0 THEN 'rejected' WHEN 1 THEN NULL ELSE 'accepted' END AS field_sales_feedback,
       CASE hash(i, 8) % 20 WHEN 0 THEN false WHEN 1 THEN NULL ELSE true END AS decision_maker_present,
       10 + (hash(i, 9) % 160)::INTEGER AS minutes, (hash(i, 10) % 30)::INTEGER AS attendee_count,
       1 + (hash(i, 11) % 20 = 0)::INTEGER * 2 AS copy_count,
       DATE '2024-10-08' + (hash(i, 12) % 730)::INTEGER AS held_date, held_date - 7 AS booked_date
FROM range({count}) AS made(i)
"""
# what somebody writes who has these twelve rules, this one version and nothing else
BY_HAND = """
CREATE TEMP TABLE by_hand AS
WITH numbered AS (SELECT day, business_day, sum(business_day) OVER (ORDER BY day) AS number FROM core.calendar),
due AS (SELECT a.day, b.day AS after_2, c.day AS after_5 FROM numbered a
        LEFT JOIN numbered b ON b.business_day = 1 AND b.number = a.number + 2
        LEFT JOIN numbered c ON c.business_day = 1 AND c.number = a.number + 5),
flags AS (
  SELECT m.meeting_id, m.connection, m.crm_id, m.crm_url, m.rep_id, m.held_date, m.booked_date, after_2, after_5,
    CASE WHEN outcome = 'held' THEN 0 WHEN outcome IS NULL AND after_5 >= $as_of THEN 2 ELSE 1 END AS f1,
    CASE WHEN minutes >= 15 THEN 0 WHEN minutes IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f2,
    CASE WHEN outcome IS DISTINCT FROM 'held' OR field_sales_feedback = 'accepted' THEN 0
         WHEN field_sales_feedback IS NULL AND after_5 >= $as_of THEN 2 ELSE 1 END AS f3,
    CASE WHEN outcome IS DISTINCT FROM 'held' OR decision_maker_present THEN 0
         WHEN decision_maker_present IS NULL AND after_5 >= $as_of THEN 2 ELSE 1 END AS f4,
    CASE WHEN lead_source <> 'unknown' THEN 0 WHEN lead_source IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f5,
    CASE WHEN attendee_count BETWEEN 1 AND 30 THEN 0 WHEN attendee_count IS NULL AND after_2 >= $as_of THEN 2 ELSE 1 END AS f6,
    CASE WHEN company_size IN ('50-299', '300-999', '1000+') THEN 0
         WHEN company_size IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f7,
    CASE WHEN contact_id IS NOT NULL THEN 0 WHEN held_date >= $as_of THEN 2 ELSE 1 END AS f8,
    CASE WHEN company_id IS NOT NULL THEN 0 WHEN held_date >= $as_of THEN 2 ELSE 1 END AS f9,
    CASE WHEN response_method <> 'unknown' THEN 0 WHEN response_method IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f10,
    CASE WHEN copy_count <= 2 THEN 0 WHEN copy_count IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f11,
    CASE WHEN minutes <= 180 THEN 0 WHEN minutes IS NULL AND held_date >= $as_of THEN 2 ELSE 1 END AS f12
  FROM core.meetings m LEFT JOIN due ON due.day = m.held_date)
SELECT meeting_id, connection, crm_id, crm_url, f.rep_id, coalesce(team, 'unknown') AS team,
  CASE WHEN 1 IN (f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12) THEN 'invalid'
       WHEN 2 IN (f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12) THEN 'pending' ELSE 'valid' END AS verdict,
  nullif(concat_ws(',', {failed}), '') AS failed_rules, nullif(concat_ws(',', {waiting}), '') AS waiting_rules,
  1 AS definition_version, held_date AS counted_date, booked_date, held_date,
  CASE WHEN verdict = 'pending' THEN least(
    CASE WHEN 2 IN (f2, f5, f7, f8, f9, f10, f11, f12) THEN held_date END,
    CASE WHEN f6 = 2 THEN after_2 END, CASE WHEN 2 IN (f1, f3, f4) THEN after_5 END) END AS pending_until_date
FROM flags f LEFT JOIN core.rep_teams t
  ON f.rep_id = t.rep_id AND held_date >= t.valid_from AND (t.valid_to IS NULL OR held_date < t.valid_to)
"""


def context() -> BuildContext:
    """Twelve critical rules in one version, signed."""
    agreement = load_agreement(Settings.from_env({}).agreement_folder)
    rules = tuple(
        Rule(id=rule_id, label=Label(ja=rule_id, en=rule_id), expectation=name, kwargs=kwargs, wait_business_days=wait)
        for rule_id, name, kwargs, wait in RULES
    )
    names = dict.fromkeys((department.id for department in agreement.team.departments), "Benchmark")
    definition = Definition(
        name="valid_meeting",
        version=1,
        effective_from=date(2024, 4, 1),
        counted_on="held_date",
        agreed_between=tuple(names),
        why="A benchmark.",
        rules=rules,
    )
    signed = with_signatures(definition, names, date(2024, 3, 1))
    assert isinstance(signed, Definition)
    changed = agreement.model_copy(update={"definitions": (signed,)})
    return BuildContext(changed, AS_OF, datetime(2026, 9, 30, 17, tzinfo=UTC), ())


def fill(path: Path, count: int) -> None:
    """Make the warehouse with its meetings."""
    warehouse = Warehouse(path)
    warehouse.create_tables()
    names = tables.calendar.columns.keys()
    days = BusinessCalendar("JP", fiscal_year_start_month=4).days(date(2024, 4, 1), date(2028, 4, 1))
    with warehouse.transaction() as connection:
        insert_rows(connection, tables.calendar, [{name: getattr(day, name) for name in names} for day in days])
        connection.exec_driver_sql(MAKE_MEETINGS.format(count=count))
        insert_rows(
            connection,
            tables.rep_teams,
            [{"rep_id": f"r:{n}", "valid_from": date(2024, 1, 1), "team": "t", "department": "d"} for n in range(40)],
        )


def ours(path: Path) -> tuple[float, str]:
    """Verdicts and reasons, as each night makes them."""
    return _select_into(path, build_meeting_verdicts)


def every_rule(path: Path) -> tuple[float, str]:
    """What each rule saw, one row per meeting and rule."""
    return _select_into(path, build_meeting_rule_results)


def by_hand(path: Path) -> tuple[float, str]:
    """The same verdicts and reasons, written for these rules."""

    def listed(flag: int) -> str:
        return ", ".join(f"CASE WHEN f{n} = {flag} THEN '{rule[0]}' END" for n, rule in enumerate(RULES, start=1))

    statement = BY_HAND.format(failed=listed(1), waiting=listed(2))
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET enable_progress_bar = false")
        start = time.process_time()
        connection.execute(statement.replace("$as_of", f"DATE '{AS_OF}'"))
        seconds = time.process_time() - start
        result = connection.execute(
            "SELECT string_agg(verdict || ' ' || n, ', ' ORDER BY verdict) FROM (SELECT verdict, count(*) n FROM by_hand GROUP BY 1)"
        ).fetchone()
        reasons = connection.execute(
            "SELECT sum(hash(meeting_id, team, verdict, failed_rules, waiting_rules, pending_until_date)) FROM by_hand"
        ).fetchone()
    assert result is not None
    assert reasons is not None
    return seconds, f"{result[0]}; reasons {reasons[0] % 10**6:06.0f}"


def great_expectations(path: Path) -> tuple[float, str]:
    """The same rules by Great Expectations, all failing ids."""
    from pipelines.expectations import run_definitions

    warehouse = Warehouse(path)
    start = time.process_time()
    counts = run_definitions(warehouse.engine, context())
    seconds = time.process_time() - start
    assert all(count.error is None for count in counts), counts[0].error
    return seconds, f"{sum(count.failed for count in counts):,} findings"


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    gx_count = int(sys.argv[2]) if len(sys.argv) > 2 else count
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        fill(path, count)
        base, memory, found = _best(by_hand, path, times=3)
        print(f"{count:,} meetings x {len(RULES)} rules, {Path(path).stat().st_size / 1e6:,.0f} MB\n")
        print(f"{'case':<44} {'CPU s':>8} {'ratio':>7} {'peak MB':>8}  result")
        print(f"{'one hand-written statement':<44} {base:8.2f} {1:7.2f} {memory:8,.0f}  {found}")
        for name, case in (("ours: verdicts and reasons", ours), ("ours: what each rule saw", every_rule)):
            seconds, memory, found = _best(case, path, times=3)
            print(f"{name:<44} {seconds:8.2f} {seconds / base:7.2f} {memory:8,.0f}  {found}")
        small = path
        if gx_count != count:
            small = Path(folder) / "small.duckdb"
            fill(small, gx_count)
        seconds, memory, found = _best(great_expectations, small, times=1)
        name = f"Great Expectations, {gx_count:,} meetings"
        print(f"{name:<44} {seconds:8.2f} {seconds / base * count / gx_count:7.2f} {memory:8,.0f}  {found}")


def _best(case: Callable[[Path], tuple[float, str]], path: Path, *, times: int) -> tuple[float, float, str]:
    measured = []
    for _ in range(times):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            measured.append(pool.submit(_measured, case, path).result())
    return min(m[0] for m in measured), min(m[1] for m in measured), measured[0][2]


def _measured(case: Callable[[Path], tuple[float, str]], path: Path) -> tuple[float, float, str]:
    seconds, found = case(path)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found


def _select_into(path: Path, build: Callable[[BuildContext], sa.Select[Any]]) -> tuple[float, str]:
    engine = Warehouse(path, read_only=True).engine
    statement = build(context())
    sql = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET enable_progress_bar = false")
        start = time.process_time()
        connection.execute(f"CREATE TEMP TABLE made AS {sql}")
        seconds = time.process_time() - start
        column = "verdict" if build is build_meeting_verdicts else "outcome"
        result = connection.execute(
            f"SELECT string_agg(v || ' ' || n, ', ' ORDER BY v) FROM (SELECT {column} AS v, count(*) n FROM made GROUP BY 1)"  # noqa: S608 - one of two names
        ).fetchone()
        assert result is not None
        if column == "outcome":
            return seconds, str(result[0])
        reasons = connection.execute(
            "SELECT sum(hash(meeting_id, team, verdict, failed_rules, waiting_rules, pending_until_date)) FROM made"
        ).fetchone()
    assert reasons is not None
    return seconds, f"{result[0]}; reasons {reasons[0] % 10**6:06.0f}"


if __name__ == "__main__":
    main()
