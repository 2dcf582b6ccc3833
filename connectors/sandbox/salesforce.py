"""Salesforce's REST API over the sandbox's store: logins, SOQL, describe, deleted records, limits, Bulk 2.0 queries."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from connectors.sandbox.errors import SalesforceAnswerError
from connectors.sandbox.ids import KEY_PREFIXES
from connectors.sandbox.plays.gate import gate
from connectors.sandbox.plays.stage import Stage
from connectors.sandbox.salesforce_bulk import BulkJobs
from connectors.sandbox.salesforce_login import ORGANISATION_ID, SESSION_ID, USER_ID, oauth_token, soap_login
from connectors.sandbox.salesforce_query import LEAST_PAGE_SIZE, PAGE_SIZE, Answerer
from connectors.sandbox.salesforce_rows import RowMaker
from connectors.sandbox.salesforce_schema import SField
from connectors.sandbox.sql import RECORDS, compiled
from connectors.sandbox.store import SALESFORCE, Store
from connectors.sandbox.times import now_ms, parse_ms, salesforce_time
from connectors.sandbox.web import answer, record_page

VERSIONS: Final = tuple(f"{number}.0" for number in range(55, 67))
DAILY_LIMIT: Final = 100_000  # Enterprise edition before user licences
DELETED_REACH_MS: Final = 15 * 86_400_000  # getDeleted looks back fifteen days
LEAST_SPAN_MS: Final = 60_000  # start and end must be more than a minute apart

_SOAP_TYPES = {
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
}
_SOAP_TYPES |= {"datetime": "xsd:dateTime", "date": "xsd:date", "id": "tns:ID", "reference": "tns:ID"}

Handler = Callable[[Request], Awaitable[Response]]


def salesforce_app(store: Store, middlewares: Sequence[Middleware] = (), *, stage: Stage | None = None) -> Starlette:
    """The server; `middlewares` stand before every request and may delay, change or refuse it, as the `stage` does with its plays."""
    api = SalesforceApi(store, stage or Stage(store))
    middlewares = [*middlewares, *([gate(stage, SALESFORCE)] if stage is not None else [])]
    handlers: dict[Any, ExceptionHandler] = {SalesforceAnswerError: _refusal, 404: _not_found, 405: _not_found}
    return Starlette(routes=api.routes(), middleware=list(middlewares), exception_handlers=handlers)


class SalesforceApi:
    """The handlers; each answers one documented path."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self._store = store
        self._stage = stage
        self._answerer = Answerer(store, stage)
        self._jobs = BulkJobs(self._answerer)
        self._calls = 0

    def routes(self) -> list[Route]:
        """Every path; clients write some with a slash at the end, and a redirect would lose a POST."""
        return [
            Route("/services/Soap/u/{version}", soap_login, methods=["POST"]),
            Route("/services/oauth2/token", oauth_token, methods=["POST"]),
            *self._guarded("/services/oauth2/userinfo", self.user_info),
            *_both("/services/data", self.versions),
            *[route for path, handler, method in self._data_paths() for route in self._guarded(path, handler, method)],
            Route("/{object}/{id}", self.page),
        ]

    def _data_paths(self) -> Iterable[tuple[str, Handler, str]]:
        data = "/services/data/v{version}"
        yield f"{data}/query", self.query, "GET"
        yield f"{data}/queryAll", self.query_all, "GET"
        yield f"{data}/query/{{locator}}", self.query_more, "GET"
        yield f"{data}/queryAll/{{locator}}", self.query_more, "GET"
        yield f"{data}/limits", self.limits, "GET"
        yield f"{data}/sobjects", self.describe_all, "GET"
        yield f"{data}/sobjects/{{object}}/describe", self.describe, "GET"
        yield f"{data}/sobjects/{{object}}/deleted", self.deleted, "GET"
        yield f"{data}/sobjects/{{object}}/updated", self.updated, "GET"
        yield f"{data}/sobjects/{{object}}", self.basic, "GET"
        yield f"{data}/sobjects/{{object}}/{{id}}", self.one_record, "GET"
        yield f"{data}/jobs/query", self._jobs.create, "POST"
        yield f"{data}/jobs/query", self._jobs.list_all, "GET"
        yield f"{data}/jobs/query/{{id}}", self._jobs.describe, "GET"
        yield f"{data}/jobs/query/{{id}}", self._jobs.change, "PATCH"
        yield f"{data}/jobs/query/{{id}}", self._jobs.delete, "DELETE"
        yield f"{data}/jobs/query/{{id}}/results", self._jobs.results, "GET"
        yield data, self.resources, "GET"

    def _guarded(self, path: str, handler: Handler, method: str = "GET") -> list[Route]:
        """The path behind the session check; every answer says how much of the day's budget is used."""

        async def guarded(request: Request) -> Response:
            self._admit(request)
            response = await handler(request)
            used, most = self._stage.meter.salesforce_usage(self._calls, DAILY_LIMIT)
            response.headers["Sforce-Limit-Info"] = f"api-usage={used}/{most}"
            return response

        return _both(path, guarded, method)

    def _admit(self, request: Request) -> None:
        self._calls += 1
        if request.headers.get("authorization") != f"Bearer {SESSION_ID}":
            raise SalesforceAnswerError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        version = request.path_params.get("version")
        if version is not None and version not in VERSIONS:
            raise SalesforceAnswerError(404, "NOT_FOUND", "The requested resource does not exist")

    # -- queries

    async def query(self, request: Request) -> Response:
        """Rows that are neither deleted nor archived."""
        return self._query(request, with_deleted=False)

    async def query_all(self, request: Request) -> Response:
        """All rows, the recycle bin's and archived activities too."""
        return self._query(request, with_deleted=True)

    async def query_more(self, request: Request) -> Response:
        """The next page of a query."""
        parts = request.path_params
        return answer(self._answerer.next_page(parts["locator"], parts["version"], _page_size(request)))

    def _query(self, request: Request, *, with_deleted: bool) -> Response:
        soql = request.query_params.get("q")
        if soql is None:
            raise SalesforceAnswerError(400, "MALFORMED_QUERY", "A query string has to be specified")
        version, size = request.path_params["version"], _page_size(request)
        return answer(self._answerer.first_page(soql, with_deleted=with_deleted, version=version, size=size))

    # -- objects

    async def describe_all(self, request: Request) -> Response:
        """Every object, shortly."""
        version = request.path_params["version"]
        sobjects = [_object_shown(name, version) for name in self._answerer.objects()]
        return answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})

    async def basic(self, request: Request) -> Response:
        """One object, shortly."""
        return answer(
            {"objectDescribe": _object_shown(self._object(request), request.path_params["version"]), "recentItems": []}
        )

    async def describe(self, request: Request) -> Response:
        """One object with its fields."""
        name = self._object(request)
        fields = sorted(self._answerer.catalog().fields(name).values(), key=lambda field: field.name)
        shown = _object_shown(name, request.path_params["version"])
        calculated = self._store.meta(f"calculated {SALESFORCE} {name}")
        return answer(
            {
                **shown,
                "fields": [_field_shown(field, is_calculated=field.name == calculated) for field in fields],
                "childRelationships": [],
                "recordTypeInfos": [],
            }
        )

    async def one_record(self, request: Request) -> Response:
        """One record; `fields` names some of its fields, otherwise all are given."""
        name = self._object(request)
        record = self._store.get(SALESFORCE, name, request.path_params["id"])
        if record is None or record.is_deleted:
            code = "NOT_FOUND" if record is None else "ENTITY_IS_DELETED"
            raise SalesforceAnswerError(404, code, "The requested resource does not exist")
        catalog = self._answerer.catalog()
        given = [word for word in request.query_params.get("fields", "").split(",") if word]
        names = given or [field.name for field in catalog.fields(name).values()]
        rows = RowMaker(self._store, catalog, request.path_params["version"]).rows(
            [record], [(field,) for field in names]
        )
        return answer(rows[0])

    async def deleted(self, request: Request) -> Response:
        """Records deleted in a window of the last fifteen days; `latestDateCovered` is where the next call starts."""
        start, end = _window(request)
        rows = self._changed(self._object(request), RECORDS.c.deleted_ms, start, end)
        body = [{"id": record_id, "deletedDate": salesforce_time(moment)} for record_id, moment in rows]
        earliest = salesforce_time(now_ms() - DELETED_REACH_MS)
        covered = salesforce_time(min(end, now_ms()))
        return answer({"deletedRecords": body, "earliestDateAvailable": earliest, "latestDateCovered": covered})

    async def updated(self, request: Request) -> Response:
        """Ids of records changed in a window."""
        start, end = _window(request)
        rows = self._changed(self._object(request), RECORDS.c.modified_ms, start, end)
        return answer(
            {"ids": [record_id for record_id, _ in rows], "latestDateCovered": salesforce_time(min(end, now_ms()))}
        )

    def _changed(self, name: str, clock: Any, start: int, end: int) -> list[tuple[str, int]]:
        mine = (RECORDS.c.crm == SALESFORCE) & (RECORDS.c.object == name) & (clock >= start) & (clock < end)
        wanted = RECORDS.c.is_deleted == int(clock is RECORDS.c.deleted_ms)
        statement = select(RECORDS.c.id, clock).where(mine, wanted).order_by(clock, RECORDS.c.id)
        return self._store.select(*compiled(statement)).fetchall()

    def _object(self, request: Request) -> str:
        name = request.path_params["object"]
        if name.lower() not in {known.lower() for known in self._answerer.objects()}:
            raise SalesforceAnswerError(404, "NOT_FOUND", "The requested resource does not exist")
        return self._answerer.object_named(name)

    # -- account

    async def versions(self, _: Request) -> Response:
        """The API versions; no session is needed."""
        return answer([{"label": f"Version {v}", "url": f"/services/data/v{v}", "version": v} for v in VERSIONS])

    async def resources(self, request: Request) -> Response:
        """What one version offers."""
        base = f"/services/data/v{request.path_params['version']}"
        return answer({name: f"{base}/{name}" for name in ("sobjects", "query", "queryAll", "limits", "jobs")})

    async def limits(self, _: Request) -> Response:
        """What is left of the day's budgets."""
        used, most = self._stage.meter.salesforce_usage(self._calls, DAILY_LIMIT)
        left = {"DailyApiRequests": (most, most - used), "DailyBulkV2QueryJobs": (10_000, 10_000)}
        left["DailyBulkV2QueryFileStorageMB"] = (976_562, 976_562)
        return answer({name: {"Max": most, "Remaining": rest} for name, (most, rest) in left.items()})

    async def user_info(self, _: Request) -> Response:
        """Whose session this is."""
        return answer({"user_id": USER_ID, "organization_id": ORGANISATION_ID, "preferred_username": "sandbox"})

    async def page(self, request: Request) -> Response:
        """A record for a person's browser, without a session."""
        parts = request.path_params
        return record_page("Salesforce", self._store.get(SALESFORCE, parts["object"], parts["id"]))


def _both(path: str, handler: Handler, method: str = "GET") -> list[Route]:
    return [Route(path, handler, methods=[method]), Route(f"{path}/", handler, methods=[method])]


def _page_size(request: Request) -> int:
    """The `Sforce-Query-Options` header may ask for smaller pages."""
    _, _, text = request.headers.get("sforce-query-options", "").partition("batchSize=")
    return min(max(int(text), LEAST_PAGE_SIZE), PAGE_SIZE) if text.isdecimal() else PAGE_SIZE


def _window(request: Request) -> tuple[int, int]:
    try:
        start, end = (parse_ms(request.query_params[name].replace(" ", "+")) for name in ("start", "end"))
    except (KeyError, ValueError) as wrong:
        raise SalesforceAnswerError(
            400, "INVALID_REPLICATION_DATE", "start and end must be ISO 8601 moments"
        ) from wrong
    if end - start < LEAST_SPAN_MS:
        raise SalesforceAnswerError(400, "INVALID_REPLICATION_DATE", "start must precede end by more than one minute")
    if start < now_ms() - DELETED_REACH_MS and request.url.path.rstrip("/").endswith("deleted"):
        raise SalesforceAnswerError(400, "INVALID_REPLICATION_DATE", "start is before the earliest date available")
    return start, end


def _object_shown(name: str, version: str) -> dict[str, Any]:
    urls = {
        "sobject": f"/services/data/v{version}/sobjects/{name}",
        "describe": f"/services/data/v{version}/sobjects/{name}/describe",
    }
    flags = {"queryable": True, "retrieveable": True, "replicateable": True, "deprecatedAndHidden": False}
    return {
        "name": name,
        "label": name,
        "keyPrefix": KEY_PREFIXES.get(name),
        "custom": name.endswith("__c"),
        **flags,
        "urls": urls,
    }


def _field_shown(field: SField, *, is_calculated: bool) -> dict[str, Any]:
    is_custom = field.name.endswith("__c")
    flags = {
        "nillable": field.name != "Id",
        "filterable": True,
        "sortable": True,
        "calculated": is_calculated,
        "custom": is_custom,
    }
    links = {"referenceTo": list(field.references), "relationshipName": field.relationship}
    shown = {
        "name": field.name,
        "label": field.name,
        "type": field.type,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
    }
    return {**shown, "length": 0, "picklistValues": [], **flags, **links}


async def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, SalesforceAnswerError):
        raise error
    return answer([{"message": error.message, "errorCode": error.code}], error.status)


async def _not_found(_: Request, error: Exception) -> Response:
    body = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    return answer(body, getattr(error, "status_code", 404))
