"""Which rule says what of which meeting? One row per meeting and rule of the version in force on the meeting's day.

All versions in one statement. A meeting on a day that no signed version covers has no rows here.
"""

from typing import Any

from sqlalchemy import Select, select

from models.context import BuildContext, Model
from models.expressions import no_rows
from models.kpi.judged_records import judging_meetings
from models.kpi.judgement import rule_results
from models.kpi.linked import READS
from models.tables import calendar, meeting_rule_results, meetings


def build_meeting_rule_results(context: BuildContext) -> Select[Any]:
    """Judge every meeting by every rule of its version."""
    found = rule_results(judging_meetings(context.agreement), as_of=context.as_of)
    if found is None:
        return no_rows(meeting_rule_results)
    rows = found.subquery()
    names = [column.name for column in meeting_rule_results.c if column.name != "meeting_id"]
    return select(rows.c.record_id.label("meeting_id"), *(rows.c[name] for name in names))


MODEL = Model(
    table=meeting_rule_results,
    reads=(meetings, calendar, *READS),
    statement=build_meeting_rule_results,
    group="kpi",
)
