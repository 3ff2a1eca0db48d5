from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from cube_specs import LANDUSE8, annual, cube_spec, monthly, static, values_of

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec, open_datasets
from ai4land.errors import CubeError, MissingFileError
from ai4land.grid import SPHERE, Grid
from ai4land.vocabulary import NO_DATA, Clock, variable

YEARS = tuple(range(1990, 2001))
MONTHS = tuple(range(12 * 2000, 12 * 2000 + 15))
GLOBE = Grid.regular(-180, 96, 12, 12, (16, 30))  # rows at the poles are half rows


def single(name: str, grid: Grid, clock: Clock, ticks: tuple[int, ...], of: str) -> GroupSpec:
    return GroupSpec(name, grid, clock, ticks, (VariableSpec(variable(of)),))


def many_clocks() -> CubeSpec:
    coarse = Grid.regular(20, 40, 0.5, 0.5, (4, 6))
    dekads = tuple(36 * 2000 + k for k in range(5))
    weeks = tuple(46 * 1999 + k for k in range(44, 48))
    old = tuple(12 * 850 + k for k in range(3))
    states = VariableSpec(variable("luh2_states"), source="LUH2 v2h")
    attributes = {"title": "Test", "provenance": [{"name": "a.nc", "licence": "CC-BY-4.0"}]}
    return cube_spec(
        annual(YEARS),
        monthly(MONTHS),
        static(),
        GroupSpec("coarse_annual", coarse, Clock.YEAR, (1850, 1900), (states,)),
        single("coarse_10day", coarse, Clock.TEN_DAYS, dekads, "precipitation"),
        single("coarse_8day", coarse, Clock.EIGHT_DAYS, weeks, "air_temperature"),
        single("deg360_monthly", Grid.regular(-180, 90, 360, 180, (1, 1)), Clock.MONTH, old, "co2"),
        single("globe", GLOBE, Clock.STATIC, (), "sand"),
        attributes=attributes,
    )


def write(path: Path, spec: CubeSpec) -> Path:
    writer = CubeWriter(path, spec)
    for block in writer.pending():
        values = values_of(spec, block)
        if block.variable in ("air_temperature", "co2"):
            values = values + np.float32(280)
        if values.dtype == np.float32:
            values[..., 0, 0] = np.nan
        status = {t: Status.HELD if t == 1990 else Status.OBSERVED for t in block.ticks}
        writer.write(block, values, status)
    writer.finish()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("datasets") / "cube.zarr", many_clocks())


@pytest.fixture(scope="module")
def data(path: Path) -> dict[str, xr.Dataset]:
    return open_datasets(path)


def test_one_dataset_a_group_with_the_variables_in_order(data: dict[str, xr.Dataset]) -> None:
    assert list(data) == [group.name for group in many_clocks().groups]
    fine = ["land_use", "land_use_fractions", "land_use_status", "land_use_fractions_status"]
    assert list(data["fine_annual"].data_vars) == fine
    assert list(data["fine_static"].data_vars) == ["elevation"]
    assert data["fine_annual"]["land_use_fractions"].dims == (
        *("year", "land_use_fractions_class", "lat", "lon"),
    )


def test_nothing_is_read_until_it_is_asked_for(tmp_path: Path) -> None:
    copy = write(tmp_path / "cube.zarr", many_clocks())
    for name in ("land_use", "land_use_fractions"):
        for chunk in (copy / "fine_annual" / name / "c").rglob("*"):
            if chunk.is_file():
                chunk.write_bytes(b"damaged")
    data = open_datasets(copy)
    for dataset in data.values():
        for array in dataset.data_vars.values():
            assert array.chunks is not None
    assert data["fine_annual"]["land_use"].chunks == ((8, 3), (20,), (30,))
    with pytest.raises(Exception, match=r"(?i)zstd|decompress"):
        data["fine_annual"]["land_use"].compute()


def test_values_and_kinds_are_the_cubes(path: Path, data: dict[str, xr.Dataset]) -> None:
    cube = Cube(path)
    for group in cube.spec.groups:
        for spec in group.variables:
            found, expected = data[group.name][spec.name], cube.series(spec.name)
            assert found.dtype == expected.dtype == spec.dtype
            np.testing.assert_array_equal(found.values, expected)
    codes = data["fine_annual"]["land_use"].values
    assert codes.dtype == np.uint8
    assert (codes == NO_DATA).any()
    assert np.isnan(data["fine_static"]["elevation"].values[0, 0])


def test_years_are_integers_and_all_other_times_are_dates(data: dict[str, xr.Dataset]) -> None:
    years = data["fine_annual"]["year"]
    assert years.dtype == np.int32
    assert years.values.tolist() == list(YEARS)
    assert int(data["fine_annual"]["land_use"].sel(year=1995).shape[0]) == 20
    starts = {
        "coarse_monthly": (0, "2000-01-01", "2001-03-01"),
        "coarse_10day": (3, "2000-02-01", "2000-02-11"),
        "coarse_8day": (1, "1999-12-27", "2000-01-09"),
        "deg360_monthly": (1, "0850-02-01", "0850-03-01"),
    }
    for name, (k, one, last) in starts.items():
        time = data[name]["time"]
        assert time.dtype.kind == "M"
        assert str(time.values[k])[:10] == one
        assert str(time.values[-1])[:10] == last
        assert time.attrs["standard_name"] == "time"
        assert time.attrs["axis"] == "T"
    found = data["coarse_monthly"]["leaf_area_index"].sel(time="2000-03").squeeze("time")
    assert found.shape == (4, 6)
    assert set(data["fine_static"].sizes) == {"lat", "lon", "bnds"}


def test_layers_go_by_their_names(path: Path, data: dict[str, xr.Dataset]) -> None:
    states = data["coarse_annual"]["luh2_states"]
    names = variable("luh2_states").components
    assert states["luh2_states_class"].values.tolist() == list(names)
    found = states.sel(luh2_states_class="pastr", year=1900).values
    expected = Cube(path).read("luh2_states", 1900)[names.index("pastr")]
    np.testing.assert_array_equal(found, expected)
    fractions = data["fine_annual"]["land_use_fractions_class"]
    assert fractions.values.tolist() == list(LANDUSE8.names)
    assert fractions.attrs == {"long_name": "layers of land_use_fractions"}


def test_variables_say_what_they_are(data: dict[str, xr.Dataset]) -> None:
    codes = data["fine_annual"]["land_use"].attrs
    assert codes["standard_name"] == "area_type"
    assert codes["flag_values"].dtype == np.uint8
    assert codes["flag_values"].tolist() == list(LANDUSE8.codes)
    assert codes["flag_meanings"].split() == list(LANDUSE8.names)
    leaves = data["coarse_monthly"]["leaf_area_index"].attrs
    assert leaves["standard_name"] == "leaf_area_index"
    assert leaves["units"] == "m2 m-2"
    assert data["fine_static"]["elevation"].attrs["units"] == "m"
    assert data["coarse_annual"]["luh2_states"].attrs["source"] == "LUH2 v2h"


def test_status_stands_beside_the_values(data: dict[str, xr.Dataset]) -> None:
    fine = data["fine_annual"]
    beside = fine["land_use"].attrs["ancillary_variables"]
    assert beside == "land_use_status"
    status = fine[beside]
    assert status.dtype == np.uint8
    assert status.dims == ("year",)
    assert status.attrs["standard_name"] == "status_flag"
    meanings = dict(
        zip(status.attrs["flag_values"], status.attrs["flag_meanings"].split(), strict=True)
    )
    assert meanings[int(status.sel(year=1990))] == "held"
    assert meanings[int(status.sel(year=1991))] == "observed"
    assert "ancillary_variables" not in data["fine_static"]["elevation"].attrs


def test_places_are_on_the_earth(data: dict[str, xr.Dataset]) -> None:
    for dataset in data.values():
        assert dataset["lat"].attrs["units"] == "degrees_north"
        assert dataset["lon"].attrs["axis"] == "X"
        assert dataset["lat"].attrs["bounds"] == "lat_bnds"
        named = [name for name in dataset.data_vars if not str(name).endswith("_status")]
        assert all(dataset[name].attrs["grid_mapping"] == "crs" for name in named)
        crs = dataset["crs"].attrs
        assert crs["grid_mapping_name"] == "latitude_longitude"
        assert crs["geographic_crs_name"] == "WGS 84"
        assert crs["semi_major_axis"] == 6378137.0
        assert crs["inverse_flattening"] == pytest.approx(298.257223563, abs=1e-9)
    rows = data["globe"]["lat_bnds"].values
    np.testing.assert_allclose(rows[[0, 1, -1]], [[90, 84], [84, 72], [-84, -90]])
    assert data["globe"]["lon_bnds"].values[0].tolist() == [-180, -168]


def test_another_earth_is_said(tmp_path: Path) -> None:
    grid = Grid.regular(20, 40, 0.5, 0.5, (4, 6), earth=SPHERE)
    group = single("ball", grid, Clock.STATIC, (), "elevation")
    crs = open_datasets(write(tmp_path / "c.zarr", cube_spec(group)))["ball"]["crs"].attrs
    assert crs["semi_major_axis"] == crs["semi_minor_axis"] == 6371007.181
    assert "geographic_crs_name" not in crs


def test_where_all_comes_from_travels_along(data: dict[str, xr.Dataset]) -> None:
    for dataset in data.values():
        assert dataset.attrs["Conventions"] == "CF-1.11"
        assert dataset.attrs["title"] == "Test"
        assert json.loads(dataset.attrs["provenance"])[0]["licence"] == "CC-BY-4.0"


def test_a_copy_as_netcdf_has_it_all(data: dict[str, xr.Dataset], tmp_path: Path) -> None:
    for name, dataset in data.items():
        file = tmp_path / f"{name}.nc"
        dataset.to_netcdf(file)
        with xr.open_dataset(file, decode_cf=False) as raw:
            missing = {str(n): raw[n].attrs.get("_FillValue") for n in raw.variables}
            assert not any("coordinates" in raw[n].attrs for n in raw.variables)
        assert missing["lat"] is None
        if name == "fine_annual":
            assert missing["land_use"] == NO_DATA
        coder = xr.coders.CFDatetimeCoder(time_unit="s")
        with xr.open_dataset(file, mask_and_scale=False, decode_times=coder) as found:
            xr.testing.assert_equal(found, dataset)


def test_chunks_are_never_split_where_they_lie_in_shards(tmp_path: Path) -> None:
    grid = Grid.regular(0, 80, "1/100", "1/100", (2100, 40))
    spec = VariableSpec(variable("land_use"), LANDUSE8)
    whole = cube_spec(GroupSpec("fine", grid, Clock.YEAR, (2000,), (spec,)))
    writer = CubeWriter(tmp_path / "c.zarr", whole)
    for block in writer.pending():
        codes = np.full((1, *block.window.shape), block.window.row % 7, dtype=np.uint8)
        writer.write(block, codes, {2000: Status.OBSERVED})
    writer.finish()
    found = open_datasets(tmp_path / "c.zarr")["fine"]["land_use"]
    assert found.chunks is not None
    assert all(start % 256 == 0 for start in np.cumsum(found.chunks[1])[:-1])
    part = found.sel(lat=slice(69.76, 69.7)).values
    assert np.unique(part).tolist() == [1024 % 7]


def test_what_is_no_cube_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no cube here"):
        open_datasets(tmp_path / "none.zarr")
    CubeWriter(tmp_path / "c.zarr", cube_spec(static()))
    with pytest.raises(CubeError, match="not finished"):
        open_datasets(tmp_path / "c.zarr")
