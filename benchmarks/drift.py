"""Long rollouts beside the truth: areas, patches, edges and reversals, year by year.

    python benchmarks/drift.py run CHECKPOINT CUBE --from 2000 --to 1960 --out crete.json
    python benchmarks/drift.py draw drift.png crete.json planet.json

``run`` rolls a checkpoint by each decision, kernel and persistence beside, over labelled years.

- *off*: most pixels by which a class of a coarse cell is away from what is asked of the map;
  *unclosed* the same summed, of the change asked of it. *Unplaced*: what no map can give.
- *patches* (joined over corners), their mean and median size in pixels, by PyLandStats
  (``pip install 'ai4land[landscape]'``); *edges* of unlike neighbours in km.
- *back*: pixels of their first class, of those that have had another. *Undone*: changes that are
  taken back within five years, of all in the whole rollout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import typer

import ai4land.metrics as metrics
from ai4land.checkpoint import load_card
from ai4land.cube import Cube, State
from ai4land.report import Table, to_markdown
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Wish,
    as_trained,
    decided_on,
    decision_data,
    demand_of,
    observed_state,
    open_model,
    rollout,
    steps_with_truth,
    unplaced_change,
)
from ai4land.samples import Demand, Labels

Maps = list[npt.NDArray[np.uint8]]
PATCHES = {"number_of_patches": "patches", "area_mn": "mean size", "area_md": "median size"}
COLOURS = {"truth": "k", "faithful": "C0", "sampled": "C1", "likely": "C2", "kernel": "C3"}
PANELS = ("patches", "mean size", "edges km", "back %", "FoM", "mIoU")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def lacking(demand: Demand, begun: State, state: State) -> npt.NDArray[np.int64]:
    """Pixels that each class of each coarse cell lacks of what is asked at the time of a state."""
    when, field = demand.tick_of(state.tick, state.clock), state[demand.target.name]
    assert begun.reference is not None
    parts = [
        demand.change(begun.reference, when, piece, demand.coding.positions(field.read(piece)))
        for piece in demand.mesh.pieces(1 << 16)
    ]
    return np.abs(np.concatenate(parts, axis=1), dtype=np.int64)


def pattern(positions: npt.NDArray[np.uint8], labels: Labels) -> dict[str, float]:
    """Patches and edges of the land of a map; pixels of one hectare tell sizes in pixels."""
    names, grid = labels.classes.names, labels.grid
    land, areas = metrics.valid_mask(positions, labels.classes), grid.cell_areas()
    found = metrics.landscape_metrics(positions, names, (100.0, 100.0), land, tuple(PATCHES))
    sides = metrics.edges(positions, len(names), metrics.edge_lengths(grid), areas, land).lengths
    patches = {PATCHES[key]: value for key, value in found["landscape"].items()}
    return patches | {"edges km": float(sides.sum() - np.trace(sides)) / 1000.0}


def followed(
    states: Iterable[State], labels: Labels, demand: Demand, begun: State, maps: Maps
) -> Iterator[dict[str, float]]:
    """What is measured of every step of a rollout, whose maps are collected."""
    legend, ever = labels.classes, np.zeros(labels.grid.shape, np.bool_)
    assert begun.reference is not None
    for step in steps_with_truth(states, labels):
        maps += [step.own] if maps else [step.initial, step.own]
        ever |= step.own != step.initial
        state, when = step.state, demand.tick_of(step.state.tick, step.state.clock)
        left = lacking(demand, begun, state)
        due = lacking(demand, begun, replace(begun, tick=state.tick)).sum() or 1
        never = unplaced_change(demand, begun.reference, state[labels.target.name], when)
        layers = (step.initial, step.prior_truth, step.truth)
        known = [metrics.valid_mask(layer, legend) for layer in layers]
        lead = step.scores(len(legend), None, np.logical_and.reduce(known))
        yield {
            "year": state.tick,
            "off": int(left.max()),
            "unclosed %": 100.0 * float(left.sum() / due),
            "unplaced %": 200.0 * float(np.nansum(never) / due),
            **pattern(step.own, labels),
            "back %": 100.0 * float((step.own == step.initial)[ever].mean()) if ever.any() else 0.0,
            "FoM": lead.three.figure_of_merit,
            "accuracy": lead.confusion.accuracy,
            "mIoU": metrics.classification_scores(lead.confusion, legend.names)["mean_iou"],
        }


def competitors(
    checkpoint: Path, cube: Cube, path: Sequence[int], decisions: str, wish: Wish | None
) -> Iterator[tuple[str, Iterable[State], Demand, State]]:
    """Name, rollout, demand and initial state of all that is measured, the truth last."""
    card = load_card(checkpoint)
    demand = demand_of(cube, card.task_of().targets[0], card.inputs.forcing_variables)
    for name in decisions.split(","):
        stepper, initial, _ = open_model(checkpoint, cube, path, decision=name)
        if wish is not None:
            stepper = decided_on(stepper, initial, path, card, wish)
        typer.echo(f"{decision_data(stepper.decision)}", err=True)
        yield name, rollout(stepper, initial, path[1:]), demand, initial
    yield "kernel", rollout(AllocationStepper("kernel", demand), initial, path[1:]), demand, initial
    still = Persistence(stepper.task, demand.mesh.fine)
    yield "persistence", rollout(still, initial, path[1:]), demand, initial
    yield "truth", (observed_state(cube, stepper.task, t) for t in path), demand, initial


@app.command()
def run(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="The cube: labels of all years, and forcing.")],
    first: Annotated[int, typer.Option("--from", help="Year of the initial map.")],
    last: Annotated[int, typer.Option("--to", help="Year to be reached.")],
    out: Annotated[Path, typer.Option(help="JSON of all years.")],
    every: Annotated[int, typer.Option(help="Years between the rows of the table.")] = 10,
    decisions: Annotated[str, typer.Option(help="By commas.")] = "faithful,sampled,likely",
    seed: Annotated[int, typer.Option(help="Of the sampled member, where odds are found.")] = 0,
    search: Annotated[bool, typer.Option(help="Find odds on the path, or take the card's.")] = True,
) -> None:
    """Roll out, measure every year, print a table of some."""
    source, sign = as_trained(Cube(cube), load_card(checkpoint)), 1 if last > first else -1
    path, wish = tuple(range(first, last + sign, sign)), Wish(seed=seed) if search else None
    title, series = f"{cube.stem} {first} → {last}", dict[str, Any]()
    for name, states, demand, initial in competitors(checkpoint, source, path, decisions, wish):
        labels, maps, begun = Labels(source, demand.target), Maps(), time.process_time()
        start = AllocationStepper("kernel", demand).begin(initial)
        rows = list(followed(states, labels, demand, start, maps))
        undone = 100.0 * metrics.flicker(maps, len(labels.classes), (5,)).share(5)
        seconds = (time.process_time() - begun) / len(rows)
        series[name] = {"rows": rows, "undone %": undone, "seconds a year": seconds}
        out.write_text(json.dumps({"title": title, "series": series}), encoding="utf-8")
    for table in tables(title, series, every):
        typer.echo(to_markdown(table))


def tables(title: str, series: dict[str, Any], every: int) -> Iterator[Table]:
    """Chosen years of all that was measured, and what is said of whole rollouts."""
    heads = list(series["truth"]["rows"][0])[1:]
    chosen = [0, *range(every - 1, len(series["truth"]["rows"]), every)]
    picked = [(name, found["rows"][k]) for k in chosen for name, found in series.items()]
    rows = [(f"{row['year']}: {n}", *(_said(row[key]) for key in heads)) for n, row in picked]
    yield Table(title, ("", *heads), tuple(rows))
    whole = []
    for name, found in series.items():
        worst = [max(row[key] for row in found["rows"]) for key in heads[:3]]
        iou = [row["mIoU"] for row in found["rows"][:15]]
        said = (*worst, found["undone %"], iou[0], np.mean(iou), np.mean(iou) / iou[0])
        whole.append((name, *map(_said, (*said, found["seconds a year"]))))
    heads = ["", "off, most", "unclosed %, most", "unplaced %, most", "undone %"]
    heads += ["mIoU, first year", "mIoU, 15 years", "15 years ÷ first", "seconds a year"]
    yield Table(f"{title}, whole", tuple(heads), tuple(whole))


def _said(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value % 1 == 0 else f"{value:.3g}"


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(help="The picture.")],
    runs: Annotated[list[Path], typer.Argument(help="What ``run`` kept, a row each.")],
) -> None:
    """Curves of all years."""
    shape = len(runs), len(PANELS)
    figure, axes = plt.subplots(*shape, figsize=(14.0, 2.1 * shape[0]), squeeze=False)
    for line, file in zip(axes, runs, strict=True):
        data = json.loads(file.read_text(encoding="utf-8"))
        for axis, key in zip(line, PANELS, strict=True):
            for name, found in data["series"].items():
                if name != "truth" or key not in PANELS[4:]:
                    years, values = ([row[k] for row in found["rows"]] for k in ("year", key))
                    axis.plot(years, values, COLOURS.get(name, "C7"), label=name, lw=1)
            axis.set_title(key, fontsize=8)
            axis.tick_params(labelsize=6)
        line[0].set_ylabel(data["title"], fontsize=7)
    axes[0][0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(out, dpi=80)


if __name__ == "__main__":
    app()
