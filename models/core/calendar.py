"""Which days are business days, in which period? One row per day, three years back to one ahead."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Connection

from definitions_contract.periods import calendar_of
from models.context import BuildContext, Model
from models.tables import calendar

YEARS_BACK = 3  # whole calendar years: a fiscal year and its comparison year lie inside, whatever month it starts in
YEARS_AHEAD = 1


def build_calendar(_connection: Connection, context: BuildContext) -> Iterator[dict[str, Any]]:
    """Give the days around as_of by the agreed calendar."""
    start = date(context.as_of.year - YEARS_BACK, 1, 1)
    end = date(context.as_of.year + YEARS_AHEAD + 1, 1, 1)
    return (asdict(day) for day in calendar_of(context.agreement.team).days(start, end))


MODEL = Model(table=calendar, reads=(), rows=build_calendar)
