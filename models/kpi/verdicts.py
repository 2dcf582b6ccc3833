"""What do the other definitions say? One row per definition and record (a call, e-mail, deal or meeting): the verdict and why."""

from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, union_all

from models.context import BuildContext, Model
from models.expressions import no_rows
from models.kpi.judged_records import Judging, judging_others
from models.kpi.judgement import verdicts as verdicts_of
from models.kpi.linked import READS
from models.tables import calendar, calls, emails, meetings, verdicts


def build_verdicts(context: BuildContext) -> Select[Any]:
    """Judge every record by every definition but that of kpi.meeting_verdicts."""
    parts = [_verdicts(judging, context) for judging in judging_others(context.agreement)]
    return select(union_all(*parts).subquery()) if parts else no_rows(verdicts)


def _verdicts(judging: Judging, context: BuildContext) -> Select[Any]:
    rows = verdicts_of(judging, as_of=context.as_of).subquery()
    named: dict[str, ColumnElement[Any]] = {
        "definition": literal(judging.name).label("definition"),
        "event": literal(judging.event).label("event"),
    }
    return select(*(named[c.name] if c.name in named else rows.c[c.name] for c in verdicts.c))


MODEL = Model(
    table=verdicts,
    reads=(calls, emails, meetings, calendar, *READS),
    statement=build_verdicts,
    group="kpi",
)
