"""How bold the maps should be, chosen by rollouts over the validation split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from ai4land.metrics import RolloutScores
from ai4land.models import Ensemble, UNet
from ai4land.rollout import (
    Decision,
    NetworkStepper,
    Tiling,
    observed_state,
    rollout,
    score_rollout,
)
from ai4land.samples import Demand, class_forcing
from ai4land.training.setting import Setting
from ai4land.training.validation import STAY, boldness_score
from ai4land.vocabulary import Direction

__all__ = ["choose_decision"]

Judged = Sequence[tuple[UNet | Ensemble, Setting]]


def choose_decision(judged: Judged, device: str) -> tuple[Decision, dict[str, float]]:
    """Roll through the validation times once per candidate and take the best for each direction.

    The rollouts run from one end of the validation times to the other in the smallest step
    trained, on the network's own predictions, as later use will. Networks that were trained on
    different splits are each judged on what they have not seen.

    Args:
        judged: Networks in evaluation mode, each with the setting whose validation split it has
            not learned from.
        device: Where the networks compute.

    Returns:
        For each direction trained the candidate of ``STAY`` with the best ``boldness_score``
        (the others as without a candidate), and the scores as ``{direction}_{score}``.
    """
    _, setting = judged[0]
    options = setting.experiment.training
    balanced = options.balanced and _forcing(setting) is not None
    chosen: dict[str, float] = {}
    values: dict[str, float] = {}
    for direction in setting.experiment.samples.directions:
        best: tuple[float, float, dict[str, float]] | None = None
        for stay in STAY:
            decision = Decision(stay, stay, balanced, options.feedback)
            rolled = [_roll(network, s, direction, decision, device) for network, s in judged]
            scored = [found for found in rolled if found is not None]
            if not scored:
                break
            score, found = boldness_score(scored)
            if best is None or score > best[0]:
                best = score, stay, found
        if best is not None:
            chosen[direction.value] = best[1]
            values |= {f"{direction.value}_{name}": value for name, value in best[2].items()}
    return Decision(**chosen, balanced=balanced, feedback=options.feedback), values


def _roll(
    network: UNet | Ensemble,
    setting: Setting,
    direction: Direction,
    decision: Decision,
    device: str,
) -> RolloutScores | None:
    """Scores of the longest rollout that the validation times allow; ``None`` without any."""
    reader, known = setting.reader, setting.known
    path = _path(setting, direction)
    if path is None:
        return None
    start, *ticks = path
    jump = ticks[0] - start
    past = [start - jump * (k + 1) for k in range(network.spec.history)]
    past = list(itertools.takewhile(lambda t: known[0] <= t <= known[1], past))
    initial = observed_state(reader.cube, reader.task, start, past)
    forcing = _forcing(setting)
    stepper = NetworkStepper(
        network,
        reader,
        tiling=Tiling(setting.experiment.samples.window, overlap=0),
        decision=decision,
        demand=None if forcing is None else Demand(reader, forcing, initial),
        device=device,
    )
    return score_rollout(rollout(stepper, initial, ticks), reader, mask=setting.masks.validation)


def _forcing(setting: Setting) -> str | None:
    """The forcing that says how much of each class there should be."""
    cube, task = setting.cube, setting.reader.task
    used = setting.experiment.forcing
    return next((n for n in class_forcing(cube, task, used) if n in used), None)


def _path(setting: Setting, direction: Direction) -> list[int] | None:
    """The longest path of validation times in a direction, in the smallest stride they allow."""
    first, last = setting.split.validation
    ticks = [t for t in setting.reader.group.ticks if first <= t <= last]
    for stride in sorted(setting.experiment.samples.strides):
        jump = stride * direction.sign
        path = max(_runs(ticks, jump), key=len)
        if len(path) > 1:
            return path
    return None


def _runs(ticks: list[int], jump: int) -> Iterator[list[int]]:
    """From each labelled time, the labelled times one jump apart."""
    for start in ticks:
        yield list(itertools.takewhile(lambda t: t in ticks, itertools.count(start, jump)))
