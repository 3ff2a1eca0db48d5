from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from program_calls import Call
from rasterio.transform import Affine

from ai4land.cube import Cube
from ai4land.download import datasets
from ai4land.sources import SOURCES


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Six annual maps of 24 × 32 pixels of 0.1°, and their forcing on 0.25°."""
    rng = np.random.default_rng(0)
    for year in range(2000, 2006):
        with rasterio.open(
            tmp_path / f"map_{year}.tif",
            "w",
            driver="GTiff",
            height=24,
            width=32,
            count=1,
            dtype="uint8",
            crs="EPSG:4326",
            transform=Affine(0.1, 0, 20, 0, -0.1, 40),
        ) as file:
            file.write(rng.integers(1, 8, (24, 32), dtype=np.uint8), 1)
    options = {"pattern": "map_{year}.tif", "legend": "landuse8"}
    data = {
        "title": "Test",
        "years": {"first": 2000, "last": 2005},
        "variables": {
            "land_use": {"source": "geotiff_series", "path": ".", "options": options},
            "land_use_fractions": {"source": "labels", "options": {"cells": [5, 5]}},
            "land_cover": {
                "source": "geotiff_series",
                "path": ".",
                "options": options,
                "resample": "majority",
                "degrees": 0.25,
            },
        },
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


class TestSources:
    def test_the_table_names_every_reader(self, call: Call) -> None:
        code, out, _ = call("sources")
        assert code == 0
        assert out.split().count("experimental") == 7  # none of them has met a provider's file
        for name, reader in SOURCES.items():
            assert name in out
            assert reader.title.split()[0] in out

    def test_as_json_it_has_everything(self, call: Call) -> None:
        found = json.loads(call("sources", "--json")[1])
        assert list(found) == list(SOURCES)
        for name, reader in SOURCES.items():
            one = found[name]
            assert one["licence"] == reader.licence
            assert one["certainty"] == reader.certainty.value
            assert one["experimental"] == reader.experimental
            assert all(v["units"] for v in one["variables"])
            assert [o["name"] for o in one["options"]] == list(reader.options.model_fields)

    def test_a_reader_of_imitations_says_so(self, call: Call) -> None:
        assert "documentation, experimental" in call("sources", "pnnl")[1]
        assert "experimental" not in call("sources", "hilda")[1]

    def test_one_product_in_full(self, call: Call) -> None:
        code, out, _ = call("sources", "luh2")
        assert code == 0
        for text in (
            "states.nc",
            "10.5194/gmd-13-5425-2020",
            "luh2_states",
            "scenario",
            "luh2_v2h",
        ):
            assert text in out
        found = json.loads(call("sources", "hilda", "--json")[1])
        version = next(o for o in found["options"] if o["name"] == "version")
        assert version["required"]
        assert "v1-f" in version["type"]
        assert version["meaning"]

    def test_every_option_says_what_it_means(self, call: Call) -> None:
        found = json.loads(call("sources", "--json")[1])
        silent = [
            (n, o["name"]) for n, one in found.items() for o in one["options"] if not o["meaning"]
        ]
        assert not silent

    def test_a_misspelt_one_names_the_nearest(self, call: Call) -> None:
        code, _, err = call("sources", "luh3")
        assert code == 2
        assert "did you mean 'luh2'" in err


class TestDownload:
    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ai4land.download.fetching.sizes_of", lambda urls: {})

    def test_the_list_names_every_product(self, call: Call) -> None:
        code, out, _ = call("download")
        assert code == 0
        for name in datasets():
            assert name in out

    def test_a_dry_run_says_what_and_how_much_and_fetches_nothing(
        self, call: Call, tmp_path: Path
    ) -> None:
        command = ("download", "luh2_gcb2022", "--to", tmp_path / "x", "--dry-run")
        code, out, _ = call(*command)
        assert code == 0
        assert "6.7 GB" in out
        assert "To fetch: 8.8 GB." in out
        assert "CC BY 4.0" in out
        assert not (tmp_path / "x").exists()
        found = json.loads(call(*command, "--json")[1])
        assert [f["bytes"] for f in found["files"]] == [6657587367, 2172626928]

    def test_what_is_fetched_by_hand_says_where(self, call: Call, tmp_path: Path) -> None:
        code, _, err = call("download", "gebco", "--to", tmp_path / "x")
        assert code == 2
        assert "chosen by hand" in err
        assert "doi.org/10.5285" in err


class TestSlices:
    def test_check_says_what_how_large_and_how_long(self, call: Call, recipe: Path) -> None:
        code, out, _ = call("check", recipe)
        assert code == 0
        for text in (
            "2000…2005",
            "before compression",
            "an estimate",
            "majority",
            "deg0p25_annual",
        ):
            assert text in out
        code, out, _ = call("check", recipe, "--years", "2001:2002", "--region", "20.5,38,22,39.5")
        assert code == 0
        line = next(line for line in out.splitlines() if "land_use " in line)
        assert line.rstrip().endswith("450 B")  # 2 years of 15 × 15 pixels

    def test_build_takes_slices_and_a_scheduler_and_says_what_a_method_cost(
        self, call: Call, recipe: Path, tmp_path: Path
    ) -> None:
        command = ["--years", "2001:2002", "--region", "20.5,38,22,39.5", "--scheduler", "threads"]
        code, out, err = call(
            "build", recipe, "--out", tmp_path / "c.zarr", *command, "--workers", 2
        )
        assert code == 0, err
        cube = Cube(tmp_path / "c.zarr")
        assert cube.group("land_use").ticks == (2001, 2002)
        assert cube.grid("land_use").shape == (15, 15)
        assert "Resampled" in out
        assert "majority" in out
        assert "land_use (geotiff_series)" in err

    @pytest.mark.parametrize(
        ("option", "text"),
        [
            (("--years", "last"), "These are not years"),
            (("--years", "1990:1995"), "not a part of the recipe's"),
            (("--region", "1,2,3"), "This is not a region"),
            (("--scheduler", "cluster"), "Unknown scheduler"),
        ],
    )
    def test_a_slice_that_is_none_is_named(
        self, call: Call, recipe: Path, tmp_path: Path, option: tuple[str, str], text: str
    ) -> None:
        code, _, err = call("build", recipe, "--out", tmp_path / "c.zarr", *option)
        assert code == 2
        assert text in err
        assert not (tmp_path / "c.zarr").exists()

    def test_an_experiment_has_no_slices(self, call: Call, experiment: Path) -> None:
        code, _, err = call("check", experiment, "--years", "2000:2001")
        assert code == 2
        assert "its own years" in err
