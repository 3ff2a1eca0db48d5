"""Köppen-Geiger climate zones at 100 arc-seconds in the classes of Kottek: an image and a table.

Rubel et al. 2017, Meteorol. Z. 26, 115, doi:10.1127/metz/2016/0816.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.class_series.class_maps import ClassMaps, open_global_map
from ai4land.sources.climate_zones.legend import check_classes
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product
from ai4land.vocabulary import Legend, legend, variable

__all__ = ["READER", "KottekOptions", "open_kottek"]

_IMAGES = (".png", ".tif", ".tiff")
_PRODUCT = Product(
    "Köppen-Geiger",
    "Rubel et al. 2017, classes of Kottek et al. 2006",
    "see the provider's page",
    "doi:10.1127/metz/2016/0816, doi:10.1127/0941-2948/2006/0130",
)


class KottekOptions(Strict):
    """Options of ``koeppen_geiger_kottek``; there are none."""


def open_kottek(path: Path, options: KottekOptions) -> ClassMaps:
    """Open the image of zones; a table of zones beside it is held against the legend.

    The image says nothing of its place: row 0 is at 90° N and column 0 at 180° W. The map is of
    one period (1986–2010) and is offered as static. Its 31 classes have a legend of their own,
    ``koeppen_geiger_kottek``; ``legend: koeppen_geiger`` in a recipe translates them into the 30
    classes of Beck.

    Args:
        path: The image, or the folder that holds it.
        options: None.

    Raises:
        MissingFileError: If there is no image.
        SourceError: If there are several, the image is not the globe, or the table contradicts.
    """
    image = path
    if path.is_dir():
        found = sorted(
            f
            for f in path.iterdir()
            if f.suffix.lower() in _IMAGES and {"koeppen", "kottek"} & set(_words(f))
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
        check_classes(_table(table, zones), zones, table)
    return ClassMaps(variable("climate_zone"), open_global_map(image), zones, _PRODUCT)


def _words(file: Path) -> list[str]:
    return file.stem.lower().replace("-", "_").split("_")


def _table(path: Path, zones: Legend) -> list[tuple[int, str]]:
    """Code and class of each line of the table ``,kg_zone,zoneNum``."""
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        return [(int(row["zoneNum"]), row["kg_zone"].strip()) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            "The table of zones is not understood",
            where=path,
            expected="columns kg_zone and zoneNum",
            found=error,
            remedy=f"remove it to read the codes with the legend {zones.name}",
        ) from error


READER = Reader(
    KottekOptions,
    ("climate_zone",),
    lambda path, options, _: open_kottek(path, options),
    title="Köppen-Geiger climate zones at 100 arc-seconds in the classes of Kottek",
    files=("koeppen_geiger_kottek_100arcsec.png", "koeppen_geiger_zones.csv"),
    years="static (1986–2010)",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.BYTES,
)
