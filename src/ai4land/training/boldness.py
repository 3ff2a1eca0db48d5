"""How bold the maps should be, chosen by rollouts over the validation split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ai4land.cube import State
from ai4land.metrics import RolloutScores
from ai4land.models import Ensemble, UNet
from ai4land.rollout import (
    AllocationStepper,
    MostLikely,
    NetworkStepper,
    Stepper,
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


def choose_decision(judged: Judged, device: str) -> tuple[MostLikely, dict[str, float]]:
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
        trips = [trip for n, s in judged if (trip := _trip(n, s, direction)) is not None]
        if not trips:
            continue
        kernels = [trip.kernel() for trip in trips if trip.demand is not None]
        best: tuple[float, float, dict[str, float]] | None = None
        for stay in STAY:
            decision = MostLikely(stay, stay, balanced)
            rolled = [trip.network(decision, device) for trip in trips]
            score, found = boldness_score(rolled, kernels)
            if best is None or score > best[0]:
                best = score, stay, found
        if best is not None:
            chosen[direction.value] = best[1]
            values |= {f"{direction.value}_{name}": value for name, value in best[2].items()}
    return MostLikely(**chosen, balanced=balanced), values


@dataclass(frozen=True, eq=False)
class _Trip:
    """The longest rollout that a split's validation times allow in one direction."""

    judged: UNet | Ensemble
    setting: Setting
    initial: State
    ticks: list[int]
    demand: Demand | None

    def network(self, decision: MostLikely, device: str) -> RolloutScores:
        """Scores of the network under a decision rule."""
        stepper = NetworkStepper(
            self.judged,
            self.setting.reader,
            tiling=Tiling(self.setting.experiment.samples.window, overlap=0),
            decision=decision,
            feedback=self.setting.experiment.training.feedback,
            demand=self.demand,
            device=device,
        )
        return self._scores(stepper)

    def kernel(self) -> RolloutScores:
        """Scores of the kernel baseline."""
        assert self.demand is not None
        return self._scores(AllocationStepper("kernel", self.demand))

    def _scores(self, stepper: Stepper) -> RolloutScores:
        states = rollout(stepper, self.initial, self.ticks)
        return score_rollout(states, self.setting.reader, mask=self.setting.masks.validation)


def _trip(network: UNet | Ensemble, setting: Setting, direction: Direction) -> _Trip | None:
    """The rollout by which a network is judged; ``None`` if its times allow none."""
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
    demand = None if forcing is None else Demand(reader, forcing)
    return _Trip(network, setting, initial, ticks, demand)


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
