"""ERA5 in GRIB, editions 1 and 2: hours, monthly means, accumulations, and a real month."""

from __future__ import annotations

import datetime as dt
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.reanalysis.products import Era5Options, open_era5, open_era5_land
from ai4land.sources.source import Source
from ai4land.testing.contracts.source import Landmark, SourceContract
from provider_files.era5 import node_axes, write_era5_grib

eccodes = pytest.importorskip("eccodes", reason="GRIB needs ecCodes: pip install ai4land[grib]")

FloatArray = npt.NDArray[np.float64]
AXES = node_axes(10.0)  # 19 × 36
MONTHS = [dt.datetime(2019, m, 1) for m in (1, 2)]
JANUARY = 2019 * 12
SMALL = (50.0 - 0.5 * np.arange(3.0), 10.0 + 0.5 * np.arange(4.0))


def warm(count: int) -> FloatArray:
    lat, lon = AXES
    base = 240.0 + 50.0 * np.cos(np.radians(lat))[:, None] + 0.03 * lat[:, None]
    return np.stack([base + 0.02 * lon[None] + t for t in range(count)])


class TestMonthlyGrib(SourceContract):
    """Stream ``moda`` on nodes from pole to pole, the sea behind a bitmap."""

    edition = 1

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        values = {"t2m": warm(2), "tp": 1e-5 * warm(2)}
        values["t2m"][:, 9, 20] = np.nan
        path = tmp_path / "era5.grib"
        write_era5_grib(path, values, MONTHS, AXES, edition=self.edition, stream="moda")
        return open_era5(path, Era5Options())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        value = warm(2)
        return [
            Landmark("air_temperature", JANUARY + 1, 89.9, 0.1, float(value[1, 0, 0])),
            Landmark("air_temperature", JANUARY, -89.9, -9.9, float(value[0, 18, 35])),
            Landmark("air_temperature", JANUARY, 30.0, 179.9, float(value[0, 6, 18])),
            Landmark("air_temperature", JANUARY, 0.0, -160.0, np.nan),
            Landmark("precipitation", JANUARY + 1, 0.0, 0.1, float(value[1, 9, 0]) * 28e-2),
        ]


class TestMonthlyGrib2(TestMonthlyGrib):
    edition = 2


def test_hourly_accumulations_of_era5_cover_the_hour_before(tmp_path: Path) -> None:
    times = [dt.datetime(2019, 1, 1) + dt.timedelta(hours=k) for k in range(8 * 24 + 1)]
    rng = np.random.default_rng(1)
    tp = rng.gamma(0.4, 1e-3, (len(times), 3, 4))
    path = write_era5_grib(tmp_path / "tp.grib", {"tp": tp}, times, SMALL)
    options = Era5Options(clock="8day")
    found = open_era5(path, options).read("precipitation", 2019 * 46, Window(0, 0, 3, 4))
    np.testing.assert_allclose(found, tp[1:].sum(axis=0) * 1000, rtol=1e-5)
    with pytest.raises(SourceError, match=r"(?s)not those of the product.*since 00 UTC.*1 h from"):
        open_era5_land(path, options)


@pytest.mark.parametrize("edition", [1, 2])
def test_accumulations_of_era5_land_run_since_midnight(tmp_path: Path, edition: int) -> None:
    times = [dt.datetime(2019, 1, 1) + dt.timedelta(days=k) for k in range(32)]
    tp = np.arange(1.0, 33)[:, None, None] * np.ones((32, 3, 4)) * 1e-3
    path = tmp_path / "tp.grib"
    write_era5_grib(path, {"tp": tp}, times, SMALL, edition=edition, hours=24)
    options = Era5Options(frequency="hour")
    found = open_era5_land(path, options).read("precipitation", JANUARY, Window(0, 0, 3, 4))
    np.testing.assert_allclose(found, sum(range(2, 33)), rtol=1e-5)
    with pytest.raises(SourceError, match=r"(?s)over the hour before.*24 h from 00 UTC"):
        open_era5(path, options)


def test_preliminary_messages_are_noted(tmp_path: Path) -> None:
    one = write_era5_grib(tmp_path / "a.grib", {"t2m": warm(1)}, MONTHS[:1], AXES, stream="moda")
    two = write_era5_grib(
        tmp_path / "b.grib", {"t2m": warm(1)}, MONTHS[1:], AXES, stream="moda", version="0005"
    )
    both = tmp_path / "both.grib"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    source = open_era5(both, Era5Options())
    note = source.inspect("air_temperature", (JANUARY, JANUARY + 1), Window(0, 0, 1, 1))
    assert note == {"preliminary": ["2019-02"]}


def test_grib_inside_an_archive_is_read_too(tmp_path: Path) -> None:
    inner = write_era5_grib(tmp_path / "x.grib", {"t2m": warm(2)}, MONTHS, AXES, stream="moda")
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        archive.write(inner, "data.grib")
    source = open_era5(tmp_path / "download.zip", Era5Options())
    assert source.fields["air_temperature"].ticks == (JANUARY, JANUARY + 1)
    assert [e.name for e in source.provenance()] == ["download.zip"]


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": warm(2)}, MONTHS, AXES, stream="moda")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="GRIB file cannot be read"):
        open_era5(path, Era5Options())


def test_means_by_hour_of_day_and_members_are_refused(tmp_path: Path) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": warm(2)}, MONTHS, AXES, stream="mnth")
    with pytest.raises(SourceError, match="monthly means by hour of the day"):
        open_era5(path, Era5Options())


def test_without_the_library_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": warm(2)}, MONTHS, AXES, stream="moda")
    monkeypatch.setitem(sys.modules, "eccodes", None)
    with pytest.raises(SourceError, match=r"(?s)GRIB files need ecCodes.*ai4land\[grib\]"):
        open_era5(path, Era5Options())


def real_hours(path: Path) -> npt.NDArray[np.float64]:
    """All fields of the real file, decoded here, ``(744, 33, 49)``."""
    fields = []
    with path.open("rb") as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
            fields.append(eccodes.codes_get_values(handle).reshape(33, 49))
            eccodes.codes_release(handle)
    return np.stack(fields)


@pytest.mark.realdata
class TestRealGrib(SourceContract):
    """Temperature of March 2019 around the British Isles, hourly, GRIB 1, in dekads."""

    @pytest.fixture(scope="class")
    def file(self, realdata: Path) -> Path:
        return realdata / "real_bytes" / "era5-2mt-2019-03-uk.grib"

    @pytest.fixture(scope="class")
    def opened(self, file: Path) -> Source:
        return open_era5(file, Era5Options(clock="10day"))

    @pytest.fixture
    def source(self, opened: Source) -> Source:
        return opened

    @pytest.fixture
    def landmarks(self, file: Path) -> list[Landmark]:
        values, first = real_hours(file), 2019 * 36 + 6
        return [
            Landmark("air_temperature", first, 58.0, -10.0, float(values[:240, 0, 0].mean())),
            Landmark("air_temperature", first, 51.5, -0.1, float(values[:240, 26, 40].mean())),
            Landmark("air_temperature", first + 2, 50.0, 2.0, float(values[480:, 32, 48].mean())),
        ]

    def test_clocks_take_the_periods_that_are_complete(self, file: Path) -> None:
        month = open_era5(file, Era5Options()).fields["air_temperature"]
        assert month.ticks == (2019 * 12 + 2,)
        weeks = open_era5(file, Era5Options(clock="8day")).fields["air_temperature"]
        assert [weeks.clock.label(t) for t in weeks.ticks] == [
            "2019-03-06",
            "2019-03-14",
            "2019-03-22",
        ]
        assert (month.grid.shape, float(month.grid.north)) == ((33, 49), 58.125)
