"""Imports run one way, and each outside thing is used in its one place."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
OURS = ("definitions_contract", "connectors", "models", "pipelines")
MAY_IMPORT = {
    "definitions_contract": {"definitions_contract"},
    "connectors": {"connectors"},
    "models": {"models", "definitions_contract"},
    "pipelines": set(OURS),
}
ONLY_IN = {
    "dagster": "pipelines",
    "requests": "connectors",
    "urllib3": "connectors",
    "hubspot": "connectors",
    "simple_salesforce": "connectors",
    "apprise": "pipelines",
    "starlette": "connectors",
}


def _modules() -> list[Path]:
    return [path for package in OURS for path in sorted((PROJECT / package).rglob("*.py"))]


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(PROJECT).parts[0]

    roots = {name.partition(".")[0] for name in _imported(path)}

    assert roots & set(OURS) <= MAY_IMPORT[package]
    assert {root for root in roots if ONLY_IN.get(root, package) != package} == set()


def test_only_the_warehouse_opens_an_engine() -> None:
    openers = {
        path.relative_to(PROJECT).as_posix()
        for path in _modules()
        if "create_engine(" in path.read_text(encoding="utf-8")
    }

    assert openers == {"pipelines/warehouse.py"}


def test_only_the_settings_and_the_command_line_read_the_environment() -> None:
    readers = {
        path.relative_to(PROJECT).as_posix() for path in _modules() if "os.environ" in path.read_text(encoding="utf-8")
    }

    # night_run.py tells Dagster its folders, the CLI and Dagster's way in hand the environment to Settings.from_env
    allowed = {"pipelines/definitions.py", "pipelines/night_run.py"}
    assert {path for path in readers if not path.startswith("pipelines/cli/")} <= allowed
