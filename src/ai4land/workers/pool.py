"""What every kind of workers can do, and how work is handed to them."""

from __future__ import annotations

import concurrent.futures as futures
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ai4land.errors import WorkerLostError

__all__ = ["Rest", "Workers", "each", "finished"]

Item = TypeVar("Item")
_LOG = logging.getLogger(__name__)

_TRIES = 4  # of one item whose workers were lost: a node that dies takes its share of others along


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a work that another thread may finish: writing what was computed.

    Attributes:
        finish: Does it, and returns the result of the work.
    """

    finish: Callable[[], Any]


class Workers(Protocol):
    """Workers that take on one item at a time each."""

    @property
    def size(self) -> int:
        """How many items they work on at once."""

    @property
    def waiting(self) -> int:
        """How many items are handed out at once, for nobody to wait."""

    @property
    def far(self) -> bool:
        """Whether they are other processes, to which work and items travel."""

    def submit(self, work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
        """Start a work, which may return a ``Rest``.

        The future fails with ``WorkerLostError`` if the worker is gone, not the work wrong.
        """


def finished(work: Callable[..., Any], *arguments: object) -> object:
    """Do a work to its end."""
    found = work(*arguments)
    return found.finish() if isinstance(found, Rest) else found


def each(
    workers: Workers, work: Callable[[Item], Any], take: Callable[[], Item | None]
) -> Iterator[tuple[Item, Any]]:
    """Do the work for item after item and pass each on with its result when it is done.

    Few items are handed out at a time, whatever their number; items whose worker was lost are
    handed out again. An error of the work stops all.

    Args:
        workers: Who works.
        work: What is done.
        take: The next item; ``None`` if none can be begun now. It is asked again after every item
            that is done, so that one may follow from another.

    Raises:
        WorkerLostError: If the workers of one item are lost again and again.
    """
    waiting: dict[futures.Future[Any], Item] = {}
    again: list[Item] = []
    losses: dict[int, int] = {}
    try:
        while True:
            while len(waiting) < workers.waiting:
                item = again.pop() if again else take()
                if item is None:
                    break
                waiting[workers.submit(work, item)] = item
            if not waiting:
                return
            done, _ = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
            # what is done is passed on before an error stops all
            for future in sorted(done, key=lambda one: one.exception() is not None):
                item = waiting.pop(future)
                try:
                    result = future.result()
                except WorkerLostError as error:
                    losses[id(item)] = losses.get(id(item), 0) + 1
                    _LOG.warning("a worker was lost, its piece is done again: %s", error.found)
                    if losses[id(item)] == _TRIES:
                        raise
                    again.append(item)
                    continue
                yield item, result
    finally:
        for future in waiting:
            future.cancel()
