"""What must core hold of what the sandbox's CRMs hold? Read plainly, record by record, and the same rows of core beside it."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredRecord
from connectors.sandbox.times import parse_ms
from models.tables import calls, contacts, deal_stage_changes, deals, emails, links, meetings

NAMES = {
    HUBSPOT: ("calls", "contacts", "meetings", "deals", "emails"),
    SALESFORCE: ("Task", "Contact", "Event", "Opportunity", "EmailMessage"),
}
OUTCOMES = {"COMPLETED": "held", "NO_SHOW": "no_show", "CANCELED": "cancelled"}
SF_OUTCOMES = {"Held": "held", "No Show": "no_show", "Cancelled": "cancelled"}
EMAIL_STATUSES = {"SENT": "sent", "BOUNCED": "bounced"}
SF_EMAIL_STATUSES = {False: "sent", True: "bounced"}
Row = tuple[Any, ...]

CORE_ROWS = {
    "calls": sa.select(calls.c.call_id, calls.c.contact_id, calls.c.duration_seconds),
    "contacts": sa.select(contacts.c.contact_id),
    "meetings": sa.select(meetings.c.meeting_id, meetings.c.contact_id, meetings.c.outcome),
    "emails": sa.select(emails.c.email_id, emails.c.contact_id, emails.c.status),
    "deals": sa.select(deals.c.deal_id, sa.cast(deals.c.amount, sa.Double)),
    "contacts of deals": sa.select(links.c.from_id, links.c.to_id).where(
        links.c.from_kind == "deal", links.c.to_kind == "contact"
    ),
    "stages of deals": sa.select(
        deal_stage_changes.c.deal_id,
        deal_stage_changes.c.position,
        deal_stage_changes.c.stage,
        sa.cast(sa.extract("epoch", deal_stage_changes.c.changed_at) * 1000, sa.BigInteger),
    ),
}


def true_rows(store: Store) -> dict[str, set[Row]]:
    """What each of CORE_ROWS must give."""
    rows: dict[str, set[Row]] = {name: set() for name in CORE_ROWS}
    for of_one_crm in (_hubspot_rows(store), _salesforce_rows(store)):
        for name, found in of_one_crm.items():
            rows[name] |= set(found)
    return rows


def _living(store: Store, crm: str) -> list[list[StoredRecord]]:
    return [store.page(crm, name, is_deleted=False) for name in NAMES[crm]]


def _hubspot_rows(store: Store) -> dict[str, Iterable[Row]]:
    call, person, meeting, deal, email = _living(store, HUBSPOT)

    def people(record: StoredRecord) -> list[str]:
        return [f"hubspot:{one.to_id}" for one in store.associations(record.object, [record.id], "contacts")]

    def about(record: StoredRecord) -> str | None:
        return next(iter(people(record)), None)

    def stages(record: StoredRecord) -> Iterable[Row]:
        made_with = {"value": record.properties["dealstage"], "timestamp": record.created_ms}
        for version in reversed(record.history.get("dealstage") or [made_with]):
            at = version["timestamp"]
            yield version["value"], at if isinstance(at, int) else parse_ms(at)

    return {
        "calls": [(_id(one), about(one), int(one.properties["hs_call_duration"]) // 1000) for one in call],
        "contacts": [(_id(one),) for one in person],
        "meetings": [(_id(one), about(one), OUTCOMES[one.properties["hs_meeting_outcome"]]) for one in meeting],
        "emails": [(_id(one), about(one), EMAIL_STATUSES[one.properties["hs_email_status"]]) for one in email],
        "deals": [(_id(one), float(one.properties["amount"])) for one in deal],
        "contacts of deals": [(_id(one), who) for one in deal for who in people(one)],
        "stages of deals": [row for one in deal for row in _entered(_id(one), stages(one))],
    }


def _salesforce_rows(store: Store) -> dict[str, Iterable[Row]]:
    call, person, meeting, deal, email = _living(store, SALESFORCE)
    living = {one.id for one in person}
    roles = [one.properties for one in store.page(SALESFORCE, "OpportunityContactRole", is_deleted=False)]
    recipients = [one.properties for one in store.page(SALESFORCE, "EmailMessageRelation", is_deleted=False)]
    sent_to = {one["EmailMessageId"]: one["RelationId"] for one in recipients}
    histories = sorted(store.page(SALESFORCE, "OpportunityHistory", is_deleted=False), key=_when)

    def about(who: str | None) -> str | None:
        return f"salesforce:{who}" if who in living else None

    def stages(record: StoredRecord) -> Iterable[Row]:
        for one in histories:
            if one.properties["OpportunityId"] == record.id:
                yield one.properties["StageName"], one.created_ms

    return {
        "calls": [
            (_id(one), about(one.properties["WhoId"]), int(one.properties["CallDurationInSeconds"])) for one in call
        ],
        "contacts": [(_id(one),) for one in person],
        "meetings": [
            (_id(one), about(one.properties["WhoId"]), SF_OUTCOMES[one.properties["Outcome__c"]]) for one in meeting
        ],
        "emails": [
            (_id(one), about(sent_to.get(one.id)), SF_EMAIL_STATUSES[one.properties["IsBounced"]]) for one in email
        ],
        "deals": [(_id(one), float(one.properties["Amount"])) for one in deal],
        "contacts of deals": [
            (_id(one), about(role["ContactId"]))
            for one in deal
            for role in roles
            if role["OpportunityId"] == one.id and role["ContactId"] in living
        ],
        "stages of deals": [row for one in deal for row in _entered(_id(one), stages(one))],
    }


def _entered(deal_id: str, stages: Iterable[Row]) -> Iterable[Row]:
    """The stages with their places; the same one twice in a row is once."""
    runs = (next(run) for _, run in groupby(stages, key=lambda version: version[0]))
    return [(deal_id, position, *version) for position, version in enumerate(runs, start=1)]


def _when(record: StoredRecord) -> tuple[int, str]:
    return record.created_ms, record.id


def _id(record: StoredRecord) -> str:
    crm = HUBSPOT if record.object in NAMES[HUBSPOT] else SALESFORCE
    return f"{crm}:{record.id}"
