"""How long before the current KPI does another one show a change? By the own median from a booking to a meeting, and to a deal won."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select

from models.context import BuildContext
from models.duckdb import days_between, median
from models.tables import deals, meetings

YEAR = timedelta(days=365)  # as far back as the own pace is looked at
BOOKED = ("calls_made", "connect_rate", "meetings_booked")  # seen when a meeting is booked
HELD = ("no_show_rate", "valid_rate", "valid_meetings")  # seen when it is held
WON = ("deals_won", "won_amount")


@dataclass(frozen=True, slots=True)
class LeadTime:
    """The current KPI, and the days until it shows what another KPI shows today."""

    kpi_id: str
    days: Mapping[str, int]


def read_lead_time(connection: Connection, context: BuildContext) -> LeadTime:
    """Measure the lead of every KPI up the funnel of the current one; none where too little is known."""
    current = context.agreement.phases.current_kpi
    if current in WON:
        is_recent = deals.c.close_date.between(context.as_of - YEAR, context.as_of)
        starts = {"booked": meetings.c.booked_date, "held": meetings.c.held_date}
        waits = select(
            *(median(days_between(start, deals.c.close_date)).label(name) for name, start in starts.items())
        ).join_from(deals, meetings, deals.c.meeting_id == meetings.c.meeting_id)
        row = connection.execute(waits.where(deals.c.status == "won", is_recent)).one()
        found = {**dict.fromkeys(BOOKED, row.booked), **dict.fromkeys(HELD, row.held)}
    elif current in HELD:
        is_recent = meetings.c.held_date.between(context.as_of - YEAR, context.as_of)
        wait = median(days_between(meetings.c.booked_date, meetings.c.held_date))
        found = dict.fromkeys(BOOKED, connection.execute(select(wait).where(is_recent)).scalar_one())
    else:
        found = {}
    return LeadTime(current, {kpi_id: round(days) for kpi_id, days in found.items() if days is not None and days >= 1})
