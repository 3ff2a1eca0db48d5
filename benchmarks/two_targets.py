"""Land use by years and leaf area by months, trained together, rolled out into one cube.

    python benchmarks/two_targets.py --out runs/two_targets

A small synthetic planet with land use, leaf area (GIMMS LAI4g on the pixels of the labels), the
temperature of months (ERA5-Land) and LUH2. One network learns both targets in 1994–2000, its
validation in 2000–2002 chooses the weights, and it is rolled out from January 2002 by months to
December 2005. Each target is scored by its own scores, with persistence beside it, leaf area with
the same season of the year before the start as well.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from ai4land.cli.console import show_table
from ai4land.cube import Cube
from ai4land.evaluation import evaluate, evaluate_numbers, predicted_targets
from ai4land.recipes import build_cube, load_recipe
from ai4land.report import number_table, score_tables
from ai4land.rollout import open_model, prediction_attributes, save_rollout
from ai4land.testing import PlanetSpec
from ai4land.training import load_experiment, train
from ai4land.vocabulary import Clock
from all_products.more_products import ERA5_LAND_FOLDER, LAI_FOLDER
from all_products.write import write_all_products

FIRST, LAST = 1994, 2006
START = Clock.MONTH.ticks([2002])[0]
END = Clock.MONTH.ticks([2005])[-1]


def recipe() -> dict[str, Any]:
    """The cube: labels, what drives them, and leaf area on the pixels of the labels."""
    return {
        "title": "A synthetic planet with leaves",
        "years": {"first": FIRST, "last": LAST},
        "variables": {
            "land_use": {
                "source": "hilda",
                "path": "planet/hildap_vGLOB-1.0_geotiff_wgs84",
                "options": {"version": "v1"},
                "legend": "landuse8",
            },
            "leaf_area_index": {
                "source": "lai_gimms",
                "path": f"planet/{LAI_FOLDER}",
                "resample": "conservative",
            },
            "luh2_states": {"source": "luh2", "path": "planet/LUH2_v2h"},
            "air_temperature": {"source": "era5_land", "path": f"planet/{ERA5_LAND_FOLDER}"},
            "elevation": {"source": "gebco", "path": "planet/GEBCO_2024.nc"},
            "climate_zone": {
                "source": "koeppen_geiger",
                "path": "planet/koeppen_geiger_tif",
                "outside": "hold",
            },
        },
    }


def experiment(steps: int) -> dict[str, Any]:
    """What is learned from what, on the clock of months."""
    months = Clock.MONTH.ticks
    return {
        "title": "Land use and leaf area of a synthetic planet",
        "cube": "planet.zarr",
        "task": "land_use_and_leaf_area",
        "forcing": ["luh2_states"],
        "static": ["elevation", "climate_zone"],
        "series": {"air_temperature": {"lags": [0, 1, 2]}},
        "split": {
            "train": [months([FIRST + 1])[0], months([2000])[0]],
            "validation": [months([2000])[0], months([2002])[0]],
        },
        "samples": {"window": 32, "strides": [1], "recursion": 4, "directions": ["forward"]},
        "model": {"name": "unet", "widths": [16, 32, 64]},
        "training": {"steps": steps, "batch": 8, "validate_every": 100, "checkpoint_every": 100},
    }


def main(
    out: Annotated[Path, typer.Option(help="Folder to work in.")] = Path("runs/two_targets"),
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 600,
) -> None:
    """Train both together, roll out by months, score each by its own scores."""
    out.mkdir(parents=True, exist_ok=True)
    cube_path = out / "planet.zarr"
    if not cube_path.exists():
        years = range(FIRST, LAST + 1)
        spec = PlanetSpec(region=(0, 40, 3, 42), first_year=1850, last_year=2015, scenarios=())
        write_all_products(spec, out / "planet", years=years, months=years)
        (out / "recipe.yaml").write_text(yaml.safe_dump(recipe()))
        build_cube(load_recipe(out / "recipe.yaml"), cube_path)
    (out / "experiment.yaml").write_text(yaml.safe_dump(experiment(steps)))
    checkpoint = train(load_experiment(out / "experiment.yaml"), out / "run")
    cube, path = Cube(cube_path), range(START, END + 1)
    stepper, initial, card = open_model(checkpoint, cube, path)
    attributes = prediction_attributes(stepper.name, cube, path, {}, card, Clock.MONTH)
    found = save_rollout(
        stepper,
        initial,
        path[1:],
        out / "prediction.zarr",
        like=cube,
        attributes=attributes,
        overwrite=True,
    )
    for target in predicted_targets(found):
        ticks = found.group(target.name).ticks
        print(f"{target.name}: {len(ticks)} maps, {target.clock.span(ticks)}")
        if target.categorical:
            for table in score_tables(evaluate(found, cube, target=target))[:1]:
                show_table(table)
        else:
            show_table(number_table(evaluate_numbers(found, cube, target)))


if __name__ == "__main__":
    typer.run(main)
