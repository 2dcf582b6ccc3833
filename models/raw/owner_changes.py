"""Who owned a deal, from when on? HubSpot's property history and Salesforce's OpportunityFieldHistory, of changed records."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, literal, null, select

from models.duckdb import json_text, to_timestamp
from models.raw.changed import delete_changed
from models.raw.property_history import deal_versions
from models.raw.rules import SourceRules
from models.tables import raw_owner_changes, records

USER_PREFIX = "005"  # Salesforce writes the change of a lookup twice: once with names, once with ids


def write_owner_changes(connection: Connection, source: SourceRules, changed: ColumnElement[bool]) -> None:
    """Replace the changes of owner that changed records carry; one without a time says nothing and is left out."""
    delete_changed(connection, raw_owner_changes, source, changed, record_id="crm_id")
    live = and_(changed, ~records.c.is_deleted)
    found = (_of_hubspot(live) if source.crm == "hubspot" else _of_salesforce(live)).subquery("found")
    whole = and_(found.c.changed_at.is_not(None), found.c.deal_crm_id.is_not(None))
    connection.execute(insert(raw_owner_changes).from_select(found.columns.keys(), select(found).where(whole)))


def _of_hubspot(live: ColumnElement[bool]) -> Select[Any]:
    version = deal_versions(live, "hubspot_owner_id")
    return select(
        version.c.connection,
        version.c.object,
        version.c.record_id.label("crm_id"),
        version.c.position,
        version.c.record_id.label("deal_crm_id"),
        version.c.value.label("owner_crm_id"),
        null().label("former_owner_crm_id"),
        version.c.changed_at,
        version.c.sync_id,
    )


def _of_salesforce(live: ColumnElement[bool]) -> Select[Any]:
    payload = records.c.payload
    owner, former = json_text(payload, "NewValue"), json_text(payload, "OldValue")
    return select(
        records.c.connection,
        records.c.object,
        records.c.record_id.label("crm_id"),
        literal(0).label("position"),
        json_text(payload, "OpportunityId").label("deal_crm_id"),
        owner.label("owner_crm_id"),
        func.nullif(former, "").label("former_owner_crm_id"),
        to_timestamp(json_text(payload, "CreatedDate")).label("changed_at"),
        records.c.sync_id,
    ).where(
        live,
        records.c.object == "OpportunityFieldHistory",
        json_text(payload, "Field") == "Owner",
        func.starts_with(owner, USER_PREFIX),
    )
