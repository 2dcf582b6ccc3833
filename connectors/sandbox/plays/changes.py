"""Plays that change a request on its way in, or its answer on the way out."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from connectors.sandbox.plays.asked import Asked
from connectors.sandbox.plays.stage import Stage
from connectors.sandbox.store import HUBSPOT
from connectors.sandbox.times import now_ms, parse_ms, salesforce_time

SHORTER: Final = 3  # a short page has a third of the rows
LEAST_ROWS, STEP, SPREAD = 200, 137, 500  # of a Salesforce page; sizes go up and down between 200 and 700
COVERED_MINUTE_MS: Final = 60_000

ChangeRequest = Callable[[Stage, Asked], Asked]
ChangeAnswer = Callable[[Stage, Asked, Response], Response]


def _with_json(response: Response, body: Any, status: int | None = None) -> Response:
    data = orjson.dumps(body)
    changed = Response(data, status or response.status_code)
    kept = [pair for pair in response.raw_headers if pair[0] != b"content-length"]
    changed.raw_headers = [*kept, (b"content-length", str(len(data)).encode())]
    return changed


def _json(response: Response) -> dict[str, Any]:
    """The answer's object; an empty one for anything else."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


# -- HubSpot


def _ask_less(_: Stage, asked: Asked) -> Asked:
    """H3, short pages: the CRM gives a third of what was asked for."""
    if asked.is_search:
        body = asked.json()
        return asked.with_json({**body, "limit": max(1, int(body.get("limit") or 10) // SHORTER)})
    if asked.is_list:
        limit = max(1, int(asked.query.get("limit", "10")) // SHORTER)
        kept = [pair for pair in asked.query.multi_items() if pair[0] != "limit"]
        return asked.with_query([*kept, ("limit", str(limit))])
    return asked


def _withhold(_: Stage, asked: Asked, response: Response) -> Response:
    """H3, empty pages: each page comes at the second asking, whose cursor begins with a zero."""
    after = str((asked.json().get("after") if asked.is_search else asked.query.get("after")) or "")
    body = _json(response)
    is_page = (asked.is_search and "paging" in body) or asked.is_list
    if not is_page or not body.get("results") or after.startswith("0"):
        return response
    return _with_json(response, {**body, "results": [], "paging": {"next": {"after": f"0{after}"}}})


def _swap_types(_: Stage, asked: Asked, response: Response) -> Response:
    """H4: numbers where texts are expected, and the other way round."""
    body = _json(response)
    following = (body.get("paging") or {}).get("next")
    if following:
        following["after"] = int(following["after"])
    for result in body.get("results") or ():
        for target in result.get("to") or ():
            target["toObjectId"] = str(target["toObjectId"])
    return _with_json(response, body) if following or "/associations/" in asked.path else response


def _move_first_out(stage: Stage, asked: Asked, response: Response) -> Response:
    """H6: the first record of the page is edited now: by offset, the next page then begins one too late."""
    body = _json(response)
    if not asked.is_search or not (body.get("paging") or {}).get("next") or not body["results"]:
        return response
    playing = stage.take("H6")
    if playing is not None:
        at_ms = playing.options["at_ms"] or now_ms()
        name = asked.path.rstrip("/").split("/")[-2]
        stage.store.edit(HUBSPOT, name, str(body["results"][0]["id"]), {}, at_ms)
    return response


def _answer_in_part(stage: Stage, asked: Asked, response: Response) -> Response:
    """H8: the batch's first record is withheld, and named among the errors."""
    body = _json(response)
    if not asked.is_batch_read or not body.get("results"):
        return response
    playing = stage.take("H8")
    if playing is None:
        return response
    withheld, *rest = body["results"]
    error = {"status": "error", "category": playing.options["category"], "message": "Could not get some objects"}
    errors = [*(body.get("errors") or ()), {**error, "context": {"ids": [withheld["id"]]}}]
    return _with_json(response, {**body, "results": rest, "numErrors": len(errors), "errors": errors}, 207)


# -- Salesforce


def _cover_less(stage: Stage, _: Asked, response: Response) -> Response:
    """S5: what was deleted in the last minutes is not known yet, and `latestDateCovered` says so."""
    playing, body = stage.on("S5"), _json(response)
    if playing is None or "latestDateCovered" not in body:
        return response
    covered = parse_ms(body["latestDateCovered"]) - int(playing.options["minutes"]) * COVERED_MINUTE_MS
    known = [row for row in body.get("deletedRecords") or () if parse_ms(row["deletedDate"]) < covered]
    rows = {"deletedRecords": known} if "deletedRecords" in body else {}
    return _with_json(response, {**body, **rows, "latestDateCovered": salesforce_time(covered)})


def _spoil_results(stage: Stage, asked: Asked, response: Response) -> Response:
    """S10: a header that counts wrongly, a body that ends too early, a job that does not end well."""
    playing = stage.on("S10")
    if playing is None or "/jobs/query/" not in asked.path or response.status_code != 200:
        return response
    variant = playing.options["variant"]
    is_results = asked.path.rstrip("/").endswith("/results")
    if is_results and variant == "count" and stage.take("S10"):
        count = int(response.headers["Sforce-NumberOfRecords"])
        response.headers["Sforce-NumberOfRecords"] = str(count + 1)
    elif is_results and variant == "truncated" and stage.take("S10"):
        half = Response(response.body[: len(response.body) // 2], media_type="text/csv")
        for name in ("Sforce-Locator", "Sforce-NumberOfRecords"):
            half.headers[name] = response.headers[name]
        return half
    elif not is_results and variant in {"aborted", "failed"} and stage.take("S10"):
        state = {"aborted": "Aborted", "failed": "Failed"}[variant]
        return _with_json(response, {**_json(response), "state": state, "errorMessage": "the sandbox ended this job"})
    return response


def _ask_fewer_rows(stage: Stage, asked: Asked) -> Asked:
    """S14: pages of 200 to 700 rows."""
    if "/query" not in asked.path or "/jobs/" in asked.path:
        return asked
    playing = stage.take("S14")
    size = LEAST_ROWS + (playing.count * STEP % SPREAD if playing is not None else 0)
    return asked.with_header("Sforce-Query-Options", f"batchSize={size}")


def _name_app_limit(stage: Stage, _: Asked, response: Response) -> Response:
    """S15: the header has a second part."""
    playing, info = stage.on("S15"), response.headers.get("Sforce-Limit-Info")
    if playing is not None and info:
        used, total = playing.options["used"], playing.options["total"]
        response.headers["Sforce-Limit-Info"] = f"{info}; per-app-api-usage={used}/{total}(appName=sandbox)"
    return response


REQUESTS: Final[Mapping[str, ChangeRequest]] = {"H3": _ask_less, "S14": _ask_fewer_rows}
"""Play -> what it makes of a request."""

CHANGES: Final[Mapping[str, ChangeAnswer]] = {
    "H3": _withhold,
    "H4": _swap_types,
    "H6": _move_first_out,
    "H8": _answer_in_part,
    "S5": _cover_less,
    "S10": _spoil_results,
    "S15": _name_app_limit,
}
"""Play -> what it makes of an answer."""
