"""Cubes of two scenarios that share their past, and runs of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.rollout import RunOptions
from ai4land.vocabulary import Clock, variable
from tiny_cubes import COARSE, FINE, LANDUSE8, fractions, land_maps, write_cube

FORCED = tuple(range(1995, 2012))
LABELLED = tuple(range(2000, 2006))
DIFFER = 2009
"""The first year in which the forcing of the scenarios differs."""

SHARD = (20, 24)  # four files a map


def scenario_cube(
    path: Path, constant_from: int | None = None, labels: Iterable[int] = LABELLED
) -> Cube:
    """Labels of a few years, forcing of more, which may stop to change in some year."""
    maps = land_maps(FORCED)
    shares = fractions(maps, FINE, COARSE)
    for tick in shares:
        if constant_from is not None and tick >= constant_from:
            shares[tick] = shares[constant_from - 1]
    ticks = tuple(labels)
    told = VariableSpec(variable("land_use"), LANDUSE8, "made up")
    forcing = VariableSpec(variable("land_use_fractions"), LANDUSE8, "labels")
    groups = [
        GroupSpec("fine_annual", FINE, Clock.YEAR, ticks, (told,)),
        GroupSpec("coarse_annual", COARSE, Clock.YEAR, FORCED, (forcing,)),
        GroupSpec("fine_static", FINE, Clock.STATIC, (), (VariableSpec(variable("slope")),)),
    ]
    slope = np.linspace(0.0, 20.0, FINE.height * FINE.width, dtype=np.float32).reshape(FINE.shape)
    values = {
        "land_use": {t: maps[t] for t in ticks},
        "land_use_fractions": shares,
        "slope": slope,
    }
    return write_cube(path, groups, values)


def run_options(folder: Path, **more: object) -> RunOptions:
    """A run of both scenarios, whose cubes are made where they are not there."""
    cubes = {"high": folder / "high.zarr", "low": folder / "low.zarr"}
    for name, path in cubes.items():
        if not path.exists():
            scenario_cube(path, DIFFER if name == "low" else None)
    said = {
        "model": "kernel",
        "cube": str(cubes["high"]),
        "scenarios": {name: str(path) for name, path in cubes.items()},
        "back_to": 1996,
        "last": 2011,
        "shard": SHARD,
        **more,
    }
    return RunOptions.model_validate(said)


def stored_bytes(folder: Path) -> dict[str, bytes]:
    """All files of all stores of a run; the journal, which tells of seconds, is none."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".zarr" in str(path.relative_to(folder)) and os.path.getsize(path)
    }
