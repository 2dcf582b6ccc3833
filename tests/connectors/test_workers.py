"""Tasks that start tasks; the first error."""

import threading
from functools import partial

import pytest

from connectors.workers import MOST_OPEN, Group, Workers


def test_tasks_started_by_tasks_are_done_before_run_returns() -> None:
    workers = Workers(2)
    done = []

    def grow(depth: int) -> None:
        done.append(depth)
        if depth:
            workers.submit(lambda: grow(depth - 1))
            workers.submit(lambda: grow(depth - 1))

    workers.submit(lambda: grow(5))
    workers.run()

    assert len(done) == 2**6 - 1


def test_the_first_error_comes_out_and_what_waits_is_not_started() -> None:
    workers = Workers(1)
    started = threading.Event()
    done = []

    def fail() -> None:
        started.wait(5)
        raise KeyError("first")

    workers.submit(fail)
    workers.submit(lambda: done.append("later"))
    started.set()

    with pytest.raises(KeyError, match="first"):
        workers.run()
    assert done == []


def test_a_task_that_comes_when_too_many_wait_is_done_by_whoever_brings_it() -> None:
    workers = Workers(1)
    waiting, done_by, ended = [], set(), []

    def bring(group: Group) -> None:
        for _ in range(3 * MOST_OPEN):
            group.submit(lambda: done_by.add(threading.current_thread().name))
            waiting.append(workers.open_count)

    workers.submit_group(bring, on_done=lambda: ended.append(True))
    workers.run()

    assert max(waiting) == MOST_OPEN
    assert len(done_by) == 1
    assert ended == [True]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_group_settles_when_all_that_its_first_task_brought_is_done(threads: int) -> None:
    workers = Workers(threads)
    done: list[int] = []

    def bring(group: Group) -> None:
        for number in range(5):
            group.submit(partial(done.append, number))
        group.settle()
        done.append(99)

    for _ in range(threads):  # as many as there are threads: none is free for what they bring
        workers.submit_group(bring, on_done=lambda: None)
    workers.run()

    assert len(done) == 6 * threads
    assert max(done[:5]) < 99


def test_a_group_with_a_failed_task_does_not_settle() -> None:
    workers, ended = Workers(1), []

    def fail() -> None:
        raise KeyError("first")

    def bring(group: Group) -> None:
        group.submit(fail)
        group.settle()
        ended.append("settled")

    workers.submit_group(bring, on_done=lambda: ended.append("done"))
    with pytest.raises(KeyError):
        workers.run()
    assert ended == []


def test_no_task_at_all_is_done_at_once() -> None:
    Workers(1).run()
