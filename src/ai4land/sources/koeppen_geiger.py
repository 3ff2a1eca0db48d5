"""Köppen–Geiger climate zones by period (Beck et al. 2023, doi:10.1038/s41597-023-02549-6)."""

from __future__ import annotations

import re
from pathlib import Path

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.climate_legend import check_legend_text
from ai4land.sources.orientation import OrientationOptions
from ai4land.sources.rasters import RasterSeries
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product
from ai4land.vocabulary import legend, nearest_name, variable

__all__ = ["READER", "KoeppenOptions", "open_koeppen_geiger"]

_PERIOD = re.compile(r"(\d{4})_(\d{4})\Z")
_FILE = re.compile(r"koeppen_geiger_(?P<tag>\d+p\d+)\.tiff?\Z")
_PRODUCT = Product(
    "Köppen-Geiger", "Beck et al. 2023", "CC BY 4.0", "doi:10.1038/s41597-023-02549-6"
)


class KoeppenOptions(OrientationOptions):
    """Options of ``koeppen_geiger``.

    Attributes:
        scenario: Scenario of the future periods, such as ``ssp245``; without one, only history.
        resolution: Resolution tag in the file names, needed if the folder holds several.
    """

    scenario: str | None = None
    resolution: str | None = None


def open_koeppen_geiger(path: Path, options: KoeppenOptions) -> RasterSeries:
    """Open a folder of periods, ``1991_2020/koeppen_geiger_0p1.tif`` and so on.

    Every year of a period has the period's map; years between periods (2021…2040) are outside the
    coverage, and the recipe's ``outside`` rule decides about them. A ``legend.txt`` beside the
    periods is held against the legend.

    Args:
        path: Folder of the periods; future periods hold one folder per scenario.
        options: Scenario and resolution.

    Raises:
        MissingFileError: If there is nothing of the product, or not this scenario.
        SourceError: If there are several resolutions and none was chosen.
    """
    folders = sorted(f for f in path.glob("*_*") if f.is_dir() and _PERIOD.search(f.name))
    maps: dict[tuple[int, int], dict[str, Path]] = {}
    scenarios: set[str] = set()
    for folder in folders:
        match = _PERIOD.search(folder.name)
        assert match is not None
        inner = {f.name for f in folder.iterdir() if f.is_dir()}
        scenarios |= inner
        if inner and options.scenario not in inner:
            continue
        place = folder / str(options.scenario) if inner else folder
        found = {m["tag"]: f for f in sorted(place.iterdir()) if (m := _FILE.search(f.name))}
        if found:
            maps[int(match[1]), int(match[2])] = found
    if options.scenario is not None and options.scenario not in scenarios:
        raise MissingFileError(
            "No such scenario here",
            where=path,
            expected=", ".join(sorted(scenarios)) or "folders of future periods",
            found=options.scenario,
            remedy=_guess(options.scenario, scenarios),
        )
    if not maps:
        raise MissingFileError(
            "No Köppen-Geiger maps here",
            where=path,
            expected="folders such as 1991_2020 with koeppen_geiger_0p1.tif",
            remedy="for Beck_KG_V1_present_0p0083.tif use the source `koeppen_geiger_2018`",
        )
    tag = _resolution(path, maps, options.resolution)
    zones = legend("koeppen_geiger")
    check_legend_text(path, zones)
    files = {
        year: found[tag]
        for (first, last), found in sorted(maps.items())
        for year in range(first, last + 1)
    }
    zone, checked = variable("climate_zone"), options.orientation
    return RasterSeries(zone, files, zones, _PRODUCT, orientation=checked)


def _guess(name: str, known: set[str]) -> str | None:
    close = nearest_name(name, known)
    return f"did you mean {close!r}?" if close else None


def _resolution(
    path: Path, maps: dict[tuple[int, int], dict[str, Path]], wanted: str | None
) -> str:
    """The resolution tag that all periods share."""
    shared = set.intersection(*(set(found) for found in maps.values()))
    choice = {wanted} & shared if wanted is not None else shared
    if len(choice) != 1:
        raise SourceError(
            "The folder does not hold one resolution in every period",
            where=path,
            expected=f"koeppen_geiger_{wanted or '{resolution}'}.tif in each period",
            found=f"shared by all periods: {', '.join(sorted(shared)) or 'none'}",
            remedy="set the option `resolution`" if shared else "complete the folders",
        )
    return choice.pop()


READER = Reader(
    KoeppenOptions,
    ("climate_zone",),
    lambda path, options, _: open_koeppen_geiger(path, options),
    title="Köppen-Geiger climate zones by periods of 30 years",
    files=("{first}_{last}/koeppen_geiger_0p00833333.tif",),
    years="1901–2020, scenarios 2041–2099",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.HEADERS,
)
