"""``ai4land product`` on a reconstruction."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from program_calls import Call

from ai4land.cube import Cube


def test_a_reconstruction_becomes_files(call: Call, hindcast: Path, tmp_path: Path) -> None:
    said = tmp_path / "product.yaml"
    said.write_text("name: toy\nnotice: TEST PATTERN\n")
    command = ("product", hindcast, "--out", tmp_path / "out", "--metadata", said)
    code, out, err = call(*command, "--years", "2004:2005", "--cells", "forcing")
    assert code == 0, err
    assert "Product written" in out
    assert "netcdf 2/2" in err
    names = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert {
        "README.md",
        "CITATION.cff",
        "catalog.json",
        "hindcast/netcdf/toy_land_use_hindcast_2004.nc",
        "hindcast/cog/toy_land_use_hindcast_2005.tif",
        "hindcast/fractions/toy_land_use_hindcast_fractions_2004-2005.nc",
    } <= names
    cube = Cube(hindcast)
    with xr.open_dataset(
        tmp_path / "out" / "hindcast" / "netcdf" / "toy_land_use_hindcast_2004.nc",
        mask_and_scale=False,
    ) as data:
        assert (data["land_use"].values[0] == cube.read("land_use", 2004)).all()
    again, out, _ = call(*command, "--years", "2004:2005", "--cells", "forcing")
    assert again == 0


def test_scenarios_have_names(call: Call, hindcast: Path, tmp_path: Path) -> None:
    options = ("--out", tmp_path / "out", "--formats", "stac")
    code, _, err = call(
        "product", "--scenario", f"a={hindcast}", "--scenario", f"b={hindcast}", *options
    )
    assert code == 0, err
    assert (tmp_path / "out" / "b" / "collection.json").is_file()
    code, _, err = call("product", "--scenario", hindcast, *options)
    assert code == 2
    assert "expected: NAME=RUN" in err
    code, _, err = call("product", "--out", tmp_path / "none")
    assert code == 2
    assert "A product needs a run" in err
