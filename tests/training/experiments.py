"""Small experiments: seconds to train, with everything switched on."""

from __future__ import annotations

from typing import Any

from ai4land.cube import Cube
from ai4land.training import Experiment

SMALL = {
    "title": "small",
    "forcing": ["land_use_fractions", "luh2_states"],
    "static": ["elevation", "climate_zone"],
    "split": {"train": [2000, 2006], "validation": [2006, 2007]},
    "samples": {
        "window": 16,
        "recursion": 2,
        "directions": ["forward", "backward"],
        "history": 1,
        "corruption": [
            {"name": "noise", "share": 0.1},
            {"name": "hide", "probability": 0.3, "share": 0.75},
        ],
    },
    "model": {"name": "unet", "widths": [4, 6], "embedding": 3},
    "training": {
        "steps": 6,
        "batch": 2,
        "validate_every": 3,
        "checkpoint_every": 2,
        "accelerator": "cpu",
    },
}


def small_experiment(cube: Cube, **changes: object) -> Experiment:
    """The small experiment on a cube; a mapping among the changes is merged."""
    data: dict[str, Any] = {**SMALL, "cube": str(cube.path)}
    for key, value in changes.items():
        old = data.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and key != "model":
            data[key] = {**old, **value}
        else:
            data[key] = value
    return Experiment.model_validate(data)
