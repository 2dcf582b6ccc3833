"""How does Great Expectations read DuckDB? A data source of type `duckdb`, known to it once this module is imported.

Great Expectations reads a result after it has given the connection back; DuckDB drops what was not read by then, and every
expectation ends in an error that looks like bad data. So the rows are read while the connection is held. Import this module inside
a function only: it imports Great Expectations, which takes seconds.
"""

from typing import Any, Literal

from great_expectations.datasource.fluent.sql_datasource import SQLDatasource  # noqa: TID253 - see above
from great_expectations.execution_engine import SqlAlchemyExecutionEngine  # noqa: TID253 - see above

TYPE = "duckdb"  # Great Expectations makes add_duckdb of it


class DuckdbExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]  # Great Expectations has no types
    """Reads every row before the connection goes back."""

    def execute_query(self, query: Any) -> Any:
        """Run a query and keep its rows."""
        with self.get_connection() as connection:
            return connection.execute(query).freeze()()


class DuckdbDatasource(SQLDatasource):  # type: ignore[misc]  # Great Expectations has no types
    """A DuckDB file read over SQLAlchemy; no connection outlives its query."""

    # above `type`, which hides the built-in of that name in the rest of the class body
    @property
    def execution_engine_type(self) -> type[DuckdbExecutionEngine]:
        """The engine that reads its rows in time."""
        return DuckdbExecutionEngine

    type: Literal["duckdb"] = "duckdb"
