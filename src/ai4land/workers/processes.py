"""Processes of this machine, each of which may die without taking another's work along."""

from __future__ import annotations

import concurrent.futures as futures
import functools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from ai4land.errors import WorkerLostError
from ai4land.workers.pool import Workers, finished

__all__ = ["processes"]

_THREADS = "OMP_NUM_THREADS"


class _Processes:
    """A pool of one for each process: what one of them breaks is its own.

    Args:
        size: How many.
    """

    far = True

    def __init__(self, size: int) -> None:
        self.size, self.waiting = size, 2 * size
        self._pools = [self._pool() for _ in range(size)]
        self._busy = [0] * size
        self._lock = threading.RLock()

    def _pool(self) -> futures.ProcessPoolExecutor:
        share = max((os.cpu_count() or 1) // self.size, 1)
        # spawned, never forked: this process has threads, and its libraries have theirs
        spawn = multiprocessing.get_context("spawn")
        return futures.ProcessPoolExecutor(1, spawn, functools.partial(_alone, share))

    def submit(self, work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
        """Hand the work to the process that has least to do."""
        with self._lock:
            place = self._busy.index(min(self._busy))
            self._busy[place] += 1
            pool = self._pools[place]
            try:
                inner = pool.submit(finished, work, *arguments)
            except BrokenProcessPool:
                pool = self._replaced(place, pool)
                inner = pool.submit(finished, work, *arguments)
        outer: futures.Future[Any] = futures.Future()
        inner.add_done_callback(functools.partial(self._pass_on, place, pool, outer))
        return outer

    def _replaced(
        self, place: int, broken: futures.ProcessPoolExecutor
    ) -> futures.ProcessPoolExecutor:
        """A new process in place of one that is gone."""
        with self._lock:
            if self._pools[place] is broken:
                self._pools[place] = self._pool()
                broken.shutdown(wait=False)
            return self._pools[place]

    def _pass_on(
        self,
        place: int,
        pool: futures.ProcessPoolExecutor,
        outer: futures.Future[Any],
        inner: futures.Future[Any],
    ) -> None:
        """Give a result to who waits for it."""
        with self._lock:
            self._busy[place] -= 1
        if inner.cancelled() or not outer.set_running_or_notify_cancel():
            return
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            self._replaced(place, pool)
            error = WorkerLostError("A worker process is gone", found=error)
        if error is None:
            outer.set_result(inner.result())
        else:
            outer.set_exception(error)

    def close(self) -> None:
        """End all processes."""
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(threads: int) -> None:
    """Begin a worker: its libraries get a share of the cores, and it dies with its master.

    A pool's processes would wait for ever for the next item of a process that was killed.
    """
    os.environ.setdefault(_THREADS, str(threads))
    threading.Thread(target=_end_with_the_master, daemon=True).start()


def _end_with_the_master() -> None:
    master = multiprocessing.parent_process()
    if master is not None:
        master.join()
        os._exit(1)


@contextmanager
def processes(_scheduler: str, count: int) -> Iterator[Workers]:
    """Processes of this machine."""
    pool = _Processes(count)
    try:
        yield pool
    finally:
        pool.close()
