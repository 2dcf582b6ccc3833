"""Which meetings does a version judge? All their columns, and the linked ones that its rules use. A step, no table."""

from collections.abc import Iterable

from sqlalchemy import CTE

from definitions_contract.expectations import used_columns
from definitions_contract.resolve import InForce
from definitions_contract.schema import Rule
from models.kpi.judged_records import (
    Judging,
    counted_column,
    deadline_name,
    deadlines,
    judged_records,
)
from models.tables import meetings

__all__ = ["counted_column", "deadline_name", "deadlines", "judged_meetings"]

RAMP_BUSINESS_DAYS = 60  # the default of team.yaml


def judged_meetings(
    versions: tuple[InForce, ...], *, rules: Iterable[Rule] = (), ramp_business_days: int = RAMP_BUSINESS_DAYS
) -> CTE:
    """One row per meeting: all its columns, the version in force on its day, and what `rules` use besides those of the versions."""
    name = versions[0].definition.name if versions else ""
    used = (column for rule in rules for column in used_columns(rule))
    judging = Judging(name, "meetings", versions, ramp_business_days)
    return judged_records(judging, keep=(*meetings.c.keys(), *used))
