"""What is true in the demo company: frozen rows, independent of any CRM's form. Times are UTC; keys are ours, ids the CRMs'."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

Crm = Literal["hubspot", "salesforce"]
CRMS: tuple[Crm, Crm] = ("hubspot", "salesforce")


class CrmId(NamedTuple):
    """Where one record of a true thing stands."""

    crm: Crm
    object: str
    id: str


@dataclass(frozen=True, slots=True)
class TrueRep:
    """A person who works in a CRM. `home` is the CRM in which an inside-sales rep logs activities."""

    email: str
    family: str
    given: str
    team: str
    crm_team: str
    department: str
    role: str
    home: Crm
    crm_ids: tuple[CrmId, ...]
    started_at: datetime
    started_date: date
    left_date: date | None  # day after the last

    @property
    def name(self) -> str:
        """Full name as it is written: the family name first in Japanese."""
        return f"{self.given} {self.family}" if self.family.isascii() else f"{self.family} {self.given}"

    @property
    def is_active(self) -> bool:
        """May still log in."""
        return self.left_date is None


@dataclass(frozen=True, slots=True)
class TrueCompany:
    """An organisation; with two ids it is known to both CRMs."""

    key: int
    name: str
    domain: str
    industry: str | None
    employee_count: int | None
    crm_ids: tuple[CrmId, ...]
    owner_email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TrueContact:
    """A person on the other side. `crm_ids` are the live records, at most one per CRM; `retired_ids` merged or converted ones."""

    key: int
    family: str
    given: str
    email: str
    phone: str | None
    title: str
    company_key: int
    owner_email: str
    home: Crm
    crm_ids: tuple[CrmId, ...]
    lead_source_first: str | None
    lead_source: str | None
    created_at: datetime
    modified_at: datetime
    merged_ids: tuple[CrmId, ...] = ()
    lead_id: CrmId | None = None  # the Salesforce lead that was converted into this contact
    converted_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def name(self) -> str:
        """Full name as it is written: the family name first in Japanese."""
        return f"{self.given} {self.family}" if self.family.isascii() else f"{self.family} {self.given}"


@dataclass(frozen=True, slots=True)
class TrueCall:
    """A phone attempt. `disposition` is None when the rep logged no result."""

    key: int
    crm_id: CrmId
    rep_email: str
    contact_key: int
    direction: str
    disposition: str | None
    status: str
    response_method: str | None
    duration_seconds: int
    called_at: datetime
    created_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrueEmail:
    """A one-to-one e-mail. `open_count` includes `bot_open_count`."""

    key: int
    crm_id: CrmId
    rep_email: str
    contact_key: int
    direction: str
    status: str
    response_method: str | None
    open_count: int
    bot_open_count: int
    reply_count: int
    sent_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MeetingCopy:
    """One CRM record of a meeting. `reason` as in core.meeting_copies: leading, invitee or other_crm."""

    crm_id: CrmId
    reason: Literal["leading", "invitee", "other_crm"]
    owner_email: str
    has_feedback: bool  # field sales' answer is written on this copy
    has_uid: bool


@dataclass(frozen=True, slots=True)
class TrueMeeting:
    """One real meeting, as known at the end of as_of: what nobody has recorded by then is None (outcome: unknown or booked)."""

    key: int
    copies: tuple[MeetingCopy, ...]
    uid: str
    title: str
    booked_by: str
    held_by: str
    contact_key: int
    response_method: str | None
    outcome: str
    outcome_at: datetime | None
    feedback: str | None
    feedback_at: datetime | None
    reject_reason: str | None
    decision_maker_present: bool | None
    decision_maker_at: datetime | None
    booked_at: datetime
    starts_at: datetime
    ends_at: datetime
    rescheduled_from: int | None = None
    deleted_at: datetime | None = None

    @property
    def minutes(self) -> int:
        """Planned length."""
        return int((self.ends_at - self.starts_at).total_seconds()) // 60


class StageChange(NamedTuple):
    """A stage entered: the CRM's id of it, the label people see, how the deal stands in it."""

    stage: str
    label: str
    status: str
    changed_at: datetime


class OwnerChange(NamedTuple):
    """Who became the owner, and when; the first has it from the deal's creation."""

    owner_email: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TrueDeal:
    """A deal. `meeting_key` is None for those that were open before the year that we have."""

    key: int
    crm_id: CrmId
    name: str
    owner_changes: tuple[OwnerChange, ...]
    meeting_key: int | None
    contact_key: int
    company_key: int
    amount: int | None
    currency: str | None
    lost_reason: str | None
    lead_source: str | None
    close_date: date
    created_at: datetime
    stage_changes: tuple[StageChange, ...]
    deleted_at: datetime | None = None

    @property
    def owner_email(self) -> str:
        """Who owns it now."""
        return self.owner_changes[-1].owner_email

    @property
    def status(self) -> str:
        """won, lost or open."""
        return self.stage_changes[-1].status

    @property
    def stage(self) -> str:
        """Label of the stage it stands in."""
        return self.stage_changes[-1].label


@dataclass(frozen=True, slots=True)
class TrueNote:
    """A note about a contact (HubSpot only)."""

    key: int
    crm_id: CrmId
    rep_email: str
    contact_key: int
    body: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Company:
    """The demo company: everything that is true of its year. Lists are in the order of creation."""

    as_of: date
    seed: int
    scale: float
    first_day: date
    reps: tuple[TrueRep, ...]
    companies: tuple[TrueCompany, ...]
    contacts: tuple[TrueContact, ...]
    calls: tuple[TrueCall, ...]
    emails: tuple[TrueEmail, ...]
    meetings: tuple[TrueMeeting, ...]
    deals: tuple[TrueDeal, ...]
    notes: tuple[TrueNote, ...]
    rep_by_email: Mapping[str, TrueRep] = field(repr=False)
    company_by_key: Mapping[int, TrueCompany] = field(repr=False)
    contact_by_key: Mapping[int, TrueContact] = field(repr=False)
