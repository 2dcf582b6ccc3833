"""Which rule of the other definitions says what of which record? One row per definition, record and rule."""

from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, union_all

from models.context import BuildContext, Model
from models.expressions import no_rows
from models.kpi.judged_records import Judging, judging_others
from models.kpi.judgement import rule_results as results_of
from models.kpi.linked import READS
from models.tables import calendar, calls, emails, meetings, rule_results


def build_rule_results(context: BuildContext) -> Select[Any]:
    """Judge every record by every rule of every definition but that of kpi.meeting_verdicts."""
    found = [(judging, results_of(judging, as_of=context.as_of)) for judging in judging_others(context.agreement)]
    parts = [_named(judging, results) for judging, results in found if results is not None]
    return select(union_all(*parts).subquery()) if parts else no_rows(rule_results)


def _named(judging: Judging, results: Select[Any]) -> Select[Any]:
    rows = results.subquery()
    definition: ColumnElement[Any] = literal(judging.name).label("definition")
    return select(*(definition if c.name == "definition" else rows.c[c.name] for c in rule_results.c))


MODEL = Model(
    table=rule_results,
    reads=(calls, emails, meetings, calendar, *READS),
    statement=build_rule_results,
    group="kpi",
)
