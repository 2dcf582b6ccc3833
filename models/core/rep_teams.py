"""In which team was a person on a day? One row per person and time in a team, by the agreement's list of members.

An entry by e-mail beats one by CRM team, which beats one by role; of two alike the first in the list wins. What a CRM says of
a user's team holds for all of the user's time: the CRMs keep no history of it, the agreement does.
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Date,
    Select,
    Text,
    and_,
    case,
    func,
    or_,
    select,
    union,
)
from sqlalchemy.types import TypeEngine

from definitions_contract.schema import TeamAgreement
from models.context import BuildContext, Model
from models.expressions import inline_rows
from models.tables import raw_users, rep_identities, rep_teams

ALWAYS = date(1900, 1, 1)  # start of a membership without `since`: no record is older
MEMBER: dict[str, TypeEngine[Any]] = {
    "place": BigInteger(),
    "team": Text(),
    "department": Text(),
    "email": Text(),
    "crm_team": Text(),
    "crm_role": Text(),
    "since": Date(),
    "until": Date(),
}


def build_rep_teams(context: BuildContext) -> Select[Any]:
    """Cut each person's time at every day on which an entry begins or ends, take the best entry of each part, join equal neighbours."""
    entry = _entries(context.agreement.team)
    part = _parts(entry)
    valid = and_(
        entry.c.rep_id == part.c.rep_id,
        entry.c.since <= part.c.start,
        or_(entry.c.until.is_(None), entry.c.until > part.c.start),
    )
    place = func.row_number().over(
        partition_by=(part.c.rep_id, part.c.start), order_by=(entry.c.strength, entry.c.place)
    )
    ranked = (
        select(part.c.rep_id, part.c.start, part.c.end, entry.c.team, entry.c.department, place.label("place"))
        .join(entry, valid)
        .cte("ranked")
    )
    best = select(ranked).where(ranked.c.place == 1).cte("best")
    return _joined(best)


def _entries(team: TeamAgreement) -> CTE:
    """Give the entries that match a person through any of the person's users."""
    member = inline_rows("member", MEMBER, _members(team))
    strength = case(
        (member.c.email == raw_users.c.email, 1),
        (member.c.crm_team == raw_users.c.crm_team, 2),
        (member.c.crm_role == raw_users.c.role, 3),
    )
    users = raw_users.join(
        rep_identities,
        and_(raw_users.c.connection == rep_identities.c.connection, raw_users.c.crm_id == rep_identities.c.crm_id),
    )
    return (
        select(
            rep_identities.c.rep_id,
            member.c.place,
            member.c.team,
            member.c.department,
            func.coalesce(member.c.since, ALWAYS).label("since"),
            member.c.until,
            strength.label("strength"),
        )
        .select_from(users)
        .join(member, strength.is_not(None))
        .cte("entries")
    )


def _members(team: TeamAgreement) -> list[tuple[Any, ...]]:
    department = {one.id: one.department for one in team.teams}
    return [
        (
            place,
            one.team,
            department[one.team],
            one.email.strip().lower() if one.email else None,
            one.crm_team,
            one.crm_role,
            one.since,
            one.until,
        )
        for place, one in enumerate(team.members)
    ]


def _parts(entry: CTE) -> CTE:
    days = union(
        select(entry.c.rep_id, entry.c.since.label("start")),
        select(entry.c.rep_id, entry.c.until.label("start")).where(entry.c.until.is_not(None)),
    ).cte("days")
    end = func.lead(days.c.start).over(partition_by=days.c.rep_id, order_by=days.c.start)
    return select(days.c.rep_id, days.c.start, end.label("end")).cte("parts")


def _joined(best: CTE) -> Select[Any]:
    """Join parts of one team that follow each other without a gap."""
    by_day: dict[str, Any] = {"partition_by": best.c.rep_id, "order_by": best.c.start}
    goes_on = and_(
        func.lag(best.c.team).over(**by_day) == best.c.team, func.lag(best.c.end).over(**by_day) == best.c.start
    )
    marked = select(best, case((goes_on, 0), else_=1).label("is_first")).cte("marked")
    stay = func.sum(marked.c.is_first).over(partition_by=marked.c.rep_id, order_by=marked.c.start)
    numbered = select(marked, stay.label("stay")).cte("numbered")
    is_open = func.bool_or(numbered.c.end.is_(None))
    return select(
        numbered.c.rep_id,
        numbered.c.team,
        numbered.c.department,
        func.min(numbered.c.start).label("valid_from"),
        case((is_open, None), else_=func.max(numbered.c.end)).label("valid_to"),
    ).group_by(numbered.c.rep_id, numbered.c.team, numbered.c.department, numbered.c.stay)


MODEL = Model(table=rep_teams, reads=(raw_users, rep_identities), statement=build_rep_teams)
