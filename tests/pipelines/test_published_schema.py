"""Readers' queries go on working: a published column never leaves, changes its name or its type without a word in the change log."""

from pathlib import Path

import pytest

from pipelines.published_schema import SNAPSHOT, broken, deprecated, merged, promised, published_now

OLD = {"kpi.x.kept": "TEXT", "kpi.x.gone": "TEXT", "kpi.x.other": "DATE"}
NEW = {"kpi.x.kept": "TEXT", "kpi.x.other": "TIMESTAMP", "kpi.x.new": "BIGINT"}


def test_no_promise_to_readers_is_broken_without_a_word() -> None:
    assert broken(promised(), published_now(), deprecated()) == [], "name them under Deprecated columns in CHANGELOG.md"


def test_the_promise_holds_every_published_column() -> None:
    new = set(published_now()) - set(promised())

    assert not new, f"run: python -m pipelines.published_schema, it adds them to {SNAPSHOT.name}"


def test_a_column_that_left_or_changed_is_found_until_the_change_log_names_it() -> None:
    assert broken(OLD, NEW, frozenset()) == ["kpi.x.gone was TEXT and is gone", "kpi.x.other was DATE and is TIMESTAMP"]
    assert broken(OLD, NEW, frozenset({"kpi.x.gone", "kpi.x.other"})) == []


@pytest.mark.parametrize("told", [frozenset(), frozenset({"kpi.x.gone"}), frozenset({"kpi.x.gone", "kpi.x.other"})])
def test_writing_the_snapshot_anew_forgets_only_what_was_told(told: frozenset[str]) -> None:
    again = merged(OLD, NEW, told)

    assert set(broken(again, NEW, told)) == set(broken(OLD, NEW, told))
    assert set(again) == (set(OLD) | set(NEW)) - ({"kpi.x.gone"} & told)


def test_only_the_section_of_deprecated_columns_counts(tmp_path: Path) -> None:
    log = tmp_path / "CHANGELOG.md"
    log.write_text(
        "`kpi.x.a`\n\n## Deprecated columns\n\n- `kpi.x.b` since 2.0\n\n## More\n\n`kpi.x.c`\n", encoding="utf-8"
    )

    assert deprecated(log) == {"kpi.x.b"}
