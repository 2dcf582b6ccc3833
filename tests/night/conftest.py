"""One small demo company and one night over it, made once for all tests here; who changes something works on a copy."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from connectors.sandbox.company import Company, build_company, write_company
from connectors.sandbox.store import Store
from tests.night.homes import AS_OF, SCALE, Home


@pytest.fixture(scope="session")
def company() -> Company:
    """What is true: the demo company behind the sandbox."""
    return build_company(AS_OF, scale=SCALE)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all pytest workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def untouched_home(shared: Path, company: Company) -> Home:
    """The CRMs, and no night yet. Never changed: take `a_home` or `an_untouched_home`."""
    path = shared / "untouched"
    with FileLock(shared / "untouched.lock"):
        if not path.exists():
            unfinished = shared / "untouched.unfinished"
            (unfinished / "sandbox").mkdir(parents=True)
            with Store(unfinished / "sandbox" / "crm.sqlite") as store:
                write_company(company, store)
            unfinished.rename(path)
    return Home(path)


@pytest.fixture(scope="session")
def night_home(shared: Path, untouched_home: Home) -> Home:
    """The home after one night. Never changed: take `a_home`."""
    made = Home(shared / "night")
    with FileLock(shared / "night.lock"):
        if not (shared / "night.done").exists():
            shutil.rmtree(made.path, ignore_errors=True)
            result = untouched_home.copy_to(made.path).night()
            assert result.is_done, result.failures
            assert result.shortfalls == ()
            (shared / "night.done").touch()
    return made


@pytest.fixture
def a_home(night_home: Home, tmp_path: Path) -> Home:
    """A copy of the home after one night, to be changed."""
    return night_home.copy_to(tmp_path / "home")


@pytest.fixture
def an_untouched_home(untouched_home: Home, tmp_path: Path) -> Home:
    """A copy of the home without a night, to be changed."""
    return untouched_home.copy_to(tmp_path / "home")
