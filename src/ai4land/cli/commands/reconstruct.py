"""``ai4land reconstruct``: from a checkpoint and a cube to maps of other years."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ai4land.checkpoint import Card, load_card
from ai4land.cli.console import progress_bar, stdout, warn
from ai4land.cube import Cube, State
from ai4land.errors import ConfigError
from ai4land.rollout import (
    DECISIONS,
    AllocationStepper,
    Persistence,
    PredictorStepper,
    Stepper,
    Tiling,
    Wish,
    as_trained,
    begun,
    decided_on,
    decision_data,
    demand_of,
    domain_warnings,
    observed_state,
    open_model,
    prediction_attributes,
    save_rollout,
    unplaced_warnings,
)
from ai4land.vocabulary import LAND_USE, Clock

__all__ = ["reconstruct"]

EXAMPLES = """Forward:  ai4land reconstruct runs/crete/checkpoint crete.zarr --from 1985 --to 2000
--out crete_2000.zarr

Baseline:  ai4land reconstruct kernel crete.zarr --from 1985 --to 1970 --out kernel_1970.zarr"""

_BASELINES = ("persistence", "kernel", "random")
_CACHE = 8 * 2**20  # bytes of decoded chunks: a block's own and its neighbours'


class Feedback(StrEnum):
    """What a step hands to the next."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"


DecisionName = StrEnum("DecisionName", list(DECISIONS))  # type: ignore[misc]


FeedbackOption = Annotated[
    Feedback | None, typer.Option(help="What a step takes as its prior [default: as trained].")
]
DecisionOption = Annotated[
    DecisionName | None,
    typer.Option(
        help="faithful honours the coarse areas to one pixel, likely takes the most likely "
        "classes, sampled draws a member of an ensemble [default: the checkpoint's]."
    ),
]
StayOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="A change is taken when it is more than this many times as likely as none "
        "[default: found on this path, before it is rolled out].",
    ),
]
BalanceOption = Annotated[
    bool | None,
    typer.Option(
        "--balance/--no-balance",
        help="Fit the probabilities of a coarse cell to what the forcing asks for first "
        "[default: as trained].",
    ),
]


def reconstruct(
    model: Annotated[
        str, typer.Argument(help="Folder of a checkpoint, or persistence, kernel or random.")
    ],
    cube: Annotated[Path, typer.Argument(help="Cube with the initial map and the forcing.")],
    first: Annotated[int, typer.Option("--from", help="Year of the initial map.")],
    last: Annotated[int, typer.Option("--to", help="Year to reach; an earlier one is a hindcast.")],
    out: Annotated[Path, typer.Option(help="Where the reconstruction goes, a cube as well.")],
    stride: Annotated[int, typer.Option(min=1, help="Times of the model's clock in one step.")] = 1,
    feedback: FeedbackOption = None,
    decision: DecisionOption = None,
    stay: StayOption = None,
    balance: BalanceOption = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Keep the classes' probabilities as well.")
    ] = False,
    member: Annotated[
        int | None, typer.Option(min=1, help="Use this member of an ensemble alone.")
    ] = None,
    tile: Annotated[int, typer.Option(min=8, help="Side of a tile in pixels.")] = 128,
    overlap: Annotated[int, typer.Option(min=0, help="Pixels shared by tiles.")] = 32,
    seed: Annotated[
        int, typer.Option(help="Of a sampled member; of the ties in kernel and random.")
    ] = 0,
    device: Annotated[str, typer.Option(help="Where the model computes: cpu, cuda.")] = "cpu",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is already there.")
    ] = False,
) -> None:
    """Roll the land forward or backward and save it as a cube.

    The direction follows from the two years. Every step stands on the step before, the first on
    the cube's own map. The result has the cube's schema and says where it comes from.
    """
    source = Cube(cube, cache=_CACHE)
    card: Card | None = None if model in _BASELINES else load_card(model)
    clock = Clock.YEAR if card is None else card.task_of().clock
    source = source if card is None else as_trained(source, card)
    path = _path(clock, first, last, stride)
    options: dict[str, object] = {"stride": stride}
    if card is None:
        decided = next((v for v in (decision, stay, balance) if v is not None), None)
        _refuse(model, decided, probabilities, member)
        stepper, chosen = _baseline(model, source, seed)
        start = observed_state(source, stepper.task, path[0])
    else:
        opened, start, card = open_model(
            model,
            source,
            path,
            tiling=Tiling(tile, overlap),
            feedback=feedback.value if feedback else None,
            decision=decision and decision.value,
            member=member,
            device=device,
        )
        stepper = opened = _decided(opened, start, path, card, Wish(stay, balance, seed))
        chosen = {"decision": decision_data(opened.decision), "feedback": opened.feedback}
        chosen |= {"tile": tile, "overlap": overlap, **({"member": member} if member else {})}
        for message in domain_warnings(card, source, path):
            warn(message)
    said = prediction_attributes(stepper.name, source, path, options | chosen, card, clock)
    with progress_bar("blocks") as progress:
        bar = progress.add_task("", total=None, figures="")
        made = save_rollout(
            stepper,
            start := begun(stepper, start),
            path[1:],
            out,
            like=source,
            attributes=said,
            probabilities=probabilities,
            overwrite=overwrite,
            progress=lambda tick, done, total: progress.update(
                bar, description=stepper.task.clock.label(tick), completed=done, total=total
            ),
        )
    for message in unplaced_warnings(made, stepper, start):
        warn(message)
    stdout().print(f"Reconstruction written: {out}", soft_wrap=True)


def _baseline(model: str, source: Cube, seed: int) -> tuple[Stepper, dict[str, object]]:
    """A stepper that no model stands behind, and its options."""
    if model == "persistence":
        return Persistence(LAND_USE, source.grid(LAND_USE.targets[0].name)), {}
    demand = demand_of(source, LAND_USE.targets[0])
    options: dict[str, object] = {"seed": seed, "forcing": demand.forcing}
    return AllocationStepper(model, demand, seed=seed), options


def _decided(
    stepper: PredictorStepper, start: State, path: Sequence[int], card: Card, wish: Wish
) -> PredictorStepper:
    """The stepper with its decision, the search for whose odds is shown."""
    with progress_bar("odds") as progress:
        bar = progress.add_task("decision", total=None, figures="")

        def told(done: int, total: int, figures: dict[str, float]) -> None:
            line = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.update(bar, completed=done, total=total, figures=line)

        return decided_on(stepper, start, path, card, wish, told)


def _refuse(model: str, decided: object, probabilities: bool, member: int | None) -> None:
    """Refuse what only a model can do."""
    for asked, said in (
        (decided is not None, "Only a model's probabilities are decided on"),
        (probabilities, "Only a model gives probabilities"),
        (member is not None, "Only an ensemble has members"),
    ):
        if asked:
            raise ConfigError(said, found=model, expected="folder of a checkpoint")


def _path(clock: Clock, first: int, last: int, stride: int) -> tuple[int, ...]:
    """All times from the initial one to the last; below the year those of both years as well."""
    before, after = clock.ticks([first]), clock.ticks([last])
    start, end = (before[0], after[-1]) if last >= first else (before[-1], after[0])
    if start == end or abs(end - start) % stride:
        raise ConfigError(
            "The times cannot be reached in whole steps",
            expected=f"--to a multiple of {stride} {clock.noun} away from --from",
            found=f"{first} → {last}, {abs(end - start)} {clock.noun}",
            remedy="choose another --to or --stride",
        )
    sign = 1 if end > start else -1
    return tuple(range(start, end + sign, sign * stride))
