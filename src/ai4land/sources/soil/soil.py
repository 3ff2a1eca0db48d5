"""Soil of the topsoil, sand, clay and organic matter, from SoilGrids, HWSD and rasters like them.

Poggio et al. 2021, SOIL 7, 217, doi:10.5194/soil-7-217-2021; Wieder et al. 2014,
doi:10.3334/ORNLDAAC/1247.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.formats import NetcdfMap
from ai4land.grid import Grid
from ai4land.sources.file_source import each_once
from ai4land.sources.reader import Certainty, Cited, Reader
from ai4land.sources.soil.parameters import (
    Parameter,
    ParameterMaps,
    ParameterOptions,
    conversion,
    recognised,
)
from ai4land.sources.source import Product
from ai4land.sources.surfaces import Surface, is_netcdf, raster_surface
from ai4land.vocabulary import variable

__all__ = ["READER", "SoilOptions", "open_soil"]

_VARIABLES = ("sand", "clay", "soil_organic")
# mapped units of SoilGrids 2.0; the quantiles Q0.05 … Q0.95 and the uncertainty are other maps
_SOILGRIDS = re.compile(
    r"(?P<name>sand|clay|ocd)_(?P<top>\d+)-(?P<bottom>\d+)cm_mean(?:_\w+)?\.(?:tiff?|vrt)\Z"
)
_MEANING = {"sand": ("sand", "g/kg"), "clay": ("clay", "g/kg")}
_MEANING["ocd"] = ("soil_organic", "hg/m3 carbon")
# one map of the topsoil: HWSD and what people make of it
_SINGLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sand": ("t_sand", "sand", "pct_sand"),
        "clay": ("t_clay", "clay", "pct_clay"),
        "soil_organic": ("organic", "soil_organic"),
    }
)
_SHARES = re.compile(r"(t_oc|s_oc|soc(_.*)?)\Z", re.IGNORECASE)
_PRODUCT = Product(
    "SoilGrids", "2.0", "CC BY 4.0", "Poggio et al. 2021, doi:10.5194/soil-7-217-2021"
)
_RASTERS = {".tif", ".tiff", ".vrt", ".bil", ".asc"}


class SoilOptions(ParameterOptions, Cited):
    """Options of ``soil``; quantities are sand, clay, soil_organic.

    Attributes:
        depths: Depth intervals of SoilGrids that are averaged by their thickness.
        reproject: Brings a raster in another coordinate system (the Homolosine of SoilGrids) onto
            longitude and latitude by this method of GDAL's; default: it is refused.
        cells_per_degree: Cells per degree of the grid that ``reproject`` makes.
        product: Name for provenance; default: SoilGrids 2.0 where its names are found.
    """

    depths: tuple[str, ...] = ("0-5cm", "5-15cm", "15-30cm")
    reproject: Literal["average", "bilinear", "nearest"] | None = None
    cells_per_degree: Annotated[int, Field(ge=1, le=480)] = 120


def open_soil(path: Path, options: SoilOptions) -> ParameterMaps:
    """Open a raster or NetCDF file, or a folder of them, and offer what is recognised.

    A folder of SoilGrids holds one raster per property and depth, ``sand_0-5cm_mean_1000.tif``;
    those of ``depths`` are averaged. Anything else holds one map of the topsoil per variable.
    """
    options.check_keys(_VARIABLES, path)
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    files = [f for f in files if is_netcdf(f) or f.suffix.lower() in _RASTERS]
    layered = [f for f in files if _SOILGRIDS.match(f.name)]
    if layered:
        found = _soilgrids(layered, path, options)
    else:
        maps = recognised(files, _SINGLE, options)[0]
        found = {name: _single(*place, name, options) for name, place in maps.items()}
    shares = [f.stem for f in files if _SHARES.match(f.stem)]
    if not found:
        raise MissingFileError(
            "No map of soil is recognised here",
            where=path,
            expected="sand_0-5cm_mean_1000.tif and so on, T_SAND.nc4, or names given as `names`",
            found=", ".join(f.name for f in files[:10]) or "no raster or NetCDF file",
            remedy=_carbon(shares) if shares else None,
        )
    absent = {n: f"the files hold no {n}" for n in _VARIABLES}
    if shares:
        absent["soil_organic"] = _carbon(shares)
    own = options.cited if options.product else replace(options.cited, name="soil maps")
    return ParameterMaps(found, _PRODUCT if layered and not options.product else own, absent)


def _carbon(names: list[str]) -> str:
    return (
        f"{names[0]} is organic carbon as a share of mass, which needs the bulk density: "
        "fetch the density of organic carbon instead (`ocd` of SoilGrids)"
    )


def _soilgrids(files: list[Path], folder: Path, options: SoilOptions) -> dict[str, Parameter]:
    """Properties averaged over the depths asked for."""
    maps: dict[str, dict[str, Path]] = {}
    named = (
        ((m["name"], f"{m['top']}-{m['bottom']}cm"), file)
        for file in files
        if (m := _SOILGRIDS.match(file.name)) is not None
    )
    one = "property and depth of SoilGrids"
    for (name, depth), file in each_once(named, one, "keep one resolution in a folder").items():
        maps.setdefault(name, {})[depth] = file
    thickness = {d: _thickness(d) for d in options.depths}
    total = sum(thickness.values())
    out = {}
    for name, by_depth in maps.items():
        missing = [d for d in options.depths if d not in by_depth]
        if missing:
            raise MissingFileError(
                "A depth of SoilGrids is missing",
                where=folder,
                expected=f"{name}_{missing[0]}_mean.tif",
                found=", ".join(sorted(by_depth)),
                remedy="fetch it, or say the ones that are there as the option `depths`",
            )
        surfaces = {d: _surface(by_depth[d], options) for d in options.depths}
        entry, usual = variable(_MEANING[name][0]), _MEANING[name][1]
        units = options.units.get(entry.name, usual)
        note = {
            "files": [by_depth[d].name for d in options.depths],
            "units": units,
            "depth_weights": {d: round(t / total, 6) for d, t in thickness.items()},
            **_warp_note(next(iter(surfaces.values()))),
        }
        parts = tuple((surfaces[d], thickness[d] / total) for d in options.depths)
        factor = conversion(units, entry.units, f"{folder}, {name}")
        out[entry.name] = Parameter(entry, parts, factor, note=note)
    return out


def _thickness(depth: str) -> float:
    match = re.match(r"(\d+)-(\d+)cm\Z", depth)
    if match is None or int(match[1]) >= int(match[2]):
        raise ConfigError(
            "A depth interval is not understood",
            where="option depths",
            expected="intervals such as 0-5cm",
            found=repr(depth),
        )
    return float(int(match[2]) - int(match[1]))


def _surface(file: Path, options: SoilOptions) -> Surface:
    per = options.cells_per_degree
    grid = Grid.regular("-180", "90", f"1/{per}", f"1/{per}", (180 * per, 360 * per))
    return raster_surface(file, onto=grid, method=options.reproject, fill=options.fill)


def _warp_note(surface: Surface) -> dict[str, object]:
    if isinstance(surface.map, NetcdfMap) or surface.map.raster.warp is None:
        return {}
    return {"reprojected": surface.map.raster.warp, "onto": surface.layout.grid.describe()}


def _single(file: Path, name: str, meaning: str, options: SoilOptions) -> Parameter:
    """One variable that is one map."""
    entry, where = variable(meaning), f"{file}, {name}"
    if is_netcdf(file):
        surface = options.map_in(file, name)
        if surface.layers:
            raise SourceError(
                "The map has layers",
                where=where,
                expected="one map of the topsoil",
                found=", ".join(f"{n}: {size}" for n, size in surface.layers.items()),
                remedy="the source `pnnl` averages layers over the topsoil",
            )
    else:
        surface = _surface(file, options)
    units = options.units.get(meaning, surface.units)
    if not units:
        raise SourceError(
            "The file does not say its units",
            where=where,
            expected=f"units of {meaning}",
            remedy="say them in the option `units`, for example percent, fraction or g/kg",
        )
    note = {"file": file.name, "name": name, "units": units, **_warp_note(surface)}
    factor = conversion(units, entry.units, where)
    return Parameter(entry, ((surface, 1.0),), factor, note=note)


READER = Reader(
    SoilOptions,
    _VARIABLES,
    lambda path, options, _: open_soil(path, options),
    title="Soil of the topsoil: SoilGrids, HWSD and rasters like them",
    files=("{sand,clay,ocd}_{0-5cm,5-15cm,15-30cm}_mean_1000.tif", "T_SAND.nc4", "T_CLAY.nc4"),
    years="static",
    licence=f"{_PRODUCT.licence} (SoilGrids)",
    citation=_PRODUCT.citation,
    certainty=Certainty.PAPER,
    experimental=True,
)
