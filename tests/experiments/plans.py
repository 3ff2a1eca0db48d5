"""A tiny plan: two arms on a cube that takes a fraction of a second to write."""

from __future__ import annotations

from pathlib import Path

import yaml

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.experiments import Plan, load_plan
from ai4land.grid import Grid
from ai4land.vocabulary import Clock, variable
from tiny_cubes import LANDUSE8, land_maps, luh2_like, write_cube, write_labels

FINE = Grid.regular(10.0, 50.0, 0.05, 0.05, (80, 96))
COARSE = Grid.regular(10.0, 50.0, 0.4, 0.4, (10, 12))


def write_plan_cube(path: Path) -> Cube:
    """Labels of 80 × 96 pixels and the forcing made from them, cells of 8 × 8."""
    return write_labels(path, land_maps(range(2000, 2012), FINE.shape), FINE, COARSE)


def write_states_cube(path: Path) -> Cube:
    """The same labels, and in place of their own forcing states of another product, with a bias."""
    maps = land_maps(range(2000, 2012), FINE.shape)
    labels = VariableSpec(variable("land_use"), LANDUSE8, "made up")
    states = VariableSpec(variable("luh2_states"), None, "made up")
    groups = [
        GroupSpec(name, grid, Clock.YEAR, tuple(maps), (spec,))
        for name, grid, spec in (("fine", FINE, labels), ("coarse", COARSE, states))
    ]
    given = {"land_use": maps, "luh2_states": luh2_like(maps, FINE, COARSE)}
    return write_cube(path, groups, given)


def write_plan(folder: Path, cube: Path, **changes: object) -> Path:
    """Write the plan and its experiment; return the plan's path."""
    experiment = {
        "title": "toy",
        "cube": str(cube),
        "forcing": ["land_use_fractions"],
        "split": {
            "train": [2000, 2006],
            "validation": [2005, 2006],
            "space": {"cells": 3, "folds": 2, "validation_share": 0.3, "buffer": 1},
        },
        "samples": {"window": 16, "recursion": 1, "directions": ["forward", "backward"]},
        "model": {"name": "unet", "widths": [4, 6], "embedding": 3},
        "training": {
            "steps": 4,
            "batch": 2,
            "validate_every": 2,
            "checkpoint_every": 2,
            "accelerator": "cpu",
        },
    }
    (folder / "toy.yaml").write_text(yaml.safe_dump(experiment), encoding="utf-8")
    plan = {
        "title": "toys",
        "cases": {
            "ahead": {"experiment": "toy.yaml", "from": 2006, "to": 2010, "step": 2, "folds": [0]},
            "back": {"experiment": "toy.yaml", "from": 2006, "to": 2004, "folds": [0]},
        },
        "arms": {"plain": {}, "warier": {"training": {"changed_weight": 0.0}}},
        "runs": [{"arms": ["plain", "warier"], "cases": ["ahead"]}],
        "members": 2,
        "curve": [1.0, 0.3],
        **changes,
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    return path


def small_plan(folder: Path, cube: Path, **changes: object) -> Plan:
    return load_plan(write_plan(folder, cube, **changes))
