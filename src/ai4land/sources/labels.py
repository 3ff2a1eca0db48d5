"""Forcing from labels: what the labels themselves hold, and exchange, on a coarse grid.

The perfect-forcing experiment: it separates the skill of downscaling from the disagreement between
a coarse product and a fine one. What it gives is an upper bound, never a forecast: the amounts are
those of the very maps that are to be predicted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ai4land.grid import Grid, Window, overlap
from ai4land.regrid import class_areas, class_fractions
from ai4land.sources.file_source import FileSource
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import NO_DATA, Clock, Legend, variable

__all__ = ["READER", "LabelForcing", "LabelsOptions", "coarse_grid"]

_LABELS = ("land_use", "land_cover")
_FRACTIONS, _TRANSITIONS, _SHARE = "_fractions", "_gross_transitions", "land_share"
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


class LabelForcing(FileSource):
    """Class fractions, ``land_share`` and gross transitions of a series of labels.

    They are named after the labels: ``land_use_fractions``, ``land_use_gross_transitions``.

    Fractions are shares of the **known land**: sea and missing pixels are out of the denominator,
    a sea class has fraction 0, and a cell without known land has fractions 0. ``land_share`` is
    the known land as share of the whole cell.

    Gross transitions at a time say which class each share of the land is at that time and at the
    **next labelled one**, those that stay included. The land is what is known at both times: where
    that is all the land, sums over the later class are the fractions then, sums over the earlier
    class those at the later time.

    Args:
        labels: What the labels are; its grid is the cropped one.
        legend: Legend of the codes that ``read`` returns.
        read: Label codes ``(y, x)`` of a tick and a window of that grid.
        coarse: The coarse grid.
        ticks: Labelled times that the transitions lead between; default: all.
    """

    def __init__(
        self,
        labels: SourceField,
        legend: Legend,
        read: ReadCodes,
        coarse: Grid,
        ticks: tuple[int, ...] | None = None,
    ) -> None:
        self._labels, self._legend, self._read, self._coarse = labels, legend, read, coarse
        self._index = np.full(256, NO_DATA, dtype=np.uint8)
        self._index[list(legend.codes)] = np.arange(len(legend), dtype=np.uint8)
        self._sea = [i for i, code in enumerate(legend.codes) if code in legend.sea]
        self._next = dict(itertools.pairwise(labels.ticks if ticks is None else ticks))

        def field(name: str, ticks: tuple[int, ...], meaning: Legend | None) -> SourceField:
            past, gaps = labels.back_cast & set(ticks), labels.gaps
            return SourceField(variable(name), coarse, Clock.YEAR, ticks, meaning, past, gaps)

        name = labels.variable.name
        flows = f"{name}{_TRANSITIONS}"
        fields = {
            f"{name}{_FRACTIONS}": field(f"{name}{_FRACTIONS}", labels.ticks, legend),
            _SHARE: field(_SHARE, labels.ticks, None),
        }
        if self._next:
            fields[flows] = field(flows, tuple(self._next), legend)
        lone = {flows: "transitions lead between two labelled times; there is one"}
        super().__init__(fields, Product("labels", "", "", ""), lone)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Fractions and transitions ``(layer, y, x)`` or land share ``(y, x)``, float32."""
        assert tick is not None
        pixels = float(self._coarse.dy / self._labels.grid.dy) * self._labels.grid.width
        step = max(1, int(_BLOCK_CELLS / max(pixels, 1.0)))
        parts = [self._rows(entry.variable.name, tick, strip) for strip in window.strips(step)]
        return np.concatenate(parts, axis=-2)

    def _rows(self, name: str, tick: int, window: Window) -> Array:
        """Some rows of ``read``."""
        target = self._coarse.crop(window)
        fine = self._labels.grid.window_of(target.west, target.south, target.east, target.north)
        link = overlap(self._labels.grid.crop(fine), target)
        before, count = self._index[self._read(tick, fine)], len(self._legend)
        if not name.endswith(_TRANSITIONS):
            shares = class_fractions(before, count, link, ignore=self._sea)
            chosen = shares.known_share if name == _SHARE else shares.fractions
            return chosen.astype(np.float32)
        after = self._index[self._read(self._next[tick], fine)]
        after[np.isin(after, self._sea)] = NO_DATA
        areas = np.zeros((count, count, *target.shape))
        for start in set(np.unique(before).tolist()) - {*self._sea, NO_DATA}:
            left = np.where(before == start, after, np.uint8(NO_DATA))
            areas[start] = class_areas(left, count, link)
        known = areas.sum(axis=(0, 1))
        areas /= np.where(known > 0.0, known, 1.0)
        return areas.reshape(-1, *target.shape).astype(np.float32)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """How the values are meant; of transitions, what they are worth and when each ends."""
        name = entry.variable.name
        if name.endswith(_TRANSITIONS):
            return {
                "denominator": "land area known at both times",
                "evidence": "upper bound (made from the labels of the target year)",
                "until": {str(tick): self._next[tick] for tick in ticks},
            }
        return {"denominator": "cell" if name == _SHARE else "known land area"}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """None of its own: they are the labels'."""
        return []


READER = Reader(
    LabelsOptions,
    (
        *(f"{of}{kind}" for of in _LABELS for kind in (_FRACTIONS, _TRANSITIONS)),
        _SHARE,
    ),
    None,
    title="Forcing made from the recipe's own labels",
    certainty=Certainty.BYTES,
)
