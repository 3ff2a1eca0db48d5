"""Area fractions of the classes on coarse cells: one NetCDF file a scenario, with every year."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError
from ai4land.grid import Grid, Window, overlap
from ai4land.product.attributes import global_attributes
from ai4land.product.folder import Planned
from ai4land.product.maps import BAND, Maps
from ai4land.product.netcdf_frame import array, new_netcdf, status
from ai4land.product.release import Release
from ai4land.regrid import class_fractions
from ai4land.vocabulary import NO_DATA

__all__ = ["area_fractions", "coarse_cells"]

FloatArray = npt.NDArray[np.float32]
Shares = Callable[[int], FloatArray]
_FORCINGS = ("unplaced_change", "{}_fractions")  # variables that stand on the forcing's cells


def area_fractions(release: Release) -> Iterator[Planned]:
    """One file for each scenario."""
    for maps in release.scenarios.values():
        grid = coarse_cells(maps, release.options.cells)
        yield Planned(
            release.file(maps, "fractions", _what(maps), ".nc"),
            release.made_from(maps, maps.years, grid.to_dict()),
            partial(_write, release, maps, grid),
        )


def _what(maps: Maps) -> str:
    return f"fractions_{maps.years[0]}-{maps.years[-1]}"


def coarse_cells(maps: Maps, cells: str) -> Grid:
    """The coarse cells that a map covers.

    Args:
        maps: The maps.
        cells: Degrees (``0.25``; cells are counted from 180° W and 90° N), whole pixels (``25px``,
            counted from the map's own corner), or ``forcing``.

    Raises:
        ConfigError: If it is none of these, finer than the map, or the run has no coarse forcing.
    """
    fine = maps.grid
    if cells == "forcing":
        names = (name.format(maps.variable) for name in _FORCINGS)
        held = [name for name in names if name in maps.cube.variables]
        if not held:
            raise ConfigError(
                "The run does not say on which cells its forcing lies",
                where=maps.cube.path,
                expected=f"one of {', '.join(n.format(maps.variable) for n in _FORCINGS)}",
                remedy="give the cells in degrees: --cells 0.25",
            )
        coarse = maps.cube.grid(held[0])
        return coarse.crop(coarse.window_of(fine.west, fine.south, fine.east, fine.north))
    pixels = cells.removesuffix("px")
    if pixels != cells and pixels.isdigit() and int(pixels) > 0:
        return fine.coarsen(int(pixels), int(pixels))
    try:
        side = Fraction(cells)
    except (ValueError, ZeroDivisionError):
        side = Fraction(0)
    if side < max(fine.dx, fine.dy) or (Fraction(180) / side).denominator != 1:
        raise ConfigError(
            "These cells cannot hold area fractions",
            where="--cells",
            expected=f"degrees that divide 180, {float(fine.dx):g} at least, such as 0.25; pixels, "
            "such as 25px; or forcing",
            found=cells,
        )
    first, row = math.floor((fine.west + 180) / side), math.floor((90 - fine.north) / side)
    width = math.ceil((fine.east + 180) / side) - first
    height = min(math.ceil((90 - fine.south) / side), int(180 / side)) - row
    return Grid(first * side - 180, 90 - row * side, side, side, height, width, fine.earth)


def _write(release: Release, maps: Maps, grid: Grid, path: Path) -> None:
    identifier = release.stem(maps, _what(maps))
    what = f"area fractions of {maps.variable.replace('_', ' ')}"
    said = global_attributes(release, maps, what, maps.years, grid, identifier)
    land = [one for one in maps.legend.classes if one.code not in maps.legend.sea]
    common = {"units": "1", "coverage_content_type": "modelResult"}
    with new_netcdf(path, grid, maps.years, said) as data:
        share = {
            "standard_name": "land_area_fraction",
            "long_name": "share of the cell that is land of a known class",
            "cell_methods": "time: point area: mean",
        }
        out = [array(data, "land_share", "f4", np.nan, common | share)]
        for one in land:
            fraction = {
                "standard_name": "area_fraction",
                "long_name": f"{one.name} as share of the land of the cell",
                "cell_methods": "time: point area: mean where land",
            }
            out.append(array(data, f"{one.name}_fraction", "f4", np.nan, common | fraction))
        status(data, f"{maps.variable}_status", [maps.status(year) for year in maps.years])
        with _kept_years(release, maps, grid, path) as kept:
            for index, year in enumerate(maps.years):
                for variable, values in zip(out, kept(year), strict=True):
                    variable[index] = values


@contextmanager
def _kept_years(release: Release, maps: Maps, grid: Grid, path: Path) -> Iterator[Shares]:
    """Years that are computed once, whatever stops the writing of their file; then forgotten."""
    said = json.dumps(release.made_from(maps, grid.to_dict()), sort_keys=True)
    stem, digest = f".{release.stem(maps, 'years')}-", hashlib.sha256(said.encode()).hexdigest()
    folder = path.with_name(f"{stem}{digest[:16]}")
    for other in path.parent.glob(f"{stem}*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)

    def kept(year: int) -> FloatArray:
        file = folder / f"{year}.npz"
        if not file.exists():
            torn = file.with_suffix(".part.npz")
            np.savez_compressed(torn, shares=_year(maps, grid, year))
            torn.replace(file)
        with np.load(file) as data:
            found: FloatArray = data["shares"]
        return found

    yield kept
    shutil.rmtree(folder)


def _year(maps: Maps, grid: Grid, year: int) -> FloatArray:
    """Land share, then the fraction of each class of land, ``(1 + K, Y, X)``."""
    legend, fine = maps.legend, maps.grid
    land = [one for one in legend.classes if one.code not in legend.sea]
    lookup = np.full(256, NO_DATA, np.uint8)
    lookup[[one.code for one in land]] = np.arange(len(land))
    found = np.full((1 + len(land), *grid.shape), np.nan, np.float32)
    found[0] = 0.0
    step = max(int(BAND * fine.dy / grid.dy), 1)
    for row in range(0, grid.height, step):
        coarse = grid.band(row, step)
        rows = _rows_under(fine, grid.crop(coarse))
        if rows is None:
            continue
        link = overlap(fine.crop(rows), grid.crop(coarse))
        shares = class_fractions(lookup[maps.read(year, rows)], len(land), link)
        part: Any = found[(slice(None), *coarse.slices)]
        part[0] = shares.known_share
        part[1:] = np.where(shares.known_share > 0, shares.fractions, np.nan)
    return found


def _rows_under(fine: Grid, coarse: Grid) -> Window | None:
    """All columns of the fine rows that coarse cells meet."""
    first = max(math.floor((fine.north - coarse.north) / fine.dy), 0)
    last = min(math.ceil((fine.north - coarse.south) / fine.dy), fine.height)
    return Window(first, 0, last - first, fine.width) if last > first else None
