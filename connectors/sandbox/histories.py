"""What a CRM writes down by itself when somebody changes a record: versions of properties (HubSpot), rows of history (Salesforce)."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from connectors.sandbox.times import hubspot_time

if TYPE_CHECKING:
    from connectors.sandbox.store import StoredRecord

VERSIONED: Final = {"deals": ("dealstage", "hubspot_owner_id"), "meetings": ("field_sales_feedback",)}
TRACKED_BY_HISTORY: Final = ("StageName", "Amount", "Probability", "CloseDate")  # what makes an OpportunityHistory row
Histories = Mapping[str, list[dict[str, Any]]]


def property_versions(old: "StoredRecord", changed: Mapping[str, Any], at_ms: int) -> Histories:
    """The versions of a HubSpot record's properties after a change; what it was made with is the first one."""
    kept = dict(old.history)
    for name in VERSIONED.get(old.object, ()):
        before = old.properties.get(name)
        if name in changed and changed[name] != before:
            first = [] if before is None else [property_version(before, old.created_ms)]
            kept[name] = [property_version(changed[name], at_ms), *kept.get(name, first)]
    return kept


def history_rows(
    old: "StoredRecord", new: "StoredRecord", name_of: Callable[[str], str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows that Salesforce adds when an Opportunity changes: object and properties; `name_of` gives a user's name."""
    if any(old.properties.get(name) != new.properties.get(name) for name in TRACKED_BY_HISTORY):
        tracked = {name: new.properties.get(name) for name in TRACKED_BY_HISTORY}
        yield "OpportunityHistory", {"OpportunityId": new.id, **tracked}
    before, after = old.properties.get("OwnerId"), new.properties.get("OwnerId")
    if before and after and before != after:
        for said in (name_of, str):  # once with the names, once with the ids
            values = {"OldValue": said(before), "NewValue": said(after)}
            yield "OpportunityFieldHistory", {"OpportunityId": new.id, "Field": "Owner", **values}


def property_version(value: str, at_ms: int) -> dict[str, Any]:
    """One entry of `propertiesWithHistory`."""
    return {
        "value": value,
        "timestamp": hubspot_time(at_ms),
        "sourceType": "CRM_UI",
        "sourceId": None,
        "updatedByUserId": None,
    }
