"""The agreement and the connections in force, for all who ask in one process: read again only when a file changed."""

from functools import lru_cache
from pathlib import Path

from connectors.settings import Connection, load_connections
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from pipelines.settings import Settings


def current_connections(settings: Settings) -> tuple[Connection, ...]:
    """The connections as their file stands now.

    Raises SettingsError with the mistake's file and line.
    """
    file = settings.connections_file
    return _connections(file, file.stat().st_mtime_ns if file.is_file() else 0)


def current_agreement(settings: Settings) -> Agreement:
    """The agreement as its files stand now.

    Raises AgreementError with all mistakes of all files.
    """
    files = sorted(file for file in settings.agreement_folder.rglob("*") if file.is_file())
    return _agreement(settings.agreement_folder, tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=1)
def _agreement(folder: Path, _versions: tuple[tuple[Path, int], ...]) -> Agreement:
    return load_agreement(folder)


@lru_cache(maxsize=1)
def _connections(file: Path, _version: int) -> tuple[Connection, ...]:
    return load_connections(file)
