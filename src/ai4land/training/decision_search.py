"""The decision's constants, searched by rollouts over the validation split."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ai4land.cube import State
from ai4land.metrics import RolloutScores
from ai4land.models import Calibration, Predictor
from ai4land.rollout import (
    ODDS,
    AllocationStepper,
    Decision,
    Decisions,
    Faithful,
    Likely,
    Outlook,
    PredictorStepper,
    Recurrence,
    Sampled,
    Stepper,
    Tiling,
    decision_of,
    observed_state,
    rollout,
    score_rollout,
)
from ai4land.samples import Labels
from ai4land.training.calibration import fit_reach
from ai4land.training.recurrence import fit_recurrence, share_back
from ai4land.training.setting import Region, first_labels
from ai4land.training.trainer import Progress
from ai4land.training.validation import map_scores
from ai4land.vocabulary import Direction

__all__ = ["choose_decisions"]

Judged = Sequence[tuple[Predictor, Region]]

_ROUNDS = 3  # of expecting, looking, and expecting more carefully
_LASTING = (0.0, 0.5, 0.8, 0.95)
_CONCEDED = 0.005  # accuracy by which a faithful map may fall behind the kernel's


def choose_decisions(
    judged: Judged, calibration: Mapping[str, Calibration], progress: Progress | None = None
) -> tuple[Decisions, dict[str, float]]:
    """Give every decision its constants on the validation split, and look at what they lead to.

    Odds are chosen as on land without labels, by what the probabilities expect at the end of the
    longest rollout that the validation times allow (``rollout.Outlook``); then the rollout is
    scored. Where it falls short of what the decision promises, accuracy of no change (``likely``)
    or of the kernel baseline (``faithful``), it must expect so much more: a margin that every later
    choice keeps. Models trained on different splits are each judged on what they have not seen.

    Args:
        judged: Models, each with the setting whose validation split it has not learned from.
        calibration: How their probabilities are scaled.
        progress: Called with what is done, what there is at most, and figures.

    Returns:
        The decisions, and scores as ``{decision}_{direction}_{score}``.
    """
    _, setting = judged[0]
    asks = setting.assembler.demand is not None
    balanced = setting.experiment.training.balanced and asks
    names = (Likely.name, Faithful.name) if asks else (Likely.name,)
    constants: dict[str, dict[str, Any]] = {name: {"balanced": balanced} for name in names}
    margins: dict[str, dict[str, float]] = {name: {} for name in names}
    recurrences: dict[str, dict[str, float]] = {}
    many: list[_Trip] = []  # of more than one step
    values: dict[str, float] = {}
    directions = setting.experiment.samples.directions
    done, most = itertools.count(1), len(directions) * len(names) * len(ODDS) * len(judged)

    def told(_done: int, _most: int, figures: dict[str, float]) -> None:
        if progress is not None:
            progress(min(next(done), most), most, figures)

    for direction in directions:
        found = (_trip(model, own, direction, calibration, balanced) for model, own in judged)
        trips = [trip for trip in found if trip is not None]
        if trips:
            recurrence = _recurrence(trips)
            recurrences[direction.value] = asdict(recurrence)
            trips = [replace(t, outlook=t.outlook.recurring(recurrence)) for t in trips]
            many += [trip for trip in trips if len(trip.ticks) > 1]
        for name in names if trips else ():
            odds, margin, scores = _settled(trips, name, told)
            constants[name][direction.value] = odds
            margins[name][direction.value] = margin
            values |= {f"{name}_{direction.value}_{key}": value for key, value in scores.items()}
    target = next(t.name for t in setting.assembler.task.targets if t.categorical)
    reach = fit_reach([(model, own.judge) for model, own in judged], target, calibration[target])
    sampled = Sampled(reach=round(reach, 2), balanced=balanced, closed=asks)
    constants[Sampled.name] = {
        "balanced": balanced,
        "closed": asks,
        "reach": sampled.reach,
        "lasting": round(_lasting(many, sampled), 2) if many else 0.0,
    }
    return Decisions(Decisions.preferred(asks), constants, margins, recurrences), values


def _recurrence(trips: Sequence[_Trip]) -> Recurrence:
    """How change strikes again, in the direction of some rollouts."""
    splits = []
    for trip in trips:
        path = _path(trip.setting, trip.direction, trip.setting.split.train)
        if path is not None:
            clock, own = trip.stepper.task.clock, trip.labels.target.clock
            ticks = list(dict.fromkeys(clock.convert(tick, own) for tick in path))
            splits.append((trip.labels, ticks, trip.setting.masks.train))
    return fit_recurrence([(t.outlook, t.labels) for t in trips], share_back(splits))


def _lasting(trips: Sequence[_Trip], sampled: Sampled) -> float:
    """How much of a member's noise must last, for as much to change as in the labels at the end."""
    below = 0.0, 0.0  # lasting, and how many times too much changes, as a logarithm
    for lasting in _LASTING:
        last = [t.model(replace(sampled, lasting=lasting)).leads[-1].three for t in trips]
        true, said = sum(t.observed_change for t in last), sum(t.simulated_change for t in last)
        over = float(np.log(max(said, 1.0) / max(true, 1.0)))
        if over <= 0.0:
            share = below[1] / (below[1] - over) if below[1] > over else 0.0
            return below[0] + share * (lasting - below[0])
        below = lasting, over
    return below[0]


def _settled(
    trips: Sequence[_Trip], name: str, progress: Progress | None
) -> tuple[float, float, dict[str, float]]:
    """Odds of a decision, the margin they needed, and scores of the rollouts under them."""
    margin = 0.0
    for _ in range(_ROUNDS):
        found = [trip.choose(name, margin, progress) for trip in trips]
        odds = float(np.exp(np.mean([np.log(stepper_odds) for stepper_odds, _ in found])))
        rolled = [trip.model(trip.decision(name, odds)) for trip in trips]
        bounds = [trip.bound(name) for trip in trips]
        short = [_shortfall(s, bound) for s, bound in zip(rolled, bounds, strict=True)]
        scores = _summary(rolled, bounds)
        scores |= {"odds": odds, "expected_gain": float(np.mean([e for _, e in found]))}
        if np.mean(short) <= 0.0:
            break
        margin += float(np.mean(short))
    return odds, margin, scores


def _shortfall(scores: RolloutScores, bound: RolloutScores | None) -> float:
    """Accuracy that is missing to what a decision promises, in the worst year; below 0 for none.

    Against no change a standard error counts as missing: a small split must not let a rule pass by
    luck (as in Breiman et al. 1984, Classification and Regression Trees, section 3.4.3). Against
    the kernel half a percentage point is conceded: areas are what is promised there.
    """
    three = [lead.three for lead in scores.leads]
    reached = np.array([t.reference_confusion.accuracy for t in three])
    if bound is not None:
        theirs = [lead.three.reference_confusion.accuracy for lead in bound.leads]
        return float(max(theirs - reached)) - _CONCEDED
    still = np.array([t.persistence.reference_confusion.accuracy for t in three])
    error = np.array([np.sqrt(t.hits + t.false_alarms) / t.total for t in three])
    return float(max(still - reached + error))


def _summary(
    rolled: Sequence[RolloutScores], bounds: Sequence[RolloutScores | None]
) -> dict[str, float]:
    """Scores at the end of the rollouts, persistence and kernel beside."""
    values = _mean_scores(rolled)
    kernels = [bound for bound in bounds if bound is not None]
    if kernels:
        theirs = _mean_scores(kernels)
        values |= {f"kernel_{key}": theirs[key] for key in ("figure_of_merit", "accuracy")}
    return values


def _mean_scores(rolled: Sequence[RolloutScores]) -> dict[str, float]:
    last = [map_scores(scores.leads[-1].three) for scores in rolled]
    return {key: float(np.mean([one[key] for one in last])) for key in last[0]}


@dataclass(frozen=True, eq=False)
class _Trip:
    """The longest rollout that a split's validation times allow in one direction."""

    stepper: PredictorStepper
    setting: Region
    initial: State
    ticks: list[int]
    direction: Direction
    balanced: bool
    outlook: Outlook

    @property
    def labels(self) -> Labels:
        """The maps of classes."""
        return next(v for v in self.setting.labels.values() if v.target.categorical)

    def decision(self, name: str, odds: float = 1.0) -> Decision:
        """A decision with the odds in both directions."""
        constants = {"forward": odds, "backward": odds, "balanced": self.balanced}
        return decision_of({"name": name, **constants})

    def choose(self, name: str, margin: float, progress: Progress | None) -> tuple[float, float]:
        """The odds that promise most, and the accuracy above no change that they expect."""
        decision = self.decision(name)
        assert isinstance(decision, Faithful | Likely)
        odds, tried = self.outlook.choose(decision, margin, progress)
        return odds, tried[odds].gain if odds in tried else 0.0

    def model(self, decision: Decision) -> RolloutScores:
        """Scores of the model under a decision."""
        return self._scores(self.stepper.with_decision(decision))

    def bound(self, name: str) -> RolloutScores | None:
        """Scores of what a decision must not fall behind; ``None`` for no change."""
        return self.kernel if name == Faithful.name else None

    @functools.cached_property
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
        return score_rollout(states, self.labels, mask=self.setting.masks.validation)


def _trip(
    predictor: Predictor,
    setting: Region,
    direction: Direction,
    calibration: Mapping[str, Calibration],
    balanced: bool,
) -> _Trip | None:
    """The rollout by which a model is judged; ``None`` if its times allow none."""
    path, known, task = _path(setting, direction), setting.known, setting.assembler.task
    if path is None or (len(path) > 2 and direction not in task.recursive):
        return None
    start, *ticks = path
    stepper = PredictorStepper(
        predictor,
        setting.assembler,
        tiling=Tiling(setting.experiment.samples.window, overlap=0),
        feedback=setting.experiment.training.handed_on,
        calibration=calibration,
    )
    past = [t for t in stepper.looks_at(path) if known[0] <= t <= known[1]]
    initial = observed_state(setting.cube, task, start, past)
    mask = setting.masks.validation
    outlook = Outlook(stepper, initial, ticks, balanced=balanced, mask=mask)
    return _Trip(stepper, setting, initial, ticks, direction, balanced, outlook)


def _path(
    setting: Region, direction: Direction, split: tuple[int, int] | None = None
) -> list[int] | None:
    """The longest path of a split's times in a direction, in the smallest stride they allow."""
    first, last = split or setting.split.validation
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
