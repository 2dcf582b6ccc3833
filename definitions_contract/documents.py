"""What stands in one agreement file, and on which line: YAML text to plain values with positions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from definitions_contract.errors import Issue
from definitions_contract.schema import (
    Definition,
    KpiAgreement,
    Label,
    PhaseAgreement,
    TargetAgreement,
    TeamAgreement,
)

Location = tuple[str | int, ...]

TEAM, KPIS, TARGETS, PHASES = "team.yaml", "kpis.yaml", "targets.yaml", "phases.yaml"
SINGLE_FILES: Mapping[str, type[BaseModel]] = {
    TEAM: TeamAgreement,
    KPIS: KpiAgreement,
    TARGETS: TargetAgreement,
    PHASES: PhaseAgreement,
}
VERSION_FILE = re.compile(r"^(?P<name>[a-z][a-z0-9_]*)/v(?P<version>[1-9][0-9]*)\.yaml$")

_NOT_YAML = Label(ja="YAML として読めるように直してください。", en="correct the YAML")


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its values, plain, and the tree that knows their lines."""

    file: str
    data: Mapping[str, Any]
    tree: CommentedMap

    def line_of(self, location: Location) -> int:
        """Give the line of a key, or of the nearest thing above it that exists."""
        node: Any = self.tree
        line = int(node.lc.line or 0)
        for part in location:
            position = _position(node, part)
            if position is None:
                break
            line, node = position, node[part]
        return line + 1

    def issue(self, location: Location, *, found: object, allowed: str, advice: Label) -> Issue:
        """Tell a mistake at a place in this file."""
        return Issue(self.file, self.line_of(location), key_text(location), shown(found), allowed, advice)


class _Constructor(RoundTripConstructor):
    """Leaves a day that no calendar has (2026-06-31) as text: the schema then tells it with its line."""

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError:
            return node.value


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def model_for(file: str) -> type[BaseModel] | None:
    """Give the model of a file by its path inside the agreement; None for a file that belongs to none.

    >>> model_for("valid_meeting/v2.yaml").__name__
    'Definition'
    """
    return Definition if VERSION_FILE.match(file) else SINGLE_FILES.get(file)


def read_document(path: Path, file: str) -> Document | Issue:
    """Read one file."""
    try:
        return parse_document(path.read_text(encoding="utf-8"), file)
    except UnicodeDecodeError as error:
        allowed, found = "UTF-8 text", f"a byte that is not UTF-8 at position {error.start}"
        advice = Label(ja="UTF-8 で保存し直してください。", en="save the file as UTF-8")
        return Issue(file, 1, "", found, allowed, advice)


def parse_document(text: str, file: str) -> Document | Issue:
    """Read the text of one file."""
    try:
        reader = YAML(typ="rt", pure=True)
        reader.Constructor = _Constructor
        tree = reader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = (error.problem or error.context or "unreadable text").splitlines()[0]
        return Issue(file, mark.line + 1 if mark else 1, "", found, "YAML, each key once", _NOT_YAML)
    except YAMLError as error:
        return Issue(file, 1, "", str(error).splitlines()[0], "YAML text", _NOT_YAML)
    if not isinstance(tree, CommentedMap):
        return Issue(file, 1, "", shown(plain(tree)), "keys with values", _NOT_YAML)
    return Document(file, plain(tree), tree)


def plain(node: Any) -> Any:
    """Strip what the YAML reader adds to values: positions, quoting, number layout.

    >>> plain(parse_document("a: 1_000 # one thousand", "x").tree)
    {'a': 1000}
    """
    match node:
        case Mapping():
            return {plain(key): plain(value) for key, value in node.items()}
        case list():
            return [plain(value) for value in node]
        case ScalarBoolean() | bool():
            return bool(node)
        case datetime():
            return datetime(*node.timetuple()[:6], node.microsecond, node.tzinfo)  # noqa: DTZ001 - as written in the file
        case str() | int() | float():
            return _base_type(node)(node)
    return node


def key_text(location: Location) -> str:
    """Write a place as people do.

    >>> key_text(("rules", 1, "kwargs", "column"))
    'rules[1].kwargs.column'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def shown(value: object) -> str:
    """Show a value from a file in a message, short, as YAML would have it."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "true" if value else "false"
        case date():
            text = value.isoformat()
        case Mapping():
            text = "{" + ", ".join(str(key) for key in value) + "}"
        case list() | tuple():
            text = "[" + ", ".join(shown(part) for part in value) + "]"
        case _:
            text = repr(value) if isinstance(value, str) and value != value.strip() else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _base_type(node: Any) -> type:
    return next(kind for kind in (str, int, float) if isinstance(node, kind))


def _position(node: Any, part: str | int) -> int | None:
    if isinstance(node, CommentedMap) and part in node:
        own = part in (node.lc.data or {})  # a key merged in with << stands elsewhere
        return int(node.lc.key(part)[0]) if own else int(node.lc.line)
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return int(node.lc.item(part)[0])
    return None
