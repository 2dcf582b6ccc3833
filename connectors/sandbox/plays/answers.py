"""Plays that answer in the CRM's place: limits, gateways, sessions that have ended."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

from connectors.sandbox.plays.asked import Asked
from connectors.sandbox.plays.limits import limit_exceeded, too_many
from connectors.sandbox.plays.stage import Playing, Stage
from connectors.sandbox.web import answer

Answer = Callable[[Stage, Asked], Response | None]

_PAGE = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_RETRY_SECONDS = "1"
_DAILY_TOTAL = 100_000


def _html(title: str, status: int, **headers: str) -> Response:
    return HTMLResponse(_PAGE.format(title), status, headers)


def _hubspot_error(status: int, category: str, message: str) -> Response:
    body = {"status": "error", "message": message, "correlationId": "00000000-0000-0000-0000-000000000000"}
    return answer({**body, "category": category}, status)


def _salesforce_error(status: int, code: str, message: str) -> Response:
    return answer([{"message": message, "errorCode": code}], status)


_HUBSPOT_ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "html": lambda: _html("One moment please", 200),
    "502": lambda: _html("502 Bad Gateway", 502),
    "504": lambda: _html("504 Gateway Time-out", 504),
    "423": lambda: _hubspot_error(423, "LOCKED", "The resource is locked"),
    "477": lambda: Response(status_code=477, headers={"Retry-After": _RETRY_SECONDS}),
    "524": lambda: _html("524: A timeout occurred", 524),
}
_SALESFORCE_ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "html": lambda: _html("Session expired", 401),
    "406": lambda: Response(status_code=406),
    "420": lambda: Response(status_code=420),
    "503": lambda: _salesforce_error(503, "SERVER_UNAVAILABLE", "Server is too busy"),
}
_POLICIES: Final = ("SECONDLY", "TEN_SECONDLY_ROLLING")


def _taken(stage: Stage, play_id: str, asked: Asked) -> Playing | None:
    """The play, for a request that it is about."""
    playing = stage.on(play_id)
    if playing is None or asked.is_login or playing.options["where"] not in asked.path:
        return None
    return stage.take(play_id)


def _in_turn(playing: Playing, given: Any, all_of_them: tuple[str, ...]) -> str:
    """The answer that was asked for, else the next one of all."""
    return str(given) if given is not None else all_of_them[(playing.count - 1) % len(all_of_them)]


def _policies(stage: Stage, asked: Asked) -> Response | None:
    playing = _taken(stage, "H9", asked)
    if playing is None:
        return None
    return too_many(_in_turn(playing, playing.options["policy"], _POLICIES))


def _hubspot_gateway(stage: Stage, asked: Asked) -> Response | None:
    playing = _taken(stage, "H10", asked)
    if playing is None:
        return None
    return _HUBSPOT_ANSWERS[_in_turn(playing, playing.options["answer"], tuple(_HUBSPOT_ANSWERS))]()


def _expired_token(stage: Stage, asked: Asked) -> Response | None:
    if _taken(stage, "H11", asked) is None:
        return None
    return _hubspot_error(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired")


def _lost_locator(stage: Stage, asked: Asked) -> Response | None:
    name = asked.path.rstrip("/").rpartition("/")[2]
    if name in {"query", "queryAll"} or "/jobs/" in asked.path or _taken(stage, "S3", asked) is None:
        return None
    return _salesforce_error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _expired_session(stage: Stage, asked: Asked) -> Response | None:
    if _taken(stage, "S7", asked) is None:
        return None
    return _salesforce_error(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _salesforce_gateway(stage: Stage, asked: Asked) -> Response | None:
    playing = _taken(stage, "S8", asked)
    if playing is None:
        return None
    return _SALESFORCE_ANSWERS[_in_turn(playing, playing.options["answer"], tuple(_SALESFORCE_ANSWERS))]()


def _limit(stage: Stage, asked: Asked) -> Response | None:
    playing = _taken(stage, "S9", asked)
    if playing is None:
        return None
    kind = str(playing.options["kind"])
    return limit_exceeded(kind, used=_DAILY_TOTAL if kind == "daily" else 1, total=_DAILY_TOTAL)


ANSWERS: Final[Mapping[str, Answer]] = {
    "H9": _policies,
    "H10": _hubspot_gateway,
    "H11": _expired_token,
    "S3": _lost_locator,
    "S7": _expired_session,
    "S8": _salesforce_gateway,
    "S9": _limit,
}
"""Play -> what it answers; None leaves the request to the CRM."""
