"""Where in a YAML file does a value stand? For errors that name the line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from connectors.errors import SettingsError

T = TypeVar("T")


def load_yaml(path: Path) -> Any:
    """Read a YAML file so that `line_of` can find its keys. A file that is no YAML is a SettingsError with its line."""
    try:
        with path.open(encoding="utf-8") as stream:
            return YAML(typ="rt").load(stream)
    except FileNotFoundError as error:
        raise SettingsError(path, line=0, key="file", found="no such file", allowed="a YAML file") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = str(error.problem).removeprefix("found ")
        allowed = "well-formed YAML; text that begins with * & ! % @ ` or holds ': ' stands in quotes"
        raise SettingsError(path, line=line, key="file", found=problem, allowed=allowed) from error


def line_of(document: Any, path: tuple[str | int, ...]) -> int:
    """Return the line (from 1) of the deepest part of `path` that the document has."""
    line = 1
    node = document
    for part in path:
        marks = getattr(getattr(node, "lc", None), "data", None) or {}
        if part not in marks:
            break
        line = marks[part][0] + 1
        node = node[part]
    return line


def as_plain(node: Any) -> Any:
    """Turn the document into plain dicts and lists, for pydantic."""
    if isinstance(node, dict):
        return {key: as_plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [as_plain(value) for value in node]
    return node


def allowed_for(error: ErrorDetails) -> str:
    """Say what would have been allowed, in words for the person who edits the file.

    >>> allowed_for({"type": "extra_forbidden", "loc": ("colour",), "msg": "", "input": 1})
    "no key 'colour' here"
    """
    match error["type"]:
        case "missing":
            return "a value: this key is required"
        case "extra_forbidden":
            return f"no key '{error['loc'][-1]}' here"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return error["msg"].removeprefix("Input should be ")


def with_origin(path: Path, document: Any, fields: Mapping[str, Any], prefix: tuple[str | int, ...]) -> dict[str, Any]:
    """Bring every short form of a field to the long one and note the line that it stands on."""
    return {
        name: {**_long_form(value), "origin": f"{path.parent.name}/{path.name}:{line_of(document, (*prefix, name))}"}
        for name, value in fields.items()
    }


def _long_form(value: Any) -> dict[str, Any]:
    match value:
        case {"from": str(one)}:
            return {**value, "from": [one]}
        case dict():
            return value
        case list():
            return {"from": value}
        case _:
            return {"from": [value]}


def validated(model: TypeAdapter[T], raw: Any, *, file: Path, document: Any, prefix: tuple[str | int, ...]) -> T:
    """Check a part of the document; what is not allowed is a SettingsError with file, line and key."""
    try:
        return model.validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        path = (*prefix, *first["loc"])
        raise SettingsError(
            file,
            line=line_of(document, path),
            key=".".join(str(part) for part in first["loc"]),
            found=shown(first["input"]) if first["type"] != "missing" else "nothing",
            allowed=allowed_for(first),
        ) from error


def shown(value: Any) -> str:
    """Show a value in an error, cut to a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
