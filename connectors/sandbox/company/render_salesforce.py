"""The demo company as Salesforce holds it: flat rows with lookups, history and relation rows. Names are those of the field map."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

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
    TrueRep,
)
from connectors.sandbox.company.numbering import Numbering
from connectors.sandbox.company.truth import contact_record, id_in, ids_in, last_change, left_at
from connectors.sandbox.company.workdays import at_tokyo, tokyo_day
from connectors.sandbox.ids import salesforce_id
from connectors.sandbox.store import StoredRecord
from connectors.sandbox.times import ms_of, salesforce_time

DISPOSITIONS: Final = {
    "connected": "Connected",
    "no_answer": "No Answer",
    "busy": "Busy",
    "wrong_number": "Wrong Number",
}
LEFT_MESSAGE: Final = ("Left Live Message", "Left Voicemail")
CALL_STATUSES: Final = {"completed": "Completed", "cancelled": "Deferred", "planned": "Not Started"}
OUTCOMES: Final = {
    "booked": "Booked",
    "held": "Held",
    "no_show": "No Show",
    "cancelled": "Cancelled",
    "rescheduled": "Rescheduled",
}
YES_NO: Final = {True: "Yes", False: "No", None: None}
EMAIL_SENT: Final = "3"
ARCHIVED_AFTER: Final = timedelta(days=335)  # old activities, which only queryAll shows; Salesforce itself waits a year
TO_DO_EVERY: Final = 120  # one to-do beside so many calls: a task that is no call
COPY_DELAY: Final = timedelta(seconds=60)  # a calendar sync brings the other CRM's meeting so much later


class SalesforceRenderer:
    """One pass over the truth; ids of rows that only Salesforce has are counted here."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._extra = Numbering()
        self._users = {rep.email: user.id for rep in company.reps for user in ids_in(rep.crm_ids, "salesforce")}
        self._accounts = {c.key: crm_id.id for c in company.companies for crm_id in ids_in(c.crm_ids, "salesforce")}
        self._roles = {role: self._new("UserRole") for role in sorted({rep.role for rep in company.reps})}
        self._deals = [deal for deal in company.deals if deal.crm_id.crm == "salesforce"]
        self._deal_by_meeting = {d.meeting_key: d.crm_id.id for d in self._deals if d.deleted_at is None}
        self._deal_by_contact = {deal.contact_key: deal.crm_id.id for deal in self._deals}
        self._archived_before = at_tokyo(company.as_of, 0) - ARCHIVED_AFTER

    def records(self) -> Iterator[StoredRecord]:
        """Every record."""
        yield from self._organisation()
        yield from (self._account(row) for row in self._company.companies if row.key in self._accounts)
        for contact in self._company.contacts:
            yield from self._people(contact)
        yield from self._tasks()
        for email in self._company.emails:
            if email.crm_id.crm == "salesforce":
                yield from self._email(email)
        for meeting in self._company.meetings:
            yield from self._events(meeting)
        for deal in self._deals:
            yield from self._opportunity(deal)

    # -- the organisation

    def _organisation(self) -> Iterator[StoredRecord]:
        first = min(rep.started_at for rep in self._company.reps)
        for role, role_id in self._roles.items():
            yield _record("UserRole", role_id, first, {"Name": role, "DeveloperName": role.replace(" ", "_")})
        for position, stage in enumerate(PIPELINES["salesforce"], 1):
            properties = {
                "MasterLabel": stage.label,
                "ApiName": stage.id,
                "IsActive": True,
                "IsClosed": stage.status != "open",
                "IsWon": stage.status == "won",
                "DefaultProbability": round(stage.probability * 100, 1),
                "SortOrder": position,
            }
            yield _record("OpportunityStage", self._new("OpportunityStage"), first, properties)
        yield from (self._user(rep) for rep in self._company.reps)

    def _user(self, rep: TrueRep) -> StoredRecord:
        properties = {
            "Name": rep.name,
            "FirstName": rep.given,
            "LastName": rep.family,
            "Email": rep.email,
            "Username": rep.email,
            "IsActive": rep.is_active,
            "Department": rep.crm_team,
            "Title": rep.role,
            "UserRoleId": self._roles[rep.role],
        }
        return _record("User", self._users[rep.email], rep.started_at, properties, modified_at=left_at(rep))

    def _account(self, row: TrueCompany) -> StoredRecord:
        properties = {
            "Name": row.name,
            "Website": row.domain,
            "Industry": row.industry,
            "NumberOfEmployees": row.employee_count,
            "OwnerId": self._users[row.owner_email],
        }
        return _record("Account", self._accounts[row.key], row.created_at, properties)

    # -- contacts and leads

    def _people(self, row: TrueContact) -> Iterator[StoredRecord]:
        """The live record, the lead that it was before, and the records merged into it."""
        live = id_in(row.crm_ids, "salesforce")
        if live is None:
            return
        created_at = row.converted_at or row.created_at
        properties = self._person(row, live.object)
        yield _record(
            live.object, live.id, created_at, properties, modified_at=row.modified_at, deleted_at=row.deleted_at
        )
        if row.lead_id is not None and row.converted_at is not None:
            converted = {
                **self._person(row, "Lead"),
                "Status": "Closed - Converted",
                "IsConverted": True,
                "ConvertedDate": tokyo_day(row.converted_at).isoformat(),
                "ConvertedContactId": live.id,
                "ConvertedAccountId": self._accounts[row.company_key],
                "ConvertedOpportunityId": self._deal_by_contact.get(row.key),
            }
            yield _record("Lead", row.lead_id.id, row.created_at, converted, modified_at=row.converted_at)
        for loser in ids_in(row.merged_ids, "salesforce"):
            merged = {**self._person(row, loser.object), "MasterRecordId": live.id}
            yield _record(loser.object, loser.id, created_at, merged, deleted_at=row.modified_at)

    def _person(self, row: TrueContact, name: str) -> dict[str, Any]:
        properties = {
            "Name": row.name,
            "FirstName": row.given,
            "LastName": row.family,
            "Email": row.email,
            "Phone": row.phone,
            "Title": row.title,
            "OwnerId": self._users[row.owner_email],
            "LeadSource": row.lead_source,
            "First_Lead_Source__c": row.lead_source_first,
        }
        if name == "Contact":
            return {**properties, "AccountId": self._accounts[row.company_key]}
        organisation = self._company.company_by_key[row.company_key].name
        return {**properties, "Company": organisation, "Status": "Working - Contacted", "IsConverted": False}

    # -- activities

    def _tasks(self) -> Iterator[StoredRecord]:
        tasks = [call for call in self._company.calls if call.crm_id.crm == "salesforce"]
        yield from (self._call(call) for call in tasks)
        for number, call in enumerate(tasks[::TO_DO_EVERY], len(tasks) + 1):
            yield self._to_do(call, salesforce_id("Task", number))

    def _call(self, row: TrueCall) -> StoredRecord:
        disposition = DISPOSITIONS.get(row.disposition or "")
        if row.disposition == "left_message":
            disposition = LEFT_MESSAGE[row.key % 2]
        is_completed = row.status == "completed"
        properties = {
            "Subject": "Call",
            "TaskSubtype": "Call",
            "CallType": row.direction.capitalize(),
            "CallDisposition": disposition,
            "CallDurationInSeconds": row.duration_seconds,
            "Status": CALL_STATUSES[row.status],
            "IsClosed": is_completed,
            "CompletedDateTime": _time(row.called_at) if is_completed else None,
            "ActivityDate": tokyo_day(row.called_at).isoformat(),
            "Response_Method__c": row.response_method,
            "IsArchived": row.created_at < self._archived_before,
            **self._activity(row.rep_email, row.contact_key),
        }
        return _record("Task", row.crm_id.id, row.created_at, properties, deleted_at=row.deleted_at)

    def _to_do(self, row: TrueCall, record_id: str) -> StoredRecord:
        properties = {
            "Subject": "Send documents",
            "TaskSubtype": "Task",
            "Status": "Completed",
            "IsClosed": True,
            "CompletedDateTime": _time(row.created_at),
            "ActivityDate": tokyo_day(row.called_at).isoformat(),
            "IsArchived": row.created_at < self._archived_before,
            **self._activity(row.rep_email, row.contact_key),
        }
        return _record("Task", record_id, row.created_at, properties)

    def _activity(self, owner_email: str, contact_key: int) -> dict[str, Any]:
        """Who did it and whom it is about; a lead leads to no account."""
        contact = self._company.contact_by_key[contact_key]
        who = contact_record(contact, "salesforce")
        account = self._accounts.get(contact.company_key) if who.object == "Contact" else None
        owner = self._users[owner_email]
        return {"OwnerId": owner, "CreatedById": owner, "WhoId": who.id, "AccountId": account}

    def _email(self, row: TrueEmail) -> Iterator[StoredRecord]:
        contact = self._company.contact_by_key[row.contact_key]
        is_incoming = row.direction == "inbound"
        sender, receiver = (contact.email, row.rep_email) if is_incoming else (row.rep_email, contact.email)
        properties = {
            "Subject": "ご連絡",
            "FromAddress": sender,
            "ToAddress": receiver,
            "Incoming": is_incoming,
            "Status": EMAIL_SENT,
            "IsBounced": row.status == "bounced",
            "IsOpened": row.open_count > 0,
            "ActivityId": None,  # e-mails are kept once here; other orgs keep a task beside each
            "MessageDate": _time(row.sent_at),
            "CreatedById": self._users[row.rep_email],
            "Response_Method__c": row.response_method,
            "Reply_Count__c": row.reply_count,
        }
        yield _record("EmailMessage", row.crm_id.id, row.sent_at, properties, deleted_at=row.deleted_at)
        relation = {
            "EmailMessageId": row.crm_id.id,
            "RelationId": self._person_then(contact, row.sent_at).id,
            "RelationType": "FromAddress" if is_incoming else "ToAddress",
            "RelationAddress": contact.email,
        }
        yield _record(
            "EmailMessageRelation", self._new("EmailMessageRelation"), row.sent_at, relation, deleted_at=row.deleted_at
        )

    def _person_then(self, contact: TrueContact, at: datetime) -> CrmId:
        """E-mails keep the lead that they were sent to, whatever became of it."""
        if contact.lead_id is not None and contact.converted_at is not None and at < contact.converted_at:
            return contact.lead_id
        return contact_record(contact, "salesforce")

    def _events(self, row: TrueMeeting) -> Iterator[StoredRecord]:
        copies = [copy for copy in row.copies if copy.crm_id.crm == "salesforce"]
        yield from (self._event(row, copy, is_group=len(copies) > 1) for copy in copies)
        for copy in copies:
            who = contact_record(self._company.contact_by_key[row.contact_key], "salesforce").id
            if copy.reason == "invitee":
                invited = self._users[copy.owner_email]
                yield self._relation(row, copies[0].crm_id.id, invited, is_invitee=True)
            else:
                yield self._relation(row, copy.crm_id.id, who, is_invitee=False)

    def _event(self, row: TrueMeeting, copy: MeetingCopy, *, is_group: bool) -> StoredRecord:
        properties = {
            "Subject": row.title,
            "StartDateTime": _time(row.starts_at),
            "EndDateTime": _time(row.ends_at),
            "ActivityDate": tokyo_day(row.starts_at).isoformat(),
            "DurationInMinutes": row.minutes,
            "IsChild": copy.reason == "invitee",
            "IsGroupEvent": is_group,
            "IsArchived": row.starts_at < self._archived_before,
            "Booked_By__c": self._users[row.booked_by],
            "Response_Method__c": row.response_method,
            "Calendar_Uid__c": row.uid if copy.has_uid else None,
            "WhatId": self._deal_by_meeting.get(row.key),
            **self._answers(row, copy),
            **self._activity(copy.owner_email, row.contact_key),
            "CreatedById": self._users[row.booked_by],
        }
        created_at = row.booked_at + (COPY_DELAY if copy.reason == "other_crm" else timedelta(0))
        modified_at = created_at if copy.reason == "invitee" else max(created_at, last_change(row))
        return _record(
            "Event", copy.crm_id.id, created_at, properties, modified_at=modified_at, deleted_at=row.deleted_at
        )

    def _answers(self, row: TrueMeeting, copy: MeetingCopy) -> dict[str, Any]:
        """What was recorded on this copy; an invitee's copy keeps saying Booked."""
        outcome = OUTCOMES.get(row.outcome) if row.outcome != "unknown" else ("Booked" if row.key % 2 else None)
        is_here = copy.has_feedback
        return {
            "Outcome__c": "Booked" if copy.reason == "invitee" else outcome,
            "Field_Sales_Feedback__c": row.feedback.capitalize() if row.feedback and is_here else None,
            "Feedback_At__c": _time(row.feedback_at) if row.feedback_at and is_here else None,
            "Reject_Reason__c": row.reject_reason if is_here else None,
            "Decision_Maker_Present__c": YES_NO[row.decision_maker_present] if is_here else None,
        }

    def _relation(self, row: TrueMeeting, event_id: str, relation_id: str, *, is_invitee: bool) -> StoredRecord:
        properties = {"EventId": event_id, "RelationId": relation_id, "IsInvitee": is_invitee, "Status": "Accepted"}
        return _record(
            "EventRelation", self._new("EventRelation"), row.booked_at, properties, deleted_at=row.deleted_at
        )

    # -- deals

    def _opportunity(self, row: TrueDeal) -> Iterator[StoredRecord]:
        last = row.stage_changes[-1]
        probability = {stage.id: round(stage.probability * 100, 1) for stage in PIPELINES["salesforce"]}
        tracked = {"Amount": row.amount, "CloseDate": row.close_date.isoformat()}
        properties = {
            **tracked,
            "Name": row.name,
            "StageName": last.stage,
            "Probability": probability[last.stage],
            "IsClosed": row.status != "open",
            "IsWon": row.status == "won",
            "AccountId": self._accounts[row.company_key],
            "OwnerId": self._users[row.owner_email],
            "LeadSource": row.lead_source,
            "Loss_Reason__c": row.lost_reason,
            "Currency__c": row.currency,
        }
        deal_id, deleted_at = row.crm_id.id, row.deleted_at
        yield _record(
            "Opportunity", deal_id, row.created_at, properties, modified_at=last.changed_at, deleted_at=deleted_at
        )
        for change in row.stage_changes:
            version = {
                **tracked,
                "OpportunityId": deal_id,
                "StageName": change.stage,
                "Probability": probability[change.stage],
            }
            history_id = self._new("OpportunityHistory")
            yield _record("OpportunityHistory", history_id, change.changed_at, version, deleted_at=deleted_at)
        yield from self._owner_history(row)
        contact_id = contact_record(self._company.contact_by_key[row.contact_key], "salesforce").id
        role = {"OpportunityId": deal_id, "ContactId": contact_id, "Role": "Decision Maker", "IsPrimary": True}
        role_id = self._new("OpportunityContactRole")
        yield _record("OpportunityContactRole", role_id, row.created_at, role, deleted_at=deleted_at)

    def _owner_history(self, row: TrueDeal) -> Iterator[StoredRecord]:
        """Two rows a change, as Salesforce writes them: one with the names, one with the ids."""
        names = {rep.email: rep.name for rep in self._company.reps}
        for old, new in pairwise(row.owner_changes):
            for said in (names, self._users):
                properties = {
                    "OpportunityId": row.crm_id.id,
                    "Field": "Owner",
                    "OldValue": said[old.owner_email],
                    "NewValue": said[new.owner_email],
                }
                name = "OpportunityFieldHistory"
                yield _record(name, self._new(name), new.changed_at, properties, deleted_at=row.deleted_at)

    def _new(self, name: str) -> str:
        return self._extra.new("salesforce", name).id


def _record(
    name: str,
    record_id: str,
    created_at: datetime,
    properties: dict[str, Any],
    *,
    modified_at: datetime | None = None,
    deleted_at: datetime | None = None,
) -> StoredRecord:
    return StoredRecord(
        object=name,
        id=record_id,
        created_ms=ms_of(created_at),
        modified_ms=ms_of(deleted_at or modified_at or created_at),
        properties=properties,
        is_deleted=deleted_at is not None,
        deleted_ms=None if deleted_at is None else ms_of(deleted_at),
    )


def _time(moment: datetime) -> str:
    return salesforce_time(ms_of(moment))
