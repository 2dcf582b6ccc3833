"""What the sandbox's CRMs hold, and what several syncs made of it: the newest version of each record, as the warehouse keeps it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.records import Landed, Record
from connectors.sandbox.hubspot_schema import CLOCKS
from connectors.sandbox.plays import Stage
from connectors.sandbox.store import HUBSPOT, SALESFORCE, Store, StoredAssociation

FIRST = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
FIRST_MS = round(FIRST.timestamp() * 1000)
HOUR_MS = 3_600_000
DAY = timedelta(days=1)
DAY_MS = 24 * HOUR_MS
LATER_MS = FIRST_MS + 6 * HOUR_MS  # between the first night and the second
HUBSPOT_OBJECTS = ("calls", "contacts", "companies", "deals", "meetings")
SALESFORCE_OBJECTS = ("Task", "Event", "EventRelation", "Contact", "Account", "Opportunity", "User")


@dataclass
class Nights:
    """Syncs of one CRM, one after the other, each from where the last one ended."""

    crms: Any
    crm: str
    stage: Stage
    syncs: list[Landed] = field(default_factory=list)
    cursors: dict[str, datetime] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.stage.store

    def night(self, day: int, **changes: Any) -> Landed:
        """The sync of one night; its cursors count only when it ends well."""
        sync_id = f"night{day}-{self.crm}"  # unique in a home, and a night is tried once
        arguments = {"now": FIRST + day * DAY, "cursors": dict(self.cursors), **changes}
        landed: Landed = self.crms.extract(self.crm, sync_id, **arguments)
        self.syncs.append(landed)
        self.cursors.update(self.crms.cursors(landed))
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
        for source, target in (
            ("calls", "contacts"),
            ("meetings", "contacts"),
            ("deals", "contacts"),
            ("contacts", "companies"),
        ):
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
    """A small account: everything there is of each object that the cases touch."""
    store_id = iter(range(10_000_000_100, 10_000_000_900))
    old = {"modified_ms": FIRST_MS - DAY_MS, "created_ms": FIRST_MS - 9 * DAY_MS}
    owner = str(next(store_id))
    crms.put(
        HUBSPOT, "owners", {"id": owner, "email": "a@demo-company.example", "firstName": "A", "lastName": "B", **old}
    )
    stages = [
        {"id": one, "label": one, "metadata": {"isClosed": "false"}, "displayOrder": 0} for one in ("new", "offer")
    ]
    crms.put(HUBSPOT, "pipelines", {"id": "default", "label": "Sales", "stages": stages, "objectType": "deals", **old})
    ids = {
        name: [str(next(store_id)) for _ in range(8)]
        for name in ("companies", "contacts", "calls", "meetings", "deals")
    }
    for number in range(8):
        crms.put(HUBSPOT, "companies", {"id": ids["companies"][number], "name": f"Company {number}", **old})
        crms.put(HUBSPOT, "contacts", {"id": ids["contacts"][number], "email": f"p{number}@client.example", **old})
        call = {"hs_timestamp": "2026-04-09T01:00:00.000Z", "hs_call_status": "COMPLETED", "hubspot_owner_id": owner}
        crms.put(HUBSPOT, "calls", {"id": ids["calls"][number], **call, **old})
        meeting = {"hs_meeting_start_time": "2026-04-09T01:00:00.000Z", "hs_meeting_outcome": "COMPLETED"}
        crms.put(HUBSPOT, "meetings", {"id": ids["meetings"][number], **meeting, "hubspot_owner_id": owner, **old})
        deal = {"dealname": f"Deal {number}", "dealstage": "new", "pipeline": "default", "amount": "100"}
        crms.put(HUBSPOT, "deals", {"id": ids["deals"][number], **deal, **old})
        for source, target, kind in (
            ("calls", "contacts", 194),
            ("meetings", "contacts", 200),
            ("deals", "contacts", 3),
        ):
            link = StoredAssociation(source, ids[source][number], target, ids[target][number], kind)
            store.associate([link])
        pair = ("contacts", ids["contacts"][number], "companies", ids["companies"][number])
        store.associate([StoredAssociation(*pair, 279), StoredAssociation(*pair, 1)])  # a pair with two types


def fill_salesforce(store: Store, crms: Any) -> None:
    """A small org, likewise."""
    old = {"modified_ms": FIRST_MS - DAY_MS, "created_ms": FIRST_MS - 9 * DAY_MS}
    names = ("User", "Account", "Contact", "Task", "Event", "EventRelation", "Opportunity")
    ids = {name: store.next_ids(SALESFORCE, name, 8) for name in names}
    stage = {
        "MasterLabel": "New",
        "ApiName": "New",
        "IsActive": True,
        "IsClosed": False,
        "IsWon": False,
        "SortOrder": 1,
    }
    crms.put(SALESFORCE, "OpportunityStage", {"id": store.next_id(SALESFORCE, "OpportunityStage"), **stage, **old})
    for number in range(8):
        user = ids["User"][number]
        crms.put(SALESFORCE, "User", {"id": user, "Email": f"u{number}@demo-company.example", "IsActive": True, **old})
        crms.put(
            SALESFORCE, "Account", {"id": ids["Account"][number], "Name": f"Account {number}", "OwnerId": user, **old}
        )
        person = {"LastName": f"P{number}", "AccountId": ids["Account"][number], "OwnerId": user}
        crms.put(SALESFORCE, "Contact", {"id": ids["Contact"][number], **person, **old})
        task = {
            "Subject": "Call",
            "TaskSubtype": "Call",
            "Status": "Completed",
            "WhoId": ids["Contact"][number],
            "OwnerId": user,
        }
        crms.put(SALESFORCE, "Task", {"id": ids["Task"][number], **task, "IsArchived": False, **old})
        times = {"StartDateTime": "2026-04-09T01:00:00.000+0000", "EndDateTime": "2026-04-09T02:00:00.000+0000"}
        event = {
            "Subject": "Visit",
            "WhoId": ids["Contact"][number],
            "OwnerId": user,
            "IsChild": False,
            "IsArchived": False,
        }
        crms.put(SALESFORCE, "Event", {"id": ids["Event"][number], **event, **times, **old})
        relation = {"EventId": ids["Event"][number], "RelationId": ids["Contact"][number], "IsInvitee": True}
        crms.put(SALESFORCE, "EventRelation", {"id": ids["EventRelation"][number], **relation, **old})
        deal = {"Name": f"Deal {number}", "StageName": "New", "Amount": 100.0, "AccountId": ids["Account"][number]}
        crms.put(
            SALESFORCE,
            "Opportunity",
            {"id": ids["Opportunity"][number], **deal, "IsClosed": False, "IsWon": False, **old},
        )
