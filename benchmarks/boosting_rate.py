"""How many cells a second boosted trees predict on one core, beside logistic regression and U-Net.

    python benchmarks/boosting_rate.py
    python benchmarks/boosting_rate.py --rounds 64 --depth 6 --tile 256

Eight classes in patches, coarse cells of 25 × 25 pixels, every pixel land, every tile predicted
whole: features, chain and learner, as a rollout asks for it. Trees are grown on the edges of the
patches, as many rounds as early stopping leaves on the south of the UK. One thread. The goal for
the trees is a tenth of a million cells a second.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console
from scipy.ndimage import gaussian_filter

from ai4land.models import (
    Boosting,
    BoostingOptions,
    Inputs,
    InputSpec,
    Logistic,
    LogisticOptions,
    Markov,
    PixelView,
    Predictor,
    Seen,
    xgboost,
)
from ai4land.models.networks import NetworkPredictor, build_network
from ai4land.vocabulary import LAND_USE, legend

CLASSES = legend("landuse8").names
SIZE, CELL, LEARNED = len(CLASSES), 25, 60_000
Array = npt.NDArray[Any]


def spec() -> InputSpec:
    """Land use under shares of the same classes."""
    same = tuple(tuple(float(i == j) for j in range(SIZE)) for i in range(SIZE))
    return InputSpec(
        targets=(LAND_USE.targets[0].with_classes(CLASSES),),
        forcing=tuple(f"land_use_fractions/{c}" for c in CLASSES),
        bound=LAND_USE.targets[0].name,
        translation=same,
        closed_loop=True,
    )


def inputs(side: int, seed: int) -> tuple[Inputs[Array], Array]:
    """One window of patches whose edges move, and the classes after the step."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal((SIZE, side, side)), (0, 4, 4))
    moved = field + 0.15 * gaussian_filter(rng.standard_normal(field.shape), (0, 6, 6))
    maps = [part.argmax(axis=0) for part in (field, moved)]
    hot = [np.eye(SIZE, dtype=np.float32)[m].transpose(2, 0, 1)[None] for m in maps]
    cell = np.arange(side) // CELL
    sums = [np.add.reduceat(h, np.arange(0, side, CELL), axis=2) for h in hot]
    sums = [np.add.reduceat(s, np.arange(0, side, CELL), axis=3) for s in sums]
    before, after = ((s / s.sum(axis=1, keepdims=True))[:, :, cell][..., cell] for s in sums)
    one = np.ones((1, 1, side, side), np.float32)
    none = np.empty((1, 0, side, side), np.float32)
    past = Seen(hot[0], one, one, np.empty((1, 0, *hot[0].shape[1:]), np.float32), none)
    held: dict[str, Any] = {
        "targets": {LAND_USE.targets[0].name: past},
        "forcing_prior": before,
        "forcing_target": after,
        "zones": none.astype(np.int64),
        "calendar": np.ones((1, 1), np.float32),
    }
    return Inputs(*(held.get(name, none) for name in Inputs._fields)), maps[1]


def boosting(view: PixelView, options: BoostingOptions) -> Boosting:
    """Trees grown on a window of its own."""
    given, after = inputs(512, 1)
    chain = view.chain.predict(given)[view.target.name]
    where = np.random.default_rng(0).random((1, *after.shape)) < LEARNED / after.size
    rows = view.rows(given, chain, where)
    data = xgboost().QuantileDMatrix(
        rows.features, after[where[0]], base_margin=rows.start, max_bin=options.bins, nthread=1
    )
    parameters = {
        "objective": "multi:softprob",
        "num_class": SIZE,
        "max_depth": options.depth,
        "eta": options.rate,
        "min_child_weight": options.least,
        "colsample_bytree": options.features,
        "max_bin": options.bins,
        "nthread": 1,
    }
    return Boosting(view, xgboost().train(parameters, data, options.rounds), options)


def rate(work: Callable[[], object], cells: int, repeats: int = 5) -> float:
    """Cells a second of processor time, the best of some: others may keep the machine busy."""
    work()
    spent = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return cells / min(spent)


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of a tree a class.")] = 64,
    depth: Annotated[int, typer.Option(help="Depth of the trees.")] = 6,
    tile: Annotated[int, typer.Option(help="Side of the window predicted, in pixels.")] = 128,
) -> None:
    """Print the rates."""
    torch.set_num_threads(1)
    given, after = inputs(tile, 2)
    pairs = np.zeros((SIZE, SIZE), np.int64)
    prior = given.targets[LAND_USE.targets[0].name].prior[0].argmax(axis=0)
    np.add.at(pairs, (prior, after), 1)
    chain = Markov(spec(), {1.0: pairs + 1})
    options = BoostingOptions(rounds=rounds, depth=depth)
    view = options.view(chain)
    count = len(view.names)
    plain = np.zeros(count, np.float32)
    weights = np.zeros((2, SIZE + 1, SIZE, count + 1), np.float32)
    unet = build_network({"name": "unet"}, spec())
    members: dict[str, Predictor] = {
        "Markov chain": chain,
        "logistic regression": Logistic(view, plain, plain + 1, weights, LogisticOptions()),
        f"boosting, {rounds} rounds of depth {depth}": boosting(view, options),
        f"U-Net, {sum(p.numel() for p in unet.parameters()):,} weights": NetworkPredictor([unet]),
    }
    console = Console()
    features = rate(lambda: view.neighbourhood.layers(given), tile * tile)
    console.print(f"{count - SIZE} neighbourhood features: {features / 1e6:.2f} million cells/s")
    for name, member in members.items():

        def work(member: Predictor = member) -> object:
            return member.predict(given)

        console.print(f"{name}: {rate(work, tile * tile) / 1e6:.3f} million cells/s on one core")


if __name__ == "__main__":
    typer.run(main)
