"""How does every request to a CRM behave? Timeouts, one limiter per account, retries with the wait that the CRM asks for.

Nothing here logs a body, a query or a header: they hold people's data and secrets.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.errors import RateLimitedError, RetryableError, UnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_SECONDS = 10.0
READ_SECONDS = 90.0  # a page of 2,000 rows with long texts may take a minute to begin
TRIES = 8  # with the waits below: some four minutes, longer than a CRM's usual hiccup
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0


class Limiter:
    """Lets at most `limit` requests of all threads pass in any window of `seconds`.

    A tenth of the limit may pass at once; the rest is spread evenly, so that the promise holds for every window, not for
    an average one.
    """

    def __init__(
        self,
        limit: int,
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        burst = max(1, limit // 10)
        self._interval = seconds / max(1, limit - burst)
        self._head_start = (burst - 1) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = clock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            allowed_at = max(now, self._next_at - self._head_start)
            self._next_at = max(allowed_at, self._next_at) + self._interval
        if allowed_at > now:
            self._sleep(allowed_at - now)

    def pause(self, seconds: float) -> None:
        """Let nothing pass for so long: the CRM asked the whole account to wait."""
        with self._lock:
            self._next_at = max(self._next_at, self._clock() + seconds + self._head_start)


class Caller:
    """Sends one account's requests: waits for the limiters, tries again, counts what was sent."""

    def __init__(self, *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep) -> None:
        self._tries = tries
        self._sleep = sleep
        self._lock = threading.Lock()
        self._request_count = 0

    @property
    def request_count(self) -> int:
        """Requests sent so far, retries too."""
        return self._request_count

    def call(self, send: Callable[[], T], *, limiters: Sequence[Limiter] = ()) -> T:
        """Return what `send` returns; try again while it raises a RetryableError, then raise the last one."""
        policy = Retrying(
            retry=retry_if_exception_type(RetryableError),
            stop=stop_after_attempt(self._tries),
            wait=_wait_seconds,
            sleep=self._sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        answer: T = policy(self._send_once, send, limiters)
        return answer

    def _send_once(self, send: Callable[[], T], limiters: Sequence[Limiter]) -> T:
        for limiter in limiters:
            limiter.wait()
        with self._lock:
            self._request_count += 1
        try:
            return send()
        except RateLimitedError as error:
            for limiter in limiters:
                limiter.pause(error.wait_seconds or 0)
            raise


class TimeoutAdapter(HTTPAdapter):
    """Transport of a requests session: always a timeout, and https addresses of this machine's sandbox sent as plain http.

    `rewrites` maps an https origin to the address that it stands for.
    """

    def __init__(self, rewrites: Mapping[str, str], *, pool_size: int) -> None:
        self._rewrites = dict(rewrites)
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send it, with our timeouts unless the caller has set some."""
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        url = request.url or ""
        for origin, target in self._rewrites.items():
            if url.startswith(f"{origin}/"):
                request.url = target + url[len(origin) :]
        return super().send(request, *args, **kwargs)


def build_session(rewrites: Mapping[str, str], *, pool_size: int) -> Session:
    """Make a session that reads no environment: proxies and netrc entries never change where a secret goes."""
    session = Session()
    session.trust_env = False
    session.mount("https://", TimeoutAdapter(rewrites, pool_size=pool_size))
    session.adapters.pop("http://", None)
    return session


def parse_json(body: bytes, *, what: str) -> Any:
    """Read an answer. Gateways answer 200 with a page of HTML now and then: that is no answer, so ask again."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnavailableError(f"{what}: the answer is not JSON ({len(body)} bytes)") from error


def _wait_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RetryableError) and error.wait_seconds is not None:
        return error.wait_seconds
    return wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)(state)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    logger.warning("try %d failed (%s); next in %.1f s", state.attempt_number, type(error).__name__, wait)
