"""Every reader of NetCDF, HDF4, GRIB and tables under damage: a value of its shape, or a sentence.

Small files are cut off, have bits flipped, or carry the attributes of their other variables. HDF4
is only cut off: flipped bits may end the process inside its library, where nothing catches them.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4land.errors import AI4LandError
from ai4land.grid import Grid
from ai4land.regrid import SinusoidalGrid
from ai4land.sources import SOURCES
from provider_files.co2 import write_cmip6_co2, write_cmip7_co2, write_noaa_annual
from provider_files.era5 import (
    node_axes,
    write_era5_classic,
    write_era5_grib,
    write_era5_netcdf,
    write_era5_zip,
)
from provider_files.esacci import esacci_name, write_esacci
from provider_files.fractions import write_class_dimension, write_class_variables
from provider_files.lai import (
    copernicus_name,
    write_copernicus,
    write_glass,
    write_modis_netcdf,
    write_modis_tile,
)
from provider_files.population import write_isimip2b, write_isimip3
from provider_files.soil import write_hwsd, write_land_parameters, write_watergap_texture
from provider_files.terrain import write_etopo
from provider_files.tiny import luh2_states, write_elevation, write_hilda_netcdf, write_luh2

GRID = Grid.regular(10, 50, 1, 1, (4, 6))
GLOBE = Grid.regular(-180, 90, 30, 30, (6, 12))
VALUES = np.arange(24, dtype="f4").reshape(4, 6)
DAY = dt.date(2004, 1, 1)
MONTHS = [dt.datetime(2000, month, 1) for month in (1, 2)]
AXES = node_axes(30.0)
CLIMATE = {"t2m": 270 + 0.1 * np.arange(2 * 7 * 12, dtype="f4").reshape(2, 7, 12)}
TILE = SinusoidalGrid.tile(18, 8, 120)
CODES = np.array([10, 30, 130, 210], dtype="u1")[np.arange(36).reshape(6, 6) % 4]
NUMBERS = itertools.count()
GIBIBYTE = 2**20  # of ru_maxrss, which counts in KiB


def _luh2(path: Path) -> Path:
    return write_luh2(path / "states.nc", {2000: luh2_states(6, 12)})


def _esa(edition: str) -> Callable[[Path], Path]:
    grid = Grid.regular(0, 45, "1/360", "1/360", (6, 6))
    return lambda path: write_esacci(path / esacci_name(2000, edition), 2000, CODES, grid, edition)


def _shares(path: Path, **options: Any) -> Path:  # noqa: ANN401
    shares = {2000: {"crop": VALUES / 24, "forest": 1 - VALUES / 24}}
    return write_class_variables(path / "x.nc", shares, GRID, **options)


def _classes(path: Path) -> Path:
    shares = {2000: {"crop": VALUES / 24, "forest": 1 - VALUES / 24}}
    return write_class_dimension(path / "x.nc", shares, GRID)


def _hilda(path: Path) -> Path:
    codes = np.array([11, 22, 33, 44], dtype="u1")[np.arange(24).reshape(4, 6) % 4]
    return write_hilda_netcdf(path / "hildaplus_vGLOB-1.0-f_states.nc", {2000: codes})


def _tile(path: Path) -> Path:
    lai = np.full((120, 120), 30, dtype="u1")
    return write_modis_tile(path, DAY, (18, 8), lai, np.zeros_like(lai))


def _glass(path: Path) -> Path:
    return write_glass(path, DAY, np.full((4, 6), 100, dtype="i2"), GRID)


def _copernicus(path: Path) -> Path:
    return write_copernicus(
        path / copernicus_name("c_gls_LAI", DAY),
        np.full((4, 6), 60, dtype="u1"),
        GRID,
    )


def _parameters(path: Path) -> Path:
    return write_land_parameters(path / "x.nc", GRID, {"elevation": (VALUES, {"units": "m"})})


def _people(path: Path) -> Path:
    return write_isimip3(path / "x.nc", GRID, [(2000, {"total": VALUES})], counts=("total",))


FRACTIONS = {"legend": "hildaplus_v1", "classes": {"crop": "cropland", "forest": "forest"}}
STACKED = FRACTIONS | {"variable": "fraction_percent", "dimension": "class", "units": "percent"}
READERS: dict[str, tuple[str, Callable[[Path], Path], dict[str, Any]]] = {
    "luh2": ("luh2", _luh2, {}),
    "esa v2.0.7": ("esa_cci", _esa("v2.0.7"), {}),
    "esa v2.1.1": ("esa_cci", _esa("v2.1.1"), {}),
    "fractions": ("fractions", functools.partial(_shares, units="1"), FRACTIONS),
    "class dimension": ("fractions", _classes, STACKED),
    "hilda": ("hilda", _hilda, {"version": "v1-f"}),
    "isimip2b": (
        "population",
        lambda path: write_isimip2b(path / "x.nc", GRID, [(2000, VALUES)]),
        {},
    ),
    "isimip3": ("population", _people, {}),
    "cmip6": ("co2", lambda path: write_cmip6_co2(path, 280 + np.arange(24.0)), {}),
    "cmip7": ("co2", lambda path: write_cmip7_co2(path, 280 + np.arange(5.0), 2000), {}),
    "noaa": ("co2", lambda path: write_noaa_annual(path / "x.csv", {2000: 370.0}), {}),
    "era5": ("era5", lambda path: write_era5_netcdf(path / "x.nc", CLIMATE, MONTHS, AXES), {}),
    "era5 classic": (
        "era5",
        lambda path: write_era5_classic(path / "x.nc", CLIMATE, MONTHS, AXES),
        {},
    ),
    "era5 zip": ("era5", lambda path: write_era5_zip(path / "x.nc", CLIMATE, MONTHS, AXES), {}),
    "era5 grib": (
        "era5",
        lambda path: write_era5_grib(path / "x.grib", CLIMATE, MONTHS, AXES, stream="moda"),
        {},
    ),
    "modis tile": ("lai_modis", _tile, {}),
    "modis netcdf": (
        "lai_modis",
        lambda path: write_modis_netcdf(
            path / "x.nc", {DAY: np.full((120, 120), 30, dtype="u1")}, TILE
        ),
        {"quality": "any"},
    ),
    "glass": ("lai_glass", _glass, {}),
    "copernicus": ("lai_copernicus", _copernicus, {}),
    "parameters": ("pnnl", _parameters, {}),
    "hwsd": ("soil", lambda path: write_hwsd(path / "x.nc4", VALUES, GRID, "T_SAND"), {}),
    "texture": (
        "soil_texture",
        lambda path: write_watergap_texture(path / "x.nc", np.full((6, 12), 10.0), GLOBE),
        {},
    ),
    "etopo": ("etopo", lambda path: write_etopo(path / "x.nc", VALUES, GRID), {}),
    "gebco": (
        "gebco",
        lambda path: write_elevation(
            path / "x.nc", VALUES.astype("i2"), GRID.latitudes(), GRID.longitudes()
        ),
        {},
    ),
}
FOLDERS = {"lai_modis", "lai_glass", "lai_copernicus"}  # read by the names of their files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An undamaged file of each reader."""
    out = {}
    for name, (_, write, _) in READERS.items():
        folder = tmp_path_factory.mktemp("whole")
        out[name] = write(folder)
    return out


def read(name: str, path: Path) -> None:
    """Open a file and read its first variable whole, once, as a build does."""
    product, _, options = READERS[name]
    reader = SOURCES[product]
    place = path.parent if product in FOLDERS and path.suffix != ".nc" else path
    if name == "copernicus":
        place = path.parent
    assert reader.open is not None
    source = reader.open(place, reader.options(**options), reader.variables[0])
    entry = next(iter(source.fields.values()))
    tick = entry.ticks[0] if entry.ticks else None
    window = entry.grid.window
    assert window.height * window.width < 10_000_000, "a file of a few cells has none so many"
    source.inspect(entry.variable.name, entry.ticks[:1], window)
    values = source.read(entry.variable.name, tick, window)
    assert values.shape[-2:] == window.shape
    assert values.dtype == (np.uint8 if entry.legend is not None and values.ndim == 2 else "f4")


@pytest.mark.parametrize("name", READERS)
def test_a_whole_file_is_read(files: dict[str, Path], name: str) -> None:
    read(name, files[name])


def shuffle_attributes(path: Path, seed: int) -> None:
    """Give variables each other's attributes, and some that say nonsense."""
    chance = random.Random(seed)
    with netCDF4.Dataset(path, "a") as file:
        every = [
            (name, array.getncattr(name))
            for array in file.variables.values()
            for name in array.ncattrs()
            if name != "_FillValue"
        ]
        every += [("scale_factor", 0.0), ("missing_value", "none"), ("units", 3.0)]
        every += [("valid_range", [1.0, -1.0]), ("bounds", "lat"), ("calendar", "lunar")]
        for array in file.variables.values():
            for name, value in chance.sample(every, min(3, len(every))):
                array.setncattr(name, value)


@given(
    name=st.sampled_from(sorted(READERS)),
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["cut", "flipped", "attributes"]),
)
@settings(
    deadline=None,
    derandomize=True,
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_damaged_file_is_read_or_refused(
    files: dict[str, Path], tmp_path: Path, name: str, seed: int, kind: str
) -> None:
    chance = random.Random(seed)
    folder = tmp_path / str(next(NUMBERS))  # libraries may hold a damaged file open
    folder.mkdir()
    path = Path(shutil.copy(files[name], folder))
    content = bytearray(path.read_bytes())
    if kind == "attributes" and content[:3] in (b"CDF", b"\x89HD"):
        shuffle_attributes(path, seed)
    elif kind == "cut" or path.suffix == ".hdf":
        path.write_bytes(content[: chance.randrange(len(content))])
    else:
        for _ in range(chance.choice([1, 3, 30])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read(name, path)
    except AI4LandError as error:
        sentence = str(error)
        assert sentence
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIBIBYTE
