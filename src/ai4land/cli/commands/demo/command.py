"""The demonstration: every command once, in the order in which real work calls them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from ai4land.cli.commands.build import build
from ai4land.cli.commands.reconstruct import DecisionName, reconstruct
from ai4land.cli.commands.report import report
from ai4land.cli.commands.train import train
from ai4land.cli.console import progress_bar, show_table, stdout
from ai4land.cube import Cube
from ai4land.errors import CubeError, MissingFileError
from ai4land.report import Table
from ai4land.testing import PlanetSpec, write_planet

__all__ = ["EXAMPLES", "demo"]

EXAMPLES = "Example:  ai4land demo --out demo"

_YEARS = range(1960, 2006)
_SEEDS = (1, 2, 3)
_PATHS = {"forward": (1990, 2005), "backward": (1975, 1960)}
_SCORES = (("figure_of_merit", "FoM"), ("accuracy", "acc."), ("mean_iou", "mIoU"))


def demo(
    out: Annotated[Path, typer.Option(help="Folder to work in.")] = Path("demo"),
    quick: Annotated[
        bool, typer.Option("--quick", help="A toy: shows that all works, not that it is good.")
    ] = False,
) -> None:
    """Run the whole way once on a synthetic planet, in a few minutes.

    Provider files → cube → training forward and backward → 15 years on the model's own predictions,
    faithful to the areas that the forcing asks for, and an ensemble drawn from the probabilities →
    scores beside persistence, kernel and random → pictures. And once more on a placebo planet,
    on which the same change lies at random places: no model can know where, ours included. What a
    model gains by its amounts alone shows in its shuffled twin: the same changes in every coarse
    cell, dealt anew. On the placebo the two are level.
    """
    begin = time.monotonic()
    tables = _world(out, quick, placebo=False, directions=("forward", "backward"))
    placebo = _world(out / "placebo", quick, placebo=True, directions=("forward",))
    console = stdout()
    console.rule("[bold]What came out")
    for direction, scores in tables.items():
        show_table(_table(f"{direction.capitalize()}, on its own predictions", scores))
    show_table(_table("Placebo planet: the same change at random places", placebo["forward"]))
    console.print("Pictures and all tables:")
    pages = [out / "report" / "report.md", out / "report" / "report.html"]
    for path in [*sorted(out.glob("report/*.png")), *pages]:
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Done in {(time.monotonic() - begin) / 60:.1f} minutes.")


def _world(
    folder: Path, quick: bool, *, placebo: bool, directions: tuple[str, ...]
) -> dict[str, Mapping[str, Any]]:
    """Everything on one planet; direction → what its score file says."""
    name = "Placebo planet" if placebo else "Planet"
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "_quick" if quick else ""
    experiments = {d: ("placebo" if placebo else d) + suffix for d in directions}
    _ship("recipe.yaml", folder / "recipe.yaml")
    for direction, source in experiments.items():
        _ship(f"{source}.yaml", folder / f"{direction}.yaml")
    cube = folder / "planet.zarr"
    if not _finished(cube):
        _say(f"{name}: provider files")
        _make(folder / "planet", quick, placebo)
        _say(f"{name}: ai4land build {folder}/recipe.yaml --out {cube}")
        build(folder / "recipe.yaml", cube)
    made = []
    for direction in directions:
        run = folder / direction
        _say(f"{name}: ai4land train {run}.yaml --out {run}")
        train(folder / f"{direction}.yaml", run)
        first, last = _PATHS[direction]
        target = folder / f"{direction}_{last}.zarr"
        _say(
            f"{name}: ai4land reconstruct {run}/checkpoint {cube} --from {first} --to {last} "
            f"--out {target} --probabilities"
        )
        network = str(run / "checkpoint")
        reconstruct(network, cube, first, last, target, probabilities=True, overwrite=True)
        made += [target, run]
    if not placebo:
        made += _members(folder, cube)
    _say(f"{name}: ai4land report {' '.join(map(str, made))} --truth {cube} --out {folder}/report")
    report(made, folder / "report", cube)
    return {d: _scores(folder, d) for d in directions}


def _members(folder: Path, cube: Path) -> list[Path]:
    """An ensemble drawn from the same probabilities: how sure is the map?"""
    run, (first, last) = folder / "forward", _PATHS["forward"]
    made = []
    for seed in _SEEDS:
        target = folder / f"forward_{last}_member{seed}.zarr"
        _say(
            f"Planet: ai4land reconstruct {run}/checkpoint {cube} --from {first} --to {last} "
            f"--decision sampled --seed {seed} --out {target}"
        )
        name = DecisionName("sampled")
        network = str(run / "checkpoint")
        reconstruct(network, cube, first, last, target, decision=name, seed=seed, overwrite=True)
        made.append(target)
    return made


def _make(folder: Path, quick: bool, placebo: bool) -> None:
    """Write the files of a planet, as their providers would."""
    region = (0, 40, 3, 42) if quick else (0, 40, 5, 43) if placebo else (0, 40, 8, 45)
    spec = PlanetSpec(region=region, first_year=1850, last_year=2019, scenarios=(), placebo=placebo)
    with progress_bar("years") as progress:
        bar = progress.add_task("simulating", total=None, figures="")
        write_planet(
            spec,
            folder,
            years=_YEARS,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _ship(name: str, target: Path) -> None:
    """Copy a file of this package, so that a user can read and change it."""
    text = (resources.files("ai4land.cli.commands.demo") / name).read_text(encoding="utf-8")
    target.write_text(text, encoding="utf-8")


def _finished(path: Path) -> bool:
    try:
        Cube(path)
    except (CubeError, MissingFileError):
        return False
    return True


def _say(text: str) -> None:
    stdout().print(f"\n[bold]» {text}[/bold]", soft_wrap=True)


def _scores(folder: Path, direction: str) -> Mapping[str, Any]:
    """What the score file of a direction says, with the mean of its members if there are any."""
    report, stem = folder / "report", f"{direction}_{_PATHS[direction][1]}"
    files = [report / f"{stem}_scores.json", *report.glob(f"{stem}_member*_scores.json")]
    read: list[dict[str, Any]] = [json.loads(f.read_text(encoding="utf-8")) for f in files]
    found, *members = read
    if members:
        rows = [member["scores"][member["model"]] for member in members]
        found["scores"][f"U-Net, {len(rows)} drawn members"] = {
            key: {f: fmean(row[key][f] or 0.0 for row in rows) for f, _ in _SCORES}
            for key in ("first", "mean")
        }
    return found


def _table(title: str, scores: Mapping[str, Any]) -> Table:
    """First year and mean of all years, every row of the score file."""
    times = scores["times"]
    spans = (("first", str(times[0])), ("mean", f"{len(times)} years"))
    heads = [f"{short}\n{span}" for _, short in _SCORES for _, span in spans]
    rows = tuple(
        (
            name.replace(scores["model"], "U-Net"),
            *(f"{row[key][field] or 0.0:.3f}" for field, _ in _SCORES for key, _ in spans),
        )
        for name, row in scores["scores"].items()
    )
    return Table(f"{title}, {scores['initial']} → {times[-1]}", ("", *heads), rows)
