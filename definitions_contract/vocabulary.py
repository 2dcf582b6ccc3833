"""Which columns and values an agreement may name.

This package cannot import the tables; tests/definitions_contract/test_vocabulary.py holds both lists together.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp"]

_SEGMENTS: Mapping[str, Kind] = {
    "lead_source_first": "text",
    "lead_source": "text",
    "response_method": "text",
    "industry": "text",
    "company_size": "text",
}
_LINKS: Mapping[str, Kind] = {
    "connection": "text",
    "rep_id": "text",
    "contact_id": "text",
    "company_id": "text",
    "deal_id": "text",
}

# Columns of the core tables that rules and measures may use; ids and links into a CRM decide nothing.
EVENT_COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "calls": {
        "call_id": "text",
        **_LINKS,
        **_SEGMENTS,
        "direction": "text",
        "disposition": "text",
        "status": "text",
        "duration_seconds": "integer",
        "called_date": "date",
        "called_at": "timestamp",
    },
    "emails": {
        "email_id": "text",
        **_LINKS,
        **_SEGMENTS,
        "direction": "text",
        "status": "text",
        "is_delivered": "boolean",
        "is_opened": "boolean",
        "is_opened_by_person": "boolean",
        "is_replied": "boolean",
        "sent_date": "date",
        "sent_at": "timestamp",
    },
    "meetings": {
        "meeting_id": "text",
        **_LINKS,
        "held_by_rep_id": "text",
        **_SEGMENTS,
        "outcome": "text",
        "field_sales_feedback": "text",
        "reject_reason": "text",
        "decision_maker_present": "boolean",
        "has_deal": "boolean",
        "minutes": "integer",
        "attendee_count": "integer",
        "copy_count": "integer",
        "booked_date": "date",
        "held_date": "date",
        "feedback_date": "date",
        "booked_at": "timestamp",
        "starts_at": "timestamp",
        "ends_at": "timestamp",
    },
    "deals": {
        **_LINKS,
        "owner_rep_id": "text",
        "meeting_id": "text",
        **_SEGMENTS,
        "name": "text",
        "stage": "text",
        "status": "text",
        "lost_reason": "text",
        "currency": "text",
        "amount": "number",
        "agreed_amount": "number",
        "cycle_days": "integer",
        "created_date": "date",
        "close_date": "date",
        "created_at": "timestamp",
    },
}

# What the pipeline adds to an event before measures see it; rules cannot use it, it comes from them.
DERIVED_COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "meetings": {
        "verdict": "text",
        "definition_version": "integer",
        "deal_status": "text",
        "days_to_won": "integer",
    },
}

# Columns whose values are closed; any other value in an agreement is a typing error.
CLOSED_VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("calls", "direction"): ("outbound", "inbound", "unknown"),
    ("calls", "disposition"): ("connected", "left_message", "no_answer", "busy", "wrong_number", "unknown"),
    ("calls", "status"): ("completed", "planned", "cancelled", "unknown"),
    ("emails", "direction"): ("outbound", "inbound", "unknown"),
    ("emails", "status"): ("sent", "bounced", "failed", "draft", "unknown"),
    ("meetings", "outcome"): ("held", "no_show", "cancelled", "rescheduled", "booked", "unknown"),
    ("meetings", "field_sales_feedback"): ("accepted", "rejected"),
    ("meetings", "company_size"): ("1-49", "50-299", "300-999", "1000+", "unknown"),
    ("meetings", "verdict"): ("valid", "invalid", "pending"),
    ("meetings", "deal_status"): ("won", "lost", "open"),
    ("deals", "status"): ("won", "lost", "open"),
}

YEARS = range(1900, 2200)  # a year outside is a typing error, and no calendar counts business days there

RULED_EVENT = "meetings"  # what definitions judge

# Columns that stay in the warehouse unless `publish_personal_columns` names them.
PERSONAL_COLUMNS: frozenset[str] = frozenset(
    {"core.reps.email", "core.contacts.name", "core.contacts.email", "core.contacts.phone", "core.notes.body"}
)

KIND_IN_WORDS: Mapping[Kind, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-10-01",
    "timestamp": "a point in time",
}


def rule_columns() -> Mapping[str, Kind]:
    """Columns that a definition's rules and examples may use."""
    return EVENT_COLUMNS[RULED_EVENT]


def measure_columns(event: str) -> Mapping[str, Kind]:
    """Columns that a KPI's measure of this event may use."""
    return {**EVENT_COLUMNS[event], **DERIVED_COLUMNS.get(event, {})}


def is_of_kind(value: object, kind: Kind) -> bool:
    """Tell whether a YAML value can stand in a column of that kind; `true` is no number, a time is no date."""
    match kind:
        case "text":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and isfinite(value)
        case "date":
            return isinstance(value, date) and not isinstance(value, datetime) and value.year in YEARS
        case "timestamp":
            return isinstance(value, datetime)


def allowed_values(event: str, column: str) -> str:
    """Say what may stand in a column, for an error message."""
    closed = CLOSED_VALUES.get((event, column))
    return ", ".join(closed) if closed else KIND_IN_WORDS[measure_columns(event)[column]]


def is_allowed_value(event: str, column: str, value: object) -> bool:
    """Tell whether a value may stand in a column."""
    closed = CLOSED_VALUES.get((event, column))
    return value in closed if closed else is_of_kind(value, measure_columns(event)[column])
