"""From landing files into the warehouse: rows, cursors and proof of one sync in one transaction, or a refusal with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.errors import LandingError
from connectors.files.folder import file_of
from connectors.landing import pending, read_manifest
from connectors.records import Landed, LandedWindow
from connectors.settings import Connection, Crm, FileObject, FilesConnection, ObjectMap
from connectors.sync import IDS
from connectors.without_pandas import without_pandas
from models.raw.changed import batches, changed_objects, changed_records
from models.raw.merge import merge_records
from models.raw.purge import IdList, bury_purged, compare_ids
from models.raw.rules import SourceRules, field_rules
from models.raw.source_fields import Drift, compare_fields, field_rows, same_objects
from models.raw.typed import type_records
from models.tables import (
    cursors,
    quarantine,
    reconciliation,
    records,
    refused_syncs,
    source_changes,
    source_fields,
    sync_runs,
)
from pipelines.errors import ReconciliationError
from pipelines.warehouse import Warehouse, insert_rows, is_out_of_memory

WHOLE_SYNC = "*"  # quarantine rows of records that never landed name no field
MOST_NAMED = 10  # ids named in a message
MOST_TOGETHER = 20_000  # records of several objects that are merged at once: with their payloads they wait in memory
MEMORY_STEPS_MB = (40, 60, 100, 400)  # DuckDB's share while loading; after these as much as the machine has


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the warehouse took in from one connection: syncs and records of this run, and what it holds now.

    `refused` are the syncs of which nothing was kept, each with its reason; `drift` what changed in the CRM's schema.
    """

    syncs: int
    landed: int
    changed: int
    quarantined: int
    records: int
    refused: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    landed: int
    changed: int
    drift: tuple[Drift, ...]


@without_pandas()
def load_landed(warehouse: Warehouse, landing: Path, connection: Connection, *, zone: str) -> Loaded:
    """Bring every landed sync of a connection that the warehouse does not have into raw, each in one transaction.

    A sync that landed another number of records than the CRM says, or whose files are damaged, is refused: nothing of it is
    kept, the cursors stay, and so the next sync brings what it would have brought.
    """
    with warehouse.with_tables() as reading:
        done = {*reading.execute(sa.select(sync_runs.c.sync_id)).scalars()}
        done |= {*reading.execute(sa.select(refused_syncs.c.sync_id)).scalars()}
    taken: list[_Taken] = []
    refused: list[str] = []
    for manifest in pending(landing, connection.name, done):
        try:
            sync = read_manifest(manifest)
            taken.append(_load_bounded(warehouse, connection, zone, sync))
        except (ReconciliationError, LandingError) as error:
            refused.append(str(error))
            _refuse(warehouse, connection, manifest.parent.name, error)
    with warehouse.transaction() as reading:
        put_aside = sa.select(sa.func.count(sa.distinct(quarantine.c.object + quarantine.c.record_id)))
        held = sa.select(sa.func.count()).select_from(records)
        return Loaded(
            syncs=len(taken),
            landed=sum(one.landed for one in taken),
            changed=sum(one.changed for one in taken),
            quarantined=reading.execute(put_aside.where(quarantine.c.connection == connection.name)).scalar_one(),
            records=reading.execute(held.where(records.c.connection == connection.name)).scalar_one(),
            refused=tuple(refused),
            drift=tuple(str(drift) for one in taken for drift in one.drift),
        )


def _load_bounded(warehouse: Warehouse, connection: Connection, zone: str, sync: Landed) -> _Taken:
    """Load one sync in one transaction with little memory; one that cannot be done with so little is begun again with more."""
    for memory_mb in MEMORY_STEPS_MB:
        try:
            with warehouse.transaction(memory_mb=memory_mb) as writing:
                return _load_sync(writing, connection, zone, sync)
        except sa.exc.DBAPIError as error:
            if not is_out_of_memory(error):
                raise
    with warehouse.transaction() as writing:
        return _load_sync(writing, connection, zone, sync)


def source_rules(connection: Connection, zone: str) -> SourceRules:
    """A connection's field map in the plain form that the models take."""
    plain = {entity: [_plain(part) for part in parts] for entity, parts in connection.field_map.items()}
    written_in = connection.zone if isinstance(connection, FilesConnection) else "UTC"
    return SourceRules(connection.name, connection.crm, field_rules(connection.crm, plain), zone, written_in)


def _plain(part: ObjectMap) -> dict[str, Any]:
    fields = {
        name: source.model_dump(by_alias=True, exclude={"origin"}, exclude_defaults=True)
        for name, source in part.fields.items()
    }
    links = [link.model_dump() for link in part.links] if isinstance(part, FileObject) else []
    return {"object": part.object, "where": part.where, "unless": part.unless, "fields": fields, "links": links}


def _load_sync(writing: sa.Connection, connection: Connection, zone: str, sync: Landed) -> _Taken:
    """One sync: records merged and typed, cursors moved, counts compared. The caller's transaction makes it one."""
    rules = source_rules(connection, zone)
    proof = _merge(writing, connection, sync, rules)
    proof += [_sweep(writing, connection, sync, window) for window in sync.windows if _is_sweep(window)]
    _refuse_mismatch(connection, sync, proof)
    type_records(writing, sync_id=sync.sync_id, source=rules, rebuild=_is_other_map(writing, rules))
    _keep_rejected(writing, connection, sync)
    _move_cursors(writing, connection, sync)
    drift = _note_fields(writing, connection, sync)
    aside = sa.select(quarantine.c.object, sa.func.count(sa.distinct(quarantine.c.record_id)))
    here = (quarantine.c.connection == connection.name, quarantine.c.sync_id == sync.sync_id)
    counts = {row[0]: row[1] for row in writing.execute(aside.where(*here).group_by(quarantine.c.object))}
    rows = [
        {name: row[name] for name in reconciliation.columns.keys()}  # noqa: SIM118 - a ColumnCollection gives columns
        | {"quarantined_count": counts.get(row["object"], 0)}
        for row in proof
    ]
    insert_rows(writing, reconciliation, rows)
    landed = sum(window.landed_count for window in sync.windows if not _is_sweep(window))
    changed = sum(row["changed_count"] for row in rows)
    run = {
        "sync_id": sync.sync_id,
        "connection": connection.name,
        "status": "partial" if counts else "done",
        "is_full": sync.is_full,
        "landed_count": landed,
        "changed_count": changed,
        "quarantined_count": sum(counts.values()),
        "field_map_digest": rules.digest,
        "started_at": sync.started_at,
        "extracted_at": sync.extracted_at,
    }
    insert_rows(writing, sync_runs, [run])
    return _Taken(landed, changed, drift)


def _is_sweep(window: LandedWindow) -> bool:
    """Whether it is a note of what was done for an object, not records of one."""
    return window.object.startswith(("ids.", "refresh.", "file."))


def _merge(writing: sa.Connection, connection: Connection, sync: Landed, rules: SourceRules) -> list[dict[str, Any]]:
    windows = [window for window in sync.windows if not _is_sweep(window)]
    landed = {window.object: window for window in windows if window.files}
    for names in batches({name: window.landed_count for name, window in landed.items()}, MOST_TOGETHER):
        files = {name: landed[name].files for name in names}
        merge_records(writing, sync_id=sync.sync_id, source=connection.name, files=files)
    changed = changed_objects(writing, changed_records(rules, sync.sync_id, rebuild=False))
    return [
        _proof(
            connection,
            sync,
            window,
            changed=changed.get(window.object, 0),
            crm_count=window.crm_count,
            missing=window.missing_ids,
        )
        for window in windows
    ]


def _sweep(writing: sa.Connection, connection: Connection, sync: Landed, window: LandedWindow) -> dict[str, Any]:
    """Compare all ids of an object, where that is what was done: what the CRM has no longer becomes a tombstone."""
    sweep, _, object_name = window.object.partition(".")
    if sweep != IDS:
        return _proof(connection, sync, window, changed=0, crm_count=window.crm_count)
    ids = _id_list(writing, connection, sync, window, object_name)
    found = compare_ids(writing, ids)
    if found.is_suspicious and not sync.is_full:
        raise ReconciliationError(
            f"{connection.name}: {found.purged_count} of {found.known_count} records of {object_name} are no longer in the "
            "CRM, as far as this user sees; nothing was changed: give the user back the right to see them, or, if they were "
            f"really deleted, run `kpi nightly --full-refresh --only {connection.name}`"
        )
    if found.purged_count:
        bury_purged(writing, ids, sync_id=sync.sync_id, moment=sync.extracted_at)
    return _proof(
        connection,
        sync,
        window,
        changed=found.purged_count,
        crm_count=window.crm_count,
        missing=found.missing_ids,
    )


def _id_list(
    writing: sa.Connection, connection: Connection, sync: Landed, window: LandedWindow, object_name: str
) -> IdList:
    """The list itself, or, without files, the object's own records of this sync: they were read as a whole."""
    (own,) = (one for one in sync.windows if one.object == object_name)
    cursor = sa.select(cursors.c.cursor_at).where(
        cursors.c.connection == connection.name, cursors.c.object == object_name
    )
    is_listed = bool(window.files) or window.crm_count is not None
    listing = window if is_listed else own
    return IdList(
        connection=connection.name,
        object=object_name,
        files=listing.files,
        since=listing.window_start,
        listed_from=min(sync.started_at, listing.window_end),
        complete_before=writing.execute(cursor).scalar_one_or_none() if is_listed else None,
    )


def _proof(
    connection: Connection,
    sync: Landed,
    window: LandedWindow,
    *,
    changed: int,
    crm_count: int | None,
    missing: Sequence[str] = (),
) -> dict[str, Any]:
    landed = window.landed_count
    aside = sum(one.object == window.object for one in sync.rejected)  # known to the CRM, and in quarantine
    return {
        "sync_id": sync.sync_id,
        "connection": connection.name,
        "object": window.object,
        "window_start": window.window_start,
        "window_end": window.window_end,
        "crm_count": crm_count,
        "landed_count": landed,
        "changed_count": changed,
        "quarantined_count": 0,
        "is_matched": not missing and (crm_count is None or 0 <= crm_count - landed <= aside),
        "missing": missing,
    }


def _refuse_mismatch(connection: Connection, sync: Landed, proof: Sequence[Mapping[str, Any]]) -> None:
    wrong = [row for row in proof if not row["is_matched"]]
    if wrong:
        incomplete = [row["object"].partition(".")[2] for row in wrong if row["object"].startswith(f"{IDS}.")]
        stay = (
            f"its cursors stay, but the next one reads all of {', '.join(incomplete)}"
            if incomplete
            else "its cursors stay"
        )
        raise ReconciliationError(
            f"{connection.name} landed another number of records than the CRM says ({'; '.join(map(_mismatch, wrong))}); "
            f"sync {sync.sync_id} was not kept and {stay}; run `kpi nightly` again, and if it says the same, "
            f"`kpi nightly --full-refresh --only {connection.name}`",
            incomplete=tuple(incomplete),
        )


def _mismatch(row: Mapping[str, Any]) -> str:
    named = ", ".join(row["missing"][:MOST_NAMED])
    more = f" and {len(row['missing']) - MOST_NAMED} more" if len(row["missing"]) > MOST_NAMED else ""
    missing = f", missing {named}{more}" if named else ""
    return f"{row['object']}: {row['landed_count']} of {row['crm_count']}{missing}"


def _refuse(warehouse: Warehouse, connection: Connection, sync_id: str, error: Exception) -> None:
    row = {"sync_id": sync_id, "connection": connection.name, "reason": str(error), "refused_at": datetime.now(UTC)}
    incomplete = error.incomplete if isinstance(error, ReconciliationError) else ()
    with warehouse.transaction() as writing:
        insert_rows(writing, refused_syncs, [row])
        # no increment would bring what is older than the cursor: without one, the next sync reads the object as a whole
        missed = (cursors.c.connection == connection.name, cursors.c.object.in_(incomplete))
        writing.execute(sa.delete(cursors).where(*missed))


def _is_other_map(writing: sa.Connection, rules: SourceRules) -> bool:
    """Whether the last sync of the connection was typed by another field map."""
    last = sa.select(sync_runs.c.field_map_digest).where(sync_runs.c.connection == rules.connection)
    digest = writing.execute(last.order_by(sync_runs.c.sync_id.desc()).limit(1)).scalar_one_or_none()
    return digest is not None and digest != rules.digest


def _keep_rejected(writing: sa.Connection, connection: Connection, sync: Landed) -> None:
    """Put aside what could not be landed, in place of what was asked for again; what was not stays.

    A full read asks for everything, HubSpot's increment for what was put aside by its id (Salesforce's for nothing of it). A file
    that was read again says anew which of its rows those are.
    """
    has_id = ~quarantine.c.record_id.contains("#", autoescape=True)
    by_id = (
        has_id
        if connection.crm == Crm.HUBSPOT
        else quarantine.c.record_id.in_([one.record_id for one in sync.rejected])
    )
    of_crm = sa.true() if sync.is_full else by_id
    asked = [
        sa.and_(
            quarantine.c.object == object_name,
            quarantine.c.record_id.startswith(f"{file}#", autoescape=True) if file else of_crm,
        )
        for object_name, file in (file_of(window.object) or (window.object, "") for window in sync.windows)
        if file or not isinstance(connection, FilesConnection)
    ]
    here = (quarantine.c.connection == connection.name, quarantine.c.field == WHOLE_SYNC)
    writing.execute(sa.delete(quarantine).where(*here, sa.or_(sa.false(), *asked)))
    rows = [
        {
            "connection": connection.name,
            "object": record.object,
            "record_id": record.record_id or f"{sync.sync_id}#{number}",
            "field": WHOLE_SYNC,
            "reason": record.reason,
            "value": None,
            "payload": record.payload,
            "sync_id": sync.sync_id,
        }
        for number, record in enumerate(sync.rejected, start=1)
    ]
    insert_rows(writing, quarantine, rows)


def _note_fields(writing: sa.Connection, connection: Connection, sync: Landed) -> tuple[Drift, ...]:
    """Compare what the CRM's objects have with the last sync, and remember it."""
    drift = compare_fields(writing, connection.name, sync.fields)
    rows = field_rows(writing, connection.name, sync.fields, moment=sync.extracted_at)
    writing.execute(sa.delete(source_fields).where(same_objects(connection.name, sync.fields)))
    insert_rows(writing, source_fields, rows)
    changes = [
        {
            "sync_id": sync.sync_id,
            "connection": connection.name,
            "object": one.object,
            "field": one.field,
            "change": one.change,
            "detail": one.detail,
        }
        for one in drift
    ]
    insert_rows(writing, source_changes, changes)
    return drift


def _move_cursors(writing: sa.Connection, connection: Connection, sync: Landed) -> None:
    ends: dict[str, datetime] = {}
    for window in sync.windows:
        ends[window.object] = max(window.window_end, ends.get(window.object, window.window_end))
    is_moved = sa.true() if sync.is_full else cursors.c.object.in_(list(ends))  # a full read says all that there is
    writing.execute(sa.delete(cursors).where(cursors.c.connection == connection.name, is_moved))
    rows = [
        {"connection": connection.name, "object": name, "cursor_at": end, "sync_id": sync.sync_id}
        for name, end in ends.items()
    ]
    insert_rows(writing, cursors, rows)
