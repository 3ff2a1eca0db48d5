"""Products: the table of readers that a recipe may name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ai4land.sources.gebco import READER as GEBCO
from ai4land.sources.geotiff_series import READER as GEOTIFF_SERIES
from ai4land.sources.hilda import READER as HILDA
from ai4land.sources.koeppen_geiger import READER as KOEPPEN_GEIGER
from ai4land.sources.labels import READER as FROM_LABELS
from ai4land.sources.luh2 import READER as LUH2
from ai4land.sources.reader import Reader

__all__ = ["LABELS", "SOURCES"]

LABELS = "labels"
"""The source that has no files: forcing made from the recipe's own labels."""

SOURCES: Mapping[str, Reader] = MappingProxyType(
    {
        "hilda": HILDA,
        "luh2": LUH2,
        "gebco": GEBCO,
        "koeppen_geiger": KOEPPEN_GEIGER,
        "geotiff_series": GEOTIFF_SERIES,
        LABELS: FROM_LABELS,
    }
)
