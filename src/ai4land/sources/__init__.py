"""Sources: provider files opened with care, each a set of named fields on its native grid."""

from ai4land.sources.class_series.deflickered import Deflicker, Deflickered
from ai4land.sources.class_series.flicker import count_reversals
from ai4land.sources.class_series.geotiff_series import GeotiffSeriesOptions, open_geotiff_series
from ai4land.sources.climate_zones.koeppen import (
    Koeppen2018Options,
    KoeppenOptions,
    KottekOptions,
    open_koeppen_2018,
    open_koeppen_geiger,
    open_kottek,
)
from ai4land.sources.co2.co2 import Co2, Co2Options, open_co2
from ai4land.sources.elevation.elevation import EtopoOptions, GebcoOptions, open_etopo, open_gebco
from ai4land.sources.fractions.fractions import Fractions, FractionsOptions, open_fractions
from ai4land.sources.hilda.hilda import HildaOptions, open_hilda, split_transitions
from ai4land.sources.labels import LabelForcing, LabelsOptions, coarse_grid
from ai4land.sources.lai.composites import LeafArea
from ai4land.sources.lai.copernicus import CopernicusLaiOptions, open_lai_copernicus
from ai4land.sources.lai.gimms import GimmsLaiOptions, open_lai_gimms
from ai4land.sources.lai.glass import GlassLaiOptions, open_lai_glass
from ai4land.sources.lai.modis import ModisLaiOptions, open_lai_modis
from ai4land.sources.land_cover.esa_cci import EsaCciOptions, open_esa_cci
from ai4land.sources.luh2.luh2 import Luh2, Luh2Options, open_luh2
from ai4land.sources.population.population import Population, PopulationOptions, open_population
from ai4land.sources.products import LABELS, SOURCES
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.reanalysis.products import (
    Era5Options,
    Wfde5Options,
    open_era5,
    open_era5_land,
    open_wfde5,
)
from ai4land.sources.reanalysis.reanalysis import Reanalysis
from ai4land.sources.resampling import (
    BIASED,
    METHODS,
    Method,
    check_method,
    class_index,
    resampled,
    translation,
)
from ai4land.sources.soil.pnnl import PnnlOptions, open_pnnl
from ai4land.sources.soil.soil import SoilOptions, open_soil
from ai4land.sources.soil.texture import SoilTextureOptions, open_soil_texture
from ai4land.sources.source import Array, Fields, Flag, Product, Provenance, Source, SourceField

__all__ = [
    "BIASED",
    "LABELS",
    "METHODS",
    "SOURCES",
    "Array",
    "Certainty",
    "Co2",
    "Co2Options",
    "CopernicusLaiOptions",
    "Deflicker",
    "Deflickered",
    "Era5Options",
    "EsaCciOptions",
    "EtopoOptions",
    "Fields",
    "Flag",
    "Fractions",
    "FractionsOptions",
    "GebcoOptions",
    "GeotiffSeriesOptions",
    "GimmsLaiOptions",
    "GlassLaiOptions",
    "HildaOptions",
    "Koeppen2018Options",
    "KoeppenOptions",
    "KottekOptions",
    "LabelForcing",
    "LabelsOptions",
    "LeafArea",
    "Luh2",
    "Luh2Options",
    "Method",
    "ModisLaiOptions",
    "PnnlOptions",
    "Population",
    "PopulationOptions",
    "Product",
    "Provenance",
    "Reader",
    "Reanalysis",
    "SoilOptions",
    "SoilTextureOptions",
    "Source",
    "SourceField",
    "Strict",
    "Wfde5Options",
    "check_method",
    "class_index",
    "coarse_grid",
    "count_reversals",
    "open_co2",
    "open_era5",
    "open_era5_land",
    "open_esa_cci",
    "open_etopo",
    "open_fractions",
    "open_gebco",
    "open_geotiff_series",
    "open_hilda",
    "open_koeppen_2018",
    "open_koeppen_geiger",
    "open_kottek",
    "open_lai_copernicus",
    "open_lai_gimms",
    "open_lai_glass",
    "open_lai_modis",
    "open_luh2",
    "open_pnnl",
    "open_population",
    "open_soil",
    "open_soil_texture",
    "open_wfde5",
    "resampled",
    "split_transitions",
    "translation",
]
