"""Which version judges which record, and until when may an answer be missing? Steps that the verdicts share, no table."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Date, FromClause, Table, and_, case, cast, func, null, select

from definitions_contract.expectations import used_columns
from definitions_contract.resolve import InForce, in_force, judged_event, meeting_definition, other_definitions
from definitions_contract.schema import Agreement, Definition
from definitions_contract.vocabulary import KEYS
from models.errors import UnknownColumnError
from models.kpi.linked import with_linked
from models.tables import calendar, calls, deals, emails, meetings

EVENTS: dict[str, Table] = {"calls": calls, "emails": emails, "meetings": meetings, "deals": deals}
IDENTITY = ("connection", "crm_id", "crm_url", "rep_id")


@dataclass(frozen=True, slots=True)
class Judging:
    """A definition at work: what it judges, and its signed versions with their days, oldest first."""

    name: str
    event: str
    versions: tuple[InForce, ...]
    ramp_business_days: int

    @property
    def table(self) -> Table:
        """The core table of what it judges."""
        return EVENTS[self.event]

    @property
    def used(self) -> tuple[str, ...]:
        """Columns that the rules of all its versions use, each once."""
        rules = [rule for version in self.versions for rule in version.definition.rules]
        return tuple(dict.fromkeys(name for rule in rules for name in used_columns(rule)))

    @property
    def key(self) -> str:
        """The key of that table."""
        return KEYS[self.event]


def judging(agreement: Agreement, name: str) -> Judging:
    """Make a definition ready to judge."""
    event = judged_event(agreement, name)
    return Judging(name, event, in_force(agreement, name), agreement.team.ramp_business_days)


def judging_meetings(agreement: Agreement) -> Judging:
    """Give the definition behind kpi.meeting_verdicts; without one in the agreement, nothing is in force."""
    name = meeting_definition(agreement)
    if name is None:
        return Judging("", "meetings", (), agreement.team.ramp_business_days)
    return judging(agreement, name)


def judging_others(agreement: Agreement) -> tuple[Judging, ...]:
    """Give the definitions behind kpi.verdicts: all but the one of kpi.meeting_verdicts."""
    return tuple(judging(agreement, name) for name in other_definitions(agreement))


def judged_records(judging: Judging, keep: Iterable[str] = IDENTITY) -> CTE:
    """One row per record: `keep` and what the rules use, the day that decides, the version in force on it; NULL when none was.

    Where versions count on different days and two claim a record, the newer one judges it.
    """
    table = judging.table
    newest_first = [(_is_judged_by(version, table), version.definition) for version in reversed(judging.versions)]
    number: ColumnElement[Any] = cast(null(), BigInteger)
    counted: ColumnElement[Any] = next(column for column in table.c if isinstance(column.type, Date))
    if newest_first:
        number = case(*((is_judged, definition.version) for is_judged, definition in newest_first))
        counted = case(
            *((is_judged, counted_column(table, definition)) for is_judged, definition in newest_first),
            else_=counted_column(table, newest_first[0][1]),
        )
    used = tuple(dict.fromkeys((*judging.used, *(name for name in keep if name not in table.c))))
    base = select(
        *table.c,
        table.c[judging.key].label("record_id"),
        cast(number, BigInteger).label("definition_version"),
        cast(counted, Date).label("counted_date"),
    ).subquery("records")
    linked = with_linked(base, used, ramp_business_days=judging.ramp_business_days).subquery("linked_records")
    _refuse_unknown(judging, used, linked)
    names = dict.fromkeys(("record_id", "definition_version", "counted_date", *keep, *used))
    return select(*(linked.c[name] for name in names)).cte(f"judged_by_{judging.name or 'nothing'}")


def with_deadlines(judged: CTE, judging: Judging) -> CTE:
    """Join the deadlines once; beyond the calendar's end a record still to come waits, an older one does not."""
    waits = {rule.wait_business_days for version in judging.versions for rule in version.definition.rules}
    due = deadlines(waits)
    names = [deadline_name(wait) for wait in sorted(waits)]
    columns = [func.coalesce(due.c[name], judged.c.counted_date).label(name) for name in names]
    return (
        select(*judged.c, *columns)
        .join_from(judged, due, judged.c.counted_date == due.c.day, isouter=True)
        .cte(f"{judged.name}_with_deadlines")
    )


def deadlines(waits: Iterable[int]) -> CTE:
    """One row per day: for each number of business days, the last day on which an answer due by then still waits.

    The running number of business days makes it one join per number: the n-th business day after a day is the one whose
    number is n higher. Zero is the day itself. NULL where the calendar ends before it.
    """
    return _deadlines(tuple(sorted(set(waits))))


@cache
def _deadlines(waits: tuple[int, ...]) -> CTE:
    """Made once: where two definitions ask it in one statement, it has to be the same step."""
    numbered = _numbered_days()
    joined: FromClause = numbered
    columns: list[ColumnElement[Any]] = [numbered.c.day.label(deadline_name(0))] if 0 in waits else []
    for wait in waits:
        if wait == 0:
            continue
        later = numbered.alias(f"after_{wait}")
        due = and_(later.c.business_day == 1, later.c.number == numbered.c.number + wait)
        joined = joined.outerjoin(later, due)
        columns.append(later.c.day.label(deadline_name(wait)))
    name = "_".join(("deadlines", *map(str, waits)))
    return select(numbered.c.day, *columns).select_from(joined).cte(name)


@cache
def _numbered_days() -> CTE:
    return select(
        calendar.c.day,
        calendar.c.business_day,
        func.sum(calendar.c.business_day).over(order_by=calendar.c.day).label("number"),
    ).cte("numbered_days")


def deadline_name(wait_business_days: int) -> str:
    """Name of the column of `deadlines` for a number of business days."""
    return f"deadline_{wait_business_days}"


def counted_column(rows: FromClause, definition: Definition) -> ColumnElement[Any]:
    """Look up the day that decides; it must be a date of the core table."""
    table = EVENTS[definition.judges]
    days = tuple(column.name for column in table.c if isinstance(column.type, Date))
    if definition.counted_on not in days:
        raise UnknownColumnError(definition.judges, definition.counted_on, days)
    return rows.c[definition.counted_on]


def _is_judged_by(version: InForce, table: Table) -> ColumnElement[bool]:
    day = counted_column(table, version.definition)
    return and_(day >= version.start, day < version.end) if version.end else day >= version.start


def _refuse_unknown(judging: Judging, used: tuple[str, ...], rows: FromClause) -> None:
    for name in used:
        if name not in rows.c:
            raise UnknownColumnError(judging.event, name, tuple(rows.c.keys()))
