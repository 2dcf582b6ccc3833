"""The tree of errors: told in full, and every leaf of it raised somewhere."""

import inspect
import re
from pathlib import Path

import connectors
from connectors import errors

CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
MIDDLE = {errors.ConnectorError, errors.RetryableError, errors.RunStoppedError}


def test_every_error_stands_in_the_tree_and_the_tree_names_no_other() -> None:
    told = set(re.findall(r"\w+Error", errors.__doc__ or ""))

    assert told == {one.__name__ for one in CLASSES}


def test_every_error_has_the_one_base_and_its_name_ends_in_error() -> None:
    assert all(issubclass(one, errors.ConnectorError) and one.__name__.endswith("Error") for one in CLASSES)


def test_every_error_that_is_no_group_is_made_somewhere() -> None:
    folder = Path(connectors.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py") if path.name != "errors.py")

    unused = [one.__name__ for one in CLASSES if one not in MIDDLE and f"{one.__name__}(" not in sources]

    assert unused == []
