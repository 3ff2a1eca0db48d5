"""Sources: provider files opened with care, and recipes that turn them into a cube."""

from ai4land.sources.build import Report, VariableReport, build_cube, check_recipe
from ai4land.sources.gebco import Gebco, GebcoOptions
from ai4land.sources.geotiff_series import GeotiffSeriesOptions, open_geotiff_series
from ai4land.sources.hilda import HildaOptions, open_hilda
from ai4land.sources.koeppen_geiger import KoeppenOptions, open_koeppen_geiger
from ai4land.sources.labels import LabelForcing, LabelsOptions
from ai4land.sources.luh2 import Luh2, Luh2Options, open_luh2
from ai4land.sources.products import SOURCES
from ai4land.sources.rasters import RasterSeries, open_raster
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.recipe import Recipe, Region, VariableRecipe, Years, load_recipe
from ai4land.sources.source import Product, Provenance, Source, SourceField

__all__ = [
    "SOURCES",
    "Certainty",
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
    "Reader",
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
