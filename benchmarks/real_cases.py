"""The real cases of docs/results.md: build, train, roll out, score beside the baselines.

    export AI4LAND_REALDATA=/path/to/the/products
    python benchmarks/real_cases.py            # all cases
    python benchmarks/real_cases.py crete_forward brazil_backward

Each case prints its table as Markdown and writes it with a JSON twin under ``--out``. Cubes and
trainings that are there already are resumed, so a killed run goes on.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import Progress

from ai4land.checkpoint import load_card
from ai4land.cube import Cube, State
from ai4land.metrics import RolloutScores, ScoredClasses, summarise
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Stepper,
    Tiling,
    demand_of,
    open_model,
    rollout,
    score_rollout,
)
from ai4land.samples import Labels, space_masks
from ai4land.sources import build_cube, load_recipe
from ai4land.training import Experiment, load_experiment, train
from ai4land.vocabulary import LAND_USE

HERE = Path(__file__).parent
LAND = LAND_USE.targets[0]
FORCING = "land_use_fractions"


@dataclass(frozen=True)
class Case:
    """One rollout to score.

    Attributes:
        recipe: Recipe of the cube.
        experiment: What is trained; one training serves all cases that name it.
        start: Year of the initial map.
        years: Years visited.
        feedback: What the next step takes as its prior.
    """

    recipe: str
    experiment: str
    start: int
    years: tuple[int, ...]
    feedback: str = "classes"


CASES = {
    "uk_forward": Case("uk_south", "uk_south", 2009, (2012,)),
    "uk_backward": Case("uk_south", "uk_south", 2012, (2009,)),
    "crete_forward": Case("crete", "crete_forward", 1985, tuple(range(1986, 2001))),
    "crete_backward": Case("crete", "crete_backward", 1985, tuple(range(1984, 1969, -1))),
    "brazil_forward": Case("brazil", "brazil_forward", 2007, (2008, 2009, 2010)),
    "brazil_backward": Case("brazil", "brazil_backward", 2003, (2002, 2001, 2000)),
}


def folds(experiment: Experiment) -> Iterator[tuple[str, Experiment]]:
    """The experiment of each fold of a spatial split, or the experiment itself."""
    space = experiment.split.space
    if space is None:
        yield "all", experiment
        return
    for fold in range(space.folds):
        split = experiment.split.model_copy(
            update={"space": space.model_copy(update={"fold": fold})}
        )
        yield f"fold{fold}", experiment.model_copy(update={"split": split})


def trained(experiment: Experiment, folder: Path, console: Console) -> tuple[Path, float]:
    """Train, or resume what is there; the checkpoint and the minutes it took."""
    clock = folder / "minutes.json"
    begin = time.perf_counter()
    with Progress(console=console) as bar:
        job = bar.add_task(f"train {folder.parent.name}/{folder.name}", total=None)
        train(
            experiment,
            folder,
            progress=lambda step, steps, _: bar.update(job, completed=step, total=steps),
        )
    if not clock.exists():
        clock.write_text(json.dumps((time.perf_counter() - begin) / 60))
    return folder / "checkpoint", json.loads(clock.read_text())


def steppers(checkpoint: Path, cube: Cube, case: Case) -> tuple[State, dict[str, Stepper]]:
    """The network and its baselines on one cube, all from one initial state."""
    (unet, initial, _), (closed, _, _) = (
        open_model(
            checkpoint,
            cube,
            (case.start, *case.years),
            tiling=Tiling(tile=128, overlap=32),
            feedback=case.feedback,
            closed_books=books,
        )
        for books in (False, True)
    )
    demand = unet.demand or demand_of(cube, LAND)
    return initial, {
        "U-Net": unet,
        "U-Net, closed books": closed,
        "persistence": Persistence(LAND_USE, cube.grid(LAND.name)),
        "kernel": AllocationStepper("kernel", demand),
        "random": AllocationStepper("random", demand),
    }


def land_cells(cube: Cube, labels: Labels) -> np.ndarray:
    """Fine pixels in coarse cells that are at least half land, ``(y, x)``."""
    share = cube.read("land_share", cube.group("land_share").ticks[0])
    rows, cols = cube.grid("land_share").nearest(labels.grid)
    return np.asarray(share[np.ix_(rows, cols)] >= 0.5)


def run(
    case: Case, cube: Cube, experiment: Experiment, out: Path, console: Console
) -> dict[str, Any]:
    """Score a case: cells of at least half land, all cells, and as the reference counts."""
    totals: dict[str, dict[str, RolloutScores]] = {}
    minutes, stays = [], []
    labels = Labels(cube, LAND)
    half = land_cells(cube, labels)
    for name, fold in folds(experiment):
        checkpoint, spent = trained(fold, out / case.experiment / name, console)
        minutes.append(spent)
        initial, competitors = steppers(checkpoint, cube, case)
        direction = "forward" if case.years[0] > case.start else "backward"
        stays.append(load_card(checkpoint).decision[direction])
        test = space_masks(
            labels.grid, cube.grid(FORCING), fold.split.space, labels.land(fold.split.train[0])
        ).test
        paths: dict[str, tuple[Stepper, tuple[int, ...]]] = {
            label: (stepper, case.years) for label, stepper in competitors.items()
        }
        if len(case.years) > 1:
            paths["kernel, one jump"] = (competitors["kernel"], case.years[-1:])
        for label, (stepper, years) in paths.items():
            states = list(rollout(stepper, initial, years))
            for view, mask, protocol in (
                ("headline", test & half, ScoredClasses.LAND),
                ("all cells", test, ScoredClasses.LAND),
                ("reference", test, ScoredClasses.REFERENCE),
            ):
                found = score_rollout(states, labels, mask=mask, protocol=protocol)
                seen = totals.setdefault(view, {})
                seen[label] = seen.get(label, RolloutScores()) + found
    return {
        "machine": f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)",
        "minutes_per_training": minutes,
        "stay": stays,
        "views": {
            view: {label: summarise(s.leads, labels.classes.names) for label, s in rows.items()}
            for view, rows in totals.items()
        },
    }


COLUMNS = (
    ("FoM, first", "first", "figure_of_merit"),
    ("FoM, last", "last", "figure_of_merit"),
    ("accuracy, first", "first", "accuracy"),
    ("accuracy, last", "last", "accuracy"),
    ("accuracy, mean", "mean", "accuracy"),
    ("mIoU, first", "first", "mean_iou"),
    ("mIoU, last", "last", "mean_iou"),
    ("mIoU, mean", "mean", "mean_iou"),
    ("macro F1, mean", "mean", "macro_f1"),
)
VIEWS = {
    "headline": "coarse cells at least half land",
    "all cells": "all coarse cells",
    "reference": "protocol `reference`: all classes, sea included",
}
LEADS = {"figure_of_merit": "Figure of merit", "accuracy": "Accuracy", "mean_iou": "Mean IoU"}


def number(value: float | None, digits: int) -> str:
    """A score as tables write it."""
    return "–" if value is None else f"{value:.{digits}f}"


def table(rows: dict[str, Any], years: int) -> Iterator[str]:
    """One Markdown table; a rollout of one year needs one column per score."""
    columns = [c for c in COLUMNS if years > 1 or c[1] == "first"]
    yield "| | " + " | ".join(t if years > 1 else t.split(",")[0] for t, _, _ in columns) + " |"
    yield "|---|" + "--:|" * len(columns)
    for label, summary in rows.items():
        full = len(summary["leads"]) == years
        cells = [
            number(summary[when].get(key), 4) if full or when == "last" else "–"
            for _, when, key in columns
        ]
        yield f"| {label} | " + " | ".join(cells) + " |"


def leads(rows: dict[str, Any], key: str) -> Iterator[str]:
    """One Markdown table of a score per lead year."""
    times = [row["time"] for row in next(iter(rows.values()))["leads"]]
    yield "| | " + " | ".join(map(str, times)) + " |"
    yield "|---|" + "--:|" * len(times)
    for label, summary in rows.items():
        if len(summary["leads"]) == len(times):
            cells = [number(row[key], 3) for row in summary["leads"]]
            yield f"| {label} | " + " | ".join(cells) + " |"


def describe(name: str, case: Case, found: dict[str, Any]) -> str:
    """The Markdown section of a case."""
    spent = found["minutes_per_training"]
    years = len(case.years)
    lines = [
        f"### `{name}`: {case.start} → {case.years[-1]}, {years} step(s)",
        "",
        f"{len(spent)} training(s) of {np.mean(spent):.1f} min; `stay` {found['stay']}; "
        f"{found['machine']}; pixel counts.",
    ]
    for view, rows in found["views"].items():
        lines += ["", f"*{VIEWS[view]}*", "", *table(rows, years)]
    if years > 1:
        for key, title in LEADS.items():
            lines += ["", f"*{title} per lead year, coarse cells at least half land*", ""]
            lines += leads(found["views"]["headline"], key)
    return "\n".join(lines) + "\n"


def overview(out: Path) -> str:
    """One line per case that has been run: the network beside what it must beat, all cells."""
    lines = [
        "| case | FoM, last: U-Net | kernel, one jump | kernel, yearly | accuracy, mean: U-Net "
        "| persistence | mIoU, mean: U-Net | persistence |",
        "|---|" + "--:|" * 7,
    ]
    for name in CASES:
        path = out / f"{name}.json"
        if not path.exists():
            continue
        rows = json.loads(path.read_text())["views"]["all cells"]
        unet, still, kernel = rows["U-Net"], rows["persistence"], rows["kernel"]
        jump = rows.get("kernel, one jump", kernel)
        cells = [
            number(unet["last"]["figure_of_merit"], 3),
            number(jump["last"]["figure_of_merit"], 3),
            number(kernel["last"]["figure_of_merit"], 3),
            number(unet["mean"]["accuracy"], 4),
            number(still["mean"]["accuracy"], 4),
            number(unet["mean"]["mean_iou"], 3),
            number(still["mean"]["mean_iou"], 3),
        ]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(
    cases: Annotated[list[str] | None, typer.Argument(help=f"among {', '.join(CASES)}")] = None,
    out: Annotated[Path, typer.Option(help="Folder of cubes, trainings and tables.")] = Path(
        "runs/results"
    ),
) -> None:
    """Run the real cases and print their tables."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    console = Console(stderr=True)
    out.mkdir(parents=True, exist_ok=True)
    for name in cases or list(CASES):
        case = CASES[name]
        path = out / f"{case.recipe}.zarr"
        if not path.exists():
            build_cube(load_recipe(HERE / "recipes" / f"{case.recipe}.yaml"), path)
        experiment = load_experiment(HERE / "experiments" / f"{case.experiment}.yaml")
        experiment = experiment.model_copy(update={"cube": str(path)})
        found = run(case, Cube(path), experiment, out, console)
        text = describe(name, case, found)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        (out / f"{name}.md").write_text(text)
        print(text)
    print(overview(out))


if __name__ == "__main__":
    typer.run(main)
