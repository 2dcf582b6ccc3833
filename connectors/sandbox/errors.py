"""What goes wrong in the sandbox.

SandboxError
├── SandboxStartError           the servers' process did not come up
├── UnknownPlayError            a play, or one of its options, that is not in the catalog
└── RefusedRequestError         what the imitated CRM refuses, with its HTTP status
    ├── HubSpotAnswerError      an object with status, category and correlationId
    └── SalesforceAnswerError   an array of message and errorCode
"""

from collections.abc import Iterable
from typing import Any

from connectors.errors import ConnectorError


class SandboxError(ConnectorError):
    """The base of all of them."""


class SandboxStartError(SandboxError):
    """The servers' process ended, or did not answer in time."""


class UnknownPlayError(SandboxError):
    """No such play, or no such option of it."""

    def __init__(self, play: str, *, known: Iterable[str]) -> None:
        super().__init__(f"the sandbox has no play {play}; it has {', '.join(known) or 'none'}")


class RefusedRequestError(SandboxError):
    """A request that the imitated CRM would refuse; carries the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class HubSpotAnswerError(RefusedRequestError):
    """HubSpot tells errors apart by `category`."""

    def __init__(self, status: int, category: str, message: str, *, context: dict[str, Any] | None = None) -> None:
        super().__init__(status, message)
        self.category = category
        self.context = context


class SalesforceAnswerError(RefusedRequestError):
    """Salesforce tells errors apart by `errorCode`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code
