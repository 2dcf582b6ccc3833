"""The versions that HubSpot keeps of a deal's property, one row each."""

from sqlalchemy import ColumnElement, Subquery, func, select

from models.duckdb import json_items, json_text, to_timestamp
from models.tables import records


def deal_versions(live: ColumnElement[bool], name: str) -> Subquery:
    """Give the way back to the record (connection, object, record_id, sync_id), value, changed_at (UTC) and position from 0.

    An emptied property is NULL.
    """
    items = (
        select(*records.c, json_items(records.c.payload, f"propertiesWithHistory.{name}").label("item"))
        .where(live, records.c.object == "deals")
        .subquery("items")
    )
    changes = select(
        *(items.c[column] for column in ("connection", "object", "record_id", "sync_id")),
        func.nullif(json_text(items.c.item, "value"), "").label("value"),
        to_timestamp(json_text(items.c.item, "timestamp")).label("changed_at"),
    ).subquery("changes")
    place = func.row_number().over(partition_by=changes.c.record_id, order_by=(changes.c.changed_at, changes.c.value))
    return select(changes, (place - 1).label("position")).subquery("versions")
