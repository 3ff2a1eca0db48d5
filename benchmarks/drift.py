"""Long rollouts beside the truth: areas, patches, edges and reversals, year by year.

    python benchmarks/drift.py planet runs/drift/planet   # provider files of 1850 to 2100
    python benchmarks/drift.py run CHECKPOINT CUBE --from 2000 --to 1960 --out crete.json
    python benchmarks/drift.py draw drift.png crete.json planet.json

``run`` rolls a checkpoint by each decision, with kernel and persistence beside it, over years whose
labels the cube holds. It prints a table of chosen years and keeps every year for ``draw``.

- *off*: most pixels by which a class of a coarse cell is away from what is asked of the map;
  *unclosed* the same summed, of the change asked of it. *Unplaced*: what no map can give.
- *patches* (joined over corners) with their mean and median size in pixels, by PyLandStats
  (``pip install 'ai4land[landscape]'``); *edges* of unlike neighbours in km.
- *back*: pixels of their first class, among those that have had another. *Undone*: changes that
  are taken back within five years, of all in the whole rollout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import typer

from ai4land.checkpoint import load_card
from ai4land.cube import Cube, State
from ai4land.metrics import (
    ScoredClasses,
    classification_scores,
    edge_lengths,
    edges,
    flicker,
    landscape_metrics,
    valid_mask,
)
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
from ai4land.testing import PlanetSpec, write_planet

Maps = list[npt.NDArray[np.uint8]]
Row = dict[str, float]
PATCHES = {"number_of_patches": "patches", "area_mn": "mean size", "area_md": "median size"}
PANELS = ("patches", "mean size", "edges km", "back %", "FoM", "mIoU")
_PIECE = 1 << 16  # pixels counted at once

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def lacking(demand: Demand, begun: State, state: State) -> npt.NDArray[np.int64]:
    """Pixels that each class of each coarse cell lacks of what is asked at the time of a state."""
    when, name = demand.tick_of(state.tick, state.clock), demand.target.name
    assert begun.reference is not None
    parts = [
        demand.change(
            begun.reference, when, piece, demand.coding.positions(state[name].read(piece))
        )
        for piece in demand.mesh.pieces(_PIECE)
    ]
    return np.concatenate(parts, axis=1).astype(np.int64)


def pattern(positions: npt.NDArray[np.uint8], labels: Labels) -> Row:
    """Patches and edges of the land of a map."""
    names, grid = labels.classes.names, labels.grid
    land = valid_mask(positions, labels.classes, ScoredClasses.LAND)
    # pixels of one hectare: sizes are then told in pixels
    found = landscape_metrics(positions, names, (100.0, 100.0), land, tuple(PATCHES))["landscape"]
    sides = edges(positions, len(names), edge_lengths(grid), grid.cell_areas(), land).lengths
    apart = float(sides.sum() - np.trace(sides))
    return {PATCHES[key]: value for key, value in found.items()} | {"edges km": apart / 1000.0}


def followed(
    states: Iterable[State], labels: Labels, demand: Demand, begun: State, maps: Maps
) -> Iterator[Row]:
    """What is measured of every step of a rollout, whose maps are collected."""
    name, legend = labels.target.name, labels.classes
    ever = np.zeros(labels.grid.shape, np.bool_)
    for step in steps_with_truth(states, labels):
        maps += [step.own] if maps else [step.initial, step.own]
        ever |= step.own != step.initial
        assert begun.reference is not None
        left = np.abs(lacking(demand, begun, step.state))
        due = np.abs(lacking(demand, begun, State(begun.clock, step.state.tick, begun.fields)))
        when = demand.tick_of(step.state.tick, step.state.clock)
        never = unplaced_change(demand, begun.reference, step.state[name], when)
        known = [valid_mask(m, legend) for m in (step.initial, step.prior_truth, step.truth)]
        lead = step.scores(len(legend), None, np.logical_and.reduce(known))
        changed = max(int(ever.sum()), 1)
        yield {
            "year": step.state.tick,
            "off": int(left.max()),
            "unclosed %": 100.0 * float(left.sum()) / max(float(due.sum()), 1.0),
            "unplaced %": 200.0 * float(np.nansum(never)) / max(float(due.sum()), 1.0),
            **pattern(step.own, labels),
            "back %": 100.0 * float((ever & (step.own == step.initial)).sum()) / changed,
            "FoM": lead.three.figure_of_merit,
            "accuracy": lead.confusion.accuracy,
            "mIoU": classification_scores(lead.confusion, legend.names)["mean_iou"],
        }


def competitors(
    checkpoint: Path, cube: Cube, path: Sequence[int], decisions: Sequence[str], seed: int
) -> Iterator[tuple[str, Iterable[State], Demand, State]]:
    """Name, rollout, demand and initial state of all that is measured, the truth last."""
    card, odds = load_card(checkpoint), Wish(seed=seed)
    target = next(t for t in card.task_of().targets if t.categorical)
    demand = demand_of(cube, target, card.inputs.forcing_variables)
    for decision in decisions:
        opened, initial, _ = open_model(checkpoint, cube, path, decision=decision)
        stepper = decided_on(opened, initial, path, card, odds)
        typer.echo(f"{decision_data(stepper.decision)}", err=True)
        yield decision, rollout(stepper, initial, path[1:]), demand, initial
    rule = AllocationStepper("kernel", demand, seed=seed)
    yield "kernel", rollout(rule, initial, path[1:]), demand, initial
    still = Persistence(opened.task, demand.mesh.fine)
    yield "persistence", rollout(still, initial, path[1:]), demand, initial
    seen = (observed_state(cube, opened.task, tick) for tick in path)
    yield "truth", seen, demand, initial


@app.command()
def run(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="The cube: labels of all years, and forcing.")],
    first: Annotated[int, typer.Option("--from", help="Year of the initial map.")],
    last: Annotated[int, typer.Option("--to", help="Year to be reached.")],
    out: Annotated[Path, typer.Option(help="JSON of all years.")],
    every: Annotated[int, typer.Option(help="Years between the rows of the table.")] = 10,
    decisions: Annotated[str, typer.Option(help="By commas.")] = "faithful,sampled,likely",
    seed: Annotated[int, typer.Option(help="Of the sampled member and the kernel's ties.")] = 0,
) -> None:
    """Roll out, measure every year, print a table of some."""
    source, sign = as_trained(Cube(cube), load_card(checkpoint)), 1 if last > first else -1
    path = tuple(range(first, last + sign, sign))
    series: dict[str, Any] = {}
    for name, states, demand, initial in competitors(
        checkpoint, source, path, decisions.split(","), seed
    ):
        labels, maps, begun = Labels(source, demand.target), Maps(), time.process_time()
        start = AllocationStepper("kernel", demand).begin(initial)
        rows = list(followed(states, labels, demand, start, maps))
        undone = 100.0 * flicker(maps, len(labels.classes), (min(5, len(path) - 1),)).share(5)
        seconds = (time.process_time() - begun) / len(rows)
        series[name] = {"rows": rows, "undone %": undone, "seconds a year": seconds}
    title = f"{Cube(cube).path.stem} {first} → {last}"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"title": title, "series": series}), encoding="utf-8")
    for table in tables(title, series, every):
        typer.echo(to_markdown(table))


def tables(title: str, series: dict[str, Any], every: int) -> Iterator[Table]:
    """Chosen years of all that was measured, and what is said of whole rollouts."""
    heads = [key for key in series["truth"]["rows"][0] if key != "year"]
    rows, whole = [], []
    for name, found in series.items():
        years = found["rows"]
        for row in [*years[:1], *years[every - 1 :: every]]:
            rows.append((f"{row['year']}: {name}", *(_said(row[key]) for key in heads)))
        iou = [row["mIoU"] for row in years[:15]]
        figures = (
            max(row["off"] for row in years),
            max(row["unclosed %"] for row in years),
            max(row["unplaced %"] for row in years),
            found["undone %"],
            iou[0],
            float(np.mean(iou)),
            float(np.mean(iou)) / iou[0],
            found["seconds a year"],
        )
        whole.append((name, *map(_said, figures)))
    rows.sort(key=lambda row: abs(int(row[0][:4]) - series["truth"]["rows"][0]["year"]))
    yield Table(title, ("", *heads), tuple(rows))
    columns = ("off, most", "unclosed %, most", "unplaced %, most", "undone %", "mIoU, first year")
    columns = ("", *columns, "mIoU, 15 years", "ratio", "seconds a year")
    yield Table(f"{title}, whole", columns, tuple(whole))


def _said(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(help="The picture.")],
    runs: Annotated[list[Path], typer.Argument(help="What ``run`` kept, a row each.")],
) -> None:
    """Curves of all years."""
    figure, axes = plt.subplots(
        len(runs), len(PANELS), figsize=(2.6 * len(PANELS), 2.2 * len(runs)), squeeze=False
    )
    for line, file in zip(axes, runs, strict=True):
        data = json.loads(file.read_text(encoding="utf-8"))
        for axis, key in zip(line, PANELS, strict=True):
            for name, found in data["series"].items():
                style = {"color": "black", "lw": 2} if name == "truth" else {"lw": 1}
                years = [row["year"] for row in found["rows"]]
                axis.plot(years, [row[key] for row in found["rows"]], label=name, **style)
            axis.set_title(key, fontsize=8)
            axis.tick_params(labelsize=6)
        line[0].set_ylabel(data["title"], fontsize=7)
    axes[0][0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(out, dpi=90)


@app.command()
def planet(
    folder: Annotated[Path, typer.Argument(help="Where provider files go.")],
    scenario: Annotated[str, typer.Option(help="After 2015.")] = "ssp370",
) -> None:
    """Files of a synthetic planet whose land use is known from 1850 to 2100."""
    spec = PlanetSpec(scenarios=(scenario,))
    write_planet(spec, folder, years=range(1850, 2101), future=scenario)


if __name__ == "__main__":
    app()
