"""Blocks: the units in which a cube is written, each validated before it touches the store."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import zarr

from ai4land.cube.schema import GroupSpec, VariableSpec
from ai4land.errors import CubeError
from ai4land.grid import Window
from ai4land.vocabulary import NO_DATA, Kind

__all__ = ["Block", "BlockWriter", "blocks_of", "full_disk_named"]

_BOUND_SLACK = 1e-3  # products exceed their own bounds by rounding (LUH2: sums up to 1.0001)
_SLAB = 1 << 22  # values validated at once
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class Block:
    """One unit of writing: whole chunks of one variable.

    Attributes:
        group: Name of the group.
        variable: Name of the variable.
        ticks: The times of the block; empty for a static variable.
        window: The rows and columns.
    """

    group: str
    variable: str
    ticks: tuple[int, ...]
    window: Window

    @property
    def key(self) -> str:
        """The line by which the journal remembers that the block is written."""
        first = self.ticks[0] if self.ticks else "static"
        rows, cols = self.window.slices
        place = f"{rows.start}-{rows.stop}/{cols.start}-{cols.stop}"
        return f"{self.group}/{self.variable}/{first}/{place}"


def blocks_of(groups: tuple[GroupSpec, ...], cells: int | None = None) -> Iterator[Block]:
    """All units of writing of some groups, in a fixed order; see ``GroupSpec.block_windows``."""
    for group in groups:
        step = group.block_ticks()
        times = [group.ticks[i : i + step] for i in range(0, len(group.ticks), step)] or [()]
        for spec in group.variables:
            for ticks in times:
                for window in group.block_windows(spec, cells):
                    yield Block(group.name, spec.name, ticks, window)


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn a full disk into one clear error; what was being written is written again later."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise CubeError(
            "The disk is full",
            where=path,
            found=error.strerror,
            remedy="free some space and run the same command again: it resumes where it stopped",
        ) from error


class BlockWriter:
    """Writes blocks of a declared cube and keeps no books, so that many may write at once.

    Args:
        path: Folder of the store, already declared.
        groups: What it holds.
    """

    def __init__(self, path: str | Path, groups: tuple[GroupSpec, ...]) -> None:
        self._path = Path(path)
        self._groups = {group.name: group for group in groups}
        self._root = zarr.open_group(str(path), mode="r+", zarr_format=3)

    def write(self, block: Block, values: npt.NDArray[Any]) -> None:
        """Validate and write the values of one block.

        Args:
            block: One of ``blocks_of``.
            values: ``(time, [component,] y, x)``, without the time axis if static; class codes
                with ``NO_DATA`` missing, or numbers in the vocabulary's units with NaN missing.

        Raises:
            CubeError: If the values do not fit the declaration, of which nothing is written, or
                if the disk is full.
        """
        group = self._groups[block.group]
        spec = group.spec(block.variable)
        expected: tuple[int, ...] = block.window.shape
        if spec.components:
            expected = (spec.layers, *expected)
        if block.ticks:
            expected = (len(block.ticks), *expected)
        _validate(block, spec, values, expected)
        index: tuple[slice, ...] = (*(slice(None),) * bool(spec.components), *block.window.slices)
        if block.ticks:
            first = group.time_index(block.ticks[0])
            index = (slice(first, first + len(block.ticks)), *index)
        array = cast("zarr.Array[Any]", self._root[f"{group.name}/{spec.name}"])
        if group.shard is not None:  # nothing but sea is a file as well, which can be missed
            array = array.with_config({"write_empty_chunks": True})
        with full_disk_named(self._path):
            array[index] = values.astype(spec.dtype, copy=False)


def _validate(
    block: Block, spec: VariableSpec, values: npt.NDArray[Any], expected: tuple[int, ...]
) -> None:
    """Refuse values that the declaration does not allow."""
    where = f"{block.key}, from {spec.source or 'an unnamed source'}"
    if values.shape != expected:
        raise CubeError(
            "The values have another shape", where=where, expected=expected, found=values.shape
        )
    if spec.variable.kind is Kind.CATEGORICAL:
        legend = spec.legend
        if values.dtype != np.uint8 or legend is None:
            raise CubeError("Classes must be uint8", where=where, found=values.dtype)
        known = bytes({*legend.codes, *legend.sea, NO_DATA})
        # what is left when the known codes are deleted: the fastest look at every byte
        unknown = {*b"".join(slab.tobytes().translate(None, known) for slab in _slabs(values))}
        if unknown:
            raise CubeError(
                "Class codes that the legend does not know",
                where=where,
                expected=f"{legend.name}: {legend.codes}",
                found=sorted(unknown),
                remedy="name the right legend or crosswalk in the recipe",
            )
        return
    low, high = spec.variable.bounds
    found = (np.inf, -np.inf)
    for slab in _slabs(values):
        if np.isinf(slab).any():
            raise CubeError("Infinite values", where=where)
        numbers = slab[~np.isnan(slab)]
        if numbers.size:
            found = (min(found[0], float(numbers.min())), max(found[1], float(numbers.max())))
    slack = _BOUND_SLACK * max(abs(low or 0.0), abs(high or 0.0), 1.0)
    if (low is not None and found[0] < low - slack) or (
        high is not None and found[1] > high + slack
    ):
        raise CubeError(
            "Values outside their physical bounds",
            where=where,
            expected=f"{low}…{high} {spec.variable.units}",
            found=f"{found[0]:g}…{found[1]:g}",
            remedy="check the units of the file and that its fill value is masked",
        )


def _slabs(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """The values in pieces of bounded size."""
    if values.ndim > 2:
        for part in values:
            yield from _slabs(part)
        return
    step = max(_SLAB // max(values.shape[1], 1), 1)
    for row in range(0, values.shape[0], step):
        yield values[row : row + step]
