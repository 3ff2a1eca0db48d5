"""MODIS leaf area index: MOD15A2H, MYD15A2H, MCD15A2H (8 days) and MCD15A3H (4 days).

Myneni, Knyazikhin, Park 2021, doi:10.5067/MODIS/MCD15A2H.061. Tiles in the sinusoidal projection
are brought onto a regular grid; exports keep their own grid if that is regular.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import SourceError
from ai4land.formats import Layout, Packing
from ai4land.grid import Grid, Window
from ai4land.regrid import SinusoidalGrid, sinusoidal_mean, sinusoidal_nearest
from ai4land.sources.lai.composites import (
    VARIABLES,
    Composite,
    CompositeOptions,
    LeafArea,
    unpacked,
)
from ai4land.sources.lai.modis_files import (
    LAI,
    QUALITY,
    Sheet,
    Sheets,
    check_quality,
    modis_exports,
    modis_netcdf,
    modis_tiles,
    whole_of,
)
from ai4land.sources.periods import composite
from ai4land.sources.reader import Certainty, Reader, Side, side_of
from ai4land.sources.source import Array, Product
from ai4land.vocabulary import Clock

__all__ = ["READER", "ModisLaiOptions", "accepted", "open_lai_modis"]

FloatArray = npt.NDArray[np.float32]
Rule = Literal["any", "main", "clear"]

_PACKING = Packing(np.dtype(np.uint8), tuple(range(249, 256)), 0, 100, 0.1)
_CITATION = "Myneni et al. 2021, doi:10.5067/MODIS/MCD15A2H.061"
_LICENCE = "no restriction (NASA)"


class ModisLaiOptions(CompositeOptions):
    """Options of ``lai_modis``.

    Attributes:
        quality: Which retrievals count, by ``FparLai_QC``: ``any`` produced number; ``main``: the
            main algorithm, with or without saturation (MODLAND_QC 0 and SCF_QC 0 or 1);
            ``clear``: of those, clear or assumed clear (CLOUDSTATE 0 or 3) and live detectors.
        degrees: Side of a cell of the regular grid that sinusoidal files are brought onto.
        method: ``mean`` by shared area, or the ``nearest`` pixel.
        min_share: Share of a cell that valid pixels must fill for a mean to count.
        product: Short name, needed if a folder holds several.
        pattern: Name of GeoTIFF exports with ``{year}`` and ``{doy}``, or ``{year}``, ``{month}``
            and ``{day}``.
        quality_pattern: The same for exports of ``FparLai_QC``.
        days: Days of a composite of exports; default: as the files say, else 8.
    """

    quality: Rule = "any"
    degrees: Side = "1/120"
    method: Literal["mean", "nearest"] = "mean"
    min_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    product: Literal["MOD15A2H", "MYD15A2H", "MCD15A2H", "MCD15A3H"] | None = None
    pattern: str | None = None
    quality_pattern: str | None = None
    days: Literal[4, 8] | None = None


def open_lai_modis(path: Path, options: ModisLaiOptions) -> LeafArea:
    """Open a folder of tiles or of GeoTIFF exports, or a NetCDF export."""
    if path.is_file():
        sheets = modis_netcdf(path, options.days)
    elif options.pattern is not None:
        sheets = modis_exports(path, options.pattern, options.quality_pattern, options.days)
    else:
        sheets = modis_tiles(path, options.product)
    check_quality(sheets, options.quality)
    whole = whole_of(sheets)
    complete, absent = _complete(sheets)
    notes: dict[str, Any] = {
        "quality": options.quality,
        "composite_days": sheets.length,
        "day_weights": "days shared with the period",
    }
    if isinstance(whole, Layout):
        grid = whole.grid
    else:
        grid = whole.regular(side_of(options.degrees))
        notes |= {"resample": f"sinusoidal {options.method}", "min_share": options.min_share}
    composites = [
        Composite(
            composite(day, sheets.length),
            tuple(s.path for s in parts),
            _Maps(parts, whole, grid, options),
        )
        for day, parts in complete.items()
    ]
    product = Product(f"MODIS {sheets.product or 'LAI'}", sheets.collection, _LICENCE, _CITATION)
    return LeafArea(
        grid,
        composites,
        Clock(options.clock),
        product,
        partial=options.partial,
        absent=absent,
        notes=notes,
    )


def _complete(
    sheets: Sheets,
) -> tuple[dict[dt.date, tuple[Sheet, ...]], dict[dt.date, str]]:
    """Composites that hold every tile that any of them holds, and what the others lack."""
    everywhere = {_corner(s) for parts in sheets.days.values() for s in parts}
    complete, absent = {}, {}
    for day, parts in sheets.days.items():
        lacking = sorted(everywhere - {_corner(s) for s in parts})
        if lacking:
            absent[day] = "lacks " + ", ".join(f"h{h:02d}v{v:02d}" for v, h in lacking[:4])
        else:
            complete[day] = parts
    if not complete:
        raise SourceError("No composite has all tiles", found=next(iter(absent.items())))
    return complete, absent


def _corner(sheet: Sheet) -> tuple[int, int]:
    """Tile row and column; (0, 0) for a sheet by latitude and longitude."""
    place = sheet.place
    if isinstance(place, Layout):
        return 0, 0
    return place.row // place.cells, place.col // place.cells


def accepted(quality: Array, rule: Rule) -> npt.NDArray[np.bool_]:
    """Where ``FparLai_QC`` meets a rule.

    Bits from the lowest on: 0 MODLAND_QC, 1 sensor, 2 dead detector, 3–4 CLOUDSTATE, 5–7 SCF_QC
    (MOD15A2 file specification, collection 6).

    Args:
        quality: Bit fields, any shape, uint8.
        rule: The rule, see ``ModisLaiOptions``.
    """
    bits = quality.astype(np.uint8)
    if rule == "any":
        return np.ones(bits.shape, dtype=bool)
    main = ((bits & 1) == 0) & ((bits >> 5) <= 1)
    if rule == "main":
        return np.asarray(main)
    cloud = (bits >> 3) & 3
    return np.asarray(main & ((cloud == 0) | (cloud == 3)) & ((bits & 4) == 0))


@dataclass(frozen=True, eq=False)
class _Maps:
    """The sheets of one composite, read as leaf area on the grid of the source."""

    sheets: tuple[Sheet, ...]
    whole: SinusoidalGrid | Layout
    grid: Grid
    options: ModisLaiOptions

    def __call__(self, window: Window) -> FloatArray:
        if isinstance(self.whole, Layout):
            sheet = self.sheets[0]
            return self.whole.gather(window, lambda rows, cols: self._block(sheet, rows, cols))
        out = np.full(window.shape, np.nan, dtype=np.float32)
        for piece in self.grid.pieces(window):
            out[piece.target] = self._regridded(self.whole, self.grid.crop(piece.window))
        return out

    def _regridded(self, whole: SinusoidalGrid, target: Grid) -> FloatArray:
        cover = whole.cover(target)
        if cover is None:
            return np.full(target.shape, np.nan, dtype=np.float32)
        values = self._mosaic(cover)
        if self.options.method == "nearest":
            return sinusoidal_nearest(values, cover, target, np.nan)
        mean, share = sinusoidal_mean(values, cover, target, np.isfinite(values))
        mean[share < self.options.min_share - 1e-9] = np.nan
        return mean.astype(np.float32)

    def _mosaic(self, cover: SinusoidalGrid) -> FloatArray:
        """Leaf area of a part of the sinusoidal grid, from all sheets that it touches."""
        values = np.full(cover.shape, np.nan, dtype=np.float32)
        for sheet in self.sheets:
            assert isinstance(sheet.place, SinusoidalGrid)
            place = sheet.place
            shared = _window(cover).meet(_window(place))
            if shared is not None:
                there = shared.shift(-cover.row, -cover.col).slices
                values[there] = self._block(sheet, *shared.shift(-place.row, -place.col).slices)
        return values

    def _block(self, sheet: Sheet, rows: slice, cols: slice) -> FloatArray:
        """Leaf area of a block of a sheet, NaN where there is none or its quality is too low."""
        where = f"{sheet.path.name}, row {rows.start}, column {cols.start}"
        values = unpacked(sheet.read(LAI, rows, cols), _PACKING, where)
        if self.options.quality != "any":
            good = accepted(sheet.read(QUALITY, rows, cols), self.options.quality)
            values[~good] = np.nan
        return values


def _window(place: SinusoidalGrid) -> Window:
    return Window(place.row, place.col, *place.shape)


READER = Reader(
    ModisLaiOptions,
    VARIABLES,
    lambda path, options, _: open_lai_modis(path, options),
    title="MODIS leaf area index, collections 6 and 6.1",
    files=("MCD15A2H.A{year}{doy}.h{hh}v{vv}.061.*.hdf", "GeoTIFF and NetCDF exports"),
    years="2000–today (MOD15A2H), 2002–today (MYD, MCD)",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.PAPER,  # the tiles; of exports real bytes were read
)
