"""Sources: provider files opened with care, and recipes that turn them into a cube."""

from ai4land.sources.build import Report, VariableReport, build_cube, check_recipe
from ai4land.sources.gebco import Gebco
from ai4land.sources.geotiff_series import open_geotiff_series
from ai4land.sources.hilda import open_hilda
from ai4land.sources.koeppen_geiger import open_koeppen_geiger
from ai4land.sources.labels import LabelForcing
from ai4land.sources.luh2 import Luh2, open_luh2
from ai4land.sources.options import (
    GebcoOptions,
    GeotiffSeriesOptions,
    HildaOptions,
    KoeppenOptions,
    LabelsOptions,
    Luh2Options,
)
from ai4land.sources.rasters import RasterSeries, open_raster
from ai4land.sources.recipe import SOURCES, Recipe, Region, VariableRecipe, Years, load_recipe
from ai4land.sources.source import Product, Provenance, Source, SourceField

__all__ = [
    "SOURCES",
    "Gebco",
    "GebcoOptions",
    "GeotiffSeriesOptions",
    "HildaOptions",
    "KoeppenOptions",
    "LabelForcing",
    "LabelsOptions",
    "Luh2",
    "Luh2Options",
    "Product",
    "Provenance",
    "RasterSeries",
    "Recipe",
    "Region",
    "Report",
    "Source",
    "SourceField",
    "VariableRecipe",
    "VariableReport",
    "Years",
    "build_cube",
    "check_recipe",
    "load_recipe",
    "open_geotiff_series",
    "open_hilda",
    "open_koeppen_geiger",
    "open_luh2",
    "open_raster",
]
