"""Several regions in one training: one legend, own grids, one of them held out whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ai4land.checkpoint import load_card
from ai4land.cube import Cube
from ai4land.errors import AI4LandError, ConfigError
from ai4land.evaluation import evaluate
from ai4land.grid import Grid
from ai4land.report import check_experiment_file
from ai4land.rollout import (
    Tiling,
    as_trained,
    domain_warnings,
    open_model,
    prediction_attributes,
    rollout,
    save_rollout,
)
from ai4land.samples import Labels
from ai4land.training import Experiment, load_experiment, prepare, train
from ai4land.vocabulary import LAND_USE, NO_DATA, legend
from tiny_cubes import FINE, LANDUSE8, land_maps, write_labels

LAND = LAND_USE.targets[0]
HILDA = legend("hildaplus_v1")
ELSEWHERE = Grid.regular(40.0, 20.0, 0.1, 0.1, (32, 40))  # other pixels, other cells
SMALL: dict[str, Any] = {
    "title": "regions",
    "legend": "landuse8",
    "forcing": ["land_use_fractions"],
    "split": {"train": [2000, 2006], "validation": [2006, 2008]},
    "samples": {"window": 16, "recursion": 1, "directions": ["forward"]},
    "model": {"name": "unet", "widths": [4, 6], "embedding": 3},
    "training": {"steps": 4, "batch": 3, "validate_every": 2, "accelerator": "cpu"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_cube: Cube) -> Path:
    """Two regions in eight classes, one of them a pair of years, and one in those of HILDA+."""
    place = tmp_path_factory.mktemp("regions")
    shutil.copytree(tiny_cube.path, place / "north.zarr")
    pair = land_maps((2009, 2010), ELSEWHERE.shape)
    write_labels(place / "pair.zarr", pair, ELSEWHERE, ELSEWHERE.coarsen(4, 4))
    codes = np.full(256, NO_DATA, np.uint8)
    for item in LANDUSE8.classes:
        name = "sparse" if item.name == "other" else item.name
        codes[item.code] = HILDA.codes[HILDA.index(name)]
    maps = {year: codes[values] for year, values in land_maps().items()}
    write_labels(place / "hilda.zarr", maps, FINE, FINE.coarsen(8, 8), HILDA)
    return place


def experiment(folder: Path, **changes: object) -> Experiment:
    cubes = [
        {"cube": str(folder / "north.zarr")},
        {
            "cube": str(folder / "pair.zarr"),
            "weight": 0.5,
            "split": {
                "train": [2009, 2010],
                "validation": [2009, 2010],
                "space": {"cells": 2, "fold": None, "validation_share": 0.2},
            },
        },
        {"cube": str(folder / "hilda.zarr"), "name": "finer"},
    ]
    return Experiment.model_validate({**SMALL, "cubes": cubes, **changes})


def without(folder: Path, region: str) -> Experiment:
    """The experiment with a region held out."""
    return experiment(folder, split={**SMALL["split"], "region": region})


def test_regions_are_prepared_each_on_its_own_grid(folder: Path) -> None:
    setting = prepare(experiment(folder))
    assert [region.name for region in setting.regions] == ["north", "pair", "finer"]
    north, pair, finer = setting.regions
    assert pair.assembler.drivers.grid == ELSEWHERE
    assert finer.labels[LAND.name].classes == LANDUSE8
    assert north.assembler.spec == pair.assembler.spec == finer.assembler.spec
    assert not pair.masks.test.any(), "no fold is held out"
    assert pair.masks.train.any()
    assert pair.masks.validation.any()
    assert not (pair.masks.train & pair.masks.validation).any()
    assert [part.steps[0] for part in setting.judge.parts] == [
        (2006, 2007),
        (2009, 2010),
        (2006, 2007),
    ]
    assert setting.digest != prepare(without(folder, "pair")).digest


def test_one_region_is_held_out_whole(folder: Path, tmp_path: Path) -> None:
    asked = without(folder, "finer")
    gone = asked.model_copy(
        update={
            "cubes": (
                *asked.cubes[:2],
                asked.cubes[2].model_copy(update={"cube": str(tmp_path / "nowhere.zarr")}),
            )
        }
    )
    checkpoint = train(gone, tmp_path / "run")  # the region need not even be there
    card = load_card(checkpoint)
    assert card.split.region == "finer"
    assert [part["name"] for part in card.training["regions"]] == ["north", "pair"]
    assert "nowhere" not in json.dumps(card.training)
    assert {"figure_of_merit", "rollout_likely_forward_accuracy"} <= set(card.scores["validation"])
    # judged on the region held out, whose cube is in finer classes
    cube = Cube(folder / "hilda.zarr")
    path = (2008, 2009, 2010)
    stepper, initial, card = open_model(checkpoint, cube, path, tiling=Tiling(16, 4))
    states = list(rollout(stepper, initial, path[1:]))
    assert states[-1][LAND.name].legend == LANDUSE8
    eight = as_trained(cube, card)
    assert Labels(eight, LAND).classes == LANDUSE8
    attributes = prediction_attributes("model", eight, path, {}, card)
    saved = save_rollout(
        stepper, initial, path[1:], tmp_path / "p.zarr", like=eight, attributes=attributes
    )
    found = evaluate(saved, cube, workers=1)
    assert found.legend == LANDUSE8
    np.testing.assert_array_equal(saved.read(LAND.name, 2010), states[-1][LAND.name].values)


def test_the_card_knows_each_region(folder: Path, tmp_path: Path) -> None:
    checkpoint = train(without(folder, "finer"), tmp_path / "run")
    card = load_card(checkpoint)
    there = card.on(LAND.name, ELSEWHERE)
    assert there.grids[LAND.name] == ELSEWHERE
    assert there.domain.trained == (2009, 2010)
    assert there.split.space is not None
    assert card.on(LAND.name, FINE).split.space is None
    assert card.on(LAND.name, FINE.crop(FINE.window)) == card.on(LAND.name, FINE)
    far = Grid.regular(0.0, 0.0, 0.1, 0.1, (4, 4))
    assert card.on(LAND.name, far) is card
    assert domain_warnings(card, Cube(folder / "pair.zarr"), (2009, 2010)) == []
    assert train(without(folder, "finer"), tmp_path / "run") == checkpoint, (
        "finished, left as it is"
    )


def test_regions_that_differ_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)not give a model the same inputs.*finer.*legend"):
        prepare(experiment(folder, legend=None))
    with pytest.raises(AI4LandError, match=r"luh2_states"):
        prepare(experiment(folder, forcing=["land_use_fractions", "luh2_states"]))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cube": "a.zarr"}, "either `cube` or `cubes`"),
        ({"cubes": []}, "either `cube` or `cubes`"),
        ({"cubes": [{"cube": "a/x.zarr"}, {"cube": "b/x.zarr"}]}, "different names.*x, x"),
        ({"split": {**SMALL["split"], "region": "south"}}, "split.region 'south' among.*north"),
        ({"cubes": [{"cube": "a.zarr", "weight": 0}]}, "greater than 0"),
        ({"cubes": [{"cube": "a.zarr", "wait": 1}]}, "Unknown key.*weight"),
    ],
)
def test_mistakes_are_named(
    folder: Path, tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    data = {**experiment(folder).model_dump(mode="json", exclude={"cube"}), **changes}
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=f"(?s){text}"):
        load_experiment(path)


def test_paths_are_those_of_the_file_and_check_looks_at_all(folder: Path, tmp_path: Path) -> None:
    data = {
        **SMALL,
        "cubes": [{"cube": "north.zarr"}, {"cube": "hilda.zarr"}],
        "split": {"train": [2000, 2006], "validation": [2006, 2008]},
    }
    path = folder / "e.yaml"
    path.write_text(yaml.safe_dump(data))
    assert [r.cube for r in load_experiment(path).regions] == [
        str(folder / "north.zarr"),
        str(folder / "hilda.zarr"),
    ]
    found = check_experiment_file(path)
    assert not found.problems
    assert [table.title for table in found.tables] == ["north: regions", "hilda: regions"]
    path.write_text(yaml.safe_dump({**data, "legend": None}))
    (problem,) = check_experiment_file(path).problems
    assert "same inputs" in problem
