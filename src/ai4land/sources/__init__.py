"""Sources: provider files opened with care, and recipes that turn them into a cube."""

from ai4land.sources.addresses import Dataset, RemoteFile, dataset, datasets
from ai4land.sources.build import Step, build_cube
from ai4land.sources.checking import BYTES_PER_SECOND, Report, VariableReport, check_recipe
from ai4land.sources.co2 import Co2, Co2Options, open_co2
from ai4land.sources.deflickered import Deflicker, Deflickered
from ai4land.sources.download import Item, fetch, links_in, measured, wanted
from ai4land.sources.era5 import Era5Options, open_era5, open_era5_land
from ai4land.sources.esacci import EsaCci, EsaCciOptions, open_esa_cci
from ai4land.sources.etopo import Etopo, EtopoOptions
from ai4land.sources.flicker import count_reversals
from ai4land.sources.fractions import Fractions, FractionsOptions, open_fractions
from ai4land.sources.gebco import Gebco, GebcoOptions
from ai4land.sources.geotiff_series import GeotiffSeriesOptions, open_geotiff_series
from ai4land.sources.hilda import HildaOptions, open_hilda
from ai4land.sources.hilda_transitions import split_transitions
from ai4land.sources.koeppen_2018 import Koeppen2018Options, open_koeppen_2018
from ai4land.sources.koeppen_geiger import KoeppenOptions, open_koeppen_geiger
from ai4land.sources.koeppen_kottek import KottekOptions, open_kottek
from ai4land.sources.labels import LabelForcing, LabelsOptions
from ai4land.sources.lai import LeafArea
from ai4land.sources.lai_copernicus import CopernicusLaiOptions, open_lai_copernicus
from ai4land.sources.lai_gimms import GimmsLaiOptions, open_lai_gimms
from ai4land.sources.lai_glass import GlassLaiOptions, open_lai_glass
from ai4land.sources.lai_modis import ModisLaiOptions, open_lai_modis
from ai4land.sources.luh2 import Luh2, Luh2Options, open_luh2
from ai4land.sources.pnnl import PnnlOptions, open_pnnl
from ai4land.sources.population import Population, PopulationOptions, open_population
from ai4land.sources.products import SOURCES
from ai4land.sources.rasters import RasterSeries, open_raster
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.reanalysis import Reanalysis, ReanalysisOptions
from ai4land.sources.recipe import Recipe, Region, VariableRecipe, Years, load_recipe
from ai4land.sources.slices import narrowed
from ai4land.sources.soil import SoilOptions, open_soil
from ai4land.sources.soil_texture import SoilTexture, SoilTextureOptions
from ai4land.sources.source import Fields, Flag, Product, Provenance, Source, SourceField
from ai4land.sources.wfde5 import Wfde5Options, open_wfde5

__all__ = [
    "BYTES_PER_SECOND",
    "SOURCES",
    "Certainty",
    "Co2",
    "Co2Options",
    "CopernicusLaiOptions",
    "Dataset",
    "Deflicker",
    "Deflickered",
    "Era5Options",
    "EsaCci",
    "EsaCciOptions",
    "Etopo",
    "EtopoOptions",
    "Fields",
    "Flag",
    "Fractions",
    "FractionsOptions",
    "Gebco",
    "GebcoOptions",
    "GeotiffSeriesOptions",
    "GimmsLaiOptions",
    "GlassLaiOptions",
    "HildaOptions",
    "Item",
    "Koeppen2018Options",
    "KoeppenOptions",
    "KottekOptions",
    "LabelForcing",
    "LabelsOptions",
    "LeafArea",
    "Luh2",
    "Luh2Options",
    "ModisLaiOptions",
    "PnnlOptions",
    "Population",
    "PopulationOptions",
    "Product",
    "Provenance",
    "RasterSeries",
    "Reader",
    "Reanalysis",
    "ReanalysisOptions",
    "Recipe",
    "Region",
    "RemoteFile",
    "Report",
    "SoilOptions",
    "SoilTexture",
    "SoilTextureOptions",
    "Source",
    "SourceField",
    "Step",
    "VariableRecipe",
    "VariableReport",
    "Wfde5Options",
    "Years",
    "build_cube",
    "check_recipe",
    "count_reversals",
    "dataset",
    "datasets",
    "fetch",
    "links_in",
    "load_recipe",
    "measured",
    "narrowed",
    "open_co2",
    "open_era5",
    "open_era5_land",
    "open_esa_cci",
    "open_fractions",
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
    "open_raster",
    "open_soil",
    "open_wfde5",
    "split_transitions",
    "wanted",
]
