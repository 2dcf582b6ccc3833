"""What docs/bi/ asks of the published copy is there: on empty tables with the promised columns, every query of it runs."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ruamel.yaml import YAML

from pipelines.published_schema import promised
from pipelines.settings import PROJECT

BI = Path(PROJECT) / "docs" / "bi"
EXPORT = BI / "superset" / "dashboard"
DATASETS = sorted(EXPORT.glob("datasets/*/*.yaml"))
CHARTS = sorted(EXPORT.glob("charts/*.yaml"))
PAGES = BI / "observable" / "src"
QUERIES = sorted(PAGES.glob("data/*.sql"))


@pytest.fixture(scope="module")
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a database with every published table, empty."""
    columns: dict[str, list[str]] = {}
    for name, kind in promised().items():
        table, _, column = name.rpartition(".")
        columns.setdefault(table, []).append(f'"{column}" {kind}')
    with duckdb.connect() as connection:
        for schema in sorted({table.split(".")[0] for table in columns}):
            connection.execute(f"CREATE SCHEMA {schema}")
        for table, parts in columns.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(parts)})")
        yield connection


def read(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path))


def test_the_zip_holds_the_files_beside_it() -> None:
    with zipfile.ZipFile(BI / "superset" / "inside_sales_kpi.zip") as packed:
        inside = {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}

    beside = {str(file.relative_to(EXPORT.parent)): file.read_bytes() for file in EXPORT.rglob("*.yaml")}
    assert inside == beside, "run in docs/bi/superset: python -m zipfile -c inside_sales_kpi.zip dashboard/"


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.stem)
def test_a_data_set_gives_the_columns_and_numbers_that_it_names(
    published: duckdb.DuckDBPyConnection, path: Path
) -> None:
    dataset = read(path)

    found = published.sql(dataset["sql"])
    found.aggregate(", ".join(one["expression"] for one in dataset["metrics"])).fetchall()

    assert {one["column_name"] for one in dataset["columns"]} <= set(found.columns)
    assert dataset["main_dttm_col"] in found.columns


@pytest.mark.parametrize("path", CHARTS, ids=lambda path: path.stem)
def test_a_chart_asks_what_its_data_set_has(published: duckdb.DuckDBPyConnection, path: Path) -> None:
    chart = read(path)
    (dataset,) = [one for one in map(read, DATASETS) if one["uuid"] == chart["dataset_uuid"]]
    named = {one["metric_name"]: one["expression"] for one in dataset["metrics"]}
    asked = chart["params"]
    metrics = asked["metrics"] if "metrics" in asked else [asked["metric"]]
    columns = [*asked["groupby"], *([asked["x_axis"]] if "x_axis" in asked else [])]
    expressions = [named[one] if isinstance(one, str) else one["sqlExpression"] for one in metrics]

    rows = published.sql(dataset["sql"])
    rows.aggregate(", ".join([*columns, *expressions]), ", ".join(columns)).fetchall()

    assert {one["subject"] for one in asked["adhoc_filters"]} <= set(rows.columns)


def test_every_chart_of_the_dashboard_is_in_the_export() -> None:
    (dashboard,) = (read(path) for path in EXPORT.glob("dashboards/*.yaml"))
    shown = {
        one["meta"]["uuid"]
        for one in dashboard["position"].values()
        if isinstance(one, dict) and "uuid" in one.get("meta", {})
    }

    assert shown == {read(path)["uuid"] for path in CHARTS}


def test_every_query_in_the_pages_runs(published: duckdb.DuckDBPyConnection) -> None:
    queries = [
        query
        for page in sorted(BI.rglob("README.md"))
        for query in re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    ]

    for query in queries:
        published.sql(query).fetchall()

    assert queries


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_page_of_observable_asks_what_is_published(published: duckdb.DuckDBPyConnection, path: Path) -> None:
    found = published.sql(path.read_text(encoding="utf-8"))

    assert "decimal" not in {kind.id for kind in found.types}  # it would be text in JSON


def test_every_file_that_a_page_reads_is_made_by_a_query() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES.glob("*.md")]
    read_by_pages = {name for text in texts for name in re.findall(r'FileAttachment\("data/(.+?)"\)', text)}

    assert read_by_pages == {path.stem for path in QUERIES}
