"""What both servers share: JSON answers, request parts, and a plain page of one record."""

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connectors.sandbox.store import StoredRecord

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}}
td,th{{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #ddd}}</style></head>
<body><h1>{title}</h1><p>Demo data of the {crm} sandbox.</p><table>{rows}</table></body></html>"""


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


async def json_body(request: Request) -> Any:
    """The request's JSON, None when it is not JSON."""
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return None


async def form_body(request: Request) -> dict[str, str]:
    """The request's form fields."""
    return dict(parse_qsl((await request.body()).decode()))


def repeated(request: Request, name: str) -> list[str]:
    """A list parameter, written `a=1&a=2` or `a=1,2`."""
    return [part for value in request.query_params.getlist(name) for part in value.split(",") if part]


def is_yes(text: str | None) -> bool:
    """A boolean parameter; the SDKs write `True`, browsers `true`."""
    return (text or "").lower() == "true"


def record_page(crm: str, record: StoredRecord | None) -> Response:
    """One record for a person: what the board's links open in the demo."""
    if record is None:
        return HTMLResponse(_PAGE.format(title="No such record", crm=crm, rows=""), 404)
    shown = {"id": record.id, **record.properties, "deleted": record.is_deleted}
    rows = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>" for name, value in shown.items()
    )
    return HTMLResponse(_PAGE.format(title=html.escape(f"{record.object} {record.id}"), crm=crm, rows=rows))
