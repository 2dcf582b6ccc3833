"""One sync of one connection: everything that changed in its CRM, into the landing folder.

The landed files are complete when the manifest stands; after any error there is none, and nothing has happened.
"""

import gc
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import connectors.files.reading as files_reading
import connectors.hubspot.objects as hubspot_objects
import connectors.hubspot.reading as hubspot_reading
import connectors.salesforce.objects as salesforce_objects
import connectors.salesforce.reading as salesforce_reading
from connectors.errors import ConnectorError, LandingError, LoginError, UnknownObjectError
from connectors.http import Caller
from connectors.hubspot.client import HubSpotClient
from connectors.landing import LandingWriter
from connectors.lock import HeldError, hold
from connectors.probe import fill_rates, probe_hubspot, probe_salesforce
from connectors.records import Landed
from connectors.salesforce.client import SalesforceClient
from connectors.settings import (
    SANDBOX,
    Connection,
    FilesConnection,
    HubSpotConnection,
    SalesforceConnection,
    checked_url,
)
from connectors.sync import LEAST_SKEW_SECONDS, Finding, Progress, Sync
from connectors.without_pandas import without_pandas

logger = logging.getLogger(__name__)

# A first or full read that was killed goes on where it was, if it is started again so soon: what it has is as old as that.
# The next night's increment covers it.
RESUME = timedelta(days=3)  # a weekend; Salesforce has the results of a bulk job for a week
MOST_SKEW_SECONDS = 300.0  # a clock further off breaks logins that sign a time (JWT)
MOST_USED = 0.8  # of the day's requests: above it the night may not come to its end
# Python looks for cycles after 700 new objects, which a page has: a third of the processor time, and records hold none.
OBJECTS_BETWEEN_COLLECTIONS = 10_000


@without_pandas()
def extract(
    connection: Connection,
    *,
    secrets: Mapping[str, str],
    base_url: str | None,
    sync_id: str,
    cursors: Mapping[str, datetime],
    again: Mapping[str, Collection[str]] | None = None,
    landing: Path,
    is_full: bool = False,
    now: datetime,
    on_progress: Callable[[Progress], None],
    stop: threading.Event | None = None,
) -> Landed:
    """Land what changed since the cursors (all of it when full, or for an object without cursor) and return the manifest.

    `secrets` maps names of environment variables to values. `base_url` replaces the connection's address; the sandbox has
    no other. `again` are the ids, by object, that the last sync had to put aside. `now` is the time of the start; windows end at it,
    less the connection's lag: that end is the next cursor.
    Once `stop` is set, reading ends with an InterruptedReadError as soon as the requests under way are answered.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)  # for good: other connections are read by other threads meanwhile
    folder = landing / connection.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with hold(folder / ".lock", run=sync_id):
            writer = LandingWriter(
                landing,
                connection=connection.name,
                crm=connection.crm.value,
                sync_id=sync_id,
                part_key="" if cursors and not is_full else _part_key(connection),
            )
            if known := writer.take_over(since=datetime.now(UTC) - RESUME):
                logger.warning("%s: going on where a read was cut; known of it: %s", connection.name, ", ".join(known))
            caller = Caller(stop=stop)
            sync = Sync(
                connection,
                writer=writer,
                caller=caller,
                cursors={} if is_full else cursors,
                again=again or {},
                now=now,
                on_progress=on_progress,
            )
            for error in _unknown_objects(connection):
                raise error
            _start_jobs(sync, connection, secrets=secrets, base_url=base_url, caller=caller)
            sync.workers.run()
            return writer.commit(
                is_full=is_full,
                started_at=now,
                extracted_at=sync.clock(),
                clock_skew_seconds=sync.clock_skew_seconds,
            )
    except HeldError as error:
        reason = f"another extraction of this connection is running: {error}"
        raise LandingError(folder, reason=reason, remedy="wait until it has ended") from error
    except OSError as error:
        reason = f"it cannot be written ({os.strerror(error.errno) if error.errno else error})"
        raise LandingError(
            folder, reason=reason, remedy="make room on the disk and run again; nothing was lost"
        ) from error


def check(
    connection: Connection, *, secrets: Mapping[str, str], base_url: str | None, with_sample: bool = False
) -> list[Finding]:
    """Say what tonight's sync would find; an error of the connection is a finding, never raised.

    Login, permission for everything that is read, mapped fields, requests left, the clocks, and what the start day leaves out.
    `with_sample`: how many of a few records have a value in each field, for when nothing has been read yet.
    """
    if isinstance(connection, FilesConnection):
        return list(files_reading.findings(connection))
    caller = Caller(tries=2)  # somebody waits for the answer
    try:
        found = list(_checked(connection, secrets=secrets, base_url=base_url, caller=caller, with_sample=with_sample))
    except ConnectorError as error:
        return [Finding(connection.name, "login", is_ok=False, detail=str(error))]
    skew = caller.clock_skew_seconds
    clock = f"the CRM's clock is {round(skew):+d} s from this machine's"
    if abs(skew) > LEAST_SKEW_SECONDS:
        clock += "; windows go by the CRM's clock, but set this machine's by NTP"
    is_near = abs(skew) <= MOST_SKEW_SECONDS
    return [
        Finding(connection.name, "login", is_ok=True, detail="works"),
        *found,
        Finding(connection.name, "clock", is_ok=is_near, detail=clock),
    ]


def _checked(
    connection: HubSpotConnection | SalesforceConnection,
    *,
    secrets: Mapping[str, str],
    base_url: str | None,
    caller: Caller,
    with_sample: bool,
) -> Iterable[Finding]:
    before: list[str] = []
    match connection:
        case HubSpotConnection():
            hubspot = _hubspot_client(connection, secrets, base_url, caller)
            probe = probe_hubspot(connection, hubspot)
            with probe.going_on():
                before = hubspot_reading.left_out(hubspot, connection)
            usage = hubspot.usage
        case SalesforceConnection():
            salesforce = _salesforce_client(connection, secrets, base_url, caller)
            probe = probe_salesforce(connection, salesforce)
            with probe.going_on():
                before = salesforce_reading.left_out(salesforce, connection)
            usage = salesforce.usage
    name = connection.name
    problems = list(dict.fromkeys(str(error) for error in (*_unknown_objects(connection), *probe.problems)))
    if not problems:
        yield Finding(name, "fields", is_ok=True, detail="every mapped field exists, every object may be read")
    yield from (Finding(name, "fields", is_ok=False, detail=problem) for problem in problems)
    if probe.absent:
        absent = f"not in this org, or hidden from this user, and so not read: {', '.join(probe.absent)}"
        yield Finding(name, "objects", is_ok=True, detail=f"{absent}; to have them, give the user Read on them")
    if with_sample:
        yield from fill_rates(connection, probe.samples)
    left = f"start is {connection.start}; older and not asked for: {', '.join(before) or 'nothing'}"
    yield Finding(name, "start", is_ok=True, detail=f"{left}; set an earlier start to have them" if before else left)
    yield _limits(name, *usage)


def _limits(name: str, used: int, total: int) -> Finding:
    if not total:
        return Finding(name, "limits", is_ok=True, detail="the CRM does not say how many requests are left today")
    is_ok = used < total * MOST_USED
    advice = "" if is_ok else "; find out which other app uses them, or let the sync run at another hour"
    return Finding(name, "limits", is_ok=is_ok, detail=f"{used:,} of {total:,} requests used today{advice}")


def _part_key(connection: Connection) -> str:
    """What a killed full read's objects must agree in to be taken over: the same connection, asked for the same fields."""
    return hashlib.sha256(connection.model_dump_json(exclude={"workers", "limits"}).encode()).hexdigest()


def _start_jobs(
    sync: Sync, connection: Connection, *, secrets: Mapping[str, str], base_url: str | None, caller: Caller
) -> None:
    match connection:
        case HubSpotConnection():
            hubspot = _hubspot_client(connection, secrets, base_url, caller)
            hubspot_reading.start_jobs(sync, hubspot, connection)
        case SalesforceConnection():
            salesforce = _salesforce_client(connection, secrets, base_url, caller)
            salesforce_reading.start_jobs(sync, salesforce, connection)
        case FilesConnection():
            files_reading.start_jobs(sync, connection)


def _unknown_objects(connection: Connection) -> Iterable[UnknownObjectError]:
    if isinstance(connection, FilesConnection):  # every object of its map is one that it declares
        return
    module = hubspot_objects if isinstance(connection, HubSpotConnection) else salesforce_objects
    mapped = {item.object for maps in connection.field_map.values() for item in maps}
    for name in sorted(mapped - module.OBJECT_NAMES):
        yield UnknownObjectError(connection.name, object_name=name, known=module.OBJECT_NAMES)


def _hubspot_client(
    connection: HubSpotConnection, secrets: Mapping[str, str], base_url: str | None, caller: Caller
) -> HubSpotClient:
    token = secrets.get(connection.token_env)
    if not token:
        remedy = f"set {connection.token_env}"
        raise LoginError(connection.name, reason=f"{connection.token_env} is not set", remedy=remedy)
    return HubSpotClient(connection, token=token, base_url=_address(connection, base_url), caller=caller)


def _salesforce_client(
    connection: SalesforceConnection, secrets: Mapping[str, str], base_url: str | None, caller: Caller
) -> SalesforceClient:
    return SalesforceClient(connection, secrets=secrets, login_url=_address(connection, base_url), caller=caller)


def _address(connection: HubSpotConnection | SalesforceConnection, base_url: str | None) -> str:
    try:
        address = checked_url(base_url or connection.url)
    except ValueError as error:
        reason = "its address is refused"
        raise LoginError(connection.name, reason=reason, remedy=f"give it {error}") from error
    if address == SANDBOX:
        reason = "the sandbox has no address yet"
        raise LoginError(connection.name, reason=reason, remedy="start it and give its address as base_url")
    return address
