"""Which stages did a deal go through? HubSpot's property history and Salesforce's OpportunityHistory, of changed records."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, literal, null, select

from models.duckdb import json_text, to_timestamp, to_type
from models.raw.changed import delete_changed
from models.raw.property_history import deal_versions
from models.raw.rules import SourceRules
from models.tables import MONEY, raw_stage_changes, records


def write_stage_changes(connection: Connection, source: SourceRules, changed: ColumnElement[bool]) -> None:
    """Replace the stage changes that changed records carry; one without a time or a stage says nothing and is left out."""
    delete_changed(connection, raw_stage_changes, source, changed, record_id="crm_id")
    live = and_(changed, ~records.c.is_deleted)
    found = (_of_hubspot(live) if source.crm == "hubspot" else _of_salesforce(live)).subquery("found")
    whole = and_(found.c.changed_at.is_not(None), found.c.stage.is_not(None), found.c.deal_crm_id.is_not(None))
    connection.execute(insert(raw_stage_changes).from_select(found.columns.keys(), select(found).where(whole)))


def _of_hubspot(live: ColumnElement[bool]) -> Select[Any]:
    version = deal_versions(live, "dealstage")
    return select(
        version.c.connection,
        version.c.object,
        version.c.record_id.label("crm_id"),
        version.c.position,
        version.c.record_id.label("deal_crm_id"),
        version.c.value.label("stage"),
        null().label("amount"),
        version.c.changed_at,
        version.c.sync_id,
    )


def _of_salesforce(live: ColumnElement[bool]) -> Select[Any]:
    payload = records.c.payload
    return select(
        records.c.connection,
        records.c.object,
        records.c.record_id.label("crm_id"),
        literal(0).label("position"),
        json_text(payload, "OpportunityId").label("deal_crm_id"),
        json_text(payload, "StageName").label("stage"),
        to_type(json_text(payload, "Amount"), MONEY).label("amount"),
        to_timestamp(json_text(payload, "CreatedDate")).label("changed_at"),
        records.c.sync_id,
    ).where(live, records.c.object == "OpportunityHistory")
