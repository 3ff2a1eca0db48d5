from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
import yaml

from ai4land.cube import Cube, Status
from ai4land.errors import ConfigError, CubeError, MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.recipes import Recipe, Step, build_cube, check_recipe, load_recipe
from ai4land.vocabulary import NO_DATA, legend
from provider_files.tiny import (
    HILDA_V1,
    class_map,
    luh2_states,
    write_elevation,
    write_luh2,
    write_map,
    write_series,
)

Entry = dict[str, Any]
LABELS: Entry = {
    "source": "hilda",
    "path": "hilda",
    "options": {"version": "v1"},
    "legend": "landuse8",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small world: labels 1958–1967 on 0.1°, LUH2 on 2.5°, relief on 1°, climate on 0.5°."""
    maps = {y: class_map(24, 32, seed=y).astype(np.float32) for y in range(1958, 1968)}
    maps[1960][20, 20] = np.nan
    write_series(tmp_path / "hilda", HILDA_V1, maps)
    write_luh2(tmp_path / "luh2" / "states.nc", {y: luh2_states(seed=y) for y in range(1955, 1965)})
    lat, lon = 89.5 - np.arange(180.0), np.arange(360.0) + 0.5
    relief = (np.arange(180)[:, None] * 3 + np.arange(360)[None]).astype(np.int16)
    write_elevation(tmp_path / "relief.nc", relief[::-1], lat[::-1], lon)
    zones = class_map(40, 60, codes=range(1, 31))
    for period in ("1901_1930", "1931_1960", "1991_2020"):
        write_map(tmp_path / "kg" / period / "koeppen_geiger_0p5.tif", zones, cell=0.5, west=10)
    return tmp_path


def recipe(
    folder: Path, years: tuple[int, int] = (1959, 1966), **variables: dict[str, Any]
) -> Recipe:
    """A recipe file in the folder; ``region`` may be among the variables."""
    region = variables.pop("region", None)
    data = {
        "title": "Test",
        "years": {"first": years[0], "last": years[1]},
        "variables": {"land_use": LABELS, **variables},
        **({"region": region} if region else {}),
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return load_recipe(path)


def _eight_classes(year: int) -> npt.NDArray[np.uint8]:
    """The map of a year in the eight-class legend, HILDA+ code by code."""
    codes = {0: 0, 11: 1, 22: 2, 33: 3, 44: 4, 55: 5, 66: 6, 77: 7}
    return np.vectorize(codes.__getitem__)(class_map(24, 32, seed=year)).astype(np.uint8)


FORCING = {"source": "labels", "options": {"cells": [5, 5]}}
LUH2 = {"source": "luh2", "path": "luh2"}
RELIEF = {"source": "gebco", "path": "relief.nc"}
CLIMATE = {"source": "koeppen_geiger", "path": "kg"}


def test_a_whole_cube(folder: Path) -> None:
    made = recipe(
        folder,
        land_use_fractions=FORCING,
        luh2_states={**LUH2, "outside": "hold"},
        elevation={**RELIEF, "resample": "bilinear"},
        slope=RELIEF,
        climate_zone={**CLIMATE, "outside": "hold"},
    )
    seen: list[Step] = []
    cube = build_cube(made, folder / "cube.zarr", progress=seen.append)
    assert [g.name for g in cube.spec.groups] == [
        "fine_annual",
        "deg0p5_annual",
        "deg2p5_annual",
        "fine_static",
        "deg1_static",
    ]
    assert cube.group("climate_zone") == cube.group("land_use_fractions")  # same cells and years
    assert [s.all_done for s in seen] == list(range(1, len(seen) + 1))
    assert {s.all_total for s in seen} == {len(seen)}
    last = {s.variable: (s.source, s.done, s.total) for s in seen}
    assert last["luh2_states"] == ("luh2", 1, 1)
    assert all(done == total for _, done, total in last.values())
    expected = _eight_classes(1960)
    expected[20, 20] = NO_DATA
    assert np.array_equal(cube.read("land_use", 1960), expected)
    assert cube.grid("luh2_states").shape == (1, 2)
    assert float(cube.grid("luh2_states").west) == 20
    assert cube.grid("elevation") == cube.grid("land_use")
    assert "land_share" in cube.variables
    assert cube.variable("land_use").legend == legend("landuse8")


def test_statuses_of_held_and_back_cast_years(folder: Path) -> None:
    made = recipe(folder, luh2_states={**LUH2, "outside": "hold"}, land_use_fractions=FORCING)
    cube = build_cube(made, folder / "cube.zarr")
    assert cube.status("land_use")[1959] is Status.BACK_CAST
    assert cube.status("land_use_fractions")[1959] is Status.BACK_CAST
    assert cube.status("land_use")[1960] is Status.OBSERVED
    status = cube.status("luh2_states")
    assert [y for y, s in status.items() if s is Status.HELD] == [1965, 1966]
    assert np.array_equal(cube.read("luh2_states", 1966), cube.read("luh2_states", 1964))
    assert cube.attributes["variables"]["luh2_states"]["held"] == [1965, 1966]


def test_dropped_years_are_empty_and_say_so(folder: Path) -> None:
    made = recipe(folder, luh2_states={**LUH2, "outside": "drop"})
    cube = build_cube(made, folder / "cube.zarr")
    assert np.isnan(cube.read("luh2_states", 1965)).all()
    assert cube.status("luh2_states")[1965] is Status.DROPPED
    assert np.isfinite(cube.read("luh2_states", 1964)).all()


def test_years_outside_are_an_error_by_default(folder: Path) -> None:
    text = r"(?s)does not cover all years.*luh2_states.*1955…1964.*2 years outside, 1965…1966.*hold"
    with pytest.raises(ConfigError, match=text):
        build_cube(recipe(folder, luh2_states=LUH2), folder / "cube.zarr")
    assert not (folder / "cube.zarr").exists()


def test_hold_takes_the_earlier_period_in_a_hole_between_periods(folder: Path) -> None:
    report = check_recipe(recipe(folder, climate_zone={**CLIMATE, "outside": "hold"}))
    climate = next(v for v in report.variables if v.name == "climate_zone")
    assert climate.held == (1961, 1962, 1963, 1964, 1965, 1966)
    made = recipe(folder, (1985, 1992), climate_zone={**CLIMATE, "outside": "hold"})
    data = made.model_copy(
        update={"variables": {k: v for k, v in made.variables.items() if k != "land_use"}}
    )
    cube = build_cube(data, folder / "cube.zarr")
    assert cube.status("climate_zone")[1990] is Status.HELD
    assert cube.status("climate_zone")[1991] is Status.OBSERVED


def test_labels_end_where_they_end(folder: Path) -> None:
    climate = {**CLIMATE, "outside": "hold"}
    made = recipe(folder, (1960, 1970), climate_zone=climate, land_use_fractions=FORCING)
    cube = build_cube(made, folder / "cube.zarr")
    assert cube.group("land_use").ticks == tuple(range(1960, 1968))
    assert cube.group("land_use_fractions").ticks == tuple(range(1960, 1968))
    assert cube.attributes["years_without_labels"] == [1968, 1969, 1970]
    names = [g.name for g in cube.spec.groups]
    assert names == ["fine_annual", "deg0p5_annual", "deg0p5_annual_2"]  # same cells, other years
    with pytest.raises(ConfigError, match=r"(?s)none of the years.*1958…1967.*2000…2010"):
        build_cube(recipe(folder, (2000, 2010)), folder / "other.zarr")


def test_a_missing_year_in_the_middle_names_year_and_file(folder: Path) -> None:
    (folder / "hilda" / HILDA_V1.format(year=1963)).unlink()
    text = r"(?s)missing in the middle.*land_use.*1963.*crete_hilda_plus_1963_states.*is missing"
    with pytest.raises(MissingFileError, match=text):
        build_cube(recipe(folder), folder / "cube.zarr")
    report = check_recipe(recipe(folder))
    assert "1963" in report.problems[0]
    assert build_cube(recipe(folder, (1959, 1962)), folder / "cube.zarr")


def test_a_hole_in_a_forcing_is_an_error_whatever_the_rule(folder: Path) -> None:
    states = {y: luh2_states(seed=y) for y in (1958, 1959, 1961, 1962)}
    write_luh2(folder / "luh2" / "states.nc", states)
    made = recipe(folder, (1958, 1962), luh2_states={**LUH2, "outside": "hold"})
    with pytest.raises(MissingFileError, match=r"(?s)middle of the series.*1960"):
        build_cube(made, folder / "cube.zarr")


def test_a_mirrored_year_stops_the_build(folder: Path) -> None:
    flipped = class_map(24, 32, seed=1961)[::-1]
    write_series(folder / "hilda", HILDA_V1, {1962: flipped})
    same = class_map(24, 32, seed=1961)
    write_series(folder / "hilda", HILDA_V1, {1961: same})
    with pytest.raises(SourceError, match=r"(?s)upside down.*_1962_"):
        build_cube(recipe(folder), folder / "cube.zarr")


def test_an_unreadable_path_is_named(folder: Path) -> None:
    (folder / "hilda").rename(folder / "elsewhere")
    with pytest.raises(
        MissingFileError, match=r"(?s)no such file or folder.*recipe\.yaml, line \d+"
    ):
        build_cube(recipe(folder), folder / "cube.zarr")


def test_a_region_takes_cells_inside_and_coarse_cells_that_touch(folder: Path) -> None:
    region = {"west": 20.55, "south": 38.0, "east": 22.6, "north": 39.5}
    made = recipe(folder, region=region, luh2_states={**LUH2, "outside": "hold"})
    cube = build_cube(made, folder / "cube.zarr")
    fine, coarse = cube.grid("land_use"), cube.grid("luh2_states")
    assert [float(e) for e in (fine.west, fine.south, fine.east, fine.north)] == [
        20.6,
        38.0,
        22.6,
        39.5,
    ]
    assert [float(e) for e in (coarse.west, coarse.south, coarse.east, coarse.north)] == [
        20.0,
        37.5,
        25.0,
        40.0,
    ]
    assert np.array_equal(cube.read("land_use", 1962), _eight_classes(1962)[5:20, 6:26])


def test_a_region_elsewhere_is_refused(folder: Path) -> None:
    region = {"west": -60, "south": -10, "east": -50, "north": 0}
    with pytest.raises(ConfigError, match=r"(?s)does not reach the region.*land_use"):
        build_cube(recipe(folder, region=region), folder / "cube.zarr")


def test_longitudes_0_to_360_come_to_the_region(folder: Path) -> None:
    west = folder / "west"
    write_series(west, HILDA_V1, {2000: class_map(20, 40)}, west=-2.0, north=10.0)
    made = recipe(folder, (2000, 2000), elevation=RELIEF, slope=RELIEF)
    data = made.model_copy(
        update={
            "variables": {
                **made.variables,
                "land_use": made.variables["land_use"].model_copy(update={"path": "west"}),
            }
        }
    )
    cube = build_cube(data, folder / "cube.zarr")
    grid = cube.grid("elevation")
    assert (float(grid.west), float(grid.east)) == (-2, 2)
    relief = np.arange(180)[:, None] * 3 + np.arange(360)[None]
    assert np.array_equal(cube.read("elevation"), relief[80:82][:, [358, 359, 0, 1]])


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("elevation", {**RELIEF, "resample": "majority"}, "conservative or nearest or bilinear"),
        ("climate_zone", {**CLIMATE, "resample": "bilinear", "outside": "hold"}, "majority or nea"),
    ],
)
def test_a_method_that_does_not_suit(
    folder: Path, name: str, entry: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)does not suit.*{name}.*{expected}"):
        build_cube(recipe(folder, **{name: entry}), folder / "cube.zarr")


@pytest.mark.parametrize("method", ["conservative", "nearest", "bilinear"])
def test_resampling_by_name_is_recorded_and_stays_in_range(folder: Path, method: str) -> None:
    cube = build_cube(
        recipe(folder, elevation={**RELIEF, "resample": method}), folder / "cube.zarr"
    )
    values = cube.read("elevation")
    assert values.shape == cube.grid("land_use").shape
    relief = np.arange(180)[:, None] * 3 + np.arange(360)[None]
    assert relief[49:54, 19:25].min() <= values.min() <= values.max() <= relief[49:54, 19:25].max()
    assert cube.attributes["variables"]["elevation"]["resample"] == method


@pytest.mark.parametrize("method", ["majority", "nearest"])
def test_classes_are_resampled_without_new_classes(folder: Path, method: str) -> None:
    entry = {**CLIMATE, "resample": method, "outside": "hold"}
    cube = build_cube(recipe(folder, climate_zone=entry), folder / "cube.zarr")
    zones = class_map(40, 60, codes=range(1, 31))
    found = cube.read("climate_zone", 1959)
    assert np.array_equal(found[::5, ::5], zones[:5, 20:27])  # 0.5° holds 5 × 5 labels


def test_provenance_has_every_used_file_once_and_no_folder(folder: Path) -> None:
    made = recipe(folder, elevation=RELIEF, slope=RELIEF, aspect_east=RELIEF)
    cube = build_cube(made, folder / "cube.zarr")
    entries = cube.attributes["provenance"]
    names = [e["name"] for e in entries]
    assert len(names) == len(set(names)) == 9
    assert next(e for e in entries if e["name"] == "relief.nc")["variables"] == [
        "elevation",
        "slope",
        "aspect_east",
    ]
    assert str(folder) not in str(dict(cube.attributes))


def test_a_crosswalk_of_the_recipe(folder: Path) -> None:
    classes = dict.fromkeys(legend("hildaplus_v1").names, "forest") | {"ocean": "ocean"}
    cube = build_cube(recipe(folder, land_use={**LABELS, "crosswalk": classes}), folder / "c.zarr")
    assert set(np.unique(cube.series("land_use"))) == {0, 4, NO_DATA}
    bad = {**LABELS, "crosswalk": {"forrest": "forest"}}
    with pytest.raises(Exception, match=r"(?s)source legend does not have.*'forest'"):
        build_cube(recipe(folder, land_use=bad), folder / "d.zarr")
    short = {**LABELS, "crosswalk": {"ocean": "ocean"}}
    with pytest.raises(Exception, match=r"(?s)leaves a class out.*'urban'"):
        build_cube(recipe(folder, land_use=short), folder / "d.zarr")


def test_a_person_can_open_it_with_xarray(folder: Path) -> None:
    made = recipe(folder, land_use_fractions=FORCING, elevation=RELIEF)
    build_cube(made, folder / "cube.zarr")
    data = xr.open_zarr(folder / "cube.zarr", group="fine_annual", consolidated=False)
    assert data["land_use"].dims == ("year", "lat", "lon")
    assert data["year"].values.tolist() == list(range(1959, 1967))
    assert float(data["lat"][0]) == pytest.approx(39.95)


def test_check_opens_headers_only(folder: Path) -> None:
    made = recipe(folder, land_use_fractions=FORCING, luh2_states={**LUH2, "outside": "hold"})
    path = folder / "hilda" / HILDA_V1.format(year=1961)
    values = class_map(24, 32)
    values[3, 3] = 41  # an unknown code, which only the data tell
    write_map(path, values)
    report = check_recipe(made)
    assert not report.problems
    by_name = {v.name: v for v in report.variables}
    assert by_name["land_use"].available == (1958, 1967)
    assert len(by_name["land_use"].status) == 8
    assert by_name["land_use"].size == 8 * 24 * 32
    assert by_name["luh2_states"].held == (1965, 1966)
    assert by_name["luh2_states"].size == 8 * 12 * 2 * 4
    assert by_name["luh2_states"].coverage == 1.0
    assert report.size == sum(v.size for v in report.variables)
    with pytest.raises(SourceError, match=r"(?s)legend does not know.*_1961_.*41"):
        build_cube(made, folder / "cube.zarr")


def _bytes(store: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()
    }


def test_an_interrupted_build_resumes_to_the_same_bytes(folder: Path) -> None:
    made = recipe(folder, land_use_fractions=FORCING, luh2_states={**LUH2, "outside": "hold"})
    build_cube(made, folder / "straight.zarr")

    class Stop(Exception):
        """Stands for whatever ends a build."""

    def stop(step: Step) -> None:
        if step.all_done == 2:
            raise Stop

    with pytest.raises(Stop):
        build_cube(made, folder / "cube.zarr", progress=stop)
    with pytest.raises(CubeError, match="not finished"):
        Cube(folder / "cube.zarr")
    rest: list[int] = []
    build_cube(made, folder / "cube.zarr", progress=lambda s: rest.append(s.all_done))
    assert rest[0] == 3
    assert _bytes(folder / "cube.zarr") == _bytes(folder / "straight.zarr")


def test_a_killed_build_resumes_to_the_same_bytes(folder: Path) -> None:
    made = recipe(folder, land_use_fractions=FORCING)
    build_cube(made, folder / "straight.zarr")
    script = textwrap.dedent(
        f"""
        import os, signal
        from ai4land.recipes import build_cube, load_recipe
        def die(step):
            if step.all_done == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        build_cube(load_recipe({str(folder / "recipe.yaml")!r}), {str(folder / "cube.zarr")!r},
                   progress=die)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ.copy())
    assert done.returncode == -signal.SIGKILL
    build_cube(made, folder / "cube.zarr")
    assert _bytes(folder / "cube.zarr") == _bytes(folder / "straight.zarr")


def test_a_resumed_build_with_other_inputs_is_refused(folder: Path) -> None:
    made = recipe(folder)

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cube(made, folder / "cube.zarr", progress=stop)
    write_series(folder / "hilda", HILDA_V1, {1961: class_map(24, 32, seed=7)})
    with pytest.raises(CubeError, match=r"(?s)another recipe or other inputs.*sha256"):
        build_cube(made, folder / "cube.zarr")
    assert build_cube(made, folder / "cube.zarr", overwrite=True)


def test_a_finished_cube_is_not_overwritten_unasked(folder: Path) -> None:
    made = recipe(folder)
    build_cube(made, folder / "cube.zarr")
    with pytest.raises(CubeError, match="already a finished cube"):
        build_cube(made, folder / "cube.zarr")
    (folder / "photos").mkdir()
    (folder / "photos" / "me.jpg").write_bytes(b"x")
    with pytest.raises(CubeError, match="Only a Zarr store"):
        build_cube(made, folder / "photos", overwrite=True)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "ticks", "accuracy"),
    [
        ("uk_south", (2009, 2012), 0.887),
        ("crete", tuple(range(1960, 2001)), 0.985),
        ("brazil", tuple(range(2000, 2011)), 0.942),
    ],
)
def test_the_real_cubes(
    name: str,
    ticks: tuple[int, ...],
    accuracy: float,
    realdata: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AI4LAND_REALDATA", str(realdata))
    folder = Path(__file__).parents[2] / "benchmarks" / "recipes"
    cube = build_cube(load_recipe(folder / f"{name}.yaml"), tmp_path / "cube.zarr")
    assert cube.group("land_use").ticks == ticks
    series = cube.series("land_use")
    classes = cube.variable("land_use").legend
    assert classes is not None
    land = ~np.isin(series, [*classes.sea, NO_DATA])
    same = [
        (a == b)[m & n].mean()
        for a, b, m, n in zip(series, series[1:], land, land[1:], strict=False)
    ]
    assert float(np.mean(same)) == pytest.approx(accuracy, abs=5e-4)
    share = cube.read("land_share", ticks[0])
    total = cube.read("land_use_fractions", ticks[0]).sum(axis=0)
    assert np.allclose(total[share > 0], 1, atol=1e-5)
    area = float((cube.grid("land_share").cell_areas() * share).sum())
    pixels = float(cube.grid("land_use").cell_areas()[land[0]].sum())
    assert area == pytest.approx(pixels, rel=1e-6)


def test_windows_of_the_cube_reach_around(folder: Path) -> None:
    cube = build_cube(recipe(folder), folder / "cube.zarr")
    outside = cube.read("land_use", 1960, Window(-2, -3, 4, 5))
    assert (outside[:2] == NO_DATA).all()
    assert np.array_equal(outside[2:, 3:], cube.read("land_use", 1960)[:2, :2])


def test_gross_transitions_of_the_labels_lie_beside_their_fractions(folder: Path) -> None:
    made = recipe(
        folder,
        (1960, 1964),
        land_use_fractions=FORCING,
        land_use_gross_transitions=FORCING,
    )
    cube = build_cube(made, folder / "cube.zarr")
    name = "land_use_gross_transitions"
    assert cube.group(name) == cube.group("land_use_fractions")
    assert len(cube.variable(name).components) == 64
    assert cube.status(name)[1964] is Status.DROPPED  # nothing is known to follow
    assert np.isnan(cube.read(name, 1964)).all()
    flows = cube.read(name, 1962).reshape(8, 8, 5, 7)
    fractions = cube.read("land_use_fractions", 1962)
    np.testing.assert_allclose(flows.sum(axis=1), fractions, atol=0.05)  # two pixels are missing
    assert cube.attributes["notes"][name]["evidence"].startswith("upper bound")
    assert cube.attributes["notes"][name]["until"]["1962"] == 1963
