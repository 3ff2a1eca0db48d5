"""The plan of a scoring: which pixels, in which windows, what they weigh, how they are grouped."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube, State
from ai4land.errors import VocabularyError
from ai4land.evaluation.regions.files import RegionFile
from ai4land.evaluation.regions.partition import Regions
from ai4land.evaluation.regions.standard import by_climate, by_completeness, by_latitude
from ai4land.evaluation.weighting import Weighting
from ai4land.grid import Grid, Mesh, Window
from ai4land.metrics import (
    COMPLETE,
    FACTORS,
    ScoredClasses,
    coarse_cells,
    complete_cells,
    squares,
    valid_mask,
)
from ai4land.rollout import demand_of, observed_state
from ai4land.samples import Demand, Labels
from ai4land.vocabulary import NO_DATA, Legend, Target, single_task

__all__ = ["MOST_PIXELS", "ScoringPlan", "ScoringWindow", "WindowLand"]

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

_BLOCKS = 200  # of a bootstrap: enough to draw from, few enough to hold

MOST_PIXELS = 1 << 24
"""Pixels of a map, or of a window of a larger map, that are scored in one piece."""


@dataclass(frozen=True, eq=False)
class ScoringWindow:
    """The scored pixels of a map, or of a window of it, the same for every row of a table.

    Attributes:
        labels: The truth.
        start: The labels at the initial time.
        legend: Their legend.
        protocol: Which classes are scored.
        weights: Areas in m², ``(y, x)``; without them pixels are counted.
        zones: Pixels of the headline, and if some were left out, the others; ``None`` is all.
        demand: What the coarse forcing asks for, if there is one; counted from ``start``.
        cells: The coarse cells that it asks for; ``None`` without a forcing.
        blocks: Block of each pixel for the bootstrap, ``(y, x)``, numbered over the whole map.
        factors: Sides of the squares of several sizes.
        regions: Partitions of the map.
    """

    labels: Labels
    start: State
    legend: Legend
    protocol: ScoredClasses
    weights: npt.NDArray[np.float64] | None
    zones: tuple[BoolArray | None, ...]
    demand: Demand | None
    cells: CoarseCells | None
    blocks: npt.NDArray[np.int32]
    factors: tuple[int, ...]
    regions: tuple[Regions, ...]

    def valid(self, *maps: ByteArray) -> BoolArray:
        """Where all truth maps can judge."""
        every = [valid_mask(m, self.legend, self.protocol) for m in maps]
        return np.asarray(np.logical_and.reduce(every), dtype=np.bool_)

    def within(self, mask: BoolArray, zone: int = 0) -> BoolArray:
        """The part of a mask that lies in a zone."""
        part = self.zones[zone]
        return mask if part is None else mask & part


@dataclass(frozen=True)
class WindowLand:
    """What the initial map holds in a window.

    Attributes:
        judged: Whether it has a class that is scored.
        land: Land pixels that are not held out.
        kept: Those of them in coarse cells half land; ``None`` if the forcing is not made from
            the labels.
    """

    judged: bool
    land: int
    kept: int | None


@dataclass(frozen=True, eq=False)
class ScoringPlan:
    """What all windows of a map have in common, and the way to each of them.

    Attributes:
        truth: The cube with the labels.
        target: What is predicted.
        initial: Time of the initial map.
        forcing: What the coarse forcing is called that asks for classes; empty if there is none.
        protocol: Which classes are scored.
        weighting: What a pixel counts.
        held_out: Pixels that the model never saw, ``(y, x)``; ``None`` if none were held out.
        files: Regions by which scores are told apart, on the grid of the labels.
        most: Pixels that are scored in one piece.
    """

    truth: Cube
    target: Target
    initial: int
    forcing: str
    protocol: ScoredClasses
    weighting: Weighting
    held_out: BoolArray | None
    files: tuple[RegionFile, ...]
    most: int

    @property
    def grid(self) -> Grid:
        """The grid of the labels."""
        return self.truth.grid(self.target.name)

    @property
    def coarse(self) -> Grid | None:
        """The grid of the forcing."""
        return self.truth.grid(self.forcing) if self.forcing else None

    @property
    def legend(self) -> Legend:
        """The legend of the labels.

        Raises:
            VocabularyError: If they are no classes.
        """
        found = self.truth.variable(self.target.name).legend
        if found is None:
            raise VocabularyError("Only maps of classes are scored", where=self.target.name)
        return found

    @property
    def side(self) -> int:
        """Pixels along the side of a block of the bootstrap, at least as large as a coarse cell."""
        ratio = 16 if self.coarse is None else math.ceil(float(self.coarse.dy / self.grid.dy))
        cell = max(1, ratio)
        least = math.sqrt(self.grid.height * self.grid.width / _BLOCKS)
        return cell * max(1, math.ceil(least / cell))

    @functools.cached_property
    def windows(self) -> list[Window]:
        """The windows of the map: pieces of whole coarse cells, at multiples of large squares.

        The squares are the largest that leave no window of more than ``most`` pixels.
        """
        if self.grid.height * self.grid.width <= self.most:
            return [self.grid.window]
        mesh, found = Mesh(self.grid, self.coarse or self.grid), [self.grid.window]
        for factor in reversed(FACTORS):
            found = _pieces(mesh, self.most, factor)
            if max(window.height * window.width for window in found) <= self.most:
                break
        return found

    @property
    def factors(self) -> tuple[int, ...]:
        """Squares up to about the size of the map, that no window cuts."""
        longest, corners = max(self.grid.shape), {(w.row, w.col) for w in self.windows}
        return tuple(
            f for f in FACTORS if f <= longest and not any(r % f or c % f for r, c in corners)
        )

    def cut(self, cube: Cube, window: Window) -> Cube:
        """The part of a cube on the labels' grid that lies in a window."""
        return cube.within(self.grid.crop(window)) if len(self.windows) > 1 else cube

    def land(self, window: Window) -> WindowLand:
        """What the initial map holds in a window, to be known before anything is scored."""
        cube = self.cut(self.truth, window)
        codes = cube.read(self.target.name, self.initial)
        known = codes != NO_DATA
        land = known & ~np.isin(codes, self.legend.sea)
        judged = known if self.protocol is ScoredClasses.REFERENCE else land
        complete = self._complete(cube, land)
        used = land if self.held_out is None else land & self.held_out[window.slices]
        kept = None if complete is None else int((used & complete).sum())
        return WindowLand(bool(judged.any()), int(used.sum()), kept)

    def open(self, window: Window, *, headline: bool) -> ScoringWindow:
        """Open a window for scoring.

        Args:
            window: One of ``windows``.
            headline: Whether coarse cells less than half land are told apart.
        """
        cube = self.cut(self.truth, window)
        labels = Labels(cube, self.target)
        start = observed_state(cube, single_task(self.target), self.initial)
        demand = demand_of(cube, self.target, (self.forcing,)) if self.forcing else None
        cells = None
        if demand is not None:
            start = replace(start, reference=demand.reference(start))
            cells = CoarseCells.within(demand.mesh, labels.grid.window)
        land = labels.domain(start[self.target.name].values)
        area = labels.grid.cell_areas() if self.weighting is Weighting.AREA else None
        return ScoringWindow(
            labels,
            start,
            self.legend,
            self.protocol,
            area,
            self._zones(cube, window, land, headline),
            demand,
            cells,
            squares(self.grid.shape, self.side, window.slices),
            self.factors,
            self._regions(labels, window, land, cells, area),
        )

    def _zones(
        self, cube: Cube, window: Window, land: BoolArray, headline: bool
    ) -> tuple[BoolArray | None, ...]:
        """The pixels of the headline, and if some were left out, the others."""
        base = None if self.held_out is None else self.held_out[window.slices]
        complete = self._complete(cube, land) if headline else None
        if complete is None:
            return (base,)
        return (complete, ~complete) if base is None else (base & complete, base & ~complete)

    def _complete(self, cube: Cube, land: BoolArray) -> BoolArray | None:
        """Pixels of coarse cells at least half known land, if the forcing is made from labels."""
        legend = self.legend
        if not self.forcing or cube.variable(self.forcing).components != legend.names:
            return None
        grid = cube.grid(self.target.name)
        if "land_share" not in cube.variables:
            if self.protocol is ScoredClasses.REFERENCE:  # which scores the sea
                return None
            return complete_cells(land, coarse_cells(grid, cube.grid(self.forcing))).mask
        rows, cols = cube.grid("land_share").nearest(grid)
        share = np.nan_to_num(cube.read("land_share", self.initial))[np.ix_(rows, cols)]
        return np.asarray((share >= COMPLETE) & (rows >= 0)[:, None] & (cols >= 0)[None, :])

    def _regions(
        self,
        labels: Labels,
        window: Window,
        land: BoolArray,
        cells: CoarseCells | None,
        area: npt.NDArray[np.float64] | None,
    ) -> tuple[Regions, ...]:
        """Bands of latitude; climate zones and the coarse cells' land where they are known."""
        found = [
            by_latitude(labels.grid, self.grid),
            by_climate(labels.cube, labels.grid, self.target.clock, self.initial),
        ]
        if cells is not None:
            found.append(by_completeness(land, cells.index, area))
        for file in self.files:
            places = file.labels(*window.slices)
            names: Mapping[int, str] = {
                n: file.name(n) for n in np.unique(places[places >= 0]).tolist()
            }
            found.append(Regions(file.path.name, places, names))
        return tuple(part for part in found if part is not None)


def _pieces(mesh: Mesh, most: int, multiple: int) -> list[Window]:
    """Pieces that lie inside the fine grid: bands of whole rows if cells reach around the globe."""
    width = mesh.fine.width
    found = mesh.pieces(most, multiple)
    if all(piece.col + piece.width <= width for piece in found):
        return found
    bands = mesh.pieces(max(most // width, 1) ** 2, multiple)
    heights = sorted({(piece.row, piece.height) for piece in bands})
    return [Window(row, 0, height, width) for row, height in heights]
