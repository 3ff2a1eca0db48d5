"""Real products of people, climate, relief and soil in one cube, from a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from ai4land.cube import Cube
from ai4land.recipes import build_cube, load_recipe
from ai4land.vocabulary import legend


@pytest.mark.realdata
class TestCrete:
    @pytest.fixture(scope="class")
    def cube(self, realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Cube:
        folder = tmp_path_factory.mktemp("crete")
        static = realdata / "static"
        data = {
            "title": "Crete",
            "years": {"first": 1999, "last": 2000},
            "variables": {
                "land_use": {
                    "source": "hilda",
                    "path": str(realdata / "hilda_crete"),
                    "options": {"version": "v1"},
                },
                "population_density": {
                    "source": "population",
                    "path": str(realdata / "population"),
                    "options": {"period_means": "hold"},
                    "resample": "conservative",
                },
                "climate_zone": {
                    "source": "koeppen_geiger_kottek",
                    "path": str(static),
                    "legend": "koeppen_geiger",
                },
                "elevation": {"source": "etopo", "path": str(static / "etopo_20arcmin.nc")},
                "slope": {"source": "etopo", "path": str(static / "etopo_20arcmin.nc")},
                "soil_zone": {
                    "source": "soil_texture",
                    "path": str(static / "soil_texture_watergap_0p5deg.nc"),
                    "legend": "soil_texture_fao",
                },
            },
        }
        path = folder / "recipe.yaml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return build_cube(load_recipe(path), folder / "cube.zarr")

    def test_each_variable_says_what_crete_is_like(self, cube: Cube) -> None:
        zones = cube.read("climate_zone")
        known = zones[zones != 255]
        assert (known == legend("koeppen_geiger").codes[7]).mean() > 0.5  # Csa, dry hot summers
        height = cube.read("elevation")
        assert height.min() < -500  # the sea around
        assert height.max() == 12  # the file's highest cell on the island: it is that smooth
        assert (cube.read("slope") > 0).all()
        assert set(np.unique(cube.read("soil_zone")).tolist()) <= {1, 2, 3, 255}
        assert (cube.read("soil_zone") != 255).any()

    def test_crete_has_its_people_in_each_period(self, cube: Cube) -> None:
        grid = cube.grid("population_density")
        assert grid == cube.grid("land_use")
        area = grid.cell_areas() / 1e6
        people = {y: float((cube.read("population_density", y) * area).sum()) for y in (1999, 2000)}
        assert people[1999] < people[2000]  # the means of 1980–1999 and of 2000–2019
        assert 400_000 < people[2000] < 900_000
        notes = cube.attributes["notes"]["population_density"]
        assert notes["period_means"] == [[1980, 1999], [2000, 2019]]
