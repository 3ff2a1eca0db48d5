"""Forcing from labels: class fractions of the labels themselves on a coarse grid.

The perfect-forcing experiment: it separates the skill of downscaling from the disagreement between
a coarse product and a fine one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ai4land.grid import Grid, Window, overlap
from ai4land.regrid import class_fractions
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Array, Provenance, SourceField, checked
from ai4land.vocabulary import NO_DATA, Clock, Legend, variable

__all__ = ["READER", "LabelForcing", "LabelsOptions", "coarse_grid"]

_BLOCK_CELLS = 1 << 24  # label pixels aggregated at once

ReadCodes = Callable[[int, Window], npt.NDArray[np.uint8]]


Cells = Annotated[int, Field(ge=1)]


class LabelsOptions(Strict):
    """Options of ``labels``; one of the two.

    Attributes:
        cells: Rows and columns of label pixels in a coarse cell, counted from the region's
            north-west corner.
        degrees: Side of a coarse cell, on the grid of whole multiples of that length.
    """

    cells: tuple[Cells, Cells] | None = None
    degrees: Annotated[float, Field(gt=0, le=30)] | None = None

    @model_validator(mode="after")
    def _one(self) -> LabelsOptions:
        if (self.cells is None) == (self.degrees is None):
            raise ValueError("give either cells: [rows, columns] or degrees, not both")
        return self


def coarse_grid(fine: Grid, options: LabelsOptions) -> Grid:
    """The coarse grid that a recipe asks for.

    Args:
        fine: Grid of the labels, cropped to the region.
        options: ``cells`` counts pixels from the north-west corner, the last cells may be cut
            short; ``degrees`` lies on whole multiples of that length.
    """
    if options.cells is not None:
        return fine.coarsen(*options.cells)
    assert options.degrees is not None
    side = Fraction(options.degrees).limit_denominator(3600)
    first, last = math.floor(fine.west / side), math.ceil(fine.east / side)
    top, bottom = math.ceil(fine.north / side), math.floor(fine.south / side)
    return Grid(first * side, top * side, side, side, top - bottom, last - first, fine.earth)


class LabelForcing:
    """``land_use_fractions`` and ``land_share`` of a label series on a coarse grid.

    Fractions are shares of the **known land**: sea and missing pixels are out of the denominator,
    a sea class has fraction 0, and a cell without known land has fractions 0. ``land_share`` is
    the known land as share of the whole cell.

    Args:
        labels: What the labels are; its grid is the cropped one.
        legend: Legend of the codes that ``read`` returns.
        read: Label codes ``(y, x)`` of a tick and a window of that grid.
        coarse: The coarse grid.
    """

    def __init__(self, labels: SourceField, legend: Legend, read: ReadCodes, coarse: Grid) -> None:
        self._labels, self._legend, self._read, self._coarse = labels, legend, read, coarse
        self._index = np.full(256, NO_DATA, dtype=np.uint8)
        self._index[list(legend.codes)] = np.arange(len(legend), dtype=np.uint8)
        self._sea = [i for i, code in enumerate(legend.codes) if code in legend.sea]
        self.fields: Mapping[str, SourceField] = {
            name: SourceField(
                variable(name),
                coarse,
                Clock.YEAR,
                labels.ticks,
                legend if name == "land_use_fractions" else None,
                labels.back_cast,
                labels.gaps,
            )
            for name in ("land_use_fractions", "land_share")
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Fractions ``(class, y, x)`` or land share ``(y, x)``, float32; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        parts = []
        pixels = float(self._coarse.dy / self._labels.grid.dy) * self._labels.grid.width
        step = max(1, int(_BLOCK_CELLS / max(pixels, 1.0)))
        for row in range(window.row, window.row + window.height, step):
            height = min(step, window.row + window.height - row)
            target = self._coarse.crop(Window(row, window.col, height, window.width))
            fine = self._labels.grid.window_of(target.west, target.south, target.east, target.north)
            link = overlap(self._labels.grid.crop(fine), target)
            indices = self._index[self._read(tick, fine)]
            shares = class_fractions(indices, len(self._legend), link, ignore=self._sea)
            chosen = shares.fractions if variable == "land_use_fractions" else shares.known_share
            parts.append(chosen.astype(np.float32))
        return np.concatenate(parts, axis=-2)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """How the fractions are meant."""
        checked(self.fields, variable, ticks[0], window)
        return {"denominator": "known land area" if variable == "land_use_fractions" else "cell"}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """No files of its own: they are the labels'."""
        return []


READER = Reader(
    LabelsOptions,
    ("land_use_fractions", "land_share"),
    None,
    title="Forcing made from the recipe's own labels",
    certainty=Certainty.BYTES,
)
