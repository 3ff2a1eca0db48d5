"""The workers of any Dask scheduler, one task for each item and none in a graph."""

from __future__ import annotations

import concurrent.futures as futures
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ai4land.errors import ConfigError, WorkerLostError
from ai4land.workers.pool import Workers, finished

__all__ = ["DaskWorkers", "dask_address"]


class DaskWorkers:
    """Workers of a Dask client.

    Dask keeps a result as long as somebody may ask for it, and does a finished task again when the
    worker that held its result is lost. Here a result is fetched and released at once, so that a
    lost worker costs what it was running.

    Args:
        client: A ``distributed.Client``.
        size: Items at once; default: the threads of its workers now.

    Raises:
        ConfigError: If there are no workers and no size is given.
    """

    far = True

    def __init__(self, client: Any, size: int | None = None) -> None:  # noqa: ANN401
        self._client = client
        self.size = size or sum(client.nthreads().values())
        self.waiting = 2 * self.size
        if not self.size:
            raise ConfigError(
                "The scheduler has no workers",
                where=client.scheduler.address,
                remedy="start some with `dask worker ADDRESS`",
            )

    def submit(self, work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
        """Hand the work to the scheduler as a task of its own."""
        outer: futures.Future[Any] = futures.Future()
        outer.set_running_or_notify_cancel()
        task = self._client.submit(finished, work, *arguments, pure=False, retries=0)
        task.add_done_callback(functools.partial(_pass_on, outer))
        return outer


def _pass_on(outer: futures.Future[Any], task: Any) -> None:  # noqa: ANN401
    """Give the result of a task to who waits for it, and release it."""
    try:
        outer.set_result(task.result())
    except futures.CancelledError as error:
        outer.set_exception(WorkerLostError("A task was cancelled", found=error))
    except Exception as error:
        if type(error).__name__ in {"KilledWorker", "CommClosedError", "FutureCancelledError"}:
            outer.set_exception(WorkerLostError("A Dask worker is gone", found=error))
        else:
            outer.set_exception(error)
    finally:
        task.release()


@contextmanager
def dask_address(scheduler: str, _count: int) -> Iterator[Workers]:
    """The workers of the Dask scheduler of an address.

    Raises:
        ConfigError: If it does not answer, or has no workers.
    """
    import distributed  # heavy, and an extra

    connect: Any = distributed.Client  # its constructor has no types
    try:
        client = connect(scheduler, timeout="20s")
    except (OSError, ValueError) as error:
        raise ConfigError(
            "The scheduler does not answer",
            where=scheduler,
            found=error,
            remedy="start it with `dask scheduler` and `dask worker`, and give its address",
        ) from error
    with client:
        yield DaskWorkers(client)
