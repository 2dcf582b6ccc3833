"""What do the checks of single records say when Great Expectations runs them? The same rows in the warehouse, asked a second time."""

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from models.context import BuildContext
from models.ops.row_checks import KEY, ROW_CHECKS, SHOWN, RowCheck
from models.tables import check_results
from pipelines.expectations import Batch, Found, run_rules


def run_row_checks(engine: sa.Engine, context: BuildContext) -> dict[str, Found]:
    """Run every check of single records, by name. The engine's database is a file that others may open."""
    found = run_rules(engine, [_batch(check, context) for check in ROW_CHECKS])
    return {check.name: rules[check.rule.id] for check, rules in zip(ROW_CHECKS, found, strict=True)}


def differences(connection: sa.Connection, context: BuildContext, found: Mapping[str, Found]) -> Iterator[str]:
    """Say where Great Expectations counts otherwise than ops.check_results."""
    tonight = sa.select(check_results.c.check_name, check_results.c.failed_count).where(
        check_results.c.as_of == context.as_of
    )
    by_sql = {row.check_name: row.failed_count for row in connection.execute(tonight)}
    for name, one in found.items():
        counted = len(one.failing_ids)
        if one.error is not None:
            yield f"{name}: not evaluated by Great Expectations: {one.error}"
        elif by_sql.get(name) != counted:
            yield f"{name}: {by_sql.get(name)} by SQL, {counted} by Great Expectations"


def _batch(check: RowCheck, context: BuildContext) -> Batch:
    rows = check.rows(context).subquery("asked")
    asked = sa.select(*(column for column in rows.c if column.name != SHOWN))
    return Batch(check.name, asked, KEY, (check.rule,))
