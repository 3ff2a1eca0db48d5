"""PNNL land parameters: undocumented files, recognised by names and coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import PnnlOptions, Source, open_pnnl
from ai4land.sources.soil.pnnl import clm_layer_edges
from ai4land.testing.contracts.source import Landmark, SourceContract
from provider_files.soil import write_land_parameters

Floats = npt.NDArray[np.float32]
Maps = Mapping[str, tuple[Floats, Mapping[str, Any]]]
GRID = Grid.regular(-180, 90, 5, 5, (36, 72))


def field(seed: int, low: float, high: float, layers: int | None = None) -> Floats:
    """A map without symmetry, missing in the south."""
    shape = GRID.shape if layers is None else (layers, *GRID.shape)
    out = np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)
    out[..., -6:, :] = np.nan
    return out


def directions() -> Floats:
    """Aspects clockwise from north, one of them due east at row 10, column 20."""
    out = field(3, 0, 360)
    out[10, 20] = 90
    out[11, 20] = 45
    return out


def slopes() -> Floats:
    """Degrees, flat at row 11, column 20."""
    out = field(2, 0.1, 60)
    out[11, 20] = 0
    return out


def maps() -> Maps:
    """What the land model's surface file holds, with its units."""
    return {
        "elevation": (field(1, -400, 6000), {"units": "m"}),
        "SLOPE": (slopes(), {"units": "degrees"}),
        "ASPECT": (directions(), {"units": "degrees"}),
        "PCT_SAND": (field(4, 0, 60, 10), {"units": "unitless", "long_name": "percent sand"}),
        "PCT_CLAY": (field(5, 0, 40, 10), {"units": "unitless"}),
        "ORGANIC": (
            field(6, 0, 130, 10),
            {"units": "kg/m3 (assumed carbon content 0.58 gC per gOM)"},
        ),
        "EF1_BTR": (field(7, 0, 1), {"units": "unitless"}),
    }


def topsoil(layers: Floats) -> Floats:
    """Mean of 0–0.3 m, by the thickness of the layers as the model's history files print it."""
    above = [0.01751282, 0.02757897, 0.04546984, 0.07496741, 0.1236004]
    weights = np.array([*above, 0.3 - sum(above)]) / 0.3
    return np.asarray(np.tensordot(weights, layers[:6].astype(np.float64), 1), np.float32)


class TestPnnl(SourceContract):
    """South first, longitudes −180…180°, missing values declared."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_land_parameters(tmp_path / "surface.nc", GRID, maps())
        return open_pnnl(path, PnnlOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        sand = topsoil(maps()["PCT_SAND"][0])
        organic = topsoil(maps()["ORGANIC"][0])
        height = maps()["elevation"][0]
        return [
            Landmark("elevation", None, 87.5, -177.5, float(height[0, 0])),
            Landmark("elevation", None, 2.5, 177.5, float(height[17, 71])),
            Landmark("elevation", None, -87.5, 2.5, np.nan),
            Landmark("slope", None, 37.5, -77.5, float(slopes()[10, 20])),
            Landmark("aspect_east", None, 37.5, -77.5, 1.0),
            Landmark("aspect_north", None, 32.5, -77.5, 0.0),
            Landmark("aspect_east", None, 32.5, -77.5, 0.0),
        ] + [
            Landmark(name, None, 7.5, 52.5, float(values[16, 46]))
            for name, values in (("sand", sand), ("soil_organic", organic))
        ]


@pytest.mark.parametrize(
    ("layout", "options"),
    [
        ({"east": True}, {}),
        ({"coordinates": "tables", "east": True}, {}),
        ({"south_first": False}, {}),
        ({"order": ("lon", "lat", "nlevsoi")}, {}),
        ({"order": ("lat", "nlevsoi", "lon"), "south_first": False}, {}),
        ({"coordinates": "none"}, {"rows": "south_first"}),
        ({"coordinates": "none", "south_first": False}, {"rows": "north_first"}),
        ({"fill": None}, {"fill": -9999}),
    ],
    ids=[
        "east",
        "tables",
        "north",
        "transposed",
        "layers between",
        "no axes",
        "no axes, north",
        "fill",
    ],
)
def test_every_layout_gives_the_same_maps(
    tmp_path: Path, layout: dict[str, Any], options: dict[str, Any]
) -> None:
    path = write_land_parameters(tmp_path / "surface.nc", GRID, maps(), **layout)
    source = open_pnnl(path, PnnlOptions(**options))
    expected = {"elevation": maps()["elevation"][0], "clay": topsoil(maps()["PCT_CLAY"][0])}
    for name, values in expected.items():
        assert source.fields[name].grid == GRID
        np.testing.assert_allclose(source.read(name, None, GRID.window), values, rtol=1e-5)


def test_radians_and_maps_in_files_of_their_own(tmp_path: Path) -> None:
    rad = {"units": "radians"}
    one = {"SLOPE": (np.radians(slopes()), rad), "ASPECT": (np.radians(directions()), rad)}
    write_land_parameters(tmp_path / "topo" / "a.nc", GRID, one)
    write_land_parameters(tmp_path / "b.nc", GRID, {"elevation": maps()["elevation"]})
    source = open_pnnl(tmp_path, PnnlOptions())
    assert set(source.fields) == {"elevation", "slope", "aspect_north", "aspect_east"}
    found = {n: source.read(n, None, GRID.window) for n in source.fields}
    np.testing.assert_allclose(found["slope"], slopes(), rtol=1e-5)
    np.testing.assert_allclose(found["aspect_east"][10:12, 20], [1, 0], atol=1e-6)
    assert [p.name for p in source.provenance()] == ["b.nc", "a.nc"]


def test_the_layers_are_those_of_the_land_model() -> None:
    """Oleson et al. 2013, table 6.1 (m)."""
    expected = [0, 0.0175, 0.0451, 0.0906, 0.1655, 0.2891, 0.4929, 0.8289, 1.3828, 2.2961, 3.8019]
    np.testing.assert_allclose(clm_layer_edges(), expected, atol=5e-5)


def test_it_says_what_it_recognised(tmp_path: Path) -> None:
    path = write_land_parameters(tmp_path / "surface.nc", GRID, maps(), east=True)
    source = open_pnnl(path, PnnlOptions())
    note = source.inspect("sand", (), GRID.window)["recognised"]
    weights = note.pop("layer_weights")
    assert note == {
        "quantity": "sand",
        "file": "surface.nc",
        "name": "PCT_SAND",
        "units": "unitless",
        "rows": "south first",
        "columns_from_east": 36,
        "transposed": False,
    }
    assert list(weights) == ["1", "2", "3", "4", "5", "6"]
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
    assert source.inspect("aspect_north", (), GRID.window)["recognised"]["direction"] == (
        "clockwise from north"
    )


def test_what_is_not_there_is_explained(tmp_path: Path) -> None:
    only = {"PCT_SAND": maps()["PCT_SAND"], "EF1_BTR": maps()["EF1_BTR"]}
    source = open_pnnl(write_land_parameters(tmp_path / "a.nc", GRID, only), PnnlOptions())
    assert set(source.fields) == {"sand"}
    with pytest.raises(SourceError, match=r"(?s)no such variable.*no clay.*PCT_SAND, EF1_BTR"):
        source.fields["clay"]


def test_aspect_without_slope_knows_the_flat_mark(tmp_path: Path) -> None:
    values = directions()
    values[5, 5] = -1
    path = write_land_parameters(tmp_path / "a.nc", GRID, {"ASPECT": (values, {})})
    source = open_pnnl(path, PnnlOptions())
    north, east = (
        source.read(n, None, Window(0, 0, 30, 72)) for n in ("aspect_north", "aspect_east")
    )
    assert (north[5, 5], east[5, 5]) == (0, 0)
    np.testing.assert_allclose(np.hypot(north, east)[6:12], 1, rtol=1e-5)


class TestOptions:
    def test_a_variable_of_another_name(self, tmp_path: Path) -> None:
        renamed = {"sable": (field(8, 0, 60), {"units": "%"})}
        path = write_land_parameters(tmp_path / "a.nc", GRID, renamed)
        with pytest.raises(MissingFileError, match=r"(?s)No land parameter.*found: sable.*`names`"):
            open_pnnl(path, PnnlOptions())
        source = open_pnnl(path, PnnlOptions(names={"sand": "sable"}))
        np.testing.assert_allclose(source.read("sand", None, GRID.window), field(8, 0, 60))
        with pytest.raises(
            SourceError, match=r"(?s)No file holds.*expected: one of sable.*'argile'"
        ):
            open_pnnl(path, PnnlOptions(names={"clay": "argile"}))
        with pytest.raises(ConfigError, match=r"(?s)Unknown quantity.*did you mean 'sand'"):
            open_pnnl(path, PnnlOptions(names={"sandd": "sable"}))

    def test_raw_and_weighted_side_by_side_need_a_choice(self, tmp_path: Path) -> None:
        both = {
            "PCT_SAND": maps()["PCT_SAND"],
            "weighted_PCT_SAND": (field(9, 0, 60), {"units": "%"}),
        }
        path = write_land_parameters(tmp_path / "a.nc", GRID, both)
        with pytest.raises(SourceError, match=r"(?s)more than once.*PCT_SAND.*`names`"):
            open_pnnl(path, PnnlOptions())
        source = open_pnnl(path, PnnlOptions(names={"sand": "weighted_PCT_SAND"}))
        np.testing.assert_allclose(source.read("sand", None, GRID.window), field(9, 0, 60))

    def test_layers_of_ones_own(self, tmp_path: Path) -> None:
        layers = field(4, 0, 60, 3)
        path = write_land_parameters(tmp_path / "a.nc", GRID, {"PCT_SAND": (layers, {})})
        with pytest.raises(SourceError, match=r"(?s)edges of the soil layers.*4 depths.*_edges"):
            open_pnnl(path, PnnlOptions())
        options = PnnlOptions(layer_edges=(0, 0.1, 0.2, 0.5), topsoil=0.4)
        found = open_pnnl(path, options).read("sand", None, GRID.window)
        np.testing.assert_allclose(
            found, 0.25 * layers[0] + 0.25 * layers[1] + 0.5 * layers[2], rtol=1e-5
        )
        with pytest.raises(SourceError, match=r"(?s)end above.*down to 2 m.*ends at 0.5 m"):
            open_pnnl(path, PnnlOptions(layer_edges=(0, 0.1, 0.2, 0.5), topsoil=2))

    def test_a_file_without_coordinates_is_not_placed_by_guess(self, tmp_path: Path) -> None:
        path = write_land_parameters(tmp_path / "a.nc", GRID, maps(), coordinates="none")
        with pytest.raises(SourceError, match=r"(?s)does not say where.*36 × 72.*`rows:"):
            open_pnnl(path, PnnlOptions())


class TestValues:
    def test_an_undeclared_fill_is_named(self, tmp_path: Path) -> None:
        path = write_land_parameters(tmp_path / "a.nc", GRID, maps(), fill=None)
        source = open_pnnl(path, PnnlOptions())
        for name in ("sand", "elevation", "soil_organic"):
            with pytest.raises(SourceError, match=r"(?s)are not .*-9999.*`fill`"):
                source.read(name, None, GRID.window)
        with pytest.raises(SourceError, match=r"(?s)beyond the circle.*-9999.*`fill`"):
            source.read("aspect_north", None, GRID.window)

    def test_shares_without_units_are_not_taken_for_percent(self, tmp_path: Path) -> None:
        shares = {"PCT_SAND": (field(4, 0, 0.9), {"units": "1"})}
        path = write_land_parameters(tmp_path / "a.nc", GRID, shares)
        with pytest.raises(SourceError, match=r"(?s)shares of one, not percent.*`fraction`"):
            open_pnnl(path, PnnlOptions()).inspect("sand", (), GRID.window)
        source = open_pnnl(path, PnnlOptions(units={"sand": "fraction"}))
        assert source.inspect("sand", (), GRID.window)
        np.testing.assert_allclose(
            source.read("sand", None, GRID.window), field(4, 0, 0.9) * 100, rtol=1e-5
        )

    def test_units_that_nobody_understands(self, tmp_path: Path) -> None:
        odd = {"SLOPE": (slopes(), {"units": "per mille"})}
        path = write_land_parameters(tmp_path / "a.nc", GRID, odd)
        with pytest.raises(SourceError, match=r"(?s)not understood.*SLOPE.*degree.*per mille"):
            open_pnnl(path, PnnlOptions())

    def test_packed_values_are_unpacked(self, tmp_path: Path) -> None:
        path = write_land_parameters(
            tmp_path / "a.nc", GRID, {"SLOPE": (np.rint(field(2, 0, 600)), {"units": "degrees"})}
        )
        with netCDF4.Dataset(path, "a") as file:
            file["SLOPE"].setncatts({"scale_factor": 0.1, "add_offset": 1.0})
        found = open_pnnl(path, PnnlOptions()).read("slope", None, GRID.window)
        np.testing.assert_allclose(found, np.rint(field(2, 0, 600)) * 0.1 + 1, rtol=1e-5)

    def test_a_dimension_that_is_no_soil_layer(self, tmp_path: Path) -> None:
        path = write_land_parameters(tmp_path / "a.nc", GRID, {"PCT_SAND": maps()["PCT_SAND"]})
        with netCDF4.Dataset(path, "a") as file:
            file.renameDimension("nlevsoi", "month")
        with pytest.raises(SourceError, match=r"(?s)not understood.*month of length 10"):
            open_pnnl(path, PnnlOptions())

    def test_slope_and_aspect_on_two_grids(self, tmp_path: Path) -> None:
        coarse = Grid.regular(-180, 90, 10, 10, (18, 36))
        write_land_parameters(tmp_path / "a.nc", GRID, {"ASPECT": (directions(), {})})
        write_land_parameters(
            tmp_path / "b.nc", coarse, {"SLOPE": (slopes()[::2, ::2], {"units": "degrees"})}
        )
        with pytest.raises(SourceError, match=r"(?s)another grid.*36 × 72.*18 × 36"):
            open_pnnl(tmp_path, PnnlOptions())

    def test_a_folder_without_netcdf(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No land parameter.*no NetCDF file"):
            open_pnnl(tmp_path, PnnlOptions())
