"""Who changes records between two nights, in one CRM? Random days, repeatable by their dice."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sandbox.plays.world import merge_hubspot, merge_salesforce
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord
from connectors.sandbox.times import hubspot_time, salesforce_time
from tests.connectors.cases.core_rows import EMAIL_STATUSES, NAMES, OUTCOMES, SF_EMAIL_STATUSES, SF_OUTCOMES
from tests.connectors.cases.truth import DAY_MS, HOUR_MS

MINUTE_MS = 60_000
CHANGES_A_DAY = 24
CALL, PERSON, MEETING, DEAL, EMAIL, NOTE, COMPANY = range(7)  # places in NAMES
TO_CONTACT = {
    "calls": 194,
    "emails": 198,
    "meetings": 200,
    "deals": 3,
    "notes": 202,
}  # type of the association with a contact
EAST = {"id": "1", "name": "Inside Sales East"}
OWNER = {HUBSPOT: "hubspot_owner_id", SALESFORCE: "OwnerId"}
STAGES = {HUBSPOT: ("new", "offer", "order"), SALESFORCE: ("New", "Offer", "Order")}


@dataclass
class People:
    """The people of one CRM and what they did."""

    store: Store
    crm: str
    dice: random.Random
    done: list[str] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)

    def hire(self, at_ms: int) -> None:
        """Those who work there: deals go from one to another."""
        name = "owners" if self.crm == HUBSPOT else "User"
        self.staff = self.store.next_ids(self.crm, name, 3)
        for number, one in enumerate(self.staff):
            email = f"{self.crm}{number}@demo-company.example"
            person = {
                HUBSPOT: {"email": email, "firstName": "A", "lastName": "B", "type": "PERSON", "teams": [EAST]},
                SALESFORCE: {"Email": email, "Name": f"User {number}", "IsActive": True, "Department": EAST["name"]},
            }
            self.store.put(self.crm, [StoredRecord(name, one, at_ms, at_ms, person[self.crm])])

    def live(self, start_ms: int) -> None:
        """One day: some changes at random moments of it, in their order."""
        moments = sorted(start_ms + self.dice.randrange(1, DAY_MS - MINUTE_MS) for _ in range(CHANGES_A_DAY))
        moments[-2:] = [
            start_ms + DAY_MS - 30 * MINUTE_MS,
            start_ms + DAY_MS - 20 * MINUTE_MS,
        ]  # always some in its last hour
        for at_ms in moments:
            what = self.dice.choice(CHANGES)
            self.done.append(what.__name__)
            what(self, at_ms)

    def pick(self, place: int) -> StoredRecord | None:
        """A living record of the object at this place of NAMES."""
        living = self.store.page(self.crm, NAMES[self.crm][place], is_deleted=False)
        return self.dice.choice(living) if living else None

    def edit(self, record: StoredRecord | None, at_ms: int, **by_crm: Any) -> None:
        if record is not None:
            self.store.edit(self.crm, record.object, record.id, by_crm[self.crm], at_ms)

    def add(self, place: int, at_ms: int) -> str:
        """A new record; a call, an e-mail, a meeting and a deal are about somebody."""
        name = NAMES[self.crm][place]
        record_id = self.store.next_id(self.crm, name)
        person = self.pick(PERSON)
        properties = _NEW[self.crm][place](at_ms, person.id if person and self.crm == SALESFORCE else None)
        if self.dice.random() < 0.5:
            properties[OWNER[self.crm]] = self.dice.choice(self.staff)
        self.store.put(self.crm, [StoredRecord(name, record_id, at_ms, at_ms, properties)])
        if person:
            self.tie(name, record_id, person.id, at_ms)
        return record_id

    def tie(self, name: str, record_id: str, person_id: str, at_ms: int) -> None:
        """Link a record with a person where a record of its own does so: an association, a role, a recipient."""
        if self.crm == HUBSPOT and name in TO_CONTACT:
            self.store.associate([StoredAssociation(name, record_id, "contacts", person_id, TO_CONTACT[name])])
        elif name == "Opportunity":
            self._join("OpportunityContactRole", at_ms, {"OpportunityId": record_id, "ContactId": person_id})
        elif name == "EmailMessage":
            link = {"EmailMessageId": record_id, "RelationId": person_id, "RelationType": "ToAddress"}
            self._join("EmailMessageRelation", at_ms, link)

    def _join(self, name: str, at_ms: int, properties: dict[str, Any]) -> None:
        link = StoredRecord(name, self.store.next_id(SALESFORCE, name), at_ms, at_ms, properties)
        self.store.put(SALESFORCE, [link])


def _hubspot_call(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"hs_timestamp": hubspot_time(at_ms), "hs_call_status": "COMPLETED", "hs_call_duration": "60000"}


def _hubspot_contact(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"email": f"p{at_ms}@client.example"}


def _hubspot_meeting(at_ms: int, _: str | None) -> dict[str, Any]:
    times = {"hs_meeting_start_time": hubspot_time(at_ms), "hs_meeting_end_time": hubspot_time(at_ms + HOUR_MS)}
    return {**times, "hs_timestamp": hubspot_time(at_ms), "hs_meeting_outcome": "COMPLETED"}


def _hubspot_deal(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"dealname": f"Deal {at_ms}", "dealstage": "new", "pipeline": "default", "amount": "100"}


def _hubspot_email(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"hs_timestamp": hubspot_time(at_ms), "hs_email_direction": "EMAIL", "hs_email_status": "SENT"}


def _hubspot_note(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"hs_timestamp": hubspot_time(at_ms), "hs_note_body": f"Note {at_ms}"}


def _hubspot_company(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"name": f"Company {at_ms}"}


def _task(at_ms: int, who: str | None) -> dict[str, Any]:
    fixed = {"Subject": "Call", "TaskSubtype": "Call", "Status": "Completed", "IsArchived": False}
    return {**fixed, "CallDurationInSeconds": 60, "CompletedDateTime": salesforce_time(at_ms), "WhoId": who}


def _contact(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"LastName": f"P{at_ms}", "Email": f"s{at_ms}@client.example"}


def _event(at_ms: int, who: str | None) -> dict[str, Any]:
    times = {"StartDateTime": salesforce_time(at_ms), "EndDateTime": salesforce_time(at_ms + HOUR_MS)}
    return {**times, "Subject": "Visit", "IsChild": False, "IsArchived": False, "WhoId": who, "Outcome__c": "Held"}


def _opportunity(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"Name": f"Deal {at_ms}", "StageName": "New", "Amount": 100.0, "IsClosed": False, "IsWon": False}


def _email_message(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"MessageDate": salesforce_time(at_ms), "Incoming": False, "IsBounced": False, "IsOpened": False}


def _note(at_ms: int, who: str | None) -> dict[str, Any]:
    return {"Title": "Note", "Body": f"Note {at_ms}", "ParentId": who}


def _account(at_ms: int, _: str | None) -> dict[str, Any]:
    return {"Name": f"Company {at_ms}"}


_NEW: dict[str, tuple[Callable[[int, str | None], dict[str, Any]], ...]] = {
    HUBSPOT: (
        _hubspot_call,
        _hubspot_contact,
        _hubspot_meeting,
        _hubspot_deal,
        _hubspot_email,
        _hubspot_note,
        _hubspot_company,
    ),
    SALESFORCE: (_task, _contact, _event, _opportunity, _email_message, _note, _account),
}


def correct_a_call(people: People, at_ms: int) -> None:
    seconds = people.dice.randrange(1, 900)
    changed = {HUBSPOT: {"hs_call_duration": str(seconds * 1000)}, SALESFORCE: {"CallDurationInSeconds": seconds}}
    people.edit(people.pick(CALL), at_ms, **changed)


def record_an_outcome(people: People, at_ms: int) -> None:
    hubspot, salesforce = people.dice.choice([*zip(OUTCOMES, SF_OUTCOMES, strict=True)])
    changed = {HUBSPOT: {"hs_meeting_outcome": hubspot}, SALESFORCE: {"Outcome__c": salesforce}}
    people.edit(people.pick(MEETING), at_ms, **changed)


def change_an_amount(people: People, at_ms: int) -> None:
    amount = people.dice.randrange(1, 1_000)
    people.edit(people.pick(DEAL), at_ms, hubspot={"amount": str(amount)}, salesforce={"Amount": float(amount)})


def move_a_deal(people: People, at_ms: int) -> None:
    hubspot, salesforce = people.dice.choice([*zip(STAGES[HUBSPOT], STAGES[SALESFORCE], strict=True)])
    people.edit(people.pick(DEAL), at_ms, hubspot={"dealstage": hubspot}, salesforce={"StageName": salesforce})


def give_a_deal_to_another(people: People, at_ms: int) -> None:
    owner = people.dice.choice(people.staff)
    people.edit(people.pick(DEAL), at_ms, hubspot={OWNER[HUBSPOT]: owner}, salesforce={OWNER[SALESFORCE]: owner})


def rename_a_company(people: People, at_ms: int) -> None:
    name = f"Company {at_ms}"
    people.edit(people.pick(COMPANY), at_ms, hubspot={"name": name}, salesforce={"Name": name})


def hear_that_an_email_came_back(people: People, at_ms: int) -> None:
    hubspot, salesforce = people.dice.choice([*zip(EMAIL_STATUSES, SF_EMAIL_STATUSES, strict=True)])
    people.edit(people.pick(EMAIL), at_ms, hubspot={"hs_email_status": hubspot}, salesforce={"IsBounced": salesforce})


def log_a_call(people: People, at_ms: int) -> None:
    people.add(CALL, at_ms)


def write_to_somebody(people: People, at_ms: int) -> None:
    people.add(EMAIL, at_ms)


def write_it_down(people: People, at_ms: int) -> None:
    people.add(NOTE, at_ms)


def find_out_whom_somebody_works_for(people: People, at_ms: int) -> None:
    company = people.add(COMPANY, at_ms)
    person = people.pick(PERSON)
    if person and people.crm == HUBSPOT:
        pair = ("contacts", person.id, "companies", company)
        people.store.associate(StoredAssociation(*pair, kind) for kind in (279, 1))
        people.store.edit(HUBSPOT, "contacts", person.id, {"company": company}, at_ms)
    elif person:
        people.store.edit(SALESFORCE, "Contact", person.id, {"AccountId": company}, at_ms)


def meet_somebody_new(people: People, at_ms: int) -> None:
    people.add(PERSON, at_ms)
    people.add(MEETING, at_ms)


def delete_something(people: People, at_ms: int) -> None:
    record = people.pick(people.dice.randrange(len(NAMES[people.crm])))
    if record is not None:
        people.store.delete(people.crm, record.object, record.id, at_ms)


def restore_something(people: People, at_ms: int) -> None:
    """With what it was linked with; merged records stay merged."""
    name = NAMES[people.crm][people.dice.randrange(len(NAMES[people.crm]))]
    for record in people.store.page(people.crm, name, is_deleted=True):
        if not record.properties.get("MasterRecordId"):
            people.store.put(people.crm, [replace(record, is_deleted=False, deleted_ms=None, modified_ms=at_ms)])
            return


def empty_the_bin(people: People, _: int) -> None:
    name = people.dice.choice(NAMES[people.crm])
    for record in people.store.page(people.crm, name, is_deleted=True, limit=1):
        people.store.purge(people.crm, name, record.id)


def purge_a_call(people: People, _: int) -> None:
    record = people.pick(CALL)
    if record is not None:
        people.store.purge(people.crm, record.object, record.id)


def merge_two_people(people: People, at_ms: int) -> None:
    living = people.store.page(people.crm, NAMES[people.crm][PERSON], is_deleted=False)
    if len(living) > 3:
        pair = [one.id for one in people.dice.sample(living, 2)]
        merge = merge_hubspot if people.crm == HUBSPOT else merge_salesforce
        merge(people.store, NAMES[people.crm][PERSON], pair, at_ms)


def find_it_was_with_another(people: People, at_ms: int) -> None:
    done, person = people.pick(people.dice.choice((CALL, MEETING))), people.pick(PERSON)
    if done is None or person is None:
        return
    if people.crm == SALESFORCE:
        people.store.edit(SALESFORCE, done.object, done.id, {"WhoId": person.id}, at_ms)
        return
    people.store.dissociate(people.store.associations(done.object, [done.id], "contacts"))  # touches no record
    people.tie(done.object, done.id, person.id, at_ms)


def bring_another_into_the_deal(people: People, at_ms: int) -> None:
    """Beside those who are in it, or in their place."""
    deal, person = people.pick(DEAL), people.pick(PERSON)
    if deal is None or person is None:
        return
    if people.dice.random() < 0.5:
        if people.crm == HUBSPOT:
            people.store.dissociate(people.store.associations("deals", [deal.id], "contacts"))
        for role in people.store.page(SALESFORCE, "OpportunityContactRole", is_deleted=False):
            if people.crm == SALESFORCE and role.properties["OpportunityId"] == deal.id:
                people.store.delete(SALESFORCE, role.object, role.id, at_ms)
    people.tie(deal.object, deal.id, person.id, at_ms)


CHANGES: tuple[Callable[[People, int], None], ...] = (
    correct_a_call,
    record_an_outcome,
    change_an_amount,
    move_a_deal,
    give_a_deal_to_another,
    rename_a_company,
    write_it_down,
    find_out_whom_somebody_works_for,
    hear_that_an_email_came_back,
    log_a_call,
    write_to_somebody,
    meet_somebody_new,
    delete_something,
    restore_something,
    empty_the_bin,
    purge_a_call,
    merge_two_people,
    find_it_was_with_another,
    bring_another_into_the_deal,
)
