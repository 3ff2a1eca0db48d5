"""Cloud-Optimized GeoTIFFs: one class map a year, with overviews counted from the map itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid, Window
from ai4land.product.attributes import Attributes, global_attributes
from ai4land.product.folder import Planned
from ai4land.product.maps import BAND, Maps
from ai4land.product.release import Release
from ai4land.regrid import majority_pyramid
from ai4land.vocabulary import NO_DATA, LegendClass

__all__ = ["annual_geotiff", "write_cog"]

_TILE = 512
_LEVELS = BAND.bit_length() - 1  # a band holds whole pixels of so many overviews
_SCRATCH = {"tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "bigtiff": "IF_SAFER"}
_CACHE = 128 * 2**20  # bytes of GDAL's own cache, which is a share of the memory otherwise

Codes = npt.NDArray[np.uint8]
Read = Callable[[Window], Codes]


def annual_geotiff(release: Release) -> Iterator[Planned]:
    """One file for each scenario and year."""
    for maps in release.scenarios.values():
        for year in maps.years:
            yield Planned(
                release.file(maps, "cog", year, ".tif"),
                release.made_from(maps, year, release.options.compression),
                partial(_write, release, maps, year),
            )


def _write(release: Release, maps: Maps, year: int, path: Path) -> None:
    identifier = release.stem(maps, year)
    what = maps.variable.replace("_", " ")
    said = global_attributes(release, maps, what, (year,), maps.grid, identifier)
    read = partial(maps.read, year)
    write_cog(path, maps, read, maps.precedence, said, release.options.compression)


def write_cog(
    path: Path,
    maps: Maps,
    read: Read,
    precedence: Sequence[LegendClass],
    attributes: Attributes,
    compression: str,
) -> None:
    """Write a class map band by band, then its overviews, then both in the order of a COG.

    Overviews are the majority of the pixels of the map (``regrid.majority_pyramid``); GDAL's own
    ``MODE`` makes each from the last, which a class that is scattered does not survive.

    Args:
        path: Where it goes; a scratch file of about the same size lies beside it meanwhile.
        maps: Gives the grid and the bands.
        read: Codes of a window.
        precedence: The classes; of equally frequent ones the first wins.
        attributes: Tags.
        compression: ``deflate`` or ``zstd``.
    """
    import rasterio  # heavy, and only files need it
    from rasterio.enums import Resampling

    scratch = path.with_name(f"{path.name}.scratch")
    levels = _levels(maps.grid)
    with rasterio.Env(GDAL_CACHEMAX=_CACHE, GDAL_TIFF_OVR_BLOCKSIZE=str(_TILE)):
        found, sums = _write_base(scratch, maps, read, precedence, attributes, levels)
        if levels:
            with rasterio.open(scratch, "r+") as base:
                base.build_overviews([2**k for k in range(1, levels + 1)], Resampling.nearest)
        for level, values in enumerate(found):
            with rasterio.open(scratch, "r+", overview_level=level) as overview:
                overview.write(values, 1)
        _copy(scratch, path, compression, "FORCE_USE_EXISTING" if levels else "NONE")
        scratch.unlink()
        _check(path, maps, sums, found)


def _check(path: Path, maps: Maps, sums: Sequence[int], overviews: Sequence[Codes]) -> None:
    """Read everything back: on a full disk GDAL may lose pixels and say nothing."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path) as data:
            right = all(
                crc32(data.read(1, window=window.slices).tobytes()) == sum_
                for window, sum_ in zip(maps.bands(), sums, strict=True)
            )
        for level, values in enumerate(overviews):
            with rasterio.open(path, overview_level=level) as data:
                right = right and np.array_equal(data.read(1), values)
    except RasterioError as error:
        raise OSError(str(error)) from error
    if not right:
        raise OSError("what is read back is not what was written")


def _copy(scratch: Path, path: Path, compression: str, overviews: str) -> None:
    """Put a map and its overviews into the order of a COG."""
    import rasterio.shutil
    from rasterio._err import CPLE_BaseError  # what a copy raises is in no public module

    try:
        rasterio.shutil.copy(
            scratch,
            path,
            driver="COG",
            OVERVIEWS=overviews,
            COMPRESS=compression.upper(),
            LEVEL={"deflate": "6", "zstd": "9"}[compression],
            BLOCKSIZE=_TILE,
            BIGTIFF="IF_SAFER",
        )
    except CPLE_BaseError as error:
        raise OSError(str(error)) from error


def _levels(grid: Grid) -> int:
    """Overviews until one fits a tile."""
    levels = 0
    while -(-max(grid.shape) // 2**levels) > _TILE and levels < _LEVELS:
        levels += 1
    return levels


def _write_base(
    path: Path,
    maps: Maps,
    read: Read,
    precedence: Sequence[LegendClass],
    attributes: Attributes,
    levels: int,
) -> tuple[list[Codes], list[int]]:
    """Write the map as it is; return its overviews and a checksum of each band."""
    import rasterio
    from rasterio.transform import Affine
    from rasterio.windows import Window as Place

    grid, order = maps.grid, [one.code for one in precedence]
    sides = [2**k for k in range(1, levels + 1)]
    found = [np.empty((-(-grid.height // s), -(-grid.width // s)), np.uint8) for s in sides]
    sums = []
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": "uint8",
        "count": 1,
        "height": grid.height,
        "width": grid.width,
        "crs": "EPSG:4326",
        "transform": Affine(*grid.transform),
        "nodata": NO_DATA,
        "compress": "zstd",
        "zstd_level": 1,
    }
    with rasterio.open(path, "w", **profile, **_SCRATCH) as base:
        base.write_colormap(1, _palette(precedence))
        base.set_band_description(1, maps.variable)
        base.update_tags(**_tags(attributes, precedence))
        base.update_tags(1, **_class_tags(precedence))
        for window in maps.bands():
            codes = read(window)
            sums.append(crc32(codes.tobytes()))
            base.write(codes, 1, window=Place(0, window.row, window.width, window.height))
            for side, whole, part in zip(
                sides, found, majority_pyramid(codes, order, levels), strict=True
            ):
                first = window.row // side
                whole[first : first + len(part)] = part
    return found, sums


def _palette(classes: Sequence[LegendClass]) -> Mapping[int, tuple[int, int, int, int]]:
    colours = {one.code: bytes.fromhex(one.colour[1:]) for one in classes}
    return {code: (rgb[0], rgb[1], rgb[2], 255) for code, rgb in colours.items()} | {
        NO_DATA: (0, 0, 0, 0)
    }


def _tags(attributes: Attributes, precedence: Sequence[LegendClass]) -> dict[str, str]:
    """Tags of the file: those that TIFF knows, how overviews are made, and all the rest."""
    names = ", ".join(one.name for one in precedence)
    return {key: str(value) for key, value in attributes.items() if key != "Conventions"} | {
        "TIFFTAG_IMAGEDESCRIPTION": str(attributes["title"]),
        "TIFFTAG_COPYRIGHT": str(attributes["license"]),
        "TIFFTAG_SOFTWARE": str(attributes["history"]).split(" written by ")[-1].split(" from ")[0],
        "overviews": "most frequent class of the pixels of the map, counted from the map at every "
        f"level; of equally frequent ones the first of: {names}; missing where none is known",
    }


def _class_tags(classes: Sequence[LegendClass]) -> dict[str, str]:
    """Tags of the band: the classes as CF flags, and each by its code."""
    ordered = sorted(classes, key=lambda one: one.code)
    return {
        "flag_values": " ".join(str(one.code) for one in ordered),
        "flag_meanings": " ".join(one.name for one in ordered),
        "flag_colors": " ".join(one.colour for one in ordered),
    } | {f"class_{one.code}": one.name for one in ordered}
