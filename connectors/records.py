"""What a connector hands over: records exactly as the CRM has them, and what one sync landed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One CRM record as received. `payload` is its JSON text; times are UTC.

    HubSpot: the whole result object (`id`, `properties`, `propertiesWithHistory`, ...). Salesforce: the row without
    `attributes`, parents nested. Associations of one HubSpot record are one Record: object `associations.<from>.<to>`, id of the
    record they start from, payload `{"to": [{"toObjectId": ..., "associationTypes": [...]}, ...]}` - the whole set, so that
    a removed association disappears with the next version.
    """

    connection: str
    object: str
    id: str
    modified_at: datetime
    is_deleted: bool
    extracted_at: datetime
    payload: str


@dataclass(frozen=True, slots=True)
class LandedWindow:
    """What one object's extraction asked for and got. `crm_count` is None when the CRM cannot say."""

    object: str
    window_start: datetime | None
    window_end: datetime
    crm_count: int | None
    landed_count: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be landed, for quarantine: it has no id, or the CRM refused to hand it over."""

    object: str
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class Landed:
    """One connection's sync in the landing folder: complete when its manifest stands there, never before."""

    sync_id: str
    connection: str
    crm: str
    is_full: bool
    started_at: datetime
    extracted_at: datetime
    windows: tuple[LandedWindow, ...]
    rejected: tuple[RejectedRecord, ...] = ()
