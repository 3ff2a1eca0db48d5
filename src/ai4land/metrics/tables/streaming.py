"""Statistics of maps larger than memory, block by block, on one core or on many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import AI4LandError, GridError, SampleError

__all__ = ["Adds", "Blockwise", "add_up", "reduce_blocks"]


class Adds(Protocol):
    """What adds: ``Sums``, ``Binned``, and whatever is made of them."""

    def __add__(self, other: Self, /) -> Self:
        """The statistic of both sets of pixels together."""


T = TypeVar("T", bound=Adds)

_FAN = 8
"""Statistics added at once where Dask adds them."""


class Blockwise(Protocol):
    """What can be read in blocks: arrays of NumPy, Zarr, xarray, Dask and HDF5."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, the last two being rows and columns."""

    def __getitem__(self, key: Any, /) -> Any:  # noqa: ANN401
        """A block, something NumPy can make an array of."""


@dataclass(frozen=True)
class _Block:
    """Rows and columns of a block, and those among them that are its own and no neighbour's."""

    rows: slice
    cols: slice
    interior: tuple[slice, slice]


@dataclass(frozen=True)
class _Job(Generic[T]):
    """What is done to every block."""

    statistic: Callable[..., T]
    maps: Mapping[str, Blockwise]
    options: Mapping[str, Any]
    halo: int

    def __call__(self, block: _Block, held: Mapping[str, NDArray[Any]]) -> T:
        """The statistic of a block.

        Args:
            block: Which one.
            held: Its part of the maps that lie in memory.
        """
        pieces = {**held, **{name: _piece(array, block) for name, array in self.maps.items()}}
        inner = {"interior": block.interior} if self.halo else {}
        return self.statistic(**pieces, **self.options, **inner)


def reduce_blocks(
    statistic: Callable[..., T],
    maps: Mapping[str, Blockwise],
    *,
    block: int | tuple[int, int] = 2048,
    halo: int = 0,
    scheduler: str | None = None,
    workers: int | None = None,
    **options: Any,  # noqa: ANN401
) -> T:
    """Compute a statistic of maps that need not fit into memory.

    At any time each worker holds one block of every map. The result is that of the whole maps,
    because statistics add: exactly where they count pixels, to the rounding of a sum where they
    add areas. No block crosses the date line, so a halo there sees the border of the map.

    Args:
        statistic: Takes the maps by name and returns a statistic, such as ``three_maps``, or a
            function that reads codes, masks and bins first.
        maps: Name → what the statistic gets under it: arrays with rows and columns last, all of
            the same number; an axis of length 1 (areas per row, say) is repeated. Chunks are read
            best if ``block`` is a multiple of theirs. Other processes get their part of a NumPy
            array, and of anything else the thing itself, pickled, to read from: it should open
            its file when it is read.
        block: Rows and columns of a block, one number for both or a pair. For ``resolutions``
            multiples of the largest factor, for coarse cells of the pixels in one, so that none
            is cut.
        halo: Rows and columns around a block that the statistic also sees, for one that looks at
            neighbours; it is then told by ``interior``, a pair of slices, what is the block's own.
        scheduler: Where the blocks are computed: ``None`` here, one after the other; otherwise a
            scheduler of Dask: ``threads``, ``processes``, or ``distributed`` for the current
            client.
        workers: Threads or processes of that scheduler; default all cores.
        **options: What else every block's statistic gets.

    Raises:
        GridError: If the maps differ in rows or columns.
        AI4LandError: What the statistic or a map raises, wherever the block was computed.
        SampleError: If a process of the scheduler dies.
    """
    shape = _shape(maps)
    sides = (block, block) if isinstance(block, int) else block
    blocks = list(_blocks(shape, sides, halo))
    held = {name: array for name, array in maps.items() if isinstance(array, np.ndarray)}
    stored = {name: array for name, array in maps.items() if name not in held}
    job = _Job(statistic, stored, options, halo)
    parts = ({name: _piece(array, one) for name, array in held.items()} for one in blocks)
    return add_up(job, zip(blocks, parts, strict=True), scheduler=scheduler, workers=workers)


def add_up(
    statistic: Callable[..., T],
    items: Iterable[tuple[Any, ...]],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> T:
    """Compute a statistic of many things and add: what ``reduce_blocks`` does with blocks.

    Args:
        statistic: Takes the parts of an item.
        items: At least one.
        scheduler: As for ``reduce_blocks``.
        workers: Likewise.

    Raises:
        AI4LandError: What the statistic raises, wherever it was computed.
        SampleError: If a process of the scheduler dies.
    """
    if scheduler is None:
        left = iter(items)
        total = statistic(*next(left))
        for item in left:
            total = total + statistic(*item)
        return total
    from dask.delayed import delayed  # heavy, and one process can do without

    # The job travels as one opaque value: Dask must neither hash nor load the maps in it.
    shared = delayed(statistic, pure=False, traverse=False)
    tables = [delayed(_run)(shared, item) for item in items]
    while len(tables) > 1:
        groups = [tables[n : n + _FAN] for n in range(0, len(tables), _FAN)]
        tables = [delayed(_total)(group) for group in groups]
    try:
        local = {} if scheduler == "distributed" else {"num_workers": workers, "chunksize": 1}
        found: T = tables[0].compute(scheduler=scheduler, **local)
    except AI4LandError as error:
        # Another process wraps the error in one that prints its own traceback, too.
        original: AI4LandError = getattr(error, "exception", error)
        raise original.with_traceback(None) from None
    except BrokenExecutor as error:
        raise SampleError(
            "A process that scored blocks died",
            found=error,
            remedy="most often memory ran out: use fewer workers",
        ) from error
    return found


def _run(statistic: Callable[..., T], item: tuple[Any, ...]) -> T:
    return statistic(*item)


def _total(tables: list[T]) -> T:
    total = tables[0]
    for table in tables[1:]:
        total = total + table
    return total


def _shape(maps: Mapping[str, Blockwise]) -> tuple[int, int]:
    """Rows and columns that all maps share."""
    lengths = [max((array.shape[axis] for array in maps.values()), default=0) for axis in (-2, -1)]
    for name, array in maps.items():
        for axis, length in zip((-2, -1), lengths, strict=True):
            if array.shape[axis] not in (1, length):
                raise GridError(
                    "Maps that are compared must have one shape",
                    where=name,
                    expected=f"(…, {lengths[0]}, {lengths[1]})",
                    found=array.shape,
                )
    if 0 in lengths:
        raise GridError("There is no map to be read in blocks", found=list(maps))
    return lengths[0], lengths[1]


def _blocks(shape: tuple[int, int], sides: tuple[int, int], halo: int) -> Iterator[_Block]:
    for row in range(0, shape[0], sides[0]):
        for col in range(0, shape[1], sides[1]):
            rows, own_rows = _span(row, sides[0], shape[0], halo)
            cols, own_cols = _span(col, sides[1], shape[1], halo)
            yield _Block(rows, cols, (own_rows, own_cols))


def _span(start: int, side: int, length: int, halo: int) -> tuple[slice, slice]:
    """A stretch of an axis with its halo, and where its own part lies in it."""
    stop = min(start + side, length)
    first, last = max(start - halo, 0), min(stop + halo, length)
    return slice(first, last), slice(start - first, stop - first)


def _piece(array: Blockwise, block: _Block) -> NDArray[Any]:
    rows = slice(None) if array.shape[-2] == 1 else block.rows
    cols = slice(None) if array.shape[-1] == 1 else block.cols
    return np.asarray(array[(..., rows, cols)])
