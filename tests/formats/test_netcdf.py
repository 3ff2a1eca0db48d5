"""Maps in NetCDF: where they lie, which variable is taken, what cannot be read."""

from __future__ import annotations

import itertools
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4land.errors import AI4LandError, MissingFileError, SourceError
from ai4land.formats import NetcdfMap, check_units, chosen, map_of, maps_in, opened_netcdf
from ai4land.grid import Window

tidy = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SOUTH, WEST, ROWS, COLUMNS = 40.0, 10.0, 3, 4
NUMBERS = itertools.count()
VALUES = np.arange(ROWS * COLUMNS, dtype="f4").reshape(ROWS, COLUMNS)  # row 0 in the north


def write(
    path: Path,
    latitude: Any,  # noqa: ANN401
    longitude: Any,  # noqa: ANN401
    values: np.ndarray = VALUES,
    *,
    dims: tuple[str, ...] = ("lat", "lon"),
    bounds: tuple[Any, Any] | None = None,
    attributes: dict[str, Any] | None = None,
) -> Path:
    """A map of one variable ``v``."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in zip(dims, values.shape, strict=True):
            file.createDimension(name, size)
        for k, (name, axis) in enumerate((("lat", latitude), ("lon", longitude))):
            file.createVariable(name, "f8", (name,))[:] = axis
            if bounds is not None and bounds[k] is not None:
                if "bnds" not in file.dimensions:
                    file.createDimension("bnds", 2)
                file[name].bounds = f"{name}_bnds"
                file.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = bounds[k]
        array = file.createVariable("v", values.dtype, dims)
        array.setncatts(attributes or {})
        array[:] = values
    return path


def opened_map(path: Path, name: str = "v", **options: Any) -> NetcdfMap:  # noqa: ANN401
    with opened_netcdf(path) as file:
        return map_of(file, file[name], path, **options)


def centres(start: float, size: float, count: int) -> np.ndarray:
    return start + size * (np.arange(count) + 0.5)


@given(
    south=st.integers(-80, 60),
    west=st.integers(-180, 340),
    size=st.sampled_from([1.0, 0.5, 0.25]),
    flipped=st.booleans(),
    transposed=st.booleans(),
    corner=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    swapped=st.booleans(),
    single=st.booleans(),
)
@tidy
def test_bounds_win_over_coordinates(
    tmp_path: Path,
    south: int,
    west: int,
    size: float,
    flipped: bool,
    transposed: bool,
    corner: float,
    swapped: bool,
    single: bool,
) -> None:
    rows, columns = (1, 1) if single else (ROWS, COLUMNS)
    low, left = south + size * np.arange(rows), west + size * np.arange(columns)
    values = VALUES[:rows, :columns]
    if flipped:  # row 0 of the file is the southernmost
        stored = values[::-1]
    else:
        low, stored = low[::-1], values
    pairs = (np.stack([low, low + size], 1), np.stack([left, left + size], 1))
    path = write(
        tmp_path / "x.nc",
        low + corner * size,
        left + corner * size,
        stored.T if transposed else stored,
        dims=("lon", "lat") if transposed else ("lat", "lon"),
        bounds=(pairs[0][:, ::-1], pairs[1]) if swapped else pairs,
    )
    found = opened_map(path)
    grid = found.layout.grid
    assert grid.shape == (rows, columns)
    assert (float(grid.south), float(grid.north)) == (south, south + rows * size)
    assert (float(grid.west) - west) % 360 == 0
    assert float(grid.east - grid.west) == columns * size
    np.testing.assert_array_equal(found.floats(grid.window), values)
    assert found.transposed is transposed


def test_without_bounds_coordinates_are_centres(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nc", centres(SOUTH, 1, 3)[::-1], centres(WEST, 1, 4))
    grid = opened_map(path).layout.grid
    assert (float(grid.west), float(grid.north)) == (10, 43)


def test_bounds_cut_at_the_poles_leave_nodes_on_them(tmp_path: Path) -> None:
    latitude = np.array([90.0, 0.0, -90.0])
    rows = np.array([[45, 90], [-45, 45], [-90, -45]], dtype=float)
    path = write(tmp_path / "x.nc", latitude, np.arange(4) * 90.0, bounds=(rows, None))
    grid = opened_map(path).layout.grid
    assert grid.cut == (True, True)
    np.testing.assert_array_equal(grid.latitude_edges(), [90, 45, -45, -90])


@pytest.mark.parametrize("nothing", [0.0, np.nan, 9.969209968386869e36])
def test_bounds_without_length_are_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, nothing: float
) -> None:
    empty = (np.full((3, 2), nothing), np.full((4, 2), nothing))
    path = write(tmp_path / "x.nc", centres(SOUTH, 1, 3)[::-1], centres(WEST, 1, 4), bounds=empty)
    with caplog.at_level(logging.WARNING):
        grid = opened_map(path).layout.grid
    assert (float(grid.west), float(grid.north)) == (10, 43)
    assert "not used" in caplog.text


def test_bounds_that_contradict_are_refused_and_the_remedy_works(tmp_path: Path) -> None:
    for k, wrong in enumerate(
        (
            np.stack([np.arange(20.0, 24), np.arange(21.0, 25)], 1),  # elsewhere
            np.stack([np.arange(10.0, 14), np.arange(10.0, 14) + 0.7], 1),  # with gaps
        )
    ):
        path = write(
            tmp_path / f"{k}.nc",
            centres(SOUTH, 1, 3)[::-1],
            centres(WEST, 1, 4),
            bounds=(None, wrong),
        )
        with pytest.raises(SourceError, match="longitude and its bounds contradict") as error:
            opened_map(path)
        assert "delete the attribute `bounds`" in str(error.value.remedy)
        with netCDF4.Dataset(path, "a") as file:
            file["lon"].delncattr("bounds")
        assert float(opened_map(path).layout.grid.west) == 10


def test_columns_that_leap_over_the_date_line(tmp_path: Path) -> None:
    longitude = np.array([170.0, 175.0, -180.0, -175.0])
    pairs = np.stack([longitude - 2.5, longitude + 2.5], 1)
    pairs[2, 0] = 177.5  # astride the date line, as people write it
    for k, bounds in enumerate((None, (None, pairs))):
        path = write(tmp_path / f"{k}.nc", centres(SOUTH, 1, 3), longitude, bounds=bounds)
        grid = opened_map(path).layout.grid
        assert (float(grid.west), float(grid.east)) == (167.5, 187.5)


@given(
    packed=st.booleans(),
    time=st.integers(0, 2),
    member=st.integers(0, 1),
    order=st.permutations(["time", "lat", "member", "lon"]),
)
@tidy
def test_any_order_of_dimensions(
    tmp_path: Path, packed: bool, time: int, member: int, order: list[str]
) -> None:
    sizes = {"time": 3, "lat": 3, "member": 2, "lon": 4}
    whole = np.arange(72, dtype="i2").reshape(3, 3, 2, 4)
    turned = np.transpose(whole, [list(sizes).index(n) for n in order])
    path = write(
        tmp_path / "x.nc",
        centres(SOUTH, 1, 3)[::-1],
        centres(WEST, 1, 4),
        turned,
        dims=tuple(order),
        attributes={"missing_value": np.int16(7)},
    )
    if packed:
        with netCDF4.Dataset(path, "a") as file:
            file["v"].scale_factor = 0.5
    found = opened_map(path)
    assert found.others == {n: sizes[n] for n in order if n not in {"lat", "lon"}}
    part = Window(1, 2, 2, 2)
    got = found.floats(part, {"time": time, "member": member})
    expected = whole[time, 1:, member, 2:].astype("f4")
    expected[expected == 7] = np.nan
    np.testing.assert_array_equal(got, expected * (0.5 if packed else 1))
    with pytest.raises(SourceError, match="member of length 2"):
        found.stored(part, {"time": time})
    several = found.stored(part, {"time": slice(0, 3), "member": member})
    np.testing.assert_array_equal(several, whole[:, 1:, member, 2:])


def test_variables_of_groups_are_listed_and_chosen(tmp_path: Path) -> None:
    path = tmp_path / "x.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", 3)
        file.createDimension("lon", 4)
        file.createVariable("lat", "f8", ("lat",))[:] = centres(SOUTH, 1, 3)[::-1]
        file.createVariable("lon", "f8", ("lon",))[:] = centres(WEST, 1, 4)
        for k, name in enumerate(("fine", "coarse")):
            file.createGroup(name).createVariable("cover", "f4", ("lat", "lon"))[:] = VALUES + k
        file["fine"].createVariable("count", "f4", ("lat", "lon"))[:] = 0
    with opened_netcdf(path) as file:
        assert list(maps_in(file)) == ["fine/cover", "fine/count", "coarse/cover"]
        with pytest.raises(SourceError, match="Several groups") as error:
            chosen(file, ("cover",), path, what="a map of cover")
        assert "option `variable`" in str(error.value.remedy)
        assert "variable: fine/cover" in str(error.value.remedy)
        array = chosen(file, ("cover",), path, what="a map of cover", variable="coarse/cover")
        found = map_of(file, array, path)
        assert chosen(file, ("count",), path, what="a count").group().name == "fine"
        with pytest.raises(SourceError, match="No variable is documented as a map of cover") as e:
            chosen(file, ("land",), path, what="a map of cover")
        assert "fine/count(lat, lon)" in str(e.value.found)
        with pytest.raises(SourceError, match="did you mean 'fine/cover'"):
            chosen(file, ("land",), path, what="a map of cover", variable="fine/cove")
    np.testing.assert_array_equal(found.floats(found.layout.grid.window), VALUES + 1)


def test_a_companion_is_never_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nc", centres(SOUTH, 1, 3), centres(WEST, 1, 4))
    with opened_netcdf(path) as file:
        with pytest.raises(SourceError, match=r"v\(lat, lon\)") as error:
            chosen(file, ("lccs_class",), path, what="land cover")
        assert "option `variable`" in str(error.value.remedy)
        assert chosen(file, ("lccs_class",), path, what="land cover", variable="v").name == "v"


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"grid_mapping_name": "rotated_latitude_longitude"}, "rotated_latitude_longitude"),
        (
            {"grid_mapping_name": "latitude_longitude", "longitude_of_prime_meridian": 2.33722917},
            "counted from 2.337",
        ),
    ],
)
def test_other_longitudes_are_refused(tmp_path: Path, mapping: dict, text: str) -> None:
    path = write(
        tmp_path / "x.nc",
        centres(SOUTH, 1, 3),
        centres(WEST, 1, 4),
        attributes={"grid_mapping": "crs"},
    )
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("crs", "i4").setncatts(mapping)
    with pytest.raises(SourceError, match=text):
        opened_map(path)


def test_axes_that_are_no_degrees_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nc", centres(SOUTH, 1, 3), centres(WEST, 1, 4))
    with netCDF4.Dataset(path, "a") as file:
        file["lon"].units = "m"
    with pytest.raises(SourceError, match="not in degrees"):
        opened_map(path)
    path = tmp_path / "y.nc"
    for rows in ("row", "lat"):  # renamed, as the remedy says
        with netCDF4.Dataset(path, "w") as file:
            for name, axis in ((rows, centres(SOUTH, 1, 3)), ("lon", centres(WEST, 1, 4))):
                file.createDimension(name, len(axis))
                file.createVariable(name, "f8", (name,))[:] = axis
            file.createVariable("v", "f4", (rows, "lon"))[:] = VALUES
        if rows == "row":
            with pytest.raises(SourceError, match="not a map") as error:
                opened_map(path)
            assert "ncrename" in str(error.value.remedy)
    opened_map(path)


def test_axes_by_what_their_coordinates_say(tmp_path: Path) -> None:
    path = tmp_path / "x.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, axis, units in (
            ("nord", centres(SOUTH, 1, 3)[::-1], "degrees_north"),
            ("ost", centres(WEST, 1, 4), "degrees_east"),
        ):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f8", (name,))[:] = axis
            file[name].units = units
        file.createVariable("v", "f4", ("nord", "ost"))[:] = VALUES
    found = opened_map(path)
    np.testing.assert_array_equal(found.floats(found.layout.grid.window), VALUES)


def test_a_globe_without_coordinates_is_placed_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.nc"
    values = np.arange(32, dtype="f4").reshape(4, 8)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", 4)
        file.createDimension("lon", 8)
        file.createVariable("v", "f4", ("lat", "lon"))[:] = values
    with pytest.raises(SourceError, match="where its cells lie") as error:
        opened_map(path)
    assert "rows: south_first" in str(error.value.remedy)
    found = opened_map(path, rows="south_first")
    np.testing.assert_array_equal(found.floats(found.layout.grid.window), values[::-1])


def test_what_a_header_declares_is_not_allocated(tmp_path: Path) -> None:
    """Two thousand million pixels that were never written, and axes that no map has."""
    path = tmp_path / "x.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", 2**15)
        file.createDimension("lon", 2**16)
        file.createVariable("v", "u1", ("lat", "lon"), chunksizes=(64, 64))
        size = 180 / 2**15
        file.createVariable("lat", "f8", ("lat",))[:] = 90 - centres(0, size, 2**15)
        file.createVariable("lon", "f8", ("lon",))[:] = centres(-180, size, 2**16)
        file.createDimension("long", 2**31)
        file.createVariable("w", "u1", ("lat", "long"), chunksizes=(64, 64))
        file.createVariable("c", "f4", ("lat", "lon"), chunksizes=(2**15, 2**13))
    found = opened_map(path)
    assert found.stored(Window(100, 100, 2, 2)).shape == (2, 2)
    with pytest.raises(SourceError, match="not a map"):
        opened_map(path, "w")
    with pytest.raises(SourceError, match="larger than can be read") as error:
        opened_map(path, "c")
    assert "nccopy -c" in str(error.value.remedy)
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("lon", "other")
        file.renameDimension("lon", "other")
        file.renameDimension("long", "lon")
    with pytest.raises(SourceError, match="larger than can be read"):
        opened_map(path, "w")


def test_units_are_checked(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.nc", centres(SOUTH, 1, 3), centres(WEST, 1, 4), attributes={"units": "K"}
    )
    with opened_netcdf(path) as file:
        check_units(file["v"], {"k"}, path)
        with pytest.raises(SourceError, match="other units") as error:
            check_units(file["v"], {"degc"}, path)
        assert "correct the attribute `units`" in str(error.value.remedy)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError), opened_netcdf(tmp_path / "none.nc"):
        pass
    for content, text in ((b"PK\x03\x04....", "ZIP archive"), (b"<html>", "another format")):
        (tmp_path / "x.nc").write_bytes(content)
        with pytest.raises(SourceError, match=text), opened_netcdf(tmp_path / "x.nc"):
            pass


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
def test_a_classic_file_that_was_cut_off_holds_no_zeros(tmp_path: Path, format: str) -> None:
    path = tmp_path / "x.nc"
    with netCDF4.Dataset(path, "w", format=format) as file:
        for name, axis in (("lat", centres(SOUTH, 1, 3)), ("lon", centres(WEST, 1, 4))):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f8", (name,))[:] = axis
        file.createVariable("v", "f4", ("lat", "lon"))[:] = VALUES
    found = opened_map(path)
    np.testing.assert_array_equal(found.floats(found.layout.grid.window)[::-1], VALUES)
    content = path.read_bytes()
    for damaged in (content[:-16], content[:12] + b"\x04" + content[13:]):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match="damaged, incomplete"):
            opened_map(path)


@given(data=st.data(), format=st.sampled_from(["NETCDF4", "NETCDF3_CLASSIC"]))
@settings(tidy, max_examples=150)
def test_damaged_files_are_right_or_refused(
    tmp_path: Path, data: st.DataObject, format: str
) -> None:
    """Truncated, with flipped bits, with swapped attributes: a map of its size, or one sentence."""
    path = tmp_path / f"{next(NUMBERS)}.nc"  # the library may hold a damaged one open
    with netCDF4.Dataset(path, "w", format=format) as file:
        for name, axis in (("lat", centres(SOUTH, 1, 3)), ("lon", centres(WEST, 1, 4))):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f4", (name,))[:] = axis
        array = file.createVariable("v", "i2", ("lat", "lon"))
        words = [0.5, "m", 3, [1.0, 9.0], "nan", "true", 1e20, "lat", -7]
        for name in ("scale_factor", "missing_value", "valid_range", "units", "_Unsigned"):
            array.setncattr(name, data.draw(st.sampled_from(words)))
        file["lat"].bounds = data.draw(st.sampled_from(["lat", "v", "nothing", "lon"]))
        array.set_auto_maskandscale(False)
        array[:] = VALUES
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    stop = data.draw(st.integers(0, 3))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if stop == 0 else content)
    with suppress(AI4LandError):
        with opened_netcdf(path) as file:
            found = map_of(file, chosen(file, ("v",), path, what="a map"), path)
        values = found.floats(found.layout.grid.window, dict.fromkeys(found.others, 0))
        assert values.shape == found.layout.grid.shape
