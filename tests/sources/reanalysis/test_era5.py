"""ERA5 and ERA5-Land in NetCDF: old and new store, ZIP named ``.nc``, poles, meridian, versions."""

from __future__ import annotations

import calendar
import datetime as dt
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import map_of, opened_netcdf
from ai4land.grid import Grid, Window, overlap
from ai4land.recipes import Recipe, VariableRecipe, Years, build_cube
from ai4land.regrid import conservative
from ai4land.sources.reanalysis.products import Era5Options, open_era5, open_era5_land
from ai4land.sources.reanalysis.reanalysis import Reanalysis
from ai4land.sources.source import Source
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import Clock
from provider_files.era5 import (
    node_axes,
    write_era5_classic,
    write_era5_netcdf,
    write_era5_zip,
)

FloatArray = npt.NDArray[np.float64]
MONTHS = [dt.datetime(2019, m, 1) for m in (1, 2, 3)]
JANUARY = 2019 * 12
AXES = node_axes(2.5)  # 73 × 144
SOIL = tuple(f"swvl{n}" for n in range(1, 5))


def climate(count: int, axes: tuple[FloatArray, FloatArray] = AXES) -> FloatArray:
    """Temperatures (K) that differ in every cell and time, ``(time, y, x)``."""
    lat, lon = axes
    warm = 250.0 + 45.0 * np.cos(np.radians(lat))[:, None] + 0.02 * lat[:, None]
    return np.stack([warm + 0.01 * lon[None] + 0.5 * t for t in range(count)])


def rain(count: int, axes: tuple[FloatArray, FloatArray] = AXES) -> FloatArray:
    """Precipitation, m per day."""
    return np.stack(
        [
            1e-3 * (1 + t) + 1e-5 * np.arange(axes[1].size) + 1e-4 * axes[0][:, None] ** 2 / 8100
            for t in range(count)
        ]
    )


def monthly(count: int = 3) -> dict[str, FloatArray]:
    """A mixed request."""
    warm = climate(count)
    return {
        "t2m": warm,
        "tp": rain(count),
        "ssrd": 1e7 + 1e4 * warm,
        **{name: 0.1 * (k + 1) + 1e-4 * (warm - 250) for k, name in enumerate(SOIL)},
        "sd": np.clip(1e-3 * (280 - warm), 0.0, None),
    }


def at(
    values: FloatArray, row: int, col: int, axes: tuple[FloatArray, FloatArray] = AXES
) -> tuple[float, float, float]:
    """Latitude, longitude (−180…180) and value of a node, just inside its cell."""
    lat, lon = float(axes[0][row]), float(axes[1][col])
    return (np.clip(lat, -89.99, 89.99), (lon + 180) % 360 - 180 + 1e-3, float(values[row, col]))


class MonthlyContract(SourceContract):
    """Landmarks on the poles, on the first meridian and on the date line."""

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        warm, wet = climate(3), rain(3)
        marks = []
        for row, col in ((0, 0), (0, 71), (36, 0), (36, 143), (20, 72), (72, 10)):
            lat, lon, value = at(warm[2], row, col)
            marks.append(Landmark("air_temperature", JANUARY + 2, lat, lon, value))
            lat, lon, value = at(wet[1], row, col)
            marks.append(Landmark("precipitation", JANUARY + 1, lat, lon, value * 1000 * 28))
        return marks


class TestNewStore(MonthlyContract):
    """``valid_time`` in seconds since 1970, ``number``, ``expver`` as strings, one file."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_era5_netcdf(tmp_path / "era5.nc", monthly(), MONTHS, AXES)
        return open_era5(path, Era5Options(frequency="month"))

    def test_all_variables_of_the_request_are_offered(self, source: Source) -> None:
        assert set(source.fields) == {
            "air_temperature",
            "precipitation",
            "surface_shortwave",
            "soil_water",
            "snow_water",
        }
        assert source.fields["soil_water"].variable.components[0] == "0_7cm"

    def test_soil_layers_are_components_from_the_surface_down(self, source: Source) -> None:
        values = source.read("soil_water", JANUARY, Window(3, 4, 1, 1))
        assert values.shape == (4, 1, 1)
        np.testing.assert_allclose(np.diff(values[:, 0, 0]), 0.1, rtol=1e-4)

    def test_radiation_per_day_is_a_mean_flux(self, source: Source) -> None:
        cell = Window(36, 0, 1, 1)
        expected = (1e7 + 1e4 * climate(3)[0][36, 73]) / 86_400
        np.testing.assert_allclose(
            source.read("surface_shortwave", JANUARY, cell)[0, 0], expected, rtol=1e-5
        )

    def test_sd_is_water_in_the_snow_not_its_depth(self, source: Source) -> None:
        assert "snow_depth" not in source.fields
        expected = np.clip(280 - climate(3)[0][0, 73], 0, None)  # mm = kg m-2
        np.testing.assert_allclose(
            source.read("snow_water", JANUARY, Window(0, 0, 1, 1))[0, 0], expected, rtol=1e-4
        )


class TestOldStore(MonthlyContract):
    """Packed 16-bit integers, hours since 1900, classic format."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_era5_classic(tmp_path / "era5.nc", monthly(), MONTHS, AXES)
        return open_era5(path, Era5Options())

    def test_landmarks_stand_where_they_should(
        self, source: Source, landmarks: list[Landmark]
    ) -> None:
        for mark in landmarks:  # within the rounding of the packing
            hair, grid = 1e-7, source.fields[mark.variable].grid
            lon, lat = mark.longitude, mark.latitude
            cell = grid.window_of(lon - hair, lat - hair, lon + hair, lat + hair)
            found = float(source.read(mark.variable, mark.tick, cell)[0, 0])
            packing = {"air_temperature": 1e-3, "precipitation": 2e-3}[mark.variable]
            assert found == pytest.approx(mark.value, abs=packing * 1.01)


class TestZipNamedNetcdf(MonthlyContract):
    """A mixed request of the new store is a ZIP archive, whatever its name."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_era5_zip(tmp_path / "era5_monthly.nc", monthly(), MONTHS, AXES)
        assert path.read_bytes()[:2] == b"PK"
        return open_era5(path, Era5Options())

    def test_stamps_of_six_o_clock_are_the_same_month(self, source: Source) -> None:
        assert source.fields["precipitation"].ticks == source.fields["air_temperature"].ticks

    def test_provenance_is_the_archive(self, source: Source) -> None:
        assert [entry.name for entry in source.provenance()] == ["era5_monthly.nc"]

    def test_nothing_stays_unpacked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        path = write_era5_zip(tmp_path / "again.nc", monthly(), MONTHS, AXES)
        source = open_era5(path, Era5Options())
        assert list(scratch.iterdir())
        del source
        assert not list(scratch.iterdir())


class TestWholeGrid(SourceContract):
    """The true 721 × 1440 nodes: half rows at the poles, first cells astride Greenwich."""

    axes = node_axes(0.25)

    @pytest.fixture(scope="class")
    def opened(self, tmp_path_factory: pytest.TempPathFactory) -> Source:
        path = tmp_path_factory.mktemp("era5") / "t2m.nc"
        write_era5_netcdf(path, {"t2m": climate(2, self.axes)}, MONTHS[:2], self.axes)
        return open_era5(path, Era5Options())

    @pytest.fixture
    def source(self, opened: Source) -> Source:
        return opened

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        warm = climate(2, self.axes)[1]
        places = ((0, 0), (720, 1439), (360, 0), (360, 720), (100, 5))
        return [
            Landmark("air_temperature", JANUARY + 1, *at(warm, row, col, self.axes))
            for row, col in places
        ]

    def test_node_centred_rows_are_cut_at_the_poles(self, source: Source) -> None:
        grid = source.fields["air_temperature"].grid
        assert grid.shape == (721, 1440)
        assert grid.cut == (True, True)
        assert float(grid.latitude_edges()[1]) == 89.875
        assert float(grid.longitude_edges()[0] % 0.25) == 0.125
        area = 4 * np.pi * grid.earth.authalic_radius**2
        assert grid.row_areas().sum() * 1440 == pytest.approx(area, rel=1e-12)

    def test_the_first_cell_straddles_the_meridian(self, source: Source) -> None:
        grid = source.fields["air_temperature"].grid
        west = grid.window_of("-0.1", "0.01", "-0.01", "0.02")
        east = grid.window_of("0.01", "0.01", "0.1", "0.02")
        assert west == east
        warm = climate(2, self.axes)[0]
        found = source.read("air_temperature", JANUARY, west)
        np.testing.assert_allclose(found[0, 0], warm[360, 0], rtol=1e-6)


def open_month(path: Path, land: bool = False, **options: str) -> Reanalysis:
    chosen = Era5Options.model_validate({"frequency": "month", **options})
    return open_era5_land(path, chosen) if land else open_era5(path, chosen)


def test_monthly_totals_count_the_days_of_the_month_leap_years_too(tmp_path: Path) -> None:
    times = [dt.datetime(year, 2, 1) for year in (2019, 2020)]
    path = write_era5_netcdf(tmp_path / "tp.nc", {"tp": np.full((2, 73, 144), 2e-3)}, times, AXES)
    source = open_month(path)
    for year, days in ((2019, 28), (2020, 29)):
        value = source.read("precipitation", year * 12 + 1, Window(5, 5, 1, 1))[0, 0]
        assert value == pytest.approx(2.0 * days, rel=1e-6)


def test_a_month_missing_in_the_middle_is_a_gap(tmp_path: Path) -> None:
    times = [dt.datetime(2019, m, 1) for m in (1, 2, 4)]
    path = write_era5_netcdf(tmp_path / "t.nc", {"t2m": climate(3)}, times, AXES)
    field = open_month(path).fields["air_temperature"]
    assert field.ticks == (JANUARY, JANUARY + 1, JANUARY + 3)
    assert field.gaps == {JANUARY + 2: "1 of 1 fields are missing, the first is 2019-03-01 00:00"}


def test_the_first_files_of_the_new_store_have_dates(tmp_path: Path) -> None:
    values = {"t2m": climate(3)}
    path = write_era5_netcdf(tmp_path / "t.nc", values, MONTHS, AXES, time_name="date")
    assert open_era5(path, Era5Options()).fields["air_temperature"].ticks[-1] == JANUARY + 2


@pytest.mark.parametrize("order", [(1, 5), (5, 1)])
def test_final_values_replace_preliminary_ones_along_expver(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    final, late = climate(3), climate(3) + 7.0
    final[2], late[:2] = np.nan, np.nan  # the last month is preliminary
    late[1, 0, 0] = 200.0  # and a leftover that must lose against the final value
    parts = {1: final, 5: late}
    mixed = np.stack([parts[v] for v in order], axis=1)
    path = write_era5_classic(tmp_path / "mix.nc", {"t2m": mixed}, MONTHS, AXES, order)
    source = open_era5(path, Era5Options())
    grid = source.fields["air_temperature"].grid
    expected = np.roll(np.stack([*final[:2], late[2]]), 71, axis=-1)
    found = np.stack([source.read("air_temperature", JANUARY + k, grid.window) for k in range(3)])
    np.testing.assert_allclose(found, expected, atol=0.01)
    ticks = tuple(JANUARY + k for k in range(3))
    note = source.inspect("air_temperature", ticks, Window(0, 0, 4, 4))
    assert note == {"preliminary": ["2019-03"]}
    assert source.inspect("air_temperature", ticks[:2], Window(0, 0, 4, 4)) == {}


def test_preliminary_months_of_the_new_store_are_told_by_their_strings(tmp_path: Path) -> None:
    path = write_era5_netcdf(
        tmp_path / "t.nc", {"t2m": climate(3)}, MONTHS, AXES, ["0001", "0001", "0005"]
    )
    source = open_month(path)
    ticks = source.fields["air_temperature"].ticks
    assert source.inspect("air_temperature", ticks, Window(0, 0, 1, 1)) == {
        "preliminary": ["2019-03"]
    }


def test_files_of_a_folder_are_joined_and_may_not_overlap(tmp_path: Path) -> None:
    warm = climate(4)
    for first in (0, 2):
        times = [dt.datetime(2019, 1 + first + k, 1) for k in range(2)]
        write_era5_netcdf(
            tmp_path / "in" / f"t_{first}.nc", {"t2m": warm[first : first + 2]}, times, AXES
        )
    write_era5_netcdf(tmp_path / "in" / "tp.nc", {"tp": rain(3)}, MONTHS, AXES)
    (tmp_path / "in" / "notes.txt").write_text("kept out")
    source = open_era5(tmp_path / "in", Era5Options())
    assert source.fields["air_temperature"].ticks == tuple(JANUARY + k for k in range(4))
    assert source.fields["precipitation"].ticks == tuple(JANUARY + k for k in range(3))
    names = [e.name for e in source.provenance([JANUARY + 3])]
    assert names == ["t_2.nc"]
    shutil.copy(tmp_path / "in" / "t_0.nc", tmp_path / "in" / "t_again.nc")
    with pytest.raises(
        SourceError, match=r"(?s)occurs twice.*t_0\.nc and .*t_again\.nc.*t2m of 2019-01"
    ):
        open_era5(tmp_path / "in", Era5Options())


def test_the_sea_of_era5_land_is_missing(tmp_path: Path) -> None:
    warm, axes = climate(3), AXES
    warm[:, 30:40, 60:80] = np.nan
    for write in (write_era5_netcdf, write_era5_classic):
        path = write(tmp_path / f"{write.__name__}.nc", {"t2m": warm}, MONTHS, axes)
        source = open_month(path, land=True)
        grid = source.fields["air_temperature"].grid
        found = source.read("air_temperature", JANUARY + 1, grid.window)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(np.roll(warm[1], 71, axis=-1)))


def test_packing_below_zero_is_undone_and_true_negatives_are_refused(tmp_path: Path) -> None:
    wet = rain(3)
    wet[:, 4, 5] = -1e-8
    path = write_era5_netcdf(tmp_path / "tp.nc", {"tp": wet}, MONTHS, AXES)
    assert open_month(path).read("precipitation", JANUARY, Window(4, 76, 1, 1))[0, 0] == 0.0
    wet[:, 4, 5] = -1e-3
    path = write_era5_netcdf(tmp_path / "bad.nc", {"tp": wet}, MONTHS, AXES)
    with pytest.raises(SourceError, match=r"(?s)not precipitation in mm.*2019-01.*found: -31"):
        open_month(path).read("precipitation", JANUARY, Window(0, 0, 73, 144))


def test_celsius_and_other_units_are_refused(tmp_path: Path) -> None:
    path = write_era5_netcdf(tmp_path / "t.nc", {"t2m": climate(3)}, MONTHS, AXES)
    with netCDF4.Dataset(path, "a") as file:
        file["t2m"].units = "degC"
    with pytest.raises(SourceError, match=r"(?s)other units.*expected: k.*found: degC"):
        open_month(path)
    path = write_era5_netcdf(tmp_path / "c.nc", {"t2m": climate(3) - 273.15}, MONTHS, AXES)
    with pytest.raises(SourceError, match="not air_temperature in K"):
        open_month(path).read("air_temperature", JANUARY, Window(0, 0, 2, 2))


def test_members_of_an_ensemble_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "members.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("valid_time", 3), ("number", 10), ("latitude", 73), ("longitude", 144)):
            file.createDimension(name, size)
        file.createVariable("latitude", "f8", ("latitude",))[:] = AXES[0]
        file.createVariable("longitude", "f8", ("longitude",))[:] = AXES[1]
        array = file.createVariable("t2m", "f4", ("valid_time", "number", "latitude", "longitude"))
        array.units = "K"
    with pytest.raises(SourceError, match=r"(?s)dimension.*number of size 10.*ensemble members"):
        open_month(path)


def test_monthly_means_by_hour_of_day_are_refused(tmp_path: Path) -> None:
    times = [dt.datetime(2019, m, 1, h) for m in (1, 2) for h in (0, 6, 12, 18)]
    path = write_era5_netcdf(tmp_path / "syn.nc", {"t2m": climate(8)}, times, AXES)
    with pytest.raises(SourceError, match="monthly means by hour of the day"):
        open_era5(path, Era5Options())


def test_one_time_alone_needs_to_be_told_what_it_is(tmp_path: Path) -> None:
    path = write_era5_netcdf(tmp_path / "one.nc", {"t2m": climate(1)}, MONTHS[:1], AXES)
    with pytest.raises(SourceError, match=r"(?s)cannot be told.*frequency: month"):
        open_era5(path, Era5Options())
    assert open_month(path).fields["air_temperature"].ticks == (JANUARY,)
    path = write_era5_netcdf(
        tmp_path / "mid.nc", {"t2m": climate(1)}, [dt.datetime(2019, 1, 15)], AXES
    )
    with pytest.raises(SourceError, match="not those of one field a month"):
        open_month(path)


def test_the_sister_product_is_recognised_by_its_spacing(tmp_path: Path) -> None:
    lat, lon = 50.0 - 0.1 * np.arange(5.0), 10.0 + 0.1 * np.arange(6.0)
    path = write_era5_netcdf(
        tmp_path / "l.nc", {"t2m": np.full((3, 5, 6), 280.0)}, MONTHS, (lat, lon)
    )
    assert open_month(path, land=True).fields["air_temperature"].clock is Clock.MONTH
    with pytest.raises(SourceError, match=r"(?s)sister product.*source: era5_land"):
        open_month(path)


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    path = write_era5_netcdf(tmp_path / "s.nc", {"swvl1": climate(3) / 1000}, MONTHS, AXES)
    with pytest.raises(SourceError, match=r"(?s)make no variable complete.*lack swvl2, swvl3"):
        open_month(path)
    path = write_era5_netcdf(tmp_path / "t.nc", {"t2m": climate(3)}, MONTHS, AXES)
    source = open_month(path)
    with pytest.raises(SourceError, match=r"(?s)no such variable.*the files lack tp"):
        _ = source.fields["precipitation"]


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "era5.nc"
    page.write_text("<html>quota exceeded</html>")
    with pytest.raises(SourceError, match=r"(?s)neither NetCDF nor GRIB.*<html>.*error page"):
        open_month(page)
    with pytest.raises(MissingFileError, match="No files of a reanalysis here"):
        open_month(tmp_path / "empty")
    path = write_era5_zip(tmp_path / "zip.nc", monthly(), MONTHS, AXES)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match="ZIP archive is damaged or incomplete"):
        open_month(path)
    with pytest.raises(SourceError, match="cannot be cut into shorter periods"):
        open_month(
            write_era5_netcdf(tmp_path / "t.nc", {"t2m": climate(3)}, MONTHS, AXES), clock="8day"
        )


@pytest.mark.parametrize(
    ("units", "time_calendar"),
    [
        ("years since 1900-01-01", "standard"),
        ("hours since 1900-01-01", "noleap"),
        ("", "standard"),
    ],
)
def test_times_that_are_not_understood_are_refused(
    tmp_path: Path, units: str, time_calendar: str
) -> None:
    path = write_era5_netcdf(tmp_path / "t.nc", {"t2m": climate(3)}, MONTHS, AXES)
    with netCDF4.Dataset(path, "a") as file:
        file["valid_time"].units, file["valid_time"].calendar = units, time_calendar
    with pytest.raises(SourceError, match="time axis is not"):
        open_month(path)


def test_a_cube_keeps_half_rows_and_monthly_totals(tmp_path: Path) -> None:
    axes = node_axes(10.0)
    times = [dt.datetime(2019, m, 1) for m in range(1, 13)]
    write_era5_netcdf(tmp_path / "tp.nc", {"tp": rain(12, axes)}, times, axes)
    entry = VariableRecipe(source="era5", path=str(tmp_path / "tp.nc"))
    recipe = Recipe(
        title="rain of the globe",
        years=Years(first=2019, last=2019),
        variables={"precipitation": entry},
    )
    cube = build_cube(recipe, tmp_path / "cube.zarr")
    grid = cube.grid("precipitation")
    assert (grid.shape, grid.cut) == ((19, 36), (True, True))
    february = cube.read("precipitation", JANUARY + 1)
    column = int(np.argmin(np.abs(grid.longitudes())))  # the node on the first meridian
    np.testing.assert_allclose(february[:, column], rain(12, axes)[1][:, 0] * 28e3, rtol=1e-6)
    mean = float((february * grid.cell_areas()).sum() / grid.cell_areas().sum())
    onto = Grid.regular(-180, 90, 5, 5, (36, 72))
    moved = conservative(february, overlap(grid, onto))
    assert float((moved * onto.cell_areas()).sum() / onto.cell_areas().sum()) == pytest.approx(
        mean, rel=1e-9
    )


REAL = "real_bytes/sel_era5_land_monthly_{}_1981-2018.nc"


@pytest.mark.realdata
class TestRealMonths(SourceContract):
    """ERA5-Land of the old store over the Alps: two files, packed, 456 months."""

    @pytest.fixture
    def source(self, realdata: Path, tmp_path: Path) -> Source:
        for name in ("prcp", "t2m"):
            file = realdata / REAL.format(name)
            shutil.copy(file, tmp_path / file.name)
        return open_era5_land(tmp_path, Era5Options())

    @pytest.fixture
    def landmarks(self, realdata: Path) -> list[Landmark]:
        """Decoded here by the library's own scaling."""
        with (
            netCDF4.Dataset(realdata / REAL.format("t2m")) as warm,
            netCDF4.Dataset(realdata / REAL.format("prcp")) as wet,
        ):
            july, last = 1981 * 12 + 6, 2018 * 12 + 11
            return [
                Landmark("air_temperature", july, 47.1, 10.6, float(warm["t2m"][6, 0, 0])),
                Landmark("air_temperature", last, 46.6, 11.2, float(warm["t2m"][-1, -1, -1])),
                Landmark("precipitation", july, 46.8, 10.9, 31e3 * float(wet["tp"][6, 3, 3])),
            ]

    def test_amounts_of_a_year_are_those_of_the_alps(self, source: Source) -> None:
        field = source.fields["precipitation"]
        assert (len(field.ticks), field.gaps) == (456, {})
        window = field.grid.window
        year = sum(source.read("precipitation", 1999 * 12 + m, window) for m in range(12))
        assert 1000 < float(np.mean(year)) < 2000  # mm
        summer, winter = (
            float(source.read("air_temperature", 1999 * 12 + m, window).mean()) for m in (6, 0)
        )
        assert summer - winter > 10
        assert calendar.isleap(2000)
        february = source.read("precipitation", 2000 * 12 + 1, window)
        assert float(february.min()) > 0


@pytest.mark.realdata
def test_the_real_nodes_of_era5_land_have_half_rows(realdata: Path) -> None:
    path = realdata / "real_bytes" / "era5_land_landmask_0.1_0.1.nc"
    with opened_netcdf(path) as dataset:
        found = map_of(dataset, dataset["land"], path)
    grid = found.layout.grid
    mask = found.floats(grid.window)
    assert (grid.shape, grid.cut, grid.is_global) == ((1801, 3600), (True, True), True)
    assert (str(grid.dx), str(grid.north)) == ("1/10", "1801/20")
    land = float((np.nan_to_num(mask) * grid.cell_areas()).sum())
    assert 1.2e14 < land < 1.4e14  # m²: the land without Antarctica, which the file leaves out
    with pytest.raises(SourceError, match="No variable of the product"):
        open_era5_land(path, Era5Options())
