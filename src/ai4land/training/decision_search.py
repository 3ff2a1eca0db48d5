"""The decision's constants, searched by rollouts over the validation split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ai4land.cube import State
from ai4land.metrics import RolloutScores
from ai4land.models import Predictor
from ai4land.rollout import (
    AllocationStepper,
    MostLikely,
    PredictorStepper,
    Stepper,
    Tiling,
    observed_state,
    rollout,
    score_rollout,
)
from ai4land.training.setting import Region, first_labels
from ai4land.training.validation import STAY, decision_score
from ai4land.vocabulary import Direction

__all__ = ["choose_decision"]

Judged = Sequence[tuple[Predictor, Region]]


def choose_decision(judged: Judged) -> tuple[MostLikely, dict[str, float]]:
    """Roll through the validation times once per candidate and take the best for each direction.

    The rollouts run from one end of the validation times to the other in the smallest step
    trained, on the model's own predictions, as later use will. Models that were trained on
    different splits are each judged on what they have not seen.

    Args:
        judged: Models, each with the setting whose validation split it has not learned from.

    Returns:
        For each direction trained the candidate of ``STAY`` with the best ``decision_score``
        (the others as without a candidate), and the scores as ``{direction}_{score}``.
    """
    _, setting = judged[0]
    balanced = setting.experiment.training.balanced and setting.assembler.demand is not None
    chosen: dict[str, float] = {}
    values: dict[str, float] = {}
    for direction in setting.experiment.samples.directions:
        trips = [trip for n, s in judged if (trip := _trip(n, s, direction)) is not None]
        if not trips:
            continue
        kernels = [k for trip in trips if (k := trip.kernel()) is not None]
        best: tuple[float, float, dict[str, float]] | None = None
        for stay in STAY:
            rolled = [trip.model(MostLikely(stay, stay, balanced)) for trip in trips]
            score, found = decision_score(rolled, kernels)
            if best is None or score > best[0]:
                best = score, stay, found
        if best is not None:
            chosen[direction.value] = best[1]
            values |= {f"{direction.value}_{name}": value for name, value in best[2].items()}
    return MostLikely(**chosen, balanced=balanced), values


@dataclass(frozen=True, eq=False)
class _Trip:
    """The longest rollout that a split's validation times allow in one direction."""

    predictor: Predictor
    setting: Region
    initial: State
    ticks: list[int]

    def model(self, decision: MostLikely) -> RolloutScores:
        """Scores of the model under a decision."""
        return self._scores(_stepper(self.predictor, self.setting, decision))

    def kernel(self) -> RolloutScores | None:
        """Scores of the kernel baseline; ``None`` without a demand."""
        demand = self.setting.assembler.demand
        if demand is None:
            return None
        clock, own = self.setting.assembler.task.clock, demand.target.clock
        ticks = list(dict.fromkeys(clock.convert(t, own) for t in self.ticks))
        start = clock.convert(self.initial.tick, own)
        initial = replace(self.initial, clock=own, tick=start, past=())
        ticks = [tick for tick in ticks if tick != start]
        return self._scores(AllocationStepper("kernel", demand), initial, ticks)

    def _scores(
        self, stepper: Stepper, initial: State | None = None, ticks: list[int] | None = None
    ) -> RolloutScores:
        states = rollout(stepper, initial or self.initial, ticks or self.ticks)
        labels = next(v for v in self.setting.labels.values() if v.target.categorical)
        return score_rollout(states, labels, mask=self.setting.masks.validation)


def _trip(predictor: Predictor, setting: Region, direction: Direction) -> _Trip | None:
    """The rollout by which a model is judged; ``None`` if its times allow none."""
    path, known, task = _path(setting, direction), setting.known, setting.assembler.task
    if path is None or (len(path) > 2 and direction not in task.recursive):
        return None
    start, *ticks = path
    looked = _stepper(predictor, setting, MostLikely()).looks_at(path)
    past = [t for t in looked if known[0] <= t <= known[1]]
    return _Trip(predictor, setting, observed_state(setting.cube, task, start, past), ticks)


def _stepper(predictor: Predictor, setting: Region, decision: MostLikely) -> PredictorStepper:
    return PredictorStepper(
        predictor,
        setting.assembler,
        tiling=Tiling(setting.experiment.samples.window, overlap=0),
        decision=decision,
        feedback=setting.experiment.training.handed_on,
    )


def _path(setting: Region, direction: Direction) -> list[int] | None:
    """The longest path of validation times in a direction, in the smallest stride they allow."""
    first, last = setting.split.validation
    every = first_labels(setting.assembler.task, setting.labels).ticks
    ticks = [t for t in every if first <= t <= last]
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
