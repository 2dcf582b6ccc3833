"""What must core hold of what the sandbox's CRMs hold? Read plainly, record by record, and the same rows of core beside it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from connectors.hubspot.objects import OBJECTS as HUBSPOT_SPECS
from connectors.sandbox.associations import PRIMARY_TYPES
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation, StoredRecord
from connectors.sandbox.times import parse_ms
from models.tables import (
    calls,
    companies,
    contacts,
    deal_owner_changes,
    deal_stage_changes,
    deals,
    emails,
    exchange_rates,
    links,
    meeting_copies,
    meetings,
    notes,
    rep_identities,
    rep_teams,
    reps,
)
from tests.models.factories import a_team

NAMES = {
    HUBSPOT: ("calls", "contacts", "meetings", "deals", "emails", "notes", "companies"),
    SALESFORCE: ("Task", "Contact", "Event", "Opportunity", "EmailMessage", "Note", "Account"),
}
OUTCOMES = {"COMPLETED": "held", "NO_SHOW": "no_show", "CANCELED": "cancelled"}
SF_OUTCOMES = {"Held": "held", "No Show": "no_show", "Cancelled": "cancelled"}
EMAIL_STATUSES = {"SENT": "sent", "BOUNCED": "bounced"}
SF_EMAIL_STATUSES = {False: "sent", True: "bounced"}
KINDS = {"calls": "call", "emails": "email", "meetings": "meeting", "notes": "note"}
KINDS |= {"deals": "deal", "contacts": "contact", "companies": "company"}
PREFIXES = {"003": "contact", "00Q": "contact", "001": "company", "006": "deal", "005": "rep"}
SF_LINKS = (  # object, kind and field that the link starts from, field that it leads to, role
    ("Task", "call", "Id", "WhoId", None),
    ("Task", "call", "Id", "WhatId", None),
    ("Event", "meeting", "Id", "WhoId", None),
    ("Event", "meeting", "Id", "WhatId", None),
    ("EventRelation", "meeting", "EventId", "RelationId", "invitee"),
    ("EmailMessage", "email", "Id", "RelatedToId", None),
    ("EmailMessageRelation", "email", "EmailMessageId", "RelationId", "RelationType"),
    ("OpportunityContactRole", "deal", "OpportunityId", "ContactId", "Role"),
    ("Opportunity", "deal", "Id", "AccountId", None),
    ("Contact", "contact", "Id", "AccountId", None),
    ("Note", "note", "Id", "ParentId", None),
)
ROLES = ("default", "ToAddress")  # these lead, in this order
Row = tuple[Any, ...]


def _ms(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(sa.extract("epoch", column) * 1000, sa.BigInteger)


CORE_ROWS: Mapping[sa.Table, sa.Select[Any]] = {
    reps: sa.select(reps.c.rep_id, reps.c.is_active),
    rep_identities: sa.select(rep_identities),
    rep_teams: sa.select(rep_teams.c.rep_id, rep_teams.c.team),
    companies: sa.select(companies.c.company_id, companies.c.name),
    contacts: sa.select(contacts.c.contact_id, contacts.c.email, contacts.c.kind),
    calls: sa.select(calls.c.call_id, calls.c.contact_id, calls.c.rep_id, calls.c.duration_seconds),
    emails: sa.select(emails.c.email_id, emails.c.contact_id, emails.c.status),
    meetings: sa.select(meetings.c.meeting_id, meetings.c.contact_id, meetings.c.outcome, meetings.c.copy_count),
    meeting_copies: sa.select(
        meeting_copies.c.connection, meeting_copies.c.crm_id, meeting_copies.c.meeting_id, meeting_copies.c.reason
    ),
    notes: sa.select(notes.c.note_id, notes.c.body),
    deals: sa.select(deals.c.deal_id, deals.c.stage, deals.c.owner_rep_id, sa.cast(deals.c.amount, sa.Double)),
    deal_stage_changes: sa.select(
        *(deal_stage_changes.c[name] for name in ("deal_id", "position", "stage")),
        _ms(deal_stage_changes.c.changed_at),
    ),
    deal_owner_changes: sa.select(
        *(deal_owner_changes.c[name] for name in ("deal_id", "position", "owner_rep_id")),
        _ms(deal_owner_changes.c.changed_at),
    ),
    links: sa.select(links),
    exchange_rates: sa.select(exchange_rates.c.currency, sa.cast(exchange_rates.c.rate, sa.Double)),
}


def true_rows(store: Store) -> dict[sa.Table, set[Row]]:
    """What each of CORE_ROWS must give."""
    both = (HubSpotTruth(store), SalesforceTruth(store))
    team = a_team()
    rates = {(team.currency, 1.0), *((one.currency, float(one.rate)) for one in team.exchange_rates)}
    return {
        table: rates if table is exchange_rates else {row for one in both for row in one.rows(table)}
        for table in CORE_ROWS
    }


@dataclass
class Truth:
    """What one CRM holds. The other half of each question is answered by the CRM's own class."""

    store: Store
    crm: str = ""
    living: dict[str, dict[str, StoredRecord]] = field(default_factory=dict)

    def rows(self, table: sa.Table) -> Iterable[Row]:
        return getattr(self, f"{table.name}_rows")()  # type: ignore[no-any-return]

    def by_id(self, name: str) -> dict[str, StoredRecord]:
        """The living records of an object."""
        if name not in self.living:
            self.living[name] = {one.id: one for one in self.store.page(self.crm, name, is_deleted=False)}
        return self.living[name]

    def of(self, name: str) -> Iterable[StoredRecord]:
        return self.by_id(name).values()

    def id(self, record_id: str) -> str:
        return f"{self.crm}:{record_id}"

    def rep(self, user_id: Any) -> str | None:
        return self.id(user_id) if user_id in self.people else None

    @cached_property
    def people(self) -> dict[str, tuple[bool, str | None]]:
        """Everybody who works there, leavers too: whether they still do, and the name of their team in the CRM."""
        raise NotImplementedError

    def team_of(self, crm_team: str | None) -> str | None:
        return next((one.team for one in a_team().members if one.crm_team == crm_team), None)

    def reps_rows(self) -> Iterable[Row]:
        return ((self.id(one), is_active) for one, (is_active, _) in self.people.items())

    def rep_identities_rows(self) -> Iterable[Row]:
        return ((self.crm, one, self.id(one)) for one in self.people)

    def rep_teams_rows(self) -> Iterable[Row]:
        found = ((self.id(one), self.team_of(crm_team)) for one, (_, crm_team) in self.people.items())
        return (row for row in found if row[1])

    @cached_property
    def links(self) -> set[Row]:
        raise NotImplementedError

    def links_rows(self) -> Iterable[Row]:
        return self.links

    @cached_property
    def _first_contacts(self) -> dict[Row, str]:
        found: dict[Row, tuple[int, str]] = {}
        for kind, from_id, to_kind, to_id, role in self.links:
            if to_kind == "contact":
                place = (ROLES.index(role) if role in ROLES else len(ROLES), to_id)
                found[kind, from_id] = min(place, found.get((kind, from_id), place))
        return {key: to_id for key, (_, to_id) in found.items()}

    def contact_of(self, kind: str, core_id: str) -> str | None:
        """Of several people the one in the leading role."""
        return self._first_contacts.get((kind, core_id))

    def meeting_copies_rows(self) -> Iterable[Row]:
        for one, leader in self.meetings.items():
            yield self.crm, one, self.id(leader), "leading" if one == leader else "invitee"

    @cached_property
    def meetings(self) -> dict[str, str]:
        """Each record of a meeting, and the record that leads it."""
        raise NotImplementedError

    def outcome_of(self, record: StoredRecord) -> str:
        raise NotImplementedError

    def meetings_rows(self) -> Iterable[Row]:
        of_one = [*self.meetings.values()]
        for record in self.of(NAMES[self.crm][2]):
            if self.meetings.get(record.id) == record.id:
                core_id = self.id(record.id)
                yield core_id, self.contact_of("meeting", core_id), self.outcome_of(record), of_one.count(record.id)

    def versions(self, record: StoredRecord) -> tuple[Iterable[Row], Iterable[Row]]:
        """A deal's (stage, moment) and (owner, moment), oldest first."""
        raise NotImplementedError

    def deal_stage_changes_rows(self) -> Iterable[Row]:
        for one in self.of(NAMES[self.crm][3]):
            yield from _entered(self.id(one.id), self.versions(one)[0])

    def deal_owner_changes_rows(self) -> Iterable[Row]:
        for one in self.of(NAMES[self.crm][3]):
            owners = ((self.rep(owner), at_ms) for owner, at_ms in self.versions(one)[1])
            yield from _entered(self.id(one.id), owners)


class HubSpotTruth(Truth):
    """What HubSpot holds."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, HUBSPOT)

    @cached_property
    def people(self) -> dict[str, tuple[bool, str | None]]:
        found = [one for one in self.store.all(HUBSPOT, "owners") if one.properties.get("type") != "QUEUE"]
        teams = {one.id: next(iter(one.properties.get("teams") or ()), {}).get("name") for one in found}
        return {one.id: (not one.is_deleted, teams[one.id]) for one in found}

    @cached_property
    def links(self) -> set[Row]:
        return {
            (KINDS[spec.name], self.id(one.from_id), KINDS[target], self.id(one.to_id), self._role(one))
            for spec in HUBSPOT_SPECS
            for target in spec.targets
            for one in self.store.associations(spec.name, [*self.by_id(spec.name)], target)
            if one.to_id in self.by_id(target)
        }

    @staticmethod
    def _role(one: StoredAssociation) -> str:
        is_primary = PRIMARY_TYPES.get((one.from_object, one.to_object)) == one.type_id
        return one.label or ("Primary" if is_primary else "default")

    @cached_property
    def meetings(self) -> dict[str, str]:
        return {one.id: one.id for one in self.of("meetings")}

    def outcome_of(self, record: StoredRecord) -> str:
        return OUTCOMES[record.properties["hs_meeting_outcome"]]

    def companies_rows(self) -> Iterable[Row]:
        return ((self.id(one.id), one.properties.get("name")) for one in self.of("companies"))

    def contacts_rows(self) -> Iterable[Row]:
        return ((self.id(one.id), one.properties.get("email"), "contact") for one in self.of("contacts"))

    def calls_rows(self) -> Iterable[Row]:
        for one in self.of("calls"):
            milliseconds, core_id = one.properties.get("hs_call_duration"), self.id(one.id)
            rep = self.rep(one.properties.get("hubspot_owner_id"))
            yield core_id, self.contact_of("call", core_id), rep, milliseconds and int(milliseconds) // 1000

    def emails_rows(self) -> Iterable[Row]:
        for one in self.of("emails"):
            core_id = self.id(one.id)
            yield core_id, self.contact_of("email", core_id), EMAIL_STATUSES[one.properties["hs_email_status"]]

    def notes_rows(self) -> Iterable[Row]:
        return ((self.id(one.id), one.properties.get("hs_note_body")) for one in self.of("notes"))

    def deals_rows(self) -> Iterable[Row]:
        for one in self.of("deals"):
            owner = self.rep(one.properties.get("hubspot_owner_id"))
            yield self.id(one.id), one.properties["dealstage"], owner, float(one.properties["amount"])

    def versions(self, record: StoredRecord) -> tuple[Iterable[Row], Iterable[Row]]:
        return self._versions(record, "dealstage"), self._versions(record, "hubspot_owner_id")

    @staticmethod
    def _versions(record: StoredRecord, name: str) -> Iterator[Row]:
        now = record.properties.get(name)
        made_with = [] if now is None else [{"value": now, "timestamp": record.created_ms}]
        for version in reversed(record.history.get(name) or made_with):
            at = version["timestamp"]
            yield version["value"], at if isinstance(at, int) else parse_ms(at)


class SalesforceTruth(Truth):
    """What Salesforce holds."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, SALESFORCE)

    @cached_property
    def people(self) -> dict[str, tuple[bool, str | None]]:
        return {
            one.id: (bool(one.properties.get("IsActive", True)), one.properties.get("Department"))
            for one in self.store.all(SALESFORCE, "User")
        }

    @cached_property
    def contacts(self) -> dict[str, str]:
        """People by their ids; a lead that was converted is the contact that it became."""
        became = {one.id: one.properties.get("ConvertedContactId") or one.id for one in self.of("Lead")}
        return {one.id: one.id for one in self.of("Contact")} | became

    @cached_property
    def links(self) -> set[Row]:
        ends = {"contact": self.contacts, "meeting": self.meetings, "rep": {one: one for one in self.people}}
        for kind, name in (("call", "Task"), ("email", "EmailMessage"), ("deal", "Opportunity"), ("note", "Note")):
            ends[kind] = {one.id: one.id for one in self.of(name)}
        ends["company"] = {one.id: one.id for one in self.of("Account")}
        found = set()
        for name, kind, from_field, to_field, role in SF_LINKS:
            for record in self.of(name):
                values = {**record.properties, "Id": record.id}
                start = ends[kind].get(values.get(from_field))
                to_kind = PREFIXES.get(str(values.get(to_field))[:3])
                target = ends[to_kind].get(values[to_field]) if to_kind else None
                if start and to_kind and target:
                    said = role if role == "invitee" else values.get(role or "") or "default"
                    found.add((kind, self.id(start), to_kind, self.id(target), said))
        return found

    @cached_property
    def meetings(self) -> dict[str, str]:
        """An invitee's copy belongs to the event of the same time and subject; the pattern of a series is no meeting."""
        events = [one for one in self.of("Event") if not one.properties.get("IsRecurrence")]

        def when(one: StoredRecord) -> Row:
            return one.properties.get("StartDateTime"), one.properties.get("Subject")

        leading = {when(one): one.id for one in reversed(events) if not one.properties.get("IsChild")}
        copies = {
            one.id: leading[when(one)] for one in events if one.properties.get("IsChild") and when(one) in leading
        }
        return {one.id: one.id for one in events} | copies

    def outcome_of(self, record: StoredRecord) -> str:
        return SF_OUTCOMES.get(record.properties.get("Outcome__c") or "", "unknown")

    def companies_rows(self) -> Iterable[Row]:
        return ((self.id(one.id), one.properties.get("Name")) for one in self.of("Account"))

    def contacts_rows(self) -> Iterable[Row]:
        for name, kind in (("Contact", "contact"), ("Lead", "lead")):
            for one in self.of(name):
                if self.contacts[one.id] == one.id:
                    yield self.id(one.id), one.properties.get("Email"), kind

    def calls_rows(self) -> Iterable[Row]:
        for one in self.of("Task"):
            seconds, core_id = one.properties.get("CallDurationInSeconds"), self.id(one.id)
            yield core_id, self.contact_of("call", core_id), self.rep(one.properties.get("OwnerId")), seconds

    def emails_rows(self) -> Iterable[Row]:
        for one in self.of("EmailMessage"):
            core_id = self.id(one.id)
            yield core_id, self.contact_of("email", core_id), SF_EMAIL_STATUSES[one.properties["IsBounced"]]

    def notes_rows(self) -> Iterable[Row]:
        return ((self.id(one.id), one.properties.get("Body")) for one in self.of("Note"))

    def deals_rows(self) -> Iterable[Row]:
        for one in self.of("Opportunity"):
            owner = self.rep(one.properties.get("OwnerId"))
            yield self.id(one.id), one.properties["StageName"], owner, float(one.properties["Amount"])

    def versions(self, record: StoredRecord) -> tuple[Iterable[Row], Iterable[Row]]:
        stages = [(one.properties["StageName"], one.created_ms) for one in self._history("OpportunityHistory", record)]
        changes = [
            one for one in self._history("OpportunityFieldHistory", record) if self.rep(one.properties["NewValue"])
        ]
        first = [(one.properties["OldValue"], record.created_ms) for one in changes[:1]]
        return stages, [*first, *((one.properties["NewValue"], one.created_ms) for one in changes)]

    def _history(self, name: str, deal: StoredRecord) -> list[StoredRecord]:
        own = [one for one in self.of(name) if one.properties["OpportunityId"] == deal.id]
        return sorted(own, key=lambda one: (one.created_ms, one.id))


def _entered(deal_id: str, versions: Iterable[Row]) -> Iterable[Row]:
    """The versions with their places; the same one twice in a row is once."""
    runs = (next(run) for _, run in groupby(versions, key=lambda version: version[0]))
    return [(deal_id, position, *version) for position, version in enumerate(runs, start=1)]
