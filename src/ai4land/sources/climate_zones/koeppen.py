"""Köppen climate zones in three editions: by periods, of the present and a future, and one image.

Beck et al. 2023, Sci. Data 10, 724, doi:10.1038/s41597-023-02549-6; Beck et al. 2018, Sci. Data 5,
180214, doi:10.1038/sdata.2018.214; Rubel et al. 2017, Meteorol. Z. 26, 115,
doi:10.1127/metz/2016/0816.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import Layout, layout_from_transform, open_raster
from ai4land.grid import Grid
from ai4land.sources.class_series.class_maps import ClassMap, ClassMaps, opened_maps
from ai4land.sources.file_source import nothing_here
from ai4land.sources.orientation import OrientationOptions
from ai4land.sources.rasters import RasterFile, on_longitudes, open_class_map
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Product
from ai4land.vocabulary import Legend, check_name, legend, variable

__all__ = [
    "READER",
    "READER_2018",
    "READER_KOTTEK",
    "Koeppen2018Options",
    "KoeppenOptions",
    "KottekOptions",
    "open_koeppen_2018",
    "open_koeppen_geiger",
    "open_kottek",
]

Years = tuple[int, int]
Found = dict[Years, dict[str, Path]]
"""First and last year of a period → resolution tag → its map."""

_ZONES = ("climate_zone",)
_PERIOD = re.compile(r"(\d{4})_(\d{4})\Z")
_FILE = re.compile(r"koeppen_geiger_(?P<tag>\d+p\d+)\.tiff?\Z")
# the maps of confidence, *_conf_*, hold percent in the same type and under the same stem
_FILE_2018 = re.compile(r"Beck_KG_V1_(?P<when>present|future)_(?P<tag>\d+p\d+)\.tiff?\Z")
_YEARS_2018 = {"present": (1980, 2016), "future": (2071, 2100)}
_IMAGES = (".png", ".tif", ".tiff")

_PRODUCT = Product(
    "Köppen-Geiger", "Beck et al. 2023", "CC BY 4.0", "doi:10.1038/s41597-023-02549-6"
)
_PRODUCT_2018 = Product(
    "Köppen-Geiger", "Beck et al. 2018 V1", "CC BY 4.0", "doi:10.1038/sdata.2018.214"
)
_PRODUCT_KOTTEK = Product(
    "Köppen-Geiger",
    "Rubel et al. 2017, classes of Kottek et al. 2006",
    "see the provider's page",
    "doi:10.1127/metz/2016/0816, doi:10.1127/0941-2948/2006/0130",
)
_LOG = logging.getLogger(__name__)
_LINE = re.compile(r"\s*(\d+)\s*:?\s+([A-Z][A-Za-z]{1,2})\b")


class KoeppenOptions(OrientationOptions):
    """Options of ``koeppen_geiger``.

    Attributes:
        scenario: Scenario of the future periods, such as ``ssp245``; without one, only history.
        resolution: Resolution tag in the file names, needed if the folder holds several.
    """

    scenario: str | None = None
    resolution: str | None = None


class Koeppen2018Options(OrientationOptions):
    """Options of ``koeppen_geiger_2018``.

    Attributes:
        scenario: ``rcp85`` adds the map of 2071–2100; without it, only the present.
        resolution: Resolution tag in the file names, needed if the folder holds several.
    """

    scenario: Literal["rcp85"] | None = None
    resolution: str | None = None


class KottekOptions(Strict):
    """Options of ``koeppen_geiger_kottek``; there are none."""


def open_koeppen_geiger(path: Path, options: KoeppenOptions) -> ClassMaps:
    """Open a folder of periods, ``1991_2020/koeppen_geiger_0p1.tif`` and so on.

    Every year of a period has the period's map; years between periods (2021…2040) are outside the
    coverage, and the recipe's ``outside`` rule decides about them. A ``legend.txt`` beside the
    periods is held against the legend. Future periods hold one folder per scenario.
    """
    periods: Found = {}
    scenarios: set[str] = set()
    for folder in sorted(path.glob("*_*")):
        match = _PERIOD.search(folder.name)
        if match is None or not folder.is_dir():
            continue
        inner = {f.name for f in folder.iterdir() if f.is_dir()}
        scenarios |= inner
        if inner and options.scenario not in inner:
            continue
        place = folder / str(options.scenario) if inner else folder
        found = {m["tag"]: f for f in sorted(place.iterdir()) if (m := _FILE.search(f.name))}
        if found:
            periods[int(match[1]), int(match[2])] = found
    if options.scenario is not None:
        if not scenarios:
            raise nothing_here("scenario", path, "folders of scenarios in those of future periods")
        what = "No such scenario here"
        check_name(options.scenario, sorted(scenarios), what, path, error=MissingFileError)
    if not periods:
        expected = "folders such as 1991_2020 with koeppen_geiger_0p1.tif"
        remedy = "for Beck_KG_V1_present_0p0083.tif use the source `koeppen_geiger_2018`"
        raise nothing_here("Köppen-Geiger maps", path, expected, remedy)
    return _of_periods(path, periods, options, open_class_map, _PRODUCT)


def open_koeppen_2018(path: Path, options: Koeppen2018Options) -> ClassMaps:
    """Open the folder of ``Beck_KG_V1_present_0p0083.tif`` and its companions.

    The map of the present stands for each year of 1980–2016 and that of the future for each of
    2071–2100; years before, between and after are outside the coverage, and the recipe's
    ``outside`` rule decides about them.
    """
    periods: Found = {}
    for file in sorted(path.iterdir()) if path.is_dir() else []:
        match = _FILE_2018.match(file.name)
        if match is not None:
            periods.setdefault(_YEARS_2018[match["when"]], {})[match["tag"]] = file
    wanted = _YEARS_2018 if options.scenario is not None else {"present": _YEARS_2018["present"]}
    missing = [when for when, years in wanted.items() if years not in periods]
    if missing:
        expected = f"Beck_KG_V1_{missing[0]}_{options.resolution or '0p0083'}.tif"
        remedy = "for folders of periods such as 1991_2020 use the source `koeppen_geiger`"
        raise nothing_here("map of Beck et al. 2018", path, expected, remedy)
    chosen = {years: periods[years] for years in wanted.values()}
    return _of_periods(path, chosen, options, open_global_map, _PRODUCT_2018)


def _of_periods(
    path: Path,
    periods: Mapping[Years, Mapping[str, Path]],
    options: KoeppenOptions | Koeppen2018Options,
    opener: Callable[[Path], ClassMap],
    product: Product,
) -> ClassMaps:
    """The maps of the resolution that all periods share, each for all years of its period."""
    shared = set.intersection(*(set(found) for found in periods.values()))
    resolution = options.resolution
    choice = {resolution} & shared if resolution is not None else shared
    if len(choice) != 1:
        raise SourceError(
            "The folder does not hold one resolution of every map",
            where=path,
            expected=f"maps of all periods that end in _{resolution or '{resolution}'}.tif",
            found=f"shared by all periods: {', '.join(sorted(shared)) or 'none'}",
            remedy="set the option `resolution`" if shared else "complete the folder",
        )
    (tag,) = choice
    zones = legend("koeppen_geiger")
    check_legend_text(path, zones)
    files = {
        year: found[tag]
        for (first, last), found in sorted(periods.items())
        for year in range(first, last + 1)
    }
    maps, checked = opened_maps(files, opener), options.orientation
    return ClassMaps(variable("climate_zone"), maps, zones, product, orientation=checked)


def open_kottek(path: Path, options: KottekOptions) -> ClassMaps:
    """Open the image of zones, or the folder that holds it.

    A table of zones beside it is held against the legend. The image says nothing of its place: row
    0 is at 90° N and column 0 at 180° W. The map is of one period (1986–2010) and is offered as
    static. Its 31 classes have a legend of their own, ``koeppen_geiger_kottek``; ``legend:
    koeppen_geiger`` in a recipe translates them into the 30 classes of Beck.
    """
    image = path
    if path.is_dir():
        found = sorted(
            f
            for f in path.iterdir()
            if f.suffix.lower() in _IMAGES
            and {"koeppen", "kottek"} & set(re.split("[-_]", f.stem.lower()))
        )
        if len(found) != 1:
            raise (MissingFileError if not found else SourceError)(
                "No image of zones here" if not found else "Several images of zones here",
                where=path,
                expected="one image such as koeppen_geiger_kottek_100arcsec.png",
                found=", ".join(f.name for f in found) or "none",
                remedy="give the path of one image",
            )
        image = found[0]
    zones = legend("koeppen_geiger_kottek")
    for table in sorted(image.parent.glob("*zones*.csv")):
        check_legend_table(table, zones)
    return ClassMaps(variable("climate_zone"), open_global_map(image), zones, _PRODUCT_KOTTEK)


def open_global_map(path: Path) -> RasterFile:
    """Read the header of a class map of the whole globe.

    What the file says of its place is believed and checked. If it says nothing of its coordinate
    system, it must be longitude and latitude; if it says nothing of its place at all, row 0 lies
    at 90° N and column 0 at 180° W, and the image must be twice as wide as high.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not one band of numbers that covers the globe in EPSG:4326.
    """
    raster = open_raster(path)
    place = raster.grid
    if place.crs:
        layout = on_longitudes(raster, "fetch the provider's own file")
    elif place.transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        layout = _whole_globe(raster.shape, path)
    else:
        layout = layout_from_transform(place.transform, raster.shape, path)
    grid = layout.grid
    if not grid.is_global or abs(float(grid.dy * grid.height) - 180) > float(grid.dy) / 1000:
        raise SourceError(
            "The map does not cover the globe",
            where=path,
            expected="180° of latitude and 360° of longitude",
            found=grid.describe(),
            remedy="fetch the provider's own file; a region is cut by the recipe",
        )
    return RasterFile(raster, layout)


def _whole_globe(shape: tuple[int, int], path: Path) -> Layout:
    """The layout of an image of the globe that says nothing of its place."""
    height, width = shape
    if width != 2 * height:
        raise SourceError(
            "The image has no georeference and does not look like the globe",
            where=path,
            expected="twice as wide as high, row 0 at 90° N, column 0 at 180° W",
            found=f"{height} × {width}",
            remedy="fetch the provider's own file, or write into it where its pixels lie: "
            "`rio edit-info --crs EPSG:4326 --transform TRANSFORM FILE`",
        )
    return Layout(Grid.regular("-180", "90", f"360/{width}", f"180/{height}", shape))


def check_legend_text(folder: Path, legend: Legend) -> None:
    """Hold ``legend.txt`` of a folder against the legend that its maps are read with.

    The file names Köppen with an umlaut in whatever encoding its author's machine used, so bytes
    that are no UTF-8 are passed over; codes and classes are plain ASCII. Without the file there is
    nothing to hold; a file in which no class is recognised is only logged.

    Raises:
        SourceError: If a code means another class.
    """
    path = folder / "legend.txt"
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [(int(m[1]), m[2]) for line in lines if (m := _LINE.match(line))]
    if not found:
        _LOG.warning("%s: no class recognised; the codes are read with %s", path, legend.name)
        return
    _check_classes(found, legend, path)


def check_legend_table(path: Path, legend: Legend) -> None:
    """Hold a table ``,kg_zone,zoneNum`` against the legend that its map is read with.

    Raises:
        SourceError: If it has other columns, or a code means another class.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        found = [(int(row["zoneNum"]), row["kg_zone"].strip()) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            "The table of zones is not understood",
            where=path,
            expected="columns kg_zone and zoneNum",
            found=error,
            remedy=f"remove it to read the codes with the legend {legend.name}",
        ) from error
    _check_classes(found, legend, path)


def _check_classes(found: Iterable[tuple[int, str]], legend: Legend, path: Path) -> None:
    """Refuse a table of classes that contradicts a legend.

    Args:
        found: Code and class of each line of the table.
        legend: The legend; its sea codes may have any name.
        path: The table's file, for the error text.

    Raises:
        SourceError: If a code means another class, or a class is missing.
    """
    known = dict(zip(legend.codes, legend.names, strict=True))
    said = {code: name for code, name in found if code not in legend.sea}
    wrong = sorted(c for c in {*known, *said} if known.get(c) != said.get(c))
    if wrong:
        code = wrong[0]
        raise SourceError(
            "The maps' own table gives a code another meaning",
            where=f"{path}, code {code}",
            expected=f"{known.get(code, 'no class')}, as in the legend {legend.name}",
            found=f"{said.get(code, 'no class')}; {len(wrong)} codes differ",
            remedy="this is another edition: write a legend file, give each map its year as a "
            "name, and use the source `geotiff_series`",
        )


READER = Reader(
    KoeppenOptions,
    _ZONES,
    lambda path, options, _: open_koeppen_geiger(path, options),
    title="Köppen-Geiger climate zones by periods of 30 years",
    files=("{first}_{last}/koeppen_geiger_0p00833333.tif",),
    years="1901–2020, scenarios 2041–2099",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.HEADERS,
    experimental=True,
)

READER_2018 = Reader(
    Koeppen2018Options,
    _ZONES,
    lambda path, options, _: open_koeppen_2018(path, options),
    title="Köppen-Geiger climate zones of Beck et al. 2018, present and RCP8.5",
    files=("Beck_KG_V1_present_0p0083.tif", "Beck_KG_V1_future_0p0083.tif"),
    years="1980–2016, with scenario rcp85 2071–2100",
    licence=_PRODUCT_2018.licence,
    citation=f"Beck et al. 2018, {_PRODUCT_2018.citation}",
    certainty=Certainty.CODE,
    experimental=True,
)

READER_KOTTEK = Reader(
    KottekOptions,
    _ZONES,
    lambda path, options, _: open_kottek(path, options),
    title="Köppen-Geiger climate zones at 100 arc-seconds in the classes of Kottek",
    files=("koeppen_geiger_kottek_100arcsec.png", "koeppen_geiger_zones.csv"),
    years="static (1986–2010)",
    licence=_PRODUCT_KOTTEK.licence,
    citation=_PRODUCT_KOTTEK.citation,
    certainty=Certainty.BYTES,
)
