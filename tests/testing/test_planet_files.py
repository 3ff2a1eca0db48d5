from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr

from ai4land.errors import ConfigError
from ai4land.testing import HILDA_FOLDER, PlanetSpec, hilda_name, make_planet, write_planet
from ai4land.vocabulary import LUH2_STATES

SPEC = PlanetSpec(
    seed=0, region=(5, 40, 8, 42), first_year=2010, last_year=2019, scenarios=("ssp126", "ssp370")
)
STEM = "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planet(SPEC, tmp_path_factory.mktemp("planet"))


def _names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_files_have_the_providers_names(folder: Path) -> None:
    hilda = "hildap_vGLOB-1.0_geotiff_wgs84/hildap_GLOB-v1.0_lulc-states"
    zone = "koeppen_geiger_tif/{}/koeppen_geiger_0p1.tif"
    periods = ["1901_1930", "1931_1960", "1961_1990", "1991_2020"]
    periods += [f"{p}/{s}" for p in ("2041_2070", "2071_2099") for s in SPEC.scenarios]
    base = f"{hilda}/hilda_plus_2015_states_GLOB-v1-0_base-map_wgs84-nn.tif"
    assert _names(folder) == sorted(
        [
            *(
                f"{hilda}/hilda_plus_{year}_states_GLOB-v1-0_wgs84-nn.tif"
                for year in range(2010, 2020)
                if year != 2015
            ),
            base,
            "GEBCO_2024.nc",
            "LUH2_v2h/states.nc",
            "LUH2_v2h/staticData_quarterdeg.nc",
            f"LUH2_v2f/IMAGE/{STEM}-IMAGE-ssp126-2-1-f_gn_2015-2100.nc",
            f"LUH2_v2f/AIM/{STEM}-AIM-ssp370-2-1-f_gn_2015-2100.nc",
            "koeppen_geiger_tif/legend.txt",
            *(zone.format(period) for period in periods),
        ]
    )


def test_the_same_spec_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    write_planet(make_planet(SPEC), tmp_path)
    for name in _names(folder):
        one, two = ((root / name).read_bytes() for root in (folder, tmp_path))
        assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest(), name


def test_hilda_is_a_plain_striped_byte_raster(folder: Path) -> None:
    with rasterio.open(folder / HILDA_FOLDER / hilda_name(2014)) as file:
        profile = file.profile
        assert file.crs.to_epsg() == 4326
        assert tuple(file.transform)[:6] == pytest.approx((0.025, 0, 5, 0, -0.025, 42))
        labels = file.read(1)
    assert labels.shape == (80, 120)
    assert profile["dtype"] == "uint8"
    assert profile["compress"] == "lzw"
    assert profile["blockysize"] == 1
    assert not profile["tiled"]
    assert profile["nodata"] is None
    assert 99 in labels


def test_the_base_map_of_2015_is_defective(folder: Path) -> None:
    planet = make_planet(SPEC)
    now = next(n for n in planet.history() if n.year == 2015)
    labels = planet.labels(now)
    with rasterio.open(folder / HILDA_FOLDER / hilda_name(2015)) as file:
        found = file.read(1)
    assert 99 in labels
    assert 99 not in found
    assert (found[labels == 99] == 66).all()
    for code, share in ((22, 0.03), (55, 0.08)):
        lost = found[labels == code] != code
        assert lost.mean() == pytest.approx(share, abs=0.02)
        assert (found[labels == code][lost] == 33).all()
    same = ~np.isin(labels, (22, 55, 99))
    np.testing.assert_array_equal(found[same], labels[same])


def test_luh2_has_the_products_quirks(folder: Path) -> None:
    with xr.open_dataset(folder / "LUH2_v2h/states.nc", decode_times=False) as data:
        assert data["time"].attrs["units"] == "years since 850-01-01 0:0:0"
        assert data["time"].attrs["calendar"] == "noleap"
        np.testing.assert_array_equal(850 + data["time"].values, range(2010, 2016))
        assert data["lat"].values[0] == pytest.approx(42.125)
        assert (np.diff(data["lat"].values) < 0).all()
        assert data["lon"].values[0] == pytest.approx(4.875)
        for axis in ("lat", "lon", "time"):
            assert data[axis].attrs["bounds"] not in data.variables
        assert {*LUH2_STATES, "secma", "secmb"} <= set(data.data_vars)
        assert data["primf"].dtype == np.float32
    raw = xr.open_dataset(folder / "LUH2_v2h/states.nc", decode_cf=False)
    attributes = raw["primf"].attrs
    assert attributes["_Fillvalue"] == attributes["missing_value"] == np.float32(1e20)
    assert "_FillValue" not in attributes
    raw.close()
    with pytest.raises(ValueError, match="decode time"):
        xr.open_dataset(folder / "LUH2_v2h/states.nc")


def test_luh2_states_sum_to_land_and_history_meets_scenarios(folder: Path) -> None:
    static = xr.load_dataset(folder / "LUH2_v2h/staticData_quarterdeg.nc")
    land = 1 - static["icwtr"].values.astype(np.float64)
    sums = {}
    for name in (
        "LUH2_v2h/states.nc",
        f"LUH2_v2f/IMAGE/{STEM}-IMAGE-ssp126-2-1-f_gn_2015-2100.nc",
        f"LUH2_v2f/AIM/{STEM}-AIM-ssp370-2-1-f_gn_2015-2100.nc",
    ):
        data = xr.load_dataset(folder / name, decode_times=False)
        states = np.stack([data[s].values.astype(np.float64) for s in LUH2_STATES])
        total = states.sum(axis=0)
        known = np.isfinite(total[0])
        assert known.sum() == (land > 0).sum()
        np.testing.assert_allclose(
            total[:, known], np.broadcast_to(land, total.shape)[:, known], atol=1e-6
        )
        sums[name] = states[:, -1 if "v2h" in name else 0]
        if "v2f" in name:
            assert data["time"].attrs["units"] == "years since 2015-01-01 0:0:0"
            np.testing.assert_array_equal(data["time"].values, range(5))
    history, *scenarios = sums.values()
    for first in scenarios:
        gap = float(np.nanmax(np.abs(first - history)))
        assert 1e-3 < gap < 0.06
    assert float(static["carea"].sum()) == pytest.approx(
        float(np.asarray(SPEC.coarse.cell_areas()).sum()) / 1e6, rel=1e-6
    )


def test_gebco_runs_from_south_to_north(folder: Path) -> None:
    with xr.open_dataset(folder / "GEBCO_2024.nc") as data:
        height = data["elevation"]
        assert height.dtype == np.int16
        assert height.dims == ("lat", "lon")
        assert height.attrs["grid_mapping"] == "crs"
        assert (np.diff(data["lat"].values) > 0).all()
        assert data["lat"].attrs["sdn_parameter_urn"] == "SDN:P01::ALATZZ01"
        assert data["crs"].attrs["semi_major_axis"] == 6378137.0
        np.testing.assert_array_equal(height.values[::-1], make_planet(SPEC).elevation)


def test_koeppen_covers_the_region_with_a_palette(folder: Path) -> None:
    root = folder / "koeppen_geiger_tif"
    with rasterio.open(root / "1991_2020/koeppen_geiger_0p1.tif") as file:
        zones = file.read(1)
        assert zones.shape == (20, 30)
        assert file.colormap(1)[4] == (255, 0, 0, 255)
        assert file.profile["tiled"]
        assert file.bounds == (5.0, 40.0, 8.0, 42.0)
    # a zone cell shows the pixel at its centre or beside it
    fine = make_planet(SPEC).climate_zones("1991_2020")[10:-10, 10:-10]
    near = [fine[dy + 1 : 80 : 4, dx + 1 : 120 : 4] for dy in (0, 1) for dx in (0, 1)]
    assert any(np.array_equal(zones, part) for part in near)
    text = (root / "legend.txt").read_text(encoding="utf-8")
    assert "    1:  Af   Tropical, rainforest                  [0 0 255]" in text.splitlines()
    assert "Köppen" in text.splitlines()[0]


def test_only_the_years_asked_for_and_progress(tmp_path: Path) -> None:
    small = PlanetSpec(region=(5, 40, 6, 41), first_year=1895, last_year=1902, fine_step="0.125")
    calls: list[tuple[int, int]] = []
    write_planet(small, tmp_path / "a", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k, 8) for k in range(1, 9)]
    written = sorted(p.name for p in (tmp_path / "a" / HILDA_FOLDER).iterdir())
    assert written == [hilda_name(year) for year in range(1899, 1903)]
    write_planet(small, tmp_path / "b", years=[1896])
    assert [p.name for p in (tmp_path / "b" / HILDA_FOLDER).iterdir()] == [hilda_name(1896)]
    assert not (tmp_path / "b/LUH2_v2f").exists()
    with pytest.raises(ConfigError, match=r"1895…1902[\s\S]*1903"):
        write_planet(small, tmp_path / "c", years=[1900, 1903])


def test_land_use_of_a_scenario_where_it_is_asked_for(tmp_path: Path) -> None:
    planet = make_planet(SPEC)
    write_planet(planet, tmp_path, years=range(2014, 2018), future="ssp370")
    for now in planet.projection("ssp370"):
        if now.year in (2016, 2017):
            with rasterio.open(tmp_path / HILDA_FOLDER / hilda_name(now.year)) as file:
                np.testing.assert_array_equal(file.read(1), planet.labels(now))
    written = {path.name for path in (tmp_path / HILDA_FOLDER).iterdir()}
    assert written == {hilda_name(year) for year in range(2014, 2018)}
    with pytest.raises(ConfigError, match="ssp585"):
        write_planet(planet, tmp_path / "other", years=[2018], future="ssp585")
