"""One query through Bulk API 2.0: a job made, awaited, and its CSV pages turned into the rows that REST would have given."""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import requests

from connectors.errors import BulkJobError, IncompleteReadError, RequestRefusedError, UnavailableError
from connectors.landing import Place
from connectors.salesforce.client import SalesforceClient

PAGE_ROWS = 5_000  # some 5 MB of CSV: few requests, little memory for each of several objects
CHUNK_ROWS = 2_000
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 20.0
DEADLINE_SECONDS = 7_200.0  # Salesforce itself gives up a query job after some two hours of retries
JOB = "job"  # in a place: the id of its bulk job
LAST_LOCATOR = "null"  # the word, not an empty header
BOOLEANS = {"true": True, "false": False}
NUMBERS = frozenset({"double", "currency", "percent"})

Row = dict[str, Any]
Convert = Callable[[str], Any]


def read_bulk(
    client: SalesforceClient,
    *,
    connection: str,
    object_name: str,
    query: str,
    types: Mapping[str, str],
    place: Place,
    keeps_job: bool,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[list[Row], Place]]:
    """Rows of the query in lists of a fair size; with the last ones of a page the place of the next, with others an empty one.

    `types` are the object's field types, as describe gives them. A `place` of a killed run is gone on from while Salesforce
    has its job. `keeps_job`: after an error it stays, to be gone on with.

    Raises BulkJobError when there is no finished job (nothing has been given then: read by REST), IncompleteReadError when
    the job's pages hold another number of rows than the job says.
    """
    if not (JOB in place and _is_there(client, place[JOB], object_name)):
        job_id, expected = _finished_job(client, object_name, query, clock)
        place = {JOB: job_id, "expected": expected, "given": 0, "locator": ""}
    job_id, expected, given, locator = (place[key] for key in (JOB, "expected", "given", "locator"))
    try:
        while locator != LAST_LOCATOR:
            address = f"jobs/query/{job_id}/results?maxRecords={PAGE_ROWS}" + (f"&locator={locator}" if locator else "")
            following, rows = client.read(address, _page, what=f"bulk results of {object_name}")
            header, body = rows[0] if rows else [], rows[1:]
            given += len(body)
            here = {JOB: job_id, "expected": expected, "given": given, "locator": following}
            for chunk, is_last in _chunks(header, body, types):
                yield chunk, here if is_last else {}
            if following == locator:
                reason = "a page names itself as the next one"
                raise IncompleteReadError(connection, object_name=object_name, reason=reason)
            locator = following
    finally:
        if locator == LAST_LOCATOR or not keeps_job:
            _forget(client, job_id)
    if given != expected:
        reason = f"the bulk job processed {expected} records and gave {given}"
        raise IncompleteReadError(connection, object_name=object_name, reason=reason)


def _finished_job(
    client: SalesforceClient, object_name: str, query: str, clock: Callable[[], float]
) -> tuple[str, int]:
    what = f"bulk query of {object_name}"
    body = {"operation": "queryAll", "query": query, "columnDelimiter": "COMMA", "lineEnding": "LF"}
    try:
        job = client.change("POST", "jobs/query", body, what=what)
    except RequestRefusedError as error:  # objects and editions without Bulk, or its own daily limits
        raise BulkJobError(what, state=f"refused ({error.code})") from error
    job_id, deadline, wait = str(job["id"]), clock() + DEADLINE_SECONDS, FIRST_WAIT_SECONDS
    while (state := str(job.get("state"))) != "JobComplete":
        if state in {"Failed", "Aborted"}:
            raise BulkJobError(what, state=state)
        if clock() > deadline:
            client.change("PATCH", f"jobs/query/{job_id}", {"state": "Aborted"}, what=f"abort {what}")
            raise BulkJobError(what, state="not finished in time")
        client.wait(wait)
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        job = client.get(f"jobs/query/{job_id}", what=what)
    return job_id, int(job.get("numberRecordsProcessed") or 0)


def _page(response: requests.Response) -> tuple[str, list[list[str]]]:
    """The next locator, and the rows with the header first. NUL bytes, which long texts hold now and then, are left out."""
    csv.field_size_limit(sys.maxsize)  # long text areas are longer than Python's default allows
    try:
        # decoded as it is read: a StringIO of the page would take four bytes for each sign of it
        text = io.TextIOWrapper(io.BytesIO(response.content.replace(b"\0", b"")), encoding="utf-8", newline="")
        rows = [row for row in csv.reader(text) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnavailableError(f"bulk results: a page cannot be read ({type(error).__name__})") from error
    said = response.headers.get("Sforce-NumberOfRecords") or ""
    if not said.isdecimal() or int(said) != max(0, len(rows) - 1):
        raise UnavailableError(f"bulk results: {max(0, len(rows) - 1)} rows came where {said or 'none'} were announced")
    if len({len(row) for row in rows}) > 1:
        raise UnavailableError("bulk results: a row is cut short")
    return response.headers.get("Sforce-Locator") or LAST_LOCATOR, rows


def _is_there(client: SalesforceClient, job_id: str, object_name: str) -> bool:
    """Whether a killed run's job still has its results: Salesforce keeps them for a week, or until somebody deletes it."""
    try:
        return str(client.get(f"jobs/query/{job_id}", what=f"bulk query of {object_name}")["state"]) == "JobComplete"
    except RequestRefusedError:
        return False


def _chunks(
    header: Sequence[str], rows: Sequence[Sequence[str]], types: Mapping[str, str]
) -> Iterator[tuple[list[Row], bool]]:
    """The rows in parts; whether it is the last one."""
    readers = [(name.split("."), _convert(types.get(name, "string"))) for name in header]
    for start in range(0, len(rows), CHUNK_ROWS):
        end = start + CHUNK_ROWS
        yield [_row(readers, row) for row in rows[start:end]], end >= len(rows)


def _row(readers: Sequence[tuple[list[str], Convert]], values: Sequence[str]) -> Row:
    row: Row = {}
    for (path, convert), text in zip(readers, values, strict=True):
        if len(path) == 1:
            row[path[0]] = _converted(convert, text)
        else:
            _set_parent(row, path, text or None)
    return row


def _converted(convert: Convert, text: str) -> Any:
    """The value; text that is none of its type stays text: the field map sets that record aside, with the reason."""
    try:
        return convert(text) if text else None
    except (KeyError, ValueError):
        return text


def _set_parent(row: Row, path: Sequence[str], value: Any) -> None:
    """Nest a parent's field as REST does; a parent without any value stays None."""
    head, *rest = path
    if value is None:
        row.setdefault(head, None)
        return
    parent = row.get(head) or {}
    row[head] = parent
    if len(rest) == 1:
        parent[rest[0]] = value
    else:
        _set_parent(parent, rest, value)


def _convert(kind: str) -> Convert:
    """How REST's JSON has a value of this type: CSV has only text, and NULL is empty."""
    if kind == "boolean":
        return BOOLEANS.__getitem__
    if kind == "int":
        return lambda text: int(_finite(text))
    if kind in NUMBERS:
        return _finite
    if kind == "datetime":
        return lambda text: f"{text[:-1]}+0000" if text.endswith("Z") else text
    return str


def _finite(text: str) -> float:
    """A number that JSON has, too: it knows neither NaN nor infinity."""
    number = float(text)
    if not isfinite(number):
        raise ValueError("not finite")
    return number


def _forget(client: SalesforceClient, job_id: str) -> None:
    """Results take up the org's storage for a week otherwise; that it cannot be deleted loses nothing."""
    try:
        client.read_nothing("DELETE", f"jobs/query/{job_id}", what="delete bulk job")
    except RequestRefusedError:
        return
