"""How does every request to a CRM behave? Timeouts, one limiter per account, retries with the wait that the CRM asks for.

Nothing here logs a body, a query or a header: they hold people's data and secrets.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import orjson
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.errors import InterruptedReadError, RateLimitedError, RetryableError, UnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_SECONDS = 10.0
READ_SECONDS = 90.0  # a page of 2,000 rows with long texts may take a minute to begin
TRIES = 8  # with the waits below: some four minutes, longer than a CRM's usual hiccup
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
BURST_SHARE = 40  # 1/40 of a limit may pass at once: what is spread evenly comes to 97.5 % of it and more
RECOVERY = 0.995  # of the pace with each request after a slow-down: half speed is made good after 140 requests
SLOWEST = 8  # times slower than allowed, at most


class Limiter:
    """Lets at most `limit` requests of all threads pass in any window of `seconds`.

    A few may pass at once; the rest is spread evenly, so that the promise holds for every window, not for an average one.
    When the CRM answers that this is too fast - others use the account, too - everything pauses, then goes on slower; the
    pace comes back by and by.
    """

    def __init__(
        self,
        limit: int,
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._least_interval = self._interval = 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next_at = clock()
        self._slowed_until = self._next_at
        self.at_most(limit)

    @property
    def interval(self) -> float:
        """Seconds between two requests, when nothing slows them down."""
        return self._least_interval

    def at_most(self, limit: int) -> None:
        """Let no more pass than so many, if it has been more."""
        burst = max(1, limit // BURST_SHARE)
        interval = self._seconds / max(1, limit - burst + 1)
        with self._lock:
            if interval > self._least_interval:
                self._least_interval, self._head_start = interval, (burst - 1) * interval
                self._interval = max(self._interval, interval)

    def reserve(self) -> float:
        """Take the next request's place; returns in how many seconds it may be sent."""
        with self._lock:
            now = self._clock()
            allowed_at = max(now, self._next_at - self._head_start)
            self._next_at = max(allowed_at, self._next_at) + self._interval
            self._interval = max(self._least_interval, self._interval * RECOVERY)
        return max(0.0, allowed_at - now)

    def slow_down(self, seconds: float) -> None:
        """Let nothing pass for so long, then half as much a second: the CRM asked the whole account to wait.

        The answers to requests that were under way together count as one.
        """
        with self._lock:
            now = self._clock()
            if now >= self._slowed_until:
                self._interval = min(self._interval * 2, self._least_interval * SLOWEST)
            self._slowed_until = max(self._slowed_until, now + seconds)
            self._next_at = max(self._next_at, now + seconds + self._head_start)


_limiters: WeakValueDictionary[tuple[str, ...], Limiter] = WeakValueDictionary()  # each as long as somebody waits by it
_limiters_lock = threading.Lock()


def account_limiter(*account: str, limit: int, seconds: float) -> Limiter:
    """Return the one limiter of an account in this process, however many connections ask it; the smallest limit counts.

    `account` is kept as a hash: there is a secret in it.
    """
    key = (hashlib.sha256("\0".join(account).encode()).hexdigest(), str(seconds))
    with _limiters_lock:
        limiter = _limiters.setdefault(key, Limiter(limit, seconds=seconds))
    limiter.at_most(limit)
    return limiter


class Caller:
    """Sends one account's requests: waits for the limiters, tries again, counts what was sent, reads the CRM's clock.

    Once `stop` is set it raises an InterruptedReadError instead of sending, and out of its waits.
    """

    def __init__(
        self,
        *,
        tries: int = TRIES,
        sleep: Callable[[float], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._tries = tries
        self._stop = stop or threading.Event()
        self._sleep = sleep or self._pause
        self._lock = threading.Lock()
        self._request_count = 0
        self._throttled_count = 0
        self._clock_skew_seconds = 0.0

    @property
    def request_count(self) -> int:
        """Requests sent so far, retries too."""
        return self._request_count

    @property
    def throttled_count(self) -> int:
        """Requests that the CRM answered with a demand to wait."""
        return self._throttled_count

    @property
    def clock_skew_seconds(self) -> float:
        """How far the CRM's clock was ahead of ours at its last answer."""
        return self._clock_skew_seconds

    def wait(self, seconds: float) -> None:
        """Sleep, as between two tries."""
        self._sleep(seconds)

    def check_stop(self) -> None:
        """Raise InterruptedReadError when the extraction is to end."""
        if self._stop.is_set():
            raise InterruptedReadError()

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)
        self.check_stop()

    def note_date(self, header: str | None) -> None:
        """Compare an answer's Date header with our clock."""
        try:
            told = parsedate_to_datetime(header or "")
        except ValueError:
            return
        if told.tzinfo is not None:
            # the header has whole seconds: on average it is half a second behind
            self._clock_skew_seconds = (told - datetime.now(UTC)).total_seconds() + 0.5

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
            self._sleep(limiter.reserve())
        self.check_stop()
        with self._lock:
            self._request_count += 1
        try:
            return send()
        except RateLimitedError as error:
            with self._lock:
                self._throttled_count += 1
            for limiter in limiters:
                limiter.slow_down(error.wait_seconds or 0)
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


def no_answer(what: str, address: str | None, error: Exception) -> UnavailableError:
    """Silence, with the host's name: a slip in the address is the usual reason, this machine's network the next."""
    host = urlsplit(address or "").netloc
    source = f"no answer from {host}" if host else "no answer"
    remedy = "check the address in connections.yaml, and that this machine reaches it"
    return UnavailableError(f"{what}: {source} ({type(error).__name__}); {remedy}")


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
    logger.warning("%s; try %d failed, the next in %.1f s", error, state.attempt_number, wait)
