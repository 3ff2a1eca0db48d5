"""Any annual class map: one GeoTIFF a year and a legend (MapBiomas, MODIS, national maps)."""

from __future__ import annotations

import re
from pathlib import Path

from ai4land.errors import ConfigError, MissingFileError
from ai4land.sources.deflickered import Deflicker, Deflickered, unsmoothed
from ai4land.sources.orientation import OrientationOptions
from ai4land.sources.rasters import RasterSeries
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product, Source
from ai4land.vocabulary import Variable, read_legend
from ai4land.vocabulary import variable as look_up

__all__ = ["READER", "GeotiffSeriesOptions", "open_geotiff_series"]

_YEAR = "{year}"


class GeotiffSeriesOptions(OrientationOptions):
    """Options of ``geotiff_series``.

    Attributes:
        pattern: File name with ``{year}`` where the four digits of the year stand.
        legend: Legend of the codes: a built-in name, or a YAML file beside the recipe.
        product: Name for provenance.
        version: Version for provenance.
        licence: Terms for provenance.
        citation: What to cite.
        deflicker: Offer a smoothed variable beside the one of the maps, which stays as it is.
    """

    pattern: str
    legend: str
    product: str = "class maps"
    version: str = ""
    licence: str = ""
    citation: str = ""
    deflicker: Deflicker | None = None


def open_geotiff_series(path: Path, options: GeotiffSeriesOptions, variable: Variable) -> Source:
    """Open a folder of annual class maps.

    Args:
        path: Folder.
        options: File name pattern, legend, provenance and smoothing.
        variable: The categorical variable that the maps show, or its smoothed companion.

    Raises:
        ConfigError: If the pattern has no place for the year, or a smoothed variable is asked for
            without saying how it is smoothed.
        MissingFileError: If no file matches.
        SourceError: If the series is not on one grid.
    """
    raw = look_up(unsmoothed(variable.name, options.deflicker))
    if options.pattern.count(_YEAR) != 1:
        raise ConfigError(
            "The pattern needs one place for the year",
            where="option pattern",
            expected="a file name such as map_{year}.tif",
            found=options.pattern,
        )
    before, after = options.pattern.split(_YEAR)
    name = re.compile(re.escape(before) + r"(\d{4})" + re.escape(after) + r"\Z")
    files: dict[int, Path] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else []:
        match = name.match(file.name)
        if match is not None:
            files[int(match[1])] = file
    if not files:
        raise MissingFileError(
            "No maps of this name here",
            where=path,
            expected=options.pattern,
            found="no such folder"
            if not path.is_dir()
            else ", ".join(sorted(f.name for f in path.iterdir())[:3]) or "an empty folder",
        )
    gaps = {
        y: f"the file {before}{y}{after} is missing"
        for y in range(min(files), max(files))
        if y not in files
    }
    product = Product(options.product, options.version, options.licence, options.citation)
    classes, checked = read_legend(options.legend), options.orientation
    series = RasterSeries(raw, files, classes, product, gaps=gaps, orientation=checked)
    smooth = options.deflicker
    return series if smooth is None else Deflickered(series, smooth, raw.name)


READER = Reader(
    GeotiffSeriesOptions,
    (),
    lambda path, options, name: open_geotiff_series(path, options, look_up(name)),
    title="Any annual class maps as GeoTIFF with a legend file",
    files=("anything with {year} in its name",),
    certainty=Certainty.BYTES,
)
