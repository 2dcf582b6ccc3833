"""Ctrl-C: does a command end at once, say so in one line, and leave nothing behind? A real signal to a real process."""

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from tests.night.homes import AS_OF, KPI, Home, processes_of

pytestmark = pytest.mark.xdist_group("commands")


def interrupted(home: Home, *arguments: str, at: str) -> "subprocess.CompletedProcess[str]":
    """Start a command and send SIGINT once `at` stands on its output."""
    process = subprocess.Popen(
        [*KPI, *arguments],
        env=home.environ(),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(
            signal.signal, signal.SIGINT, signal.SIG_DFL
        ),  # ignored, where the tests run in the background of a shell
    )
    assert process.stdout is not None
    seen = ""
    while at not in seen:
        letter = process.stdout.read(1)
        assert letter, seen
        seen += letter
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the command's children get it, too
    process.wait(60)  # before its standard input is closed: an end of the answers is another end
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, seen + out, err)


def test_an_interrupted_night_keeps_the_published_copy_and_leaves_no_process(a_home: Home) -> None:
    before = a_home.published.readlink()

    done = interrupted(a_home, "nightly", "--as-of", AS_OF.isoformat(), at="done")

    assert done.returncode == 130, done.stdout + done.stderr
    assert done.stderr.startswith("interrupted: ")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert a_home.published.readlink() == before
    assert list(processes_of(a_home.path)) == []


def test_an_interrupted_question_writes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    done = interrupted(home, "init", at="[hubspot]: ")

    assert done.returncode == 130
    assert done.stderr.startswith("interrupted: ")
    assert not home.path.exists()
