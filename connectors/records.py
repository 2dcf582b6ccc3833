"""What a connector hands over: records exactly as the CRM has them, and what one sync landed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple


class Record(NamedTuple):
    """One CRM record as received. `payload` is its JSON text; times are UTC. Millions are made: a dataclass takes three times as long.

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
    """What one object's extraction asked for and got. `crm_count` is None when the CRM cannot say.

    A window of object `ids.<object>` lists every id that the CRM has of the object; without files it is the object's own
    window of the same sync that does. `missing_ids` are those that the CRM names and would not give.
    """

    object: str
    window_start: datetime | None
    window_end: datetime
    crm_count: int | None
    landed_count: int
    files: tuple[Path, ...]
    missing_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be landed, for quarantine: it has no id, or the CRM refused to hand it over.

    `record_id` is the CRM's id, by which the next sync asks for it again; for a row of a file where it stands: `path#line`. Empty:
    it gets a number of the sync's.
    """

    object: str
    reason: str
    payload: str
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Landed:
    """One connection's sync in the landing folder: complete when its manifest stands there, never before.

    `fields` is what the CRM says its objects have tonight: object -> field -> type. `clock_skew_seconds` is how far its
    clock is ahead of ours.
    """

    sync_id: str
    connection: str
    crm: str
    is_full: bool
    started_at: datetime
    extracted_at: datetime
    windows: tuple[LandedWindow, ...]
    rejected: tuple[RejectedRecord, ...] = ()
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clock_skew_seconds: float = 0.0
