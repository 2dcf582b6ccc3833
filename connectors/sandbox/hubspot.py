"""HubSpot's CRM API over the sandbox's store: what the official SDK and a connector ask of it, in both path families."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Select, Text, cast
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from connectors.sandbox.credentials import HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET, HUBSPOT_TOKEN
from connectors.sandbox.errors import HubSpotAnswerError
from connectors.sandbox.hubspot_request import body_of, cursor, input_ids, limit_of, names_in, object_name, paging
from connectors.sandbox.hubspot_schema import OBJECT_ALIASES, SINGULAR, property_types
from connectors.sandbox.hubspot_search import MAX_BODY_CHARACTERS, refuse, search_statements
from connectors.sandbox.hubspot_totals import Totals
from connectors.sandbox.hubspot_view import (
    View,
    association_page,
    association_results,
    exchange_rate,
    owner,
    pipeline,
    schema_property,
)
from connectors.sandbox.plays.gate import gate
from connectors.sandbox.plays.stage import Stage
from connectors.sandbox.sql import RECORDS, compiled
from connectors.sandbox.store import HUBSPOT, Store, StoredRecord
from connectors.sandbox.times import hubspot_time, now_ms
from connectors.sandbox.web import answer, form_body, is_yes, record_page, repeated

VERSIONS: Final = ("2026-03", "2026-09")
MAX_LIST, MAX_LIST_WITH_HISTORY, MAX_OWNERS = 100, 50, 500
MAX_QUERY_CHARACTERS: Final = 4_000  # HubSpot has such a limit and does not tell it
MAX_ASSOCIATION_INPUTS: Final = 1_000
ASSOCIATIONS_PER_PAGE: Final = 500
TOKEN_SECONDS: Final = 1_800
DAILY_LIMIT: Final = 650_000  # Professional edition
PER_TEN_SECONDS: Final = 190


def hubspot_app(store: Store, middlewares: Sequence[Middleware] = (), *, stage: Stage | None = None) -> Starlette:
    """The server; `middlewares` stand before every request and may delay, change or refuse it, as the `stage` does with its plays."""
    api = HubSpotApi(store, stage or Stage(store))
    middlewares = [*middlewares, *([gate(stage, HUBSPOT)] if stage is not None else [])]
    handlers: dict[Any, ExceptionHandler] = {HubSpotAnswerError: _refusal, 404: _not_found, 405: _not_found}
    return Starlette(routes=api.routes(), middleware=list(middlewares), exception_handlers=handlers)


class HubSpotApi:
    """The handlers; each answers one documented path."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self._store = store
        self._stage = stage
        self._totals = Totals(store)
        self._calls = 0

    def routes(self) -> list[Route]:
        """Every path in its old (v3, v4) and its dated form. What has a fixed word in it stands before what has a parameter."""
        families = [("/crm/v3/objects", "/crm/v3/{part}", "/crm/v4/objects", "/crm/v4/associations")]
        families += [
            (f"/crm/objects/{v}", f"/crm/{{part}}/{v}", f"/crm/objects/{v}", f"/crm/associations/{v}") for v in VERSIONS
        ]
        routes = [route for family in families for route in self._family(*family)]
        tokens = [Route(f"/oauth/{version}/token", self.token, methods=["POST"]) for version in ("v1", *VERSIONS)]
        usage = "/account-info/v3/api-usage/daily/private-apps"
        return [
            *routes,
            *tokens,
            Route("/settings/v3/currencies/exchange-rates", self.exchange_rates),
            *(Route(f"/settings/currencies/{version}/exchange-rates", self.exchange_rates) for version in VERSIONS),
            Route("/account-info/v3/details", self.account),
            Route(usage, self.usage),
            Route("/{object}/{id}", self.page),
        ]

    def _family(self, objects: str, other: str, linked: str, associations: str) -> Iterable[Route]:
        owners, pipelines, properties = (other.format(part=part) for part in ("owners", "pipelines", "properties"))
        yield Route(f"{objects}/{{object}}/search", self.search, methods=["POST"])
        yield Route(f"{objects}/{{object}}/batch/read", self.batch_read, methods=["POST"])
        yield Route(f"{associations}/{{source}}/{{target}}/batch/read", self.batch_associations, methods=["POST"])
        yield Route(f"{linked}/{{source}}/{{id}}/associations/{{target}}", self.one_records_associations)
        yield Route(f"{objects}/{{object}}", self.list_objects)
        yield Route(f"{objects}/{{object}}/{{id}}", self.one_object)
        yield Route(owners, self.owners)
        yield Route(f"{owners}/", self.owners)
        yield Route(f"{owners}/{{id}}", self.one_owner)
        yield Route(f"{pipelines}/{{object}}", self.pipelines)
        yield Route(f"{pipelines}/{{object}}/{{id}}", self.one_pipeline)
        yield Route(f"{pipelines}/{{object}}/{{id}}/stages", self.stages)
        yield Route(f"{properties}/{{object}}", self.properties)
        yield Route(f"{properties}/{{object}}/{{name}}", self.one_property)

    # -- objects

    async def list_objects(self, request: Request) -> Response:
        """A page of one object by id; the cursor `after` is the last id of the page before."""
        self._admit(request)
        name = object_name(request, "object")
        history = repeated(request, "propertiesWithHistory")
        limit = limit_of(request, default=10, maximum=MAX_LIST_WITH_HISTORY if history else MAX_LIST)
        after = cursor(request)
        view = self._view(name, repeated(request, "properties"), history)
        archived = is_yes(request.query_params.get("archived"))
        records = self._store.page(HUBSPOT, name, is_deleted=archived, after=after, limit=limit + 1)
        results = [view.result(record) for record in records[:limit]]
        self._add_associations(name, results, repeated(request, "associations"))
        more = len(records) > limit
        return self._answer({"results": results, **paging(request, results[-1]["id"] if more else None)})

    async def one_object(self, request: Request) -> Response:
        """One record by id."""
        self._admit(request)
        name = object_name(request, "object")
        record = self._store.get(HUBSPOT, name, request.path_params["id"])
        if record is None or record.is_deleted is not is_yes(request.query_params.get("archived")):
            raise HubSpotAnswerError(404, "OBJECT_NOT_FOUND", "resource not found")
        view = self._view(name, repeated(request, "properties"), repeated(request, "propertiesWithHistory"))
        result = view.result(record)
        self._add_associations(name, [result], repeated(request, "associations"))
        return self._answer(result)

    async def search(self, request: Request) -> Response:
        """Live records that match; no history, no associations, no rate-limit headers, as HubSpot does it."""
        self._admit(request)
        name = object_name(request, "object")
        if len((await request.body()).decode()) > MAX_BODY_CHARACTERS:
            raise refuse(f"The request body is longer than {MAX_BODY_CHARACTERS} characters.")
        body = await body_of(request)
        page, count, offset, limit = search_statements(name, self._types(name), body)
        page, count = self._as_indexed(page), self._as_indexed(count)
        if self._stage.sorts_ids_as_texts():
            page = page.order_by(None).order_by(cast(RECORDS.c.id, Text))
        view = self._view(name, names_in(body, "properties"), [])
        results = [view.result(record) for record in self._store.records(*compiled(page))]
        total = self._totals.total(name, body, [result["id"] for result in results], count)
        following = {"paging": {"next": {"after": str(offset + limit)}}} if offset + limit < total else {}
        return answer({"total": total, "results": results, **following})

    async def batch_read(self, request: Request) -> Response:
        """Records by id; ids that are not there make the answer a 207 that names them."""
        self._admit(request)
        name = object_name(request, "object")
        body = await body_of(request)
        history = names_in(body, "propertiesWithHistory")
        ids = input_ids(body, MAX_LIST_WITH_HISTORY if history else MAX_LIST)
        if (body.get("idProperty") or "hs_object_id") != "hs_object_id":
            raise refuse("The sandbox reads batches by hs_object_id only.")
        archived = is_yes(request.query_params.get("archived"))
        view = self._view(name, names_in(body, "properties"), history)
        found = [record for record in self._store.many(HUBSPOT, name, ids) if record.is_deleted is archived]
        missing = sorted(set(ids) - {record.id for record in found})
        message = f"Could not get some {SINGULAR[name].upper()} objects, they may be deleted or not exist. Check that ids are valid."
        errors = [_problem(message, None, {"ids": missing})] if missing else []
        return self._batch([view.result(record) for record in found], errors)

    # -- associations

    async def batch_associations(self, request: Request) -> Response:
        """Targets of up to 1,000 records, each paged by itself; one without any is reported among the errors of a 207."""
        self._admit(request)
        source, target = object_name(request, "source"), object_name(request, "target")
        body = await body_of(request)
        ids = input_ids(body, MAX_ASSOCIATION_INPUTS)
        after = {str(one["id"]): int(one["after"]) for one in body["inputs"] if str(one.get("after", "")).isdecimal()}
        grouped = association_results(self._store.associations(source, ids, target))
        size = self._stage.association_page(ASSOCIATIONS_PER_PAGE)
        found = (one for one in dict.fromkeys(ids) if one in grouped)
        results = [association_page(one, grouped[one], after=after.get(one), size=size) for one in found]
        errors = [_no_association(source, target, one) for one in dict.fromkeys(ids) if one not in grouped]
        return self._batch(results, errors)

    async def one_records_associations(self, request: Request) -> Response:
        """Targets of one record, paged by the last target's id."""
        self._admit(request)
        source, target = object_name(request, "source"), object_name(request, "target")
        limit, after = (
            limit_of(request, default=ASSOCIATIONS_PER_PAGE, maximum=ASSOCIATIONS_PER_PAGE),
            cursor(request),
        )
        record_id = request.path_params["id"]
        grouped = association_results(self._store.associations(source, [record_id], target)).get(record_id, [])
        rest = [one for one in grouped if after is None or one["toObjectId"] > int(after)]
        more = str(rest[limit - 1]["toObjectId"]) if len(rest) > limit else None
        return self._answer({"results": rest[:limit], **paging(request, more)})

    def _add_associations(self, name: str, results: Sequence[dict[str, Any]], targets: Sequence[str]) -> None:
        """The list form: one entry per association type, so a target may stand there twice."""
        for target in targets:
            target_name = OBJECT_ALIASES.get(target)
            if target_name is None:
                continue  # unknown associations are ignored
            grouped = association_results(
                self._store.associations(name, [result["id"] for result in results], target_name)
            )
            for result in results:
                entries = [
                    {
                        "id": str(one["toObjectId"]),
                        "type": f"{SINGULAR[name]}_to_{SINGULAR[target_name]}{_suffix(kind['typeId'])}",
                    }
                    for one in grouped.get(result["id"], [])
                    for kind in one["associationTypes"]
                ]
                if entries:
                    result.setdefault("associations", {})[target_name] = {"results": entries}

    # -- owners, pipelines, properties

    async def owners(self, request: Request) -> Response:
        """Live owners, or with `archived=true` those who left."""
        self._admit(request)
        limit, after = limit_of(request, default=100, maximum=MAX_OWNERS), cursor(request)
        archived = is_yes(request.query_params.get("archived"))
        email = request.query_params.get("email")
        records = self._store.page(HUBSPOT, "owners", is_deleted=archived, after=after, limit=limit + 1)
        results = [
            owner(record) for record in records[:limit] if email is None or record.properties.get("email") == email
        ]
        return self._answer(
            {"results": results, **paging(request, records[limit - 1].id if len(records) > limit else None)}
        )

    async def one_owner(self, request: Request) -> Response:
        """One owner by id."""
        self._admit(request)
        record = self._store.get(HUBSPOT, "owners", request.path_params["id"])
        if record is None or record.is_deleted is not is_yes(request.query_params.get("archived")):
            raise HubSpotAnswerError(404, "OBJECT_NOT_FOUND", "resource not found")
        return self._answer(owner(record))

    async def pipelines(self, request: Request) -> Response:
        """All pipelines of an object, with their stages; never paged."""
        self._admit(request)
        return self._answer({"results": [pipeline(record) for record in self._pipelines(request)]})

    async def one_pipeline(self, request: Request) -> Response:
        """One pipeline."""
        self._admit(request)
        return self._answer(self._pipeline(request))

    async def stages(self, request: Request) -> Response:
        """The stages of one pipeline."""
        self._admit(request)
        return self._answer({"results": self._pipeline(request)["stages"]})

    async def properties(self, request: Request) -> Response:
        """All properties of an object."""
        self._admit(request)
        types = self._types(object_name(request, "object"))
        return self._answer({"results": [schema_property(*one) for one in sorted(types.items())]})

    async def one_property(self, request: Request) -> Response:
        """One property of an object."""
        self._admit(request)
        types, name = self._types(object_name(request, "object")), request.path_params["name"]
        if name not in types:
            raise HubSpotAnswerError(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")
        return self._answer(schema_property(name, types[name]))

    # -- account

    async def token(self, request: Request) -> Response:
        """OAuth: any grant with the sandbox's client id and secret gets the sandbox's token."""
        form = await form_body(request)
        if (form.get("client_id"), form.get("client_secret")) != (HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET):
            raise HubSpotAnswerError(400, "BAD_CLIENT_ID", "missing or unknown client id")
        tokens = {"access_token": HUBSPOT_TOKEN, "refresh_token": HUBSPOT_TOKEN}
        return answer({**tokens, "token_type": "bearer", "expires_in": TOKEN_SECONDS})

    async def account(self, request: Request) -> Response:
        """Which account this is."""
        self._admit(request)
        zone = {"timeZone": "Asia/Tokyo", "utcOffset": "+09:00", "utcOffsetMilliseconds": 32_400_000}
        return self._answer(
            {
                "portalId": 4_180,
                "accountType": "DEVELOPER_TEST",
                "companyCurrency": "JPY",
                **zone,
                "uiDomain": "127.0.0.1",
            }
        )

    async def exchange_rates(self, request: Request) -> Response:
        """The rates of other currencies to the account's, each with the moment from which it holds; paged."""
        self._admit(request)
        limit, after = limit_of(request, default=100, maximum=MAX_LIST), cursor(request)
        records = self._store.page(HUBSPOT, "exchange_rates", is_deleted=False, after=after, limit=limit + 1)
        results = [exchange_rate(record) for record in records[:limit]]
        more = records[limit - 1].id if len(records) > limit else None
        return self._answer({"results": results, **paging(request, more)})

    async def usage(self, request: Request) -> Response:
        """Calls made today against the daily limit."""
        self._admit(request)
        return self._answer(
            {
                "results": [
                    {"name": "private-apps-api-calls-daily", "usageLimit": DAILY_LIMIT, "currentUsage": self._calls}
                ]
            }
        )

    async def page(self, request: Request) -> Response:
        """A record for a person's browser, without a token."""
        name = request.path_params["object"]
        return record_page(
            "HubSpot", self._store.get(HUBSPOT, OBJECT_ALIASES.get(name, name), request.path_params["id"])
        )

    # -- shared by the handlers

    def _admit(self, request: Request) -> None:
        self._calls += 1
        if len(request.url.query) > MAX_QUERY_CHARACTERS:
            raise HubSpotAnswerError(414, "URI_TOO_LONG", "The request's address is too long.")
        if request.headers.get("authorization") != f"Bearer {HUBSPOT_TOKEN}":
            raise HubSpotAnswerError(
                401, "INVALID_AUTHENTICATION", "Authentication credentials not found or not valid."
            )

    def _answer(self, value: Any, status: int = 200) -> Response:
        meter = self._stage.meter
        headers = meter.hubspot_headers(self._calls, usual_daily=DAILY_LIMIT, usual=PER_TEN_SECONDS)
        return answer(value, status, headers)

    def _batch(self, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
        moment = hubspot_time(now_ms())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return self._answer(body, 207 if errors else 200)

    def _view(self, name: str, properties: Sequence[str], history: Sequence[str]) -> View:
        hidden = self._stage.hidden_fields(HUBSPOT, name)
        shown = [one for one in properties if one not in hidden]
        return View.of(name, self._store.fields(HUBSPOT, name), shown, history)

    def _types(self, name: str) -> dict[str, str]:
        hidden = self._stage.hidden_fields(HUBSPOT, name)
        types = property_types(name, self._store.fields(HUBSPOT, name))
        return {name: kind for name, kind in types.items() if name not in hidden}

    def _as_indexed(self, statement: Select[Any]) -> Select[Any]:
        """The search's index may not know the last changes yet."""
        hidden_from = self._stage.hidden_from_ms(HUBSPOT)
        return statement if hidden_from is None else statement.where(RECORDS.c.modified_ms < hidden_from)

    def _pipelines(self, request: Request) -> list[StoredRecord]:
        name = object_name(request, "object")
        records = (record for record in self._store.all(HUBSPOT, "pipelines") if not record.is_deleted)
        return [record for record in records if record.properties.get("objectType", "deals") == name]

    def _pipeline(self, request: Request) -> dict[str, Any]:
        for record in self._pipelines(request):
            if record.id == request.path_params["id"]:
                return pipeline(record)
        raise HubSpotAnswerError(404, "OBJECT_NOT_FOUND", "resource not found")


def _suffix(type_id: int) -> str:
    unlabelled = (279, 280, 341, 342)
    return "_unlabeled" if type_id in unlabelled else ""


def _problem(message: str, sub_category: str | None, context: dict[str, list[str]]) -> dict[str, Any]:
    kind = {"subCategory": sub_category} if sub_category else {}
    return {"status": "error", "category": "OBJECT_NOT_FOUND", **kind, "message": message, "context": context}


def _no_association(source: str, target: str, record_id: str) -> dict[str, Any]:
    message = f"No {SINGULAR[target]} is associated with {SINGULAR[source]} {record_id}."
    context = {"fromObjectId": [record_id], "fromObjectType": [SINGULAR[source]], "toObjectType": [SINGULAR[target]]}
    return _problem(message, "crm.associations.NO_ASSOCIATIONS_FOUND", context)


def _error_body(category: str, message: str, context: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category}
    return {**body, "context": context} if context else body


async def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, HubSpotAnswerError):
        raise error
    return answer(_error_body(error.category, error.message, error.context), error.status)


async def _not_found(_: Request, error: Exception) -> Response:
    return answer(_error_body("OBJECT_NOT_FOUND", "resource not found"), getattr(error, "status_code", 404))
