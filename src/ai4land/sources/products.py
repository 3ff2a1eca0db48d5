"""Products: the table of readers that a recipe may name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ai4land.sources.class_series.geotiff_series import READER as GEOTIFF_SERIES
from ai4land.sources.climate_zones.koeppen import READER as KOEPPEN_GEIGER
from ai4land.sources.climate_zones.koeppen import READER_2018 as KOEPPEN_2018
from ai4land.sources.climate_zones.koeppen import READER_KOTTEK as KOEPPEN_KOTTEK
from ai4land.sources.co2.co2 import READER as CO2
from ai4land.sources.elevation.elevation import ETOPO, GEBCO
from ai4land.sources.fractions.fractions import READER as FRACTIONS
from ai4land.sources.hilda.hilda import READER as HILDA
from ai4land.sources.labels import READER as FROM_LABELS
from ai4land.sources.lai.copernicus import READER as LAI_COPERNICUS
from ai4land.sources.lai.gimms import READER as LAI_GIMMS
from ai4land.sources.lai.glass import READER as LAI_GLASS
from ai4land.sources.lai.modis import READER as LAI_MODIS
from ai4land.sources.land_cover.esa_cci import READER as ESA_CCI
from ai4land.sources.luh2.luh2 import READER as LUH2
from ai4land.sources.population.population import READER as POPULATION
from ai4land.sources.reader import Reader
from ai4land.sources.reanalysis.products import ERA5, ERA5_LAND, WFDE5
from ai4land.sources.soil.pnnl import READER as PNNL
from ai4land.sources.soil.soil import READER as SOIL
from ai4land.sources.soil.texture import READER as SOIL_TEXTURE

__all__ = ["LABELS", "SOURCES"]

LABELS = "labels"
"""The source that has no files: forcing made from the recipe's own labels."""

SOURCES: Mapping[str, Reader] = MappingProxyType(
    {
        "hilda": HILDA,
        "luh2": LUH2,
        "gebco": GEBCO,
        "koeppen_geiger": KOEPPEN_GEIGER,
        "koeppen_geiger_2018": KOEPPEN_2018,
        "koeppen_geiger_kottek": KOEPPEN_KOTTEK,
        "etopo": ETOPO,
        "population": POPULATION,
        "pnnl": PNNL,
        "soil": SOIL,
        "soil_texture": SOIL_TEXTURE,
        "era5": ERA5,
        "era5_land": ERA5_LAND,
        "wfde5": WFDE5,
        "co2": CO2,
        "esa_cci": ESA_CCI,
        "lai_modis": LAI_MODIS,
        "lai_glass": LAI_GLASS,
        "lai_gimms": LAI_GIMMS,
        "lai_copernicus": LAI_COPERNICUS,
        "fractions": FRACTIONS,
        "geotiff_series": GEOTIFF_SERIES,
        LABELS: FROM_LABELS,
    }
)
