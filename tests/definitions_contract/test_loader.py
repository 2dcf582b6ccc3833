"""Every kind of mistake is found at its file, line and key, with what was found and what is allowed."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from definitions_contract.errors import AgreementError, Issue
from definitions_contract.loader import load_agreement

Edit = Callable[[str, str, str], None]
V1, V2 = "valid_meeting/v1.yaml", "valid_meeting/v2.yaml"
LONG = "kwargs: {column: minutes, min_value: 15}"


class Mistake(NamedTuple):
    """One entry of mistakes.yaml."""

    file: str
    old: str
    new: str
    line: str
    key: str
    found: str
    allowed: str


def _mistakes() -> list[Any]:
    entries = YAML(typ="safe").load(Path(__file__).with_name("mistakes.yaml"))
    return [pytest.param(Mistake(**entry), id=name) for name, entry in entries.items()]


@pytest.mark.parametrize("mistake", _mistakes())
def test_a_mistake_is_named_with_file_line_key_found_and_allowed(mistake: Mistake, folder: Path, edit: Edit) -> None:
    edit(mistake.file, mistake.old, mistake.new)

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    by_place = {(issue.file, issue.key): issue for issue in caught.value.issues}
    assert (mistake.file, mistake.key) in by_place, str(caught.value)
    issue = by_place[mistake.file, mistake.key]
    lines = (folder / mistake.file).read_text(encoding="utf-8").splitlines()
    assert issue.line == _line_number(lines, mistake.line)
    assert mistake.found in issue.found
    assert mistake.allowed in issue.allowed
    assert issue.advice.ja
    assert issue.advice.en


def _line_number(lines: list[str], mark: str) -> int:
    """Find the first line with a text that is no comment, or the nth entry with an id."""
    if mark.startswith("nth id"):
        starts = [number for number, line in enumerate(lines, start=1) if line.startswith("  - id:")]
        return starts[int(mark.removeprefix("nth id ")) - 1]
    return next(number for number, line in enumerate(lines, start=1) if mark in line and not line.startswith("#"))


def test_the_default_agreement_has_no_mistake(default_folder: Path) -> None:
    loaded = load_agreement(default_folder)

    assert [definition.version for definition in loaded.definitions] == [1, 2]
    assert set(loaded.digests) == {"kpis.yaml", "targets.yaml", "phases.yaml", V1, V2}


def test_mistakes_of_all_files_are_told_at_once(folder: Path, edit: Edit) -> None:
    edit("team.yaml", "country: JP", "country: QQ")
    edit(V1, "min_value: 15", "min_value: '15'")
    edit("targets.yaml", "value: 0.35", "value: 35")

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [(issue.file, issue.key) for issue in caught.value.issues] == [
        ("targets.yaml", "targets[3].value"),
        ("team.yaml", "country"),
        (V1, "rules[1].kwargs.min_value"),
    ]


def test_an_unreadable_file_does_not_hide_mistakes_in_others(folder: Path, edit: Edit) -> None:
    edit("team.yaml", "zone:", "zones:")
    edit("phases.yaml", "current_phase: stable", "current_phase: stabel")

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert ("phases.yaml", "current_phase") in {(issue.file, issue.key) for issue in caught.value.issues}


@pytest.mark.parametrize("file", ["team.yaml", "kpis.yaml", "targets.yaml", "phases.yaml"])
def test_a_missing_file_is_named(file: str, folder: Path) -> None:
    (folder / file).unlink()

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [(issue.file, issue.found) for issue in caught.value.issues] == [(file, "no such file")]


def test_a_gap_between_versions_is_named(folder: Path) -> None:
    (folder / V1).unlink()

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    (issue,) = caught.value.issues
    assert (issue.file, issue.key, issue.found, issue.allowed) == (V2, "version", "2", "version 1 before it")


@pytest.mark.parametrize(
    "name", ["target.yaml", "valid_meeting/2.yaml", "valid_meeting/v3.yml", "valid_meeting/v03.yaml"]
)
def test_a_file_that_nothing_reads_is_named(name: str, folder: Path) -> None:
    (folder / name).write_text("a: 1\n")

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [issue.file for issue in caught.value.issues] == [name]


def test_an_empty_file_is_named(folder: Path) -> None:
    (folder / "targets.yaml").write_text("# nothing agreed yet\n")

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [(issue.file, issue.found) for issue in caught.value.issues] == [("targets.yaml", "nothing")]


def test_bytes_that_are_not_utf8_are_named(folder: Path) -> None:
    (folder / "team.yaml").write_bytes("zone: 東京\n".encode("shift_jis"))

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert any(issue.allowed == "UTF-8 text" for issue in caught.value.issues)


def test_a_regular_expression_beyond_the_database_is_refused(folder: Path, edit: Edit) -> None:
    rule = "expectation: expect_column_values_to_match_regex\n    kwargs: {column: industry, regex: '(?=a)b'}"
    edit(V1, f"expectation: expect_column_values_to_be_between\n    {LONG}", rule)

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [issue.key for issue in caught.value.issues] == ["rules[1].kwargs.regex"]


def test_a_definition_without_a_critical_rule_is_refused(folder: Path) -> None:
    text = (folder / V1).read_text(encoding="utf-8")
    (folder / V1).write_text(
        text.replace("    expectation:", "    severity: warning\n    expectation:"), encoding="utf-8"
    )

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [issue.key for issue in caught.value.issues] == ["rules"]


def test_targets_that_follow_each_other_do_not_overlap(folder: Path, edit: Edit) -> None:
    old = "{kpi: reply_rate, scope_kind: department, scope_id: inside_sales, every: month, since: 2025-04-01, value: 0.06}"
    ended = old.replace("value:", "until: 2026-04-01, value:")
    edit("targets.yaml", old, f"{ended}\n  - {old.replace('2025-04-01', '2026-04-01')}")

    loaded = load_agreement(folder)

    assert [target.since.year for target in loaded.targets.targets if target.kpi == "reply_rate"] == [2025, 2026]


def test_a_mistake_in_what_an_anchor_repeats_is_told(folder: Path, edit: Edit) -> None:
    edit(
        "targets.yaml",
        "- {kpi: connect_rate, scope_kind: department",
        "- &rate {kpi: connect_rate, scope_kind: departmental",
    )
    edit("targets.yaml", "- {kpi: reply_rate,", "- {<<: *rate, kpi: reply_rate,")

    with pytest.raises(AgreementError) as caught:
        load_agreement(folder)

    assert [issue.key for issue in caught.value.issues] == ["targets[2].scope_kind"]


WEIRD = st.sampled_from(
    [None, True, 0, -1, 1.5, float("nan"), 10**30, "", "x", "[", "2026-06-31", date(2026, 1, 1), [], [[]], {}, {1: 2}]
)


@settings(deadline=None, max_examples=30)
@given(data=st.data(), weird=WEIRD)
def test_no_value_in_any_place_gives_a_traceback(data: st.DataObject, weird: Any, default_folder: Path) -> None:
    file = data.draw(st.sampled_from(["team.yaml", "targets.yaml", "phases.yaml", V1, V2]))
    tree = YAML(typ="safe").load(default_folder / file)
    *above, last = data.draw(st.sampled_from(list(_places(tree))))
    node = tree
    for part in above:
        node = node[part]
    node[last] = weird

    with TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(default_folder, Path(temporary) / "agreement"))
        YAML(typ="safe", pure=True).dump(tree, folder / file)
        issues = _issues_of(folder)

    assert all(issue.text("ja") and issue.line >= 1 for issue in issues)


def _places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*above, key)
        yield from _places(child, (*above, key))


def _issues_of(folder: Path) -> tuple[Issue, ...]:
    try:
        load_agreement(folder)
    except AgreementError as error:
        return error.issues
    return ()
