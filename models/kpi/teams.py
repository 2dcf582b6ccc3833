"""Whose team's number is it? The team of the rep on the day that counts, not the one of today."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from models.tables import rep_teams


def is_team_on(rep_id: ColumnElement[Any], day: ColumnElement[Any]) -> ColumnElement[bool]:
    """Join condition: the row of core.rep_teams that holds for the rep on the day; there is at most one."""
    return and_(
        rep_id == rep_teams.c.rep_id,
        day >= rep_teams.c.valid_from,
        or_(rep_teams.c.valid_to.is_(None), day < rep_teams.c.valid_to),
    )
