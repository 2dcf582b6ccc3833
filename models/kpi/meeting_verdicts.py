"""Is it a valid meeting, and why not? One row per meeting: the verdict with its reasons; judgement.py says how it comes about."""

from typing import Any

from sqlalchemy import Select, select

from models.context import BuildContext, Model
from models.kpi.judged_records import judging_meetings
from models.kpi.judgement import verdicts
from models.kpi.linked import READS
from models.tables import calendar, meeting_verdicts, meetings


def build_meeting_verdicts(context: BuildContext) -> Select[Any]:
    """Judge every meeting."""
    days = ("booked_date", "held_date")
    rows = verdicts(judging_meetings(context.agreement), as_of=context.as_of, keep=days).subquery()
    names = [column.name for column in meeting_verdicts.c if column.name != "meeting_id"]
    return select(rows.c.record_id.label("meeting_id"), *(rows.c[name] for name in names))


MODEL = Model(
    table=meeting_verdicts,
    reads=(meetings, calendar, *READS),
    statement=build_meeting_verdicts,
    group="kpi",
)
