"""What was written down? One row per note."""

from typing import Any

from sqlalchemy import Select, select

from models.context import BuildContext, Model
from models.core.sources import id_of, rep_of, source_columns
from models.duckdb import local_date
from models.tables import notes, raw_notes, rep_identities


def build_notes(context: BuildContext) -> Select[Any]:
    """Take the notes over that are not deleted."""
    return (
        select(
            id_of(raw_notes).label("note_id"),
            *source_columns(raw_notes, context.connections),
            rep_identities.c.rep_id,
            raw_notes.c.body,
            local_date(raw_notes.c.written_at, context.agreement.team.zone).label("written_date"),
            raw_notes.c.written_at,
        )
        .select_from(raw_notes)
        .outerjoin(rep_identities, rep_of(rep_identities, raw_notes.c.connection, raw_notes.c.owner_crm_id))
        .where(~raw_notes.c.is_deleted)
    )


MODEL = Model(table=notes, reads=(raw_notes, rep_identities), statement=build_notes)
