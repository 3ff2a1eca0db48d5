from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from ai4land.recipes import load_recipe
from ai4land.training import load_experiment

FOLDER = Path(str(resources.files("ai4land.cli.commands.demo")))
EXPERIMENTS = sorted(p.name for p in FOLDER.glob("*.yaml") if p.name != "recipe.yaml")


def test_the_recipe_of_the_demonstration_is_one() -> None:
    assert set(load_recipe(FOLDER / "recipe.yaml").variables) >= {"land_use", "luh2_states"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_never_see_the_years_they_are_judged_by(name: str) -> None:
    experiment = load_experiment(FOLDER / name)
    years = {*experiment.split.train, *experiment.split.validation}
    if name.startswith("backward"):
        assert min(years) == 1975, "the hindcast starts there and goes back"
    else:
        assert max(years) == 1990, "the projection starts there and goes on"


@pytest.mark.parametrize("name", ["forward", "backward", "placebo"])
def test_the_toy_differs_in_size_alone(name: str) -> None:
    full, toy = (load_experiment(FOLDER / f"{name}{kind}.yaml") for kind in ("", "_quick"))
    assert (full.forcing, full.static, full.split) == (toy.forcing, toy.static, toy.split)
    assert full.samples.directions == toy.samples.directions
