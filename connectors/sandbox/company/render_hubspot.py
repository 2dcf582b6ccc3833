"""The demo company as HubSpot holds it: objects with text properties, and associations. Names are those of the field map."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from connectors.sandbox.associations import DEFAULT_TYPES, PRIMARY_TYPES
from connectors.sandbox.company.deals import PIPELINES
from connectors.sandbox.company.entities import (
    Company,
    CrmId,
    MeetingCopy,
    TrueCall,
    TrueCompany,
    TrueContact,
    TrueDeal,
    TrueEmail,
    TrueMeeting,
    TrueNote,
    TrueRep,
)
from connectors.sandbox.company.truth import ids_in, last_change, left_at
from connectors.sandbox.company.workdays import at_tokyo
from connectors.sandbox.histories import property_version
from connectors.sandbox.store import StoredAssociation, StoredRecord
from connectors.sandbox.times import hubspot_time, ms_of

PIPELINE_ID: Final = "default"
DISPOSITIONS: Final = {
    "connected": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
    "no_answer": "73a0d17f-1163-4015-bdd5-ec830791da20",
    "busy": "9d9162e7-6cf3-4944-bf63-4dff82258764",
    "wrong_number": "17b47fee-58de-441e-a44c-c6300d46f273",
}
LEFT_MESSAGE: Final = (
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
    "b2cf5968-551e-4856-9783-52b3da59a7d0",
)  # live, voicemail
CALL_STATUSES: Final = {"completed": "COMPLETED", "cancelled": "CANCELED", "planned": "QUEUED"}
OUTCOMES: Final = {
    "booked": "SCHEDULED",
    "held": "COMPLETED",
    "no_show": "NO_SHOW",
    "cancelled": "CANCELED",
    "rescheduled": "RESCHEDULED",
}
TEAM_IDS: Final = {"is_east": "1", "is_west": "2", "fs": "3"}
_AFTERNOON = 15 * 60
_MS = 1000


class HubspotRenderer:
    """One pass over the truth; `records` and `associations` come in the order of the objects."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._owners = {rep.email: owner.id for rep in company.reps for owner in ids_in(rep.crm_ids, "hubspot")}
        self._contacts = {c.key: crm_id.id for c in company.contacts for crm_id in ids_in(c.crm_ids, "hubspot")}
        self._companies = {c.key: crm_id.id for c in company.companies for crm_id in ids_in(c.crm_ids, "hubspot")}
        self._deal_by_meeting = {d.meeting_key: d for d in company.deals if d.crm_id.crm == "hubspot"}

    def records(self) -> Iterator[StoredRecord]:
        """Every record."""
        company = self._company
        yield self._pipelines()
        yield from (self._owner(rep) for rep in company.reps if rep.email in self._owners)
        yield from (self._organisation(row) for row in company.companies if row.key in self._companies)
        yield from (self._contact(row) for row in company.contacts if row.key in self._contacts)
        yield from (self._call(row) for row in company.calls if row.crm_id.crm == "hubspot")
        yield from (self._email(row) for row in company.emails if row.crm_id.crm == "hubspot")
        for meeting in company.meetings:
            yield from (self._meeting(meeting, copy) for copy in meeting.copies if copy.crm_id.crm == "hubspot")
        yield from (self._deal(row) for row in company.deals if row.crm_id.crm == "hubspot")
        yield from (self._note(row) for row in company.notes)

    def associations(self) -> Iterator[StoredAssociation]:
        """Every association, as seen from the activity, deal or contact; deleted contacts and deals have none."""
        company = self._company
        for contact in company.contacts:
            yield from self._of_contact(contact)
        activities: tuple[TrueCall | TrueEmail | TrueNote, ...] = (*company.calls, *company.emails, *company.notes)
        for row in activities:
            if row.crm_id.crm == "hubspot":
                yield from self._activity(row.crm_id, row.contact_key)
        for meeting in company.meetings:
            for crm_id in ids_in((copy.crm_id for copy in meeting.copies), "hubspot"):
                yield from self._activity(crm_id, meeting.contact_key)
                yield from self._to_deal(crm_id, meeting.key)
        for deal in company.deals:
            yield from self._of_deal(deal)

    # -- records

    def _pipelines(self) -> StoredRecord:
        created_ms = ms_of(min(rep.started_at for rep in self._company.reps))
        made = hubspot_time(created_ms)
        stages = [
            {
                "id": stage.id,
                "label": stage.label,
                "displayOrder": position,
                "metadata": {"isClosed": str(stage.status != "open").lower(), "probability": str(stage.probability)},
                "createdAt": made,
                "updatedAt": made,
                "archived": False,
            }
            for position, stage in enumerate(PIPELINES["hubspot"])
        ]
        properties = {"label": "Sales pipeline", "displayOrder": 0, "objectType": "deals", "stages": stages}
        return StoredRecord("pipelines", PIPELINE_ID, created_ms, created_ms, properties)

    def _owner(self, rep: TrueRep) -> StoredRecord:
        owner_id = self._owners[rep.email]
        team = {"id": TEAM_IDS[rep.team], "name": rep.crm_team, "primary": True}
        properties = {
            "email": rep.email,
            "firstName": rep.given,
            "lastName": rep.family,
            "type": "PERSON",
            "userId": int(owner_id) % 1_000_000,
            "teams": [team],
        }
        return _record("owners", owner_id, rep.started_at, rep.started_at, properties, deleted_at=left_at(rep))

    def _organisation(self, row: TrueCompany) -> StoredRecord:
        properties = {
            "name": row.name,
            "domain": row.domain,
            "industry": row.industry,
            "numberofemployees": None if row.employee_count is None else str(row.employee_count),
            "hubspot_owner_id": self._owners.get(row.owner_email),
        }
        return _record("companies", self._companies[row.key], row.created_at, row.created_at, properties)

    def _contact(self, row: TrueContact) -> StoredRecord:
        properties: dict[str, Any] = {
            "email": row.email,
            "firstname": row.given,
            "lastname": row.family,
            "phone": row.phone,
            "jobtitle": row.title,
            "company": self._company.company_by_key[row.company_key].name,
            "hubspot_owner_id": self._owners.get(row.owner_email),
            "first_lead_source": row.lead_source_first,
            "lead_source": row.lead_source,
        }
        losers = [crm_id.id for crm_id in ids_in(row.merged_ids, "hubspot")]
        if losers:
            properties["hs_merged_object_ids"] = ";".join(losers)
        record_id = self._contacts[row.key]
        return _record("contacts", record_id, row.created_at, row.modified_at, properties, deleted_at=row.deleted_at)

    def _call(self, row: TrueCall) -> StoredRecord:
        disposition = DISPOSITIONS.get(row.disposition or "")
        if row.disposition == "left_message":
            disposition = LEFT_MESSAGE[row.key % 2]
        properties = {
            "hs_timestamp": _time(row.called_at),
            "hs_call_direction": row.direction.upper(),
            "hs_call_disposition": disposition,
            "hs_call_status": CALL_STATUSES[row.status],
            "hs_call_duration": str(row.duration_seconds * _MS),
            "hubspot_owner_id": self._owners[row.rep_email],
            "response_method": row.response_method,
        }
        return _record("calls", row.crm_id.id, row.created_at, row.created_at, properties, deleted_at=row.deleted_at)

    def _email(self, row: TrueEmail) -> StoredRecord:
        properties = {
            "hs_timestamp": _time(row.sent_at),
            "hs_email_direction": "EMAIL" if row.direction == "outbound" else "INCOMING_EMAIL",
            "hs_email_status": row.status.upper(),
            "hs_email_open_count": str(row.open_count),
            "bot_open_count": str(row.bot_open_count),
            "hs_email_reply_count": str(row.reply_count),
            "hubspot_owner_id": self._owners[row.rep_email],
            "response_method": row.response_method,
        }
        return _record("emails", row.crm_id.id, row.sent_at, row.sent_at, properties, deleted_at=row.deleted_at)

    def _meeting(self, row: TrueMeeting, copy: MeetingCopy) -> StoredRecord:
        properties = {
            "hs_timestamp": _time(row.starts_at),
            "hs_meeting_title": row.title,
            "hs_meeting_start_time": _time(row.starts_at),
            "hs_meeting_end_time": _time(row.ends_at),
            "hs_meeting_outcome": _outcome(row),
            "hs_i_cal_uid": row.uid,
            "hubspot_owner_id": self._owners[copy.owner_email],
            "booked_by": self._owners[row.booked_by],
            "response_method": row.response_method,
            **(_answer(row) if copy.has_feedback else {}),
        }
        modified_at = last_change(row)
        return _record("meetings", copy.crm_id.id, row.booked_at, modified_at, properties, deleted_at=row.deleted_at)

    def _deal(self, row: TrueDeal) -> StoredRecord:
        last = row.stage_changes[-1]
        properties = {
            "dealname": row.name,
            "pipeline": PIPELINE_ID,
            "dealstage": last.stage,
            "amount": None if row.amount is None else str(row.amount),
            "deal_currency_code": row.currency,
            "closedate": _time(last.changed_at if row.status != "open" else _expected(row.close_date)),
            "closed_lost_reason": row.lost_reason,
            "lead_source": row.lead_source,
            "hubspot_owner_id": self._owners[row.owner_email],
        }
        return StoredRecord(
            object="deals",
            id=row.crm_id.id,
            created_ms=ms_of(row.created_at),
            modified_ms=ms_of(row.deleted_at or last.changed_at),
            properties=properties,
            is_deleted=row.deleted_at is not None,
            deleted_ms=None if row.deleted_at is None else ms_of(row.deleted_at),
            history={
                "dealstage": [
                    property_version(change.stage, ms_of(change.changed_at)) for change in reversed(row.stage_changes)
                ],
                "hubspot_owner_id": [
                    property_version(self._owners[change.owner_email], ms_of(change.changed_at))
                    for change in reversed(row.owner_changes)
                ],
            },
        )

    def _note(self, row: TrueNote) -> StoredRecord:
        properties = {
            "hs_timestamp": _time(row.written_at),
            "hs_note_body": row.body,
            "hubspot_owner_id": self._owners[row.rep_email],
        }
        return _record("notes", row.crm_id.id, row.written_at, row.written_at, properties)

    # -- associations

    def _of_contact(self, row: TrueContact) -> Iterator[StoredAssociation]:
        if row.key in self._contacts and row.company_key in self._companies and row.deleted_at is None:
            yield from self._to_company("contacts", self._contacts[row.key], row.company_key)

    def _of_deal(self, row: TrueDeal) -> Iterator[StoredAssociation]:
        if row.crm_id.crm == "hubspot" and row.deleted_at is None:
            yield _link("deals", row.crm_id.id, "contacts", self._contacts[row.contact_key])
            yield from self._to_company("deals", row.crm_id.id, row.company_key)

    def _activity(self, crm_id: CrmId, contact_key: int) -> Iterator[StoredAssociation]:
        yield _link(crm_id.object, crm_id.id, "contacts", self._contacts[contact_key])
        company_key = self._company.contact_by_key[contact_key].company_key
        if company_key in self._companies:
            yield _link(crm_id.object, crm_id.id, "companies", self._companies[company_key])

    def _to_company(self, name: str, record_id: str, company_key: int) -> Iterator[StoredAssociation]:
        """Two types for one pair: the default and the primary one, as HubSpot has it."""
        company_id = self._companies[company_key]
        yield _link(name, record_id, "companies", company_id)
        yield StoredAssociation(
            name, record_id, "companies", company_id, PRIMARY_TYPES[name, "companies"], label="Primary"
        )

    def _to_deal(self, crm_id: CrmId, meeting_key: int) -> Iterator[StoredAssociation]:
        deal = self._deal_by_meeting.get(meeting_key)
        if deal is not None and deal.deleted_at is None:
            yield _link(crm_id.object, crm_id.id, "deals", deal.crm_id.id)


def _record(
    name: str,
    record_id: str,
    created_at: datetime,
    modified_at: datetime,
    properties: dict[str, Any],
    *,
    deleted_at: datetime | None = None,
) -> StoredRecord:
    return StoredRecord(
        object=name,
        id=record_id,
        created_ms=ms_of(created_at),
        modified_ms=ms_of(deleted_at or modified_at),
        properties=properties,
        is_deleted=deleted_at is not None,
        deleted_ms=None if deleted_at is None else ms_of(deleted_at),
    )


def _link(from_object: str, from_id: str, to_object: str, to_id: str) -> StoredAssociation:
    return StoredAssociation(from_object, from_id, to_object, to_id, DEFAULT_TYPES[from_object, to_object])


def _outcome(row: TrueMeeting) -> str | None:
    """A meeting that is over without an outcome still says SCHEDULED, or nothing."""
    if row.outcome == "unknown":
        return "SCHEDULED" if row.key % 2 else None
    return OUTCOMES[row.outcome]


def _answer(row: TrueMeeting) -> dict[str, str | None]:
    return {
        "field_sales_feedback": row.feedback,
        "field_sales_feedback_at": None if row.feedback_at is None else _time(row.feedback_at),
        "reject_reason": row.reject_reason,
        "decision_maker_present": None
        if row.decision_maker_present is None
        else str(row.decision_maker_present).lower(),
    }


def _expected(day: date) -> datetime:
    return at_tokyo(day, _AFTERNOON)


def _time(moment: datetime) -> str:
    return hubspot_time(ms_of(moment))
