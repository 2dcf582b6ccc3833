"""The documents tell the truth about today: every command is in both READMEs, every link leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.cli import app

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")


COMMANDS = dict(_commands(typer.main.get_command(app), "kpi"))


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str, readme: str) -> None:
    text = (PROJECT / readme).read_text(encoding="utf-8")
    *group, name = command.split()

    assert command in text or (len(group) > 1 and " ".join(group) in text and f"`{name}`" in text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command: str) -> None:
    found = COMMANDS[command]

    options = [parameter for parameter in found.params if parameter.param_type_name == "option"]

    assert found.help
    assert [option.name for option in options if not getattr(option, "help", None)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
@pytest.mark.parametrize("guide", sorted((PROJECT / "docs" / "guides").glob("*.md")), ids=lambda path: path.name)
def test_every_guide_is_listed_in_the_readme(guide: Path, readme: str) -> None:
    assert f"(docs/guides/{guide.name})" in (PROJECT / readme).read_text(encoding="utf-8")


def test_both_readmes_show_the_same_pictures_commands_and_settings() -> None:
    english, japanese = ((PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md"))

    for pattern in (r"`(KPI_\w+)`", r"^\| `(kpi [^`]+)`", r"^\$ (make \w+)", r"\]\((docs/[^)]+md)\)"):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, japanese, re.MULTILINE)
