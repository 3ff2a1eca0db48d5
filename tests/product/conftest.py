"""A run and its product with every format, and a large map, each written once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from product_runs import METADATA, YEARS, Maps, rough_map, write_run

from ai4land.cube import Cube
from ai4land.grid import Grid
from ai4land.product import PRODUCTS, Options, write_product
from tiny_cubes import land_maps


@pytest.fixture(scope="session")
def maps() -> Maps:
    return land_maps(YEARS)


@pytest.fixture(scope="session")
def run(maps: Maps, tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """Read it only."""
    return write_run(tmp_path_factory.mktemp("run") / "past.zarr", maps)


@pytest.fixture(scope="session")
def product(run: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with every format; read it only."""
    out = tmp_path_factory.mktemp("product") / "tiny"
    options = Options(cells="0.4", top_two=True)
    write_product({"past": run}, out, formats=list(PRODUCTS), metadata=METADATA, options=options)
    return out


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, npt.NDArray[np.uint8]]:
    """A map of more than one band and several tiles, with odd sides, and its GeoTIFF."""
    folder = tmp_path_factory.mktemp("large")
    grid = Grid.regular(-10.0, 60.0, 0.01, 0.01, (1301, 1107))
    codes = rough_map(grid.shape)
    cube = write_run(folder / "rough.zarr", {2000: codes}, grid, None)
    write_product({"rough": cube}, folder / "out", formats=["cog"], metadata=METADATA)
    (path,) = (folder / "out").rglob("*.tif")
    return path, codes
