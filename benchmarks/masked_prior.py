"""A rollout that begins with most of its map hidden, beside filling it from the nearest pixel.

    python benchmarks/masked_prior.py runs/results/uk_south/fold0/checkpoint \
        runs/results/uk_south.zarr --from 2009 --to 2012

The exercise by which the reference system was judged: 75 % of the prior hidden, in single pixels
or in blocks. Scores are told apart for all, masked and visible pixels, in the blocks that the
checkpoint never saw if it held some out. A rare class holds less than ``--rare`` of the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from ai4land.checkpoint import Card, load_card
from ai4land.cube import Cube, State
from ai4land.metrics import LeadScores, RolloutScores, ScoredClasses, classification_scores
from ai4land.rollout import (
    Likely,
    Tiling,
    as_trained,
    masked,
    masked_scores,
    nearest_visible,
    open_model,
    rollout,
)
from ai4land.samples import Labels, space_masks

PARTS = ("masked", "visible", "all")


def held_out(card: Card, labels: Labels) -> npt.NDArray[np.bool_] | None:
    """Pixels that the checkpoint never saw; ``None`` if it held no blocks out."""
    card = card.on(labels.target.name, labels.grid)
    split, forcing = card.split, card.inputs.forcing_variables[0]
    if split.space is None or split.space.fold is None:
        return None
    if card.grids[labels.target.name] != labels.grid:
        return None
    land = labels.land(split.dealt(labels.ticks))
    return space_masks(labels.grid, card.grids[forcing], split.space, land).test


def scores(lead: LeadScores, names: tuple[str, ...], rare: float) -> tuple[float, float, float]:
    """Accuracy, mean IoU, and mean IoU of the classes that hold less than a share of the truth."""
    found = classification_scores(lead.confusion, names)
    support = lead.confusion.counts.sum(axis=1) / max(lead.confusion.total, 1)
    few = [
        found["classes"][name]["iou"]
        for name, share in zip(names, support, strict=True)
        if 0 < share < rare
    ]
    return found["accuracy"], found["mean_iou"], float(np.mean(few)) if few else float("nan")


def rows(
    states: dict[str, list[State]],
    labels: Labels,
    protocol: ScoredClasses,
    mask: npt.NDArray[np.bool_] | None,
    rare: float,
) -> Iterator[str]:
    """One line of Markdown for each competitor, at the last time."""
    for name, path in states.items():
        found: dict[str, RolloutScores] = masked_scores(path, labels, protocol=protocol, mask=mask)
        cells = [
            f"{value:.3f}"
            for part in PARTS
            for value in scores(found[part].leads[-1], labels.classes.names, rare)
        ]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="The cube.")],
    start: Annotated[int, typer.Option("--from", help="Year of the masked map.")],
    last: Annotated[int, typer.Option("--to", help="Year to be reached.")],
    stride: Annotated[int, typer.Option(help="Years of a step; default one step.")] = 0,
    share: Annotated[float, typer.Option(help="Share of the prior hidden.")] = 0.75,
    blocks: Annotated[str, typer.Option(help="Sides of hidden blocks in pixels.")] = "1,8,16",
    seed: Annotated[int, typer.Option(help="Of the masks.")] = 0,
    rare: Annotated[float, typer.Option(help="Share below which a class is rare.")] = 0.05,
    protocol: Annotated[ScoredClasses, typer.Option()] = ScoredClasses.LAND,
    tile: Annotated[int, typer.Option(help="Side of a tile.")] = 128,
) -> None:
    """Print one table per kind of mask."""
    card = load_card(checkpoint)
    source = as_trained(Cube(cube), card)
    target = next(t for t in card.task_of().targets if t.categorical)
    labels = Labels(source, target)
    jump = (stride or abs(last - start)) * (1 if last > start else -1)
    path = tuple(range(start, last + (1 if last > start else -1), jump))
    stepper, initial, _ = open_model(
        checkpoint, source, path, tiling=Tiling(tile, overlap=tile // 4)
    )
    mask = held_out(card, labels)
    stepper.decision = Likely(balanced=False)
    where = "all land" if mask is None else f"held-out blocks, {mask.mean():.0%} of the map"
    print(f"### {source.path.stem}: {path[0]} → {path[-1]}, {len(path) - 1} step(s), {where}")
    for block in map(int, blocks.split(",")):
        hidden = masked(initial, target.name, share, block=block, seed=seed)
        filled = {target.name: nearest_visible(hidden[target.name], labels.coding)}
        still = [replace(initial, tick=tick) for tick in path[1:]]
        states = {
            "model": list(rollout(stepper, hidden, path[1:])),
            "nearest visible": [hidden, *(replace(s, fields=filled) for s in still)],
            "persistence of the whole map": [hidden, *still],
        }
        if stepper.demand is not None:
            stepper.decision = Likely(balanced=True)
            states["model, balanced"] = list(rollout(stepper, hidden, path[1:]))
            stepper.decision = Likely(balanced=False)
        kind = "pixels" if block == 1 else f"blocks of {block} × {block}"
        print(f"\n*{share:.0%} of the prior hidden in {kind}, seed {seed}; rare < {rare:.0%}*\n")
        titles = ("accuracy", "mean IoU", "rare IoU")
        print("| | " + " | ".join(f"{part}: {t}" for part in PARTS for t in titles) + " |")
        print("|---|" + "--:|" * (len(PARTS) * len(titles)))
        for line in rows(states, labels, protocol, mask, rare):
            print(line)


if __name__ == "__main__":
    typer.run(main)
