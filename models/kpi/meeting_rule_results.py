"""Which rule says what of which meeting? One row per meeting and rule of the version in force on the meeting's day.

All versions in one statement. A meeting on a day that no signed version covers has no rows here.
"""

from datetime import date
from typing import Any

from sqlalchemy import CTE, BigInteger, Select, cast, func, literal, select, union_all

from definitions_contract.resolve import InForce
from definitions_contract.schema import Rule
from models.context import BuildContext, Model
from models.expressions import no_rows
from models.kpi.judged_meetings import deadline_name, deadlines, judged_meetings, versions_in_force
from models.kpi.rules import rule_columns
from models.tables import calendar, meeting_rule_results, meetings


def build_meeting_rule_results(context: BuildContext) -> Select[Any]:
    """Judge every meeting by every rule of its version."""
    versions = versions_in_force(context)
    rules = [(version, rule) for version in versions for rule in version.definition.rules]
    if not rules:
        return no_rows(meeting_rule_results)
    rows = _with_deadlines(judged_meetings(versions), tuple(rule.wait_business_days for _, rule in rules))
    results = union_all(*(_results_of(rule, version, rows, as_of=context.as_of) for version, rule in rules)).cte(
        "results"
    )
    return select(results)


def _with_deadlines(judged: CTE, waits: tuple[int, ...]) -> CTE:
    """Join the deadlines once; beyond the calendar's end a meeting still to come waits, an older one does not."""
    due = deadlines(waits)
    names = [deadline_name(wait) for wait in sorted(set(waits))]
    columns = [func.coalesce(due.c[name], judged.c.counted_date).label(name) for name in names]
    return (
        select(*judged.c, *columns)
        .join_from(judged, due, judged.c.counted_date == due.c.day, isouter=True)
        .where(judged.c.definition_version.is_not(None))
        .cte("meetings_with_deadlines")
    )


def _results_of(rule: Rule, version: InForce, rows: CTE, *, as_of: date) -> Select[Any]:
    judged = rule_columns(rule, rows, deadline=rows.c[deadline_name(rule.wait_business_days)], as_of=as_of)
    return select(
        rows.c.meeting_id,
        literal(rule.id).label("rule_id"),
        cast(version.definition.version, BigInteger).label("definition_version"),
        literal(rule.severity.value).label("severity"),
        judged.outcome.label("outcome"),
        judged.observed.label("observed"),
        judged.waiting_until.label("waiting_until_date"),
    ).where(rows.c.definition_version == version.definition.version)


MODEL = Model(
    table=meeting_rule_results,
    reads=(meetings, calendar),
    statement=build_meeting_rule_results,
    group="kpi",
)
