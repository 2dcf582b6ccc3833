"""Salesforce's three ways in: SOAP with password, OAuth client credentials or password, OAuth JWT bearer."""

import base64
import binascii
import html
import re
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.credentials import (
    SALESFORCE_CLIENT_ID,
    SALESFORCE_CLIENT_SECRET,
    SALESFORCE_PASSWORD,
    SALESFORCE_SECURITY_TOKEN,
    SALESFORCE_USERNAME,
)
from connectors.sandbox.times import MS_PER_SECOND, now_ms
from connectors.sandbox.web import answer, form_body

SESSION_ID: Final = "00D5g0000000001EAA!sandbox"
ORGANISATION_ID: Final = "00D5g0000000001EAA"
USER_ID: Final = "0055g0000000001AAA"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)
_RESULT = (
    "<loginResponse><result><passwordExpired>false</passwordExpired><sandbox>true</sandbox><serverUrl>{url}</serverUrl>"
    "<sessionId>{session}</sessionId><userId>{user}</userId></result></loginResponse>"
)
_FAULT = (
    "<soapenv:Fault><faultcode>INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: {message}</faultstring><detail><sf:LoginFault>"
    "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>"
    "</soapenv:Fault>"
)
_WRONG = "Invalid username, password, security token; or user locked out."


def instance_url(request: Request) -> str:
    """Where the client shall go on: this server, by the address that it listens on."""
    host, port = request.scope["server"]
    return f"http://{host}:{port}"


async def soap_login(request: Request) -> Response:
    """`login` of the partner API; the security token stands behind the password."""
    body = (await request.body()).decode()
    version = request.path_params["version"]
    passwords = (SALESFORCE_PASSWORD, SALESFORCE_PASSWORD + SALESFORCE_SECURITY_TOKEN)
    if _element(body, "username") != SALESFORCE_USERNAME or _element(body, "password") not in passwords:
        return Response(_SOAP.format(_FAULT.format(message=_WRONG)), 500, media_type="text/xml")
    url = f"{instance_url(request)}/services/Soap/u/{version}/{ORGANISATION_ID}"
    return Response(_SOAP.format(_RESULT.format(url=url, session=SESSION_ID, user=USER_ID)), media_type="text/xml")


async def oauth_token(request: Request) -> Response:
    """The OAuth token endpoint."""
    given = {**await form_body(request), **_basic(request.headers.get("authorization", ""))}
    refusal = _refusal(given)
    if refusal is not None:
        return answer({"error": refusal[0], "error_description": refusal[1]}, 400)
    address = instance_url(request)
    issued = {"id": f"{address}/id/{ORGANISATION_ID}/{USER_ID}", "issued_at": str(now_ms()), "token_type": "Bearer"}
    return answer({"access_token": SESSION_ID, "instance_url": address, "signature": "sandbox", **issued})


def _refusal(given: dict[str, str]) -> tuple[str, str] | None:
    """Why no token is given, None when it is."""
    grant = given.get("grant_type")
    if grant == JWT_BEARER:
        return _assertion_refusal(given.get("assertion", ""))
    if grant not in {"client_credentials", "password"}:
        return "unsupported_grant_type", "grant type not supported"
    if (given.get("client_id"), given.get("client_secret")) != (SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET):
        return "invalid_client", "invalid client credentials"
    passwords = (SALESFORCE_PASSWORD, SALESFORCE_PASSWORD + SALESFORCE_SECURITY_TOKEN)
    if grant == "password" and (given.get("username") != SALESFORCE_USERNAME or given.get("password") not in passwords):
        return "invalid_grant", "authentication failure"
    return None


def _assertion_refusal(assertion: str) -> tuple[str, str] | None:
    """The claims are checked; the signature is not, since the sandbox has no certificate of the client: any key will do."""
    parts = [_decoded(part) for part in assertion.split(".")[:2]]
    if assertion.count(".") != 2 or not all(isinstance(part, dict) for part in parts) or parts[0].get("alg") != "RS256":
        return "invalid_grant", "invalid assertion"
    claims = parts[1]
    if claims.get("iss") != SALESFORCE_CLIENT_ID:
        return "invalid_client_id", "client identifier invalid"
    if claims.get("sub") != SALESFORCE_USERNAME:
        return "invalid_grant", "user hasn't approved this consumer"
    if int(claims.get("exp", 0)) * MS_PER_SECOND < now_ms():
        return "invalid_grant", "expired authorization code"
    return None


def _decoded(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return None


def _basic(header: str) -> dict[str, str]:
    if not header.startswith("Basic "):
        return {}
    try:
        client_id, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except (binascii.Error, ValueError):
        return {}
    return {"client_id": client_id, "client_secret": secret}


def _element(body: str, name: str) -> str | None:
    """The text of one element, whatever its prefix: two flat elements need no XML reader."""
    match = re.search(rf"<(?:\w+:)?{name}>([^<]*)</", body)
    return html.unescape(match[1]) if match else None
