"""What does a home of one's own decide? Its files are used when they are there; the environment goes before them."""

import os
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest

from pipelines.errors import SettingsError
from pipelines.night_run import prepare_home
from pipelines.settings import PROJECT, Settings

SHIPPED = (PROJECT / "connectors" / "connections.yaml", PROJECT / "definitions_contract" / "agreement")


def _own(home: Path) -> tuple[Path, Path]:
    shutil.copyfile(SHIPPED[0], home / "connections.yaml")
    (home / "agreement").mkdir()
    return home / "connections.yaml", home / "agreement"


def test_a_home_uses_its_own_connections_and_agreement(tmp_path: Path) -> None:
    own = _own(tmp_path)

    settings = Settings.from_env({"KPI_HOME": str(tmp_path)})

    assert (settings.connections_file, settings.agreement_folder) == own


def test_a_home_without_them_uses_the_shipped_ones(tmp_path: Path) -> None:
    settings = Settings.from_env({"KPI_HOME": str(tmp_path)})

    assert (settings.connections_file, settings.agreement_folder) == SHIPPED


def test_what_the_environment_names_goes_before_the_homes_own(tmp_path: Path) -> None:
    _own(tmp_path)
    named = {"KPI_CONNECTIONS": str(SHIPPED[0]), "KPI_AGREEMENT": str(SHIPPED[1])}

    settings = Settings.from_env({"KPI_HOME": str(tmp_path), **named})

    assert (settings.connections_file, settings.agreement_folder) == SHIPPED


def test_a_named_file_that_is_missing_is_no_reason_to_take_another(tmp_path: Path) -> None:
    _own(tmp_path)

    with pytest.raises(SettingsError, match="KPI_CONNECTIONS"):
        Settings.from_env({"KPI_HOME": str(tmp_path), "KPI_CONNECTIONS": str(tmp_path / "gone.yaml")})


@pytest.mark.parametrize("has_own", [False, True], ids=["the product's", "its own"])
def test_dagster_is_set_up_by_the_homes_own_file_where_there_is_one(tmp_path: Path, has_own: bool) -> None:
    shipped = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    own = shipped.replace("max_concurrent_runs: 1", "max_concurrent_runs: 1  # ours")
    if has_own:
        (tmp_path / "dagster.yaml").write_text(own, encoding="utf-8")

    with patch.dict(os.environ):
        prepare_home(Settings.from_env({"KPI_HOME": str(tmp_path)}))

    assert (tmp_path / "dagster" / "dagster.yaml").read_text(encoding="utf-8") == (own if has_own else shipped)
