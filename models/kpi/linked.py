"""Columns of what a record is linked to: its person, company, deal and rep. Steps that the verdicts share, no table.

Only what is named is joined. A team, and whether a rep is ramping, are those of the counted day.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, FromClause, Select, and_, case, cast, func, select

from models.tables import calendar, companies, contacts, deals, rep_teams, reps

# column of the rules -> what it is linked to, and the column there
SOURCES: Mapping[str, tuple[str, str]] = {
    "contact_kind": ("contact", "kind"),
    "contact_title": ("contact", "title"),
    "contact_lead_source": ("contact", "lead_source"),
    "contact_created_date": ("contact", "created_date"),
    "company_name": ("company", "name"),
    "company_domain": ("company", "domain"),
    "employee_count": ("company", "employee_count"),
    "deal_stage": ("deal", "stage"),
    "deal_status": ("deal", "status"),
    "deal_amount": ("deal", "agreed_amount"),
    "deal_created_date": ("deal", "created_date"),
    "deal_close_date": ("deal", "close_date"),
    "rep_started_date": ("rep", "started_date"),
    "rep_team": ("rep_team", "team"),
    "rep_department": ("rep_team", "department"),
    "held_by_team": ("held_by_team", "team"),
    "held_by_department": ("held_by_team", "department"),
    "owner_team": ("owner_team", "team"),
    "owner_department": ("owner_team", "department"),
}
RAMPING = "rep_is_ramping"
RENAMED = {"attendees_theirs": "attendee_count"}  # a column of the record itself, under the name that says the side
REP_OF_TEAM = {"rep_team": "rep_id", "held_by_team": "held_by_rep_id", "owner_team": "owner_rep_id"}
READS = (contacts, companies, deals, reps, rep_teams)


def with_linked(rows: FromClause, names: Iterable[str], *, ramp_business_days: int) -> Select[Any]:
    """Add the named columns to `rows`, which have a `counted_date`; names that are no linked column of theirs are left out."""
    wanted = [name for name in dict.fromkeys(names) if _link(name) in rows.c]
    joined: FromClause = rows
    sources: dict[str, FromClause] = {}
    linked = {SOURCES[name][0] for name in wanted if name in SOURCES} | ({"rep"} if RAMPING in wanted else set())
    for source in sorted(linked):
        sources[source], condition = _source(source, rows)
        joined = joined.outerjoin(sources[source], condition)
    columns: list[ColumnElement[Any]] = [*rows.c]
    columns += [sources[SOURCES[name][0]].c[SOURCES[name][1]].label(name) for name in wanted if name in SOURCES]
    columns += [rows.c[RENAMED[name]].label(name) for name in wanted if name in RENAMED]
    if RAMPING in wanted:
        joined, is_ramping = _ramping(joined, rows, sources["rep"], ramp_business_days)
        columns.append(is_ramping.label(RAMPING))
    return select(*columns).select_from(joined)


def _link(name: str) -> str:
    """Name the column of the record that a linked column hangs on; empty when it is no linked column."""
    if name in RENAMED:
        return RENAMED[name]
    source = "rep" if name == RAMPING else SOURCES.get(name, ("", ""))[0]
    return REP_OF_TEAM.get(source) or (f"{source}_id" if source else "")


def _source(source: str, rows: FromClause) -> tuple[FromClause, ColumnElement[bool]]:
    if source in REP_OF_TEAM:
        team = rep_teams.alias(f"linked_{source}")
        is_over = and_(team.c.valid_to.is_not(None), rows.c.counted_date >= team.c.valid_to)
        day = and_(rows.c.counted_date >= team.c.valid_from, ~is_over)
        return team, and_(team.c.rep_id == rows.c[REP_OF_TEAM[source]], day)
    table, key = {
        "contact": (contacts, "contact_id"),
        "company": (companies, "company_id"),
        "deal": (deals, "deal_id"),
        "rep": (reps, "rep_id"),
    }[source]
    linked = table.alias(f"linked_{source}")
    return linked, linked.c[key] == rows.c[key]


def _ramping(
    joined: FromClause, rows: FromClause, rep: FromClause, ramp_business_days: int
) -> tuple[FromClause, ColumnElement[bool]]:
    """A rep ramps for so many business days from the first; who started before the calendar does has ramped up."""
    now, started = (_numbered_days(name) for name in ("counted_days", "started_days"))
    joined = joined.outerjoin(now, now.c.day == rows.c.counted_date)
    joined = joined.outerjoin(started, started.c.day == rep.c.started_date)
    is_ramping = now.c.number - started.c.number < ramp_business_days
    before_the_calendar = and_(rep.c.started_date.is_not(None), started.c.day.is_(None), now.c.day.is_not(None))
    return joined, case((before_the_calendar, rows.c.counted_date < rep.c.started_date), else_=is_ramping)


@cache
def _numbered_days(name: str) -> CTE:
    """Made once: where two definitions ask it in one statement, it has to be the same step."""
    number = func.sum(calendar.c.business_day).over(order_by=calendar.c.day)
    return select(calendar.c.day, cast(number, BigInteger).label("number")).cte(name)
