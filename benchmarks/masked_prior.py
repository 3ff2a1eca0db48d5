"""A step from a map most of which is hidden, beside filling it by simple rules.

    ai4land train benchmarks/experiments/masked_uk.yaml --out runs/masked/uk
    python benchmarks/masked_prior.py runs/masked/uk/checkpoint \
        runs/results/uk_south.zarr --from 2009 --to 2012

The exercise by which the reference system was judged: 75 % of the prior hidden, in single pixels
or in blocks. Scores are told apart for masked and all pixels, pooled over the seeds of the masks,
in the blocks that the checkpoint never saw if it held some out. A rare class holds less than
``--rare`` of the truth.

Two kinds of map are told apart. Each pixel on its own takes its most likely class; *areas* are
assigned, so that every coarse cell has those of the forcing (the decision ``faithful``). Rules
that know no training: the nearest visible pixel, and the visible surroundings, of which nearer ones
count more, whose two constants are those of the highest mean IoU on the validation split, for each
kind of map apart.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from scipy.signal import fftconvolve

from ai4land.checkpoint import Card, load_card
from ai4land.cube import Cube, State
from ai4land.metrics import LeadScores, RolloutScores, ScoredClasses, classification_scores
from ai4land.models import Inputs, InputSpec
from ai4land.rollout import (
    Faithful,
    Likely,
    PredictorStepper,
    Tiling,
    as_trained,
    masked,
    masked_scores,
    nearest_visible,
    observed_state,
    open_model,
    step,
)
from ai4land.samples import Labels, SpaceMasks, space_masks

BoolArray = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

PARTS = ("masked", "all")
POWERS = (2.0, 3.0, 4.0)
TRUSTS = (0.01, 0.1)
REACH = 16  # pixels, half the overlap of the tiles
_PIECE = 1 << 14  # pixels, so that only pieces that count are stepped


class Surroundings:
    """Shares of the classes among the visible pixels around, weighed by distance.

    A visible pixel keeps its class. A hidden one is of each class in proportion to the visible
    pixels of it, each counted by its distance to the power of minus ``power``, and to the class's
    share of the coarse cell, which counts as much as ``trust`` pixels next to it.
    """

    multiple = 1

    def __init__(self, spec: InputSpec, power: float, trust: float) -> None:
        self.spec, self.power, self.trust = spec, power, trust
        away = np.hypot(*np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1])
        away[REACH, REACH] = np.inf
        self._kernel = np.where(away <= REACH, away**-power, 0.0)[None, None]

    def to_dict(self) -> dict[str, Any]:
        """The constants."""
        return {"name": "surroundings", "power": self.power, "trust": self.trust}

    def predict(self, inputs: Inputs[Array]) -> dict[str, npt.NDArray[np.float32]]:
        """Class probabilities."""
        target = next(t for t in self.spec.targets if t.categorical)
        given = inputs.targets[target.name]
        seen = np.where(given.visible > 0, np.nan_to_num(given.prior), 0.0)
        near = np.maximum(fftconvolve(seen, self._kernel, mode="same", axes=(-2, -1)), 0.0)
        told = np.einsum(
            "kc,bcyx->bkyx", np.array(self.spec.translation), np.nan_to_num(inputs.forcing_target)
        )
        near += self.trust * told + 1e-9
        near /= near.sum(axis=1, keepdims=True)
        # of visible pixels those go first, should some have to, that lie among others
        kept = np.where(given.visible > 0, 0.999 * seen + 0.001 * near, near)
        return {target.name: kept.astype(np.float32)}

    def save(self, folder: Path) -> None:
        """Nothing was learned."""

    def members(self) -> tuple[Surroundings, ...]:
        """Itself."""
        return (self,)

    def followers(self, target: str) -> None:
        """Anything may follow anything."""


@dataclass(frozen=True)
class Exercise:
    """What is hidden and scored.

    Attributes:
        labels: The truth.
        initial: The whole map.
        tick: The time to reach.
        mask: Pixels that are scored; all by default.
        share: Share of the map hidden.
        seeds: Of the masks.
        protocol: Classes that are scored.
    """

    labels: Labels
    initial: State
    tick: int
    mask: BoolArray | None
    share: float
    seeds: Sequence[int]
    protocol: ScoredClasses

    def scores(
        self, competitors: Callable[[State], Mapping[str, State]], block: int
    ) -> dict[str, dict[str, LeadScores]]:
        """Scores of competitors on masked and all pixels, all seeds together."""
        name = self.labels.target.name
        total: dict[str, dict[str, RolloutScores]] = {}
        for seed in self.seeds:
            hidden = masked(self.initial, name, self.share, block=block, seed=seed)
            for who, reached in competitors(hidden).items():
                path = [hidden, replace(reached, tick=self.tick)]
                found = masked_scores(path, self.labels, protocol=self.protocol, mask=self.mask)
                held = total.setdefault(who, dict.fromkeys(PARTS, RolloutScores()))
                total[who] = {part: held[part] + found[part] for part in PARTS}
        return {who: {p: s.leads[0] for p, s in held.items()} for who, held in total.items()}

    def maps(self, name: str, stepper: PredictorStepper, hidden: State) -> dict[str, State]:
        """A model's maps, each pixel on its own and with the areas asked for, where they count."""
        pieces = [
            p
            for p in stepper.mesh.pieces(_PIECE)
            if self.mask is None
            or self.mask[p.row : p.row + p.height, p.col : p.col + p.width].any()
        ]
        state = stepper.begin(hidden)
        return {
            f"{name}{kind}": step(stepper.with_decision(decision), state, self.tick, pieces)
            for decision, kind in ((Likely(), ""), (Faithful(), ", areas"))
        }

    def nearest(self, hidden: State) -> State:
        """What is hidden filled from the nearest visible pixel."""
        name = self.labels.target.name
        return replace(hidden, fields={name: nearest_visible(hidden[name], self.labels.coding)})


def held_out(card: Card, labels: Labels) -> SpaceMasks | None:
    """Blocks of the checkpoint on the grid of the labels; ``None`` if it held none out."""
    card = card.on(labels.target.name, labels.grid)
    split, forcing = card.split, card.inputs.forcing_variables[0]
    if split.space is None or split.space.fold is None:
        return None
    if card.grids[labels.target.name] != labels.grid:
        return None
    land = labels.land(split.dealt(labels.ticks))
    return space_masks(labels.grid, card.grids[forcing], split.space, land)


def summary(lead: LeadScores, names: Sequence[str], rare: float) -> tuple[float, float, float]:
    """Accuracy, mean IoU, and mean IoU of the classes that hold less than a share of the truth."""
    found = classification_scores(lead.confusion, names)
    return found["accuracy"], found["mean_iou"], lead.confusion.rare_iou(rare)


def competitors(
    model: PredictorStepper,
    rules: Mapping[str, PredictorStepper],
    exercise: Exercise,
    hidden: State,
) -> dict[str, State]:
    """The maps of everyone who fills one."""
    return {
        "nearest visible pixel": exercise.nearest(hidden),
        **{name: exercise.maps("surroundings", rule, hidden)[name] for name, rule in rules.items()},
        **exercise.maps("model", model, hidden),
        "*persistence of the whole map*": exercise.initial,
    }


def chosen(model: PredictorStepper, exercise: Exercise, block: int) -> dict[str, PredictorStepper]:
    """The surroundings of the highest mean IoU on masked pixels, by kind of map."""
    assembler, names = model.assembler, exercise.labels.classes.names
    best: dict[str, tuple[float, PredictorStepper]] = {}
    for power, trust in itertools.product(POWERS, TRUSTS):
        rule = Surroundings(assembler.spec, power, trust)
        stepper = PredictorStepper(rule, assembler, tiling=model.tiling)
        maps = functools.partial(exercise.maps, "surroundings", stepper)
        for name, found in exercise.scores(maps, block).items():
            merit = summary(found["masked"], names, 0.0)[1]
            if name not in best or merit > best[name][0]:
                best[name] = merit, stepper
    return {name: stepper for name, (_, stepper) in best.items()}


def table(
    found: Mapping[str, Mapping[str, LeadScores]], names: Sequence[str], rare: float
) -> Iterator[str]:
    """Lines of Markdown."""
    titles = ("accuracy", "mean IoU", "rare IoU")
    yield "| | " + " | ".join(f"{part}: {t}" for part in PARTS for t in titles) + " |"
    yield "|---|" + "--:|" * (len(PARTS) * len(titles))
    for name, parts in found.items():
        cells = [f"{v:.3f}" for part in PARTS for v in summary(parts[part], names, rare)]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="The cube.")],
    start: Annotated[int, typer.Option("--from", help="Year of the masked map.")],
    to: Annotated[int, typer.Option("--to", help="Year to be reached, in one step.")],
    share: Annotated[float, typer.Option(help="Share of the prior hidden.")] = 0.75,
    blocks: Annotated[str, typer.Option(help="Sides of hidden blocks in pixels.")] = "1,8,16",
    seeds: Annotated[int, typer.Option(help="Number of masks.")] = 3,
    rare: Annotated[float, typer.Option(help="Share below which a class is rare.")] = 0.05,
    protocol: Annotated[ScoredClasses, typer.Option()] = ScoredClasses.LAND,
    tile: Annotated[int, typer.Option(help="Side of a tile.")] = 128,
) -> None:
    """Print one table per kind of mask."""
    card = load_card(checkpoint)
    source = as_trained(Cube(cube), card)
    labels = Labels(source, next(t for t in card.task_of().targets if t.categorical))
    model, initial, _ = open_model(
        checkpoint, source, (start, to), tiling=Tiling(tile, overlap=2 * REACH), decision=Faithful()
    )
    masks, (first, _) = held_out(card, labels), card.split.validation
    test = Exercise(
        labels, initial, to, None if masks is None else masks.test, share, range(seeds), protocol
    )
    before = observed_state(source, model.task, first, [])
    validation = replace(
        test,
        initial=before,
        tick=first + to - start,
        mask=None if masks is None else masks.validation,
        seeds=[len(test.seeds)],
    )
    where = "all land" if masks is None else f"held-out blocks, {masks.test.mean():.0%} of the map"
    print(f"### {source.path.stem}: {start} → {to}, {where}, {protocol.value} classes")
    for block in map(int, blocks.split(",")):
        rules = chosen(model, validation, block)
        found = test.scores(functools.partial(competitors, model, rules, test), block)
        kind = "pixels" if block == 1 else f"blocks of {block} × {block}"
        print(f"\n*{share:.0%} hidden in {kind}, {seeds} masks; rare < {rare:.0%}*\n")
        print("\n".join(table(found, labels.classes.names, rare)))
        for name, rule in rules.items():
            print(f"\n{name}: {rule.predictor.to_dict()}")


if __name__ == "__main__":
    typer.run(main)
