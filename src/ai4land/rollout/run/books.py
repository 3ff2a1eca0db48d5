"""The books of a run: what the forcing asked of coarse cells, what the map gave, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells, group_sums
from ai4land.cube import Cube, Field, GroupSpec, Reference, VariableSpec, whole_shard
from ai4land.grid import Mesh, Window
from ai4land.rollout.unplaced import UNPLACED, held_in_cells, lacking, pieces_under, put
from ai4land.samples import Demand
from ai4land.vocabulary import NO_DATA, Legend, LegendClass, legend, variable

__all__ = ["AREAS", "ASKED", "BOOKS", "GIVEN", "ORIGIN", "Books", "books_lines", "pixel_areas"]

ASKED, GIVEN, ORIGIN = "asked_area", "given_area", "origin"
AREAS = "areas"
BOOKS = frozenset({UNPLACED, ASKED, GIVEN, ORIGIN})
"""The variables of the books that no label has, transitions apart."""

_KM2 = 1e-6  # km² of a m²
_WORTH = 0.05  # km² below which a change is not worth a line
_CELLS = 1 << 18  # coarse cells of a file, and
_BYTES = 1 << 26  # bytes of one variable in it, in memory

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Books:
    """What is written of coarse cells beside the maps of a branch.

    Attributes:
        demand: What the forcing asks for.
        labelled: First and last time with labels, on the clock of the map.
    """

    demand: Demand
    labelled: tuple[int, int]

    @property
    def mesh(self) -> Mesh:
        """The coarse cells."""
        return self.demand.mesh

    @property
    def transitions(self) -> str:
        """The variable of gross transitions between the classes of the map."""
        return f"{self.demand.target.name}_gross_transitions"

    def groups(
        self, ticks: Sequence[int], stepped: Sequence[int], pairs: Sequence[tuple[int, int]]
    ) -> tuple[GroupSpec, ...]:
        """The groups of a branch that hold the books.

        Args:
            ticks: All times of the branch, on the clock of the map.
            stepped: Those that a step reaches.
            pairs: Two times after each other between which gross transitions are counted.
        """
        classes, source = self.demand.legend, self.demand.forcing
        areas = (
            VariableSpec(variable(ASKED), _group_legend(self.demand), source),
            VariableSpec(variable(GIVEN), _group_legend(self.demand), source),
            VariableSpec(variable(ORIGIN), legend(ORIGIN), "the run"),
        )
        found = [self._group(AREAS, ticks, areas)]
        if stepped:
            spec = VariableSpec(variable(UNPLACED), source=source)
            found.append(self._group("books", stepped, (spec,)))
        if pairs:
            moved = VariableSpec(variable(self.transitions), classes, "the maps of the run")
            found.append(self._group("transitions", [first for first, _ in pairs], (moved,)))
        return tuple(found)

    def _group(self, name: str, ticks: Sequence[int], specs: tuple[VariableSpec, ...]) -> GroupSpec:
        coarse, clock = self.mesh.coarse, self.demand.target.clock
        row = 4 * max(spec.layers for spec in specs) * coarse.width
        rows = max(min(_BYTES // row, _CELLS // coarse.width), 1)
        shard = whole_shard(coarse.shape, (rows, coarse.width))
        return GroupSpec(name, coarse, clock, tuple(sorted(ticks)), specs, 1, shard)

    def areas(
        self,
        field: Field,
        tick: int,
        window: Window,
        reference: Reference | None,
        *,
        observed: bool,
    ) -> dict[str, Array]:
        """What the books say of the map of one time, in a window of the coarse grid.

        Args:
            field: The map.
            tick: Its time, on its clock.
            window: Of the coarse grid.
            reference: What the run began with; ``None`` where nothing was asked.
            observed: Whether the map is the labels themselves.

        Returns:
            Variable → values ``([group,] Y, X)``.
        """
        demand = self.demand
        single = [[position] for position in range(demand.coding.layers)]
        counts = held_in_cells(self.mesh, demand.coding, single, field, window)
        held = group_sums(counts, demand.groups)
        pixel = pixel_areas(self.mesh, window)
        out: dict[str, Array] = {GIVEN: (held * pixel).astype(np.float32)}
        out[ASKED] = np.full_like(out[GIVEN], np.nan)
        if reference is not None:
            when = demand.tick_of(tick, demand.target.clock)
            asked = demand.asked(reference, when, window).reshape(held.shape)
            out[ASKED] = (asked * pixel).astype(np.float32)
            out[UNPLACED] = lacking(asked, held)
        first, last = self.labelled
        code = 1 if observed else 2 if first <= tick <= last else 3
        land = np.delete(counts, demand.coding.sea, axis=0).any(axis=0)
        out[ORIGIN] = np.where(land, code, NO_DATA).astype(np.uint8)
        return out

    def moved(self, before: Field, after: Field, window: Window) -> Array:
        """Area share that goes from each class to each other one, ``(K·K, Y, X)``.

        Of the land that both maps know; NaN where a cell holds none.
        """
        coding, layers = self.demand.coding, len(self.demand.legend)
        areas = self.mesh.fine.row_areas()
        out = np.full((layers * layers, *window.shape), np.nan, np.float32)
        for piece, cells in pieces_under(self.mesh, window):
            one, two = (f.read(piece) for f in (before, after))
            here = CoarseCells.within(self.mesh, piece)
            used = coding.domain(one) & coding.domain(two) & (here.index >= 0)
            pair = coding.positions(one)[used].astype(np.int64) * layers
            pair += coding.positions(two)[used]
            weights = np.broadcast_to(areas[piece.slices[0]][:, None], piece.shape)[used]
            key = pair * here.count + here.index[used]
            total = np.bincount(key, weights, layers * layers * here.count)
            total = total.reshape(layers * layers, here.count)
            whole = total.sum(axis=0)
            share = np.divide(total, whole, out=np.full(total.shape, np.nan), where=whole > 0)
            put(out, self.mesh, window, cells, share.reshape(-1, *cells.shape))
        return out


def pixel_areas(mesh: Mesh, window: Window) -> npt.NDArray[np.float64]:
    """Mean area of a pixel of each coarse row of a window in km², ``(Y, 1)``; 0 without any."""
    rows, areas = mesh.coarse.nearest(mesh.fine)[0], mesh.fine.row_areas()
    known = rows >= 0
    count = np.bincount(rows[known], minlength=mesh.coarse.height)
    total = np.bincount(rows[known], areas[known], mesh.coarse.height)
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return np.asarray(_KM2 * mean[window.slices[0], None])


def _group_legend(demand: Demand) -> Legend:
    """The groups of classes that forcing and map both express, as a legend of their own."""
    given = demand.legend
    classes = tuple(
        LegendClass(number, "+".join(given.names[i] for i in group), given.classes[group[0]].colour)
        for number, group in enumerate(demand.groups, start=1)
    )
    return Legend(
        f"{given.name}_groups", f"Classes of {given.title} that the forcing speaks of", classes
    )


def books_lines(name: str, cube: Cube, books: Books, tick: int, reference: Reference) -> list[str]:
    """What was asked and given of each group of classes from where steps began to their end.

    Args:
        name: Of the branch.
        cube: Its store.
        books: Of the branch.
        tick: The end, on the clock of the map.
        reference: What the map held at the beginning.
    """
    window, clock = books.mesh.coarse.window, books.demand.target.clock
    begin = (reference.counts * pixel_areas(books.mesh, window)).sum(axis=(1, 2))
    asked, given = (
        np.nansum(cube.read(v, tick), axis=(1, 2), dtype=np.float64) - begin for v in (ASKED, GIVEN)
    )
    said = []
    for group, want, have in zip(cube.variable(ASKED).components, asked, given, strict=True):
        if max(abs(want), abs(have)) >= _WORTH:
            rest = f", {100 * (want - have) / want:.1f} % of it not placed" if want else ""
            said.append(
                f"{name}, {clock.label(tick)}, {group}: {want:+,.1f} km² asked, "
                f"{have:+,.1f} km² given{rest}"
            )
    return said
