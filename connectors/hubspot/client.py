"""One HubSpot account's API: the official SDK's transport and login, answers read raw, errors told apart by status and category.

The SDK's own page classes drop what they do not know and lose a whole page to one unreadable date; its retries leave out POST.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import hubspot
import urllib3
from hubspot.crm.objects.exceptions import ApiException

from connectors.errors import (
    DailyLimitError,
    IncompleteReadError,
    LoginError,
    RateLimitedError,
    RequestRefusedError,
    UnavailableError,
)
from connectors.http import CONNECT_SECONDS, READ_SECONDS, Caller, Limiter, account_limiter, no_answer, parse_json
from connectors.settings import HubSpotConnection

Query = list[tuple[str, str]]

_OLD = {
    "list": "/crm/v3/objects/{object}",
    "search": "/crm/v3/objects/{object}/search",
    "batch_read": "/crm/v3/objects/{object}/batch/read",
    "associations": "/crm/v4/associations/{object}/{target}/batch/read",
    "owners": "/crm/v3/owners",
    "pipelines": "/crm/v3/pipelines/{object}",
    "properties": "/crm/v3/properties/{object}",
    "exchange_rates": "/settings/v3/currencies/exchange-rates",
}
_DATED = {
    "list": "/crm/objects/{version}/{object}",
    "search": "/crm/objects/{version}/{object}/search",
    "batch_read": "/crm/objects/{version}/{object}/batch/read",
    "associations": "/crm/associations/{version}/{object}/{target}/batch/read",
    "owners": "/crm/owners/{version}",
    "pipelines": "/crm/pipelines/{version}/{object}",
    "properties": "/crm/properties/{version}/{object}",
    "exchange_rates": "/settings/currencies/{version}/exchange-rates",
}

# How long each of HubSpot's limits lasts; a 429 promises no Retry-After.
POLICY_WAITS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
DAILY_POLICY = "DAILY"
DAILY_HEADER = "X-HubSpot-RateLimit-Daily"
LOCKED, MIGRATING = (
    423,
    477,
)  # "locked: wait at least two seconds"; "moves to another data centre: Retry-After says when"
LOCKED_WAIT_SECONDS = 2.0
FORBIDDEN = 403
SCOPE_KEYS = ("requiredGranularScopes", "requiredScopes")
SCOPE = re.compile(r"[A-Za-z0-9._-]{1,80}")  # nothing else of an answer is repeated


class HubSpotClient:
    """Asks one account. Safe for several threads."""

    def __init__(self, connection: HubSpotConnection, *, token: str, base_url: str, caller: Caller) -> None:
        self._connection = connection
        self._base_url = base_url
        self._caller = caller
        limits = connection.limits
        is_limited = not connection.is_sandbox
        self.usage = (0, 0)  # requests used today and those allowed, as HubSpot last said
        self._account: list[Limiter] = []
        self._search: list[Limiter] = []
        if is_limited:
            self._account = [account_limiter(base_url, token, limit=limits.requests_per_10_seconds, seconds=10)]
            self._search = [account_limiter(base_url, token, limit=limits.searches_per_second, seconds=1)]
        self._api = hubspot.HubSpot(
            access_token=token,
            host=base_url,
            retry=urllib3.Retry(0, redirect=0),
            connection_pool_maxsize=connection.workers,
        ).crm.objects.basic_api.api_client
        # what we send is plain already; looking at each of a batch's thousand ids took a quarter of the reading's time
        self._api.sanitize_for_serialization = lambda plain: plain

    def get(self, path: str, query: Query, **names: str) -> Any:
        """Read one of the paths above."""
        return self._ask("GET", path, names=names, query=query, body=None)

    def pages(self, path: str, query: Query, **names: str) -> Iterator[list[Mapping[str, Any]]]:
        """All pages of a list."""
        yield from (results for results, _ in self.pages_after(None, path, query, **names))

    def pages_after(
        self, after: str | None, path: str, query: Query, **names: str
    ) -> Iterator[tuple[list[Mapping[str, Any]], str | None]]:
        """The pages of a list that follow `after`, each with what the next one follows.

        Only the absence of `paging.next` ends it, not a short page.
        """
        while True:
            page = self.get(path, query if after is None else [*query, ("after", after)], **names)
            following = next_after(page)
            yield page["results"], following
            if following is None:
                return
            if following == after:
                reason = "a page names itself as the next one"
                raise IncompleteReadError(self._connection.name, object_name=names.get("object", path), reason=reason)
            after = following

    def post(self, path: str, body: Mapping[str, Any], **names: str) -> Any:
        """Read with a body: search and the batches."""
        return self._ask("POST", path, names=names, query=[], body=body)

    def _ask(self, method: str, path: str, *, names: Mapping[str, str], query: Query, body: Any) -> Any:
        if self._caller.request_count >= self._connection.limits.requests_per_day:
            raise DailyLimitError(self._connection.name, reason=f"{self._caller.request_count} requests in this run")
        family = _OLD if self._connection.api_version == "v3" else _DATED
        url = family[path].format(version=self._connection.api_version, **names)
        what = f"{method} {url}"
        limiters = self._account + (self._search if path == "search" else [])
        return self._caller.call(
            lambda: self._send(what, method=method, url=url, query=query, body=body), limiters=limiters
        )

    def _send(self, what: str, *, method: str, url: str, query: Query, body: Any) -> Any:
        try:
            response = self._api.call_api(
                url,
                method,
                query_params=list(query),
                header_params={"Accept": "application/json"},
                body=body,
                auth_settings=["oauth2"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            data: bytes = response.data
            self._note_headers(response.headers)
        except ApiException as error:
            self._refuse(what, error)
        except urllib3.exceptions.HTTPError as error:
            raise no_answer(what, self._base_url, error) from error
        answer = parse_json(data, what=what)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise UnavailableError(f"{what}: the answer has no results")
        return answer

    def _note_headers(self, headers: Mapping[str, str]) -> None:
        """What every answer tells beside itself: HubSpot's clock, and the requests left today (not on searches)."""
        self._caller.note_date(headers.get("Date"))
        total, left = headers.get(f"{DAILY_HEADER}"), headers.get(f"{DAILY_HEADER}-Remaining")
        if total and left and total.isdecimal() and left.isdecimal():
            self.usage = (int(total) - int(left), int(total))

    def _refuse(self, what: str, error: ApiException) -> NoReturn:
        """Raise what an answer other than 2xx means; without the SDK's error behind it, which quotes the body."""
        status, name = int(error.status or 0), self._connection.name
        details = _details(error.body)
        if status == 401:
            remedy = f"put a valid token into {self._connection.token_env}"
            raise LoginError(name, reason="the token is refused (401)", remedy=remedy) from None
        if status == 429:
            policy = str(details.get("policyName"))
            if policy == DAILY_POLICY:
                raise DailyLimitError(name, reason="HubSpot answers 429 with policy DAILY") from None
            wait = _retry_after(error) or POLICY_WAITS.get(policy, max(POLICY_WAITS.values()))
            raise RateLimitedError(f"{what}: {policy}", wait_seconds=wait) from None
        if status == LOCKED:
            raise UnavailableError(f"{what}: locked", wait_seconds=LOCKED_WAIT_SECONDS) from None
        if status == MIGRATING or status >= 500 or status == 0:
            raise UnavailableError(f"{what}: status {status}", wait_seconds=_retry_after(error)) from None
        code = str(details.get("category") or "no category")
        raise RequestRefusedError(name, what=what, status=status, code=code, remedy=_remedy(status, details)) from None


def next_after(page: Mapping[str, Any]) -> str | None:
    """Where the next page begins (HubSpot gives it as text or as number); None when this was the last one.

    >>> next_after({"results": [], "paging": {"next": {"after": 100}}}), next_after({"results": []})
    ('100', None)
    """
    following = (page.get("paging") or {}).get("next")
    return str(following["after"]) if following else None


def _details(body: str | None) -> dict[str, Any]:
    try:
        details = parse_json((body or "{}").encode(), what="error")
    except UnavailableError:
        return {}
    return details if isinstance(details, dict) else {}


def _remedy(status: int, details: Mapping[str, Any]) -> str | None:
    """What to give the token, by HubSpot's own names of scopes, wherever in the answer they stand."""
    if status != FORBIDDEN:
        return None
    errors = details.get("errors")
    parts = [details, *(errors if isinstance(errors, list) else ())]
    contexts = [part.get("context") for part in parts if isinstance(part, dict)]
    lists = [context.get(key) for context in contexts if isinstance(context, dict) for key in SCOPE_KEYS]
    named = [one for found in lists if isinstance(found, list) for one in found if SCOPE.fullmatch(str(one))]
    scopes = ", ".join(dict.fromkeys(named)) or "the read scope of that object"
    return f"the token needs {scopes}: add what it lacks to the service key or private app, then run `kpi doctor`"


def _retry_after(error: ApiException) -> float | None:
    text = (error.headers or {}).get("Retry-After") or ""
    return float(text) if text.isdigit() else None
