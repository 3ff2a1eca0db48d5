"""How bold the maps should be, chosen by rollouts over the validation split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ai4land.metrics import LeadScores, RolloutScores
from ai4land.models import Ensemble, UNet
from ai4land.rollout import NetworkStepper, Tiling, observed_state, rollout, score_rollout
from ai4land.samples import SampleOptions, WindowReader
from ai4land.training.setting import Setting
from ai4land.training.validation import STAY, boldness_score

__all__ = ["choose_stay"]


def choose_stay(
    network: UNet | Ensemble, setting: Setting, device: str
) -> tuple[float, dict[str, float]]:
    """Roll through the validation times once per candidate and take the best.

    The rollout runs from one end of the validation times to the other in the smallest step
    trained, in each direction trained, on the network's own predictions, as later use will.

    Args:
        network: In evaluation mode.
        setting: The experiment, its cube and its splits.
        device: Where the network computes.

    Returns:
        The candidate of ``STAY`` with the best ``boldness_score``, and its scores.
    """
    reader, known = setting.reader, setting.known
    options = setting.experiment.samples
    tiling = Tiling(options.window, overlap=0)
    feedback = setting.experiment.training.feedback
    best: tuple[float, float, dict[str, float]] | None = None
    for stay in STAY:
        found: list[tuple[LeadScores, ...]] = []
        for path in _paths(reader, options, setting.experiment.split.validation):
            start, *ticks = path
            jump = ticks[0] - start
            past = [start - jump * (k + 1) for k in range(network.spec.history)]
            past = list(itertools.takewhile(lambda t: known[0] <= t <= known[1], past))
            stepper = NetworkStepper(
                network, reader, tiling=tiling, stay=stay, feedback=feedback, device=device
            )
            initial = observed_state(reader.cube, reader.task, start, past)
            scores: RolloutScores = score_rollout(
                rollout(stepper, initial, ticks), reader, mask=setting.masks.validation
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
    """The longest path of validation times per direction, in the smallest stride they allow."""
    ticks = [t for t in reader.group.ticks if span[0] <= t <= span[1]]
    for direction in options.directions:
        for stride in sorted(options.strides):
            jump = stride * direction.sign
            path = max((_run(ticks, start, jump) for start in ticks), key=len)
            if len(path) > 1:
                yield path
                break


def _run(ticks: list[int], start: int, jump: int) -> list[int]:
    """Labelled times from a start on, one jump apart."""
    return list(itertools.takewhile(lambda t: t in ticks, itertools.count(start, jump)))
