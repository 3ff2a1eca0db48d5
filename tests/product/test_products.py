"""A format is one file and one line in the table; files of several scenarios stand side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from product_runs import METADATA, YEARS, Maps, files_of, write_run

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.errors import ConfigError, MissingFileError
from ai4land.product import PRODUCTS, Planned, Release, open_maps, runs_in, write_product
from ai4land.vocabulary import VARIABLES, Clock, Kind, Legend, Variable, variable
from tiny_cubes import FINE, LANDUSE8, write_cube


def as_arrays(release: Release) -> Iterator[Planned]:
    """A format that nobody had thought of: the codes of a year as an array of NumPy."""
    for maps in release.scenarios.values():
        for year in maps.years:

            def write(path: Path, maps: object = maps, year: int = year) -> None:
                bands = [maps.read(year, w) for w in maps.bands()]  # type: ignore[attr-defined]
                with path.open("wb") as stream:
                    np.save(stream, np.concatenate(bands))

            name = release.file(maps, "numpy", year, ".npy")
            yield Planned(name, release.made_from(maps, year), write)


def test_a_format_is_one_line_more(
    run: Cube, maps: Maps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="Unknown format"):
        write_product({"past": run}, tmp_path, formats=["numpy"])
    monkeypatch.setitem(PRODUCTS, "numpy", as_arrays)
    written = write_product({"past": run}, tmp_path, formats=["numpy"], metadata=METADATA)
    assert len(written) == len(YEARS) + 2
    for path, codes in zip(files_of(tmp_path, ".npy"), maps.values(), strict=True):
        np.testing.assert_array_equal(np.load(path), codes)


def test_scenarios_share_a_legend_but_no_years(run: Cube, maps: Maps, tmp_path: Path) -> None:
    later = write_run(tmp_path / "later.zarr", {2020: maps[2010]}, FINE, None)
    written = write_product({"past": run, "later": later}, tmp_path / "out", formats=["cog"])
    names = [one.name for one in written if one.name.endswith(".tif")]
    assert [name.split("/")[0] for name in names] == ["past"] * 3 + ["later"]
    assert names[-1] == "later/cog/ai4land_land_use_later_2020.tif"


def test_the_order_of_ties_is_the_legends_with_the_sea_last(run: Cube) -> None:
    maps = open_maps({"past": run})["past"]
    assert [one.code for one in maps.precedence] == [1, 2, 3, 4, 5, 6, 7, 0]
    assert [one.code for one in maps.classes] == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_folder_of_runs_is_a_scenario_each(run: Cube, tmp_path: Path) -> None:
    assert runs_in(run.path) == {"past": run.path}
    assert runs_in(run.path.parent) == {"past": run.path}
    with pytest.raises(MissingFileError, match=r"(?s)no finished run here.*reconstruct"):
        runs_in(tmp_path)


def test_sea_may_be_none_of_the_classes(tmp_path: Path) -> None:
    rows = [[3, "wood", "#112233"], [1, "field", "#445566"]]
    toy = Legend.from_dict({"name": "toy", "classes": rows, "sea": [9]})
    codes = np.full(FINE.shape, 9, np.uint8)
    codes[:, 20:30], codes[:, 30:] = 1, 3
    spec = VariableSpec(variable("land_use"), toy, "made up")
    group = GroupSpec("fine_annual", FINE, Clock.YEAR, (2000,), (spec,))
    cube = write_cube(tmp_path / "toy.zarr", [group], {"land_use": {2000: codes}})
    assert [one.code for one in open_maps({"a": cube})["a"].precedence] == [3, 1, 9]
    write_product({"a": cube}, tmp_path / "out", formats=["netcdf", "cog", "fractions"])
    with rasterio.open(*files_of(tmp_path / "out", ".tif")) as data:
        assert data.tags(1)["flag_meanings"] == "field wood sea"
    shares, maps = files_of(tmp_path / "out", ".nc")
    with xr.open_dataset(maps) as data:
        assert data["land_use"].flag_meanings == "field wood sea"
    with xr.open_dataset(shares) as data:
        assert "sea_fraction" not in data
        assert data["land_share"].values[0, 0, 0] == 0


def test_where_pixels_come_from_goes_along(
    tmp_path: Path, maps: Maps, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = Variable("origin", Kind.CATEGORICAL, "1", "where a pixel comes from")
    monkeypatch.setattr("ai4land.vocabulary.variables.VARIABLES", {**VARIABLES, "origin": origin})
    kinds = [[0, "observed", "#000000"], [1, "reconstructed", "#111111"]]
    legend = Legend.from_dict({"name": "origins", "classes": kinds})
    specs = (
        VariableSpec(variable("land_use"), LANDUSE8, "made up"),
        VariableSpec(origin, legend, "made up"),
    )
    group = GroupSpec("fine_annual", FINE, Clock.YEAR, (2010,), specs)
    made = (maps[2010] % 2).astype(np.uint8)
    values = {"land_use": {2010: maps[2010]}, "origin": {2010: made}}
    cube = write_cube(tmp_path / "a.zarr", [group], values)
    write_product({"a": cube}, tmp_path / "out", formats=["netcdf"])
    with xr.open_dataset(*files_of(tmp_path / "out", ".nc"), mask_and_scale=False) as data:
        np.testing.assert_array_equal(data["origin"][0], made)
        assert data["origin"].flag_meanings == "observed reconstructed"
        assert data["land_use"].ancillary_variables == "land_use_status origin"
