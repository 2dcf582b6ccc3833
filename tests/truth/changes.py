"""What people do to CRM records in a day, done twice: to the sandbox's CRMs, and to the truth about the demo company.

In each CRM: a call is logged, a meeting's outcome corrected, a contact and a call are deleted, a deal gets another owner, a deal
is won, a call turns out to be about somebody else.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from connectors.sandbox.associations import DEFAULT_TYPES
from connectors.sandbox.company import Company
from connectors.sandbox.company.deals import PIPELINES
from connectors.sandbox.company.entities import CRMS, Crm, CrmId, OwnerChange, StageChange, TrueCall, TrueContact
from connectors.sandbox.company.truth import company_record, contact_record, id_in
from connectors.sandbox.company.workdays import at_tokyo
from connectors.sandbox.store import Store, StoredAssociation
from connectors.sandbox.times import hubspot_time, ms_of, salesforce_time

AGO = timedelta(minutes=10)  # after the last night, or so little before that its overlap brings it
ELEVEN, THREE = 11 * 60, 15 * 60
CALL_OBJECTS: dict[Crm, str] = {"hubspot": "calls", "salesforce": "Task"}
Thing = TypeVar("Thing")


def change_everything(store: Store, company: Company) -> Company:
    """Do all of it in both CRMs; the company as it truly is afterwards."""
    at = datetime.now(UTC).replace(microsecond=0) - AGO
    for crm in CRMS:
        for change in (
            _log_call,
            _correct_outcome,
            _delete_contact,
            _delete_call,
            _reown_deal,
            _win_deal,
            _redirect_call,
        ):
            company = change(store, company, crm, at)
    return company


def _log_call(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    like = _first(_untouched(company, crm), lambda call: call.disposition == "connected" and call.status == "completed")
    name = CALL_OBJECTS[crm]
    crm_id = CrmId(crm, name, store.next_id(crm, name))
    called_at = at_tokyo(company.as_of, ELEVEN)
    call = replace(
        like, key=len(company.calls) + 1, crm_id=crm_id, called_at=called_at, created_at=at, direction="outbound"
    )
    times: dict[str, Any] = {"hs_timestamp": hubspot_time(ms_of(called_at)), "hs_call_direction": "OUTBOUND"}
    if crm == "salesforce":
        times = {"CompletedDateTime": salesforce_time(ms_of(called_at)), "CallType": "Outbound", "IsArchived": False}
    old = store.get(crm, name, like.crm_id.id)
    assert old is not None
    properties = {**old.properties, **times}
    store.put(crm, [replace(old, id=crm_id.id, created_ms=ms_of(at), modified_ms=ms_of(at), properties=properties)])
    if crm == "hubspot":
        store.associate(_associations(company, crm_id, company.contact_by_key[call.contact_key]))
    return replace(company, calls=(*company.calls, call))


def _correct_outcome(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    """A meeting said to be held was a no-show."""
    has_deal = {deal.meeting_key for deal in company.deals}
    meeting = _first(
        company.meetings,
        lambda one: (
            one.copies[0].crm_id.crm == crm
            and len(one.copies) == 1
            and one.outcome == "held"
            and one.deleted_at is None
            and one.key not in has_deal
            and one.feedback == "accepted"
        ),
    )
    record = meeting.copies[0].crm_id
    said = {"hs_meeting_outcome": "NO_SHOW"} if crm == "hubspot" else {"Outcome__c": "No Show"}
    store.edit(crm, record.object, record.id, said, ms_of(at))
    corrected = replace(meeting, outcome="no_show", outcome_at=at)
    return replace(company, meetings=_replaced(company.meetings, meeting, corrected))


def _delete_contact(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    """Somebody who was called, but neither met nor written to; the calls stay."""
    others: set[int] = {row.contact_key for rows in (company.emails, company.meetings, company.deals) for row in rows}
    others |= {note.contact_key for note in company.notes}
    called = {call.contact_key for call in _untouched(company, crm)}
    contact = _first(
        company.contacts,
        lambda one: (
            one.key in called - others
            and one.deleted_at is None
            and [record.crm for record in one.crm_ids] == [crm]
            and not one.merged_ids
            and one.lead_source is not None
        ),
    )
    record = contact.crm_ids[0]
    store.delete(crm, record.object, record.id, ms_of(at))
    return _with_contact(company, contact, replace(contact, deleted_at=at))


def _delete_call(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    call = _first(_untouched(company, crm), lambda one: one.direction == "outbound" and one.disposition == "connected")
    store.delete(crm, call.crm_id.object, call.crm_id.id, ms_of(at))
    return replace(company, calls=_replaced(company.calls, call, replace(call, deleted_at=at)))


def _reown_deal(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    deal = _first(company.deals, lambda one: one.crm_id.crm == crm and one.deleted_at is None)
    owner = _first(company.reps, lambda rep: rep.team == "fs" and rep.email != deal.owner_email)
    user = id_in(owner.crm_ids, crm)
    assert user is not None
    property_name = "hubspot_owner_id" if crm == "hubspot" else "OwnerId"
    store.edit(crm, deal.crm_id.object, deal.crm_id.id, {property_name: user.id}, ms_of(at))
    return replace(
        company,
        deals=_replaced(
            company.deals, deal, replace(deal, owner_changes=(*deal.owner_changes, OwnerChange(owner.email, at)))
        ),
    )


def _win_deal(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    deal = _first(
        company.deals,
        lambda one: (
            one.crm_id.crm == crm
            and one.deleted_at is None
            and one.status == "open"
            and one.amount is not None
            and one.meeting_key is not None
        ),
    )
    won = _first(PIPELINES[crm], lambda stage: stage.status == "won")
    closed_at = at_tokyo(company.as_of, THREE)
    said = {"dealstage": won.id, "closedate": hubspot_time(ms_of(closed_at))}
    if crm == "salesforce":
        said = {"StageName": won.id, "CloseDate": company.as_of.isoformat()}
    store.edit(crm, deal.crm_id.object, deal.crm_id.id, said, ms_of(at))
    changes = (*deal.stage_changes, StageChange(won.id, won.label, won.status, at))
    moved = replace(deal, stage_changes=changes, close_date=company.as_of)
    return replace(company, deals=_replaced(company.deals, deal, moved))


def _redirect_call(store: Store, company: Company, crm: Crm, at: datetime) -> Company:
    """A call belongs to another contact of another company."""
    call = _first(_untouched(company, crm), lambda one: one.direction == "outbound" and one.key % 7 == 3)
    before = company.contact_by_key[call.contact_key]
    contact = _first(
        company.contacts,
        lambda one: (
            one.deleted_at is None
            and [record.crm for record in one.crm_ids] == [crm]
            and one.company_key != before.company_key
            and one.crm_ids[0].object in {"contacts", "Contact"}
        ),
    )
    who = {"WhoId": contact_record(contact, crm).id} if crm == "salesforce" else {}
    if (
        crm == "hubspot"
    ):  # whose records keep their time of change when an association changes: here the call was edited, too
        store.dissociate(_associations(company, call.crm_id, before))
        store.associate(_associations(company, call.crm_id, contact))
    store.edit(crm, call.crm_id.object, call.crm_id.id, who, ms_of(at))
    return replace(company, calls=_replaced(company.calls, call, replace(call, contact_key=contact.key)))


def _associations(company: Company, call: CrmId, contact: TrueContact) -> list[StoredAssociation]:
    organisation = company_record(company, contact, "hubspot")
    ends = [contact_record(contact, "hubspot"), *([organisation] if organisation else [])]
    return [StoredAssociation("calls", call.id, end.object, end.id, DEFAULT_TYPES["calls", end.object]) for end in ends]


def _untouched(company: Company, crm: Crm) -> list[TrueCall]:
    """Calls of a CRM whose contact stands."""
    return [
        call
        for call in company.calls
        if call.crm_id.crm == crm
        and call.deleted_at is None
        and company.contact_by_key[call.contact_key].deleted_at is None
    ]


def _with_contact(company: Company, old: TrueContact, new: TrueContact) -> Company:
    by_key = {**company.contact_by_key, new.key: new}
    return replace(company, contacts=_replaced(company.contacts, old, new), contact_by_key=by_key)


def _replaced(things: Sequence[Thing], old: Thing, new: Thing) -> tuple[Thing, ...]:
    return tuple(new if thing is old else thing for thing in things)


def _first(things: Sequence[Thing], fits: Callable[[Thing], bool]) -> Thing:
    """The first that fits: the story is made so that there is one."""
    return next(thing for thing in things if fits(thing))
