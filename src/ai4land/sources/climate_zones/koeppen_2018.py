"""Köppen-Geiger climate zones of Beck et al. 2018: one map of the present, one of the future.

Beck et al. 2018, Sci. Data 5, 180214, doi:10.1038/sdata.2018.214.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.class_series.class_maps import ClassMaps, open_global_map
from ai4land.sources.climate_zones.legend import check_legend_text
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product
from ai4land.vocabulary import legend, variable

__all__ = ["READER", "Koeppen2018Options", "open_koeppen_2018"]

# the maps of confidence, *_conf_*, hold percent in the same type and under the same stem
_FILE = re.compile(r"Beck_KG_V1_(?P<when>present|future)_(?P<tag>\d+p\d+)\.tiff?\Z")
_YEARS = {"present": range(1980, 2017), "future": range(2071, 2101)}
_PRODUCT = Product(
    "Köppen-Geiger", "Beck et al. 2018 V1", "CC BY 4.0", "doi:10.1038/sdata.2018.214"
)


class Koeppen2018Options(Strict):
    """Options of ``koeppen_geiger_2018``.

    Attributes:
        scenario: ``rcp85`` adds the map of 2071–2100; without it, only the present.
        resolution: Resolution tag in the file names, needed if the folder holds several.
    """

    scenario: Literal["rcp85"] | None = None
    resolution: str | None = None


def open_koeppen_2018(path: Path, options: Koeppen2018Options) -> ClassMaps:
    """Open the folder of ``Beck_KG_V1_present_0p0083.tif`` and its companions.

    The map of the present stands for each year of 1980–2016 and that of the future for each of
    2071–2100; years before, between and after are outside the coverage, and the recipe's
    ``outside`` rule decides about them.

    Args:
        path: The folder.
        options: Scenario and resolution.

    Raises:
        MissingFileError: If a map is not there.
        SourceError: If there are several resolutions and none was chosen, or a map is not global.
    """
    files: dict[str, dict[str, Path]] = {"present": {}, "future": {}}
    for file in sorted(path.iterdir()) if path.is_dir() else []:
        match = _FILE.match(file.name)
        if match is not None:
            files[match["when"]][match["tag"]] = file
    wanted = ["present", "future"] if options.scenario is not None else ["present"]
    missing = [when for when in wanted if not files[when]]
    if missing:
        raise MissingFileError(
            "No map of Beck et al. 2018 here",
            where=path,
            expected=f"Beck_KG_V1_{missing[0]}_{options.resolution or '0p0083'}.tif",
            found=", ".join(sorted(f.name for f in path.iterdir())[:3]) or "an empty folder"
            if path.is_dir()
            else "no folder",
            remedy="for folders of periods such as 1991_2020 use the source `koeppen_geiger`",
        )
    shared = set.intersection(*(set(files[when]) for when in wanted))
    chosen = {options.resolution} & shared if options.resolution is not None else shared
    if len(chosen) != 1:
        raise SourceError(
            "The folder does not hold one resolution of every map",
            where=path,
            expected=f"Beck_KG_V1_{{when}}_{options.resolution or '{resolution}'}.tif",
            found=f"shared by {' and '.join(wanted)}: {', '.join(sorted(shared)) or 'none'}",
            remedy="set the option `resolution`" if shared else "complete the folder",
        )
    tag = chosen.pop()
    zones = legend("koeppen_geiger")
    check_legend_text(path, zones)
    opened = {when: open_global_map(files[when][tag]) for when in wanted}
    maps = {year: opened[when] for when in wanted for year in _YEARS[when]}
    return ClassMaps(variable("climate_zone"), maps, zones, _PRODUCT)


READER = Reader(
    Koeppen2018Options,
    ("climate_zone",),
    lambda path, options, _: open_koeppen_2018(path, options),
    title="Köppen-Geiger climate zones of Beck et al. 2018, present and RCP8.5",
    files=("Beck_KG_V1_present_0p0083.tif", "Beck_KG_V1_future_0p0083.tif"),
    years="1980–2016, with scenario rcp85 2071–2100",
    licence=_PRODUCT.licence,
    citation=f"Beck et al. 2018, {_PRODUCT.citation}",
    certainty=Certainty.CODE,
)
