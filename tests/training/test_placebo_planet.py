"""The placebo: where change lies at random, a network may not place it better than chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import rankdata

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube
from ai4land.recipes import build_cube, load_recipe
from ai4land.rollout import Tiling, open_model, step
from ai4land.samples import Labels
from ai4land.testing import PlanetSpec, write_planet
from ai4land.training import Experiment, train
from ai4land.vocabulary import LAND_USE

RECIPE = """
title: A small planet
years: {first: 1980, last: 1996}
variables:
  land_use:
    source: hilda
    path: planet/hildap_vGLOB-1.0_geotiff_wgs84
    options: {version: v1}
    legend: landuse8
  luh2_states: {source: luh2, path: planet/LUH2_v2h}
"""
TEST_YEARS = range(1992, 1996)


def _cube(folder: Path, *, placebo: bool) -> Cube:
    spec = PlanetSpec(
        region=(0, 40, 3, 42), first_year=1850, last_year=2019, scenarios=(), placebo=placebo
    )
    write_planet(spec, folder / "planet", years=range(1980, 1997))
    (folder / "recipe.yaml").write_text(RECIPE)
    return build_cube(load_recipe(folder / "recipe.yaml"), folder / "cube.zarr")


def _skill(folder: Path, *, placebo: bool) -> float:
    """How well a trained network ranks the pixels that will change, 0.5 being chance.

    Pairs of a changed and an unchanged pixel of one class in one coarse cell: the share in which
    the changed one was given the smaller probability to stay. Amounts of change, and what the
    coarse cells tell, cancel.
    """
    cube = _cube(folder, placebo=placebo)
    experiment = Experiment.model_validate(
        {
            "title": "small",
            "cube": str(cube.path),
            "forcing": ["luh2_states"],
            "split": {"train": [1980, 1990], "validation": [1990, 1992]},
            "samples": {"window": 32, "recursion": 1, "strides": [1, 2]},
            "model": {"name": "unet", "widths": [8, 16], "embedding": 8},
            "training": {"steps": 300, "batch": 6, "validate_every": 300, "accelerator": "cpu"},
        }
    )
    checkpoint = train(experiment, folder / "run")
    cells = CoarseCells.of(cube.grid("land_use"), cube.grid("luh2_states")).index
    labels = Labels(cube, LAND_USE.targets[0])
    right = pairs = 0.0
    for year in TEST_YEARS:
        stepper, initial, _ = open_model(checkpoint, cube, (year, year + 1), tiling=Tiling(64, 16))
        before, after = labels.at(year), labels.at(year + 1)
        land = labels.land(year)
        probability = step(stepper, initial, year + 1)["land_use"].probabilities
        assert probability is not None
        here = np.where(land, before, 0)[None].astype(np.int64)
        stays = np.take_along_axis(probability, here, axis=0)[0]
        group = cells.astype(np.int64) * 256 + before
        for key in np.unique(group[land]):
            chosen = land & (group == key)
            changed = (before != after)[chosen]
            won, possible = _concordance(stays[chosen], changed)
            right, pairs = right + won, pairs + possible
    return right / pairs


def _concordance(
    stays: npt.NDArray[np.float32], changed: npt.NDArray[np.bool_]
) -> tuple[float, int]:
    """Pairs in which the changed pixel has the smaller value (ties half), and all pairs."""
    ranks = rankdata(-stays)
    count, others = int(changed.sum()), int((~changed).sum())
    return float(ranks[changed].sum()) - count * (count + 1) / 2, count * others


@pytest.mark.slow
def test_a_network_knows_where_change_will_come(tmp_path: Path) -> None:
    assert _skill(tmp_path, placebo=False) > 0.65


@pytest.mark.slow
def test_no_network_has_skill_on_the_placebo_planet(tmp_path: Path) -> None:
    assert abs(_skill(tmp_path, placebo=True) - 0.5) < 0.03
