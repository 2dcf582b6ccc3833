"""What do readers of the published copy rely on? docs/published-schema.txt: every table, column and type, one a line.

python -m pipelines.published_schema

adds what is new. A column that left, or has another type, stays in the file, and a test fails, until the section "Deprecated columns"
of CHANGELOG.md names it as `schema.table.column`: a reader's query breaks on that day, so that readers are told.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from duckdb_sqlalchemy import Dialect
from sqlalchemy import Column

from pipelines.publish import published_columns, published_tables
from pipelines.settings import PROJECT

SNAPSHOT = PROJECT / "docs" / "published-schema.txt"
CHANGELOG = PROJECT / "CHANGELOG.md"
SECTION = "## Deprecated columns"
DIALECT = Dialect()


def published_now() -> dict[str, str]:
    """Give the type of every column that is published, by `schema.table.column`; personal ones are not."""
    return {
        f"{table.fullname}.{column.name}": duckdb_type(column)
        for table in published_tables()
        for column in published_columns(table, ())
    }


def duckdb_type(column: Column[Any]) -> str:
    """Give a column's type by the name that readers see."""
    return _as_duckdb_shows(column.type.compile(DIALECT))


def _as_duckdb_shows(kind: str) -> str:
    """Give a type by the name that DuckDB tells readers.

    >>> _as_duckdb_shows("NUMERIC(18, 2)"), _as_duckdb_shows("TEXT")
    ('DECIMAL(18,2)', 'VARCHAR')
    """
    names = {"DOUBLE PRECISION": "DOUBLE", "TEXT": "VARCHAR"}
    return names.get(kind, kind.replace("NUMERIC", "DECIMAL").replace(", ", ","))


def promised(path: Path = SNAPSHOT) -> dict[str, str]:
    """Read what readers were promised."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split(" ", 1) for line in lines if line)


def deprecated(path: Path = CHANGELOG) -> frozenset[str]:
    """Read which columns the change log has told readers of."""
    _, _, after = path.read_text(encoding="utf-8").partition(SECTION)
    return frozenset(re.findall(r"`(\w+\.\w+\.\w+)`", after.partition("\n## ")[0]))


def broken(old: Mapping[str, str], new: Mapping[str, str], told: frozenset[str]) -> list[str]:
    """Say which promises are broken without a word to the readers.

    >>> broken({"kpi.x.a": "TEXT", "kpi.x.b": "DATE"}, {"kpi.x.b": "TEXT"}, frozenset({"kpi.x.a"}))
    ['kpi.x.b was DATE and is TEXT']
    """
    return [
        f"{name} was {kind} and is {new.get(name, 'gone')}"
        for name, kind in old.items()
        if new.get(name) != kind and name not in told
    ]


def merged(old: Mapping[str, str], new: Mapping[str, str], told: frozenset[str]) -> dict[str, str]:
    """Give the next snapshot: what there is now, and every promise that nobody may forget yet."""
    kept = {name: kind for name, kind in old.items() if new.get(name) != kind and name not in told}
    return {**new, **kept}


def main() -> None:
    """Write the snapshot anew."""
    lines = merged(promised(), published_now(), deprecated())
    SNAPSHOT.write_text("".join(f"{name} {kind}\n" for name, kind in lines.items()), encoding="utf-8")


if __name__ == "__main__":
    main()
