"""``ai4land score`` of three rasters by region and in several processes, as a stranger calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from program_calls import Call

from ai4land.evaluation import raster_files
from ai4land.testing.formats.geotiff import write_geotiff

TRANSFORM = (0.5, 0.0, 0.0, 0.0, -0.5, 20.0)


@pytest.fixture
def maps(tmp_path: Path) -> list[object]:
    rng = np.random.default_rng(3)
    initial = rng.integers(1, 4, (300, 280)).astype(np.uint8)
    options: list[object] = []
    for name in ("initial", "reference", "simulated"):
        layer = np.where(rng.random(initial.shape) < 0.1, np.uint8(2), initial)
        options += [f"--{name}", write_geotiff(tmp_path / f"{name}.tif", [layer], TRANSFORM)]
    return options


def box(name: str, west: float, east: float) -> dict[str, object]:
    ring = [[west, -130], [east, -130], [east, 20], [west, 20], [west, -130]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"NAME": name, "part": "all"}, "geometry": shape}


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    path = tmp_path / "countries.geojson"
    features = [box("Eastland", 70, 140), box("Westland", 0, 70)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_regions_have_a_table_each(
    call: Call, maps: list[object], countries: Path, tmp_path: Path
) -> None:
    zones = write_geotiff(
        tmp_path / "zones.tif", [np.array([[4, 5]], np.uint8)], (70.0, 0, 0, 0, -150.0, 20)
    )
    code, out, err = call("score", *maps, "--regions", countries, "--regions", zones)
    assert (code, err) == (0, "")
    assert "Regions of countries.geojson" in out
    assert "Westland" in out
    assert "Regions of zones.tif" in out
    assert "region 4" in out
    _, out, _ = call("score", *maps, "--regions", countries, "--regions", zones, "--json", "-")
    polygons, raster = json.loads(out)["regions"]
    # the same halves, in the order of the file and in the order of the numbers
    for mine, theirs in zip(polygons["rows"], raster["rows"][::-1], strict=True):
        assert mine["simulated"] == theirs["simulated"]
    _, out, _ = call("score", *maps, "--regions", countries, "--region-name", "part", "--json", "-")
    found = json.loads(out)
    (row,) = found["regions"][0]["rows"]
    assert row["name"] == "all"
    whole = found["pixel"]["simulated"]
    assert row["total"] == whole["total"]
    assert row["simulated"]["figure_of_merit"] == whole["change"]["figure_of_merit"]


def test_processes_change_nothing(
    call: Call, maps: list[object], countries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_files, "_SIDE", 256)
    options = [*maps, "--regions", countries, "--json", "-"]
    outputs = [json.loads(call("score", *options, "--workers", n)[1]) for n in (1, 2)]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--regions", "nowhere.geojson"], "There is no such file of regions"),
        (["--regions", "COUNTRIES", "--region-name", "NAM"], "did you mean 'NAME'"),
        (["--workers", "0"], "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said(
    call: Call, maps: list[object], countries: Path, options: list[str], said: str
) -> None:
    given = [countries if option == "COUNTRIES" else option for option in options]
    code, _, err = call("score", *maps, *given)
    assert code == 2
    assert said in err
