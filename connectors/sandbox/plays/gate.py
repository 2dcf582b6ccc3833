"""Stands before both servers: plays, limits and latency, and the address at which they are switched.

`POST /__sandbox__/plays` with `{"play": "H9", "times": 3, "options": {"policy": "DAILY"}}` switches one on, `DELETE` all off (one with
`?play=H9`), `GET` says what there is and what is on. `POST /__sandbox__/limits` sets `Limits` and `latency_ms`.
"""

import asyncio
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox.errors import UnknownPlayError
from connectors.sandbox.plays.answers import ANSWERS
from connectors.sandbox.plays.asked import Asked
from connectors.sandbox.plays.catalog import PLAYS
from connectors.sandbox.plays.changes import CHANGES, REQUESTS
from connectors.sandbox.plays.limits import Limits
from connectors.sandbox.plays.stage import Playing, Stage
from connectors.sandbox.store import HUBSPOT
from connectors.sandbox.web import answer, json_body

CONTROL_PATH: Final = "/__sandbox__/"
MS_PER_SECOND: Final = 1000


def gate(stage: Stage, crm: str) -> Middleware:
    """The middleware that plays the stage's plays for one CRM."""
    return Middleware(Gate, stage=stage, crm=crm)


class Gate:
    """Lets a request pass, changes it, changes its answer, or answers itself."""

    def __init__(self, app: ASGIApp, *, stage: Stage, crm: str) -> None:
        self._app = app
        self._stage = stage
        self._crm = crm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "http" and scope["path"].startswith(CONTROL_PATH):
            await (await self._control(Request(scope, receive)))(scope, receive, send)
        elif scope["type"] != "http" or self._stage.is_idle:
            await self._app(scope, receive, send)
        else:
            asked = Asked(self._crm, scope, await Request(scope, receive).body())
            await (await self._played(asked))(scope, receive, send)

    async def _played(self, asked: Asked) -> Response:
        stage = self._stage
        if stage.latency_ms:
            await asyncio.sleep(stage.latency_ms / MS_PER_SECOND)
        refusal = None if asked.is_login else self._refusal(asked)
        if refusal is not None:
            return refusal
        plays = [playing.play for playing in stage.playing() if playing.play.crm == self._crm]
        for play in plays:
            instead = ANSWERS[play.id](stage, asked) if play.id in ANSWERS else None
            if instead is not None:
                return instead
        for play in plays:
            asked = REQUESTS[play.id](stage, asked) if play.id in REQUESTS else asked
        response = await _answered(self._app, asked)
        for play in plays:
            response = CHANGES[play.id](stage, asked, response) if play.id in CHANGES else response
        return response

    def _refusal(self, asked: Asked) -> Response | None:
        meter = self._stage.meter
        if self._crm == HUBSPOT:
            return meter.hubspot_refusal(is_search=asked.is_search)
        return meter.salesforce_refusal()

    async def _control(self, request: Request) -> Response:
        body: Any = await json_body(request) if request.method == "POST" else {}
        try:
            if request.url.path.endswith("/limits"):
                self._set_limits(body)
            elif request.method == "POST":
                self._stage.play(str(body.get("play")), times=body.get("times"), **(body.get("options") or {}))
            elif request.method == "DELETE":
                self._stage.stop(*request.query_params.getlist("play"))
        except (UnknownPlayError, AttributeError, TypeError) as wrong:
            return answer({"error": str(wrong)}, 400)
        playing = [_shown(one) for one in self._stage.playing()]
        return answer({"playing": playing, "plays": {play.id: play.what for play in PLAYS.values()}})

    def _set_limits(self, body: dict[str, Any]) -> None:
        given = dict(body)
        self._stage.latency_ms = float(given.pop("latency_ms", self._stage.latency_ms))
        self._stage.set_limits(Limits(**given))


async def _answered(app: ASGIApp, asked: Asked) -> Response:
    """What the server behind answers, as a whole."""
    start: Message = {}
    body = bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(asked.scope, receive, send)
    response = Response(bytes(body), start["status"])
    response.raw_headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
    response.headers["content-length"] = str(len(body))
    return response


def _shown(playing: Playing) -> dict[str, Any]:
    return {"play": playing.play.id, "left": playing.left, "played": playing.count, "options": dict(playing.options)}
