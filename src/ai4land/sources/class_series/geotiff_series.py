"""Any annual class map: one GeoTIFF a year and a legend (MapBiomas, MODIS, national maps)."""

from __future__ import annotations

from pathlib import Path

from ai4land.sources.class_series.class_maps import ClassMaps, opened_maps
from ai4land.sources.class_series.deflickered import Deflicker, Deflickered, unsmoothed
from ai4land.sources.file_source import annual_files, gaps_in
from ai4land.sources.options import Cited
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Source
from ai4land.vocabulary import Variable, read_legend
from ai4land.vocabulary import variable as look_up

__all__ = ["READER", "GeotiffSeriesOptions", "open_geotiff_series"]


class GeotiffSeriesOptions(Cited):
    """Options of ``geotiff_series``.

    Attributes:
        pattern: File name with ``{year}`` where the four digits of the year stand; ``*`` stands for
            anything.
        legend: Legend of the codes: a built-in name, or a YAML file beside the recipe.
        deflicker: Offer a smoothed variable beside the one of the maps, which stays as it is.
    """

    pattern: str
    legend: str
    product: str = "class maps"
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
    files = annual_files(path, options.pattern)
    name = options.pattern
    gaps = gaps_in(files, lambda y: f"the file {name.replace('{year}', str(y))} is missing")
    meaning = read_legend(options.legend)
    series = ClassMaps(raw, opened_maps(files), meaning, options.cited, gaps=gaps)
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
