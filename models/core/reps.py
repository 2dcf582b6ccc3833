"""Who works here, or did? One row per person; leavers keep their name and their last team."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Date, Select, and_, case, cast, func, literal, select

from models.context import BuildContext, Model
from models.core.rep_teams import ALWAYS
from models.core.sources import connection_rank
from models.duckdb import first_known, local_date
from models.tables import raw_users, rep_identities, rep_teams, reps

DAY = timedelta(days=1)


def build_reps(context: BuildContext) -> Select[Any]:
    """Bring a person's users together: the leading user's values first, what it lacks from the others."""
    zone = context.agreement.team.zone
    rank = connection_rank(raw_users.c.connection, context.connections).concat(raw_users.c.crm_id)
    is_active = and_(func.coalesce(raw_users.c.is_active, True), ~raw_users.c.is_deleted)
    user = (
        select(
            rep_identities.c.rep_id,
            first_known(raw_users.c.name, rank).label("name"),
            first_known(raw_users.c.email, rank).label("email"),
            func.bool_or(is_active).label("is_active"),
            func.min(local_date(raw_users.c.created_at, zone)).label("created_date"),
            func.max(local_date(raw_users.c.modified_at, zone)).label("modified_date"),
        )
        .join(
            raw_users,
            and_(raw_users.c.connection == rep_identities.c.connection, raw_users.c.crm_id == rep_identities.c.crm_id),
        )
        .group_by(rep_identities.c.rep_id)
        .cte("users")
    )
    newest = case((rep_teams.c.valid_from <= context.as_of, rep_teams.c.valid_from))
    member = (
        select(
            rep_teams.c.rep_id,
            func.arg_max(rep_teams.c.team, newest).label("team"),
            func.arg_max(rep_teams.c.department, newest).label("department"),
            func.min(func.nullif(rep_teams.c.valid_from, ALWAYS)).label("since"),
            case((func.bool_and(rep_teams.c.valid_to.is_not(None)), func.max(rep_teams.c.valid_to))).label("until"),
        )
        .group_by(rep_teams.c.rep_id)
        .cte("members")
    )
    last_change = cast(user.c.modified_date + literal(DAY), Date)  # an inactive user was switched off on that day
    return select(
        user.c.rep_id,
        user.c.name,
        user.c.email,
        member.c.team,
        member.c.department,
        user.c.is_active,
        func.least(member.c.since, user.c.created_date).label("started_date"),
        case((~user.c.is_active, func.coalesce(member.c.until, last_change))).label("left_date"),
    ).join(member, member.c.rep_id == user.c.rep_id, isouter=True)


MODEL = Model(table=reps, reads=(raw_users, rep_identities, rep_teams), statement=build_reps)
