"""A night that failed says in the reader's language whether its numbers were published."""

import io

import pytest
from rich.console import Console

from pipelines.cli import night
from pipelines.night_run import NightResult
from pipelines.settings import Settings


@pytest.mark.parametrize(
    ("locale", "is_published", "told"),
    [
        pytest.param("C", False, "Nothing was published; the last good copy stands", id="nothing"),
        pytest.param("C", True, "The numbers are published; what comes after them failed", id="only messages failed"),
        pytest.param("ja_JP.UTF-8", True, "数字は公開しました", id="in Japanese"),
    ],
)
def test_a_failed_night_says_whether_its_numbers_are_published(
    locale: str, is_published: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    ended = NightResult("run", is_done=False, is_published=is_published, failures=("a: b",), shortfalls=("c: d",))
    monkeypatch.setattr(night, "run", lambda *_: ended)
    out = io.StringIO()

    code = night.run_and_report(Console(file=out), Settings.from_env({}), night.Asked())

    assert code == 1
    assert told in out.getvalue()
    assert ("missing c: d" in out.getvalue()) == (locale == "C")
