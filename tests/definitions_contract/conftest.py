"""The default agreement, and a copy of it to spoil."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import definitions_contract
from definitions_contract.loader import load_agreement
from definitions_contract.schema import Agreement

DEFAULT = Path(definitions_contract.__path__[0]) / "agreement"


@pytest.fixture(scope="session")
def default_folder() -> Path:
    return DEFAULT


@pytest.fixture(scope="session")
def agreement() -> Agreement:
    return load_agreement(DEFAULT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the default agreement that a test may edit."""
    return Path(shutil.copytree(DEFAULT, tmp_path / "agreement"))


@pytest.fixture
def edit(folder: Path) -> Callable[[str, str, str], None]:
    """Replace the first occurrence of a text in a file of the copy."""

    def replace(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace
