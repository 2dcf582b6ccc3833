"""What can go wrong between a CRM and the landing folder, sorted by what the caller does about it.

ConnectorError
├── SettingsError            connections.yaml or a field map says something that is not allowed; mend the file
├── RetryableError           ask again after a wait (the HTTP policy does; it reaches nobody else unless all tries are used up)
│   ├── RateLimitedError         the CRM asked to wait
│   ├── UnavailableError         no answer, a broken answer or a server error
│   └── SessionExpiredError      log in once more, then ask again
├── BulkJobError             a bulk job did not end well: read by REST instead
├── RecordRejectedError      one record cannot be landed; put it aside, go on
└── RunStoppedError          the extraction ends without a manifest: nothing of it counts
    ├── InterruptedReadError     whoever started the extraction ends it
    ├── LoginError               the CRM refused the secrets, or one is missing
    ├── DailyLimitError          no requests left for today
    ├── RequestRefusedError      the CRM refused one request for good
    ├── UnknownFieldError        the field map names a field that the CRM does not have
    │   └── MissingColumnError       an export has not the column that the field map names
    ├── FileUnreadableError      an export is missing, or cannot be read as it is declared
    ├── FormulaFieldError        the field map names a formula field, and formula_refresh_days is 0
    ├── UnknownObjectError       the field map names an object that the connector does not read
    ├── ObjectGoneError          an object that was read before is no longer there, or hidden from this user
    ├── IncompleteReadError      the CRM's answers contradict each other: records may be missing
    └── LandingError             a landed file is missing or damaged
"""

from collections.abc import Iterable
from pathlib import Path


class ConnectorError(Exception):
    """Base of all errors in this package."""


class SettingsError(ConnectorError):
    """A settings file says something that is not allowed. `line` counts from 1; 0 when the file as a whole is meant."""

    def __init__(self, file: Path, *, line: int, key: str, found: str, allowed: str) -> None:
        super().__init__(f"{file}:{line}: {key}: found {found}; allowed: {allowed}")
        self.file = file
        self.line = line
        self.key = key
        self.found = found
        self.allowed = allowed


class RetryableError(ConnectorError):
    """Ask again. `wait_seconds` is what the CRM asked for; None leaves it to the policy."""

    def __init__(self, message: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class RateLimitedError(RetryableError):
    """The CRM asked to wait: all requests of the account wait, not only this one."""


class UnavailableError(RetryableError):
    """No answer, an answer that cannot be read, or a server error."""


class SessionExpiredError(RetryableError):
    """The session is no longer valid."""


class BulkJobError(ConnectorError):
    """A bulk job failed, was aborted, or took too long; `state` says which."""

    def __init__(self, what: str, *, state: str) -> None:
        super().__init__(f"{what}: the bulk job ended as {state}")
        self.state = state


class RecordRejectedError(ConnectorError):
    """One record cannot be landed. The record itself stays out of the message: it holds a person's data."""

    def __init__(self, object_name: str, *, reason: str) -> None:
        super().__init__(f"{object_name}: {reason}; the record is put aside")
        self.object_name = object_name
        self.reason = reason


class RunStoppedError(ConnectorError):
    """The extraction of a connection ends here; nothing of it counts."""


class InterruptedReadError(RunStoppedError):
    """Whoever started the extraction ends it: Ctrl-C, or the end of the service."""

    def __init__(self) -> None:
        super().__init__("reading was interrupted; run it again to go on")


class LoginError(RunStoppedError):
    """The CRM refused the secrets, or one is missing."""

    def __init__(self, connection: str, *, reason: str, remedy: str) -> None:
        super().__init__(f"{connection}: cannot log in: {reason}; {remedy}")
        self.connection = connection
        self.reason = reason


class DailyLimitError(RunStoppedError):
    """The CRM has no requests left for today, or the rest is reserved for others."""

    def __init__(self, connection: str, *, reason: str) -> None:
        super().__init__(
            f"{connection}: stopped at the daily request limit: {reason}; run again after the limit is renewed"
        )
        self.connection = connection


class RequestRefusedError(RunStoppedError):
    """The CRM refused one request for good. `code` is the CRM's own error code; `remedy` names the missing right if it is known."""

    def __init__(self, connection: str, *, what: str, status: int, code: str, remedy: str | None = None) -> None:
        what_to_do = remedy or "check the user's permissions"
        super().__init__(f"{connection}: {what} was refused with status {status} ({code}); {what_to_do}")
        self.connection = connection
        self.what = what
        self.status = status
        self.code = code


class UnknownFieldError(RunStoppedError):
    """The field map names a field that the CRM does not have, or that this user may not see."""

    def __init__(self, connection: str, *, object_name: str, key: str, field: str, origin: str) -> None:
        super().__init__(
            f"{connection}: {object_name} has no field '{field}', which {origin} names for '{key}'; "
            "correct the field map, or let this user see the field"
        )
        self.connection = connection
        self.object_name = object_name
        self.key = key
        self.field = field
        self.origin = origin


class MissingColumnError(UnknownFieldError):
    """An export has not the column that connections.yaml names; `file` and `line` are those of its header."""

    def __init__(
        self,
        connection: str,
        *,
        file: str,
        line: int,
        object_name: str,
        key: str,
        field: str,
        origin: str,
        columns: Iterable[str],
    ) -> None:
        super().__init__(connection, object_name=object_name, key=key, field=field, origin=origin)
        self.file = file
        self.line = line
        self.args = (
            f"{connection}: {file}:{line}: no column '{field}', which {origin} names for '{key}'; it has "
            f"{', '.join(columns) or 'none'}; correct the name, the delimiter or header_line there, or export the column",
        )


class FileUnreadableError(RunStoppedError):
    """An export is missing, or cannot be read as it is declared; `line` counts from 1, 0 when the file as a whole is meant."""

    def __init__(self, connection: str, *, file: str, line: int = 0, reason: str, remedy: str) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(f"{connection}: {place}: {reason}; {remedy}")
        self.connection = connection
        self.file = file
        self.line = line
        self.reason = reason


class FormulaFieldError(RunStoppedError):
    """The field map names a field that changes without a trace, and the connection's settings refuse those."""

    def __init__(self, connection: str, *, object_name: str, key: str, field: str, origin: str) -> None:
        super().__init__(
            f"{connection}: {object_name}.{field}, which {origin} names for '{key}', changes without changing the record's "
            "time of change (a formula or a parent's field); set formula_refresh_days, or map another field"
        )
        self.connection = connection
        self.field = field
        self.key = key


class UnknownObjectError(RunStoppedError):
    """The field map names an object that the connector does not read."""

    def __init__(self, connection: str, *, object_name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"{connection}: the field map names object '{object_name}', which is not read; "
            f"name one of {', '.join(sorted(known))}"
        )
        self.connection = connection
        self.object_name = object_name


class ObjectGoneError(RunStoppedError):
    """An object that was read before is no longer there, or hidden from this user: what is new in it would be missed unseen."""

    def __init__(self, connection: str, *, object_name: str) -> None:
        super().__init__(
            f"{connection}: {object_name} was read before and is no longer there, or hidden from this user; give the API user's "
            "permission set Read and View All Records on it, or, if it was given up on purpose, run "
            f"`kpi nightly --full-refresh --only {connection}` once: what was read of it stays"
        )
        self.connection = connection
        self.object_name = object_name


class IncompleteReadError(RunStoppedError):
    """The CRM's answers contradict each other, so that records may be missing."""

    def __init__(self, connection: str, *, object_name: str, reason: str) -> None:
        super().__init__(f"{connection}: {object_name} was not read completely: {reason}; run again")
        self.connection = connection
        self.object_name = object_name


class LandingError(RunStoppedError):
    """A landed file is missing or damaged."""

    def __init__(
        self, path: Path, *, reason: str, remedy: str = "remove the folder of this sync and extract again"
    ) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path = path
