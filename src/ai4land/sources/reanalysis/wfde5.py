"""WFDE5: bias-adjusted ERA5 on a 0.5° land grid, hourly or as monthly means.

Cucchi et al. 2020, ESSD 12, 2097, doi:10.5194/essd-12-2097-2020.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.reanalysis.reanalysis import Reanalysis, ReanalysisOptions
from ai4land.sources.reanalysis.records import Measure, Quantity, open_series
from ai4land.sources.reanalysis.times import Way
from ai4land.sources.source import Product

__all__ = ["READER", "Wfde5Options", "open_wfde5"]

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
_QUANTITIES = (
    Quantity("air_temperature", (("Tair", "tair"),), frozenset({"k"})),
    Quantity("surface_shortwave", (("SWdown", "swdown"),), _FLUX, noise=1.0),
    Quantity("surface_longwave", (("LWdown", "lwdown"),), _FLUX, noise=1.0),
)
_LICENCE = "Copernicus licence"
_CITATION = "Cucchi et al. 2020, doi:10.5194/essd-12-2097-2020"


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
    quantities = (*_QUANTITIES, rain)
    product = Product("WFDE5", "", _LICENCE, _CITATION)
    return Reanalysis(open_series(path, quantities), quantities, options, Way.NOW, product)


READER = Reader(
    Wfde5Options,
    (*(q.variable for q in _QUANTITIES), "rainfall"),
    lambda path, options, _: open_wfde5(path, options),
    title="WFDE5, bias-adjusted ERA5 over land, 0.5°",
    files=("{variable}_WFDE5_CRU_{yyyymm}_v2.1.nc",),
    years="1979–2019",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.BYTES,
)
