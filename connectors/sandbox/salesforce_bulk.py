"""Bulk API 2.0 query jobs: created, asked about, read as CSV pages by locator."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.errors import SalesforceAnswerError
from connectors.sandbox.ids import long_id
from connectors.sandbox.salesforce_query import Answerer, Selection
from connectors.sandbox.salesforce_rows import csv_page, is_delimiter
from connectors.sandbox.times import now_ms, salesforce_time
from connectors.sandbox.web import answer, json_body

PAGE_SIZE: Final = 50_000
MOST_KEPT: Final = 20_000  # rows of a job that are kept as they were when it was made; those of a larger one are looked up when asked for
_FINAL_STATES = ("JobComplete", "Failed", "Aborted")


@dataclass(frozen=True, slots=True)
class Job:
    """One query job; which rows it has is fixed when it is made, `kept` are these as they were then."""

    id: str
    operation: str
    version: str
    selection: Selection
    delimiter: str
    line_ending: str
    created_ms: int
    kept: Sequence[Mapping[str, Any]] | None
    state: str = "UploadComplete"

    def shown(self) -> dict[str, Any]:
        """The job as the API describes it."""
        moment = salesforce_time(self.created_ms)
        shown = {
            "id": self.id,
            "operation": self.operation,
            "object": self.selection.object,
            "createdDate": moment,
            "systemModstamp": moment,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }
        done = {"numberRecordsProcessed": len(self.selection.rowids), "retries": 0, "totalProcessingTime": 1}
        return shown | (done if self.state == "JobComplete" else {})


class BulkJobs:
    """The handlers under `/jobs/query`; jobs live as long as the server."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._jobs: dict[str, Job] = {}
        self._made = 0

    async def create(self, request: Request) -> Response:
        """Make a job: the query is checked at once."""
        body = await json_body(request)
        if not isinstance(body, Mapping) or body.get("operation") not in {"query", "queryAll"}:
            raise _invalid("operation must be query or queryAll")
        delimiter = str(body.get("columnDelimiter") or "COMMA")
        if not is_delimiter(delimiter):
            raise _invalid(f"unknown columnDelimiter {delimiter}")
        operation = str(body["operation"])
        selection = self._answerer.selection(str(body.get("query")), with_deleted=operation == "queryAll")
        if not selection.paths:
            raise _invalid("aggregate queries are not supported by Bulk API 2.0")
        self._made += 1  # not the number of jobs there are: a deleted job's id is never given again
        job_id = long_id("7505g0" + str(self._made).rjust(9, "0"))
        ending = str(body.get("lineEnding") or "LF")
        version, rowids = request.path_params["version"], selection.rowids
        kept = self._answerer.rows(selection, rowids, version) if len(rowids) <= MOST_KEPT else None
        job = Job(job_id, operation, version, selection, delimiter, ending, now_ms(), kept)
        self._jobs[job_id] = job
        return answer(job.shown())

    async def list_all(self, _: Request) -> Response:
        """All jobs; never paged here."""
        return answer({"done": True, "records": [job.shown() for job in self._jobs.values()], "nextRecordsUrl": None})

    async def describe(self, request: Request) -> Response:
        """One job; it advances each time somebody asks, as a real one does while time passes."""
        job = self._job(request)
        if job.state == "UploadComplete":
            self._jobs[job.id] = replace(job, state="InProgress")
        elif job.state == "InProgress":
            self._jobs[job.id] = replace(job, state="JobComplete")
        return answer(self._jobs[job.id].shown())

    async def change(self, request: Request) -> Response:
        """Abort a job that has not ended."""
        job = self._job(request)
        body = await json_body(request)
        if not isinstance(body, Mapping) or body.get("state") != "Aborted" or job.state in _FINAL_STATES:
            raise SalesforceAnswerError(
                400, "INVALIDJOBSTATE", f"a job in state {job.state} can only be aborted while it runs"
            )
        self._jobs[job.id] = replace(job, state="Aborted")
        return answer(self._jobs[job.id].shown())

    async def delete(self, request: Request) -> Response:
        """Forget a job that has ended."""
        job = self._job(request)
        if job.state not in _FINAL_STATES:
            raise SalesforceAnswerError(400, "INVALIDJOBSTATE", f"a job in state {job.state} cannot be deleted")
        del self._jobs[job.id]
        return Response(status_code=204)

    async def results(self, request: Request) -> Response:
        """One CSV page; every page repeats the header, the last one's locator is the word null."""
        job = self._job(request)
        if job.state != "JobComplete":
            raise SalesforceAnswerError(400, "INVALIDJOBSTATE", f"results cannot be read in state {job.state}")
        size = _size(request.query_params.get("maxRecords"))
        start = _offset(request.query_params.get("locator"))
        if job.kept is not None:
            rows = job.kept[start : start + size]
        else:
            rows = self._answerer.rows(job.selection, job.selection.rowids[start : start + size], job.version)
        text = csv_page(rows, job.selection.paths, delimiter=job.delimiter, line_ending=job.line_ending)
        following = _locator(start + size) if start + size < len(job.selection.rowids) else "null"
        headers = {"Sforce-Locator": following, "Sforce-NumberOfRecords": str(len(rows))}
        return Response(text, headers=headers, media_type="text/csv")

    def _job(self, request: Request) -> Job:
        job = self._jobs.get(request.path_params["id"])
        if job is None:
            raise SalesforceAnswerError(404, "NOT_FOUND", "The requested resource does not exist")
        if job.version != request.path_params["version"]:
            raise SalesforceAnswerError(409, "API_ERROR", f"the job was made with API version {job.version}")
        return job


def _invalid(message: str) -> SalesforceAnswerError:
    return SalesforceAnswerError(400, "INVALIDJOB", message)


def _size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE
    if not text.isdecimal() or int(text) == 0:
        raise _invalid("maxRecords must be a positive integer")
    return int(text)


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (binascii.Error, ValueError) as wrong:
        raise SalesforceAnswerError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from wrong
