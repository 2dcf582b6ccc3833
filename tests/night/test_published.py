"""What do readers get? Always a whole set, never a personal column, in a form that BI drivers read; a board that opens."""

import json
import re
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, Route

from connectors.sandbox.company import Company
from definitions_contract.loader import load_agreement
from models.tables import meetings, metadata, reps, targets
from pipelines.publish import DATABASE_NAME, publish, published_tables
from pipelines.published_schema import published_now
from pipelines.table_references import STAR, references
from pipelines.warehouse import Warehouse
from tests.night.homes import AS_OF, Home, digests, read, tables_of

PUBLISHES = 50
NOBODY = ("unknown", "")  # what is counted for no rep and no team
STORAGE_VERSION_OF_1_0 = 64  # "DUCK" and the number stand behind the first checksum of the file
LANGUAGES = {"ja": "インサイドセールス", "en": "Inside sales"}
READER = """
import json, pathlib, sys, time, duckdb
folder, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
reads, faults, seen = 0, [], set()
while not stop.exists():
    try:
        connection = duckdb.connect(folder / "inside_sales.duckdb", read_only=True)
        mark, = connection.execute("SELECT list(DISTINCT name) FROM core.reps").fetchone()
        time.sleep(0.02)
        other, = connection.execute("SELECT list(DISTINCT agreed_by) FROM kpi.targets").fetchone()
        count, = connection.execute("SELECT count(*) FROM core.meetings").fetchone()
        connection.close()
        if len(mark) != 1 or mark != other or count != int(sys.argv[3]):
            faults.append(f"{mark} {other} {count}")
        if not (folder / "board.html").read_text(encoding="utf-8").rstrip().endswith("</html>"):
            faults.append("half a board")
        seen.update(mark)
        reads += 1
        time.sleep(0.1)
    except Exception as error:
        faults.append(repr(error))
print(json.dumps({"reads": reads, "faults": faults[:5], "seen": len(seen)}))
"""


def test_readers_see_a_whole_set_while_fifty_are_published(a_home: Home, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    agreement = load_agreement(a_home.settings.agreement_folder)
    warehouse = Warehouse(a_home.warehouse)
    (rows,) = a_home.rows("SELECT count(*) FROM core.meetings")[0]
    with warehouse.transaction() as connection:  # the size of a table is not the question, and each publish copies it
        for table in set(published_tables()) - {meetings, reps, targets}:
            connection.execute(sa.delete(table))
    _publish_as(0, warehouse, agreement, a_home)
    command = [sys.executable, "-c", READER, str(a_home.published), str(stop), str(rows)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    for number in range(1, PUBLISHES + 1):
        _publish_as(number, warehouse, agreement, a_home)
    stop.touch()
    told = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]

    assert [one["faults"] for one in told] == [[], []]
    assert all(one["reads"] >= 10 and one["seen"] > 3 for one in told), told
    assert len(list(a_home.path.glob("published.versions/*"))) == 2  # the one before stays for who is opening it


def _publish_as(number: int, warehouse: Warehouse, agreement: object, home: Home) -> None:
    """Write the same mark into two tables and publish: a reader that sees two marks has seen two sets."""
    with warehouse.transaction() as connection:
        connection.execute(sa.update(reps).values(name=str(number)))
        connection.execute(sa.update(targets).values(agreed_by=str(number)))
    with warehouse.reading() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        past_half = number > PUBLISHES // 2  # the clock was set back, and runs backwards: no set is newer by its name
        built_at = datetime(2027, 11, 21, tzinfo=UTC) + timedelta(seconds=-number if past_half else number)
        publish(connection, agreement, target=home.published, as_of=AS_OF, built_at=built_at)  # type: ignore[arg-type]


def test_the_published_tables_are_those_of_the_warehouse(night_home: Home) -> None:
    published = tables_of(night_home.published / DATABASE_NAME, "core", "kpi", "ops", "raw")
    impersonal = {
        table.fullname
        for table in published_tables()
        if not any(column.info.get("personal") for column in table.columns)
    }

    inside = digests(night_home.warehouse, "core", "kpi", "ops")
    outside = digests(night_home.published / DATABASE_NAME, "core", "kpi", "ops")

    assert published == sorted(table.fullname for table in published_tables())
    assert len(impersonal) >= 25
    assert {name: outside[name] for name in impersonal} == {name: inside[name] for name in impersonal}
    assert {name: rows for name, (rows, _) in outside.items()} == {name: inside[name][0] for name in outside}


def test_every_parquet_file_holds_its_table(night_home: Home) -> None:
    tables = tables_of(night_home.published / DATABASE_NAME, "core", "kpi", "ops")
    folder = night_home.published / "parquet"
    counted = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)  # noqa: S608 - names from the catalogue
    in_files = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM '{folder}/{name}.parquet'" for name in tables)  # noqa: S608 - as above

    assert read(night_home.published / DATABASE_NAME, f"FROM (({in_files}) EXCEPT ({counted}))") == []
    assert {file.stem for file in folder.iterdir()} == set(tables)


def test_no_personal_column_leaves_the_warehouse(night_home: Home) -> None:
    personal = {
        (table.fullname, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.info.get("personal")
    }
    columns = read(
        night_home.published / DATABASE_NAME,
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns",
    )

    assert {("core.contacts", "email"), ("core.notes", "body"), ("core.reps", "email")} <= personal
    assert personal & set(columns) == set()


def test_no_address_number_or_text_of_a_person_stands_in_any_published_value(
    night_home: Home, company: Company
) -> None:
    database = night_home.published / DATABASE_NAME
    columns = read(
        database,
        """
        SELECT table_schema || '.' || table_name, list('"' || column_name || '"') FROM information_schema.columns
        WHERE data_type = 'VARCHAR' GROUP BY ALL
        """,
    )
    names = [re.escape(contact.name) for contact in company.contacts[:20]]
    secret = "|".join(["@", r"\d{2}-\d{4}-\d{4}", *names, *{re.escape(note.body) for note in company.notes}])
    wanted = "SELECT count(*) FROM {} WHERE regexp_matches(concat_ws(' ', {}), '{}')"

    found = {
        table: count
        for table, texts in columns
        for ((count,),) in [read(database, wanted.format(table, ", ".join(texts), secret))]
        if count
    }
    board = (night_home.published / "board.html").read_text(encoding="utf-8")

    assert len(columns) > 30
    assert found == {}
    assert night_home.rows(wanted.format("core.contacts", "email, name", secret))[0][0] > 100
    assert night_home.rows(wanted.format("core.contacts", "name", secret))[0][0] >= 20
    assert night_home.rows(wanted.format("core.notes", "body", secret))[0][0] == len(company.notes)
    assert [one for one in company.contacts if one.email in board or (one.phone and one.phone in board)] == []
    assert "@demo-company.example" not in board


def test_the_database_is_written_for_duckdb_1_0_and_later(night_home: Home) -> None:
    head = (night_home.published / DATABASE_NAME).read_bytes()[:24]

    assert struct.unpack_from("<8x4sQ", head) == (b"DUCK", STORAGE_VERSION_OF_1_0)
    assert not (night_home.published / f"{DATABASE_NAME}.wal").exists()


def test_every_table_and_column_says_what_it_is(night_home: Home) -> None:
    database = night_home.published / DATABASE_NAME

    silent = read(
        database,
        "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL"
        " UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL",
    )

    assert silent == []


# --- the board --------------------------------------------------------------------------------------------------------


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def open_board(browser: Browser, night_home: Home, faults: list[str]) -> Iterator[Callable[[int], Page]]:
    """Open the published board; requests to anywhere else and complaints are noted in `faults`."""
    url = (night_home.published / "board.html").as_uri()
    contexts = []

    def open_board(width: int) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)

        def refuse(route: Route) -> None:
            if route.request.url == url:
                route.continue_()
            else:
                faults.append(route.request.url)
                route.abort()

        context.route("**/*", refuse)
        page = context.new_page()
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        page.locator("html.whole").wait_for()  # all of it is laid out
        return page

    yield open_board
    for context in contexts:
        context.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_published_board_opens_clean(
    open_board: Callable[[int], Page], faults: list[str], language: str, width: int
) -> None:
    page = open_board(width)

    page.click(f"label[for=language-{language}]")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    assert faults == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert LANGUAGES[language] in page.inner_text("body")


@pytest.mark.browser
def test_the_board_shows_the_months_number(open_board: Callable[[int], Page], night_home: Home) -> None:
    [(actual, target)] = night_home.rows(
        "SELECT actual, target FROM kpi.kpi_periods WHERE kpi_id = 'valid_meetings' AND period_kind = 'month'"
        " AND period_start = '2026-11-01' AND scope_id = 'inside_sales'"
    )
    page = open_board(1280)

    text = page.inner_text("body")

    assert actual > 0
    assert re.search(rf"\b{actual:.0f}\b", text)
    assert re.search(rf"\b{target:.0f}\b", text)


def test_the_published_file_has_the_columns_and_types_that_readers_were_promised(night_home: Home) -> None:
    found = read(
        night_home.published / "inside_sales.duckdb",
        "SELECT table_schema || '.' || table_name || '.' || column_name, data_type FROM information_schema.columns"
        " WHERE table_schema IN ('core', 'kpi', 'ops')",
    )

    assert dict(found) == published_now()


def test_every_column_that_is_named_after_a_key_leads_to_a_row(night_home: Home) -> None:
    for one in references(published_tables()):
        table, target = one.table.fullname, one.target.fullname
        lost = read(
            night_home.published / "inside_sales.duckdb",
            f"SELECT DISTINCT {one.column} FROM {table} WHERE {one.column} NOT IN (SELECT {one.key} FROM {target})",  # noqa: S608 - names of ours
        )
        assert [value for (value,) in lost if value not in NOBODY] == [], f"{table}.{one.column} -> {target}"


def test_the_star_loses_no_number(night_home: Home) -> None:
    for (fact, columns), (dimension, keys) in STAR:
        on = " AND ".join(f"f.{column} = d.{key}" for column, key in zip(columns, keys, strict=True))
        lost = read(
            night_home.published / DATABASE_NAME,
            f"SELECT DISTINCT f.{columns[-1]} FROM {fact} AS f ANTI JOIN {dimension} AS d ON {on}",  # noqa: S608 - names of ours
        )
        nobody = NOBODY if dimension == "core.reps" else ()
        assert [value for (value,) in lost if value not in nobody] == [], f"{fact} -> {dimension}"


def test_adding_up_the_facts_as_the_docs_say_gives_the_months_numbers(night_home: Home) -> None:
    wrong = read(
        night_home.published / DATABASE_NAME,
        """
        WITH added AS (
          SELECT kpi_id, department, date_trunc('month', counted_date) AS month,
            CAST(sum(numerator) AS DOUBLE) AS counted, counted / nullif(CAST(sum(denominator) AS DOUBLE), 0) AS divided
          FROM kpi.kpi_daily GROUP BY ALL
        )
        SELECT kpi_id, p.period_start, p.actual, counted, divided
        FROM kpi.kpi_periods AS p JOIN kpi.kpis AS k USING (kpi_id)
        LEFT JOIN added AS a ON a.kpi_id = p.kpi_id AND a.department = p.scope_id AND a.month = p.period_start
        WHERE p.period_kind = 'month' AND p.scope_kind = 'department' AND k.kind <> 'product'
          AND abs(coalesce(p.actual, 0) - coalesce(CASE WHEN k.kind IN ('count', 'sum') THEN counted ELSE divided END, 0)) > 1e-9
        """,
    )

    assert wrong == []
    assert night_home.rows("SELECT count(DISTINCT kpi_id) FROM kpi.kpi_periods WHERE actual > 0")[0][0] >= 15
