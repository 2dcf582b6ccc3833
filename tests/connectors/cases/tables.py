"""The tables of the warehouse after several nights, beside what the CRMs hold: raw, as far as it is typed, and core."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import connectors.hubspot.objects as hubspot_objects
import connectors.salesforce.objects as salesforce_objects
from connectors.sandbox.store import Store
from connectors.settings import Connection, Crm
from models.build import CORE
from models.context import BuildContext, ConnectionFacts
from models.raw.rules import ENTITY_TABLES
from models.tables import calendar, metadata, quarantine, records
from pipelines.loading import load_landed
from pipelines.warehouse import Warehouse, write_model
from tests.connectors.cases.core_rows import CORE_ROWS, true_rows
from tests.models.factories import an_agreement

READ = {Crm.HUBSPOT: hubspot_objects.OBJECT_NAMES, Crm.SALESFORCE: salesforce_objects.OBJECT_NAMES}
BUILT = [model for model in CORE if model.table is not calendar]  # of no record


def empty(warehouse: Warehouse) -> None:
    """Forget all rows: making the tables anew takes longer."""
    with warehouse.transaction() as writing:
        for table in metadata.tables.values():
            writing.execute(sa.delete(table))


def compare(
    warehouse: Warehouse,
    store: Store,
    connections: Sequence[Connection],
    landing: Path,
    *,
    now: datetime,
    refused: int = 0,
) -> None:
    """Load what landed, so many syncs of which must be refused, build core, and find every table as the CRMs are."""
    loaded = [load_landed(warehouse, landing, connection, zone="Asia/Tokyo").refused for connection in connections]
    assert sum(map(len, loaded)) == refused, loaded
    facts = tuple(ConnectionFacts(one.name, one.crm.value, one.record_url) for one in connections)
    context = BuildContext(an_agreement(), now.date(), now, facts)
    with warehouse.transaction() as writing:
        for model in BUILT:
            write_model(writing, model, context)
        for connection in connections:
            _compare_raw(writing, store, connection)
        true = true_rows(store)
        for table, query in CORE_ROWS.items():
            found = [tuple(row) for row in writing.execute(query)]
            assert len(found) == len({*found}), (table.name, "twice")
            _assert_same(table.name, true[table], {*found})
        assert writing.execute(sa.select(sa.func.count()).select_from(quarantine)).scalar_one() == 0


def _compare_raw(reading: sa.Connection, store: Store, connection: Connection) -> None:
    """Of every object the living records, as received and typed. Those that a HubSpot survivor names stay until ids are compared."""
    own = (records.c.connection == connection.name, records.c.is_deleted.is_(False))
    living = _living(store, connection.crm)
    merged = {
        one
        for found in living.values()
        for values in found.values()
        for one in str(values.get("hs_merged_object_ids") or "").split(";")
    }
    held: dict[str, set[str]] = {}
    for name, record_id in reading.execute(sa.select(records.c.object, records.c.record_id).where(*own)):
        if record_id not in merged:
            held.setdefault(name, set()).add(record_id)
    true = {name: set(found) for name, found in living.items()}
    if connection.crm == Crm.HUBSPOT:
        true |= {
            f"associations.{one.name}.{to}": true[one.name] for one in hubspot_objects.OBJECTS for to in one.targets
        }
    for name in true.keys() | held.keys():
        _assert_same(f"raw.records {name}", true.get(name, set()), held.get(name, set()))
    for entity, maps in connection.field_map.items():
        for part in maps:
            table = ENTITY_TABLES[entity]
            here = (table.c.connection == connection.name, table.c.object == part.object, ~table.c.is_deleted)
            typed = {*reading.execute(sa.select(table.c.crm_id).where(*here)).scalars()} - merged
            wanted = {
                one
                for one, values in living.get(part.object, {}).items()
                if all(_said(values.get(name)) == value for name, value in part.where.items())
                and not any(_said(values.get(name)) == value for name, value in part.unless.items())
            }
            _assert_same(f"{table.fullname} {part.object}", wanted, typed)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _living(store: Store, crm: str) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Object -> id -> properties; an owner who left still counts, and HubSpot's pipelines are told stage by stage."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name in {*store.objects(crm)} & {*READ[crm]}:
        is_owner = name == "owners"
        found[name] = {one.id: one.properties for one in store.all(crm, name) if is_owner or not one.is_deleted}
    pipelines = found.pop("pipelines", {})
    stages = {str(stage["id"]): stage for one in pipelines.values() for stage in one["stages"]}
    return found | ({"pipelines": stages} if stages else {})


def _assert_same(what: str, true: set[Any], found: set[Any]) -> None:
    lost, invented = sorted(true - found, key=str), sorted(found - true, key=str)
    assert (lost, invented) == ([], []), (what, lost[:4], invented[:4])
