"""Do the files for a server fit the product? Their paths, ports, names and times are those of the settings, the commands and the guide."""

import configparser
import inspect
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from pipelines.cli import app
from pipelines.cli.services import CHILDREN_SECONDS, RUN_SECONDS, STOP_SECONDS, up
from pipelines.settings import PROJECT, Settings

DEPLOY = PROJECT / "deploy"
GUIDE = (PROJECT / "docs" / "guides" / "running-on-a-server.md").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
ENVIRONMENT = (DEPLOY / "inside-sales-kpi.env").read_text(encoding="utf-8")
UNITS = sorted(DEPLOY.glob("*.service"))
HOME = Path("/var/lib/inside-sales-kpi")
CODE = Path("/opt/inside-sales-kpi")


def _service(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read(unit, encoding="utf-8")
    return parser["Service"]


def _options(unit: Path) -> dict[str, object]:
    """What `kpi up` is asked for; a wrong option fails here."""
    program, name, *arguments = shlex.split(_service(unit)["ExecStart"])
    assert (Path(program), name) == (CODE / ".venv" / "bin" / "kpi", "up")
    command = get_command(app).commands["up"]  # type: ignore[attr-defined]
    return dict(command.make_context("up", arguments).params)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_the_installed_command_as_the_guides_user_with_its_settings(unit: Path) -> None:
    service = _service(unit)

    assert (Path(service["WorkingDirectory"]), service["UMask"]) == (CODE, "0077")
    assert Path("/var/lib", service["StateDirectory"]) == HOME
    for words in (
        f"useradd --system --home-dir {HOME}",
        f" {service['User']}\n",
        service["EnvironmentFile"],
        str(CODE),
    ):
        assert words in GUIDE
    assert _options(unit)["service"] == unit.stem.removeprefix("inside-sales-kpi-")


def test_the_daemon_may_end_its_night_before_systemd_kills_it() -> None:
    (daemon,) = (unit for unit in UNITS if "daemon" in unit.name)
    service = _service(daemon)

    assert service["KillMode"] == "mixed"  # else systemd ends the night itself
    assert int(service["TimeoutStopSec"]) > RUN_SECONDS + STOP_SECONDS + CHILDREN_SECONDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_services_see_each_others_sockets(unit: Path) -> None:
    assert "PrivateTmp" not in _service(unit)


def test_the_proxy_leads_to_the_port_of_the_dagster_ui_and_to_the_published_board() -> None:
    (webserver,) = (unit for unit in UNITS if "webserver" in unit.name)
    ports = set(re.findall(r"^\s+proxy_pass http://127\.0\.0\.1:(\d+);", NGINX, re.MULTILINE))
    settings = Settings.from_env({"KPI_HOME": str(HOME)})

    assert ports == {str(_options(webserver)["port"])} == {str(inspect.signature(up).parameters["port"].default)}
    assert f"alias {settings.published}/board.html;" in NGINX
    for name in ("/etc/nginx/inside-sales-kpi.htpasswd", "/etc/nginx/conf.d/inside-sales-kpi.conf", "kpi.example.com"):
        assert name in NGINX
        assert name in GUIDE


def test_the_settings_file_names_what_is_read() -> None:
    read = {
        name for field in Settings.model_fields.values() for name in re.findall(r"KPI_\w+", field.description or "")
    }
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", ENVIRONMENT, re.MULTILINE))
    storage = yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text(encoding="utf-8"))
    wanted = {one["env"] for one in storage["storage"]["postgres"]["postgres_db"].values() if isinstance(one, dict)}

    assert {name for name in named if name.startswith("KPI_")} <= read
    assert {name for name in named if name.startswith("DAGSTER_PG")} == wanted
    assert f"KPI_HOME={HOME}\n" in ENVIRONMENT


def test_the_instance_for_postgres_is_the_products_and_the_storage() -> None:
    product = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    postgres = yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text(encoding="utf-8"))

    assert postgres.pop("storage")["postgres"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    assert postgres == product


def test_the_guide_names_the_release_of_dagster_postgres_that_belongs_to_dagsters() -> None:
    _, minor, patch = version("dagster").split(".")

    assert set(re.findall(r"dagster-postgres==([\d.]+)", GUIDE)) == {f"0.{int(minor) + 16}.{patch}"}


def test_the_command_and_the_log_rules_are_for_the_same_user_and_folders() -> None:
    command, rules = ((DEPLOY / name).read_text(encoding="utf-8") for name in ("kpi", "inside-sales-kpi.logrotate"))

    for words in (str(CODE), "runuser -u kpi", "/etc/inside-sales-kpi.env", "umask 077"):
        assert words in command
    assert rules.splitlines()[1] == f"{HOME}/logs/*.log {{"
    assert f"find {HOME}/logs " in rules
    assert "copytruncate" in rules  # the services keep their logs open, to append
    for name in DEPLOY.iterdir():
        assert f"deploy/{name.name}" in GUIDE or f"deploy/*{name.suffix}" in GUIDE
