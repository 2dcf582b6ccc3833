"""Which objects and properties HubSpot has out of the box, and what type each property is."""

import re
from typing import Any, Final

OBJECT_ALIASES: Final = {
    alias: name
    for name, aliases in {
        "contacts": ("contact", "0-1"),
        "companies": ("company", "0-2"),
        "deals": ("deal", "0-3"),
        "notes": ("note", "0-46"),
        "meetings": ("meeting", "0-47"),
        "calls": ("call", "0-48"),
        "emails": ("email", "0-49"),
        "tasks": ("task", "0-27"),
    }.items()
    for alias in (name, *aliases)
}
"""What a path may say -> the object's name."""

SINGULAR: Final = {name: alias for alias, name in OBJECT_ALIASES.items() if alias != name and alias.isalpha()}

_CONTACT_CLOCK = {"createdate": "created_ms", "lastmodifieddate": "modified_ms"}
_CLOCK = {"createdate": "created_ms", "hs_lastmodifieddate": "modified_ms"}
_ENGAGEMENT_CLOCK = {"hs_createdate": "created_ms", "hs_lastmodifieddate": "modified_ms"}
CLOCKS: Final = {
    name: {"contacts": _CONTACT_CLOCK, "companies": _CLOCK, "deals": _CLOCK}.get(name, _ENGAGEMENT_CLOCK)
    for name in SINGULAR
}
"""Object -> its time properties -> the store's column. A contact's modification time has a name of its own."""

_STANDARD = {  # names by object and type; what an account adds is learnt from its records
    "contacts": {
        "string": "email firstname lastname phone mobilephone company jobtitle website city country lifecyclestage hs_lead_status "
        "hubspot_owner_id hs_analytics_source hs_latest_source hs_merged_object_ids associatedcompanyid",
    },
    "companies": {
        "string": "name domain phone industry city country website hubspot_owner_id lifecyclestage hs_merged_object_ids",
        "number": "numberofemployees annualrevenue",
    },
    "deals": {
        "string": "dealname dealstage pipeline dealtype deal_currency_code closed_lost_reason closed_won_reason hubspot_owner_id "
        "hs_merged_object_ids",
        "number": "amount amount_in_home_currency hs_deal_stage_probability",
        "datetime": "closedate hs_createdate",
        "bool": "hs_is_closed hs_is_closed_won",
    },
    "calls": {
        "string": "hs_call_title hs_call_body hs_call_direction hs_call_disposition hs_call_status hs_call_from_number hs_call_to_number "
        "hubspot_owner_id hs_activity_type",
        "number": "hs_call_duration",
        "datetime": "hs_timestamp",
    },
    "emails": {
        "string": "hs_email_subject hs_email_text hs_email_direction hs_email_status hs_email_from_email hs_email_to_email "
        "hs_email_thread_id hubspot_owner_id",
        "number": "hs_email_open_count hs_email_click_count hs_email_reply_count",
        "datetime": "hs_timestamp",
    },
    "meetings": {
        "string": "hs_meeting_title hs_meeting_body hs_internal_meeting_notes hs_meeting_location hs_meeting_outcome hs_i_cal_uid "
        "hs_activity_type hubspot_owner_id",
        "datetime": "hs_timestamp hs_meeting_start_time hs_meeting_end_time",
    },
    "notes": {"string": "hs_note_body hubspot_owner_id", "datetime": "hs_timestamp"},
    "tasks": {
        "string": "hs_task_subject hs_task_body hs_task_status hs_task_priority hs_task_type hubspot_owner_id",
        "datetime": "hs_timestamp",
    },
}
STANDARD: Final[dict[str, dict[str, str]]] = {
    name: {prop: kind for kind, props in by_kind.items() for prop in props.split()}
    for name, by_kind in _STANDARD.items()
}
"""Object -> standard property -> type."""

DEFAULT_PROPERTIES: Final = {
    "contacts": ("email", "firstname", "lastname"),
    "companies": ("domain", "name"),
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
}
"""What an answer holds, beside times and id, when the request names no property."""

SEARCHED: Final = {
    "contacts": ("firstname", "lastname", "email", "phone", "company"),
    "companies": ("name", "domain", "phone"),
    "deals": ("dealname", "dealtype"),
}
"""Which properties a search's free text looks into."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def type_of(example: Any) -> str:
    """The type of a property that the account added, by a value of it.

    >>> type_of("2026-01-01T00:00:00.000Z"), type_of("12"), type_of("true"), type_of("Web"), type_of(None)
    ('datetime', 'number', 'bool', 'string', 'string')
    """
    text = str(example)
    if _MOMENT.match(text):
        return "datetime"
    if _NUMBER.fullmatch(text):
        return "number"
    return "bool" if text in {"true", "false"} else "string"


def property_types(object_name: str, learnt: dict[str, Any]) -> dict[str, str]:
    """Every property of an object with its type: standard ones, the account's own, times and id."""
    times = dict.fromkeys(CLOCKS[object_name], "datetime")
    return {
        **{name: type_of(value) for name, value in learnt.items()},
        **STANDARD[object_name],
        **times,
        "hs_object_id": "number",
    }
