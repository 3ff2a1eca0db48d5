"""Workers of a build: this process, threads, processes, or any Dask scheduler."""

from __future__ import annotations

import concurrent.futures as futures
import functools
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ai4land.cube import Block, BlockWriter
from ai4land.errors import ConfigError
from ai4land.recipes.layer import LIBRARIES, Layer
from ai4land.recipes.plan import Plan, make_plan
from ai4land.recipes.recipe import Recipe
from ai4land.sources import Array
from ai4land.vocabulary import Place

__all__ = ["RemoteBuild", "Workers", "block_writer", "check_workers", "open_workers", "values_of"]

Item = TypeVar("Item")
Submit = Callable[..., "futures.Future[Any]"]

_WAITING = 2  # blocks handed out per worker: one is worked on, one waits, none holds values


@dataclass(frozen=True)
class RemoteBuild:
    """A build as a worker elsewhere needs it: the recipe, to plan it again, and the store.

    Attributes:
        recipe: The recipe, with paths that mean the same on every worker.
        path: Folder of the store.
        token: Tells two builds apart, so that a worker that lives on opens the files again.
    """

    recipe: Recipe = field(compare=False)
    path: Path = field(compare=False)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def of(cls, recipe: Recipe, path: Path) -> RemoteBuild:
        """A build for workers in other folders and with other environments."""
        entries = dict(recipe.variables)
        for name, entry in recipe.variables.items():
            if entry.path is not None:
                path_there = recipe.path(entry.path, ("variables", name)).absolute()
                entries[name] = entry.model_copy(update={"path": str(path_there)})
        made = recipe.model_copy(update={"variables": entries})
        made._place = Place(Path(recipe.place.path).absolute(), recipe.place.lines)
        return cls(made, path.absolute())


@dataclass(frozen=True)
class Workers:
    """Workers that take on blocks.

    Attributes:
        submit: Starts a function with arguments, as ``concurrent.futures.Executor`` does.
        size: How many blocks are worked on at once.
        far: Whether the work is done in other processes.
    """

    submit: Submit
    size: int
    far: bool = False

    def each(self, work: Callable[[Item], object], items: Iterable[Item]) -> Iterator[Item]:
        """Do the work for all items and pass each on when it is done; the rest stops at an error.

        Few items are handed out at a time, whatever their number.
        """
        waiting: dict[futures.Future[Any], Item] = {}
        todo = iter(items)
        limit = 1 if self.size == 1 and not self.far else _WAITING * self.size
        try:
            while True:
                while len(waiting) < limit and (item := next(todo, None)) is not None:
                    waiting[self.submit(work, item)] = item
                if not waiting:
                    return
                done, _ = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
                for future in done:
                    item = waiting.pop(future)
                    future.result()
                    yield item
        finally:
            for future in waiting:
                future.cancel()


def check_workers(scheduler: str | None, workers: int | None) -> None:
    """Refuse workers that cannot be, before anything is opened.

    Raises:
        ConfigError: If there is no such scheduler.
    """
    if scheduler not in {None, "threads", "processes"} and "://" not in str(scheduler):
        raise ConfigError(
            "Unknown scheduler",
            found=repr(scheduler),
            expected="threads, processes or the address of a Dask scheduler, tcp://host:8786",
        )
    if workers is not None and workers < 1:
        raise ConfigError("A build needs at least one worker", found=workers)


@contextmanager
def open_workers(scheduler: str | None, workers: int | None) -> Iterator[Workers]:
    """Open the workers of a build.

    Args:
        scheduler: ``None``: this process alone. ``threads``: threads of this process.
            ``processes``: processes of this machine, a local Dask cluster. Anything with ``://``:
            the Dask scheduler of that address; its workers must see the files and the store.
        workers: How many threads or processes; default: the machine's cores.

    Raises:
        ConfigError: If the scheduler does not answer, or has no workers.
    """
    count = workers or os.cpu_count() or 1
    if scheduler is None:
        yield Workers(_at_once, 1)
    elif scheduler == "threads":
        with futures.ThreadPoolExecutor(count, thread_name_prefix="block") as pool:
            yield Workers(pool.submit, count)
    else:
        with _dask_client(scheduler, count) as client:
            size = sum(client.nthreads().values())
            if not size:
                raise ConfigError("The scheduler has no workers", where=scheduler)
            yield Workers(client.get_executor(pure=False).submit, size, far=True)


def _at_once(work: Callable[..., Any], *arguments: object) -> futures.Future[Any]:
    """Do the work here and now; errors are raised where they happen."""
    future: futures.Future[Any] = futures.Future()
    future.set_result(work(*arguments))
    return future


def _dask_client(scheduler: str, workers: int) -> AbstractContextManager[Any]:
    """A client of a scheduler, or of a cluster of this machine that ends with it."""
    import distributed  # heavy, and an extra

    connect: Any = distributed.Client  # its constructor has no types
    client: AbstractContextManager[Any]
    if scheduler == "processes":
        client = connect(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # no address would mean port 8787, taken or not; of the pages there is no need
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        )
        return client
    try:
        client = connect(scheduler, timeout="20s")
        return client
    except (OSError, ValueError) as error:
        raise ConfigError(
            "The scheduler does not answer",
            where=scheduler,
            found=error,
            remedy="start it with `dask scheduler` and `dask worker`, and give its address",
        ) from error


def block_writer(workers: Workers, plan: Plan, path: Path) -> Callable[[Block], None]:
    """The function that reads and writes a block: at hand, or one that travels to other processes.

    Args:
        workers: Who will call it.
        plan: The opened plan, used by workers of this process.
        path: Folder of the store.
    """
    if workers.far:
        return functools.partial(_write_far, RemoteBuild.of(plan.recipe, path))
    return functools.partial(_write, plan.layers, BlockWriter(path, plan.groups()))


def _write(layers: Mapping[str, Layer], writer: BlockWriter, block: Block) -> None:
    writer.write(block, values_of(layers[block.variable], block))


def _write_far(build: RemoteBuild, block: Block) -> None:
    with LIBRARIES:  # or two threads of one worker would open everything twice
        layers, writer = _opened(build)
    _write(layers, writer, block)


@functools.lru_cache(maxsize=1)
def _opened(build: RemoteBuild) -> tuple[Mapping[str, Layer], BlockWriter]:
    """The plan of a build and its store, opened once in each process."""
    plan = make_plan(build.recipe)
    return plan.layers, BlockWriter(build.path, plan.groups())


def values_of(layer: Layer, block: Block) -> Array:
    """The values of one block, each time of the product read once."""
    if not block.ticks:
        return layer.read(None, block.window)
    first: dict[int | None, int] = {}
    values: Array | None = None
    for i, tick in enumerate(block.ticks):
        origin = layer.schedule[tick][0]
        if values is not None and origin in first:
            values[i] = values[first[origin]]
            continue
        part = layer.read(tick, block.window)
        if values is None:
            values = np.empty((len(block.ticks), *part.shape), dtype=part.dtype)
        values[i] = part
        first[origin] = i
    assert values is not None
    return values
