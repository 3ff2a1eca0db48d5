"""Masked priors: a rollout that begins with part of its map hidden, and what to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ai4land.allocation import draws
from ai4land.cube import Field, State
from ai4land.errors import SampleError
from ai4land.grid import Grid, Mesh, Window
from ai4land.metrics import RolloutScores, ScoredClasses
from ai4land.rollout.scoring import score_rollout
from ai4land.samples import Coding, Labels

__all__ = ["masked", "masked_scores", "nearest_visible"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _VisibleBlocks:
    """Where a map may be seen: a view of square blocks, each shown or hidden by its place.

    Attributes:
        grid: The grid of the map.
        share: Share of the blocks hidden.
        block: Side of a block in pixels, counted from the grid's anchor on the globe.
        seed: Another seed hides others.
    """

    grid: Grid
    share: float
    block: int
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.grid.shape

    @property
    def dtype(self) -> np.dtype[np.bool_]:
        """Type of the values."""
        return np.dtype(np.bool_)

    def read(self, window: Window) -> BoolArray:
        """Whether each pixel of a window may be seen; a block has the number of its first pixel."""
        grid, (row, col) = self.grid, self.grid.anchor
        down = np.arange(window.row, window.row + window.height)
        across = np.arange(window.col, window.col + window.width)
        across = across % grid.width if grid.is_global else across
        rows, cols = self._first(down, row, grid.height), self._first(across, col, grid.width)
        top, left = int(rows.min()), int(cols.min())
        around = Window(top, left, int(rows.max()) + 1 - top, int(cols.max()) + 1 - left)
        found = draws(Mesh(grid, grid), around, self.seed, 0)
        return np.asarray(found[np.ix_(rows - top, cols - left)] >= self.share)

    def _first(self, places: IntArray, anchor: int, length: int) -> IntArray:
        """First pixel within the grid of the block in which each pixel lies."""
        start = (places + anchor) // self.block * self.block - anchor
        return np.asarray(np.clip(start, 0, length - 1))


def masked(state: State, name: str, share: float, *, block: int = 1, seed: int = 0) -> State:
    """A state of whose map a model sees a part, earlier maps hidden at the same places.

    What coarse cells hold is forcing and stays told. The mask belongs to the place, so the answer
    of a stepper does not depend on how the map is cut. Once stepped the map is seen whole: it is
    the model's own.

    Args:
        state: The land.
        name: The map that is hidden.
        share: Share of its blocks hidden, 0…1 (the reference system: 0.75).
        block: Side of a block in pixels; 1 hides single pixels.
        seed: Another seed hides others.

    Raises:
        SampleError: If there can be no such mask.
    """
    if not 0.0 <= share <= 1.0 or block < 1:
        raise SampleError(
            "Impossible mask",
            where=name,
            expected="a share in 0…1, of blocks of at least one pixel",
            found=f"share {share}, block {block}",
        )
    visible = _VisibleBlocks(state[name].grid, share, block, seed)

    def hidden(land: State) -> State:
        fields = {
            k: replace(f, visible=visible) if k == name else f for k, f in land.fields.items()
        }
        return replace(land, fields=fields)

    return replace(hidden(state), past=tuple(hidden(earlier) for earlier in state.past))


def nearest_visible(field: Field, coding: Coding) -> Field:
    """The baseline of a masked map: what is hidden is filled from the nearest visible pixel.

    Distance is counted in pixels of the whole map; only pixels where the target exists give and
    take.

    Args:
        field: A map that is seen in part.
        coding: How its values are read.

    Raises:
        SampleError: If nothing of it is visible.
    """
    values, window = field.values, field.grid.window
    domain = coding.domain(values)
    given = domain & field.seen(window)
    if not given.any():
        raise SampleError("Nothing of the map is visible", where=field.variable.name)
    nearest = ndimage.distance_transform_edt(~given, return_distances=False, return_indices=True)
    return field.replaced(np.where(domain, values[tuple(nearest)], values))


def masked_scores(
    states: Sequence[State],
    labels: Labels,
    *,
    protocol: ScoredClasses = ScoredClasses.LAND,
    mask: BoolArray | None = None,
) -> dict[str, RolloutScores]:
    """Scores of a rollout on all pixels, and apart where its prior was hidden and visible.

    Args:
        states: The rollout; its initial state is masked, see ``masked``.
        labels: The truth.
        protocol: Land alone, or all classes as the reference system counts.
        mask: ``(y, x)`` pixels to score; default all.

    Returns:
        ``all``, ``masked``, ``visible``.
    """
    field = states[0][labels.target.name]
    seen = field.seen(field.grid.window)
    every = np.ones_like(seen) if mask is None else mask
    return {
        part: score_rollout(states, labels, protocol=protocol, mask=every & where)
        for part, where in (("all", True), ("masked", ~seen), ("visible", seen))
    }
