"""What the sandbox's CRMs hold, and what several syncs made of it: the newest version of each record, as the warehouse keeps it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.hubspot.objects import OBJECTS as HUBSPOT_SPECS
from connectors.records import Landed, Record
from connectors.salesforce.objects import OBJECTS as SALESFORCE_SPECS
from connectors.sandbox.associations import DEFAULT_TYPES, PRIMARY_TYPES
from connectors.sandbox.hubspot_schema import CLOCKS
from connectors.sandbox.plays import Stage
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation
from connectors.settings import Connection

FIRST = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
FIRST_MS = round(FIRST.timestamp() * 1000)
HOUR_MS = 3_600_000
DAY = timedelta(days=1)
DAY_MS = 24 * HOUR_MS
LATER_MS = FIRST_MS + 6 * HOUR_MS  # between the first night and the second
HUBSPOT_OBJECTS = tuple(spec.name for spec in HUBSPOT_SPECS)
SALESFORCE_OBJECTS = tuple(spec.name for spec in SALESFORCE_SPECS)
OLD = {"modified_ms": FIRST_MS - DAY_MS, "created_ms": FIRST_MS - 9 * DAY_MS}


@dataclass
class Nights:
    """Syncs of one CRM, one after the other, each from where the last one ended."""

    crms: Any
    crm: str
    stage: Stage
    syncs: list[Landed] = field(default_factory=list)
    cursors: dict[str, datetime] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    at: datetime = FIRST
    connection: Connection = field(init=False)
    refused: int = 0  # syncs that the warehouse must refuse
    is_whole: bool = False  # whether the last night ended well: then the tables are what the CRM holds

    @property
    def store(self) -> Store:
        return self.stage.store

    def night(self, day: int, **changes: Any) -> Landed:
        """The sync of one night; its cursors count only when it ends well."""
        sync_id = f"night{day}-{self.crm}"  # unique in a home, and a night is tried once
        self.is_whole, settings = False, changes.get("settings", {})
        self.connection = self.crms.connections[self.crm].model_copy(update=settings)
        arguments = {"now": FIRST + day * DAY, "cursors": dict(self.cursors), **changes}
        landed: Landed = self.crms.extract(self.crm, sync_id, **arguments)
        self.syncs.append(landed)
        self.cursors.update(self.crms.cursors(landed))
        self.is_whole, self.at = True, arguments["now"]
        return landed

    def newest(self, object_name: str) -> dict[str, Record]:
        """The newest version of each record that landed."""
        newest: dict[str, Record] = {}
        for landed in self.syncs:
            if object_name in {window.object for window in landed.windows}:
                for record in self.crms.records(landed, object_name):
                    old = newest.get(record.id)
                    if old is None or (record.modified_at, record.extracted_at) >= (old.modified_at, old.extracted_at):
                        newest[record.id] = record
        return newest

    def check(self, *objects: str, gone: Sequence[str] = ()) -> None:
        """All objects hold what the CRM holds; `gone` are ids whose end no increment can see: the id comparison finds them."""
        for name in objects or (HUBSPOT_OBJECTS if self.crm == HUBSPOT else SALESFORCE_OBJECTS):
            landed = self.newest(name)
            living = {one.id: one for one in self.store.all(self.crm, name) if not one.is_deleted}
            found = {one for one, record in landed.items() if not record.is_deleted} - set(gone)
            lost, invented = sorted(living.keys() - found), sorted(found - living.keys())
            assert (lost, invented) == ([], []), (name, lost[:9], invented[:9])
            pairs = {one: (landed[one], record) for one, record in living.items()}
            shown = {one: _values(self.crm, name, got) for one, (got, _) in pairs.items()}
            true = {one: _known(record.properties, got, self.crm, name) for one, (got, record) in pairs.items()}
            wrong = {one: (values, true[one]) for one, values in shown.items() if values != true[one]}
            assert not wrong, (name, dict(list(wrong.items())[:3]))
        if self.crm == HUBSPOT:
            self._check_links(gone)

    def _check_links(self, gone: Sequence[str]) -> None:
        for source, target in ((spec.name, target) for spec in HUBSPOT_SPECS for target in spec.targets):
            landed = self.newest(f"associations.{source}.{target}")
            living = [one.id for one in self.store.all(HUBSPOT, source) if not one.is_deleted]
            held = {(one.from_id, one.to_id, one.type_id) for one in self.store.associations(source, living, target)}
            found = {
                (one, str(to["toObjectId"]), kind["typeId"])
                for one, record in landed.items()
                if not record.is_deleted and one not in gone
                for to in orjson.loads(record.payload)["to"]
                for kind in to["associationTypes"]
            }
            assert found == held, (source, target, sorted(found ^ held)[:9])

    def check_nothing_twice(self, landed: Landed, object_name: str) -> None:
        counts = Counter(record.id for record in self.crms.records(landed, object_name))
        assert set(counts.values()) <= {1}, object_name


def _values(crm: str, object_name: str, record: Record) -> dict[str, Any]:
    payload = orjson.loads(record.payload)
    if crm == SALESFORCE:
        return {name: value for name, value in payload.items() if not isinstance(value, dict)}
    clocks = {*CLOCKS[object_name], "hs_object_id", "hs_createdate", "createdate"}
    return {name: value for name, value in payload["properties"].items() if name not in clocks}


def _known(properties: Mapping[str, Any], record: Record, crm: str, object_name: str) -> dict[str, Any]:
    """What the CRM holds of the fields that were asked for; what the server fills in itself is taken as it came."""
    shown = _values(crm, object_name, record)
    own = {"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted"}
    return {name: value if name in own else properties.get(name) for name, value in shown.items()}


def fill_hubspot(store: Store, crms: Any) -> None:
    """A small account: eight of each object, each linked with the one of its number in every way that there is."""
    store_id = iter(range(10_000_000_100, 10_000_000_900))
    owner, when = str(next(store_id)), "2026-04-09T01:00:00.000Z"
    person = {"email": "a@demo-company.example", "firstName": "A", "lastName": "B", "type": "PERSON"}
    crms.put(HUBSPOT, "owners", {"id": owner, **person, "teams": [{"id": "1", "name": "Inside Sales East"}], **OLD})
    stages = [
        {"id": one, "label": one, "metadata": {"isClosed": "false"}, "displayOrder": 0} for one in ("new", "offer")
    ]
    crms.put(HUBSPOT, "pipelines", {"id": "default", "label": "Sales", "stages": stages, "objectType": "deals", **OLD})
    for number in range(8):
        made: dict[str, dict[str, Any]] = {
            "companies": {"name": f"Company {number}"},
            "contacts": {"email": f"p{number}@client.example"},
            "calls": {"hs_timestamp": when, "hs_call_status": "COMPLETED"},
            "emails": {"hs_timestamp": when, "hs_email_status": "SENT", "hs_email_direction": "EMAIL"},
            "meetings": {"hs_meeting_start_time": when, "hs_meeting_outcome": "COMPLETED"},
            "deals": {"dealname": f"Deal {number}", "dealstage": "new", "pipeline": "default", "amount": "100"},
            "notes": {"hs_timestamp": when, "hs_note_body": f"Note {number}"},
        }
        ids = {name: str(next(store_id)) for name in made}
        for name, properties in made.items():
            crms.put(HUBSPOT, name, {"id": ids[name], "hubspot_owner_id": owner, **properties, **OLD})
        pairs = [(spec.name, target) for spec in HUBSPOT_SPECS for target in spec.targets]
        store.associate(StoredAssociation(a, ids[a], b, ids[b], DEFAULT_TYPES[a, b]) for a, b in pairs)
        pair = ("contacts", ids["contacts"], "companies", ids["companies"])
        store.associate([StoredAssociation(*pair, PRIMARY_TYPES["contacts", "companies"])])  # a pair with two types


def fill_salesforce(store: Store, crms: Any) -> None:
    """A small org, likewise."""
    role, stage = store.next_id(SALESFORCE, "UserRole"), store.next_id(SALESFORCE, "OpportunityStage")
    crms.put(SALESFORCE, "UserRole", {"id": role, "Name": "Inside Sales", **OLD})
    values = {"MasterLabel": "New", "ApiName": "New", "IsActive": True, "IsClosed": False, "IsWon": False}
    crms.put(SALESFORCE, "OpportunityStage", {"id": stage, **values, "SortOrder": 1, **OLD})
    when = "2026-04-09T01:00:00.000+0000"
    for number in range(8):
        ids = {spec.name: store.next_id(SALESFORCE, spec.name) for spec in SALESFORCE_SPECS}
        owned, about = {"OwnerId": ids["User"]}, {"WhoId": ids["Contact"], "WhatId": ids["Opportunity"]}
        deal = {"OpportunityId": ids["Opportunity"]}
        email = {"IsBounced": False, "MessageDate": when, "RelatedToId": ids["Opportunity"]}
        sent_to = {"EmailMessageId": ids["EmailMessage"], "RelationId": ids["Contact"], "RelationType": "ToAddress"}
        made: dict[str, dict[str, Any]] = {
            "User": {"Email": f"u{number}@demo-company.example", "IsActive": True, "UserRoleId": role},
            "Account": {"Name": f"Account {number}", **owned},
            "Contact": {"LastName": f"P{number}", "AccountId": ids["Account"], **owned},
            "Lead": {"LastName": f"L{number}", "Email": f"l{number}@client.example", "IsConverted": False, **owned},
            "Task": {"Subject": "Call", "TaskSubtype": "Call", "Status": "Completed", **about, **owned},
            "Event": {"Subject": f"Visit {number}", "IsChild": False, **about, **owned},
            "EventRelation": {"EventId": ids["Event"], "RelationId": ids["Contact"], "IsInvitee": True},
            "EmailMessage": {"Incoming": False, **email},
            "EmailMessageRelation": sent_to,
            "Opportunity": {"Name": f"Deal {number}", "StageName": "New", "Amount": 100.0, **owned},
            "OpportunityHistory": {**deal, "StageName": "New", "Amount": 100.0},
            "OpportunityFieldHistory": {**deal, "Field": "Owner", "OldValue": role, "NewValue": ids["User"]},
            "OpportunityContactRole": {**deal, "ContactId": ids["Contact"], "Role": "Decision Maker"},
            "Note": {"ParentId": ids["Account"], "Title": "Note", "Body": f"Note {number}", **owned},
        }
        made["Event"] |= {"StartDateTime": when, "EndDateTime": when, "IsArchived": False, "Outcome__c": "Held"}
        made["Opportunity"] |= {"AccountId": ids["Account"], "IsClosed": False, "IsWon": False}
        made["Task"] |= {"IsArchived": False}
        for name, properties in made.items():
            crms.put(SALESFORCE, name, {"id": ids[name], **properties, **OLD})
