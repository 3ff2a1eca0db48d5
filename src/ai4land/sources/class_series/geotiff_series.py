"""Any annual class map with a legend (MapBiomas, MODIS, national maps), in any projection.

A folder with a file a year, or one file with a band a year.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ai4land.formats import Raster, open_raster, opened_raster
from ai4land.sources.class_series.class_maps import ClassMaps
from ai4land.sources.class_series.deflickered import Deflicker, Deflickered, unsmoothed
from ai4land.sources.class_series.reprojected import ReprojectedMaps, onto_longitudes
from ai4land.sources.class_series.years import annual_files, bands_by_year
from ai4land.sources.file_source import gaps_in
from ai4land.sources.orientation import OrientationOptions
from ai4land.sources.rasters import RasterFile, on_longitudes
from ai4land.sources.reader import Certainty, Cited, Reader
from ai4land.sources.source import Source
from ai4land.vocabulary import Variable, read_legend
from ai4land.vocabulary import variable as look_up

__all__ = ["READER", "GeotiffSeriesOptions", "open_geotiff_series"]


class GeotiffSeriesOptions(Cited, OrientationOptions):
    """Options of ``geotiff_series``.

    Attributes:
        pattern: File name with ``{year}`` where the four digits of the year stand, ``*`` for
            anything and ``?`` for one character: ``*_{year}*.tif``. Not needed if the path is one
            file with a band a year.
        legend: Legend of the codes: a built-in name, or a YAML file beside the recipe.
        band: Number of the band, where each file has several.
        variable: Name of the layer, where each file has several.
        first_year: Year of the first band of one file with a band a year, where the bands'
            descriptions do not name their years.
        reproject: Resampling by which maps in another projection come onto longitudes and
            latitudes: ``nearest``, or ``mode`` onto cells larger than the pixels. The error of
            each class's area is kept with the cube. Without it such maps are refused.
        cells_per_degree: Cells of that grid; default the fewest no larger than the pixels.
        deflicker: Offer a smoothed variable beside the one of the maps, which stays as it is.
    """

    legend: str
    pattern: str = ""
    product: str = "class maps"
    band: Annotated[int, Field(ge=1)] | None = None
    variable: str | None = None
    first_year: Annotated[int, Field(ge=0, le=9999)] | None = None
    reproject: Literal["nearest", "mode"] | None = None
    cells_per_degree: Annotated[int, Field(ge=1)] | None = None
    deflicker: Deflicker | None = None


def open_geotiff_series(path: Path, options: GeotiffSeriesOptions, variable: Variable) -> Source:
    """Open annual class maps: a folder of files, or one file with a band a year.

    The variable is the categorical one that the maps show, or its smoothed companion.
    """
    raw = look_up(unsmoothed(variable.name, options.deflicker))
    rasters = _rasters(path, options)
    placed: dict[Raster, RasterFile] = {}
    for raster in rasters.values():
        if raster not in placed:
            placed[raster] = _placed(raster, options)
    maps = {year: placed[raster] for year, raster in rasters.items()}
    name = f"file {options.pattern}" if path.is_dir() else "band of {year}"
    gaps = gaps_in(maps, lambda year: f"the {name.replace('{year}', str(year))} is missing")
    rest = raw, maps, read_legend(options.legend), options.cited
    checked = options.orientation
    series = (
        ReprojectedMaps(rasters, options.reproject, *rest, gaps=gaps, orientation=checked)
        if options.reproject is not None and any(one.raster.warp for one in maps.values())
        else ClassMaps(*rest, gaps=gaps, orientation=checked)
    )
    smooth = options.deflicker
    return series if smooth is None else Deflickered(series, smooth, raw.name)


def _rasters(path: Path, options: GeotiffSeriesOptions) -> dict[int, Raster]:
    """Year → the band of it."""
    if not path.is_file():
        files = annual_files(path, options.pattern)
        return {
            year: open_raster(file, band=options.band, variable=options.variable)
            for year, file in sorted(files.items())
        }
    one = open_raster(path, band=1, variable=options.variable)
    with opened_raster(path, one.name) as dataset:
        descriptions = dataset.descriptions
    years = bands_by_year(descriptions, options.first_year, path)
    return {
        year: open_raster(path, band=band, variable=options.variable)
        for band, year in enumerate(years, start=1)
    }


def _placed(raster: Raster, options: GeotiffSeriesOptions) -> RasterFile:
    if options.reproject is not None:
        return onto_longitudes(raster, options.reproject, options.cells_per_degree)
    remedy = "say how it comes onto longitudes and latitudes, `reproject: nearest` or `mode`"
    return RasterFile(raster, on_longitudes(raster, f"{remedy}: nothing is moved silently"))


READER = Reader(
    GeotiffSeriesOptions,
    (),
    lambda path, options, name: open_geotiff_series(path, options, look_up(name)),
    title="Any annual class maps, in any projection, with a legend file",
    files=("anything with {year} in its name, or one file with a band a year",),
    certainty=Certainty.BYTES,
)
