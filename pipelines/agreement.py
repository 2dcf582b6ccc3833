"""The agreement in force, for all who ask in one process."""

from functools import lru_cache
from pathlib import Path

from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement
from pipelines.settings import Settings


def current_agreement(settings: Settings) -> Agreement:
    """The agreement as its files stand now; read again only when one of them changed.

    Raises AgreementError with all mistakes of all files.
    """
    files = sorted(file for file in settings.agreement_folder.rglob("*") if file.is_file())
    return _agreement(settings.agreement_folder, tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=1)
def _agreement(folder: Path, _versions: tuple[tuple[Path, int], ...]) -> Agreement:
    return load_agreement(folder)
