"""What do the changed records say? Typed rows, links, stage and owner history of one sync, from raw.records alone."""

from sqlalchemy import Connection, func, select

from models.raw.changed import changed_objects, changed_records
from models.raw.fields import type_fields
from models.raw.links import write_links
from models.raw.owner_changes import write_owner_changes
from models.raw.rules import SourceRules
from models.raw.stage_changes import write_stage_changes
from models.tables import quarantine


def type_records(connection: Connection, *, sync_id: str, source: SourceRules, rebuild: bool = False) -> int:
    """Type what the sync changed and return how many records of the connection are now in quarantine.

    `rebuild` types every record of the connection: needed when source.digest is not that of the last time.
    """
    changed = changed_records(source, sync_id, rebuild=rebuild)
    objects = changed_objects(connection, changed)
    type_fields(connection, source, changed, objects)
    write_links(connection, source, changed, objects)
    write_stage_changes(connection, source, changed)
    write_owner_changes(connection, source, changed)
    kept_aside = select(quarantine.c.object, quarantine.c.record_id).where(quarantine.c.connection == source.connection)
    return connection.execute(select(func.count()).select_from(kept_aside.distinct().subquery())).scalar_one()
