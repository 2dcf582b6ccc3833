"""How does a connection log in to Salesforce? By whichever of the three ways its secrets allow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connectors.errors import LoginError, UnavailableError
from connectors.http import no_answer
from connectors.settings import LOOPBACK_URL, SalesforceConnection

# The SDK builds https://{domain}.salesforce.com itself. A login address of another shape hides behind this one and is put
# back by the session's transport.
STAND_IN = "login-address"
MY_DOMAIN = re.compile(r"https://([A-Za-z0-9.-]+)\.salesforce\.com")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Arguments of the SDK's login. Never printed: they hold secrets."""

    arguments: Mapping[str, Any]
    kind: str

    def __repr__(self) -> str:
        return f"Credentials({self.kind})"


@dataclass(frozen=True, slots=True)
class Login:
    """An open session at the instance that the answer named."""

    session_id: str
    instance: str

    def __repr__(self) -> str:
        return f"Login({self.instance})"


def choose_credentials(connection: SalesforceConnection, secrets: Mapping[str, str], login_url: str) -> Credentials:
    """Take the first way to log in that all secrets are there for: client credentials, JWT bearer, password with token."""
    given = {name: secrets.get(name) or None for name in connection.secret_names}
    client_id, client_secret = given[connection.client_id_env], given[connection.client_secret_env]
    username, key_file = given[connection.username_env], given[connection.private_key_file_env]
    password, token = given[connection.password_env], given[connection.security_token_env]
    domain = _domain(login_url)
    if client_id and client_secret:
        arguments = {"consumer_key": client_id, "consumer_secret": client_secret, "domain": domain}
        return Credentials(arguments, "client credentials")
    if client_id and username and key_file:
        audience = "test" if ".sandbox." in login_url or "//test." in login_url else "login"
        keys = {"consumer_key": client_id, "username": username, "privatekey_file": key_file}
        return Credentials({**keys, "domain": audience, "instance_url": domain}, "JWT bearer")
    if username and password and token:
        arguments = {"username": username, "password": password, "security_token": token, "domain": domain}
        return Credentials({**arguments, "sf_version": connection.api_version}, "password")
    raise LoginError(
        connection.name,
        reason="no complete set of secrets",
        remedy=f"set {connection.client_id_env} and {connection.client_secret_env}, or see docs for JWT and password",
    )


def rewrites_for(login_url: str) -> dict[str, str]:
    """What the transport puts in place of the SDK's https addresses; an instance on this machine stays plain http."""
    stand_in = {f"https://{STAND_IN}.salesforce.com": login_url}
    if LOOPBACK_URL.fullmatch(login_url):
        return {**stand_in, login_url.replace("http://", "https://"): login_url}
    return stand_in


def log_in(connection: str, credentials: Credentials, session: requests.Session) -> Login:
    """Log in once. Refusal is a LoginError, silence an UnavailableError; neither quotes what the server wrote."""
    try:
        session_id, instance = SalesforceLogin(session=session, **credentials.arguments)
    except SalesforceAuthenticationFailed as error:
        if isinstance(error.code, int) and not 400 <= error.code < 500:  # a gateway's page, not Salesforce's answer
            raise UnavailableError(f"login: status {error.code}") from None
        reason = f"{credentials.kind} refused ({error.code})"
        raise LoginError(connection, reason=reason, remedy="check the secrets and the app's policies") from None
    except JSONDecodeError:
        raise UnavailableError("login: the answer is not JSON") from None
    except requests.RequestException as error:
        raise no_answer("login", error.request.url if error.request is not None else None, error) from None
    except (OSError, ValueError) as error:
        reason = f"the private key cannot be used ({type(error).__name__})"
        raise LoginError(connection, reason=reason, remedy="name a readable PEM file") from None
    return Login(str(session_id), str(instance))


def _domain(login_url: str) -> str:
    match = MY_DOMAIN.fullmatch(login_url)
    return match[1] if match else STAND_IN
