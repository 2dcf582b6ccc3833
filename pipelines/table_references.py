"""Which column leads to which table? References among the published tables, by their names, and a picture of them.

A column that is named as another table's only key leads there (`deal_id` to core.deals), and so does one that ends with that
name (`held_by_rep_id` to core.reps); `day` leads to core.calendar. Keys are declared, never enforced; the tests prove these.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table

from models.tables import SCHEMAS
from pipelines.publish import published_tables

# a sync that was refused is not among those that were kept; a step of the plan may be a part of a KPI only (connects)
NO_REFERENCE = {("ops.refused_syncs", "sync_id"), ("kpi.plan", "kpi_id")}
# what kpi.kpi_daily and kpi.kpi_periods are read with, under whichever name: (table, columns), (table, columns)
STAR = (
    (("kpi.kpi_daily", ("kpi_id",)), ("kpi.kpis", ("kpi_id",))),
    (("kpi.kpi_daily", ("counted_date",)), ("core.calendar", ("day",))),
    (("kpi.kpi_daily", ("rep_id",)), ("core.reps", ("rep_id",))),
    (("kpi.kpi_periods", ("kpi_id",)), ("kpi.kpis", ("kpi_id",))),
    (("kpi.kpi_periods", ("period_start",)), ("core.calendar", ("day",))),
    (("kpi.kpi_periods", ("scope_kind", "scope_id")), ("kpi.scopes", ("scope_kind", "scope_id"))),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of one table whose values are keys of another."""

    table: Table
    column: str
    target: Table
    key: str


def references(tables: Iterable[Table]) -> Iterator[Reference]:
    """Give every reference among the tables, in their order."""
    tables = list(tables)
    keys = {key: table for table in reversed(tables) for key in _only_key(table)}
    for table in tables:
        for column in table.columns:
            key = next((key for key in keys if _leads(column, key)), None)
            if key is not None and keys[key] is not table and (table.fullname, column.name) not in NO_REFERENCE:
                yield Reference(table, column.name, keys[key], key)


def render_star() -> str:
    """Give the picture of the two tables of numbers and what they are joined with."""
    lines = ["### The star\n", "```mermaid", "erDiagram"]
    for (fact, columns), (dimension, _) in STAR:
        lines.append(f'  {dimension.replace(".", "_")} ||--o{{ {fact.replace(".", "_")} : "{", ".join(columns)}"')
    return "\n".join([*lines, "```\n"])


def render_pictures() -> str:
    """Give a Mermaid picture for each schema: its tables with their keys, and where those lead."""
    tables = published_tables()
    found = list(references(tables))
    parts = [_picture(schema, tables, found) for schema in SCHEMAS if any(table.schema == schema for table in tables)]
    return "\n".join(parts)


def _only_key(table: Table) -> Iterator[str]:
    names = [column.name for column in table.primary_key]
    if len(names) == 1 and (names[0].endswith("_id") or table.fullname == "core.calendar"):
        yield names[0]


def _leads(column: Column[object], key: str) -> bool:
    return column.name == key or (key != "day" and column.name.endswith(f"_{key}"))


def _picture(schema: str, tables: list[Table], found: list[Reference]) -> str:
    drawn = [table for table in tables if table.schema == schema]
    lines = [f"### Picture of {schema}\n", "```mermaid", "erDiagram"]
    for table in drawn:
        leading = {reference.column for reference in found if reference.table is table}
        lines += [f"  {_name(table)} {{", *_keys(table, leading), "  }"]
    for reference in found:
        if reference.table in drawn:
            lines.append(f'  {_name(reference.target)} ||--o{{ {_name(reference.table)} : "{reference.column}"')
    return "\n".join([*lines, "```\n"])


def _keys(table: Table, leading: set[str]) -> Iterator[str]:
    for column in table.columns:
        marks = [*(["PK"] if column.primary_key else []), *(["FK"] if column.name in leading else [])]
        if marks:
            yield f"    {str(column.type).lower().split('(')[0]} {column.name} {', '.join(marks)}"


def _name(table: Table) -> str:
    return f"{table.schema}_{table.name}"
