"""What a correct pipeline must find in the demo company: counts per object and true rows, told in plain Python.

Deleted records do not count; the copies of a meeting, merged contacts and a lead with the contact that it became count once.
A contact or company that both CRMs know counts once per CRM.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from connectors.sandbox.company.entities import (
    Company,
    Crm,
    CrmId,
    TrueCall,
    TrueContact,
    TrueDeal,
    TrueEmail,
    TrueMeeting,
    TrueRep,
)
from connectors.sandbox.company.story import DEFINITION_TIGHTENED
from connectors.sandbox.company.workdays import at_tokyo, tokyo_day

CONNECTION_OF: Final[dict[Crm, str]] = {"hubspot": "hubspot", "salesforce": "salesforce"}  # names in connections.yaml
LEAST_MINUTES: Final = 15
SWITCHED_OFF_MINUTES: Final = 19 * 60  # after midnight in Tokyo
MONTHLY_COLUMNS: Final = ("calls", "emails", "booked", "held", "valid", "by_v2", "deals", "won")


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """One real meeting with everything that core and the verdicts are made of. Ids are core ids, days are Tokyo's.

    `company_id` is None for a Salesforce lead: it names no account. `deal_id` is the deal that the meeting led to.
    """

    meeting_id: str
    copies: tuple[CrmId, ...]
    booked_by: str
    held_by: str
    booked_at: datetime
    starts_at: datetime
    ends_at: datetime
    booked_date: date
    held_date: date
    minutes: int
    outcome: str
    feedback: str | None
    feedback_at: datetime | None
    reject_reason: str | None
    decision_maker_present: bool | None
    response_method: str | None
    lead_source_first: str | None
    lead_source: str | None
    contact_id: str
    company_id: str | None
    deal_id: str | None
    definition_version: int
    is_valid: bool  # by the version of its day, with what is known at the end of as_of


def core_id(crm_id: CrmId) -> str:
    """`<connection>:<crm id>`.

    >>> core_id(CrmId("hubspot", "calls", "12"))
    'hubspot:12'
    """
    return f"{CONNECTION_OF[crm_id.crm]}:{crm_id.id}"


def ids_in(crm_ids: Iterable[CrmId], crm: Crm) -> Iterator[CrmId]:
    """Those of one CRM."""
    return (crm_id for crm_id in crm_ids if crm_id.crm == crm)


def id_in(crm_ids: Iterable[CrmId], crm: Crm) -> CrmId | None:
    """The first in one CRM, None when it is not known there."""
    return next(ids_in(crm_ids, crm), None)


def calls(company: Company) -> Iterator[TrueCall]:
    """Calls that stand."""
    return (call for call in company.calls if call.deleted_at is None)


def emails(company: Company) -> Iterator[TrueEmail]:
    """E-mails that stand."""
    return (email for email in company.emails if email.deleted_at is None)


def contacts(company: Company) -> Iterator[TrueContact]:
    """Contacts that stand."""
    return (contact for contact in company.contacts if contact.deleted_at is None)


def deals(company: Company) -> Iterator[TrueDeal]:
    """Deals that stand."""
    return (deal for deal in company.deals if deal.deleted_at is None)


def meetings(company: Company) -> Iterator[MeetingRow]:
    """Meetings that stand, one row for all copies, in the order of booking."""
    deal_by_meeting = {deal.meeting_key: core_id(deal.crm_id) for deal in deals(company)}
    return (
        _meeting_row(company, meeting, deal_by_meeting.get(meeting.key))
        for meeting in company.meetings
        if meeting.deleted_at is None
    )


def core_counts(company: Company) -> dict[str, int]:
    """Rows that core must have, per table."""
    standing = [meeting for meeting in company.meetings if meeting.deleted_at is None]
    return {
        "reps": len(company.reps),
        "rep_identities": sum(len(rep.crm_ids) for rep in company.reps),
        "companies": sum(len(row.crm_ids) for row in company.companies),
        "contacts": sum(len(row.crm_ids) for row in contacts(company)),
        "people": sum(1 for _ in contacts(company)),
        "calls": sum(1 for _ in calls(company)),
        "emails": sum(1 for _ in emails(company)),
        "meetings": len(standing),
        "meeting_copies": sum(len(meeting.copies) for meeting in standing),
        "deals": sum(1 for _ in deals(company)),
        "deal_stage_changes": sum(len(deal.stage_changes) for deal in deals(company)),
        "notes": len(company.notes),
    }


def monthly(company: Company) -> dict[str, dict[str, int]]:
    """Counts per Tokyo month: booked by day of booking, held and valid by day of the meeting, deals by creation and close day.

    `valid` is by the version of the day; `by_v2` judges all months by the second version.
    """
    moments: list[tuple[str, date]] = [
        ("calls", tokyo_day(row.called_at)) for row in calls(company) if row.status == "completed"
    ]
    moments += [("emails", tokyo_day(row.sent_at)) for row in emails(company)]
    for row in meetings(company):
        moments += [("booked", row.booked_date)]
        moments += [("held", row.held_date)] if row.outcome == "held" else []
        moments += [("valid", row.held_date)] if row.is_valid else []
        moments += [("by_v2", row.held_date)] if row.is_valid and row.decision_maker_present else []
    for deal in deals(company):
        moments += [("deals", tokyo_day(deal.created_at))]
        moments += [("won", deal.close_date)] if deal.status == "won" else []
    counts = Counter((f"{day:%Y-%m}", name) for name, day in moments if day >= company.first_day)
    months = sorted({month for month, _ in counts})
    return {month: {name: counts[month, name] for name in MONTHLY_COLUMNS} for month in months}


def definition_version(day: date) -> int:
    """The version of the valid meeting that judges a meeting of a day."""
    return 2 if day >= DEFINITION_TIGHTENED else 1


def meets_definition(meeting: TrueMeeting, *, version: int) -> bool:
    """Whether all critical rules hold with what is known; a missing answer does not."""
    is_accepted = meeting.outcome == "held" and meeting.minutes >= LEAST_MINUTES and meeting.feedback == "accepted"
    return is_accepted and (version == 1 or meeting.decision_maker_present is True)


def contact_record(contact: TrueContact, crm: Crm) -> CrmId:
    """The contact's live record in a CRM; raises when it has none there."""
    crm_id = id_in(contact.crm_ids, crm)
    if crm_id is None:
        raise LookupError(f"contact {contact.key} has no record in {crm}")
    return crm_id


def company_record(company: Company, contact: TrueContact, crm: Crm) -> CrmId | None:
    """The company's record that the contact's record in a CRM leads to; a Salesforce lead leads to none."""
    if contact_record(contact, crm).object == "Lead":
        return None
    return id_in(company.company_by_key[contact.company_key].crm_ids, crm)


def left_at(rep: TrueRep) -> datetime | None:
    """When the rep's users were switched off: on the evening of the last day; None for those who stayed."""
    return None if rep.left_date is None else at_tokyo(rep.left_date - timedelta(days=1), SWITCHED_OFF_MINUTES)


def last_change(meeting: TrueMeeting) -> datetime:
    """When the meeting's records were last written to."""
    moments = (
        meeting.booked_at,
        meeting.outcome_at,
        meeting.feedback_at,
        meeting.decision_maker_at,
        meeting.deleted_at,
    )
    return max(moment for moment in moments if moment is not None)


def _meeting_row(company: Company, meeting: TrueMeeting, deal_id: str | None) -> MeetingRow:
    leading = meeting.copies[0].crm_id
    contact = company.contact_by_key[meeting.contact_key]
    organisation = company_record(company, contact, leading.crm)
    held_date = tokyo_day(meeting.starts_at)
    version = definition_version(held_date)
    return MeetingRow(
        meeting_id=core_id(leading),
        copies=tuple(copy.crm_id for copy in meeting.copies),
        booked_by=meeting.booked_by,
        held_by=meeting.held_by,
        booked_at=meeting.booked_at,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        booked_date=tokyo_day(meeting.booked_at),
        held_date=held_date,
        minutes=meeting.minutes,
        outcome=meeting.outcome,
        feedback=meeting.feedback,
        feedback_at=meeting.feedback_at,
        reject_reason=meeting.reject_reason,
        decision_maker_present=meeting.decision_maker_present,
        response_method=meeting.response_method,
        lead_source_first=contact.lead_source_first,
        lead_source=contact.lead_source,
        contact_id=core_id(contact_record(contact, leading.crm)),
        company_id=None if organisation is None else core_id(organisation),
        deal_id=deal_id,
        definition_version=version,
        is_valid=meets_definition(meeting, version=version),
    )
