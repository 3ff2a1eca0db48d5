"""ERA5, ERA5-Land and WFDE5: climate of months, days or hours, as NetCDF or GRIB.

ERA5 and ERA5-Land are as the Climate Data Store gives them: Hersbach et al. 2020, QJRMS 146, 1999,
doi:10.1002/qj.3803; Muñoz-Sabater et al. 2021, ESSD 13, 4349, doi:10.5194/essd-13-4349-2021. What
accumulations mean: ECMWF, Conversion table for accumulated variables (confluence.ecmwf.int, CKB).

WFDE5 is bias-adjusted ERA5 on a 0.5° land grid, hourly or as monthly means: Cucchi et al. 2020,
ESSD 12, 2097, doi:10.5194/essd-12-2097-2020.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from ai4land.errors import SourceError
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.reanalysis.reanalysis import Reanalysis, ReanalysisOptions
from ai4land.sources.reanalysis.records import Measure, Quantity, open_series
from ai4land.sources.reanalysis.times import Way
from ai4land.sources.source import Product

__all__ = [
    "ERA5",
    "ERA5_LAND",
    "WFDE5",
    "Era5Options",
    "Wfde5Options",
    "open_era5",
    "open_era5_land",
    "open_wfde5",
]

_KELVIN = frozenset({"k"})
_WATER = frozenset({"m", "m of water equivalent", "m of water equivalent per day", "m day**-1"})
_ENERGY = frozenset({"j m**-2", "j m-2", "j m**-2 day**-1"})
_SOIL_WATER = frozenset({"m**3 m**-3", "m3 m-3"})

_QUANTITIES = (
    Quantity("air_temperature", (("t2m", "2t"),), _KELVIN, parameters=(167,)),
    Quantity("dewpoint_temperature", (("d2m", "2d"),), _KELVIN, parameters=(168,)),
    Quantity("precipitation", (("tp",),), _WATER, Measure.AMOUNT, 1000.0, (228,), noise=1.0),
    Quantity("surface_shortwave", (("ssrd",),), _ENERGY, Measure.ENERGY, 1.0, (169,), noise=1.0),
    Quantity("surface_longwave", (("strd",),), _ENERGY, Measure.ENERGY, 1.0, (175,), noise=1.0),
    Quantity(
        "soil_temperature",
        (("stl1",), ("stl2",), ("stl3",), ("stl4",)),
        _KELVIN,
        parameters=(139, 170, 183, 236),
    ),
    Quantity(
        "soil_water",
        (("swvl1",), ("swvl2",), ("swvl3",), ("swvl4",)),
        _SOIL_WATER,
        parameters=(39, 40, 41, 42),
        noise=0.001,
    ),
    # `sd` is the water in the snow, `sde` (ERA5-Land only) its depth; both are in metres
    Quantity("snow_water", (("sd",),), _WATER, scale=1000.0, parameters=(141,), noise=1.0),
    Quantity("snow_depth", (("sde",),), frozenset({"m"}), parameters=(3066,), noise=0.001),
)
_LICENCE = "CC BY 4.0 (Copernicus licence for downloads before mid-2025)"
_CITATION = "Hersbach et al. 2020, doi:10.1002/qj.3803"
_LAND_CITATION = "Muñoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021"
_SPACING, _LAND_SPACING = Fraction(1, 4), Fraction(1, 10)
_FLUX = frozenset({"w m-2", "w m**-2"})
_RAINFALL = Quantity(
    "rainfall",
    (("Rainf", "rainf"),),
    frozenset({"kg m-2 s-1", "kg m**-2 s**-1"}),
    Measure.RATE,
    noise=1.0,
    remedy="if the file holds the sum of the month's hourly fluxes, say "
    "`rain: sum_of_hourly_fluxes` in the options",
)
_WFDE5_QUANTITIES = (
    Quantity("air_temperature", (("Tair", "tair"),), frozenset({"k"})),
    Quantity("surface_shortwave", (("SWdown", "swdown"),), _FLUX, noise=1.0),
    Quantity("surface_longwave", (("LWdown", "lwdown"),), _FLUX, noise=1.0),
)
_WFDE5_LICENCE = "Copernicus licence"
_WFDE5_CITATION = "Cucchi et al. 2020, doi:10.5194/essd-12-2097-2020"


class Era5Options(ReanalysisOptions):
    """Options of ``era5`` and ``era5_land``; see ``ReanalysisOptions``."""


def open_era5(path: Path, options: Era5Options) -> Reanalysis:
    """Open NetCDF, GRIB or ZIP (also one that is named ``.nc``) of ERA5, a file or a folder.

    Hourly accumulations cover the hour before their stamp, so a month also needs the first
    midnight of the next one. Monthly means of accumulations are per day.
    """
    return _open(path, options, Way.HOUR_BEFORE, Product("ERA5", "", _LICENCE, _CITATION))


def open_era5_land(path: Path, options: Era5Options) -> Reanalysis:
    """Open files of ERA5-Land, of the same kinds; the sea is missing.

    Hourly accumulations run since 00 UTC, so that the value at 00 UTC is the total of the day
    before; only those are read. Monthly means of accumulations are per day.
    """
    product = Product("ERA5-Land", "", _LICENCE, _LAND_CITATION)
    return _open(path, options, Way.SINCE_MIDNIGHT, product)


def _open(path: Path, options: Era5Options, accumulation: Way, product: Product) -> Reanalysis:
    source = Reanalysis(open_series(path, _QUANTITIES), _QUANTITIES, options, accumulation, product)
    other = _SPACING if accumulation is Way.SINCE_MIDNIGHT else _LAND_SPACING
    for name, field in source.fields.items():
        if field.grid.dx == other:
            raise SourceError(
                "The files are those of the sister product",
                where=f"{path}, {name}",
                expected=f"{product.name}, {'0.1' if other == _SPACING else '0.25'}°",
                found=f"cells of {float(field.grid.dx):g}°",
                remedy=f"say `source: {'era5' if other == _SPACING else 'era5_land'}`: they "
                "accumulate differently",
            )
    return source


_VARIABLES = tuple(q.variable for q in _QUANTITIES)
_FILES = (
    "*.nc (old and new Climate Data Store)",
    "*.zip, also named .nc (data_stream-*_stepType-*.nc)",
    "*.grib",
)

ERA5 = Reader(
    Era5Options,
    tuple(v for v in _VARIABLES if v != "snow_depth"),
    lambda path, options, _: open_era5(path, options),
    title="ERA5 reanalysis, 0.25°, months, days or hours",
    files=_FILES,
    years="1940–",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.BYTES,
)

ERA5_LAND = Reader(
    Era5Options,
    _VARIABLES,
    lambda path, options, _: open_era5_land(path, options),
    title="ERA5-Land reanalysis, 0.1°, months, days or hours",
    files=_FILES,
    years="1950–",
    licence=_LICENCE,
    citation=_LAND_CITATION,
    certainty=Certainty.BYTES,
)


class Wfde5Options(ReanalysisOptions):
    """Options of ``wfde5``.

    Attributes:
        rain: What ``Rainf`` holds: the mean flux that its units promise, or, as in some monthly
            derivatives, the sum of the month's hourly fluxes.
    """

    rain: Literal["mean_flux", "sum_of_hourly_fluxes"] = "mean_flux"


def open_wfde5(path: Path, options: Wfde5Options) -> Reanalysis:
    """Open files of WFDE5; hourly fluxes are means of the hour after their stamp."""
    rain = _RAINFALL
    if options.rain == "sum_of_hourly_fluxes":
        rain = replace(rain, measure=Measure.HOURLY_RATES)
    quantities = (*_WFDE5_QUANTITIES, rain)
    product = Product("WFDE5", "", _WFDE5_LICENCE, _WFDE5_CITATION)
    return Reanalysis(open_series(path, quantities), quantities, options, Way.NOW, product)


WFDE5 = Reader(
    Wfde5Options,
    (*(q.variable for q in _WFDE5_QUANTITIES), "rainfall"),
    lambda path, options, _: open_wfde5(path, options),
    title="WFDE5, bias-adjusted ERA5 over land, 0.5°",
    files=("{variable}_WFDE5_CRU_{yyyymm}_v2.1.nc",),
    years="1979–2019",
    licence=_WFDE5_LICENCE,
    citation=_WFDE5_CITATION,
    certainty=Certainty.BYTES,
)
