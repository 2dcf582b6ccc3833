"""docs/errors.md tells of every exit code and every error of ours: who adds one writes its line there."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import connectors
import definitions_contract
import models
import pipelines
from connectors.errors import ConnectorError, RetryableError, RunStoppedError
from connectors.sandbox.errors import SandboxError
from definitions_contract.errors import ContractError
from models.errors import ModelError
from pipelines.cli import OUR_ERRORS, app
from pipelines.errors import PipelineError
from pipelines.settings import PROJECT

PAGE = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
FAMILIES = {PipelineError, ConnectorError, ContractError, ModelError}
ONLY_BASES = {RetryableError, RunStoppedError, SandboxError}  # never raised themselves
CODES = {0: "typer's own, and `raise typer.Exit`", 2: "click's own", 130: "Ctrl-C"}


def _load_all() -> None:
    for package in (connectors, definitions_contract, models, pipelines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _below(error: type[BaseException]) -> Iterator[type[BaseException]]:
    for found in error.__subclasses__():
        yield found
        yield from _below(found)


def _errors() -> list[str]:
    _load_all()
    ours = ("connectors", "definitions_contract", "models", "pipelines")
    found = {error for family in FAMILIES for error in _below(family) if error.__module__.split(".")[0] in ours}
    return sorted({error.__name__ for error in found - ONLY_BASES})


def _codes() -> set[int]:
    """Whole numbers that `Exit(...)`, `sys.exit(...)` and the named codes of the command line say."""
    found: set[int] = set()
    for path in (PROJECT / "pipelines" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Exit", "sys.exit"):
                found |= _numbers(node)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in NAMED:
                found |= _numbers(node.value)
    return found


NAMED = ("SHORTFALL", "(FAILED, INTERRUPTED)")


def _numbers(node: ast.AST) -> set[int]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and type(part.value) is int}


@pytest.mark.parametrize("name", _errors())
def test_every_error_stands_in_a_table_of_the_page(name: str) -> None:
    assert re.search(rf"^\|[^|]*`{name}`[^|]*\|[^|]+\|[^|]+\|$|^[^|]*`{name}`[^|]* sandbox", PAGE, re.MULTILINE), name


def test_the_page_names_no_error_that_is_gone() -> None:
    told = set(re.findall(r"`(\w+Error)`", PAGE)) - {"OSError"}

    assert told <= set(_errors())


def test_every_exit_code_stands_in_the_page_and_no_other() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}

    assert _codes() >= {1, 3, 130}
    assert told == _codes() | set(CODES)


def test_the_command_line_catches_every_family() -> None:
    assert set(OUR_ERRORS) == FAMILIES


def test_help_names_the_page() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output

    assert "docs/errors.md" in re.sub(r"\s+", " ", shown)
    assert Path("docs/errors.md").name in {path.name for path in (PROJECT / "docs").iterdir()}
