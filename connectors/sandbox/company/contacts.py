"""Whom the demo company talks to: organisations, and the contacts and leads in them, over both CRMs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from connectors.sandbox.company.entities import Crm, CrmId, TrueCompany, TrueContact, TrueRep
from connectors.sandbox.company.levels import COMPANIES, CONTACTS, SOURCES
from connectors.sandbox.company.names import INDUSTRIES, TITLES, firm, person
from connectors.sandbox.company.people import LEAVER, STARTER
from connectors.sandbox.company.story import NO_LEAD_SOURCE_SHARE, SOURCE_REWRITTEN_SHARE
from connectors.sandbox.company.world import Picker, World, choose, office_moment

HUBSPOT_COMPANY_SHARE = 0.6
SHARED_COMPANY_SHARE = 0.05
SHARED_CONTACT_SHARE = 0.04
SALESFORCE_LEAD_SHARE = 0.55
MERGED_SHARE = 0.005
DELETED_SHARE = 0.003
UNKNOWN_SHARE = 0.04  # companies without industry, or without size
PHONE_SHARE = 0.93
OLD_DAYS = 300  # contacts are older than the year by up to this
_EMPLOYEES_MEDIAN, _EMPLOYEES_SPREAD = 180, 1.4


@dataclass(slots=True)
class ContactDraft:
    """A contact while the year goes on."""

    key: int
    family: str
    given: str
    email: str
    phone: str | None
    title: str
    company: TrueCompany
    worked_by: str  # inside-sales rep from whose list it is
    home: Crm
    ids: list[CrmId]
    source: str  # the true one; what the CRM says follows
    source_first: str | None
    source_now: str | None
    created_at: datetime
    modified_at: datetime
    busy_until: datetime | None = None
    has_deal: bool = False
    merged_ids: list[CrmId] = field(default_factory=list)
    lead_id: CrmId | None = None
    converted_at: datetime | None = None
    deleted_at: datetime | None = None


def build_companies(world: World, owners: tuple[TrueRep, ...]) -> list[TrueCompany]:
    """Make the organisations: HubSpot's first, then Salesforce's; a few are in both."""
    random = world.random(1)
    count = max(round(COMPANIES * world.scale / (1 + SHARED_COMPANY_SHARE)), 2 * len(owners))
    return [_company(world, key, key < count * HUBSPOT_COMPANY_SHARE, owners, random) for key in range(1, count + 1)]


def _company(
    world: World, key: int, is_hubspot: bool, owners: tuple[TrueRep, ...], random: np.random.Generator
) -> TrueCompany:
    is_shared = random.random() < SHARED_COMPANY_SHARE
    ids = []
    if is_hubspot or is_shared:
        ids.append(world.numbering.new("hubspot", "companies"))
    if not is_hubspot or is_shared:
        ids.append(world.numbering.new("salesforce", "Account"))
    name, domain = firm(random, key)
    employees = round(float(random.lognormal(np.log(_EMPLOYEES_MEDIAN), _EMPLOYEES_SPREAD))) + 3
    created = world.story.first_day - timedelta(days=int(random.integers(5, OLD_DAYS)))
    return TrueCompany(
        key=key,
        name=name,
        domain=domain,
        industry=str(random.choice(INDUSTRIES)) if random.random() > UNKNOWN_SHARE else None,
        employee_count=employees if random.random() > UNKNOWN_SHARE else None,
        crm_ids=tuple(ids),
        owner_email=owners[int(random.integers(len(owners)))].email,
        created_at=office_moment(world.workdays.after(created, 0), random),
    )


class ContactBook:
    """All contacts so far; the only place that makes new ones."""

    def __init__(self, world: World, companies: list[TrueCompany]) -> None:
        self.drafts: list[ContactDraft] = []
        self._world = world
        self._random = world.random(2)
        self._companies = {
            crm: [c for c in companies if any(i.crm == crm for i in c.crm_ids)] for crm in ("hubspot", "salesforce")
        }

    def add(self, rep: TrueRep, source: str, created_at: datetime) -> ContactDraft:
        """Make a contact in the rep's CRM; what the CRM holds as its lead source may be missing or rewritten."""
        random, home = self._random, rep.home
        family, given, local = person(random)
        company = self._companies[home][int(random.integers(len(self._companies[home])))]
        key = len(self.drafts) + 1
        has_source, is_rewritten = random.random() >= NO_LEAD_SOURCE_SHARE, random.random() < SOURCE_REWRITTEN_SHARE
        rewritten_at = created_at + timedelta(hours=int(random.integers(24, 720)))
        is_rewritten = is_rewritten and has_source and rewritten_at < self._world.cutoff
        draft = ContactDraft(
            key=key,
            family=family,
            given=given,
            email=f"{local}.{key}@{company.domain}",
            phone=f"03-{random.integers(3000, 7000)}-{random.integers(1000, 10000)}"
            if random.random() < PHONE_SHARE
            else None,
            title=TITLES[int(random.integers(len(TITLES)))],
            company=company,
            worked_by=rep.email,
            home=home,
            ids=[self._world.numbering.new(home, self._object(home))],
            source=source,
            source_first=source if has_source else None,
            source_now=_other_source(source, random) if is_rewritten else source if has_source else None,
            created_at=created_at,
            modified_at=rewritten_at if is_rewritten else created_at,
        )
        self.drafts.append(draft)
        return draft

    def share(self, draft: ContactDraft) -> None:
        """Give the contact a record in the other CRM, too."""
        if len(draft.ids) > 1:
            return
        if draft.home == "salesforce":
            draft.ids.append(self._world.numbering.new("hubspot", "contacts"))
            return
        is_account = any(company_id.crm == "salesforce" for company_id in draft.company.crm_ids)
        draft.ids.append(self._world.numbering.new("salesforce", "Contact" if is_account else "Lead"))

    def convert(self, draft: ContactDraft, at: datetime) -> None:
        """Turn a Salesforce lead into a contact; nothing happens to any other."""
        if draft.home != "salesforce" or draft.ids[0].object != "Lead":
            return
        draft.lead_id, draft.converted_at = draft.ids[0], at
        draft.ids[0] = self._world.numbering.new("salesforce", "Contact")
        draft.modified_at = max(draft.modified_at, at)

    def fill(self) -> None:
        """Add those whom nobody met: up to the level, spread over the time before and in the year."""
        random, world = self._random, self._world
        picker, days = (
            Picker(SOURCES),
            world.workdays.between(world.story.first_day - timedelta(days=OLD_DAYS), world.story.as_of),
        )
        missing = round(CONTACTS * world.scale / (1 + SHARED_CONTACT_SHARE)) - len(self.drafts)
        for _ in range(max(missing, 0)):
            day = days[int(random.integers(len(days)))]
            shares = world.staffing.shares(max(day, world.days[0]))
            rep = world.staffing.reps[int(np.searchsorted(np.cumsum(shares), random.random()))]
            self.add(rep, picker.one(random), office_moment(day, random))
        self._muddle()

    def freeze(self) -> tuple[TrueContact, ...]:
        """The contacts as they stand at the end; half of the leaver's went to the new rep."""
        return tuple(self._frozen(draft) for draft in self.drafts)

    def _object(self, home: Crm) -> str:
        if home == "hubspot":
            return "contacts"
        return "Lead" if self._random.random() < SALESFORCE_LEAD_SHARE else "Contact"

    def _muddle(self) -> None:
        """What happens in every CRM: the same person in both, duplicates merged, records thrown away."""
        random, cutoff = self._random, self._world.cutoff
        idle = [draft.key for draft in self.drafts if draft.busy_until is None and not draft.has_deal]
        for key in sorted(choose(idle, max(2, round(len(self.drafts) * DELETED_SHARE)), random)):
            draft = self.drafts[key - 1]
            draft.deleted_at = draft.modified_at = draft.modified_at + (cutoff - draft.modified_at) * float(
                random.random()
            )
        alive = [draft.key for draft in self.drafts if draft.deleted_at is None]
        for key in sorted(choose(alive, max(4, round(len(alive) * MERGED_SHARE)), random)):
            draft = self.drafts[key - 1]
            count = 1 + int(random.random() < 0.2)
            draft.merged_ids = [self._world.numbering.new(draft.home, draft.ids[0].object) for _ in range(count)]
            draft.modified_at = draft.modified_at + (cutoff - draft.modified_at) * float(random.random())
        for key in sorted(choose(alive, round(len(alive) * SHARED_CONTACT_SHARE), random)):
            self.share(self.drafts[key - 1])

    def _frozen(self, draft: ContactDraft) -> TrueContact:
        is_handed_over = draft.worked_by == LEAVER and draft.key % 2 == 0
        return TrueContact(
            key=draft.key,
            family=draft.family,
            given=draft.given,
            email=draft.email,
            phone=draft.phone,
            title=draft.title,
            company_key=draft.company.key,
            owner_email=STARTER if is_handed_over else draft.worked_by,
            home=draft.home,
            crm_ids=tuple(draft.ids),
            lead_source_first=draft.source_first,
            lead_source=draft.source_now,
            created_at=draft.created_at,
            modified_at=draft.modified_at,
            merged_ids=tuple(draft.merged_ids),
            lead_id=draft.lead_id,
            converted_at=draft.converted_at,
            deleted_at=draft.deleted_at,
        )


def _other_source(source: str, random: np.random.Generator) -> str:
    others = [name for name in SOURCES if name not in {source, "purchased_list"}]
    return others[int(random.integers(len(others)))]
