"""This process: alone, with a thread that writes behind it, or with several threads."""

from __future__ import annotations

import concurrent.futures as futures
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ai4land.workers.pool import Rest, Workers, finished

__all__ = ["serial", "threads"]


@dataclass(frozen=True)
class _Alone:
    """Computes where it is asked, and leaves the rest to one thread that writes behind."""

    behind: futures.Executor
    size = 1
    waiting = 2  # one is written while the next is computed: values of two are held
    far = False

    def submit(self, work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
        """Do the work here and now; its errors are raised where they happen."""
        found = work(*arguments)
        if isinstance(found, Rest):
            return self.behind.submit(found.finish)
        future: futures.Future[Any] = futures.Future()
        future.set_result(found)
        return future


@dataclass(frozen=True)
class _Threads:
    """Threads of this process: one reads or writes while another computes."""

    pool: futures.Executor
    size: int
    far = False

    @property
    def waiting(self) -> int:
        """One in hand and one that waits, for each."""
        return 2 * self.size

    def submit(self, work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
        """Start the work in a thread."""
        return self.pool.submit(finished, work, *arguments)


@contextmanager
def serial(_scheduler: str, _count: int) -> Iterator[Workers]:
    """This process alone."""
    with futures.ThreadPoolExecutor(1, thread_name_prefix="behind") as behind:
        yield _Alone(behind)


@contextmanager
def threads(_scheduler: str, count: int) -> Iterator[Workers]:
    """Threads of this process."""
    with futures.ThreadPoolExecutor(count, thread_name_prefix="worker") as pool:
        yield _Threads(pool, count)
