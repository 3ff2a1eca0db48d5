"""WFDE5: hourly fluxes and a monthly derivative whose rain is not what its units say."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.reanalysis.products import Wfde5Options, open_wfde5
from ai4land.sources.source import Source
from ai4land.testing.contracts.source import Landmark, SourceContract

REAL = "bavaria_vegetation/wfde5_monthly_1979-2019.nc"


def write_hourly(path: Path, name: str, units: str, value: float, hours: int = 744) -> None:
    """January 1979 as the hourly files have it: latitude from south to north."""
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in (("time", hours), ("lat", 4), ("lon", 5)):
            file.createDimension(dim, size)
        file.createVariable("lat", "f8", ("lat",))[:] = 40.25 + 0.5 * np.arange(4)
        file.createVariable("lon", "f8", ("lon",))[:] = 10.25 + 0.5 * np.arange(5)
        time = file.createVariable("time", "i4", ("time",))
        time.setncatts({"units": "hours since 1979-01-01", "calendar": "proleptic_gregorian"})
        time[:] = np.arange(hours)
        array = file.createVariable(name, "f4", ("time", "lat", "lon"), fill_value=1e20)
        array.units = units
        array[:] = value * (1 + np.arange(4) / 10)[:, None] * np.ones((hours, 4, 5))


class TestHourly(SourceContract):
    """Fluxes become totals or stay means."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        write_hourly(tmp_path / "Rainf_WFDE5_CRU_197901_v2.1.nc", "Rainf", "kg m-2 s-1", 1e-5)
        write_hourly(tmp_path / "Tair_WFDE5_CRU_197901_v2.1.nc", "Tair", "K", 250.0)
        write_hourly(tmp_path / "SWdown_WFDE5_CRU_197901_v2.1.nc", "SWdown", "W m-2", 50.0)
        return open_wfde5(tmp_path, Wfde5Options())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("rainfall", 1979 * 12, 40.25, 10.25, 1e-5 * 744 * 3600),
            Landmark("rainfall", 1979 * 12, 41.75, 12.25, 1.3e-5 * 744 * 3600),
            Landmark("air_temperature", 1979 * 12, 41.25, 10.25, 300.0),
            Landmark("surface_shortwave", 1979 * 12, 40.75, 11.25, 55.0),
        ]

    def test_values_are_within_bounds(self, source: Source) -> None:
        rain = source.read("rainfall", 1979 * 12, source.fields["rainfall"].grid.window)
        assert 0 < rain.min() < rain.max() < 200


@pytest.mark.realdata
class TestRealMonths(SourceContract):
    """Bavaria 1979–2019: the rain is the month's sum of hourly fluxes, in spite of its units."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_wfde5(realdata / REAL, Wfde5Options(rain="sum_of_hourly_fluxes"))

    @pytest.fixture
    def landmarks(self, realdata: Path) -> list[Landmark]:
        with netCDF4.Dataset(realdata / REAL) as file:
            warm, rain = file["tair"], file["rainf"]
            return [
                Landmark("air_temperature", 1979 * 12 + 6, 48.75, 11.25, float(warm[6, 3, 4])),
                Landmark("air_temperature", 2019 * 12 + 11, 47.75, 13.25, float(warm[-1, 5, 8])),
                Landmark("rainfall", 1979 * 12 + 6, 48.75, 11.25, 3600 * float(rain[6, 3, 4])),
            ]

    def test_a_year_of_rain_is_that_of_bavaria(self, source: Source) -> None:
        window = source.fields["rainfall"].grid.window
        year = sum(source.read("rainfall", 2000 * 12 + m, window) for m in range(12))
        assert 500 < float(np.nanmean(year)) < 1200  # mm

    def test_its_units_taken_at_their_word_are_refused(self, realdata: Path) -> None:
        source = open_wfde5(realdata / REAL, Wfde5Options())
        with pytest.raises(
            SourceError, match=r"(?s)not rainfall in mm.*1979-07.*rain: sum_of_hourly_fluxes"
        ):
            source.read("rainfall", 1979 * 12 + 6, Window(0, 0, 6, 10))
