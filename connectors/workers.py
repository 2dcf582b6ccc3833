"""A few threads whose tasks may start further tasks; the first error stops them all."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST_OPEN = 32  # tasks of groups: each holds a batch of ids, and readers are faster than what hangs on their records


class Workers:
    """Runs tasks on `count` threads. `submit` may be called from a task; `run` returns when none is left."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="extract")
        self._changed = threading.Condition()
        self._open = 0
        self._error: BaseException | None = None

    def submit(self, task: Callable[[], object]) -> None:
        """Queue a task. After an error nothing more is started."""
        with self._changed:
            if self._error is not None:
                return
            self._open += 1
        self._pool.submit(self._do, task)

    @property
    def open_count(self) -> int:
        """Tasks that run or wait."""
        return self._open

    def offer(self, task: Callable[[], object]) -> bool:
        """Queue a task, unless so many wait already that whoever brings it had better do it."""
        if self.open_count >= MOST_OPEN:
            return False
        self.submit(task)
        return True

    def submit_group(self, task: Callable[["Group"], None], *, on_done: Callable[[], None]) -> None:
        """Queue a task that may queue further ones in its group; `on_done` is called once all of them are done."""
        group = Group(self, on_done)
        self.submit(group.counted(lambda: task(group)))

    def run(self) -> None:
        """Wait until all tasks are done; raise the first error that one of them raised."""
        try:
            with self._changed:
                while self._open:
                    self._changed.wait()
        finally:
            self._pool.shutdown(cancel_futures=True)
        if self._error is not None:
            raise self._error

    def _do(self, task: Callable[[], object]) -> None:
        error: BaseException | None = None
        try:
            if self._error is None:
                task()
        except BaseException as raised:  # noqa: BLE001 - handed to the thread that waits in run()
            error = raised
        with self._changed:
            self._open -= 1
            self._error = self._error or error
            self._changed.notify_all()


class Group:
    """Tasks that belong together. Its first task queues the others before it ends, so the last one to end knows."""

    def __init__(self, workers: Workers, on_done: Callable[[], None]) -> None:
        self._workers = workers
        self._on_done = on_done
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._open = 0
        self._error: BaseException | None = None

    def submit(self, task: Callable[[], None]) -> None:
        """Queue a task of the group; when too many wait, one is done at once."""
        self._waiting.append(self.counted(task))
        if not self._workers.offer(self._do_next):
            self._do_next()

    def settle(self) -> None:
        """Return when all tasks of the group are done but the one that asks; it does itself what still waits.

        Raises the error of one that failed.
        """
        while self._do_next():
            pass
        with self._changed:
            while self._open > 1:
                self._changed.wait()
            if self._error is not None:
                raise self._error

    def counted(self, task: Callable[[], None]) -> Callable[[], None]:
        """The task as one of the group, which is not done before it is."""
        with self._changed:
            self._open += 1
        return lambda: self._do(task)

    def _do_next(self) -> bool:
        try:
            task = self._waiting.popleft()
        except IndexError:  # `settle` has done it
            return False
        task()
        return True

    def _do(self, task: Callable[[], None]) -> None:
        error: BaseException | None = None
        try:
            task()
        except BaseException as raised:
            error = raised
            raise
        finally:
            with self._changed:
                self._open -= 1
                self._error = self._error or error
                is_last = self._open == 0 and self._error is None
                self._changed.notify_all()
        if is_last:
            self._on_done()
