"""NetCDF files of a year: what xarray and GDAL see of them is what the run holds."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import rasterio
import xarray as xr
from product_runs import NOTICE, YEARS, Maps, files_of

from ai4land.cube import Cube
from tiny_cubes import FINE, LANDUSE8

RECOMMENDED = """title summary keywords Conventions id naming_authority history source
processing_level comment acknowledgement license standard_name_vocabulary date_created creator_name
creator_email creator_url institution project publisher_name publisher_email publisher_url
geospatial_bounds geospatial_bounds_crs geospatial_bounds_vertical_crs geospatial_lat_min
geospatial_lat_max geospatial_lon_min geospatial_lon_max geospatial_vertical_min
geospatial_vertical_max geospatial_vertical_positive time_coverage_start time_coverage_end
time_coverage_duration time_coverage_resolution creator_type creator_institution publisher_type
publisher_institution product_version"""


def annual(product: Path) -> list[Path]:
    return files_of(product / "past" / "netcdf", ".nc")


def test_one_file_a_year_with_the_maps_of_the_run(product: Path, maps: Maps) -> None:
    files = annual(product)
    assert [f.name for f in files] == [f"tiny_land_use_past_{year}.nc" for year in YEARS]
    for path, (year, codes) in zip(files, maps.items(), strict=True):
        with xr.open_dataset(path, mask_and_scale=False) as data:
            assert data["land_use"].dtype == np.uint8
            np.testing.assert_array_equal(data["land_use"][0], codes)
            assert data["time"].dt.year.item() == year
            bounds = data["time_bnds"][0].dt.strftime("%Y-%m-%d").values.tolist()
            assert bounds == [f"{year}-01-01", f"{year + 1}-01-01"]
            np.testing.assert_array_equal(data["lat"], FINE.latitudes())
            np.testing.assert_array_equal(data["lon"], FINE.longitudes())
            edges = data["lat_bnds"].values
            np.testing.assert_array_equal([*edges[:, 0], edges[-1, 1]], FINE.latitude_edges())
            np.testing.assert_array_equal(data["cell_area"], FINE.row_areas())


def test_classes_stand_in_flags(product: Path) -> None:
    with netCDF4.Dataset(annual(product)[0]) as data:
        codes = data["land_use"]
        assert codes.flag_values.dtype == np.uint8
        assert codes.flag_values.tolist() == list(LANDUSE8.codes)
        assert codes.flag_meanings.split() == list(LANDUSE8.names)
        assert codes.flag_colors.split() == list(LANDUSE8.colours)
        assert codes._FillValue == 255
        assert (codes.units, codes.grid_mapping, codes.cell_methods) == ("1", "crs", "time: point")
        assert "standard_name" not in codes.ncattrs(), "area_type would bind the names to a table"
        assert data["time"].calendar == "proleptic_gregorian"
        assert data["time"].units_metadata == "leap_seconds: none"
        held = [v for v in data.variables.values() if "grid_mapping" in v.ncattrs()]
        assert len(held) == 5
        assert all(v.coverage_content_type for v in held)


def test_gdal_sees_the_same_map_in_the_same_place(product: Path, maps: Maps) -> None:
    with rasterio.open(f"netcdf:{annual(product)[-1]}:land_use") as data:
        np.testing.assert_array_equal(data.read(1), maps[YEARS[-1]])
        assert data.crs.to_epsg() == 4326
        np.testing.assert_allclose(data.transform[:6], FINE.transform, atol=1e-12)
        assert data.nodata == 255
        assert data.tags(1)["flag_meanings"].split() == list(LANDUSE8.names)


def test_a_year_says_where_it_comes_from(product: Path) -> None:
    said = []
    for path in annual(product):
        with netCDF4.Dataset(path) as data:
            status = data["land_use_status"]
            said.append(status.flag_meanings.split()[int(status[0])])
            assert data["land_use"].ancillary_variables == status.name
    assert said == ["observed", "predicted", "predicted"]


def test_all_that_archives_recommend_is_said(product: Path) -> None:
    for path in files_of(product, ".nc"):
        with netCDF4.Dataset(path) as data:
            said = {name: str(data.getncattr(name)) for name in data.ncattrs()}
        assert not [name for name in RECOMMENDED.split() if not said.get(name)]
        assert said["Conventions"] == "CF-1.11, ACDD-1.3"
        assert said["title"].startswith(NOTICE)
        assert (said["notice"], said["license"]) == (NOTICE, "CC-BY-4.0")
        assert (said["creator_name"], said["creator_email"]) == ("Ada Lovelace", "not stated")
        assert "HILDA+ v1, LUH2 v2h" in said["source"]


def test_the_two_most_likely_classes(product: Path, run: Cube) -> None:
    values = run.read("land_use_probability", YEARS[1])
    order = np.argsort(-values, axis=0, kind="stable")
    known = ~np.isnan(values[0])
    with xr.open_dataset(annual(product)[1]) as data:
        for rank, name in enumerate(("first", "second")):
            chosen = data[f"land_use_{name}"].values[0]
            np.testing.assert_array_equal(np.isnan(chosen), ~known)
            np.testing.assert_array_equal(chosen[known], order[rank][known])
            share = data[f"land_use_{name}_probability"].values[0]
            most = np.take_along_axis(values, order[rank][None], 0)[0]
            np.testing.assert_allclose(share, most, atol=0.5 / 250 + 1e-6)
    with xr.open_dataset(annual(product)[0]) as data:
        assert np.isnan(data["land_use_first"]).all(), "nothing is uncertain at first"
