"""What the user sets: the one reader of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pipelines.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[1]
CONNECTIONS_NAME = "connections.yaml"  # in a home that has its own
AGREEMENT_NAME = "agreement"


class Settings(BaseModel):
    """All settings with their defaults; `from_env` reads them. Secrets of the CRMs are looked up by the names in connections.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="KPI_HOME: landing files, warehouse, published copies, Dagster's storage, logs")
    connections_file: Path = Field(description="KPI_CONNECTIONS: which CRMs are asked, and their field maps")
    agreement_folder: Path = Field(description="KPI_AGREEMENT: team, KPIs, targets, phases, definitions")
    notify: tuple[SecretStr, ...] = Field(default=(), description="KPI_NOTIFY: apprise addresses, or a file of them")
    notify_file: Path | None = Field(
        default=None, description="KPI_NOTIFY, when it is a YAML file: who hears what, when"
    )
    environ: Mapping[str, SecretStr] = Field(
        default_factory=dict, repr=False, description="the rest, for secrets by name"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; relative paths count from the project.

        A home with a connections.yaml or an agreement of its own (`kpi init` writes both) uses them unless the environment
        names others. Raises SettingsError when a file or folder that the environment names does not exist.
        """
        home = (PROJECT / environ.get("KPI_HOME", "var")).resolve()
        connections, agreement = home / CONNECTIONS_NAME, home / AGREEMENT_NAME
        connections = connections if connections.exists() else PROJECT / "connectors" / "connections.yaml"
        agreement = agreement if agreement.exists() else PROJECT / "definitions_contract" / "agreement"
        connections = _existing(environ, "KPI_CONNECTIONS", connections)
        agreement = _existing(environ, "KPI_AGREEMENT", agreement)
        return cls(
            home=home,
            connections_file=connections,
            agreement_folder=agreement,
            notify=tuple(SecretStr(address) for address in _addresses(environ.get("KPI_NOTIFY", ""))),
            notify_file=_notify_file(environ.get("KPI_NOTIFY", "")),
            environ={name: SecretStr(value) for name, value in environ.items()},
        )

    def secret(self, name: str | None) -> str | None:
        """The value of the environment variable `name`; None when it is unset or empty."""
        value = self.environ.get(name) if name else None
        return (value.get_secret_value() or None) if value else None

    @property
    def landing(self) -> Path:
        """Immutable files of what the CRMs said."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The private DuckDB file; one process writes it at a time."""
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """What readers open; swapped in whole."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """Run storage of Dagster."""
        return self.home / "dagster"

    @property
    def logs(self) -> Path:
        """Logs of runs and services."""
        return self.home / "logs"

    @property
    def sandbox(self) -> Path:
        """State of the built-in CRM sandbox."""
        return self.home / "sandbox"


def _existing(environ: Mapping[str, str], name: str, default: Path) -> Path:
    path = (PROJECT / environ[name]).resolve() if environ.get(name) else default
    if not path.exists():
        raise SettingsError(f"{name} names {path}, which does not exist; correct or unset it (default: {default.name})")
    return path


def _notify_file(value: str) -> Path | None:
    """Give the YAML file of recipients that KPI_NOTIFY names, if it names one."""
    if "://" in value or Path(value).suffix not in (".yaml", ".yml"):
        return None
    return _existing({"KPI_NOTIFY": value}, "KPI_NOTIFY", PROJECT)


def _addresses(value: str) -> list[str]:
    """Split KPI_NOTIFY: a file of addresses (one a line, # comments) or the addresses themselves, space or comma separated."""
    if _notify_file(value) is not None:
        return []
    if value and "://" not in value:
        path = PROJECT / value
        if not path.is_file():
            raise SettingsError(f"KPI_NOTIFY is neither an apprise address nor a file: {value}")
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return value.replace(",", " ").split()
