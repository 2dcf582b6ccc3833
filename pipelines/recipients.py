"""Who hears what, in which language and when? Plain apprise addresses hear everything at once; a YAML file says more.

link: https://kpi.demo-company.example/board.html
recipients:
  - {name: East manager, audience: manager, scope: is_east, address_env: EAST_SLACK, language: ja,
         digest_at: "09:00", quiet: ["20:00", "08:00"], business_days_only: true}
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from pipelines.errors import SettingsError
from pipelines.settings import Settings

Audience = Literal["rep", "manager", "head", "data", "everything"]
Language = Literal["ja", "en", "both"]
URGENT = ("off", "data")  # what cannot wait for the digest


class Recipient(BaseModel):
    """One address and what it wants to hear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "everything"
    audience: Audience = "everything"
    scope: str | None = Field(default=None, description="team of a manager, rep id of a rep")
    address: SecretStr | None = None
    address_env: str | None = Field(default=None, description="environment variable that holds the address")
    language: Language = "both"
    quiet: tuple[time, time] | None = Field(default=None, description="nothing is sent from the first to the second")
    business_days_only: bool = False
    digest_at: time | None = Field(default=None, description="one message a day from this time on; urgent ones at once")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.address is None) == (self.address_env is None):
            raise ValueError("give exactly one of address and address_env")
        return self

    def hears(self, scope_kind: str, scope_id: str) -> bool:
        """Tell whether a message about a scope is for this recipient."""
        match self.audience:
            case "everything":
                return True
            case "head":
                return scope_kind == "department"
            case "manager":
                return scope_kind == "department" or (scope_kind == "team" and scope_id == self.scope)
            case "rep":
                return scope_kind == "rep" and scope_id == self.scope
            case "data":
                return scope_kind == "data"

    def is_reachable(self, local: datetime, *, is_business_day: bool, is_urgent: bool) -> bool:
        """Tell whether something may be sent now; quiet hours and days off hold for everything."""
        now = local.time()
        if self.business_days_only and not is_business_day:
            return False
        if self.quiet is not None and _is_between(now, *self.quiet):
            return False
        return is_urgent or self.digest_at is None or now >= self.digest_at


class NotifyFile(BaseModel):
    """The file that KPI_NOTIFY names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str | None = None
    recipients: tuple[Recipient, ...] = ()


def as_recipients(channels: Iterable[SecretStr | Recipient]) -> list[Recipient]:
    """Make recipients of plain addresses: they hear everything."""
    return [row if isinstance(row, Recipient) else Recipient(address=row) for row in channels]


def load_recipients(settings: Settings) -> tuple[Sequence[Recipient], str | None]:
    """Give the recipients with their addresses, and the link to the board.

    Raises SettingsError when the file is wrong or names a variable that is not set.
    """
    if settings.notify_file is None:
        return as_recipients(settings.notify), None
    found = _read(settings.notify_file)
    return [_with_address(row, settings) for row in found.recipients], found.link


def _read(path: Path) -> NotifyFile:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return NotifyFile.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {})
    except (YAMLError, ValidationError) as error:
        places = error.errors(include_input=False) if isinstance(error, ValidationError) else []
        where = "; ".join(f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in places)
        raise SettingsError(f"{path.name} cannot be read: {where or 'it is no YAML'}; correct it") from None


def _with_address(row: Recipient, settings: Settings) -> Recipient:
    if row.address_env is None:
        return row
    address = settings.secret(row.address_env)
    if address is None:
        raise SettingsError(
            f"{row.name} is to be reached by {row.address_env}, which is not set; set it or correct the file"
        )
    return row.model_copy(update={"address": SecretStr(address)})


def _is_between(now: time, start: time, end: time) -> bool:
    return start <= now < end if start <= end else now >= start or now < end
