"""What is in which table? docs/tables.md, written from the comments in models/tables.py.

python -m pipelines.table_docs > docs/tables.md
python -m pipelines.published_schema
"""

import sys
from collections.abc import Iterable

from sqlalchemy import Column, Table

from models.tables import SCHEMAS, metadata
from pipelines.publish import published_tables
from pipelines.published_schema import duckdb_type
from pipelines.table_names import JAPANESE
from pipelines.table_references import render_pictures, render_star

HEAD = """# Tables

Written from `models/tables.py` by `python -m pipelines.table_docs`; change the comments there, not here.
Published means: in `published/inside_sales.duckdb` and as Parquet. [BI tools](bi/README.md) says how to open it.
Columns marked *personal* leave the warehouse only when `team.yaml` names them.

Columns and types of the published tables are a promise: [published-schema.txt](published-schema.txt) has them all.
One that leaves or changes is first named in [what changed](../CHANGELOG.md#deprecated-columns).

## Where to start

| Question | Table | How |
|---|---|---|
| A number beside its target | `kpi.kpi_periods` | filter one `period_kind` and one `scope_kind`; add up nothing |
| A number by day, rep, lead source or other segment | `kpi.kpi_daily` | add up as below |
| Which meetings counted, and why not | `kpi.meeting_verdicts` | count rules in `kpi.meeting_rule_results` |
| What was known on an earlier night | `kpi.snapshots` | filter one `known_date` |
| What became of those booked in a month | `kpi.cohorts` | add up `converted` and `at_risk`, then divide |
| Names of KPIs, rules, teams, reps | `kpi.kpis`, `kpi.definition_rules`, `kpi.scopes` | left join: what left the agreement has no name |

How a KPI is worked out from `kpi.kpi_daily` depends on its `kind` in `kpi.kpis`:

| kind | Right | Wrong |
|---|---|---|
| count, sum | `sum(numerator)` | `count(*)`: a row may stand for several meetings |
| rate, mean | `sum(numerator) / nullif(sum(denominator), 0)` | an average of rates: two meetings would weigh as much as fifty |
| product | not there: take `actual` of `kpi.kpi_periods` | adding it up over reps or months |

- Days are days in the team's zone, times are UTC. `period_end` and `valid_to` are the day after the last.
- Rates are fractions: 0.25, never 25. Nothing to divide by is NULL, not 0.
- `unknown` stands in a segment that nobody recorded; NULL means that there is no answer, or that the column does not apply.
- A rep's team is the one of the day that counts; `team` in `core.reps` and `kpi.scopes` is today's.
- A table with `evaluated_date`, `known_date` or `as_of` in its key keeps each night beside the others: filter one night.
"""
KEYS = """
## Keys

Bold columns are a table's key. The first picture is the star to build on; the others show keys (PK) and the columns that lead to
another table's (FK). Keys are unique, which a check proves each night; the file does not declare them.

"""


def render_table_docs() -> str:
    """Give the page: the published tables of each schema, in the order data flows, then those that stay inside."""
    published = published_tables()
    inside = [table for table in metadata.tables.values() if table not in published]
    parts = [HEAD, _list(published), KEYS, render_star(), "\n", render_pictures()]
    for schema in SCHEMAS:
        shown = [table for table in published if table.schema == schema]
        parts += [f"\n## {schema}\n", *map(_table, shown)] if shown else []
    return "".join([*parts, "\n## Not published\n", *map(_table, inside)])


def _list(tables: Iterable[Table]) -> str:
    rows = "".join(f"| [{t.fullname}](#{_anchor(t)}) | {JAPANESE[t.fullname]} | {t.comment} |\n" for t in tables)
    return f"\n## All published tables\n\n| table | 日本語 | one row |\n|---|---|---|\n{rows}"


def _anchor(table: Table) -> str:
    return table.fullname.replace(".", "")


def _table(table: Table) -> str:
    japanese = f"{JAPANESE[table.fullname]}: " if table.fullname in JAPANESE else ""
    rows = "".join(_row(column) for column in table.columns)
    return f"\n### {table.fullname}\n\n{japanese}{table.comment}.\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


def _row(column: Column[object]) -> str:
    name = f"**{column.name}**" if column.primary_key else column.name
    personal = " *personal*" if column.info.get("personal") else ""
    meaning = (column.comment or "").replace("|", "\\|")
    return f"| {name} | {duckdb_type(column)} | {meaning}{personal} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_table_docs())
