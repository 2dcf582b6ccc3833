"""One Salesforce org's API: simple-salesforce for addresses and sessions, our policy for everything that can go wrong."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connectors.errors import (
    DailyLimitError,
    LoginError,
    RateLimitedError,
    RequestRefusedError,
    SessionExpiredError,
    UnavailableError,
)
from connectors.http import Caller, build_session, no_answer, parse_json
from connectors.salesforce.auth import choose_credentials, log_in, rewrites_for
from connectors.settings import SalesforceConnection

MOST_LOGINS = 3  # in one extraction: a password refused again and again locks the account
LIMIT_EXCEEDED = "REQUEST_LIMIT_EXCEEDED"
INVALID_FIELD = "INVALID_FIELD"
LOST_LOCATOR = "INVALID_QUERY_LOCATOR"
DAILY_WORD = (
    "TotalRequests"  # "TotalRequests Limit exceeded."; the other one is "ConcurrentRequests ... Limit exceeded."
)
CONCURRENT_WAIT_SECONDS = 20.0  # only calls of 20 seconds and more count as concurrent
PASSING_CODES = frozenset({"QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})
PASSING_STATUSES = frozenset({406, 408, 420, 429})  # 406 and 420 come without a body from a gateway now and then
_NO_OBJECT = (
    "in Setup give the API user's permission set, under Object Settings, Read and View All Records on that object; "
    "an org without the object needs its feature"
)
_NO_FIELD = "in Setup give the API user's permission set read access to the field (Object Settings, Field Permissions)"
_NO_API = "in Setup give the API user's permission set the system permission API Enabled"
# what a code of refusal means for whoever keeps the org; an object that one may not see is answered as if it were not there
REMEDIES = {
    **dict.fromkeys(("NOT_FOUND", "INVALID_TYPE", "INVALID_TYPE_FOR_OPERATION"), _NO_OBJECT),
    **dict.fromkeys(
        ("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "FUNCTIONALITY_NOT_ENABLED"), _NO_OBJECT
    ),
    INVALID_FIELD: _NO_FIELD,
    **dict.fromkeys(("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"), _NO_API),
}
Page = Mapping[str, Any]
T = TypeVar("T")


class SalesforceClient:
    """Asks one org. Safe for several threads; logs in when first asked, and again when the session has ended."""

    def __init__(
        self, connection: SalesforceConnection, *, secrets: Mapping[str, str], login_url: str, caller: Caller
    ) -> None:
        self._connection = connection
        self._caller = caller
        self._credentials = choose_credentials(connection, secrets, login_url)
        self._session = build_session(rewrites_for(login_url), pool_size=connection.workers)
        self._session.hooks["response"].append(lambda answer, **_: caller.note_date(answer.headers.get("Date")))
        self._lock = threading.Lock()
        self._login_count = 0
        self._refused: LoginError | None = None
        self._org: Any = None

    def query(self, soql: str, *, what: str) -> Page:
        """First page of a query, deleted and archived rows included."""
        return self._ask(lambda org: org.query(soql, include_deleted=True), what=what)

    def next_page(self, address: str, *, what: str) -> Page:
        """The page that the last one named. The locator may be lost: RequestRefusedError with code LOST_LOCATOR."""
        return self._ask(lambda org: org.query_more(address, identifier_is_url=True), what=what)

    def count(self, soql: str, *, what: str) -> int:
        """The number that a COUNT() query gives."""
        return int(self.query(soql, what=what)["totalSize"])

    def describe(self, object_name: str) -> Page:
        """An object's fields, as this user sees them."""
        return self._ask(lambda org: org.restful(f"sobjects/{object_name}/describe"), what=f"describe {object_name}")

    def change(self, method: str, path: str, body: Mapping[str, Any], *, what: str) -> Page:
        """Send a body to a path under the API's version, e.g. a new bulk job."""
        text = orjson.dumps(body)
        return self._ask(lambda org: org.restful(path, method=method, data=text), what=what)

    def get(self, path: str, *, what: str) -> Page:
        """Read a path under the API's version."""
        return self._ask(lambda org: org.restful(path), what=what)

    def read(self, path: str, parse: Callable[[requests.Response], T], *, what: str) -> T:
        """What `parse` makes of an answer that is not JSON. It may raise an UnavailableError: then it is asked for again."""

        def send(org: Any) -> T:
            headers = {"Accept": "text/csv"}
            return parse(org._call_salesforce("GET", org.base_url + path, headers=headers))

        answer: T = self._caller.call(lambda: self._send(send, what))
        return answer

    def read_nothing(self, method: str, path: str, *, what: str) -> None:
        """Send a request whose answer has no body."""
        self._caller.call(lambda: self._send(lambda org: org._call_salesforce(method, org.base_url + path), what))

    def wait(self, seconds: float) -> None:
        """Let time pass before asking again."""
        self._caller.wait(seconds)

    @property
    def usage(self) -> tuple[int, int]:
        """Requests that the org has used in the last 24 hours, and those that it may; (0, 0) when it did not say."""
        return _usage(self._org) if self._org is not None else (0, 0)

    def _ask(self, send: Callable[[Any], Any], *, what: str) -> Page:
        answer: Any = self._caller.call(lambda: self._send(send, what))
        if not isinstance(answer, dict):
            raise UnavailableError(f"{what}: the answer is not an object")
        return answer

    def _send(self, send: Callable[[Any], T], what: str) -> T:
        org = self._session_org()
        try:
            answer = send(org)
        except SalesforceError as error:
            self._refuse(error, what=what, org=org)
        except requests.RequestException as error:
            raise no_answer(what, org.base_url, error) from None
        self._leave_some_for_others(org)
        return answer

    def _session_org(self) -> Any:
        """The open session; logs in when there is none. One thread does it for all."""
        with self._lock:
            if self._refused is not None:
                raise self._refused
            if self._org is None:
                try:
                    self._org = self._open()
                except LoginError as error:
                    self._refused = error  # the other threads must not try the same secrets again
                    raise
            return self._org

    def _open(self) -> Any:
        if self._login_count >= MOST_LOGINS:
            reason = f"no lasting session after {self._login_count} logins"
            raise LoginError(self._connection.name, reason=reason, remedy="check the app's session policies")
        login = log_in(self._connection.name, self._credentials, self._session)
        self._login_count += 1  # silence is no login: it is asked again as any request is
        org = Salesforce(
            session_id=login.session_id,
            instance=login.instance,
            session=self._session,
            version=self._connection.api_version,
        )
        org.headers.pop("X-PrettyPrint", None)  # half the bytes
        org.parse_result_to_json = _parse_answer
        return org

    def _forget(self, org: Any) -> None:
        with self._lock:
            if self._org is org:
                self._org = None

    def _refuse(self, error: Any, *, what: str, org: Any) -> NoReturn:
        """Raise what an answer of 300 and more means; without the SDK's error behind it, which quotes the body."""
        status, code = int(error.status), _error_code(error.content)
        if status == 401:
            self._forget(org)
            raise SessionExpiredError(f"{what}: the session has ended", wait_seconds=0) from None
        if code == LIMIT_EXCEEDED:
            self._refuse_for_limit(org, what=what, message=_error_message(error.content))
        if status >= 500 or status in PASSING_STATUSES or code in PASSING_CODES:
            raise UnavailableError(f"{what}: status {status} ({code})") from None
        raise RequestRefusedError(
            self._connection.name, what=what, status=status, code=code, remedy=REMEDIES.get(code)
        ) from None

    def _refuse_for_limit(self, org: Any, *, what: str, message: str) -> NoReturn:
        """One code, two causes: the day's requests are used up, or too many long ones run at once. The message tells."""
        used, total = _usage(org)
        if "Concurrent" not in message and (DAILY_WORD in message or (total and used >= total)):
            raise DailyLimitError(self._connection.name, reason=f"{used} of {total} requests used") from None
        raise RateLimitedError(f"{what}: too many requests at once", wait_seconds=CONCURRENT_WAIT_SECONDS) from None

    def _leave_some_for_others(self, org: Any) -> None:
        if self._connection.is_sandbox:
            return
        used, total = _usage(org)
        limits = self._connection.limits
        if limits.requests_per_day:
            total = min(total or limits.requests_per_day, limits.requests_per_day)
            used = max(used, self._caller.request_count)  # where the org does not say
        if total and used > total * (1 - limits.reserve_for_others):
            reason = f"{used} of {total} requests used, {limits.reserve_for_others:.0%} are left for others"
            raise DailyLimitError(self._connection.name, reason=reason)
        mine = org.api_usage.get("per-app-api-usage")
        if mine and mine.used >= mine.total:
            reason = f"{mine.used} of the {mine.total} requests used that the org allows this app"
            raise DailyLimitError(self._connection.name, reason=reason)


def _parse_answer(response: requests.Response) -> Any:
    return parse_json(response.content, what=f"{response.request.method} {urlsplit(response.url).path}")


def _error_code(content: Any) -> str:
    """Errors are a list of objects; a gateway's answer is anything."""
    first = content[0] if isinstance(content, list) and content else content
    return str(first.get("errorCode") or "no code") if isinstance(first, dict) else "no code"


def _error_message(content: Any) -> str:
    first = content[0] if isinstance(content, list) and content else content
    return str(first.get("message") or "") if isinstance(first, dict) else ""


def _usage(org: Any) -> tuple[int, int]:
    usage = org.api_usage.get("api-usage")
    return (usage.used, usage.total) if usage else (0, 0)
