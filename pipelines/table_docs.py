"""What is in which table? docs/tables.md, written from the comments in models/tables.py.

python -m pipelines.table_docs > docs/tables.md
python -m pipelines.published_schema
"""

import sys

from sqlalchemy import Column, Table

from models.tables import SCHEMAS, metadata
from pipelines.publish import published_tables
from pipelines.table_references import render_pictures

HEAD = """# Tables

Written from `models/tables.py` by `python -m pipelines.table_docs`; change the comments there, not here.
Published means: in `published/inside_sales.duckdb` and as Parquet.
Columns marked *personal* leave the warehouse only when `team.yaml` names them.

Columns and types of the published tables are a promise: [published-schema.txt](published-schema.txt) has them all.
One that leaves or changes is first named in [what changed](../CHANGELOG.md#deprecated-columns).
"""
PICTURES = """
## Keys

Bold columns are a table's key. The pictures show keys (PK) and the columns that lead to another table's (FK).
`kpi.kpi_daily` is the fact to build on: it adds up over days, reps, teams and segments.
Divide the sum of `numerator` by the sum of `denominator` once.

"""


def render_table_docs() -> str:
    """Give the page: every table of every schema, in the order data flows."""
    parts = [HEAD, PICTURES, render_pictures()]
    for schema in SCHEMAS:
        parts.append(f"\n## {schema}\n")
        parts += [_table(table) for table in metadata.tables.values() if table.schema == schema]
    return "".join(parts)


def _table(table: Table) -> str:
    published = "published" if table in published_tables() else "not published"
    rows = "".join(_row(column) for column in table.columns)
    return f"\n### {table.fullname}\n\n{table.comment} ({published}).\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


def _row(column: Column[object]) -> str:
    name = f"**{column.name}**" if column.primary_key else column.name
    personal = " *personal*" if column.info.get("personal") else ""
    meaning = (column.comment or "").replace("|", "\\|")
    return f"| {name} | {str(column.type).lower()} | {meaning}{personal} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_table_docs())
