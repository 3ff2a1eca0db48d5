"""How bold the maps should be, chosen by rollouts over the validation split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ai4land.metrics import LeadScores, RolloutScores
from ai4land.models import UNet
from ai4land.rollout import NetworkStepper, Tiling, observed_state, rollout, score_rollout
from ai4land.samples import SampleOptions, WindowReader
from ai4land.training.validation import STAY, boldness_score

__all__ = ["choose_stay"]


def choose_stay(
    network: UNet,
    reader: WindowReader,
    options: SampleOptions,
    span: tuple[int, int],
    mask: npt.NDArray[np.bool_],
    *,
    feedback: str,
    device: str = "cpu",
) -> tuple[float, dict[str, float]]:
    """Roll through the validation times once per candidate and take the best.

    The rollout runs from one end of the validation times to the other in the smallest step
    trained, in each direction trained, on the network's own predictions, as later use will.

    Args:
        network: In evaluation mode.
        reader: Serves the cube.
        options: Directions, strides and history of the training.
        span: First and last tick of the validation split.
        mask: ``(y, x)`` pixels of the validation split.
        feedback: What a step takes as its prior.
        device: Where the network computes.

    Returns:
        The candidate of ``STAY`` with the best ``boldness_score``, and its scores.
    """
    tile = max(options.window // network.options.multiple * network.options.multiple, 1)
    tiling = Tiling(max(tile, 2 * network.options.multiple), overlap=0)
    best: tuple[float, float, dict[str, float]] | None = None
    for stay in STAY:
        found: list[tuple[LeadScores, ...]] = []
        for path in _paths(reader, options, span):
            start, *ticks = path
            jump = ticks[0] - start
            past = [start - jump * (k + 1) for k in range(network.spec.history)]
            stepper = NetworkStepper(
                network, reader, tiling=tiling, stay=stay, feedback=feedback, device=device
            )
            initial = observed_state(reader.cube, reader.task, start, past)
            scores: RolloutScores = score_rollout(
                rollout(stepper, initial, ticks), reader, mask=mask
            )
            found.append(scores.leads)
        score, values = boldness_score(found)
        if best is None or score > best[0]:
            best = score, stay, values
    if best is None:
        raise AssertionError("there are always candidates")
    return best[1], best[2]


def _paths(
    reader: WindowReader, options: SampleOptions, span: tuple[int, int]
) -> Iterator[list[int]]:
    """One path of validation times per direction, in the smallest stride the labels allow."""
    ticks = [t for t in reader.group.ticks if span[0] <= t <= span[1]]
    for direction in options.directions:
        jump = min(options.strides) * direction.sign
        tick = ticks[0] if direction.sign > 0 else ticks[-1]
        path = [tick]
        while (tick := tick + jump) in ticks:
            path.append(tick)
        if len(path) > 1:
            yield path
