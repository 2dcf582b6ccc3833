"""The CRMs' request limits, with the answers that they give to one request too many."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from connectors.sandbox.web import answer

TEN_SECONDS: Final = 10.0
_MESSAGES = {
    "SECONDLY": "You have reached your secondly limit.",
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "DAILY": "You have reached your daily limit.",
}
_EXCEEDED = {
    "daily": "TotalRequests Limit exceeded.",
    "concurrent": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What each CRM allows; None is no limit. HubSpot counts per ten seconds, and searches per second besides."""

    requests_per_10_seconds: int | None = None
    searches_per_second: int | None = None
    hubspot_daily: int | None = None
    salesforce_daily: int | None = None

    @property
    def is_none(self) -> bool:
        """Whether nothing is limited."""
        return self == Limits()


class Meter:
    """Counts what was let pass, and refuses what is too much."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._passed: deque[float] = deque()
        self._searched: deque[float] = deque()
        self._today = {"hubspot": 0, "salesforce": 0}

    def hubspot_refusal(self, *, is_search: bool) -> Response | None:
        """The 429 for a request too many; None lets it pass and counts it."""
        now = self._clock()
        limits = self.limits
        if limits.hubspot_daily is not None and self._today["hubspot"] >= limits.hubspot_daily:
            return too_many("DAILY")
        if _is_full(self._passed, limits.requests_per_10_seconds, now - TEN_SECONDS):
            return too_many("TEN_SECONDLY_ROLLING")
        if is_search and _is_full(self._searched, limits.searches_per_second, now - 1.0):
            return too_many("SECONDLY")
        self._today["hubspot"] += 1
        self._passed.append(now)
        if is_search:
            self._searched.append(now)
        return None

    def salesforce_refusal(self) -> Response | None:
        """The 403 for a request beyond the day's number; None lets it pass and counts it."""
        most = self.limits.salesforce_daily
        if most is not None and self._today["salesforce"] >= most:
            return limit_exceeded("daily", used=most, total=most)
        self._today["salesforce"] += 1
        return None

    def salesforce_usage(self, calls: int, usual: int) -> tuple[int, int]:
        """What the limit header says: used of allowed. Without a limit of ours, the server's own count and the usual number."""
        most = self.limits.salesforce_daily
        return (calls, usual) if most is None else (self._today["salesforce"], most)

    def hubspot_headers(self, calls: int, *, usual_daily: int, usual: int) -> dict[str, str]:
        """What an answer says about the limits; a search says nothing."""
        limits = self.limits
        daily, most = limits.hubspot_daily, limits.requests_per_10_seconds
        used = calls if daily is None else self._today["hubspot"]
        passed = 1 if most is None else len(self._passed)
        shown = {
            "X-HubSpot-RateLimit-Daily": daily or usual_daily,
            "X-HubSpot-RateLimit-Daily-Remaining": (daily or usual_daily) - used,
            "X-HubSpot-RateLimit-Interval-Milliseconds": round(TEN_SECONDS * 1000),
            "X-HubSpot-RateLimit-Max": most or usual,
            "X-HubSpot-RateLimit-Remaining": (most or usual) - passed,
        }
        return {name: str(value) for name, value in shown.items()}


def too_many(policy: str) -> Response:
    """HubSpot's 429, which promises no Retry-After."""
    body = {"status": "error", "message": _MESSAGES[policy], "errorType": "RATE_LIMIT", "category": "RATE_LIMITS"}
    names = {
        "correlationId": "00000000-0000-0000-0000-000000000429",
        "policyName": policy,
        "groupName": "publicapi:sandbox",
    }
    return answer({**body, **names}, 429)


def limit_exceeded(kind: str, *, used: int, total: int) -> Response:
    """Salesforce's 403: one code for two causes, told apart by the message and the header."""
    body = [{"message": _EXCEEDED[kind], "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    return answer(body, 403, {"Sforce-Limit-Info": f"api-usage={used}/{total}"})


def _is_full(moments: deque[float], most: int | None, since: float) -> bool:
    while moments and moments[0] <= since:
        moments.popleft()
    return most is not None and len(moments) >= most
