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
        "field_sales_feedback_first": "text",
        "reject_reason": "text",
        "decision_maker_present": "boolean",
        "has_deal": "boolean",
        "minutes": "integer",
        "attendee_count": "integer",
        "attendees_ours": "integer",
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

_PEOPLE: Mapping[str, Kind] = {
    "contact_kind": "text",
    "contact_title": "text",
    "contact_lead_source": "text",
    "contact_created_date": "date",
    "company_name": "text",
    "company_domain": "text",
    "employee_count": "integer",
    "rep_team": "text",
    "rep_department": "text",
    "rep_started_date": "date",
    "rep_is_ramping": "boolean",
}
_DEAL: Mapping[str, Kind] = {
    "deal_stage": "text",
    "deal_status": "text",
    "deal_amount": "number",
    "deal_created_date": "date",
    "deal_close_date": "date",
}

# Columns of what an event is linked to: its person, company, deal and rep (team and ramping: on the counted day). Rules may use
# them; models/kpi/linked.py says where each comes from.
LINKED_COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "calls": {**_PEOPLE, **_DEAL},
    "emails": {**_PEOPLE, **_DEAL},
    "meetings": {
        **_PEOPLE,
        **_DEAL,
        "attendees_theirs": "integer",
        "held_by_team": "text",
        "held_by_department": "text",
    },
    "deals": {**_PEOPLE, "owner_team": "text", "owner_department": "text"},
}

# What the pipeline adds to an event before measures see it; rules cannot use the verdict, it comes from them.
_JUDGED: Mapping[str, Kind] = {"verdict": "text", "definition_version": "integer"}
DERIVED_COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "calls": _JUDGED,
    "emails": _JUDGED,
    "deals": _JUDGED,
    "meetings": {**_JUDGED, "deal_status": "text", "deal_close_date": "date", "days_to_won": "integer"},
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
    ("meetings", "field_sales_feedback_first"): ("accepted", "rejected"),
    ("meetings", "company_size"): ("1-49", "50-299", "300-999", "1000+", "unknown"),
    ("deals", "status"): ("won", "lost", "open"),
    **{(event, "verdict"): ("valid", "invalid", "pending") for event in EVENT_COLUMNS},
    **{(event, "contact_kind"): ("contact", "lead") for event in EVENT_COLUMNS},
    **{(event, "deal_status"): ("won", "lost", "open") for event in ("calls", "emails", "meetings")},
}

# Columns that hold each record's own currency: what adds them up would add yen to dollars.
UNSUMMABLE: Mapping[str, str] = {"amount": "agreed_amount"}

YEARS = range(1900, 2200)  # a year outside is a typing error, and no calendar counts business days there

KEYS: Mapping[str, str] = {"calls": "call_id", "emails": "email_id", "meetings": "meeting_id", "deals": "deal_id"}

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

# Reps whom only a measure's `credit` can name, for they depend on its day: of a deal, its owner at the end of that day.
OWNER_THEN = "owner_then_rep_id"
CREDIT_COLUMNS: Mapping[str, tuple[str, ...]] = {"deals": (OWNER_THEN,)}


def rule_columns(event: str) -> Mapping[str, Kind]:
    """Columns that the rules and examples of a definition may use that judges this event."""
    return {**EVENT_COLUMNS[event], **LINKED_COLUMNS[event]}


def measure_columns(event: str) -> Mapping[str, Kind]:
    """Columns that a KPI's measure of this event may use."""
    return {**EVENT_COLUMNS[event], **DERIVED_COLUMNS.get(event, {})}


def credit_columns(event: str) -> tuple[str, ...]:
    """Reps to whom a measure of this event may be credited."""
    columns = (name for name in measure_columns(event) if name.endswith("rep_id"))
    return (*columns, *CREDIT_COLUMNS.get(event, ()))


MOST = 10**15  # what is written has at most so many: every engine holds it exactly, as a whole number and as a fraction


def is_of_kind(value: object, kind: Kind) -> bool:
    """Tell whether a YAML value can stand in a column of that kind; `true` is no number, a time is no date."""
    match kind:
        case "text":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST
        case "number":
            is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            return is_number and isfinite(value) and -MOST <= value <= MOST  # type: ignore[operator,arg-type]  # is_number says so
        case "date":
            return isinstance(value, date) and not isinstance(value, datetime) and value.year in YEARS
        case "timestamp":
            return isinstance(value, datetime)


def allowed_values(event: str, column: str) -> str:
    """Say what may stand in a column, for an error message."""
    closed = CLOSED_VALUES.get((event, column))
    return ", ".join(closed) if closed else KIND_IN_WORDS[_columns(event)[column]]


def is_allowed_value(event: str, column: str, value: object) -> bool:
    """Tell whether a value may stand in a column."""
    closed = CLOSED_VALUES.get((event, column))
    return value in closed if closed else is_of_kind(value, _columns(event)[column])


def _columns(event: str) -> Mapping[str, Kind]:
    return {**LINKED_COLUMNS[event], **measure_columns(event)}
