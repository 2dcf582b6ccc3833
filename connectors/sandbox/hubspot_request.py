"""What a request to HubSpot's API says: object, page, batch; what it may not say is refused."""

from typing import Any

from starlette.requests import Request

from connectors.sandbox.hubspot_schema import OBJECT_ALIASES
from connectors.sandbox.hubspot_search import refuse
from connectors.sandbox.web import json_body


def object_name(request: Request, parameter: str) -> str:
    """The object that a part of the path names, in plural or singular or by its number."""
    given = request.path_params[parameter]
    if given not in OBJECT_ALIASES:
        raise refuse(f"Unable to infer object type from: {given}")
    return OBJECT_ALIASES[given]


def limit_of(request: Request, *, default: int, maximum: int) -> int:
    """The page size asked for; more than the API gives is refused."""
    text = request.query_params.get("limit", str(default))
    if not text.isdecimal() or not 0 < int(text) <= maximum:
        raise refuse(f"limit must be between 1 and {maximum}")
    return int(text)


def cursor(request: Request) -> str | None:
    """Where the page starts, None for the first one."""
    text = request.query_params.get("after")
    if text is not None and not text.isdecimal():
        raise refuse("after must be a cursor of this API")
    return text


async def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise refuse("Invalid input JSON")
    return body


def names_in(body: dict[str, Any], key: str) -> list[str]:
    """A list of property names in a request's body."""
    names = body.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise refuse(f"Invalid input JSON: {key} must be a list of names")
    return names


def input_ids(body: dict[str, Any], maximum: int) -> list[str]:
    """The ids of a batch."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(
        isinstance(one, dict) and str(one.get("id", "")).isdecimal() for one in inputs
    ):
        raise refuse("Invalid input JSON: inputs must be a list of ids")
    if not 0 < len(inputs) <= maximum:
        raise refuse(f"The number of inputs must be between 1 and {maximum}")
    return [str(one["id"]) for one in inputs]


def paging(request: Request, after: str | None) -> dict[str, Any]:
    """The part of an answer that leads to the next page; nothing on the last one."""
    if after is None:
        return {}
    link = str(request.url.include_query_params(after=after))
    return {"paging": {"next": {"after": after, "link": link}}}
