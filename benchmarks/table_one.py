"""A rollout in the form of the reference system's Table 1: first year and mean of the years.

    ai4land train benchmarks/experiments/crete_noise_forward.yaml --out runs/crete_noise_forward
    python benchmarks/table_one.py runs/crete_noise_forward/checkpoint \
        runs/results/crete.zarr --from 1985 --to 2000

Each decision with the odds found on the path, kernel and persistence beside. ``--noise`` gives a
share of the initial map's land another class drawn at random; persistence is then of that map.
``--ahead 3`` adds rollouts of three steps a pass, ``--yearly`` a table for each year. A rare class
holds less than ``--rare`` of the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ai4land.checkpoint import load_card
from ai4land.cube import Cube, State
from ai4land.metrics import LeadScores, ScoredClasses, classification_scores
from ai4land.rollout import (
    AllocationStepper,
    Faithful,
    Likely,
    Persistence,
    Stepper,
    as_trained,
    decided_on,
    open_model,
    rollout,
    score_rollout,
)
from ai4land.samples import ClassCoding, Labels
from ai4land.vocabulary import single_task

HEADLINE = ("accuracy", "macro_f1", "weighted_f1", "mean_iou")
TITLES = (
    *("accuracy", "macro F1", "weighted F1", "mean IoU", "rare IoU"),
    *(f"changed: {t}" for t in ("accuracy", "macro F1", "weighted F1", "mean IoU")),
    "figure of merit",
)


def numbers(lead: LeadScores, names: Sequence[str], rare: float) -> list[float]:
    """The scores of one year, in the order of the titles; NaN where there is none."""
    every = classification_scores(lead.confusion, names)
    changed = classification_scores(lead.changed_truth, names)
    merit = lead.three.figure_of_merit
    found = [
        *(every[key] for key in HEADLINE),
        lead.confusion.rare_iou(rare),
        *(changed[key] for key in HEADLINE),
        merit,
    ]
    return [np.nan if value is None else float(value) for value in found]


def noisy(state: State, name: str, coding: ClassCoding, share: float, seed: int) -> State:
    """A state of whose land a share has another class than it had."""
    rng, field = np.random.default_rng(seed), state[name]
    positions = coding.positions(field.values)
    land = np.array([k for k in range(coding.layers) if k not in coding.sea], np.uint8)
    hit = coding.domain(field.values) & (rng.random(positions.shape) < share)
    others = land[rng.integers(0, len(land) - 1, positions.shape)]
    others = np.where(others == positions, land[-1], others)  # each other one has its chance
    values = np.where(hit, coding.stored(others), field.values)
    return replace(state, fields={**state.fields, name: field.replaced(values)})


def table(title: str, rows: Mapping[str, Sequence[float]]) -> str:
    """Lines of Markdown."""
    head = f"\n*{title}*\n\n| | " + " | ".join(TITLES) + " |\n|---|" + "--:|" * len(TITLES)
    lines = (
        f"| {name} | " + " | ".join(f"{v:.4f}" for v in row) + " |" for name, row in rows.items()
    )
    return "\n".join([head, *lines])


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="The cube.")],
    start: Annotated[int, typer.Option("--from", help="Year of the initial map.")],
    last: Annotated[int, typer.Option("--to", help="The last year.")],
    noise: Annotated[float, typer.Option(help="Share of wrong classes in the initial map.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    ahead: Annotated[int, typer.Option(help="Steps of a pass, beside the recursion.")] = 1,
    yearly: Annotated[bool, typer.Option(help="A table for each year.")] = False,
    rare: Annotated[float, typer.Option(help="Share below which a class is rare.")] = 0.05,
    protocol: Annotated[ScoredClasses, typer.Option()] = ScoredClasses.REFERENCE,
) -> None:
    """Print the tables."""
    card = load_card(checkpoint)
    source, jump = as_trained(Cube(cube), card), 1 if last > start else -1
    target = next(t for t in card.task_of().targets if t.categorical)
    labels, path = Labels(source, target), tuple(range(start, last + jump, jump))
    assert isinstance(labels.coding, ClassCoding)
    steppers: dict[str, Stepper] = {"persistence": Persistence(single_task(target), labels.grid)}
    for decision in (Faithful.name, Likely.name):
        model, initial, card = open_model(checkpoint, source, path, decision=decision)
        initial = noisy(initial, target.name, labels.coding, noise, seed) if noise else initial
        if model.demand is not None:
            steppers["kernel"] = AllocationStepper("kernel", model.demand)
        decided = decided_on(model, initial, path, card)
        steppers[decision] = decided
        if ahead > 1:
            steppers[f"{decision}, {ahead} steps a pass"] = decided.with_ahead(ahead)
        assert isinstance(decided.decision, Faithful | Likely)
        print(f"{decision}: odds {decided.decision.odds(jump):g}")
    names, found = labels.classes.names, {}
    for name, stepper in steppers.items():
        scores = score_rollout(rollout(stepper, initial, path[1:]), labels, protocol=protocol)
        found[name] = [numbers(lead, names, rare) for lead in scores.leads]
    print(f"\n### {source.path.stem}: {start} → {last}, {protocol.value} classes, noise {noise:g}")
    wanted = range(len(path) - 1) if yearly else (0,)
    for place in wanted:
        rows = {name: leads[place] for name, leads in found.items()}
        print(table(f"{path[place + 1]}, year {place + 1}", rows))
    means = {name: np.mean(leads, axis=0).tolist() for name, leads in found.items()}
    print(table(f"mean of {len(path) - 1} years", means))


if __name__ == "__main__":
    typer.run(main)
