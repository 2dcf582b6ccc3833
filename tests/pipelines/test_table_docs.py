"""docs/tables.md says what models/tables.py says."""

from pathlib import Path

from models.tables import metadata
from pipelines.settings import PROJECT
from pipelines.table_docs import render_table_docs

COMMANDS = "run: python -m pipelines.table_docs > docs/tables.md; python -m pipelines.published_schema"


def test_the_page_of_tables_is_current() -> None:
    written = (Path(PROJECT) / "docs" / "tables.md").read_text(encoding="utf-8")

    assert written == render_table_docs(), COMMANDS


def test_every_table_and_column_has_its_words() -> None:
    silent = [table.fullname for table in metadata.tables.values() if not table.comment]
    silent += [str(column) for table in metadata.tables.values() for column in table.columns if not column.comment]

    assert silent == []
